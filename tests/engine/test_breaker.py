"""The venue's circuit breaker: opens after failures in a row, tries once, closes on an answer."""

import pytest

from engine import errors
from engine.breaker import UNANSWERED, Breaker, State
from engine.messages import Announce
from engine.order import Event
from engine.risk import Refusal
from engine.settings import BreakerSettings, EngineSettings
from tests.engine.test_core import Desk, sends

S = 10**9


def opened(failures=3):
    """A breaker that has just opened at 0, for ten seconds."""
    breaker = Breaker(BreakerSettings(failures_max=failures, open_s=10))
    for number in range(1, failures + 1):
        assert breaker.objection(0) == ""
        breaker.sent(number)
        breaker.told(number, Event.ABSENT, "Unreachable", 0)
    return breaker


def test_failures_in_a_row_open_it_and_its_words_say_for_how_long():
    """An answer in between begins the count anew; a refusal is an answer."""
    breaker = Breaker(BreakerSettings(failures_max=2))
    for event, refusal in [(Event.DOUBT, "Unknown"), (Event.REJECT, "InsufficientFunds"), (Event.DOUBT, "Unknown")]:
        breaker.told(1, event, refusal, 0)
        assert breaker.state is State.CLOSED
    breaker.told(2, Event.ABSENT, "RateLimited", 0)
    assert breaker.objection(S) == "the venue has not answered 2 orders in a row; the next is tried in 9 s"


def test_what_our_own_gate_kept_back_is_no_failure_of_the_venue():
    """Only classes of errors that mean no answer count; each of the names is such a class."""
    breaker = Breaker(BreakerSettings(failures_max=1))
    breaker.told(1, Event.ABSENT, "NotSent", 0)
    assert breaker.state is State.CLOSED
    assert all(issubclass(getattr(errors, name), errors.VenueError) for name in UNANSWERED)


def test_half_open_lets_one_probe_through_and_its_answer_closes():
    """What others tell meanwhile closes nothing."""
    breaker = opened()
    assert breaker.objection(10 * S) == ""
    breaker.sent(7)
    assert breaker.objection(10 * S) == "the venue is being tried with order 7"
    breaker.told(2, Event.FILL_ALL, "", 10 * S)
    assert breaker.state is State.HALF_OPEN
    breaker.told(7, Event.ACK, "", 10 * S)
    assert (breaker.state, breaker.objection(10 * S)) == (State.CLOSED, "")


@pytest.mark.parametrize("refusal", ["NotSent", ""])
def test_a_trial_that_never_went_out_is_followed_by_another(refusal):
    """Kept back at the gate, or proved absent, it told nothing of the venue: entries must not wait for it for ever."""
    breaker = opened()
    assert breaker.objection(10 * S) == ""
    breaker.sent(7)
    breaker.told(7, Event.ABSENT, refusal, 10 * S)
    assert breaker.objection(10 * S) == ""
    breaker.sent(8)
    assert breaker.objection(10 * S) == "the venue is being tried with order 8"
    breaker.told(8, Event.EXPIRE, "", 10 * S)  # whatever it says, it has answered
    assert breaker.state is State.CLOSED


def test_a_probe_that_fails_opens_it_for_twice_as_long():
    """10, 20, 40 seconds, at most open_s_max."""
    breaker, now, pauses = opened(), 0, []
    for number in range(10, 16):
        pause = next(s for s in range(1_000) if not breaker.objection(now + s * S))
        pauses.append(pause)
        now += pause * S
        breaker.sent(number)
        breaker.told(number, Event.DOUBT, "Unknown", now)
    assert pauses == [10, 20, 40, 80, 160, 300]


def test_how_long_it_stays_open_is_a_setting():
    """``open_s`` at first, and never longer than ``open_s_max``."""
    breaker = Breaker(BreakerSettings(failures_max=1, open_s=3, open_s_max=4))
    breaker.told(1, Event.DOUBT, "Unknown", 0)
    assert [bool(breaker.objection(s * S)) for s in (2, 3)] == [True, False]
    breaker.sent(2)
    breaker.told(2, Event.DOUBT, "Unknown", 3 * S)
    assert [bool(breaker.objection((3 + s) * S)) for s in (3, 4)] == [True, False]


@pytest.mark.parametrize("failures_max", [2, 100])
def test_an_open_breaker_refuses_entries_and_lets_exits_through(failures_max):
    """Two orders without an answer: the third entry is refused by name, closing the position is not."""
    desk = Desk(settings=EngineSettings(breaker=BreakerSettings(failures_max=failures_max)))
    desk.enter(7, 3, 490_000)
    for target_id in (8, 9):
        (send,) = sends(desk.target(target_id, 4, 490_000))
        desk.ack(send, Event.ABSENT, refusal="Unreachable")
        desk.ns += 2 * S
    answer = desk.target(10, 5, 490_000)
    if failures_max == 100:
        assert [order.lots for order in sends(answer)] == [2]
        return
    assert [action.refused.refusal for action in answer if isinstance(action, Announce)] == [Refusal.VENUE_UNWELL]
    assert [order.reduce_only for order in sends(desk.target(11, 0, 0))] == [True]
