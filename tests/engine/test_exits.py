"""One stop for exactly the lots held."""

import msgspec

from engine import exits
from engine.books import Books
from engine.events import Filled, Intended, Listed, Observed, Sized, Started
from engine.order import Event, Intent, OrderType
from shm.records import Purpose

SYMBOL = "BTC/USDT:USDT"


def stop_of(intent_id, lots):
    """A stop at 90."""
    return Intent(
        intent_id=intent_id, client_id=f"rm{intent_id}", account="main", venue="paper", instrument=SYMBOL,
        allocation=(("trend", lots),), purpose=Purpose.STOP, type=OrderType.STOP_MARKET, side=-1, lots=lots,
        stop_ticks=90, reduce_only=True, target_id=7, created_market_ns=1, created_wall_ns=1,
    )  # fmt: skip


def holding(goal=True, stops=()):
    """Books that hold 3 lots, with acknowledged stops of these lots."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="paper", wall_ns=1))
    books.apply(Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000))
    if goal:
        books.apply(
            Sized(
                run="r", instrument=SYMBOL, strategy="trend", target_id=7, lots=3, stop_ticks=90, valid_until_ns=9,
                reference_ticks=100, open_ns=1,
            )
        )  # fmt: skip
    entry = msgspec.structs.replace(
        stop_of(1, 3), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, stop_ticks=0, reduce_only=False
    )
    books.apply(Intended(intent=entry))
    books.apply(
        Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=1, intent_id=1, venue_order_id="", side=1,
            lots=3, price_ticks=100, fee=0, is_maker=False, market_ns=1, wall_ns=1,
        )
    )  # fmt: skip
    for number, lots in enumerate(stops, start=2):
        books.apply(Intended(intent=stop_of(number, lots)))
        books.apply(Observed(intent_id=number, event=Event.ACK))
    return books


def test_a_bare_position_gets_its_stop():
    """Of the lots held, at the goal's price."""
    (place,) = exits.plan(holding(), SYMBOL, "trend")
    assert (place.lots, place.stop_ticks, place.side) == (3, 90, -1)


def test_a_fitting_stop_stays_and_others_go():
    """The newest fitting one is kept."""
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
