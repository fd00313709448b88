"""The tables that the loop walks: a lane for each instrument, a route for each strategy on it.

lanes    [ BTC: routes 0..2 | ETH: routes 2..4 | its spot | its spot ]     the last two only where one looks at spots
routes   [ BTC trend | BTC mine | ETH trend | ETH mine ]
             |  state, what stands, waits: memory of its own, never moved
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from brain.loop import BROKEN, CONTEXT, FRAMES, LANE, MINUTE_NS, RECENT, ROUTE, SHORT, SOUND, WAITS_KEPT
from brain.strategies.base import WORKING
from brain.strategies.loader import Strategy
from brain.timeframes import FOLD
from brain.warming import prepare
from shm.jit import address_of
from shm.records import DECISION, MARKET, POSITION, TARGET, Unit
from shm.topology import position_row, spot_row

Array = np.ndarray[Any, np.dtype[Any]]
RISK_SCALE = 1_000_000.0  # a target's amount counts millionths of the risk budget


def partner_of(row: int) -> int:
    """Return whose candles a strategy of two instruments also sees: the first one's; and the first the second's."""
    return 1 if row == 0 else 0


def rows_of(strategies: Sequence[Strategy], instruments: int) -> int:
    """Return how many rows of minutes there are: the instruments', and their spots' where a strategy looks at them."""
    return instruments * (2 if any(strategy.spot_at >= 0 for strategy in strategies) else 1)


class Channel(Protocol):
    """A ring as a kernel sees it."""

    ring: int
    mask: int
    sequence: int


class Outlet(Channel, Protocol):
    """A ring that we write."""

    descriptors: int


class Positions(Protocol):
    """Table POSITIONS as a kernel sees it."""

    copies: int

    def address(self, row: int) -> int:
        """Address of ``row``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the loop reads and writes."""

    market: Channel
    targets: Outlet
    decisions: Outlet
    positions: Positions


class Routes:
    """Owns the loop's memory; ``context`` is what the kernels are given."""

    def __init__(self, ports: Ports, strategies: Sequence[Strategy], ticks_e8: Sequence[int], valid_ns: int) -> None:
        """Lay out lanes for instruments with these ``ticks_e8``, and a route for each of ``strategies`` on each."""
        self.ports, self.strategies = ports, tuple(strategies)
        count = len(ticks_e8) * len(strategies)
        self.frames_s = tuple(sorted({60, *(seconds for one in strategies for seconds in one.timeframes_s)}))
        assert len(self.frames_s) <= FRAMES, "brain.kernels refuses more timeframes"
        self.instruments, rows = len(ticks_e8), rows_of(strategies, len(ticks_e8))
        self.lanes, self.routes = np.zeros(rows, LANE), np.zeros(count, ROUTE)
        self.working = np.zeros(count, WORKING)
        self._folds = np.zeros((rows, FRAMES), FOLD)
        self._recent = np.zeros((rows, RECENT), MARKET)
        self._scratch = {name: np.zeros(1, dtype) for name, dtype in _SCRATCH.items()}
        self._rehearsal = np.zeros(256, np.uint8)  # a WORKING, and at 128 a POSITION
        self.waits_ns = np.zeros(WAITS_KEPT, np.int64)
        self._kept: list[Array] = []  # states and waits: the routes hold their addresses
        for number, tick_e8 in enumerate(ticks_e8):
            self._lay_lane(number, tick_e8)
        for number in range(self.instruments, rows):
            self._lay_spot(number)
        self.context = np.zeros(1, CONTEXT)
        self.address = address_of(self.context)
        self._connect(valid_ns)

    def _lay_lane(self, number: int, tick_e8: int) -> None:
        lane, wide = self.lanes[number : number + 1], len(self.strategies)
        lane["first"], lane["end"] = number * wide, (number + 1) * wide
        lane["tick_e8"], lane["stale"] = tick_e8, BROKEN
        lane["folds"] = address_of(self._folds[number])
        lane["frames"], lane["partner"], lane["spot"] = 0, -1, -1
        if any(strategy.other_at >= 0 for strategy in self.strategies) and self.instruments > 1:
            lane["partner"] = partner_of(number)
        if len(self.lanes) > self.instruments:
            lane["spot"] = spot_row(number, self.instruments)
        for index, strategy in enumerate(self.strategies):
            row = number * wide + index
            route = self.routes[row : row + 1]
            state = np.zeros(-(-strategy.state.itemsize // 8), np.int64)
            waits = np.array(strategy.waits, np.int64).reshape(-1, 2) + address_of(state)
            self._kept += [state, waits]
            frames = sum(1 << self.frames_s.index(seconds) for seconds in strategy.timeframes_s)
            route["decide"], route["settings_at"] = strategy.decide, address_of(strategy.settings)
            route["state_at"], route["state_bytes"] = address_of(state), state.nbytes
            if lane["partner"] >= 0 and strategy.other_at >= 0:
                route["other_at"] = address_of(state) + strategy.other_at
            if strategy.spot_at >= 0:
                route["spot_at"] = address_of(state) + strategy.spot_at
            route["waits_at"], route["waits"] = address_of(waits), len(waits)
            route["target_at"] = address_of(self.working[row : row + 1])
            route["position_at"] = self.ports.positions.address(position_row(number, index))
            route["instrument"], route["strategy"], route["frames"] = number, index, frames
            route["lowest"] = self.frames_s.index(strategy.timeframes_s[0])
            route["unit"], route["scale"] = int(Unit.RISK), RISK_SCALE
            lane["frames"] |= frames

    def _lay_spot(self, number: int) -> None:
        # no routes: it is looked at, and nothing is decided on it
        lane = self.lanes[number : number + 1]
        lane["tick_e8"], lane["stale"], lane["partner"], lane["spot"] = 1, BROKEN, -1, -1
        lane["folds"], lane["recent_at"] = address_of(self._folds[number]), address_of(self._recent[number])

    def _connect(self, valid_ns: int) -> None:
        context, ports = self.context, self.ports
        context["market"], context["market_mask"] = ports.market.ring, ports.market.mask
        for name, outlet in (("targets", ports.targets), ("decisions", ports.decisions)):
            context[name], context[f"{name}_mask"] = outlet.ring, outlet.mask
            context[f"{name}_seq"], context[f"{name}_bells"] = outlet.sequence, outlet.descriptors
        context["lanes_at"], context["lanes"] = address_of(self.lanes), len(self.lanes)
        context["routes_at"], context["position_copies"] = address_of(self.routes), ports.positions.copies
        for name, record in self._scratch.items():
            context[name] = address_of(record)
        context["frames_s"][0, : len(self.frames_s)] = self.frames_s
        context["valid_ns"], context["waits_at"] = valid_ns, address_of(self.waits_ns)

    def give_back(self) -> None:
        """Tell the rings' owners how far the loop has published and read."""
        self.ports.market.sequence = int(self.context["market_seq"][0])
        self.ports.targets.sequence = int(self.context["targets_seq"][0])
        self.ports.decisions.sequence = int(self.context["decisions_seq"][0])

    def restore(self, decision: np.void) -> None:
        """Make stand what ``decision``, the newest of its route, says that stood."""
        number, index = int(decision["instrument"]), int(decision["strategy"])
        if number >= self.instruments or index >= len(self.strategies):
            return
        row = number * len(self.strategies) + index
        route, working = self.routes[row : row + 1], self.working[row : row + 1]
        route["open_ns_last"], route["target_id"] = decision["open_ns"], decision["target_id"]
        route["hash"] = decision["inputs_hash"]
        working["amount"] = int(decision["amount"]) / RISK_SCALE
        working["stop"] = float(decision["stop_ticks"]) * float(self.lanes["tick_e8"][number]) / 1e8

    def prepare(self, number: int, instant_ns: int, runs: Sequence[Array], *, again: bool) -> None:
        """Warm lane ``number`` up to the candle that opens at ``instant_ns``; ``again``: look once more soon.

        ``runs``: one for each timeframe, then the partner's minutes and the spot's.
        """
        runs = [np.ascontiguousarray(run) for run in runs]
        places = np.array([address_of(run) for run in runs], np.int64)
        self._rehearsal[:] = 0
        prepare(self.address, number, places, np.array([len(run) for run in runs]), address_of(self._rehearsal))
        lane = self.lanes[number : number + 1]
        lane["prepared_ns"], lane["open_ns_last"] = instant_ns, instant_ns - MINUTE_NS
        lane["stale"] = SHORT if again else SOUND

    def keep(self, number: int, instant_ns: int) -> None:
        """Leave lane ``number`` as it is at this candle: HISTORY knows less than its states do."""
        self.lanes["prepared_ns"][number] = instant_ns

    def is_told(self, number: int, open_ns: int) -> bool:
        """Return whether every route of lane ``number`` has decided on that minute already."""
        lane = self.lanes[number]
        return bool((self.routes["open_ns_last"][int(lane["first"]) : int(lane["end"])] >= open_ns).all())

    def forget(self) -> None:
        """Every lane has to be prepared again: records were lost."""
        self.lanes["stale"] = BROKEN
        self.lanes["prepared_ns"] = 0

    @property
    def candle(self) -> np.void:
        """The record that the loop stands at."""
        record: np.void = self._scratch["candle_at"][0]
        return record


_SCRATCH = {"candle_at": MARKET, "position_at": POSITION, "decision_at": DECISION, "target_at": TARGET}
