"""One stop for exactly the lots held."""

from decimal import Decimal

import msgspec
import pytest

from engine import exits
from engine.books import Books
from engine.events import Filled, Intended, Listed, Observed, Sized, Started
from engine.order import Event, Intent, OrderType
from engine.settings import ExitSettings
from shm.records import Purpose

SYMBOL = "BTC/USDT:USDT"


def stop_of(intent_id, lots):
    """A stop at 90."""
    return Intent(
        intent_id=intent_id, client_id=f"rm{intent_id}", account="main", venue="paper", instrument=SYMBOL,
        allocation=(("trend", lots),), purpose=Purpose.STOP, type=OrderType.STOP_MARKET, side=-1, lots=lots,
        stop_ticks=90, reduce_only=True, target_id=7, created_market_ns=1, created_wall_ns=1,
    )  # fmt: skip


def holding(goal=True, stops=(), lots=3, stop_ticks=90):
    """Books that hold 3 lots, with acknowledged stops of these lots."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="paper", wall_ns=1))
    books.apply(Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000))
    if goal:
        books.apply(
            Sized(
                run="r", instrument=SYMBOL, strategy="trend", target_id=7, lots=lots, stop_ticks=stop_ticks,
                valid_until_ns=9,
                reference_ticks=100, open_ns=1,
            )
        )  # fmt: skip
    entry = msgspec.structs.replace(
        stop_of(1, lots), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, stop_ticks=0, reduce_only=False
    )
    books.apply(Intended(intent=entry))
    books.apply(
        Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=1, intent_id=1, venue_order_id="", side=1,
            lots=lots, price_ticks=100, fee=0, is_maker=False, market_ns=1, wall_ns=1,
        )
    )  # fmt: skip
    for number, covered in enumerate(stops, start=2):
        books.apply(Intended(intent=stop_of(number, covered)))
        books.apply(Observed(intent_id=number, event=Event.ACK))
    return books


def test_a_bare_position_gets_its_stop():
    """Of the lots held, at the goal's price."""
    (place,) = exits.plan(holding(), SYMBOL, "trend")
    assert (place.lots, place.stop_ticks, place.side) == (3, 90, -1)


def test_a_single_lot_is_protected_like_any_other():
    """At the goal's price; without one it is bare; and where two lots are the least it is too little for an order."""
    (place,) = exits.plan(holding(lots=1), SYMBOL, "trend")
    assert (place.lots, place.stop_ticks, place.target_id) == (1, 90, 7)
    assert exits.plan(holding(lots=1, stop_ticks=0), SYMBOL, "trend") == [exits.Bare("trend", 1)]
    assert exits.plan(holding(lots=1), SYMBOL, "trend", exits.Conduct(lots_min=2)) == []


def goal_of(books, lots):
    """The same books, their goal of so many lots."""
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], lots=lots)
    return books


def test_a_goal_of_nothing_names_no_price_and_a_smaller_one_does():
    """What is on its way out keeps the stop that rests; what is only reduced is still to be protected."""
    assert exits.stop_ticks_of(goal_of(holding(), 0), SYMBOL, "trend", exits.AS_ONE) == 0
    assert exits.stop_ticks_of(goal_of(holding(), 1), SYMBOL, "trend", exits.AS_ONE) == 90
    assert exits.plan(goal_of(holding(stop_ticks=0), 0), SYMBOL, "trend") == []
    assert exits.plan(goal_of(holding(stop_ticks=0), 1), SYMBOL, "trend") == [exits.Bare("trend", 3)]


def test_a_fitting_stop_stays_and_others_go():
    """I21: The newest fitting one is kept."""
    assert exits.plan(holding(stops=(3,)), SYMBOL, "trend") == []
    (cancel,) = exits.plan(holding(stops=(2, 3)), SYMBOL, "trend")
    assert cancel.order.intent.lots == 2


def test_a_stop_of_the_wrong_lots_is_replaced_before_it_goes():
    """Place first; the cancel comes when the new one rests."""
    (place,) = exits.plan(holding(stops=(2,)), SYMBOL, "trend")
    assert isinstance(place, exits.PlaceStop)


def test_without_a_goal_a_resting_stop_tells_its_price_and_none_is_bare():
    """A cold brain keeps what rests."""
    assert exits.plan(holding(goal=False, stops=(3,)), SYMBOL, "trend") == []
    assert exits.plan(holding(goal=False), SYMBOL, "trend") == [exits.Bare("trend", 3)]


