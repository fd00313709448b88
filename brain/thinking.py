"""The brain without a process around it: strategies, routes and rings, from a cold or a warm start.

restore   each route's target, stop and hash from the tail of its own DECISIONS
resume    MARKET at the record of the newest decision; what was decided is not said twice
think     drain; a stale lane is prepared from HISTORY and the loop goes on
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brain.history import Candles, Rows, run_before, runs_before
from brain.loop import FRAMES, HISTORY, IDLE, LOST, MINUTE_NS, SHORT, drain
from brain.routes import Ports, Routes
from brain.strategies.loader import Strategy
from shm.jit import kernel
from shm.records import DECISION
from shm.ring import READ, after_lap, read

OVERLAP = 4  # two minutes of an instrument and its spot
BATCH = 4096  # records until the pulse is written again


@kernel
def _newest_by_route(ring, mask, end, found, record):
    """Fill ``found`` with the newest decision of each route, walking back from ``end``; how many were looked at."""
    looked, left = 0, found.shape[0] * found.shape[1]
    for back in range(mask + 1):
        sequence = end - 1 - back
        if sequence < 0 or left == 0 or read(ring, mask, sequence, record.ctypes.data) != READ:
            break
        looked += 1
        one = record[0]
        known = one.kind == 1 and one.instrument < found.shape[0] and one.strategy < found.shape[1]
        if known and found[one.instrument, one.strategy].kind == 0:
            found[one.instrument, one.strategy] = one
            left -= 1
    return looked


@kernel
def _resumed(ring, mask, sequence):
    return after_lap(ring, mask, sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was met since the start of this epoch."""

    candles: int
    decisions: int
    targets: int
    holes: int
    repeats: int
    corrections: int
    malformed: int
    gaps: int
    cold: int
    lost: int


class Thinking:
    """Reads MARKET, writes TARGETS and DECISIONS; ``market_seq`` says how far."""

    def __init__(
        self,
        ports: Ports,
        history: Rows,
        strategies: Sequence[Strategy],
        ticks_e8: Sequence[int],
        valid_candles: int = 2,
    ) -> None:
        """Decide with ``strategies`` on the instruments of ``ticks_e8``."""
        self.routes = Routes(ports, strategies, ticks_e8, valid_candles * 60_000_000_000)
        self._ports, self._history = ports, history
        self._settles = max(strategy.settles for strategy in strategies)
        # a spot's minute stands before its contract's: who goes on in the middle of a minute has to hear it again
        self._overlap = OVERLAP * self.routes.instruments if len(self.routes.lanes) > self.routes.instruments else 0
        self._lost = 0
        self._decisions_first = ports.decisions.sequence
        self._targets_first = ports.targets.sequence

    def start(self, epoch: int) -> int:
        """Restore what stood and find where to go on; the number of routes restored."""
        context = self.routes.context
        context["epoch"] = epoch
        decisions = self._ports.decisions
        wide = len(self.routes.strategies)
        newest = np.zeros((self.routes.instruments, wide), DECISION)
        _newest_by_route(decisions.ring, decisions.mask, decisions.sequence, newest, np.zeros(1, DECISION))
        known = newest[newest["kind"] == 1]
        for decision in known:
            self.routes.restore(decision)
        # the newest decision's candle may have routes that had no turn yet; the others only follow
        context["market_seq"] = (
            max(0, known["market_seq"].max() - self._overlap) if len(known) else self._ports.market.sequence
        )
        return len(known)

    def think(self, limit: int = BATCH) -> int:
        """Decide what is there, up to ``limit`` records; how many were passed."""
        before = self.market_seq
        while (left := limit - (self.market_seq - before)) > 0:
            answer = drain(self.routes.address, left)
            if answer == HISTORY:
                self._prepare(int(self.routes.context["lane_wanted"][0]))
            elif answer == LOST:
                self._go_on_after_lap()
            elif answer == IDLE:
                break
        self.routes.give_back()
        return self.market_seq - before

    def _prepare(self, lane: int) -> None:
        instant_ns = int(self.routes.candle["open_ns"])
        wanted = int(self.routes.lanes["frames"][lane])
        frames_s = [seconds if wanted & (1 << k) else 0 for k, seconds in enumerate(self.routes.frames_s)]
        frames_s += [0] * (FRAMES - len(frames_s))
        runs, again = runs_before(self._history, lane, frames_s, instant_ns)
        if self.routes.lanes["stale"][lane] == SHORT and len(runs[0]) < self._settles:
            self.routes.keep(lane, instant_ns)
            return
        partner, spot = (int(self.routes.lanes[kind][lane]) for kind in ("partner", "spot"))
        runs += [self._minutes(partner, instant_ns), self._minutes(spot, instant_ns)]
        if spot >= 0 and self.routes.is_told(lane, instant_ns):
            # decided before a restart, and the spot's record stands before where the ring is read again
            with_it = self._minutes(spot, instant_ns + MINUTE_NS)
            runs[-1] = with_it if len(with_it) else runs[-1]
        self.routes.prepare(lane, instant_ns, runs, again=again)

    def _minutes(self, row: int, end_ns: int) -> Candles:
        return run_before(self._history, max(row, 0), 0, end_ns if row >= 0 else 0)

    def _go_on_after_lap(self) -> None:
        market = self._ports.market
        resumed = int(_resumed(market.ring, market.mask, self.market_seq))
        self._lost += resumed - self.market_seq
        self.routes.context["market_seq"] = resumed
        self.routes.forget()

    @property
    def market_seq(self) -> int:
        """Sequence of the next MARKET record; everything before it is decided and published."""
        return int(self.routes.context["market_seq"][0])

    @property
    def counts(self) -> Counts:
        """What was met so far."""
        context = self.routes.context[0]
        return Counts(
            decisions=int(context["decisions_seq"]) - self._decisions_first,
            targets=int(context["targets_seq"]) - self._targets_first,
            lost=self._lost,
            **{name: int(context[name]) for name in _MET},
        )


_MET = ("candles", "holes", "repeats", "corrections", "malformed", "gaps", "cold")
