"""Our books: the fold of the journal's events, the same live and at replay.

    journal events --apply--> orders   (intent, facts)
                              goals    (sized targets: what each strategy wants)
                              trips    (what their exits remember of a trade)
                              hands    (what people asked for, and strangers did)
                              ledger   (positions, cash)

Nothing else changes them.  An event that was applied before changes nothing.
"""

from collections.abc import Sequence
from fractions import Fraction

import msgspec

from engine import executor
from engine.events import (
    DUST,
    EXTERNAL,
    BookEvent,
    Crossed,
    DayBegan,
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
    Stepped,
    Trimmed,
)
from engine.goal import Goal, ended, set_by_hand, taken
from engine.hands import Hands
from engine.ledger import NET, Key, Ledger, Position, Posting, shares
from engine.order import Fact, Intent, Order, OrderType
from engine.shelf import Shelf
from engine.tally import Day, Tally, profit_of
from engine.trip import Entry, Trips
from shm.records import Leg, OrderState, Purpose

NOBODY = (DUST, EXTERNAL)  # who hold lots and want nothing
RESTING = (OrderState.OPEN, OrderState.PARTIAL)


class BooksError(Exception):
    """An event that cannot follow from those before it."""


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
        self.goals: Shelf[tuple[str, str], Goal] = Shelf(lambda name: name[0])
        self.stopped_sides: dict[tuple[str, str], int] = {}
        self.trips = Trips()
        self.tally = Tally()
        self.pursuits: dict[str, executor.Pursuit] = {}  # by instrument: what was posted for its newest target
        self.listings: dict[str, Listed] = {}
        self.trades_from: dict[str, int] = {}  # the first trade that is ours to book, by instrument
        self.lapsed: dict[str, bool] = {}  # opened, and left out of a later session: what was traded then is cash
        self.hands = Hands()
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
                self.lapsed.pop(event.instrument, None)
                return self.ledger.book_opening(event)
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

    def profit_of(self, strategy: str) -> int:
        """What ``strategy`` has realised on all instruments, fees and funding included, in minor units."""
        return sum(profit_of(held) for key, held in self.ledger.positions.items() if key.strategy == strategy)

    def strategies_of(self, instrument: str) -> list[str]:
        """Everyone who wants or holds lots of ``instrument``, in order of name."""
        holding = [key.strategy for key in self.ledger.strategies_of(self.key(instrument))]
        return sorted({*holding, *(strategy for _, strategy in self.goals.group(instrument))})

    def working_of(self, instrument: str) -> list[Order]:
        """Orders of ``instrument`` of which the venue may still tell something new."""
        return list(self.working.get(instrument, {}).values())

    def stops_of(self, instrument: str, strategy: str, purpose: Purpose = Purpose.STOP) -> list[Order]:
        """The unsettled protective stops, or targets, of ``strategy``, oldest first."""
        orders = (order for order in self.working_of(instrument) if order.intent.purpose == purpose)
        return [order for order in orders if order.intent.allocation[0][0] == strategy]

    def foreign_lots(self, instrument: str) -> int:
        """Lots that others hold or traded here, unless a person said that it is well."""
        return self.hands.foreign_lots(instrument, self.position(instrument, EXTERNAL).lots)

    def resting_stop_ticks(self, instrument: str, strategy: str) -> int:
        """The trigger of the stop that rests at the venue; 0: none."""
        stops = [one for one in self.stops_of(instrument, strategy) if one.state in RESTING]
        return stops[-1].intent.stop_ticks if stops else 0

    def _start(self, event: Started) -> None:
        if self.account and (self.account, self.venue) != (event.account, event.venue):
            raise BooksError(f"these books belong to {self.venue}-{self.account}, not {event.venue}-{event.account}")
        self.account, self.venue = event.account, event.venue
        if event.run != self.run:
            for name, goal in self.goals.items():
                self.goals[name] = msgspec.structs.replace(goal, stale=True)
        self.run = event.run
        if event.symbols:
            self.lapsed |= {name: True for name in self.trades_from if name not in event.symbols}

    def _list(self, event: Listed) -> None:
        name, known = event.instrument, self.listings.get(event.instrument)
        if known and known.lot_e8 != event.lot_e8 and self.position(name).lots:
            raise BooksError(f"{name} changed its lot while a position is open: close it at the exchange first")
        if known and known.tick_e8 != event.tick_e8:
            ratio = Fraction(known.tick_e8, event.tick_e8)
            self.goals |= {key: goal.scaled(ratio) for key, goal in self.goals.items() if key[0] == name}
            self.trips.scale(name, ratio)
            if pursuit := self.pursuits.get(name):  # its order may rest still
                ticks = round(pursuit.price_ticks * ratio)
                self.pursuits[name] = msgspec.structs.replace(pursuit, price_ticks=ticks)
        self.listings[name] = event
        self.ledger.relist(name, event.unit)

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
            trail_ticks=event.trail_ticks,
            by_hand=known.by_hand if again and known else False,
            spent=known.spent if again and known else False,
            barred=known.barred if again and known else False,
        )

    def _intend(self, intent: Intent) -> None:
        if intent.intent_id in self.orders:
            return
        self.intent_id_last = max(self.intent_id_last, intent.intent_id)
        self._keep(Order(intent=intent, changed_wall_ns=intent.created_wall_ns))
        if intent.purpose == Purpose.STOP:
            self.trips.guard((intent.instrument, intent.allocation[0][0]), intent.intent_id)
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
        number, refusal = event.venue_order_id or order.venue_order_id, event.refusal or order.refusal
        wall_ns = max(event.wall_ns, order.changed_wall_ns)
        order = msgspec.structs.replace(order, venue_order_id=number, refusal=refusal, changed_wall_ns=wall_ns)
        self._keep(order)
        self._judge(order)

    def _fill(self, fill: Filled) -> list[Posting]:
        if (fill.venue, fill.instrument, fill.trade_id) in self.ledger.trades:
            return []
        order = self.orders.get(fill.intent_id)
        if order is None:
            return self._fill_foreign(fill)
        postings = self._book(fill, shares(order.intent.allocation, order.lots_filled, fill.lots))
        order = order.filled(fill.lots)
        self._keep(msgspec.structs.replace(order, venue_order_id=fill.venue_order_id or order.venue_order_id))
        if order.intent.purpose == Purpose.STOP:
            self._stop_out(order.intent)
        elif order.intent.purpose == Purpose.TAKE_PROFIT:
            self._bar(order.intent)  # what a target took is not bought back
        self._judge(order)
        return postings

    def _fill_foreign(self, fill: Filled) -> list[Posting]:
        """A trade that is not ours: what it closes of ours is closed, by whoever did it; the rest is EXTERNAL's."""
        names = self.strategies_of(fill.instrument)
        parts = self.hands.traded(fill, [(name, self.position(fill.instrument, name).lots) for name in names])
        for strategy, lots in parts:
            held = self.position(fill.instrument, strategy).lots
            self._take((fill.instrument, strategy), held, held + fill.side * lots)
        return self._book(fill, parts)

    def _book(self, fill: Filled, parts: list[tuple[str, int]]) -> list[Posting]:
        before = {strategy: self.position(fill.instrument, strategy).lots for strategy, _ in parts}
        postings = self.ledger.book_fill(fill, parts)
        for strategy, lots in before.items():
            self._travel((fill.instrument, strategy), lots, fill.price_ticks, fill.market_ns)
        return postings

    def _intervene(self, event: Intervened) -> list[Posting]:
        if not self.hands.told(event):
            return []
        symbol = event.instrument
        match event.deed:
            case "close":
                for strategy in self.strategies_of(symbol):
                    self._end(symbol, strategy)
            case "move-stop":
                for strategy in self.strategies_of(symbol):
                    name, lots = (symbol, strategy), self.position(symbol, strategy).lots
                    if lots and strategy not in NOBODY:
                        self.goals[name] = set_by_hand(self.goals.get(name), self.run, lots, event.stop_ticks)
            case "cancel" if (order := self.orders.get(event.intent_id)) and order.intent.purpose == Purpose.ENTRY:
                self._bar(order.intent)  # else it would be posted anew at once
            case "adopt":
                return self._adopt(event)
        return []

    def _adopt(self, event: Intervened) -> list[Posting]:
        """Lots of nobody's become a strategy's at the price that they cost: no profit is made or moved."""
        name = (event.instrument, event.strategy)
        held, before = self.position(event.instrument, EXTERNAL), self.position(*name)
        if not held.lots or held.side * before.side < 0:
            return []
        lots, given = before.lots + held.lots, held.lots
        self.goals[name] = set_by_hand(self.goals.get(name), self.run, lots, event.stop_ticks, given)
        ticks = held.entry_ticks(self.ledger.units[event.instrument])
        postings = self.ledger.book_adoption(self.key(event.instrument), event.strategy)
        self._travel(name, before.lots, ticks, held.opened_ns)
        return postings

    def _take(self, name: tuple[str, str], held: int, left: int) -> None:
        """A stranger has left ``left`` of the lots ``held``."""
        if name[1] in NOBODY:
            return
        self.goals[name] = goal = taken(self.goals.get(name), self.run, held, left)
        if goal.spent:
            self.stopped_sides[name] = 1 if held > 0 else -1

    def _end(self, instrument: str, strategy: str) -> None:
        """A person closes what the strategy holds: nothing of it is bought back."""
        name = (instrument, strategy)
        if strategy in NOBODY:
            return
        self.goals[name] = ended(self.goals.get(name), self.run)
        if side := self.position(*name).side:
            self.stopped_sides[name] = side

    def _cross(self, cross: Crossed) -> list[Posting]:
        if cross.cross_id <= self.cross_id_last:
            return []
        self.cross_id_last = cross.cross_id
        return self._book_cross(cross)

    def _book_cross(self, cross: Crossed) -> list[Posting]:
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
                strategy = intent.allocation[0][0]
                goal = self.goals.get((intent.instrument, strategy))
                # A stale goal is not the stop's own, but nobody else will say where a stop belongs.
                named = goal.target_id if goal is not None and goal.stale else intent.target_id
                self._spend(intent.instrument, strategy, named)
        elif intent.purpose == Purpose.TAKE_PROFIT and order.refusal == "WouldTrigger":
            self.trips.been_at((intent.instrument, intent.allocation[0][0]), intent.stop_ticks)
        elif executor.was_withdrawn(order):
            pursuit = self.pursuits[intent.instrument]
            refused = not order.facts & Fact.CANCEL_ASKED and pursuit.target_id == intent.target_id
            self.pursuits[intent.instrument] = msgspec.structs.replace(pursuit, refusals=pursuit.refusals + refused)
        elif intent.purpose == Purpose.ENTRY:
            self._bar(intent, but=[name for name, _ in intent.allocation if self._has_left(order, name)])

    def _has_left(self, order: Order, strategy: str) -> bool:
        """All of an order has filled and it has brought the strategy no further than out: that may still turn."""
        ahead = self.position(order.intent.instrument, strategy).lots * order.intent.side
        return order.state == OrderState.FILLED and (ahead < 0 or (ahead == 0 and order.is_settled))

    def _bar(self, intent: Intent, but: Sequence[str] = ()) -> None:
        """The goals behind an order add nothing any more, ``but`` those of whom that is not said."""
        for strategy, _ in intent.allocation:
            goal = self.goals.get((intent.instrument, strategy))
            if strategy not in but and goal and not goal.stale and goal.target_id <= intent.target_id:
                self.goals[intent.instrument, strategy] = msgspec.structs.replace(goal, barred=True)

    def _spend(self, instrument: str, strategy: str, target_id: int) -> None:
        goal = self.goals.get((instrument, strategy))
        if goal and goal.target_id == target_id:
            self.goals[instrument, strategy] = msgspec.structs.replace(goal, spent=True)

    def _stop_out(self, stop: Intent) -> None:
        """A stop has traded: its own goal is over; one that is left over from a former trade stops nobody out."""
        name = (stop.instrument, stop.allocation[0][0])
        goal = self.goals.get(name)
        self._spend(*name, stop.target_id)
        if (goal and goal.target_id == stop.target_id) or self.trips.is_guarded(name, stop.intent_id):
            self.stopped_sides[name] = -stop.side

    def _keep(self, order: Order) -> None:
        intent = order.intent
        self.orders[intent.intent_id] = order
        working = self.working.setdefault(intent.instrument, {})
        if order.is_settled:
            working.pop(intent.intent_id, None)
        else:
            working[intent.intent_id] = order
