"""Our books: the fold of the journal's events, the same live and at replay.

    journal events --apply--> orders   (intent, facts)
                              goals    (sized targets: what each strategy wants)
                              ledger   (positions, cash)

Nothing else changes them.  An event that was applied before changes nothing.
"""

import msgspec

from engine.events import (
    EXTERNAL,
    BookEvent,
    Crossed,
    Deposited,
    Filled,
    Found,
    Funded,
    Intended,
    Intervened,
    Listed,
    Observed,
    Opened,
    Sized,
    Spent,
    Started,
)
from engine.ledger import NET, Key, Ledger, Position, Posting, shares
from engine.order import Event, Intent, Order
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
    spent: bool = False  # its stop ended it: it wants nothing any more
    barred: bool = False  # its entry ended, or was refused: it may only reduce
    stale: bool = False  # of an earlier run: no opinion, only its stop still counts
    by_hand: bool = False  # a person set its lots or stop: they stand until the next target


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
        self.listings: dict[str, Listed] = {}
        self.trades_from: dict[str, int] = {}  # the first trade that is ours to book, by instrument
        self.petitions: dict[str, bool] = {}  # what people asked for and got, by id
        self.paused: dict[str, str] = {}  # symbols and strategies that add nothing, by whom
        self.disturbed: dict[str, int] = {}  # lots that others traded, until a person says that it is well
        self.ignored: dict[str, int] = {}  # lots that are not ours and shall not matter, by instrument
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
            case Opened():
                self.trades_from[event.instrument] = event.trade_id_next
                return self.ledger.book_opening(event)
            case Sized():
                self._size(event)
            case Spent():
                self._spend(event.instrument, event.strategy, event.target_id)
            case Started():
                self._start(event)
            case Listed():
                self._list(event)
            case Intervened():
                return self._intervene(event)
            case Found():
                self.found_count += 1
        return []

    def key(self, instrument: str, strategy: str = NET) -> Key:
        """The name of a position of this account."""
        return Key(self.account, self.venue, instrument, Leg.BOTH, strategy)

    def position(self, instrument: str, strategy: str = NET) -> Position:
        """What ``strategy``, or the whole account, holds of ``instrument``."""
        return self.ledger.position(self.key(instrument, strategy))

    def strategies_of(self, instrument: str) -> list[str]:
        """Everyone who wants or holds lots of ``instrument``, in order of name."""
        holding = [key.strategy for key in self.ledger.strategies_of(self.key(instrument))]
        return sorted({*holding, *(strategy for symbol, strategy in self.goals if symbol == instrument)})

    def working_of(self, instrument: str) -> list[Order]:
        """Orders of ``instrument`` of which the venue may still tell something new."""
        return list(self.working.get(instrument, {}).values())

    def stops_of(self, instrument: str, strategy: str) -> list[Order]:
        """The unsettled protective stops of ``strategy``, oldest first."""
        return [
            order
            for order in self.working_of(instrument)
            if order.intent.purpose == Purpose.STOP and order.intent.allocation[0][0] == strategy
        ]

    def is_paused(self, instrument: str, strategy: str) -> bool:
        """A person said that nothing is added there."""
        return instrument in self.paused or strategy in self.paused

    def foreign_lots(self, instrument: str) -> int:
        """Lots that others hold or traded here, unless a person said that it is well."""
        lots = self.position(instrument, EXTERNAL).lots
        return (0 if lots == self.ignored.get(instrument) else lots) or self.disturbed.get(instrument, 0)

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
            lots=known.lots if again and known and known.by_hand else event.lots,
            stop_ticks=known.stop_ticks if again and known and known.by_hand else event.stop_ticks,
            valid_until_ns=event.valid_until_ns,
            reference_ticks=event.reference_ticks,
            by_hand=known.by_hand if again and known else False,
            spent=known.spent if again and known else False,
            barred=known.barred if again and known else False,
        )

    def _intend(self, intent: Intent) -> None:
        if intent.intent_id in self.orders:
            return
        self.intent_id_last = max(self.intent_id_last, intent.intent_id)
        self._keep(Order(intent=intent, changed_wall_ns=intent.created_wall_ns))

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
            return self._fill_foreign(fill)
        postings = self.ledger.book_fill(fill, shares(order.intent.allocation, order.lots_filled, fill.lots))
        order = order.filled(fill.lots)
        self._keep(msgspec.structs.replace(order, venue_order_id=fill.venue_order_id or order.venue_order_id))
        if order.intent.purpose == Purpose.STOP:
            self._spend(fill.instrument, order.intent.allocation[0][0], order.intent.target_id)
            self.stopped_sides[fill.instrument, order.intent.allocation[0][0]] = -fill.side
        self._judge(order)
        return postings

    def _fill_foreign(self, fill: Filled) -> list[Posting]:
        """A trade that is not ours: what it closes of ours is closed, by whoever did it; the rest is EXTERNAL's."""
        left, parts = fill.lots, []
        self.disturbed[fill.instrument] = fill.side * fill.lots
        for strategy in self.strategies_of(fill.instrument):
            closing = min(left, max(0, -fill.side * self.position(fill.instrument, strategy).lots))
            if closing and strategy != EXTERNAL:
                parts.append((strategy, closing))
                left -= closing
                self._end(fill.instrument, strategy)
        return self.ledger.book_fill(fill, [*parts, (EXTERNAL, left)] if left else parts)

    def _intervene(self, event: Intervened) -> list[Posting]:
        if event.petition_id in self.petitions:
            return []
        self.petitions[event.petition_id] = True
        symbol = event.instrument
        if event.deed in ("resume", "ignore", "adopt"):
            self.disturbed.pop(symbol, None)
        match event.deed:
            case "close":
                for strategy in self.strategies_of(symbol):
                    if strategy != EXTERNAL:
                        self._end(symbol, strategy)
            case "pause":
                self.paused[symbol] = event.who
            case "resume":
                self.paused.pop(symbol, None)
            case "move-stop":
                for strategy in self.strategies_of(symbol):
                    if strategy != EXTERNAL and (lots := self.position(symbol, strategy).lots):
                        self._set_by_hand((symbol, strategy), lots, event.stop_ticks)
            case "ignore":
                self.ignored[symbol] = event.lots
            case "adopt":
                return self._adopt(event)
        return []

    def _adopt(self, event: Intervened) -> list[Posting]:
        """Lots of nobody's become a strategy's at the price that they cost: no profit is made or moved."""
        symbol = event.instrument
        held = self.position(symbol, EXTERNAL)
        self.ignored.pop(symbol, None)
        cross = Crossed(
            cross_id=0,
            account=self.account,
            venue=self.venue,
            instrument=symbol,
            buyer=event.strategy if held.side > 0 else EXTERNAL,
            seller=EXTERNAL if held.side > 0 else event.strategy,
            lots=abs(held.lots),
            price_ticks=held.entry_ticks(self.ledger.units[symbol]),
            market_ns=held.opened_ns,
        )
        postings = self.ledger.book_cross(cross)
        self._set_by_hand((symbol, event.strategy), self.position(symbol, event.strategy).lots, event.stop_ticks)
        return postings

    def _set_by_hand(self, name: tuple[str, str], lots: int, stop_ticks: int) -> None:
        """The goal that a person wants: what is held, with this stop, until the strategy's next target."""
        goal = self.goals.get(name) or Goal(
            run=self.run, target_id=0, lots=0, stop_ticks=0, valid_until_ns=0, reference_ticks=0
        )
        self.goals[name] = msgspec.structs.replace(
            goal, lots=lots, stop_ticks=stop_ticks, by_hand=True, spent=False, stale=False
        )

    def _end(self, instrument: str, strategy: str) -> None:
        """What the strategy holds goes, or went, by another's hand: its target is spent."""
        name = (instrument, strategy)
        goal, side = self.goals.get(name), self.position(instrument, strategy).side
        if goal is None:
            goal = Goal(run=self.run, target_id=0, lots=0, stop_ticks=0, valid_until_ns=0, reference_ticks=0)
        self.goals[name] = msgspec.structs.replace(goal, spent=True)
        if side:
            self.stopped_sides[name] = side

    def _cross(self, cross: Crossed) -> list[Posting]:
        if cross.cross_id <= self.cross_id_last:
            return []
        self.cross_id_last = cross.cross_id
        return self.ledger.book_cross(cross)

    def _judge(self, order: Order) -> None:
        """What an order's end means for the goals behind it."""
        intent = order.intent
        if not order.is_terminal or order.state == OrderState.NOT_SENT:
            return
        if intent.purpose == Purpose.STOP and order.state == OrderState.REJECTED:
            # A stop that cannot rest leaves the position bare: its goal ends, the position is closed.
            if order.refusal != "ReduceOnlyRejected":
                self._spend(intent.instrument, intent.allocation[0][0], intent.target_id)
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
