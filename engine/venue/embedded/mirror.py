"""The market of another exchange, as it comes in: its candles and trades are the prices that paper orders meet.

    trade    jump to its price                                    hear
    candle   first the high and low that no trade told, then      close
             its close; all of its path where no trade was heard
    none     nobody knows that minute: time passes                skip

Nothing is ahead of the market: ``now_ns`` is the time of what was heard last, and a request
meets the newest price.  What was heard is written down like any request, so that a killed
process begins again with the same orders, fills and money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.venue.embedded import funding
from engine.venue.embedded.chronicle import recorded
from engine.venue.embedded.events import Candle, CandleUpdate, Event, Trade
from engine.venue.embedded.exchange import Exchange, Grid, Settings
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS, Market, waypoints
from engine.venue.embedded.pit import MILLISECOND_NS, Pit, Rules
from shm.instruments import Instrument

NEVER_ENDS = 1 << 62
TICKS_MAX = 10**9


class Step(NamedTuple):
    """One thing that was heard of a contract: a trade, or with no volume another spread."""

    row: int
    at_ns: int
    ticks: int
    volume_e8: int
    side: int  # +1 the buyer took
    spread_ticks: int  # of the newest quote; 0: none was heard


@dataclass(slots=True)
class Heard:
    """What trades told of one minute."""

    open: int
    high: int
    low: int
    close: int
    volume_e8: int = 0
    trades: int = 0


def listing_of(instrument: Instrument) -> Listing:
    """The contract that an INSTRUMENTS row is about."""
    pair, _, _ = instrument.symbol.partition(":")
    base, _, quote = pair.partition("/")
    names = ("row", "symbol", "tick_e8", "lot_e8", "lots_min", "lots_max", "market_lots_max", "notional_min")
    same = {name: getattr(instrument, name) for name in (*names, "leverage_max")}
    return Listing(id=base + quote, base=base, quote=quote, ticks_min=1, ticks_max=TICKS_MAX, **same)


class MirrorMarket:
    """The Market of candles that come in one by one, after a past that is known at the start."""

    def __init__(self, listings: Sequence[Listing], past: Sequence[np.ndarray]) -> None:
        """``past``: the closed 1m CANDLEs of each contract, oldest first; of one at least."""
        self.listings = tuple(listings)
        self.start_ns = max(int(candles["open_ns"][-1]) for candles in past if len(candles)) + MINUTE_NS
        self.end_ns = NEVER_ENDS
        self.silent = frozenset(row for row, candles in enumerate(past) if not len(candles))
        self._rows = [candles.copy() if len(candles) else self._unknown() for candles in past]
        self._counts = [len(candles) for candles in self._rows]

    def _unknown(self) -> np.ndarray:
        """The past of a contract that nobody knows one of: a minute at the lowest price, in which nobody traded."""
        candle = np.zeros(1, CANDLE)
        candle["open_ns"] = self.start_ns - MINUTE_NS
        for name in ("open", "high", "low", "close"):
            candle[name] = 1
        return candle

    def take(self, row: int, candle: Candle) -> None:
        """Another minute of ``row`` has closed."""
        count = self._counts[row]
        if count == len(self._rows[row]):
            self._rows[row] = np.concatenate((self._rows[row], np.zeros(count, CANDLE)))
        self._rows[row][count] = candle
        self._counts[row] += 1

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Every candle so far that opens before ``until_ns``."""
        known = self._rows[row][: self._counts[row]]
        return known[: np.searchsorted(known["open_ns"], until_ns)]

    def past(self, row: int) -> np.ndarray:
        """No hours: the past is as many minutes as it is."""
        return self._rows[row][:0]


