"""The house: the engine's core and the embedded exchange face to face, without a wire, a disk or a clock between them.

    Core --Send, Cancel, Ask--> Exchange
         <--desk <-- news <-- messages, as its private stream writes them

Everything that decides is what trades on paper: the same core, risk, exits and books, the same
matching and the same exchange's books.  An order arrives at once and at the price that the
candle closed with; machine time is made up, and passes only while something waits for it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import errors
from engine.books import Books
from engine.core import Core
from engine.desk import Desk
from engine.events import BookEvent, Deposited, Filled, Funded, Intended
from engine.inbox import Inbox
from engine.messages import Action, Ask, Cancel, Candle, Message, Moment, Outcome, Recorded, Send, Target, Tick
from engine.order import Event, Intent, OrderType
from engine.outbox import Outbox
from engine.settings import EngineSettings
from engine.venue import binance
from engine.venue.embedded import messages
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, OrderUpdate
from engine.venue.embedded.events import Event as Happening
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from engine.venue.failures import refusal_of
from shm.instruments import Instrument
from shm.table import TableWriter

TICK_NS = 20_000_000
TICKS_MAX = 3_000  # a minute of machine time for what has to be tried again
TYPES = {
    OrderType.MARKET: ("MARKET", "GTC"),
    OrderType.LIMIT: ("LIMIT", "GTC"),
    OrderType.POST_ONLY: ("LIMIT", "GTX"),
    OrderType.STOP_MARKET: ("STOP_MARKET", "GTC"),
    OrderType.TAKE_PROFIT_MARKET: ("TAKE_PROFIT_MARKET", "GTC"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """Who trades what in the house."""

    account: str
    venue: str
    instruments: tuple[Instrument, ...]
    strategies: tuple[str, ...]  # by row
    settings: EngineSettings


class _Unheard:
    """Counters and rings that nobody reads."""

    def add(self, *_: object) -> None:
        """Count nothing."""

    set = record = add

    def publish(self, *_: object) -> int:
        """Publish nothing."""
        return 0


class _Idle:
    """A dispatch that has nothing under way: requests are answered before they return."""

    def is_under_way(self, intent_id: int) -> bool:
        """Never."""
        return intent_id < 0


class House:
    """One account at one exchange; ``tell`` it candles and targets, ``hear`` what the exchange says."""

    def __init__(self, exchange: Exchange, tenancy: Tenancy, deposit: int, positions: TableWriter) -> None:
        """Open the account with ``deposit`` minor units; ``positions`` is where the brain looks."""
        self.exchange, self._tenancy = exchange, tenancy
        self.books, self.dispatch = Books(), _Idle()
        self.events: list[BookEvent] = []  # as a journal would have them
        self.fills: list[Filled] = []
        self.intents_count = self.rejects_count = 0
        self.funded: list[Funded] = []
        self._payments_seen = 0  # rows of the exchange's list
        self.marks: dict[str, int] = {}
        self._machine_ns = exchange.now_ns
        self._actions: deque[Action] = deque()
        self._by_symbol = {one.symbol: one for one in tenancy.instruments}
        self._listings = {listing.id: listing for listing in exchange.listings}
        self._by_id = {listing.id: self._by_symbol[listing.symbol] for listing in exchange.listings}
        self._id_of = {listing.symbol: listing.id for listing in exchange.listings}
        self.core = Core(
            self.books,
            tenancy.settings,
            run="backtest",
            venue=tenancy.venue,
            instruments=self._by_symbol,
        )
        venue: Any = None  # the desk only asks it after failures, and here nothing fails
        voice: Any = self
        self._desk = Desk(venue, voice, tenancy.instruments)
        # The exchange's spot has the contract's own price.
        self.core.bases = dict.fromkeys(self._by_symbol, 0)
        unheard: Any = _Unheard()
        self._outbox = Outbox(
            self.books, (tenancy.instruments, tenancy.strategies), (unheard, positions), counters=unheard
        )
        self._answered(self.core.restarted(self.moment()).events, ())
        exchange.deposit(tenancy.account, deposit)
        exchange.drain()
        self.tell(
            Recorded(
                Deposited(
                    account=tenancy.account,
                    venue=tenancy.venue,
                    amount=deposit,
                    reference="deposit",
                    wall_ns=exchange.now_ns,
                )
            )
        )

    def inbox(self, market: Any, targets: Any) -> Inbox:
        """Return what reads candles and targets off a stage's rings, as the engine does."""
        return Inbox(market, targets, (self._tenancy.instruments, self._tenancy.strategies))

    def moment(self) -> Moment:
        """The three clocks: the market's, twice, and the made-up one."""
        return Moment(market_ns=self.exchange.now_ns, wall_ns=self.exchange.now_ns, monotonic_ns=self._machine_ns)

    def tell(self, message: Message) -> None:
        """Tell the core, and do at once what it answers."""
        if isinstance(message, Candle):
            self.marks[message.instrument] = message.close_ticks
        answer = self.core.tell(message, self.moment())
        self._answered(answer.events, answer.actions)

    def take(self, messages_read: Sequence[Candle | Target]) -> None:
        """Tell everything that was on the rings, then let it settle.

        An order takes longer than its minute's other targets: as in a session they are all heard before it is answered,
        so that what several strategies want meanwhile is netted into the next order.
        """
        for message in messages_read:
            self.tell(message)
        self.settle()

    def hear(self, happenings: Sequence[Happening]) -> None:
        """Digest what the exchange told of our account, then let it settle."""
        self._told(happenings)
        self._pay()
        self.settle()

    def settle(self) -> None:
        """Work until nothing is under way, and show the brain what is held."""
        self._work()
        for _ in range(TICKS_MAX):
            if self.core.is_settled:
                break
            self._machine_ns += TICK_NS
            self.tell(Tick())
            self._work()
        self._outbox.publish(self.marks)

    @property
    def account(self) -> str:
        """Whose orders these are."""
        return self._tenancy.account

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What is traded, by symbol."""
        return self._by_symbol

    @property
    def equity(self) -> int:
        """Wallet and unrealised profit at the last closes, in minor units."""
        return self.wallet + self.unrealised

    @property
    def wallet(self) -> int:
        """Cash by our books, in minor units."""
        return self.books.ledger.wallet(self._tenancy.account, self._tenancy.venue)

    @property
    def unrealised(self) -> int:
        """Profit of what is held, at the last closes, in minor units."""
        return sum(
            self.books.position(symbol).unrealised(ticks, self._by_symbol[symbol].unit)
            for symbol, ticks in self.marks.items()
            if self.books.position(symbol).lots
        )

    def _answered(self, events: Sequence[BookEvent], actions: Sequence[Action]) -> None:
        self.events.extend(events)
        for event in events:
            if isinstance(event, Filled):
                self.fills.append(event)
            self.intents_count += isinstance(event, Intended)
        if events:
            self._outbox.durable(events, self._machine_ns)
        self._actions.extend(actions)

    def _work(self) -> None:
        while self._actions:
            match self._actions.popleft():
                case Send() as send:
                    self._place(send.intent)
                case Cancel(intent):
                    self._cancel(intent)
                case Ask(intent):
                    self._ask(intent)
                case _:
                    pass  # a comparison has nobody to differ from; a refusal is counted by the core

    def _pay(self) -> None:
        """Book the funding that the exchange lists and our books do not have."""
        payments = self.exchange.payments(self.account)
        for paid in payments[self._payments_seen :]:
            if paid.kind == "FUNDING_FEE":
                funded = Funded(
                    account=self.account,
                    venue=self._tenancy.venue,
                    instrument=self._by_id[paid.symbol].symbol,
                    amount=paid.amount,
                    reference=f"income {paid.number}",
                    market_ns=paid.at_ns,
                )
                self.funded.append(funded)
                self.tell(Recorded(funded))
        self._payments_seen = len(payments)

    def _place(self, intent: Intent) -> None:
        instrument = self._by_symbol[intent.instrument]
        kind, time_in_force = TYPES[intent.type]
        is_priced = kind == "LIMIT"
        answer = self.exchange.place(
            self._tenancy.account,
            PlaceOrder(
                symbol=self._id_of[intent.instrument],
                side=intent.side,
                type=kind,
                quantity=format(instrument.quantity(intent.lots), "f"),
                price=format(instrument.price(intent.price_ticks), "f") if is_priced else None,
                trigger_price=format(instrument.price(intent.stop_ticks), "f") if intent.stop_ticks else None,
                time_in_force=time_in_force,
                reduce_only=intent.reduce_only,
                client_id=intent.client_id,
            ),
        )
        if isinstance(answer, Refusal):
            self._refused(intent, answer)
        else:
            self._state(intent, answer)
        self._told(self.exchange.drain())

    def _refused(self, intent: Intent, refusal: Refusal) -> None:
        error = refusal_of(refusal.code, refusal.message)
        self.rejects_count += 1
        event = Event.REJECT if isinstance(error, errors.Rejected) else Event.ABSENT
        self.tell(Outcome(intent_id=intent.intent_id, event=event, refusal=type(error).__name__, text=refusal.message))

    def _cancel(self, intent: Intent) -> None:
        account, symbol = self._tenancy.account, self._id_of[intent.instrument]
        if intent.type in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET):
            self.exchange.cancel_algo(account, client_id=intent.client_id)
        else:
            self.exchange.cancel(account, symbol, client_id=intent.client_id)
        self._told(self.exchange.drain())
        self._ask(intent)

    def _ask(self, intent: Intent) -> None:
        account, symbol = self._tenancy.account, self._id_of[intent.instrument]
        if intent.type in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET):
            found: Order | AlgoOrder | Refusal = self.exchange.algo_order(account, client_id=intent.client_id)
        else:
            found = self.exchange.order(account, symbol, client_id=intent.client_id)
        if isinstance(found, Refusal):
            self.tell(Outcome(intent_id=intent.intent_id, event=Event.ABSENT, text=found.message))
        else:
            self._state(intent, found)

    def _state(self, intent: Intent, order: Order | AlgoOrder) -> None:
        if isinstance(order, Order):
            event, number = binance.ORDER_EVENTS[order.status], order.order_id
        else:
            event, number = binance.algo_event(order.status, order.lots, order.lots_filled), order.algo_id
        self.tell(
            Outcome(intent_id=intent.intent_id, event=event, venue_order_id=str(number), lots_filled=order.lots_filled)
        )

    def _told(self, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            message = self._message(happening)
            if message is not None:
                for news in binance.news_of(message, self._by_id.get):
                    self._desk.news(news)

    def _message(self, happening: Happening) -> Mapping[str, Any] | None:
        match happening:
            case OrderUpdate():
                return messages.order_update(self._listings[happening.order.symbol], happening)
            case AlgoUpdate():
                return messages.algo_update(self._listings[happening.order.symbol], happening)
            case AccountUpdate() if happening.reason == "ORDER":
                position = happening.position
                return messages.account_update(self._listings[position.symbol] if position else None, happening)
        return None


def private(happenings: Sequence[Happening]) -> list[Happening]:
    """Return those that are about an account."""
    return [each for each in happenings if isinstance(each, OrderUpdate | AlgoUpdate | AccountUpdate)]
