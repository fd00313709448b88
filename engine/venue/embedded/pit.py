"""One contract's market as it is played: the current minute's path, what was traded, and every candle so far.

    minutes:  [ past ........ closed ][ current ][ not told yet ...
                                       ^ position on its path, 0 .. path_ticks

Trades of the tape lie at the open, at each waypoint and where the market was asked to
stop; their volumes add up to the candle's.  What happens at a position happens at the
same market time however many points the minute has.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine import matching
from engine.venue.embedded import funding
from engine.venue.embedded.events import Candle, Quote, Trade
from engine.venue.embedded.market import CANDLE, INTERVALS_NS, MINUTE_NS, Market, aggregate, legs, path_ticks, waypoints
from engine.venue.embedded.reel import Reel
from engine.venue.embedded.ticks import TickMarket

MILLISECOND_NS = 1_000_000
MINUTE_MS = 60_000
TRADES_KEPT = 1000
PPM = 1_000_000
ID_STRIDE = 1024  # ids of one contract count in its own steps and never meet another's
SUMS = ("volume_e8", "quote_e4", "trades", "taker_volume_e8", "taker_quote_e4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a contract's book and mark are made of its candles."""

    spread_ticks: int = 1
    spread_ppm: int = 0
    depth_ppm: int = 20_000
    mark_minutes: int = 0
    queues: bool = False


