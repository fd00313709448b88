"""What the engine tells the others, once it is durable: orders' news, positions, figures.

    durable events --> ORDER_EVENTS, counters, hops
    books -----------> POSITIONS (only rows that changed), gauges

Nothing is shown that a crash could take back: what is on a ring or in a row is on the disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from engine.books import Books
from engine.events import (
    BookEvent,
    Crossed,
    Filled,
    Funded,
    Intended,
    Listed,
    Observed,
    Opened,
    Sized,
    Spent,
    Stepped,
    Trimmed,
)
from engine.order import Event, Intent, Order
from engine.risk import Refused
from engine.venue.base import Acknowledged
from shm import records
from shm.counters import Counter, Counters, Gauge, Hop
from shm.instruments import Instrument
from shm.numbering import order_number
from shm.records import OrderEventKind, Purpose
from shm.topology import position_row

MINOR = 1e-8


class Ring(Protocol):
    """A ring's writer."""

    def publish(self, record: np.ndarray[tuple[int], np.dtype[np.void]] | np.void) -> int:
        """Publish one record."""
        ...


class Rows(Protocol):
    """A table's writer."""

    def write(self, row: int, record: np.ndarray[tuple[int], np.dtype[np.void]] | np.void) -> None:
        """Write one row."""
        ...


