"""Between the venue and the books: news becomes messages, questions get answers.

    stream --news--> Desk --Outcome, FillTold, Recorded--> Core --Answer--> Dispatch
    Ask ----ask----> Desk --order by client id, trades---> venue
    start, reconnect, every few seconds: recover --everything--> venue, then compare

A trade finds its order by client id, by the venue's order number, or by asking whose
that number is.  A number that the venue does not show yet proves nothing: such a trade, and those after
it, wait.  Trades are told before states, so that a terminal order is also settled.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine import errors
from engine.books import Books
from engine.cash import Cash
from engine.comparison import stirring, there_of
from engine.dispatch import Dispatch
from engine.events import Filled
from engine.instrument_life import Change, forced
from engine.messages import FillTold, Message, Moment, Outcome
from engine.order import Event, Intent, Order, intent_of
from engine.rota import Rota, few_at_once
from engine.venue.base import (
    ModesChanged,
    News,
    OrderSeen,
    StreamDown,
    StreamUp,
    TradeSeen,
    Venue,
    WalletSeen,
)
from engine.venue.facts import late_numbers
from shm.instruments import Instrument

AWAY = ("start", "stream connected")  # why everything is asked for, where the stream could not tell it
OPENING = "opening"  # the deposit that is what the account held when we first saw it
ROUTINE = "periodic"  # a look without a reason
# How long a trade waits to be told whose it is, then it is a stranger's: an order that is not shown at all, by the
# horizon of absence; one of another name, while a stop of ours on its side may still tell that it became it.
HIDDEN_NS, CHILD_NS = 40 * 10**9, 10**9
FUNDING, TRADES = ("FUNDING_FEE",), ("ORDER",)


class Voice(Protocol):
    """The account that the desk serves."""

    @property
    def books(self) -> Books:
        """Every order that the journal knows."""
        ...

    @property
    def dispatch(self) -> Dispatch:
        """Whose requests are under way."""
        ...

    def tell(self, message: Message) -> None:
        """Tell the core."""
        ...

    def moment(self) -> Moment:
        """The three clocks."""
        ...


class Desk:
    """One account at one venue."""

    def __init__(
        self, venue: Venue, account: Voice, instruments: Sequence[Instrument], *, is_shared: bool = False
    ) -> None:
        """Know the instruments by symbol."""
        self._venue = venue
        self._account = account
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._rota = Rota(list(self._instruments))
        self.cash = Cash(venue, account, self._instruments, is_shared=is_shared)
        self._intent_of_order: dict[tuple[str, str], int] = {}  # (symbol, venue's number)
        # Complete up to here; moved by answers to questions only, since a stream may have lost what came before.
        self._trade_next = {symbol: account.books.trades_from.get(symbol, 0) for symbol in self._instruments}
        self._trades_begin = dict(self._trade_next)
        self.unproved: dict[tuple[str, str], int] = {}  # (symbol, venue's number) of trades that wait; since when
        self.fee_assets: dict[str, bool] = {}  # in which fees were paid, beside the quote
        self.forced: dict[str, Change] = {}  # what the venue did to positions, by its order's number
        self.modes_changed = ""  # how the account is set up, since it was last read
        self.connected = asyncio.Event()
        self.strangers: dict[tuple[str, str], OrderSeen] = {}  # orders that no intent of ours explains
        self.unheard = 0  # answers with trades that the stream should have told, since it last told one
        self.recovery_wanted = AWAY[0]  # why; empty: not wanted
        self.is_open = True  # before the first snapshot is booked, trades and payments are in it, or asked for later

    def news(self, news: News) -> None:
        """Digest one piece of news from the private stream."""
        match news:
            case OrderSeen():
                self._order(news)
            case TradeSeen() | WalletSeen() if not self.is_open:
                pass
            case TradeSeen():
                self.unheard = 0
                self._hear_trade(news)
            case WalletSeen():
                self._wallet(news)
            case StreamUp():
                self.connected.set()
                self.recovery_wanted = AWAY[1]
            case StreamDown():
                self.connected.clear()
            case ModesChanged(text=text):
                self.modes_changed = text or "changed"
                self.recovery_wanted = "the account's modes were changed"
            case _:
                pass  # a position is compared, never taken over

    def _hear_trade(self, trade: TradeSeen) -> None:
        """A trade of the stream: whose it is, its order's name or number says; else the stops have to be asked."""
        intent_id = self._ours(trade.client_id) or self._intent_of_order.get((trade.symbol, trade.venue_order_id), 0)
        is_nameless = not trade.client_id or self._stops(trade.symbol)
        if not intent_id and is_nameless and not forced(trade.symbol, trade.client_id):
            self.recovery_wanted = self.recovery_wanted or "a trade of an order that we do not know"
        else:
            self._trade(trade, intent_id)

    def _stops(self, symbol: str) -> list[Intent]:
        """What may have become an order of another name at the venue."""
        return [order.intent for order in self._unsettled(symbol) if order.intent.stop_ticks]

    async def ask(self, intent: Intent) -> None:
        """Find out what became of an order, and tell; a failed question is no news."""
        asked_ns = self._account.moment().monotonic_ns
        try:
            seen = await self._venue.order_by_client_id(intent)
            booked = self._account.books.orders[intent.intent_id].lots_filled
            if seen is None or seen.lots_filled > booked:
                await self._catch_up(intent.instrument)
        except errors.VenueError:
            return  # the core asks again
        if seen is not None:
            self._order(seen)
            return
        is_under_way = self._account.dispatch.is_under_way(intent.intent_id)
        if is_under_way and not intent.reduce_only:
            return  # not found because it is not there yet
        # Whether absence is proof yet is for the core to say; an answer that was long on its way is an old one.
        self._account.tell(
            Outcome(
                intent_id=intent.intent_id,
                event=Event.ABSENT,
                text="the venue knows none",
                asked_ns=asked_ns,
                is_under_way=is_under_way,
            )
        )

    def _ours(self, client_id: str) -> int:
        """The intent that has this name, all of it: another journal has intents of the same numbers."""
        intent_id = intent_of(client_id)
        order = self._account.books.orders.get(intent_id)
        return intent_id if order is not None and order.intent.client_id == client_id else 0

    def begin_trades(self, symbol: str, trade_id: int) -> None:
        """Earlier trades are not ours to book."""
        self._trade_next[symbol] = max(self._trade_next[symbol], trade_id)
        self._trades_begin[symbol] = self._trade_next[symbol]

    async def recover(self) -> None:
        """Ask for everything: orders that rest, trades since the last time, orders that we are not sure of."""
        reason, self.recovery_wanted = self.recovery_wanted, ""
        if self._rota.is_long:
            await self._recover_many(is_calm=reason in (ROUTINE, *AWAY))
            await self.cash.catch_up_funding()
        else:
            each = (self._recover_one(symbol) for symbol in self._instruments)
            await asyncio.gather(*each, self.cash.catch_up_funding())
        if reason != ROUTINE:
            await self.cash.catch_up_moves()
        if reason in AWAY:
            self.unheard = 0  # nobody was listening

    async def _recover_one(self, symbol: str) -> None:
        await self._recover_resting(symbol, await self._venue.open_orders(symbol))

    async def _recover_many(self, *, is_calm: bool) -> None:
        """All orders and positions in three questions; trades where they may tell more, or everywhere unless calm."""
        everything = await self._venue.open_orders()
        positions = {seen.symbol: seen.lots for seen in await self._venue.positions()}
        resting: dict[str, list[OrderSeen]] = {symbol: [] for symbol in self._instruments}
        for seen in everything:
            resting[seen.symbol].append(seen)
        listed = [there_of(seen) for seen in everything]
        asked = self._rota.due(stirring(self._account.books, listed, positions)) if is_calm else self._instruments
        await few_at_once(asked, lambda symbol: self._recover_resting(symbol, resting[symbol]))

    async def _recover_resting(self, symbol: str, resting: Sequence[OrderSeen]) -> None:
        # After the orders: a trade between the two questions is then among the trades.
        await self._catch_up(symbol)
        for seen in resting:
            self._order(seen)
        found = {self._ours(seen.client_id) for seen in resting}
        unsure = [
            order.intent
            for order in self._unsettled(symbol)
            if order.intent.intent_id not in found and not self._account.dispatch.is_under_way(order.intent.intent_id)
        ]
        for intent in unsure:
            await self.ask(intent)

    def _unsettled(self, symbol: str) -> list[Order]:
        return sorted(self._account.books.working_of(symbol), key=lambda order: order.intent.intent_id)

    async def _catch_up(self, symbol: str) -> None:
        trades = await self._venue.trades_since(symbol, self._trades_from(symbol))
        venue, booked = self._instruments[symbol].venue, self._account.books.ledger.trades
        self.unheard += any((venue, symbol, trade.trade_id) not in booked for trade in trades)
        for trade in trades:
            owner = await self._owner(trade)
            if owner is None:
                return  # it is asked for again, with those after it
            self._trade(trade, owner)
            self._trade_next[symbol] = max(self._trade_next[symbol], trade.trade_id + 1)

    def _trades_from(self, symbol: str) -> int:
        """The first trade to ask for: earlier than the next where the venue lists trades late, but no history."""
        again = self._trade_next[symbol] - late_numbers(self._instruments[symbol].venue)
        return max(again, self._trades_begin[symbol])

    async def _owner(self, trade: TradeSeen) -> int | None:
        """The intent behind a trade; 0 for a stranger's, None while that is not proved."""
        if ours := intent_of(trade.client_id):
            return ours
        key = trade.symbol, trade.venue_order_id
        if key in self._intent_of_order:
            return self._intent_of_order[key]
        seen = await self._venue.order_by_id(*key)
        owner = self._ours(seen.client_id) if seen is not None else 0
        if not owner:
            await self._know_children(trade.symbol)
            owner = self._intent_of_order.get(key, 0)
        is_parted = any(stop.side == trade.side for stop in self._stops(trade.symbol))
        patience_ns = HIDDEN_NS if seen is None else CHILD_NS * is_parted
        if seen is not None and forced(trade.symbol, seen.client_id):
            patience_ns = 0
        now_ns = self._account.moment().monotonic_ns
        if not owner and now_ns - self.unproved.setdefault(key, now_ns) < patience_ns:
            return None
        self.unproved.pop(key, None)
        if seen is not None:
            self._judge(seen)
        self._intent_of_order[key] = owner
        return owner

    async def _know_children(self, symbol: str) -> None:
        """The orders that our stops became need not carry our name; the stops know their numbers."""
        for intent in self._stops(symbol):
            seen = await self._venue.order_by_client_id(intent)
            if seen is not None and seen.child_order_id:
                self._intent_of_order[symbol, seen.child_order_id] = intent.intent_id

    def _judge(self, seen: OrderSeen) -> None:
        """Whether an order that is not ours is the venue's own."""
        if change := forced(seen.symbol, seen.client_id):
            self.forced.setdefault(seen.venue_order_id, change)

    def _order(self, seen: OrderSeen) -> None:
        intent_id = self._ours(seen.client_id)
        if not intent_id:
            if self._intent_of_order.get((seen.symbol, seen.venue_order_id)):
                return  # what a stop of ours became: the stop tells
            self.strangers[seen.symbol, seen.venue_order_id] = seen
            self._judge(seen)
            return
        for number in (seen.child_order_id, "" if seen.is_conditional else seen.venue_order_id):
            if number:
                self._intent_of_order[seen.symbol, number] = intent_id
        is_conditional = self._account.books.orders[intent_id].intent.stop_ticks > 0
        if is_conditional and not seen.is_conditional and seen.event is Event.ACK:
            return  # the order that a stop became: its birth says nothing of the stop
        self._account.tell(
            Outcome(
                intent_id=intent_id,
                event=seen.event,
                # A stop keeps the number that it rests under.
                venue_order_id=seen.venue_order_id if is_conditional == seen.is_conditional else "",
                lots_filled=seen.lots_filled,
                refusal=seen.refusal,
                text=seen.text,
            )
        )

    def _trade(self, trade: TradeSeen, intent_id: int) -> None:
        instrument = self._instruments[trade.symbol]
        known, quote = intent_id if intent_id in self._account.books.orders else 0, quote_of(trade.symbol)
        self._intent_of_order[trade.symbol, trade.venue_order_id] = known
        self._account.tell(
            FillTold(
                Filled(
                    account=instrument.account,
                    venue=instrument.venue,
                    instrument=trade.symbol,
                    trade_id=trade.trade_id,
                    intent_id=known,
                    venue_order_id=trade.venue_order_id,
                    side=trade.side,
                    lots=trade.lots,
                    price_ticks=trade.price_ticks,
                    fee=trade.fee if trade.fee_asset in ("", quote) else self._other_fee(trade),
                    is_maker=trade.is_maker,
                    market_ns=trade.market_ns,
                    wall_ns=self._account.moment().wall_ns,
                )
            )
        )

    def _other_fee(self, trade: TradeSeen) -> int:
        """A fee that was taken from another balance: nothing of the cash that is kept, and said once."""
        self.fee_assets[trade.fee_asset] = True
        return 0

    def _wallet(self, seen: WalletSeen) -> None:
        if seen.reason in FUNDING:
            self.recovery_wanted = self.recovery_wanted or "funding was charged"
        elif seen.reason not in TRADES:
            self.recovery_wanted = "cash was moved"


def quote_of(symbol: str) -> str:
    """The asset that a contract settles in, or a pair is priced in: USDT of BTC/USDT:USDT and of BTC/USDT."""
    return symbol.partition("/")[2].rpartition(":")[2]
