"""A person trades at the exchange while orders of ours are under way: what the strategy wants afterwards."""

import pytest

from engine.events import EXTERNAL, Filled
from engine.executor import Quote
from engine.ledger import NET
from engine.messages import Cancel, FillTold, Recorded, Tick
from engine.order import Event
from engine.settings import EngineSettings, ExecutorSettings
from shm.records import Purpose
from tests.engine.test_core import SYMBOL, Desk, sends
from tests.engine.test_hands import deed

NAME = SYMBOL, "trend"


def by_hand(desk, side, lots, ticks=500_000):
    """A stranger's trade, told."""
    desk.trades += 1
    return desk.tell(
        FillTold(
            Filled(
                account="main", venue="paper", instrument=SYMBOL, trade_id=desk.trades, intent_id=0,
                venue_order_id="web", side=side, lots=lots, price_ticks=ticks, fee=0, is_maker=False,
                market_ns=desk.ns, wall_ns=desk.ns,
            )
        )
    )  # fmt: skip


def later(desk, seconds=1.0):
    """What the core does once some time has passed."""
    return sends(desk.tell(Tick(), later_s=seconds))


@pytest.mark.parametrize("lots", [2, 3])
def test_a_turn_under_way_stays_wanted_though_a_stranger_sells_what_it_leaves(lots):
    """Three lots long on the way to three short, a person sells some of the three: it wants three short, stopped there.

    What he sold was to go anyway, so nothing has to be bought back and no stop of the short protects a long.
    """
    desk = Desk()
    desk.enter(1, 3, 490_000)
    (leaving,) = sends(desk.target(2, -3, 510_000))
    actions = sends(by_hand(desk, -1, lots))
    assert all(one.stop_ticks != 510_000 for one in actions), "a stop of the short above a long"
    goal = desk.books.goals[NAME]
    assert (goal.lots, goal.spent, goal.stop_ticks) == (-3, False, 510_000)
    assert NAME not in desk.books.stopped_sides
    if lots < 3:
        desk.fill(leaving, 3 - lots)
        desk.ack(leaving, Event.EXPIRE, lots_filled=3 - lots)
    else:
        desk.ack(leaving, Event.REJECT, refusal="ReduceOnlyRejected")
    assert [one for one in later(desk) if not one.reduce_only] == [], "entries wait until a person has looked"
    (entry,) = sends(desk.tell(Recorded(deed(1, "resume")), later_s=1.0))
    assert (entry.side, entry.lots, entry.purpose) == (-1, 3, Purpose.ENTRY)


def test_what_is_on_its_way_out_goes_though_a_stranger_took_a_part_of_it():
    """The target is flat, the exit did not leave; of the three lots a person sells two: the third goes as well."""
    desk = Desk()
    stop = desk.enter(1, 3, 490_000)
    (leaving,) = sends(desk.target(2, 0, 0))
    by_hand(desk, -1, 2)
    assert desk.books.goals[NAME].lots == 0
    desk.ack(leaving, Event.ABSENT, refusal="NotSent")
    desk.ack(stop)
    again = [one for one in later(desk) if one.purpose == Purpose.EXIT]
    assert [(one.side, one.lots, one.reduce_only) for one in again] == [(-1, 1, True)]


def test_what_a_stranger_sells_of_an_entry_that_is_filling_is_not_bought_back_and_the_rest_is_kept():
    """Four of ten have filled, he sells two, six more fill: eight are held, under their stop, and nothing is sold."""
    desk = Desk()
    (entry,) = sends(desk.target(1, 10, 490_000))
    desk.fill(entry, 4)
    by_hand(desk, -1, 2)
    desk.fill(entry, 6)
    assert desk.books.position(*NAME).lots == 8
    assert (desk.books.goals[NAME].lots, desk.books.goals[NAME].barred) == (8, True)
    working = [order.intent for order in desk.books.working_of(SYMBOL)]
    assert {one.purpose for one in [*working, *later(desk)]} == {Purpose.STOP}


def test_a_reduction_under_way_leaves_no_more_than_was_wanted():
    """Ten are held, five wanted, the exit of five did not leave: of the eight that a stranger leaves three go."""
    desk = Desk()
    desk.enter(1, 10, 490_000)
    actions = sends(desk.target(2, 5, 490_000))
    leaving = next(one for one in actions if one.purpose == Purpose.EXIT)
    by_hand(desk, -1, 2)
    assert desk.books.goals[NAME].lots == 5
    desk.ack(leaving, Event.ABSENT, refusal="NotSent")
    for one in desk.books.working_of(SYMBOL):
        desk.ack(one.intent)
    again = [one for one in later(desk) if one.purpose == Purpose.EXIT]
    assert [(one.side, one.lots) for one in again] == [(-1, 3)]


def test_an_entry_that_rests_is_taken_back_when_a_stranger_trades():
    """Entries wait until a person has looked: also one that waits at the exchange for its price."""
    desk = Desk(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    desk.core.quotes = {SYMBOL: Quote(499_999, 500_001)}
    (post,) = sends(desk.target(1, 5, 490_000))
    desk.ack(post)
    actions = by_hand(desk, 1, 2)
    assert [action.intent.intent_id for action in actions if isinstance(action, Cancel)] == [post.intent_id]
    desk.ack(post, Event.CANCEL_CONFIRMED)
    assert later(desk) == []
    assert desk.books.position(SYMBOL, EXTERNAL).lots == 2
    (again,) = sends(desk.tell(Recorded(deed(1, "ignore", lots=2)), later_s=1.0))
    assert (again.side, again.lots) == (1, 5)


@pytest.mark.parametrize("side", [1, -1])
def test_an_adoption_moves_no_minor_unit(side):
    """Bought at three prices, so that the price of a lot is no whole number of ticks: the cost passes as it is."""
    desk = Desk()
    for ticks in (480_000, 480_001, 480_003):
        by_hand(desk, side, 1, ticks)
    before = desk.books.position(SYMBOL, EXTERNAL)
    assert before.cost % (3 * 10_000)
    desk.tell(Recorded(deed(1, "adopt", strategy="trend", stop_ticks=480_000 - side * 10_000)))
    ours, theirs, whole = (desk.books.position(SYMBOL, name) for name in ("trend", EXTERNAL, NET))
    assert (ours.lots, ours.cost, ours.realised) == (3 * side, before.cost, 0)
    assert (theirs.lots, theirs.cost, theirs.realised) == (0, 0, before.realised)
    assert (whole.lots, whole.cost) == (ours.lots, ours.cost)


@pytest.mark.parametrize(("deeds", "lots"), [(("move-stop",), 10), (("adopt",), 12)])
def test_what_an_entry_still_brings_is_kept_when_a_person_moves_the_stop(deeds, lots):
    """Four of ten have filled when a stop is said by hand; the six that follow stay, under that stop."""
    desk = Desk()
    if deeds == ("adopt",):
        by_hand(desk, 1, 2)
        desk.tell(Recorded(deed(9, "ignore", lots=2)))
    (entry,) = sends(desk.target(1, 10, 490_000))
    desk.fill(entry, 4)
    desk.tell(Recorded(deed(1, deeds[0], strategy="trend", stop_ticks=495_000)))
    desk.fill(entry, 6)
    assert desk.books.position(*NAME).lots == lots
    orders = [*later(desk), *(order.intent for order in desk.books.working_of(SYMBOL))]
    assert {(one.purpose, one.stop_ticks) for one in orders} == {(Purpose.STOP, 495_000)}
    assert lots in [one.lots for one in orders]
