"""Out of a position while the fate of an exit is unknown: again at once where nothing can be closed twice."""

import pytest

from engine import planner
from engine.books import Books
from engine.events import EXTERNAL, Filled, decode, encode
from engine.messages import Ask, Compare, FillTold, KillRaised, Outcome, Tick
from engine.netting import Proposal
from engine.order import Event
from shm.records import Kill, OrderState, Purpose
from tests.engine.test_core import SYMBOL, Desk, kinds, sends


def lost(desk, intent):
    """The answer was lost, and the venue does not find the order."""
    desk.ack(intent, Event.DOUBT, refusal="Unknown")
    return desk.ack(intent, Event.ABSENT)


def leaving(desk, lots=3):
    """A position that FLATTEN closes; the exit."""
    desk.enter(1, lots, 490_000)
    (exit_,) = sends(desk.tell(KillRaised(Kill.FLATTEN)))
    return exit_


@pytest.mark.parametrize("wish", ["flatten", "target"])
def test_an_exit_that_the_venue_does_not_find_is_followed_by_another(wish):
    """Not after the horizon but at once: it only reduces, and so does what may still come."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    (first,) = sends(desk.tell(KillRaised(Kill.FLATTEN)) if wish == "flatten" else desk.target(2, 0, 0))
    (second,) = sends(lost(desk, first))
    assert (second.lots, second.side, second.reduce_only, second.intent_id) == (3, -1, True, first.intent_id + 1)
    assert desk.books.orders[first.intent_id].state is OrderState.IN_DOUBT
    desk.fill(second, 3)
    assert desk.books.position(SYMBOL).lots == 0
    assert sends([*desk.ack(first, Event.ABSENT), *desk.tell(Tick(), later_s=1.0)]) == []


def test_the_first_exit_wins_and_the_second_finds_nothing_to_reduce():
    """Both arrived: the venue refuses the second, the books are compared, and nothing turns."""
    desk = Desk()
    first = leaving(desk)
    (second,) = sends(lost(desk, first))
    desk.fill(first, 3)
    assert Compare in kinds(desk.ack(second, Event.REJECT, refusal="ReduceOnlyRejected"))
    assert desk.books.position(SYMBOL).lots == 0
    assert sends(desk.tell(Tick(), later_s=60.0)) == []


def test_an_exit_in_doubt_that_was_found_is_waited_for():
    """The venue has it: its trades will come, and a second order would only be in their way."""
    desk = Desk()
    first = leaving(desk)
    desk.ack(first, Event.DOUBT, refusal="Unknown")
    assert sends(desk.ack(first)) == []
    assert sends(desk.tell(Tick(), later_s=1.0)) == []


def test_a_part_of_a_position_is_not_closed_twice():
    """Two of three lots are to go: a second exit could take the third, so it waits for the proof; FLATTEN does not."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    (first,) = sends(desk.target(2, 1, 490_000))
    assert sends(lost(desk, first)) == []
    assert sends(desk.tell(Tick(), later_s=5.0)) == []
    (whole,) = sends(desk.tell(KillRaised(Kill.FLATTEN)))
    assert (whole.lots, whole.reduce_only, whole.purpose) == (3, True, Purpose.FLATTEN)


def test_a_strangers_lots_on_our_side_are_not_closed_by_a_second_exit():
    """Reduce-only clips to what the account holds, and five of that eight are somebody else's."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    stranger = Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=5, intent_id=0, venue_order_id="x", side=1, lots=5,
        price_ticks=500_000, fee=0, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip
    desk.tell(FillTold(stranger))
    (first,) = sends(desk.tell(KillRaised(Kill.FLATTEN)))
    assert sends(lost(desk, first)) == []
    assert desk.books.position(SYMBOL, EXTERNAL).lots == 5


def test_where_no_order_only_reduces_an_exit_in_doubt_is_waited_for():
    """On a spot exchange a second sale sells what it finds."""
    desk = Desk()
    first = leaving(desk)
    lost(desk, first)
    whole = Proposal(side=-1, lots=3, allocation=(("trend", 3),), crosses=())
    assert planner.may_leave_again(desk.books, SYMBOL, whole)
    spot = Books()
    for event in desk.events:
        spot.apply(decode(encode(event).replace(SYMBOL.encode(), b"BTC/USDT")))
    assert not planner.may_leave_again(spot, "BTC/USDT", whole)


def test_exits_that_nobody_finds_come_less_and_less_often():
    """A venue that swallows everything for half a minute gets nine exits, not sixty."""
    desk = Desk()
    exits = [leaving(desk)]
    for _ in range(300):
        for action in desk.tell(Tick(), later_s=0.1):
            if isinstance(action, Ask) and action.intent in exits:
                exits += sends(desk.ack(action.intent, Event.ABSENT, is_under_way=True))
    assert len(exits) == 9
    assert all(intent.reduce_only for intent in exits)


def test_an_exit_without_an_answer_is_followed_while_its_request_hangs():
    """Half a second, a question, and the next goes; absence is never proved before the request has ended."""
    desk = Desk()
    first = leaving(desk)
    desk.tell(Tick())
    assert sends(desk.tell(Tick(), later_s=0.4)) == []
    desk.tell(Tick(), later_s=0.2)
    (second,) = sends(desk.ack(first, Event.ABSENT, is_under_way=True))
    assert second.lots == 3
    desk.ack(second, Event.ABSENT, refusal="Unreachable")
    desk.tell(Outcome(intent_id=first.intent_id, event=Event.ABSENT, is_under_way=True), 60.0)
    assert desk.books.orders[first.intent_id].state is OrderState.IN_DOUBT


def test_what_a_refused_exit_says_of_its_retry_is_honoured():
    """429 with Retry-After 5 s: five seconds, to the millisecond; without a line, half a second and then one."""
    desk = Desk()
    first = leaving(desk)
    desk.ack(first, Event.ABSENT, refusal="RateLimited", retry_after_ms=5_000)
    assert sends(desk.tell(Tick(), later_s=4.99)) == []
    (second,) = sends(desk.tell(Tick(), later_s=0.02))
    for pause_s in (1.0, 1.0, 1.0):
        desk.ack(second, Event.ABSENT, refusal="Unreachable")
        assert sends(desk.tell(Tick(), later_s=pause_s - 0.03)) == []
        (second,) = sends(desk.tell(Tick(), later_s=0.05))
    assert second.reduce_only