def test_a_stop_that_outlived_a_turn_of_the_position_names_no_price():
    """A buy stop that rests above the market from a short before protects no long: the goal's own price is taken."""
    books = holding()
    wrong = msgspec.structs.replace(stop_of(2, 3), side=1, stop_ticks=110)
    books.apply(Intended(intent=wrong))
    books.apply(Observed(intent_id=2, event=Event.ACK))
    (place,) = exits.plan(books, SYMBOL, "trend")
    assert place.stop_ticks == 90
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], lots=-1, stale=True)
    assert exits.plan(books, SYMBOL, "trend") == [exits.Bare("trend", 3)]


def test_a_refused_stop_ends_a_stale_goal_of_any_number():
    """Otherwise a position that no session speaks for would be given stops that cannot rest, again and again."""
    books = holding(stops=(3,))
    books.apply(Started(run="next", account="main", venue="paper", wall_ns=2))
    refused = msgspec.structs.replace(stop_of(3, 3), target_id=6)
    books.apply(Intended(intent=refused))
    books.apply(Observed(intent_id=3, event=Event.REJECT, refusal="WouldTrigger"))
    assert books.goals[SYMBOL, "trend"].spent


TWO_RUNGS = exits.Conduct(settings=ExitSettings(tp_r_multiples=(Decimal(1), Decimal(2))))


def target_of(intent_id, lots, ticks, side=-1):
    """A target at ``ticks``."""
    plain = stop_of(intent_id, lots)
    return msgspec.structs.replace(
        plain, side=side, purpose=Purpose.TAKE_PROFIT, type=OrderType.TAKE_PROFIT_MARKET, stop_ticks=ticks
    )


def aiming(*targets):
    """Books that hold 3 lots at 100, with a stop at 90 and these (lots, ticks) acknowledged as targets."""
    books = holding(stops=(3,))
    for number, (lots, ticks) in enumerate(targets, start=3):
        books.apply(Intended(intent=target_of(number, lots, ticks)))
        books.apply(Observed(intent_id=number, event=Event.ACK))
    return books


def test_each_rung_gets_its_target_and_then_nothing():
    """One lot at 1 R, the other two at 2 R, closing orders of the goal's number; what fits rests on."""
    assert exits.targets(aiming(), SYMBOL, "trend", TWO_RUNGS) == [
        exits.PlaceStop(
            strategy="trend", side=-1, lots=lots, stop_ticks=ticks, target_id=7, purpose=Purpose.TAKE_PROFIT
        )
        for ticks, lots in ((110, 1), (120, 2))
    ]
    assert exits.targets(aiming((1, 110), (2, 120)), SYMBOL, "trend", TWO_RUNGS) == []
    assert exits.targets(aiming(), SYMBOL, "trend", exits.AS_ONE) == []
    (missing,) = exits.targets(aiming((1, 110)), SYMBOL, "trend", TWO_RUNGS)
    assert (missing.stop_ticks, missing.lots) == (120, 2)


def test_a_single_lot_has_its_target_and_a_goal_of_nothing_has_none():
    """One of one is a ladder; where all is to go at once no rung is waited for."""
    (place,) = exits.targets(holding(lots=1), SYMBOL, "trend", TWO_RUNGS)
    assert (place.lots, place.stop_ticks) == (1, 120)
    assert exits.targets(goal_of(holding(), 0), SYMBOL, "trend", TWO_RUNGS) == []


@pytest.mark.parametrize("event", [None, Event.DOUBT, Event.CANCEL])
def test_a_target_whose_answer_is_awaited_is_left_alone(event):
    """On its way, in doubt or being withdrawn: what it does first decides what is done next."""
    books = aiming((1, 110))
    books.apply(Intended(intent=target_of(9, 2, 115)))
    if event is not None:
        books.apply(Observed(intent_id=9, event=event))
    if event is Event.CANCEL:
        books.apply(Observed(intent_id=9, event=Event.ACK))
    assert exits.targets(books, SYMBOL, "trend", TWO_RUNGS) == []


