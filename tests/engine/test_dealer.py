"""Wishes become orders: who leaves is let out beside other hands' lots, and nobody enters by a back door."""

from decimal import Decimal

import pytest

from engine.books import Books
from engine.events import EXTERNAL, Crossed, decode, encode
from engine.messages import Announce, Cancel, Candle, KillRaised, Outcome, Recorded
from engine.order import Event
from engine.risk import Refusal
from engine.settings import EngineSettings, ExecutorSettings, RiskSettings
from shm.records import Kill, Purpose
from tests.engine.test_core import SYMBOL, Desk, Rules, S, sends
from tests.engine.test_hands import deed
from tests.engine.test_strangers import by_hand

NAME = SYMBOL, "trend"


def candle(desk, *path, minutes=1):
    """The market's next closed minute, ``minutes`` later."""
    desk.ns += minutes * 60 * S
    return desk.tell(
        Candle(
            instrument=SYMBOL, open_ns=desk.ns - 60 * S, close_ns=desk.ns, high_ticks=max(path), low_ticks=min(path),
            close_ticks=path[-1],
        )
    )  # fmt: skip


def beside_a_stranger(settings=None):
    """Long one beside a stranger's five short that were to be left alone; he buys one back, so entries wait again."""
    desk = Desk(settings=settings)
    candle(desk, 500_000)
    by_hand(desk, -1, 5)
    desk.tell(Recorded(deed(0, "ignore", lots=-5)))
    (entry,) = sends(desk.target(1, 1, 490_000))
    desk.fill(entry, 1)
    by_hand(desk, 1, 1)
    assert [desk.books.position(SYMBOL, name).lots for name in ("trend", EXTERNAL)] == [1, -4]
    return desk


def refusals(desk):
    """What risk refused so far."""
    return [action.refused.refusal for action in desk.actions if isinstance(action, Announce)]


def test_what_a_person_closes_is_closed_beside_a_strangers_lots():
    """The order makes the account's short larger, and of ours it leaves nothing; his four stay his."""
    desk = beside_a_stranger()
    (order,) = sends(desk.tell(Recorded(deed(1, "close")), later_s=1.0))
    assert (order.side, order.lots, order.reduce_only, order.allocation) == (-1, 1, False, (("trend", 1),))
    desk.fill(order, 1)
    assert [desk.books.position(SYMBOL, name).lots for name in ("trend", EXTERNAL)] == [0, -4]


def test_what_an_entry_still_brings_after_a_stranger_took_all_of_it_goes_again():
    """Two of three have filled, he sells seven: the target is over, and the third lot is let out beside his five."""
    desk = Desk()
    candle(desk, 500_000)
    (entry,) = sends(desk.target(1, 3, 490_000))
    desk.fill(entry, 2)
    by_hand(desk, -1, 7)
    (order,) = sends(desk.fill(entry, 1))
    assert (order.side, order.lots, order.allocation) == (-1, 1, (("trend", 1),))


def test_a_stop_that_the_engine_keeps_lets_out_when_no_entry_is_allowed():
    """Its target has expired, the day has lost too much, a stranger's lots are there: the stop's way out is none's."""
    desk = beside_a_stranger(EngineSettings(risk=RiskSettings(daily_loss_max=Decimal(1), orders_per_minute_max=1)))
    desk.core._dealer._settings = ExecutorSettings(entry_style="limit")
    orders = sends(candle(desk, 489_000, minutes=30))
    assert [(one.side, one.lots, one.price_ticks) for one in orders] == [(-1, 1, 0)], "and it waits for no price"
    assert refusals(desk) == []


def test_a_strategy_against_another_gets_out_in_a_cool_down():
    """Long two of one beside five short of another: its two go, though nobody may enter any more."""
    desk = Desk(settings=EngineSettings(risk=RiskSettings(data_age_s_max=60)))
    candle(desk, 500_000)
    for target_id, strategy, lots in ((1, "a", 2), (2, "b", -5)):
        for order in sends(desk.target(target_id, lots, 490_000 if lots > 0 else 510_000, strategy=strategy)):
            desk.fill(order, order.lots)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [2, -5]
    for order in desk.books.working_of(SYMBOL):
        desk.ack(order.intent)
    desk.ns += 120 * S  # no candle came
    orders = [one for one in sends(desk.target(3, 0, 0, strategy="a")) if one.purpose != Purpose.STOP]
    assert [(one.side, one.lots, one.reduce_only) for one in orders] == [(-1, 2, False)]
    assert refusals(desk) == []


def test_out_of_a_mixed_order_that_is_refused_goes_what_leaves():
    """One wants out, another in, on the same side and beside a stranger's lots: the first is let out alone."""
    desk = beside_a_stranger()
    desk.target(2, -4, 510_000, strategy="b")
    orders = sends(desk.target(3, 0, 0))
    assert [(one.side, one.allocation) for one in orders] == [(-1, (("trend", 1),))]
    assert Refusal.FOREIGN_POSITION in refusals(desk)


