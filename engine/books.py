"""Our books: the fold of the journal's events, the same live and at replay.

    journal events --apply--> orders   (intent, facts)
                              goals    (sized targets: what each strategy wants)
                              trips    (what their exits remember of a trade)
                              ledger   (positions, cash)

Nothing else changes them.  An event that was applied before changes nothing.
"""

import msgspec

from engine import executor
from engine.events import (
    EXTERNAL,
    BookEvent,
    Crossed,
    DayBegan,
    Deposited,
    Filled,
    Found,
    Funded,
    Intended,
    Listed,
    Observed,
    Sized,
    Spent,
    Started,
    Stepped,
    Trimmed,
)
from engine.ledger import NET, Key, Ledger, Position, Posting, shares
from engine.order import Event, Fact, Intent, Order, OrderType
from engine.tally import Day, Tally, profit_of
from engine.trip import Entry, Trips
from shm.records import Leg, OrderState, Purpose


class BooksError(Exception):
    """An event that cannot follow from those before it."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants of an instrument."""

    run: str
    target_id: int
    lots: int  # signed
    stop_ticks: int
    valid_until_ns: int  # market; later it forbids entries and keeps exits
    reference_ticks: int
    trail_ticks: int = 0
    spent: bool = False  # its stop ended it: it wants nothing any more
    barred: bool = False  # its entry ended, or was refused: it may only reduce
    stale: bool = False  # of an earlier run: no opinion, only its stop still counts