def test_targets_that_do_not_fit_go_before_others_come():
    """Of other lots, at another price, on the other side, or of a goal that has ended."""
    (cancel,) = exits.targets(aiming((2, 110)), SYMBOL, "trend", TWO_RUNGS)
    assert isinstance(cancel, exits.CancelStop)
    (cancel,) = exits.targets(aiming((1, 111), (2, 120)), SYMBOL, "trend", TWO_RUNGS)
    assert cancel.order.intent.stop_ticks == 111
    books = aiming((2, 120))
    books.apply(Intended(intent=target_of(9, 1, 110, side=1)))
    books.apply(Observed(intent_id=9, event=Event.ACK))
    (cancel,) = exits.targets(books, SYMBOL, "trend", TWO_RUNGS)
    assert cancel.order.intent.side == 1
    books = aiming((1, 110), (2, 120))
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], spent=True)
    assert [type(one) for one in exits.targets(books, SYMBOL, "trend", TWO_RUNGS)] == [exits.CancelStop] * 2
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], spent=False, lots=-3)
    assert [type(one) for one in exits.targets(books, SYMBOL, "trend", TWO_RUNGS)] == [exits.CancelStop] * 2


def test_a_rung_that_was_reached_with_nothing_resting_trims_the_goal():
    """Two lots of three are to stay after the first, none after the second; once trimmed there is no more to say."""
    books = aiming()
    books.trips.been_at((SYMBOL, "trend"), 110)
    assert exits.targets(books, SYMBOL, "trend", TWO_RUNGS) == [exits.Trim("trend", 7, 2)]
    books.trips.been_at((SYMBOL, "trend"), 125)
    assert exits.targets(books, SYMBOL, "trend", TWO_RUNGS) == [exits.Trim("trend", 7, 0)]
    resting = aiming((1, 110), (2, 120))
    resting.trips.been_at((SYMBOL, "trend"), 125)
    assert exits.targets(resting, SYMBOL, "trend", TWO_RUNGS) == []
    books = aiming()
    books.trips.been_at((SYMBOL, "trend"), 110)
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], lots=2)
    (place,) = exits.targets(books, SYMBOL, "trend", TWO_RUNGS)
    assert (place.stop_ticks, place.lots) == (120, 2)


def test_what_is_too_little_for_an_order_gets_no_stop():
    """Two lots would be refused where three are the least; with three there is one."""
    assert exits.plan(holding(), SYMBOL, "trend", exits.Conduct(lots_min=4)) == []
    assert len(exits.plan(holding(), SYMBOL, "trend", exits.Conduct(lots_min=3))) == 1


def test_a_stop_in_doubt_that_the_venue_does_not_find_counts_as_none():
    """Until then nothing is done; a stop that rests is never taken for missing."""
    books = holding()
    books.apply(Intended(intent=stop_of(2, 3)))
    books.apply(Observed(intent_id=2, event=Event.DOUBT))
    assert exits.plan(books, SYMBOL, "trend") == []
    (place,) = exits.plan(books, SYMBOL, "trend", exits.Conduct(missed=frozenset({2})))
    assert (place.lots, place.purpose) == (3, Purpose.STOP)
    assert exits.plan(holding(stops=(3,)), SYMBOL, "trend", exits.Conduct(missed=frozenset({2}))) == []


def test_a_stop_that_has_begun_to_fill_is_waited_for():
    """Booked, or only counted by the venue: its other trades are on their way."""
    books = holding(stops=(3,))
    assert not exits.is_stopping(books, SYMBOL, "trend")
    books.apply(Observed(intent_id=2, event=Event.FILL_SOME, lots_filled=1))
    assert exits.is_stopping(books, SYMBOL, "trend")
    assert exits.plan(books, SYMBOL, "trend") == []


def test_a_flat_strategy_has_its_stops_withdrawn_and_a_spent_goal_places_none():
    """Nothing is held: what rests goes. What is being closed keeps what rests, and gets no more."""
    books = holding(stops=(3,))
    books.goals[SYMBOL, "trend"] = msgspec.structs.replace(books.goals[SYMBOL, "trend"], spent=True)
    assert exits.plan(books, SYMBOL, "trend") == []
    books.apply(
        Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=2, intent_id=0, venue_order_id="", side=-1,
            lots=3, price_ticks=100, fee=0, is_maker=False, market_ns=2, wall_ns=2,
        )
    )  # fmt: skip
    assert not exits.rests_at_venue(books, SYMBOL, "trend")
    (cancel,) = exits.plan(books, SYMBOL, "trend")
    assert isinstance(cancel, exits.CancelStop)
