"""No position without a stop, whatever is refused, in doubt, of an earlier run, or somebody else's."""

from dataclasses import replace

import pytest

from engine.events import Filled
from engine.messages import Announce, Ask, Cancel, Candle, Compare, FillTold, KillRaised, Moment, Outcome, Tick
from engine.order import Event
from engine.risk import Refusal
from engine.settings import EngineSettings, ExecutorSettings
from shm.records import Kill, OrderState, Purpose
from tests.engine.test_core import SYMBOL, Desk, S, kinds, sends


def test_a_stop_in_doubt_that_is_not_found_does_not_leave_the_position_bare():
    """Another one is placed at once, long before the horizon; when the first appears after all, one of the two goes."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    (first,) = sends(desk.fill(send.intent, 3))
    desk.ack(first, Event.DOUBT)
    (second,) = sends(desk.ack(first, Event.ABSENT))
    assert (second.purpose, second.lots, second.stop_ticks) == (Purpose.STOP, 3, 490_000)
    assert desk.ack(first, Event.ABSENT) == ()
    desk.ack(second)
    (cancel,) = desk.ack(first)
    assert isinstance(cancel, Cancel)


def test_a_wall_clock_set_forward_proves_no_absence():
    """The horizon is monotonic time of this life: an hour's step of the clock does not make a late order absent."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    desk.ack(send.intent, Event.DOUBT)
    stepped = Moment(market_ns=desk.ns, wall_ns=desk.ns + 3_600 * S, monotonic_ns=desk.ns + S)
    desk.take(desk.core.tell(Outcome(intent_id=send.intent.intent_id, event=Event.ABSENT), stepped))
    assert desk.books.orders[1].state == OrderState.IN_DOUBT


def test_more_than_one_stop_may_have_is_closed_in_parts():
    """Two entries make 8 lots, a stop may have 5: the goal is given up, the lots go 5 and 3."""
    desk = Desk()
    (send,) = desk.target(7, 8, 490_000)
    desk.core._limits[SYMBOL] = replace(desk.core._limits[SYMBOL], market_lots_max=5)
    (announce,) = desk.fill(send.intent, 8)
    assert announce.refused.refusal == Refusal.ABOVE_LOTS_MAX
    assert not desk.core.is_settled
    (close,) = sends(desk.tell(Tick(), later_s=0.1))
    assert (close.lots, close.reduce_only, close.purpose) == (5, True, Purpose.EXIT)
    (rest,) = sends(desk.fill(close, 5))
    desk.fill(rest, rest.lots)
    assert desk.books.position(SYMBOL).lots == 0
    assert desk.core.is_settled


@pytest.mark.parametrize(("cover_ms", "covers"), [(0, True), (250, False)])
def test_a_part_that_fills_waits_for_its_cover_as_long_as_the_setting_says(cover_ms, covers):
    """Two lots of three are filled: with ``executor.cover_ms`` 0 their stop is placed at once, else after that time."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(cover_ms=cover_ms)))
    (send,) = desk.target(7, 3, 490_000)
    assert bool(sends(desk.fill(send.intent, 2))) is covers
    assert [one.lots for one in sends(desk.tell(Tick(), later_s=0.3))] == ([] if covers else [2])


def test_an_exit_that_risk_refuses_is_tried_and_told_again():
    """A halted instrument takes no order: the position stays, nothing is settled, and every try is announced."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    desk.core._limits[SYMBOL] = replace(desk.core._limits[SYMBOL], trading=False)
    desk.fill(send.intent, 3)
    told = [kinds(desk.tell(Tick(), later_s=6)) for _ in range(3)]
    assert told == [[Announce]] * 3
    assert not desk.core.is_settled
    desk.core._limits[SYMBOL] = replace(desk.core._limits[SYMBOL], trading=True)
    (close,) = sends(desk.tell(Tick(), later_s=6))
    assert (close.lots, close.reduce_only) == (3, True)


def test_a_position_of_an_earlier_run_whose_stop_would_trigger_is_closed():
    """A stale goal is no opinion, but a spent one has to be closed: nobody else will."""
    desk = Desk()
    (again,) = sends(desk.ack(desk.enter(7, 3, 490_000), Event.EXPIRE))
    cold = Desk(desk.books, run="r2")
    (close,) = sends(cold.ack(again, Event.REJECT, refusal="WouldTrigger"))
    assert (close.lots, close.side, close.reduce_only) == (3, -1, True)