class Pit:
    """Where one contract is traded."""

    def __init__(self, market: Market, row: int, rules: Rules) -> None:
        self.listing = market.listings[row]
        self.position = 0
        self.length = 0  # ticks of the current path
        self.candles_count = 0
        self.gaps_ns: list[int] = []
        self.open_ns = market.start_ns  # of the current minute, or the next one to begin
        self.playing = False
        self.has_begun = False  # the current minute
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.book = matching.book_of(0, rules.spread_ticks)
        self._market, self._row, self._rules = market, row, rules
        self.reel = None
        if isinstance(market, TickMarket):
            self.reel = Reel(market.tape(row), self.listing, market.start_ns)
        self._minutes = market.minutes(row, market.start_ns + MINUTE_NS)
        self._closed = int(np.searchsorted(self._minutes["open_ns"], market.start_ns))
        self._points: tuple[int, ...] = (0, 0, 0, 0)
        self._orders = self._fills = self._tape = 0
        first = self._minutes[max(0, self._closed - 1)] if len(self._minutes) else market.minutes(row, 1 << 62)[0]
        self.last_ticks = int(first["close"] if self._closed else first["open"])
        self.index = funding.Index(self.last_ticks)
        # A minute or less: the mark is the last price itself, at every moment.
        self._mark = funding.Index(self.last_ticks, rules.mark_minutes) if rules.mark_minutes else None
        self._show_depth()

    @property
    def mark_ticks(self) -> int:
        """The price that margin and profit are computed at: smoothed at each close, or the last price."""
        return self._mark.ticks if self._mark else self.last_ticks

    def next_order_id(self) -> int:
        """An id for an order or an algo order; never used twice, for no contract."""
        self._orders += 1
        return 8 * 10**9 + self._orders * ID_STRIDE + self.listing.row

    def next_fill_id(self) -> int:
        """An id for a trade of ours."""
        self._fills += 1
        return 10**9 + self._fills * ID_STRIDE + self.listing.row

    # the minute

    def begin(self) -> tuple[int, int] | None:
        """Start the minute: the jump (from, to) to its open, or None when nothing trades in it."""
        self._minutes = self._market.minutes(self._row, self.open_ns + MINUTE_NS)
        self.position = self.length = self._tape = 0
        self.playing, self.has_begun = False, True
        here = self._closed
        if here >= len(self._minutes) or self._minutes["open_ns"][here] != self.open_ns:
            if self.open_ns < self._market.end_ns:
                self.gaps_ns.append(self.open_ns)
            return None
        self.playing = True
        candle = self._minutes[here]
        self._points = self.reel.begin(self.open_ns) if self.reel else waypoints(candle)
        jump = (self.last_ticks, self._points[0])
        if candle["volume_e8"] == 0:
            # Nobody traded: nothing is visited, so nothing fills.
            self._points = (self._points[-1],) * 4
            return None
        self.length = path_ticks(self._points)
        if self._rules.queues:
            self.book["touch_lots"] = int(candle["volume_e8"]) // self.listing.lot_e8 // (self.length + 1)
        return jump

    def reach(self, at_ns: int) -> int:
        """Where the path is at a time within the minute."""
        if self.reel:
            return self.reel.position_at(at_ns) if self.playing else 0
        return self.length * ((at_ns - self.open_ns) // MILLISECOND_NS) // MINUTE_MS

    def walk(self, position: int) -> Iterator[tuple[int, int, int]]:
        """Go on to ``position`` of the path, leg by leg: (position, from, to); never back."""
        position = max(self.position, position)
        for leg in legs(self._points, self.position, position):
            self.last_ticks = leg[2]
            yield leg
        self.position = position

    def close(self) -> Candle | None:
        """End the minute; its candle, if it had one."""
        assert self.position == self.length, "a candle closes at the end of its path"
        candle = None
        if self.playing:
            record = self._minutes[self._closed]
            candle = Candle(*record.item())
            self.last_ticks = candle.close
            self._closed += 1
            self.candles_count += 1
            self.index.close(candle.close)
            if self._mark:
                self._mark.close(candle.close)
            self._show_depth()
        self.playing = self.has_begun = False
        self.open_ns += MINUTE_NS
        return candle

    @property
    def trades_now(self) -> bool:
        """Whether the source has a candle for the current minute, begun or not."""
        minutes = self._market.minutes(self._row, self.open_ns + MINUTE_NS)
        return self._closed < len(minutes) and bool(minutes["open_ns"][self._closed] == self.open_ns)

    def at_ns(self, position: int) -> int:
        """Market time at which the path is at ``position``."""
        if self.reel and self.playing:
            return self.reel.at_ns(position)
        share_ms = min(MINUTE_MS - 1, MINUTE_MS * position // self.length) if self.length else 0
        return self.open_ns + share_ms * MILLISECOND_NS

    def position_before(self, at_ns: int) -> int:
        """The last position of the path that is visited before ``at_ns``."""
        if self.reel:
            return self.reach(at_ns - 1)
        share_ms = (at_ns - self.open_ns - 1) // MILLISECOND_NS
        if share_ms >= MINUTE_MS - 1:
            return self.length
        return max(0, ((share_ms + 1) * self.length - 1) // MINUTE_MS)

    def peg_ticks(self, side: int, match: str) -> int | None:
        """How far from the last price ``match`` (priceMatch) is; None where the book shows no such level."""
        spread = int(self.book["spread_ticks"][0])
        who, _, rank = match.partition("_")
        level = int(rank or 1) - 1
        if level >= matching.LEVELS:
            return None
        offers = (side > 0) == (who == "OPPONENT")
        return spread - spread // 2 + level if offers else -(spread // 2) - level

    def _show_depth(self) -> None:
        """How the last closed candle shapes the book: its volume the depth, its range the spread."""
        volume_e8 = reach = 0
        if self._closed:
            newest = self._minutes[self._closed - 1]
            volume_e8, reach = int(newest["volume_e8"]), int(newest["high"]) - int(newest["low"])
        self.book["depth_lots"] = max(1, volume_e8 // self.listing.lot_e8 * self._rules.depth_ppm // PPM)
        self.book["spread_ticks"] = self._rules.spread_ticks + reach * self._rules.spread_ppm // PPM
        if self.reel and (quote := self.reel.quote):
            self.book["spread_ticks"] = quote.ask_ticks - quote.bid_ticks

    def displayed_lots(self, side: int, ticks: int) -> int:
        """What others show at a price, or would if the book went that far; nobody stands inside the spread."""
        spread = int(self.book["spread_ticks"][0])
        best = self.last_ticks - spread // 2 + (0 if side > 0 else spread)
        return int(self.book["depth_lots"][0]) if side * (ticks - best) <= 0 else 0

    # what the public sees

    def print_trade(self, position: int, side: int) -> Trade | None:
        """The tape's trade at ``position`` of the path: all volume since the one before."""
        if self.reel:
            return None  # its trades are told as they were recorded
        record = self._minutes[self._closed]
        volume_e8 = int(record["volume_e8"]) * (position + 1) // (self.length + 1) - self._tape
        if volume_e8 == 0:
            return None
        self._tape += volume_e8
        number = self.open_ns // MINUTE_NS * 16 + min(15, self._printed(record))
        trade = Trade(self.listing.id, self.at_ns(position), number, self.last_ticks, volume_e8, side)
        self.trades.append(trade)
        return trade

    def _printed(self, record: np.void) -> int:
        first = int(record["open_ns"]) // MINUTE_NS * 16
        newest = self.trades[-1].trade_id if self.trades else -1
        return newest - first + 1 if newest >= first else 0

    def replayed(self, until_ns: int) -> list[Trade | Quote]:
        """What was recorded since the last call."""
        found = self.reel.told(until_ns) if self.reel else []
        self.trades.extend(one for one in found if isinstance(one, Trade))
        return found

    def quotes(self, at_ns: int) -> list[Quote]:
        """The quote of the moment, to be told; none where recorded ones are."""
        return [] if self.reel and self.reel.has_quotes else [self.quote(at_ns)]

    def quote(self, at_ns: int) -> Quote:
        """Best bid and ask: as recorded, else around the last price."""
        if self.reel and (quote := self.reel.quote):
            return quote
        depth = int(self.book["depth_lots"][0])
        (bid, _), (ask, _) = (side[0] for side in self.depth(1))
        return Quote(self.listing.id, at_ns, at_ns // MILLISECOND_NS, bid, depth, ask, depth)

    def depth(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first, as (ticks, lots)."""
        lots, spread = int(self.book["depth_lots"][0]), int(self.book["spread_ticks"][0])
        bid = max(1, self.last_ticks - spread // 2)
        shown = range(min(levels, matching.LEVELS))
        bids = [(bid - level, lots) for level in shown if bid - level >= 1]
        return bids, [(bid + spread + level, lots) for level in shown]

    @property
    def is_forming(self) -> bool:
        """Whether the current minute has a candle yet."""
        return self.playing

    def forming(self) -> np.ndarray:
        """The current minute as far as it was played: one CANDLE, or none."""
        if self.reel and self.playing:
            return self.reel.forming()
        out = np.zeros(1 if self.playing else 0, CANDLE)
        if self.playing:
            whole = self._minutes[self._closed]
            seen = [self._points[0], *(leg[2] for leg in legs(self._points, 0, self.position))]
            out[0] = whole
            out["close"], out["high"], out["low"] = seen[-1], max(seen), min(seen)
            for name in SUMS:
                out[name] = int(whole[name]) * (self.position + 1) // (self.length + 1)
        return out

    def klines(self, interval: str, start_ns: int | None, end_ns: int | None, limit: int) -> np.ndarray:
        """At most ``limit`` candles that open in [start, end]: the earliest of them, or without a start the newest."""
        step = INTERVALS_NS[interval]
        first, last = self._bounds(step, start_ns, end_ns, limit)
        minutes = self._minutes[: self._closed]
        opens = minutes["open_ns"]
        begin, end = np.searchsorted(opens, first), np.searchsorted(opens, last)
        parts = [minutes[begin:end]]
        forming = self.forming()
        if len(forming) and first <= forming["open_ns"][0] < last:
            parts.append(forming)
        # The past ends where the minutes begin, and may have to be made: asked for only where it is wanted.
        if step >= INTERVALS_NS["1h"] and not (len(opens) and first >= opens[0]):
            hours = self._market.past(self._row)
            begin, end = np.searchsorted(hours["open_ns"], first), np.searchsorted(hours["open_ns"], last)
            parts.insert(0, hours[begin:end])
        candles = aggregate(np.concatenate(parts), step)
        return candles[:limit] if start_ns is not None else candles[-limit:]

    def _bounds(self, step: int, start_ns: int | None, end_ns: int | None, limit: int) -> tuple[int, int]:
        """Whole intervals: open of the first, end of the last."""
        stop = self.open_ns + MINUTE_NS if self.is_forming else self.open_ns
        last = stop if end_ns is None else min(stop, end_ns + 1)
        last = -(-last // step) * step
        if start_ns is None:
            # Intervals without a candle are not counted, so look further back than the limit.
            return last - 2 * limit * step, last
        return -(-start_ns // step) * step, last


class Follower(Protocol):
    """Another floor that trades on the same market (spot) and moves with it."""

    wants_ticks: bool

    def walk(self, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        """The price goes ``leg`` = (position, from, to)."""
        ...

    def forget_touches(self, symbol: str) -> None:
        """A new candle begins."""
        ...