def test_nobody_enters_by_another_strategys_wish_while_entries_wait():
    """A stranger has traded: one wants long, the other short; inside the books as outside nothing is entered."""
    desk = Desk()
    candle(desk, 500_000)
    by_hand(desk, -1, 5)
    desk.target(1, 3, 490_000, strategy="a")
    desk.target(2, -3, 510_000, strategy="b")
    assert [event for event in desk.events if isinstance(event, Crossed)] == []
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [0, 0]
    desk.tell(Recorded(deed(1, "ignore", lots=-5)), later_s=1.0)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [3, -3]


def hold(desk, a, b):
    """Let "a" and then "b" get so many lots; what is left working has been acknowledged."""
    for target_id, strategy, lots in ((1, "a", a), (2, "b", b)):
        desk.target(target_id, lots, 510_000 if lots < 0 else 490_000, strategy=strategy)
        sent = [one for one in sends(desk.actions) if one.purpose in (Purpose.ENTRY, Purpose.EXIT)][-1]
        desk.fill(sent, sent.lots)
    for order in list(desk.books.working_of(SYMBOL)):
        desk.ack(order.intent)


def test_nobody_turns_inside_the_books_while_entries_wait():
    """One wants from two long to two short, another out of three short: the third lot of theirs would be an entry."""
    desk = Desk()
    candle(desk, 500_000)
    by_hand(desk, -1, 5)
    desk.tell(Recorded(deed(0, "ignore", lots=-5)))
    hold(desk, 2, -3)
    by_hand(desk, 1, 1)
    assert [desk.books.position(SYMBOL, name).lots for name in ("a", "b", EXTERNAL)] == [2, -3, -4]
    desk.books._end(SYMBOL, "b")
    (order,) = [one for one in sends(desk.target(3, -2, 510_000, strategy="a")) if one.purpose != Purpose.STOP]
    assert desk.books.position(SYMBOL, "a").lots == 2, "nothing has passed"
    assert (order.side, order.lots, order.allocation) == (1, 3, (("b", 3),))
    (order,) = [one for one in sends(desk.fill(order, 3)) if one.purpose not in (Purpose.STOP, Purpose.TAKE_PROFIT)]
    assert (order.side, order.lots, order.allocation) == (-1, 2, (("a", 2),))
    desk.fill(order, 2)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [0, 0]
    assert Refusal.FOREIGN_POSITION in refusals(desk)


def test_who_leaves_goes_to_the_market_where_the_other_may_not_take_his_lots():
    """A stranger has traded; one wants out of three long, the other in: the three are sold, none is passed on."""
    desk = Desk()
    candle(desk, 500_000)
    desk.enter(1, 3, 490_000)
    by_hand(desk, 1, 2)
    desk.target(2, 3, 490_000, strategy="b")
    orders = sends(desk.target(3, 0, 0))
    assert [(one.side, one.lots, one.reduce_only, one.allocation) for one in orders] == [(-1, 3, True, (("trend", 3),))]
    assert desk.books.position(SYMBOL, "b").lots == 0


def test_who_leaves_does_not_wait_for_the_price_at_which_another_enters():
    """Two of one short against two of another long, posted entries: the close of the first is an order of its own."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    candle(desk, 500_000)
    hold(desk, -2, 2)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [-2, 2]
    desk.books._end(SYMBOL, "a")
    (order,) = [one for one in sends(desk.target(3, 5, 490_000, strategy="b")) if one.purpose != Purpose.STOP]
    assert (order.side, order.lots, order.price_ticks, order.allocation) == (1, 2, 0, (("a", 2),))
    (entry,) = [one for one in sends(desk.fill(order, 2)) if one.purpose == Purpose.ENTRY]
    assert (entry.lots, entry.price_ticks, entry.allocation) == (3, 500_000, (("b", 3),))


def against_one_another(desk):
    """Two of "a" long and two of "b" short: the account holds nothing."""
    candle(desk, 500_000)
    hold(desk, 2, -2)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [2, -2]


def test_who_has_left_at_the_market_still_turns():
    """Out of two long beside another's two short, then three short posted: the way out is no entry that has ended."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    against_one_another(desk)
    (order,) = [one for one in sends(desk.target(3, -3, 510_000, strategy="a")) if one.purpose != Purpose.STOP]
    assert (order.side, order.lots, order.price_ticks, order.allocation) == (-1, 2, 0, (("a", 2),))
    (entry,) = [one for one in sends(desk.fill(order, 2)) if one.purpose == Purpose.ENTRY]
    assert (entry.side, entry.lots, entry.allocation) == (-1, 3, (("a", 3),))
    assert entry.price_ticks > 0
    desk.fill(entry, 3)
    assert desk.books.goals[SYMBOL, "a"].barred, "an entry is one that has ended"


