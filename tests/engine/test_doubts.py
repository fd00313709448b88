"""What is in doubt after a restart, and what the exchange did more often than it was asked."""

import msgspec

from engine.doubts import doubled, doubts
from engine.events import Filled
from engine.order import Event
from tests.engine.test_core import Desk


def test_what_was_intended_and_not_answered_is_in_doubt_after_a_restart():
    """An order that rests, ended, or is in doubt already is not told so again."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    assert doubts(desk.books, 5) == []
    (send,) = desk.target(2, 6, 490_000)
    (doubt,) = doubts(desk.books, 5)
    assert (doubt.intent_id, doubt.event, doubt.wall_ns) == (send.intent.intent_id, Event.DOUBT, 5)
    desk.books.apply(doubt)
    assert doubts(desk.books, 6) == []


def test_an_order_that_traded_under_two_numbers_or_more_than_its_lots_was_doubled():
    """One intent, one order, its lots: anything else is counted."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    assert doubled(desk.books) == 0
    fill = next(event for event in desk.events if isinstance(event, Filled))
    desk.books.apply(msgspec.structs.replace(fill, trade_id=77, lots=1, venue_order_id="other"))
    assert doubled(desk.books) == 1


def test_an_order_that_appears_after_all_was_called_absent_too_soon():
    """Each late adoption counts."""
    desk = Desk()
    (send,) = desk.target(1, 3, 490_000)
    desk.ack(send.intent, Event.ABSENT, refusal="Unreachable")
    desk.ack(send.intent)
    assert doubled(desk.books) == 1