class MirrorPit(Pit):
    """Where a mirrored contract is traded."""

    _quoted_ticks = 0  # between the real best bid and ask

    def __init__(self, market: Market, row: int, rules: Rules) -> None:
        super().__init__(market, row, rules)
        self._heard: dict[int, Heard] = {}  # by minute: a trade may overtake the candle of the minute before
        self._heard_ns = market.start_ns

    @property
    def ahead_ticks(self) -> int | None:
        """The newest price that was heard of a minute that is not closed."""
        return self._heard[max(self._heard)].close if self._heard else None

    def note(self, step: Step) -> Trade | None:
        """Take down what was heard; the trade as the public sees it."""
        if step.spread_ticks:
            self._quoted_ticks = step.spread_ticks
            self.book["spread_ticks"] = step.spread_ticks
        if not step.volume_e8:
            return None
        open_ns = step.at_ns // MINUTE_NS * MINUTE_NS
        heard = self._heard.setdefault(open_ns, Heard(step.ticks, step.ticks, step.ticks, step.ticks))
        heard.high, heard.low, heard.close = max(heard.high, step.ticks), min(heard.low, step.ticks), step.ticks
        heard.volume_e8 += step.volume_e8
        heard.trades += 1
        self._tape += 1
        trade = Trade(self.listing.id, step.at_ns, self._tape, step.ticks, step.volume_e8, step.side)
        self.trades.append(trade)
        return trade

    def meet(self, ticks: int) -> None:
        """The first price that is heard of a contract without a past: its index and mark begin there."""
        self.last_ticks = ticks
        self.index = funding.Index(ticks)
        self._mark = funding.Index(ticks, self._rules.mark_minutes) if self._rules.mark_minutes else None

    def at(self, at_ns: int) -> None:
        """It is ``at_ns`` now; what happens from here on happened then."""
        self._heard_ns = max(self._heard_ns, at_ns)

    def at_ns(self, position: int) -> int:  # noqa: ARG002 - every position of a path is heard of at once
        """Market time: that of what was heard last."""
        return self._heard_ns

    def begin(self) -> tuple[int, int] | None:
        """Start a minute that has closed: the jump to its open; None where its trades were heard already."""
        tape = self._tape
        jump = super().begin()
        self._tape = tape
        if self.open_ns in self._heard and jump is not None:
            self._points, self.length = (self.last_ticks,) * 4, 0
            return None
        return jump

    def untold(self, candle: Candle) -> list[int]:
        """The prices of a closed minute that its trades did not tell, in order; nothing if none was heard."""
        heard = self._heard.get(candle.open_ns)
        if heard is None:
            return []
        extremes = waypoints(np.array([candle], CANDLE)[0])[1:3]
        last = candle.close if max(self._heard) == candle.open_ns else self.last_ticks
        return [*(ticks for ticks in extremes if not heard.low <= ticks <= heard.high), last]

    def close(self) -> Candle | None:
        """End the minute."""
        self._heard = {open_ns: heard for open_ns, heard in self._heard.items() if open_ns > self.open_ns}
        return super().close()

    def skip(self) -> None:
        """A minute passes of which nobody has a candle."""
        self.gaps_ns.append(self.open_ns)
        self._heard.pop(self.open_ns, None)
        self.open_ns += MINUTE_NS

    def print_trade(self, position: int, side: int) -> Trade | None:  # noqa: ARG002 - the shape of every pit
        """Nothing: its trades are told as they were heard."""
        return None

    @property
    def is_forming(self) -> bool:
        """Whether a trade of the current minute was heard."""
        return self.open_ns in self._heard

    def forming(self) -> np.ndarray:
        """The current minute as far as trades told it."""
        heard = self._heard.get(self.open_ns)
        out = np.zeros(1 if heard else 0, CANDLE)
        if heard:
            out["open_ns"] = self.open_ns
            for name in ("open", "high", "low", "close", "volume_e8", "trades"):
                out[name] = getattr(heard, name)
            middle = (heard.open + heard.high + heard.low + heard.close) * self.listing.tick_e8 // 4
            out["quote_e4"] = heard.volume_e8 * middle // 10**12
            out["taker_volume_e8"], out["taker_quote_e4"] = heard.volume_e8 // 2, out["quote_e4"] // 2
        return out

    def _show_depth(self) -> None:
        super()._show_depth()
        if self._quoted_ticks:
            self.book["spread_ticks"] = self._quoted_ticks


