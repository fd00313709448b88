"""A stop of an older target that fills after a newer target was sized: the trade is over, nothing is bought back."""

import pytest

from engine.books import Books
from engine.events import Spent, decode, encode
from engine.messages import Tick
from engine.order import Event
from shm.records import Purpose
from tests.engine.test_core import SYMBOL, Desk, sends

NAME = SYMBOL, "trend"


@pytest.mark.parametrize(("side", "lots"), [(1, 3), (1, 5), (1, 1), (-1, 3)])
def test_a_newer_target_on_the_same_side_is_over_when_the_older_stop_fills(side, lots):
    """Wider stop, more lots or fewer: whoever is stopped out is out, until a target that is sized afterwards."""
    desk = Desk()
    old = desk.enter(1, side * 3, 500_000 - side * 10_000)
    pending = sends(desk.target(2, side * lots, 500_000 - side * 20_000))
    late = [*desk.fill(old, 3, 500_000 - side * 10_000), *desk.tell(Tick(), later_s=1.0)]
    assert [intent for intent in sends(late) if not intent.reduce_only] == []
    assert desk.books.goals[NAME].spent
    assert desk.books.stopped_sides[NAME] == side
    for intent in pending:  # what was on its way ends, in doubt or not, and is not tried again
        desk.ack(intent, Event.REJECT, refusal="ReduceOnlyRejected")
    assert [intent for intent in sends(desk.tell(Tick(), later_s=60.0)) if not intent.reduce_only] == []
    (send,) = desk.target(3, side * 3, 500_000 - side * 10_000)
    assert (send.intent.target_id, send.intent.lots, send.intent.side) == (3, 3, side)


def test_an_entry_of_the_newer_target_that_was_on_its_way_is_closed_again():
    """The two lots that it adds come after the stop: they belong to a trade that is over."""
    desk = Desk()
    old = desk.enter(1, 3, 490_000)
    entry, stop = sends(desk.target(2, 5, 480_000))
    desk.ack(stop)
    desk.fill(old, 3, 490_000)
    late = [*desk.fill(entry, 2), *desk.tell(Tick(), later_s=0.1)]
    (close,) = sends(late)
    assert (close.purpose, close.lots, close.reduce_only) == (Purpose.EXIT, 2, True)


def test_what_the_older_stop_leaves_stays_with_the_newer_stop():
    """Two lots more were entered before it filled: they stay at the newer stop, and three are not bought back."""
    desk = Desk()
    old = desk.enter(1, 3, 490_000)
    entry, stop = sends(desk.target(2, 5, 480_000))
    desk.fill(entry, 2)
    desk.fill(old, 1, 490_000)
    late = [*desk.fill(old, 2, 490_000), *desk.ack(stop), *desk.tell(Tick(), later_s=0.1)]
    (fitting,) = sends(late)
    assert (fitting.purpose, fitting.lots, fitting.stop_ticks) == (Purpose.STOP, 2, 480_000)
    assert (desk.books.goals[NAME].lots, desk.books.goals[NAME].spent) == (2, False)


@pytest.mark.parametrize("lots", [-2, 0])
def test_a_newer_target_that_wants_no_such_lots_goes_on(lots):
    """To turn, or to be flat, is what the stop does as well: the turn is made, from what is left."""
    desk = Desk()
    old = desk.enter(1, 3, 490_000)
    (send,) = desk.target(2, lots, 510_000 if lots else 0)
    for intent in sends(desk.ack(send.intent, Event.ABSENT, refusal="NotSent")):  # the gate kept it back
        desk.ack(intent, Event.ABSENT, refusal="NotSent")
    late = [*desk.fill(old, 3, 490_000), *desk.tell(Tick(), later_s=1.0)]
    assert [(intent.side, intent.lots) for intent in sends(late)] == ([(-1, 2)] if lots else [])
    assert not desk.books.goals[NAME].spent


def test_a_journal_read_again_tells_the_same():
    """What ended the newer target is an event of its own: an older journal, which has none, keeps its meaning."""
    desk = Desk()
    old = desk.enter(1, 3, 490_000)
    desk.target(2, 3, 480_000)
    desk.fill(old, 3, 490_000)
    books, before = Books(), Books()
    for event in desk.events:
        books.apply(decode(encode(event)))
        if not isinstance(event, Spent):
            before.apply(event)
    assert (books.goals, books.stopped_sides) == (desk.books.goals, desk.books.stopped_sides)
    assert not before.goals[NAME].spent
    again = Desk(books)
    assert sends([*again.actions, *again.target(2, 3, 480_000), *again.tell(Tick(), later_s=60.0)]) == []
