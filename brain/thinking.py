"""The brain without a process around it: strategies, routes and rings, from a cold or a warm start.

restore   each route's target, stop and hash from the tail of its own DECISIONS
resume    MARKET at the record of the newest decision; what was decided is not said twice
think     drain; a stale lane is prepared from HISTORY and the loop goes on
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brain.history import Rows, run_before, runs_before
from brain.loop import FRAMES, HISTORY, IDLE, LOST, SHORT, drain
from brain.routes import Ports, Routes
from brain.strategies.loader import Strategy
from shm.jit import kernel
from shm.records import DECISION
from shm.ring import READ, after_lap, read

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
        self._lost = 0
        self._decisions_first = ports.decisions.sequence
        self._targets_first = ports.targets.sequence

    def start(self, epoch: int) -> int:
        """Restore what stood and find where to go on; the number of routes restored."""
        context = self.routes.context
        context["epoch"] = epoch
        decisions = self._ports.decisions
        wide = len(self.routes.strategies)
        newest = np.zeros((len(self.routes.lanes), wide), DECISION)
        _newest_by_route(decisions.ring, decisions.mask, decisions.sequence, newest, np.zeros(1, DECISION))
        known = newest[newest["kind"] == 1]
        for decision in known:
            self.routes.restore(decision)
        # the newest decision's candle may have routes that had no turn yet; the others only follow
        context["market_seq"] = known["market_seq"].max() if len(known) else self._ports.market.sequence
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
        partner = int(self.routes.lanes["partner"][lane])
        beside = run_before(self._history, partner, 0, instant_ns) if partner >= 0 else runs[0][:0]
        self.routes.prepare(lane, instant_ns, [*runs, beside], again=again)

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