def test_orders_that_fail_in_a_row_come_less_and_less_often():
    """A venue that refuses every stop is not asked twice a second for ever."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    (order,) = sends(desk.fill(send.intent, 3))
    count = 0
    for _ in range(600):
        if order is not None:
            desk.ack(order, Event.REJECT, refusal="ReduceOnlyRejected")
            count += 1
        order = next(iter(sends(desk.tell(Tick(), later_s=0.1))), None)
    assert 5 <= count <= 8


def test_a_strangers_position_is_compared_once_and_not_at_every_candle():
    """Lots that no strategy of ours bought are told, not traded, and not asked about without end."""
    desk = Desk()
    stranger = Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=5, intent_id=0, venue_order_id="x", side=1, lots=4,
        price_ticks=500_000, fee=0, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip
    assert kinds(desk.tell(FillTold(stranger))) == [Compare]
    candle = Candle(instrument=SYMBOL, open_ns=0, close_ns=1, high_ticks=1, low_ticks=1, close_ticks=1)
    assert [desk.tell(candle) for _ in range(3)] == [()] * 3


def test_a_stop_whose_answer_was_lost_is_asked_about_at_once():
    """A connection that broke after 50 ms: the question comes after ask_first_ms, not after the time for an answer."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    (stop,) = sends(desk.fill(send.intent, 3))
    desk.tell(Tick(), later_s=0.05)
    desk.ack(stop, Event.DOUBT)
    assert kinds(desk.tell(Tick(), later_s=0.1)) == []
    assert kinds(desk.tell(Tick(), later_s=0.2)) == [Ask]


@pytest.mark.parametrize("wish", ["flatten", "target"])
def test_an_entry_that_failed_keeps_no_exit_waiting(wish):
    """An entry was refused for 50 s; who wants out, the switch or the strategy, is out now, and the entry waits on."""
    desk = Desk()
    desk.enter(1, 10, 490_000)
    (send,) = desk.target(2, 15, 490_000)
    desk.ack(send.intent, Event.ABSENT, refusal="RateLimited", retry_after_ms=50_000)
    assert sends(desk.tell(Tick(), later_s=49.0)) == []
    actions = desk.tell(KillRaised(Kill.FLATTEN)) if wish == "flatten" else desk.target(3, 0, 0)
    assert [(intent.lots, intent.reduce_only) for intent in sends(actions)] == [(10, True)]


def test_an_exit_that_failed_is_tried_again_when_the_switch_is_thrown():
    """Failure on failure makes the pauses long; a person's word ends the one that runs."""
    desk = Desk()
    desk.enter(1, 10, 490_000)
    (send,) = desk.target(2, 0, 0)
    desk.ack(send.intent, Event.ABSENT, refusal="Unreachable", retry_after_ms=30_000)
    assert sends(desk.tell(Tick(), later_s=1.0)) == []
    assert [intent.purpose for intent in sends(desk.tell(KillRaised(Kill.FLATTEN)))] == [Purpose.FLATTEN]


@pytest.mark.parametrize(("lots", "leaves"), [(15, True), (-5, False)])
def test_an_entry_in_doubt_keeps_nobody_in_a_position(lots, leaves):
    """One that adds and is not found: we leave now, and close it when it appears; one that turns us is waited for."""
    desk = Desk()
    desk.enter(1, 10, 490_000)
    (send,) = desk.target(2, lots, 490_000 if lots > 0 else 510_000)
    desk.ack(send.intent, Event.DOUBT, refusal="Unknown")
    assert sends(desk.tell(KillRaised(Kill.FLATTEN), later_s=0.2)) == []
    closing = [intent for intent in sends(desk.ack(send.intent, Event.ABSENT)) if intent.purpose is Purpose.FLATTEN]
    assert [(intent.lots, intent.reduce_only) for intent in closing] == ([(10, True)] if leaves else [])
    if leaves:
        assert sends(desk.ack(send.intent, Event.ABSENT)) == []
        desk.fill(closing[0], 10)
        late = [*desk.fill(send.intent, 5), *desk.tell(Tick(), later_s=0.3)]
        (again,) = [intent for intent in sends(late) if intent.purpose is Purpose.FLATTEN]
        desk.fill(again, 5)
        assert desk.books.position(SYMBOL).lots == 0