class MirrorExchange(Exchange):
    """An exchange whose prices are another's."""

    pit_type = MirrorPit

    def __init__(self, market: MirrorMarket, settings: Settings) -> None:
        assert settings.points_per_candle == 1, "it moves when the market does"
        super().__init__(market, settings)
        self._incoming = market
        self._mirrored = [pit for pit in self._pits.values() if isinstance(pit, MirrorPit)]
        self._unmet = set(market.silent)  # rows of which no price was heard yet

    @property
    def minutes_count(self) -> int:
        """How many minutes every contract is past."""
        return (self._minute_ns - self.start_ns) // MINUTE_NS

    def pit_of(self, row: int) -> MirrorPit:
        """Where the contract of ``row`` is traded."""
        return self._mirrored[row]

    @recorded
    def hear(self, steps: Sequence[Sequence[int]]) -> None:
        """Trades and spreads (Steps as plain tuples), in order of time; those of a minute that has closed are late."""
        for step in (Step(*one) for one in steps):
            pit = self._mirrored[step.row]
            if step.at_ns < pit.open_ns:
                continue
            self._pass(pit, step.at_ns)
            if step.volume_e8:
                self._meet(step.row, step.ticks)
            trade = pit.note(step)
            self._jump(pit, step.ticks)
            if self._is_heard:
                self._outbox += [trade] if trade else []
                self._show(pit)

    @recorded
    def close(self, row: int, values: Sequence[int]) -> None:
        """A minute (Candle) has closed; one that is known already is nothing new."""
        pit, candle = self._mirrored[row], Candle(*values)
        if candle.open_ns < pit.open_ns:
            return
        while pit.open_ns < candle.open_ns:
            pit.skip()
        self._meet(row, candle.open)
        self._incoming.take(row, candle)
        self._pass(pit, candle.open_ns + MINUTE_NS)
        for ticks in pit.untold(candle):
            self._jump(pit, ticks)
        self._begin(pit)
        self._walk(pit, pit.length)
        closed = pit.close()
        assert closed is not None, "the candle was taken"
        if pit.ahead_ticks is not None:
            # The price stays where a trade of the next minute has put it.
            self._jump(pit, pit.ahead_ticks)
        self._tell_closed(pit, closed)
        self._settle()

    @recorded
    def skip(self, row: int, open_ns: int) -> None:
        """Nobody has a candle of the minute of ``open_ns``."""
        pit = self._mirrored[row]
        while pit.open_ns <= open_ns:
            pit.skip()
        self._settle()

    def advance(self) -> list[Event]:
        """Nothing but what is waiting to be told: the market moves by itself."""
        return self.drain()

    def grid(self) -> tuple[Grid, ...]:
        """Per symbol, how many candles closed and which minutes have none."""
        return tuple(
            Grid(pit.listing.id, self.start_ns, pit.open_ns, pit.candles_count, tuple(pit.gaps_ns))
            for pit in self._mirrored
        )

    def _pass(self, pit: MirrorPit, at_ns: int) -> None:
        """Time passes until ``at_ns``; what was good till then expires."""
        books = [(account, account.book(pit.listing.id)) for account in self._accounts.values()]
        for deadline_ms in sorted({date for _, book in books for date in book.deadlines(at_ns // MILLISECOND_NS)}):
            for account, _ in books:
                self._clearing.outlive(account, pit, deadline_ms)
        pit.at(at_ns)
        self.now_ns = max(self.now_ns, at_ns)

    def _meet(self, row: int, ticks: int) -> None:
        if row in self._unmet:
            self._unmet.remove(row)
            self._mirrored[row].meet(ticks)

    def _jump(self, pit: MirrorPit, ticks: int) -> None:
        before, pit.last_ticks = pit.last_ticks, ticks
        if before != ticks:
            self._match(pit, (0, before, ticks), jumps=True)

    def _tell_closed(self, pit: MirrorPit, candle: Candle) -> None:
        if self._is_heard:
            self._outbox += pit.quotes(self.now_ns)
        self._outbox.append(CandleUpdate(pit.listing.id, self.now_ns, candle, True))
        for account in self._accounts.values():
            account.book(pit.listing.id).forget_touches(int(pit.book["depth_lots"][0]))
            self._clearing.mark(account, pit, self.now_ns)
        for follower in self.followers:
            follower.forget_touches(pit.listing.id)

    def _settle(self) -> None:
        """Funding and liquidation, once every contract is past a minute; one that was never heard of keeps nobody."""
        silent = self._incoming.silent
        heard = [pit for row, pit in enumerate(self._mirrored) if pit.candles_count or row not in silent]
        while self._minute_ns < min(pit.open_ns for pit in heard):
            self._minute_ns += MINUTE_NS
            self._settlement.close(self._accounts.values(), self._minute_ns)
