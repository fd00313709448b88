"""The embedded exchange without its sockets: told what to do and when to move; it knows no clock and no wire.

    Market --candles--> Exchange --events--> whoever serves them
                          |  ^
       place cancel query |  | advance()
                          v  |
             Books (orders) and Ledger (money), per account

How to use it::

    exchange = Exchange(market, Settings(points_per_candle=1))
    exchange.deposit("paper", 10_000 * 10**8)                 # opens the account; minor units of 1e-8 USDT
    answer = exchange.place("paper", PlaceOrder(...))         # Order | AlgoOrder | Refusal
    events = exchange.drain()                                 # what that caused, in order
    events = exchange.advance()                               # the market moves by one point

* ``now_ns`` is market time.  Before the first ``advance`` it is the market's start.
* ``advance`` moves every symbol by 1/K of its current minute (K = points_per_candle);
  the K-th closes the candles (CandleUpdate with ``closed``) and ``now_ns`` is then the
  minute boundary exactly.  Fills do not depend on K.  It returns everything in the
  outbox (private events first caused, in order), so ``drain`` is for after ``place`` and ``cancel``.
* ``closes_in`` says how many more points close the minute; ``is_over`` that a file's market ended.
* With a latency, a request first lets the market of its contract go on until it arrives.
* Symbols are exchange ids (``BTCUSDT``); unknown ones are a Refusal -1121.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from engine.venue.embedded import funding
from engine.venue.embedded.account import Account
from engine.venue.embedded.chronicle import Chronicle, recorded
from engine.venue.embedded.clearing import Clearing
from engine.venue.embedded.desk import Desk
from engine.venue.embedded.enquiries import Enquiries
from engine.venue.embedded.events import AccountUpdate, Candle, CandleUpdate, Event, Quote, Trade
from engine.venue.embedded.latency import Delay, Journey
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.margin import objection_to_leverage
from engine.venue.embedded.market import INTERVALS_NS, MINUTE_NS, Market
from engine.venue.embedded.orders import AlgoOrder, Order, Payment, PlaceOrder, Refusal
from engine.venue.embedded.pit import MILLISECOND_NS, MINUTE_MS, Follower, Pit, Rules
from engine.venue.embedded.settlement import Settlement

POINTS_MAX = 8
UNKNOWN_SYMBOL = Refusal(-1121, "Invalid symbol.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the market is played and what it costs."""

    points_per_candle: int = 1
    spread_ticks: int = 1
    spread_ppm: int = 0  # share of the last closed candle's range that the spread is wider; 0: always the same
    depth_ppm: int = 20_000  # share of the last closed candle's volume that each level shows
    taker_ppm: int = 500
    maker_ppm: int = 200
    leverage: int = 20  # of every symbol until changed
    mark_minutes: int = 0  # over how many the mark is smoothed; 0: it is the last price
    pays_funding: bool = False
    fills: str = "candle"  # or "queue": resting orders wait behind what is displayed
    order_latency_ms: int = 0  # of market time, until a request reaches the book
    order_jitter_ms: int = 0  # at most so much more, evenly drawn
    feed_latency_ms: int = 0  # of market time, until what happened reaches a client
    feed_jitter_ms: int = 0
    latency_seed: int = 0
    tells_ticks: bool = True  # whether Trade, Quote and unclosed CandleUpdate events are made at all

    def __post_init__(self) -> None:
        if not 1 <= self.points_per_candle <= POINTS_MAX:
            raise ValueError(f"points_per_candle must be 1 to {POINTS_MAX}")
        if min(self.spread_ticks, self.leverage) < 1 or min(self.depth_ppm, self.spread_ppm) < 0:
            raise ValueError("spread_ticks and leverage must be 1 or more, depth_ppm and spread_ppm 0 or more")
        if self.fills not in ("candle", "queue"):
            raise ValueError("fills must be candle or queue")
        Delay(self.order_latency_ms, self.order_jitter_ms)
        Delay(self.feed_latency_ms, self.feed_jitter_ms)


@dataclass(frozen=True, slots=True)
class Grid:
    """How many candles of a symbol closed since the market's start, and which minutes had none."""

    symbol: str
    start_ns: int
    until_ns: int  # open of the next minute
    candles_count: int
    gaps_ns: tuple[int, ...]  # open times of the minutes that the source lacks