class Books:
    """Orders, goals and money of one account at one venue."""

    def __init__(self) -> None:
        """Start empty."""
        self.run = ""
        self.account = ""
        self.venue = ""
        self.ledger = Ledger()
        self.orders: dict[int, Order] = {}
        self.working: dict[str, dict[int, Order]] = {}  # by instrument: those that are not settled
        self.goals: dict[tuple[str, str], Goal] = {}
        self.stopped_sides: dict[tuple[str, str], int] = {}
        self.trips = Trips()
        self.tally = Tally()
        self.pursuits: dict[str, executor.Pursuit] = {}  # by instrument: what was posted for its newest target
        self.listings: dict[str, Listed] = {}
        self.events_count = 0
        self.found_count = 0
        self.late_adoptions = 0
        self.cross_id_last = 0
        self.intent_id_last = 0

    def apply(self, event: BookEvent) -> list[Posting]:
        """Change the books by ``event``; the postings that money needed."""
        self.events_count += 1
        match event:
            case Intended(intent=intent):
                self._intend(intent)
            case Observed():
                self._observe(event)
            case Filled():
                return self._fill(event)
            case Crossed():
                return self._cross(event)
            case Funded():
                return self.ledger.book_funding(event)
            case Deposited():
                return self.ledger.book_deposit(event)
            case Sized():
                self._size(event)
            case Spent():
                self._spend(event.instrument, event.strategy, event.target_id)
            case Trimmed():
                self._trim(event)
            case Stepped():
                self.trips.stepped(event)
            case DayBegan(day=day, profit=profit):
                self.tally.day = Day(day, profit)
            case Started():
                self._start(event)
            case Listed():
                self._list(event)
            case Found():
                self.found_count += 1
        return []

    def key(self, instrument: str, strategy: str = NET) -> Key:
        """The name of a position of this account."""
        return Key(self.account, self.venue, instrument, Leg.BOTH, strategy)

    def position(self, instrument: str, strategy: str = NET) -> Position:
        """What ``strategy``, or the whole account, holds of ``instrument``."""
        return self.ledger.position(self.key(instrument, strategy))

    def profit_of(self, strategy: str) -> int:
        """What ``strategy`` has realised on all instruments, fees and funding included, in minor units."""
        return sum(profit_of(held) for key, held in self.ledger.positions.items() if key.strategy == strategy)

    def strategies_of(self, instrument: str) -> list[str]:
        """Everyone who wants or holds lots of ``instrument``, in order of name."""
        holding = [key.strategy for key in self.ledger.strategies_of(self.key(instrument))]
        return sorted({*holding, *(strategy for symbol, strategy in self.goals if symbol == instrument)})

    def working_of(self, instrument: str) -> list[Order]:
        """Orders of ``instrument`` of which the venue may still tell something new."""
        return list(self.working.get(instrument, {}).values())

    def stops_of(self, instrument: str, strategy: str, purpose: Purpose = Purpose.STOP) -> list[Order]:
        """The unsettled protective stops, or targets, of ``strategy``, oldest first."""
        return [
            order
            for order in self.working_of(instrument)
            if order.intent.purpose == purpose and order.intent.allocation[0][0] == strategy
        ]

    def resting_stop_ticks(self, instrument: str, strategy: str) -> int:
        """The trigger of the stop that rests at the venue; 0: none."""
        resting = (OrderState.OPEN, OrderState.PARTIAL)
        stops = [order for order in self.stops_of(instrument, strategy) if order.state in resting]
        return stops[-1].intent.stop_ticks if stops else 0

    def _start(self, event: Started) -> None:
        if self.account and (self.account, self.venue) != (event.account, event.venue):
            raise BooksError(f"these books belong to {self.venue}-{self.account}, not {event.venue}-{event.account}")
        self.account, self.venue = event.account, event.venue
        if event.run != self.run:
            self.goals = {name: msgspec.structs.replace(goal, stale=True) for name, goal in self.goals.items()}
        self.run = event.run

    def _list(self, event: Listed) -> None:
        known = self.listings.get(event.instrument)
        if known and known.unit != event.unit and self.position(event.instrument).lots:
            raise BooksError(f"{event.instrument} changed its tick or lot while a position is open")
        self.listings[event.instrument] = event
        self.ledger.units[event.instrument] = event.unit

    def _size(self, event: Sized) -> None:
        name = (event.instrument, event.strategy)
        known = self.goals.get(name)
        again = known is not None and not known.stale and known.target_id == event.target_id
        if not again:
            self.stopped_sides.pop(name, None)
        self.goals[name] = Goal(
            run=event.run,
            target_id=event.target_id,
            lots=event.lots,
            stop_ticks=event.stop_ticks,
            valid_until_ns=event.valid_until_ns,
            reference_ticks=event.reference_ticks,
            trail_ticks=event.trail_ticks,
            spent=known.spent if again and known else False,
            barred=known.barred if again and known else False,
        )

    def _intend(self, intent: Intent) -> None:
        if intent.intent_id in self.orders:
            return
        self.intent_id_last = max(self.intent_id_last, intent.intent_id)
        self._keep(Order(intent=intent, changed_wall_ns=intent.created_wall_ns))
        if intent.type == OrderType.POST_ONLY:
            known = self.pursuits.get(intent.instrument)
            pursuit = executor.posted(known, intent.target_id, intent.price_ticks, intent.created_market_ns)
            self.pursuits[intent.instrument] = pursuit

    def _observe(self, event: Observed) -> None:
        order = self.orders.get(event.intent_id)
        if order is None:
            raise BooksError(f"news of order {event.intent_id}, which was never intended")
        before = order.state
        order = order.told(event.event, lots_reported=event.lots_filled)
        self.late_adoptions += before == OrderState.NOT_SENT and order.state != OrderState.NOT_SENT
        order = msgspec.structs.replace(
            order,
            venue_order_id=event.venue_order_id or order.venue_order_id,
            refusal=event.refusal or order.refusal,
            changed_wall_ns=max(event.wall_ns, order.changed_wall_ns),
        )
        self._keep(order)
        self._judge(order)

    def _fill(self, fill: Filled) -> list[Posting]:
        if (fill.venue, fill.instrument, fill.trade_id) in self.ledger.trades:
            return []
        order = self.orders.get(fill.intent_id)
        if order is None:
            return self.ledger.book_fill(fill, [(EXTERNAL, fill.lots)])
        parts = shares(order.intent.allocation, order.lots_filled, fill.lots)
        before = {strategy: self.position(fill.instrument, strategy).lots for strategy, _ in parts}
        postings = self.ledger.book_fill(fill, parts)
        for strategy, lots in before.items():
            self._travel((fill.instrument, strategy), lots, fill.price_ticks, fill.market_ns)
        order = order.filled(fill.lots)
        self._keep(msgspec.structs.replace(order, venue_order_id=fill.venue_order_id or order.venue_order_id))
        if order.intent.purpose == Purpose.STOP:
            self._spend(fill.instrument, order.intent.allocation[0][0], order.intent.target_id)
            self.stopped_sides[fill.instrument, order.intent.allocation[0][0]] = -fill.side
        self._judge(order)
        return postings

    def _cross(self, cross: Crossed) -> list[Posting]:
        if cross.cross_id <= self.cross_id_last:
            return []
        self.cross_id_last = cross.cross_id
        both = (cross.buyer, cross.seller)
        before = {strategy: self.position(cross.instrument, strategy).lots for strategy in both}
        postings = self.ledger.book_cross(cross)
        for strategy, lots in before.items():
            self._travel((cross.instrument, strategy), lots, cross.price_ticks, cross.market_ns)
        return postings

    def _travel(self, name: tuple[str, str], lots_before: int, fill_ticks: int, market_ns: int) -> None:
        """A trade has changed what a strategy holds."""
        held, goal = self.position(*name), self.goals.get(name)
        self.tally.traded(name, lots_before, held, market_ns)
        entry = Entry(
            lots_before=lots_before,
            lots=held.lots,
            entry_ticks=held.entry_ticks(self.ledger.units[name[0]]),
            fill_ticks=fill_ticks,
            market_ns=market_ns,
        )
        self.trips.filled(name, entry, goal.stop_ticks if goal else 0)

    def _trim(self, event: Trimmed) -> None:
        name = (event.instrument, event.strategy)
        goal = self.goals.get(name)
        if goal and goal.target_id == event.target_id and abs(event.lots) < abs(goal.lots):
            self.goals[name] = msgspec.structs.replace(goal, lots=event.lots)

    def _judge(self, order: Order) -> None:
        """What an order's end means for the goals behind it."""
        intent = order.intent
        if not order.is_terminal or order.state == OrderState.NOT_SENT:
            return
        if intent.purpose == Purpose.STOP and order.state == OrderState.REJECTED:
            # A stop that cannot rest leaves the position bare: its goal ends, the position is closed.
            if order.refusal != "ReduceOnlyRejected":
                self._spend(intent.instrument, intent.allocation[0][0], intent.target_id)
        elif intent.purpose == Purpose.TAKE_PROFIT and order.refusal == "WouldTrigger":
            self.trips.been_at((intent.instrument, intent.allocation[0][0]), intent.stop_ticks)
        elif _was_withdrawn(order):
            pursuit = self.pursuits[intent.instrument]
            refused = not order.facts & Fact.CANCEL_ASKED and pursuit.target_id == intent.target_id
            self.pursuits[intent.instrument] = msgspec.structs.replace(pursuit, refusals=pursuit.refusals + refused)
        elif intent.purpose == Purpose.ENTRY:
            for strategy, _ in intent.allocation:
                goal = self.goals.get((intent.instrument, strategy))
                if goal and not goal.stale and goal.target_id <= intent.target_id:
                    self.goals[intent.instrument, strategy] = msgspec.structs.replace(goal, barred=True)

    def _spend(self, instrument: str, strategy: str, target_id: int) -> None:
        goal = self.goals.get((instrument, strategy))
        if goal and goal.target_id == target_id:
            self.goals[instrument, strategy] = msgspec.structs.replace(goal, spent=True)

    def _keep(self, order: Order) -> None:
        intent = order.intent
        self.orders[intent.intent_id] = order
        working = self.working.setdefault(intent.instrument, {})
        if order.is_settled:
            working.pop(intent.intent_id, None)
        else:
            working[intent.intent_id] = order


