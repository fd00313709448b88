"""A recorded tape as it is played: which trades a minute visits, and what was told by when.

trades   100  101  101  99         positions 0  1  1  3      ticks walked until each of them
         :02  :05  :31 :58         a position is reached when its trade was
"""

from typing import NamedTuple

import numpy as np

from engine.venue.embedded.events import Quote, Trade
from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from engine.venue.embedded.ticks import Tape, candles_of, in_ticks

MS = 1_000_000


class Minute(NamedTuple):
    """The trades [first, last) of the tape that are played now, and the ticks walked until each."""

    open_ns: int
    first: int
    last: int
    positions: np.ndarray


class Reel:
    """The tape of one contract, on its way through the minutes."""

    def __init__(self, tape: Tape, contract: Listing, start_ns: int) -> None:
        self._tape, self._contract = tape, contract
        trades, quotes = tape.trades, tape.quotes
        self._ticks = in_ticks(trades["price"], contract)
        self._volumes_e8 = np.rint(trades["quantity"] * E8).astype(np.int64)
        self._traded = int(np.searchsorted(trades["at_ns"], start_ns))
        self._quoted = int(np.searchsorted(quotes["at_ns"], start_ns))
        self._minute = Minute(start_ns, self._traded, self._traded, np.zeros(0, np.int64))

    def begin(self, open_ns: int) -> tuple[int, ...]:
        """The prices that the minute visits, from its first trade to its last; none where nobody traded."""
        first, last = np.searchsorted(self._tape.trades["at_ns"], (open_ns, open_ns + MINUTE_NS)).tolist()
        ticks = self._ticks[first:last]
        positions = np.concatenate(([0], np.cumsum(np.abs(np.diff(ticks))))) if len(ticks) else ticks
        self._minute = Minute(open_ns, first, last, positions)
        return tuple(ticks.tolist())

    def position_at(self, at_ns: int) -> int:
        """How far along its path the trades before ``at_ns`` have taken the minute."""
        minute = self._minute
        count = int(np.searchsorted(self._tape.trades["at_ns"][minute.first : minute.last], at_ns))
        return int(minute.positions[count - 1]) if count else 0

    def at_ns(self, position: int) -> int:
        """When the path was at ``position``."""
        minute = self._minute
        index = minute.first + int(np.searchsorted(minute.positions, position))
        return int(self._tape.trades["at_ns"][min(index, minute.last - 1)])

    def told(self, until_ns: int) -> list[Trade | Quote]:
        """Trades and quotes since the last call, as they were recorded, in order of time."""
        trades, quotes = self._tape.trades, self._tape.quotes
        traded, quoted = self._traded, self._quoted
        self._traded = int(np.searchsorted(trades["at_ns"], until_ns))
        self._quoted = int(np.searchsorted(quotes["at_ns"], until_ns))
        found: list[Trade | Quote] = [self._quote(index) for index in range(quoted, self._quoted)]
        found += [self._trade(index) for index in range(traded, self._traded)]
        return sorted(found, key=lambda one: one.at_ns)

    @property
    def quote(self) -> Quote | None:
        """The newest quote that was told; None before the first."""
        return self._quote(self._quoted - 1) if self._quoted else None

    @property
    def has_quotes(self) -> bool:
        """Whether quotes were recorded at all."""
        return len(self._tape.quotes) > 0

    def forming(self) -> np.ndarray:
        """The candle of the minute's trades that were told: one, or none."""
        begun = self._tape.trades[self._minute.first : self._traded]
        return candles_of(begun, self._contract) if len(begun) else np.zeros(0, CANDLE)

    def _trade(self, index: int) -> Trade:
        row = self._tape.trades[index]
        number, at_ns = int(row["id"]) or index + 1, int(row["at_ns"])
        price, volume_e8 = int(self._ticks[index]), int(self._volumes_e8[index])
        return Trade(self._contract.id, at_ns, number, price, volume_e8, int(row["side"]))

    def _quote(self, index: int) -> Quote:
        row, contract = self._tape.quotes[index], self._contract
        bid, ask = in_ticks(np.array([row["bid"], row["ask"]]), contract).tolist()
        lots = np.rint(np.array([row["bid_quantity"], row["ask_quantity"]]) * E8 / contract.lot_e8).astype(int).tolist()
        at_ns = int(row["at_ns"])
        return Quote(contract.id, at_ns, index + 1, bid, lots[0], ask, lots[1])
