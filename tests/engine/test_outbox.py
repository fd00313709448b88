"""What the engine shows: only what is durable, a row only when it changed."""

import numpy as np

from engine.books import Books
from engine.events import Deposited, Filled, Intended, Listed, Observed, Started
from engine.order import Event
from engine.outbox import Outbox
from engine.venue.base import Acknowledged
from shm.counters import Counter, Hop
from shm.records import OrderEventKind, OrderState
from shm.topology import position_row
from tests.engine.test_account import BTC, INSTRUMENTS
from tests.engine.venue.test_round_trip import approved


class Shared:
    """ORDER_EVENTS, POSITIONS and counters that remember."""

    def __init__(self):
        """Nothing yet."""
        self.events, self.rows, self.counts, self.hops = [], [], {}, {}

    def publish(self, record):
        """A ring."""
        self.events.append(np.copy(record)[0])

    def write(self, row, record):
        """A table."""
        self.rows.append((row, np.copy(record)[0]))

    def add(self, counter, count=1):
        """Count."""
        self.counts[counter] = self.counts.get(counter, 0) + count

    def set(self, gauge, value):
        """Ignore."""

    def record(self, hop, elapsed_ns):
        """Remember."""
        self.hops[hop] = elapsed_ns


def begun():
    """Books with a listing, and an outbox over them."""
    books, shared = Books(), Shared()
    rule = INSTRUMENTS[0]
    for event in (
        Started(run="r", account="main", venue="fake", wall_ns=0),
        Listed(instrument=BTC, venue="fake", tick_e8=rule.tick_e8, lot_e8=rule.lot_e8, unit=rule.unit),
        Deposited(account="main", venue="fake", amount=10**12, reference="opening", wall_ns=0),
    ):
        books.apply(event)
    return books, shared, Outbox(books, (INSTRUMENTS, ("trend",)), (shared, shared), shared)


def fill(fee=450_000_000 * 5 // 10):
    """Ten lots at 300 000 ticks."""
    return Filled(
        account="main",
        venue="fake",
        instrument=BTC,
        trade_id=1,
        intent_id=1,
        venue_order_id="5",
        side=1,
        lots=10,
        price_ticks=300_000,
        fee=fee,
        is_maker=False,
        market_ns=7,
        wall_ns=0,
    )


def test_an_order_is_shown_from_intent_to_fill_with_its_times():
    """Three records, and the hops of its way."""
    books, shared, outbox = begun()
    intent = approved(1, received_ns=100, decided_ns=200).intent
    events = [Intended(intent=intent), Observed(intent_id=1, event=Event.ACK, venue_order_id="5"), fill()]
    outbox.intended(events, 250)
    for event in events:
        books.apply(event)
        outbox.durable([event], 300)
    told = Acknowledged(venue_order_id="5", event=Event.ACK, lots_filled=0, sent_ns=400, market_ns=0)
    outbox.sent(intent, told, 300, 900)
    assert [event["kind"] for event in shared.events[:3]] == [
        OrderEventKind.INTENT,
        OrderEventKind.STATE,
        OrderEventKind.FILL,
    ]
    assert (shared.events[2]["trade_id"], shared.events[2]["price_ticks"], shared.events[2]["lots_filled"]) == (
        1,
        300_000,
        10,
    )
    assert shared.events[3]["state"] == OrderState.FILLED
    assert shared.hops == {
        Hop.DECISION_TO_INTENT: 50,
        Hop.INTENT_TO_DURABLE: 50,
        Hop.DURABLE_TO_SENT: 100,
        Hop.FRAME_TO_SENT: 300,
        Hop.SENT_TO_ACK: 500,
    }


def test_a_position_is_written_when_it_changed_and_only_then():
    """The brain reads lots, entry and version of its own strategy."""
    books, shared, outbox = begun()
    outbox.publish({})
    first = len(shared.rows)
    for event in (Intended(intent=approved(1).intent), fill()):
        books.apply(event)
        outbox.durable([event], 0)
    outbox.publish({BTC: 300_100})
    outbox.publish({BTC: 300_200})
    ((number, row),) = shared.rows[first:]
    assert number == position_row(0, 0)
    assert (row["lots"], row["entry_ticks"], row["net_lots"]) == (10, 300_000, 10)


def test_a_fee_that_is_not_ours_to_the_unit_is_counted():
    """The exchange's fee is booked; that it differs from our own computation is an alarm."""
    books, shared, outbox = begun()
    for event in (Intended(intent=approved(1).intent), fill(fee=1)):
        books.apply(event)
        outbox.durable([event], 0)
    outbox.publish({})
    assert shared.counts[Counter.FEES_DIFFERENT] == 1


def test_only_what_an_event_touched_is_looked_at():
    """Among hundreds of instruments a fill of one costs the look at one."""
    books, shared, outbox = begun()
    outbox.publish({})
    looked, position = [], books.position
    books.position = lambda symbol, *more: looked.append(symbol) or position(symbol, *more)
    intent = approved(1).intent
    for event in (Intended(intent=intent), Observed(intent_id=1, event=Event.ACK, venue_order_id="5"), fill()):
        books.apply(event)
        outbox.durable([event], 300)
    looked.clear()
    outbox._gauges = lambda marks: None
    outbox.publish({})
    assert dict.fromkeys(looked) == {BTC: None}
    assert [int(row["lots"]) for number, row in shared.rows if number == position_row(0, 0)][-1] == 10