def _was_withdrawn(order: Order) -> bool:
    """An entry that was posted and has ended by our own cancel, or since it would have taken: its goal goes on."""
    if order.intent.type != OrderType.POST_ONLY or order.state == OrderState.FILLED:
        return False
    would_take = order.refusal == "WouldTake" or order.state == OrderState.EXPIRED
    return bool(order.facts & Fact.CANCEL_ASKED) or would_take


def doubled(books: Books) -> int:
    """Intents that the venue carried out more than once, or after we had called them never sent; must be 0."""
    lots: dict[int, int] = {}
    numbers: dict[int, dict[str, bool]] = {}
    for fill in books.ledger.trades.values():
        lots[fill.intent_id] = lots.get(fill.intent_id, 0) + fill.lots
        numbers.setdefault(fill.intent_id, {})[fill.venue_order_id] = True
    twice = [
        intent_id
        for intent_id, order in books.orders.items()
        if lots.get(intent_id, 0) > order.intent.lots or len(numbers.get(intent_id, {})) > 1
    ]
    return len(twice) + books.late_adoptions


def doubts(books: Books, wall_ns: int) -> list[Observed]:
    """After a restart, an order that was intended or sent may have happened: each is in doubt."""
    return [
        Observed(intent_id=order.intent.intent_id, event=Event.DOUBT, text="restarted", wall_ns=wall_ns)
        for orders in books.working.values()
        for order in orders.values()
        if order.state in (OrderState.NEW, OrderState.SENT)
    ]