class Exchange(Enquiries):
    """The whole of it."""

    floor = ""  # what its chronicle calls it
    pit_type: type[Pit] = Pit

    def __init__(self, market: Market, settings: Settings) -> None:
        self.settings, self.listings = settings, market.listings
        self.by_id: Mapping[str, Listing] = {listing.id: listing for listing in market.listings}
        self.start_ns = self.now_ns = market.start_ns
        self.tells_ticks = settings.tells_ticks
        self.followers: list[Follower] = []
        self.market = market
        rules = Rules(
            spread_ticks=settings.spread_ticks,
            spread_ppm=settings.spread_ppm,
            depth_ppm=settings.depth_ppm,
            mark_minutes=settings.mark_minutes,
            queues=settings.fills == "queue",
        )
        self._pits = {listing.id: self.pit_type(market, listing.row, rules) for listing in market.listings}
        self._accounts: dict[str, Account] = {}
        self._outbox: list[Event] = []
        clearing = Clearing(self._pits, (settings.taker_ppm, settings.maker_ppm), self._outbox.append)
        self._clearing, self._desk = clearing, Desk(self._pits, clearing)
        self._settlement = Settlement(self._pits, clearing, self._outbox.append, pays_funding=settings.pays_funding)
        self._minute_ns = market.start_ns  # open of the minute that is played, or the next to begin
        self._point = 0  # points of it that were played
        self._journey = Journey(Delay(settings.order_latency_ms, settings.order_jitter_ms), settings.latency_seed)
        self.advances = 0  # points played since the market's start
        self.chronicle: Chronicle | None = None  # set when it has been played: from then on it is written

    def character(self, seed: int) -> dict[str, Any]:
        """What its chronicle belongs to: market and settings; ``seed`` is the market's."""
        market = {"seed": seed, "start_ns": self.start_ns, "contracts": [listing.id for listing in self.listings]}
        return {"market": market, "settings": asdict(self.settings)}

    # the market

    @property
    def is_over(self) -> bool:
        """Whether a file's market has nothing more to play."""
        return self._minute_ns >= self.market.end_ns

    @property
    def closes_in(self) -> int:
        """Points until the minute closes."""
        return self.settings.points_per_candle - self._point

    @property
    def _is_heard(self) -> bool:
        return self.tells_ticks or any(follower.wants_ticks for follower in self.followers)

    def pit(self, symbol: str) -> Pit:
        """Where a contract is traded."""
        return self._pits[symbol]

    def drain(self) -> list[Event]:
        """What happened since the last call, in order."""
        # The outbox itself stays: the clearing holds on to it.
        events = self._outbox.copy()
        self._outbox.clear()
        return events

    def advance(self) -> list[Event]:
        """Move every symbol by one point; nothing once the market is over."""
        if self.is_over:
            return self.drain()
        points = self.settings.points_per_candle
        self._point += 1
        self.advances += 1
        if self.chronicle is not None:
            self.chronicle.advanced(self.advances)
        closes = self._point == points
        until_ns = self._minute_ns + MINUTE_MS * self._point // points * MILLISECOND_NS
        for pit in self._pits.values():
            self._play(pit, until_ns)
        self.now_ns = until_ns
        if closes:
            self._close()
        elif self._is_heard:
            for pit in self._pits.values():
                self._show(pit)
        return self.drain()

    def _play(self, pit: Pit, until_ns: int) -> None:
        self._begin(pit)
        books = (account.book(pit.listing.id) for account in self._accounts.values())
        for deadline_ms in sorted({date for book in books for date in book.deadlines(until_ns // MILLISECOND_NS)}):
            # What is good till then trades until just before it.
            self._walk(pit, pit.position_before(deadline_ms * MILLISECOND_NS))
            for account in self._accounts.values():
                self._clearing.outlive(account, pit, deadline_ms)
        self._walk(pit, pit.reach(until_ns))
        replayed = pit.replayed(until_ns)
        if self._is_heard:
            self._outbox += replayed

    def _begin(self, pit: Pit) -> None:
        if pit.has_begun:
            return
        jump = pit.begin()
        if jump:
            pit.last_ticks = jump[1]
            self._match(pit, (0, *jump), jumps=True)
            self._print(pit, 0, 1 if jump[1] >= jump[0] else -1)

    def _walk(self, pit: Pit, position: int) -> None:
        for leg in pit.walk(position):
            self._match(pit, leg)
            self._print(pit, leg[0] + abs(leg[2] - leg[1]), 1 if leg[2] > leg[1] else -1)

    def _reach(self, symbol: str) -> int:
        """A request is on its way: the contract's market goes on until it arrives; when that is."""
        at_ns = self._journey.arrival_ns(self.now_ns)
        pit = self._pits.get(symbol)
        if pit is None or at_ns == self.now_ns or self.is_over or not pit.trades_now:
            return at_ns
        self._begin(pit)
        self._walk(pit, pit.position_before(at_ns + 1))
        return at_ns

    def _match(self, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        for account in self._accounts.values():
            self._clearing.walk(account, pit, leg, jumps=jumps)
        for follower in self.followers:
            follower.walk(pit, leg, jumps=jumps)

    def _print(self, pit: Pit, position: int, side: int) -> None:
        trade = pit.print_trade(position, side) if self._is_heard else None
        if trade:
            self._outbox.append(trade)

    def _show(self, pit: Pit) -> None:
        for row in pit.forming():
            self._outbox += pit.quotes(self.now_ns)
            self._outbox.append(CandleUpdate(pit.listing.id, self.now_ns, Candle(*row.item()), False))

    def _close(self) -> None:
        self._minute_ns += MINUTE_NS
        self._point = 0
        assert self.now_ns == self._minute_ns, "a candle closes at the minute's boundary"
        for pit in self._pits.values():
            candle = pit.close()
            if candle is None:
                continue
            if self._is_heard:
                self._outbox += pit.quotes(self.now_ns)
            self._outbox.append(CandleUpdate(pit.listing.id, self.now_ns, candle, True))
            for account in self._accounts.values():
                account.book(pit.listing.id).forget_touches(int(pit.book["depth_lots"][0]))
                self._clearing.mark(account, pit, self.now_ns)
            for follower in self.followers:
                follower.forget_touches(pit.listing.id)
        self._settlement.close(self._accounts.values(), self.now_ns)

    def klines(self, symbol: str, interval: str, start_ns: int | None, end_ns: int | None, limit: int) -> np.ndarray:
        """CANDLE records (market.py); the last may be the forming one, as on the exchange."""
        return self._pits[symbol].klines(interval, start_ns, end_ns, limit)

    def forming(self, symbol: str, interval: str) -> Candle | None:
        """The candle of ``interval`` as it stands now, or stood when it closed; None when it has none yet."""
        step = INTERVALS_NS[interval]
        candles = self.klines(symbol, interval, (self.now_ns - 1) // step * step, None, 1)
        return Candle(*candles[0].item()) if len(candles) else None

    def recent_trades(self, symbol: str, limit: int) -> list[Trade]:
        """The newest trades of the tape, oldest first."""
        trades = self._pits[symbol].trades
        return list(islice(trades, max(0, len(trades) - limit), None))

    def depth(self, symbol: str, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Bids and asks, best first, as (ticks, lots)."""
        return self._pits[symbol].depth(levels)

    def book_ticker(self, symbol: str) -> Quote:
        """Best bid and ask."""
        return self._pits[symbol].quote(self.now_ns)

    def last_ticks(self, symbol: str) -> int:
        """The last price."""
        return self._pits[symbol].last_ticks

    def mark_ticks(self, symbol: str) -> int:
        """The mark: the last price, smoothed where the settings say so."""
        return self._pits[symbol].mark_ticks

    def marks(self, symbol: str) -> funding.Marks:
        """Mark, index and the rate that would be paid now; paid at ``funding.next_ns`` if the settings say so."""
        pit = self._pits[symbol]
        rate_e8 = pit.index.rate_e8 if self.settings.pays_funding else 0
        return funding.Marks(pit.mark_ticks, pit.index.ticks, rate_e8)

    def funding_rates(self, symbol: str) -> list[funding.Rate]:
        """What was paid at each time so far, oldest first."""
        return self._settlement.rates[symbol] if self.settings.pays_funding else []

    def grid(self) -> tuple[Grid, ...]:
        """Per symbol, how many candles closed and which minutes have none."""
        return tuple(
            Grid(pit.listing.id, self.start_ns, self._minute_ns, pit.candles_count, tuple(pit.gaps_ns))
            for pit in self._pits.values()
        )

    # trading; account is a name that the server maps API keys to

    @recorded
    def deposit(self, account: str, amount: int) -> None:
        """Money comes in; the first deposit opens the account."""
        if account not in self._accounts:
            self._accounts[account] = Account(account, self.settings.leverage)
        who = self._accounts[account]
        who.ledger.deposit(amount)
        who.payments.append(Payment(len(who.payments) + 1, self.now_ns, "TRANSFER", "", amount))
        self._outbox.append(AccountUpdate(account, self.now_ns, "DEPOSIT", who.ledger.wallet, amount, None))

    @recorded
    def place(self, account: str, request: PlaceOrder) -> Order | AlgoOrder | Refusal:
        """An order for the request, in the state that its arrival left it in, or why not."""
        return self._desk.place(self._accounts[account], request, self._reach(request.symbol))

    @recorded
    def amend(
        self, account: str, order: Order, quantity: str | None, price: str | None, price_match: str = "NONE"
    ) -> Order | Refusal:
        """An open limit order with another quantity or price (None: as it was)."""
        at_ns, listing = self._reach(order.symbol), self.by_id[order.symbol]
        request = PlaceOrder(
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            quantity=quantity or listing.quantity_text(order.lots),
            price=None if price_match != "NONE" else price or listing.price_text(order.price_ticks),
            time_in_force=order.time_in_force,
            reduce_only=order.reduce_only,
            leg=order.leg,
            prevention=order.prevention,
            price_match=price_match,
            good_till_ms=order.good_till_ms,
        )
        who = self._accounts[account]
        # It may have traded while the request was on its way.
        return self._desk.amend(who, who.orders[order.order_id], request, at_ns)

    @recorded
    def cancel(self, account: str, symbol: str, order_id: int = 0, client_id: str = "") -> Order | Refusal:
        """Cancel an open order by either id."""
        who, at_ns = self._accounts[account], self._reach(symbol)
        return self._desk.cancel(who, who.find(symbol, order_id, client_id), at_ns)

    @recorded
    def cancel_algo(self, account: str, algo_id: int = 0, client_id: str = "") -> AlgoOrder | Refusal:
        """Cancel a waiting algo order by either id."""
        who = self._accounts[account]
        found = who.find_algo(algo_id, client_id)
        at_ns = self._reach(found.symbol if found else "")
        return self._desk.cancel_algo(who, who.find_algo(algo_id, client_id), at_ns)

    def cancel_all(self, account: str, symbol: str) -> list[Order]:
        """Cancel every open order of a symbol."""
        done = [self.cancel(account, symbol, order.order_id) for order in self.open_orders(account, symbol)]
        return [order for order in done if isinstance(order, Order)]

    def cancel_all_algo(self, account: str, symbol: str) -> list[AlgoOrder]:
        """Cancel every waiting algo order of a symbol."""
        done = [self.cancel_algo(account, order.algo_id) for order in self.open_algo_orders(account, symbol)]
        return [order for order in done if isinstance(order, AlgoOrder)]

    @recorded
    def set_isolated(self, account: str, symbol: str, isolates: bool) -> Refusal | None:
        """Isolated or cross margin for a contract; only while nothing is held or open there."""
        who = self._accounts[account]
        if symbol not in self._pits:
            return UNKNOWN_SYMBOL
        if who.is_isolated(symbol) == isolates:
            return Refusal(-4046, "No need to change margin type.")
        if who.book(symbol).waiting:
            return Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
        if any(who.held(symbol)):
            return Refusal(-4048, "Margin type cannot be changed if there exists position.")
        who.isolates[symbol] = isolates
        return None

    @recorded
    def set_hedged(self, account: str, hedges: bool) -> Refusal | None:
        """One position a contract, or LONG and SHORT apart; only while nothing is held or open anywhere."""
        who = self._accounts[account]
        if who.is_hedged == hedges:
            return Refusal(-4059, "No need to change position side.")
        if any(book.waiting for book in who.books.values()):
            return Refusal(-4067, "Position side cannot be changed if there exists open orders.")
        if any(position.lots for position in who.ledger.positions.values()):
            return Refusal(-4068, "Position side cannot be changed if there exists position.")
        who.is_hedged = hedges
        return None

    @recorded
    def set_leverage(self, account: str, symbol: str, leverage: int) -> int | Refusal:
        """Set it, 1 to the contract's most, where the margin and the position allow it."""
        if symbol not in self._pits:
            return UNKNOWN_SYMBOL
        if refusal := objection_to_leverage(self._accounts[account], self._pits, symbol, leverage):
            return refusal
        self._accounts[account].leverages[symbol] = leverage
        return leverage
