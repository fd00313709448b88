"""Between the venue and the books: news becomes messages, questions get answers.

    stream --news--> Desk --Outcome, FillTold, Recorded--> Core --Answer--> Dispatch
    Ask ----ask----> Desk --order by client id, trades---> venue
    start, reconnect, every few seconds: recover --everything--> venue, then compare

A trade finds its order by client id, by the venue's order number, or by asking whose
that number is.  Trades are told before states, so that a terminal order is also settled.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from engine import errors
from engine.books import Books
from engine.comparison import stirring, there_of
from engine.dispatch import Dispatch
from engine.events import Deposited, Filled, Funded
from engine.instrument_life import Change, forced
from engine.messages import FillTold, Message, Moment, Outcome, Recorded
from engine.order import Event, Intent, Order, intent_of
from engine.rota import Rota, few_at_once
from engine.venue.base import (
    FundingSeen,
    ModesChanged,
    News,
    OrderSeen,
    StreamDown,
    StreamUp,
    TradeSeen,
    Venue,
    WalletSeen,
)
from shm.instruments import Instrument

AWAY = ("start", "stream connected")  # why everything is asked for, where the stream could not tell it
OPENING = "opening"  # the deposit that is what the account held when we first saw it
ROUTINE = "periodic"  # a look without a reason
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

    def __init__(self, venue: Venue, account: Voice, instruments: Sequence[Instrument]) -> None:
        """Know the instruments by symbol."""
        self._venue = venue
        self._account = account
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._rota = Rota(list(self._instruments))
        self._intent_of_order: dict[tuple[str, str], int] = {}  # (symbol, venue's number)
        # Complete up to here; moved by answers to questions only, since a stream may have lost what came before.
        self._trade_next = {symbol: account.books.trades_from.get(symbol, 0) for symbol in self._instruments}
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
        intent_id = intent_of(trade.client_id) or self._intent_of_order.get((trade.symbol, trade.venue_order_id), 0)
        if not intent_id and self._stops(trade.symbol) and not forced(trade.symbol, trade.client_id):
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
        if self._account.dispatch.is_under_way(intent.intent_id):
            return  # not found because it is not there yet
        # Whether absence is proof yet is for the core to say; an answer that was long on its way is an old one.
        absent = Outcome(intent_id=intent.intent_id, event=Event.ABSENT, text="the venue knows none", asked_ns=asked_ns)
        self._account.tell(absent)

    def begin_trades(self, symbol: str, trade_id: int) -> None:
        """Earlier trades are not ours to book."""
        self._trade_next[symbol] = max(self._trade_next[symbol], trade_id)

    async def recover(self) -> None:
        """Ask for everything: orders that rest, trades since the last time, orders that we are not sure of."""
        reason, self.recovery_wanted = self.recovery_wanted, ""
        if self._rota.is_long:
            await self._recover_many(is_calm=reason in (ROUTINE, *AWAY))
            await self._catch_up_funding()
        else:
            each = (self._recover_one(symbol) for symbol in self._instruments)
            await asyncio.gather(*each, self._catch_up_funding())
        if reason != ROUTINE:
            await self._catch_up_transfers()
        if reason in AWAY:
            self.unheard = 0  # nobody was listening

    async def opening(self, asset: str) -> int:
        """Cash on the first day; the funding that is in it is noted, so that it is never booked on top."""
        paid = await self._venue.funding_since(0)
        while True:
            cash = (await self._venue.wallet(asset)).wallet
            again = await self._venue.funding_since(0)
            if again == paid:
                break
            paid = again
        for one in paid:
            if one.market_ns == paid[-1].market_ns:
                self._fund(one, 0)
        for moved in await self._venue.transfers_since(0):
            self._move(moved, 0)
        return cash

    async def _catch_up_funding(self) -> None:
        """Book what the venue lists and we do not know: the stream says too little, and nothing while it is down."""
        venue, ledger = self._account.books.venue, self._account.books.ledger
        for paid in await self._venue.funding_since(ledger.funded_ns):
            if not ledger.knows_funding(venue, paid.reference):
                self._fund(paid, paid.amount)

    async def _catch_up_transfers(self) -> None:
        """Book what was moved in or out: the stream names no reference, and nothing while it is down."""
        ledger, venue = self._account.books.ledger, self._account.books.venue
        for moved in await self._venue.transfers_since(ledger.moved_ns):
            if not ledger.has_deposit(venue, moved.reference):
                self._move(moved, moved.amount)

    def _move(self, moved: FundingSeen, amount: int) -> None:
        books, reference, at_ns = self._account.books, moved.reference, moved.market_ns
        event = Deposited(account=books.account, venue=books.venue, amount=amount, reference=reference, wall_ns=at_ns)
        self._account.tell(Recorded(event))

    def _fund(self, paid: FundingSeen, amount: int) -> None:
        books = self._account.books
        self._account.tell(
            Recorded(
                Funded(
                    account=books.account,
                    venue=books.venue,
                    instrument=paid.symbol,
                    amount=amount,
                    reference=paid.reference,
                    market_ns=paid.market_ns,
                )
            )
        )

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
        found = {intent_of(seen.client_id) for seen in resting}
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
        trades = await self._venue.trades_since(symbol, self._trade_next[symbol])
        venue, booked = self._instruments[symbol].venue, self._account.books.ledger.trades
        self.unheard += any((venue, symbol, trade.trade_id) not in booked for trade in trades)
        for trade in trades:
            self._trade(trade, await self._owner(trade))
            self._trade_next[symbol] = max(self._trade_next[symbol], trade.trade_id + 1)

    async def _owner(self, trade: TradeSeen) -> int:
        """The intent behind a trade that names no client id; 0 for a stranger's."""
        key = trade.symbol, trade.venue_order_id
        if key not in self._intent_of_order:
            seen = await self._venue.order_by_id(*key)
            self._intent_of_order[key] = intent_of(seen.client_id) if seen is not None else 0
            if seen is not None:
                self._judge(seen)
            if not self._intent_of_order[key]:
                await self._know_children(trade.symbol)
        return self._intent_of_order[key]

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
        intent_id = intent_of(seen.client_id)
        if intent_id not in self._account.books.orders:
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
                text=seen.text,
            )
        )

    def _trade(self, trade: TradeSeen, intent_id: int) -> None:
        instrument = self._instruments[trade.symbol]
        known = intent_id if intent_id in self._account.books.orders else 0
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
                    fee=trade.fee,
                    is_maker=trade.is_maker,
                    market_ns=trade.market_ns,
                    wall_ns=self._account.moment().wall_ns,
                )
            )
        )

    def _wallet(self, seen: WalletSeen) -> None:
        if seen.reason in FUNDING:
            self.recovery_wanted = self.recovery_wanted or "funding was charged"
        elif seen.reason not in TRADES:
            self.recovery_wanted = "cash was moved"