class Outbox:
    """ORDER_EVENTS, POSITIONS and the engine's counters."""

    def __init__(
        self,
        books: Books,
        names: tuple[Sequence[Instrument], Sequence[str]],
        shared: tuple[Ring, Rows],
        counters: Counters,
    ) -> None:
        """``names``: instruments and strategies, both by row; ``shared``: ORDER_EVENTS and POSITIONS."""
        self._books = books
        self._instruments, self._strategies = names
        self._instrument_row = {instrument.symbol: instrument.row for instrument in self._instruments}
        self._strategy_row = {name: row for row, name in enumerate(self._strategies)}
        self._order_events, self._positions = shared
        self._counters = counters
        self._event: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.ORDER_EVENT)
        self._position: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.POSITION)
        self._shown: dict[int, bytes] = {}
        self._told_ns: dict[int, int] = {}  # by intent: when the core answered with it
        self._fee_mismatches = 0
        self._stale: dict[str, None] = dict.fromkeys(
            self._instrument_row
        )  # whose rows may have changed since they were written

    def intended(self, events: Sequence[BookEvent], monotonic_ns: int) -> None:
        """The core has answered with ``events``; they are not durable yet."""
        for event in events:
            if isinstance(event, Intended):
                self._told_ns[event.intent.intent_id] = monotonic_ns
                if event.intent.decided_ns:
                    self._record(Hop.DECISION_TO_INTENT, monotonic_ns - event.intent.decided_ns)

    def durable(self, events: Sequence[BookEvent], durable_ns: int) -> None:
        """Show ``events``, which are on the disk."""
        for event in events:
            self._stale |= dict.fromkeys(self._touched(event))
            match event:
                case Intended(intent=intent):
                    self._counters.add(Counter.INTENTS)
                    self._record(Hop.INTENT_TO_DURABLE, durable_ns - self._told_ns.pop(intent.intent_id, durable_ns))
                    self._show(OrderEventKind.INTENT, intent, durable_ns=durable_ns)
                case Observed():
                    self._count(event)
                    self._show(OrderEventKind.STATE, self._books.orders[event.intent_id].intent)
                case Filled():
                    self._counters.add(Counter.FILLS)
                    self._show_fill(event)

    def sent(self, intent: Intent, acknowledged: Acknowledged, durable_ns: int, answered_ns: int) -> None:
        """Take the times of a request that was answered."""
        sent_ns = acknowledged.sent_ns
        self._counters.add(Counter.ORDERS_SENT)
        self._record(Hop.SENT_TO_ACK, answered_ns - sent_ns)
        self._record(Hop.DURABLE_TO_SENT, sent_ns - durable_ns)
        if intent.received_ns:
            self._record(Hop.FRAME_TO_SENT, sent_ns - intent.received_ns)
        if intent.purpose is Purpose.STOP:
            self._counters.add(Counter.STOPS_PLACED)
        self._show(OrderEventKind.STATE, intent, durable_ns=durable_ns, sent_ns=sent_ns)

    def refused(self, refused: Refused) -> None:
        """Show what risk refused."""
        self._counters.add(Counter.ORDERS_REFUSED)
        self._show(OrderEventKind.REFUSED, refused.intent, refusal=int(refused.refusal))

    def publish(self, marks: Mapping[str, int]) -> None:
        """Write the rows of POSITIONS that changed, and the gauges; the books must be durable."""
        if not self._stale:
            return
        stale, self._stale = self._stale, {}
        touched = [instrument for instrument in self._instruments if instrument.symbol in stale]
        changed = [self._publish_row(i, s) for i in touched for s in self._strategies]
        if any(changed):
            self._gauges(marks)

    def _touched(self, event: BookEvent) -> Iterable[str]:
        """The instruments whose rows an event may change."""
        match event:
            case Observed(intent_id=intent_id):
                return (self._books.orders[intent_id].intent.instrument,)
            case Intended(intent=intent):
                return (intent.instrument,)
            case Sized() | Spent() | Trimmed() | Stepped() | Filled() | Crossed() | Funded() | Opened() | Listed():
                return (event.instrument,)
            case _:
                return self._instrument_row

    def _publish_row(self, instrument: Instrument, strategy: str) -> bool:
        position = self._books.position(instrument.symbol, strategy)
        goal = self._books.goals.get((instrument.symbol, strategy))
        row = self._position
        row["instrument"], row["strategy"] = instrument.row, self._strategy_row[strategy]
        row["stopped_side"] = self._books.stopped_sides.get((instrument.symbol, strategy), 0)
        row["version"], row["lots"] = position.version, position.lots
        row["entry_ticks"], row["opened_ns"] = position.entry_ticks(instrument.unit), position.opened_ns
        row["stop_ticks"] = self._books.resting_stop_ticks(instrument.symbol, strategy)
        row["target_id"] = goal.target_id if goal is not None and not goal.stale else 0
        row["net_lots"] = self._books.position(instrument.symbol).lots
        row["cost"], row["realised"], row["fees"] = position.cost, position.realised, position.fees
        number, shown = position_row(instrument.row, self._strategy_row[strategy]), row.tobytes()
        if self._shown.get(number) == shown:
            return False
        self._positions.write(number, row)
        self._shown[number] = shown
        return True

    def _gauges(self, marks: Mapping[str, int]) -> None:
        books, ledger = self._books, self._books.ledger
        held = [i for i in self._instruments if books.position(i.symbol).lots]
        wallet = ledger.wallet(books.account, books.venue)
        self._counters.set(Gauge.WALLET, wallet * MINOR)
        self._counters.set(Gauge.POSITIONS_OPEN, len(held))
        self._counters.set(Gauge.ORDERS_OPEN, sum(len(books.working_of(i.symbol)) for i in self._instruments))
        if all(marks.get(i.symbol) for i in held):
            unrealised = sum(books.position(i.symbol).unrealised(marks[i.symbol], i.unit) for i in held)
            self._counters.set(Gauge.UNREALISED, unrealised * MINOR)
            self._counters.set(Gauge.EQUITY, (wallet + unrealised) * MINOR)
        if ledger.fee_mismatches > self._fee_mismatches:
            self._counters.add(Counter.FEES_DIFFERENT, ledger.fee_mismatches - self._fee_mismatches)
            self._fee_mismatches = ledger.fee_mismatches

    def _count(self, event: Observed) -> None:
        if event.event is Event.REJECT:
            self._counters.add(Counter.ORDERS_REJECTED)
        elif event.event is Event.DOUBT:
            self._counters.add(Counter.ORDERS_IN_DOUBT)

    def _record(self, hop: Hop, elapsed_ns: int) -> None:
        self._counters.record(hop, max(0, elapsed_ns))

    def _show_fill(self, fill: Filled) -> None:
        order = self._books.orders.get(fill.intent_id)
        if order is not None:
            self._show(
                OrderEventKind.FILL,
                order.intent,
                trade_id=fill.trade_id,
                lots_filled=fill.lots,
                price_ticks=fill.price_ticks,
                fee=fill.fee,
                event_ns=fill.market_ns,
            )

    def _show(self, kind: OrderEventKind, intent: Intent, **more: int) -> None:
        row = self._instrument_row.get(intent.instrument)
        if row is None:
            return  # of an instrument that this session does not trade
        order = self._books.orders.get(intent.intent_id) or Order(intent=intent)
        values = {
            "kind": kind,
            "state": order.state,
            "side": intent.side,
            "purpose": intent.purpose,
            "instrument": row,
            "strategy": self._strategy_row.get(intent.allocation[0][0], 0),
            "leg": intent.leg,
            "type": intent.type,
            "intent_id": intent.intent_id,
            "venue_order_id": order_number(order.venue_order_id),
            "lots": intent.lots,
            "lots_filled": order.lots_filled,
            "price_ticks": intent.price_ticks or intent.stop_ticks,
            "target_id": intent.target_id,
            "event_ns": intent.created_market_ns,
            "received_ns": intent.received_ns,
            "decided_ns": intent.decided_ns,
            **more,
        }
        record: Any = self._event
        record[:] = 0
        for name, value in values.items():
            record[name] = value
        self._order_events.publish(record)