def test_who_could_not_leave_to_turn_does_not_enter():
    """One of two was sold and the rest refused: what is left goes, and nothing is entered by that target."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    against_one_another(desk)
    (order,) = [one for one in sends(desk.target(3, -3, 510_000, strategy="a")) if one.purpose != Purpose.STOP]
    desk.fill(order, 1)
    (rest,) = [
        one
        for one in sends(desk.tell(Outcome(intent_id=order.intent_id, event=Event.EXPIRE, lots_filled=1), later_s=5.0))
        if one.purpose != Purpose.STOP
    ]
    assert (rest.side, rest.lots, rest.allocation) == (-1, 1, (("a", 1),))
    assert [one for one in sends(desk.fill(rest, 1)) if one.purpose == Purpose.ENTRY] == []


def test_lots_still_pass_from_one_who_leaves_to_one_who_leaves():
    """Both only take from what they hold: no limit of the moment keeps them in, and the venue sees nothing."""
    desk = Desk(settings=EngineSettings(risk=RiskSettings(data_age_s_max=60)))
    candle(desk, 500_000)
    by_hand(desk, 1, 1)
    desk.tell(Recorded(deed(1, "ignore", lots=1)))
    desk.target(1, 3, 490_000, strategy="a")
    (entry,) = [one for one in sends(desk.actions) if one.purpose == Purpose.ENTRY]
    desk.ack(entry, Event.REJECT, refusal="InsufficientFunds")
    desk.target(3, 3, 490_000, strategy="a")
    desk.target(2, -3, 510_000, strategy="b")
    late = [one for one in sends(desk.actions) if one.purpose == Purpose.ENTRY][1:]
    for order in late:
        desk.fill(order, order.lots)
    for order in [one for one in sends(desk.actions) if one.purpose == Purpose.ENTRY][1 + len(late) :]:
        desk.fill(order, order.lots)
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [3, -3]
    for order in list(desk.books.working_of(SYMBOL)):
        desk.ack(order.intent)
    sent = len(desk.actions)
    desk.ns += 120 * S
    desk.tell(Recorded(deed(2, "close")))
    assert [desk.books.position(SYMBOL, name).lots for name in "ab"] == [0, 0]
    assert [one for one in sends(desk.actions[sent:]) if one.purpose != Purpose.STOP] == []


@pytest.mark.parametrize("side", [1, -1])
def test_the_kill_switch_flattens_what_a_person_gave_to_a_strategy_that_never_spoke(side):
    """Its goal saw no price: the last close has to do, else the lots would never meet the stranger's."""
    desk = Desk()
    candle(desk, 500_000)
    by_hand(desk, side, 2)
    stop = 490_000 if side > 0 else 510_000
    desk.tell(Recorded(deed(1, "adopt", strategy="trend", stop_ticks=stop)))
    for order in desk.books.working_of(SYMBOL):
        desk.ack(order.intent)
    desk.tell(Recorded(deed(2, "ignore")))
    (entry,) = sends(desk.target(1, -side * 3, 510_000 if side > 0 else 490_000, strategy="b"))
    assert desk.books.goals[NAME].reference_ticks == 0
    desk.fill(entry, 3)
    assert [desk.books.position(SYMBOL, name).lots for name in ("trend", "b")] == [side * 2, -side * 3]
    (leaving,) = [
        one for one in sends(desk.tell(KillRaised(Kill.FLATTEN), later_s=1.0)) if one.purpose == Purpose.FLATTEN
    ]
    assert (leaving.side, leaving.lots, leaving.allocation) == (side, 1, (("b", 1),))
    assert desk.books.position(*NAME).lots == 0


@pytest.mark.parametrize("end", [Event.CANCEL_CONFIRMED, Event.EXPIRE, Event.FILL_ALL])
def test_a_post_that_rests_when_the_tick_changes_neither_stops_the_engine_nor_its_journal(end):
    """The next session takes it back, and whatever becomes of it can be read again."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    candle(desk, 500_000)
    (post,) = sends(desk.target(1, 5, 490_000))
    desk.ack(post)
    again = Desk(desk.books, run="r2", settings=desk.settings, rules=Rules(tick_e8=5_000_000, unit=5_000))
    again.ns = desk.ns
    actions = [*again.actions, *candle(again, 1_000_000)]
    assert [action.intent.intent_id for action in actions if isinstance(action, Cancel)] == [post.intent_id]
    again.ack(post, end)
    read = Books()
    for event in [*desk.events, *again.events]:
        read.apply(decode(encode(event)))
    assert read.orders[post.intent_id].state == again.books.orders[post.intent_id].state
