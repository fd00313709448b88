"""An intent is numbered on from the last one and named after its number."""

from engine.books import Books
from engine.draft import Draft
from engine.exits import PlaceStop
from engine.netting import net
from engine.order import OrderType, intent_of
from engine.planner import Circumstances
from shm.records import Kill, Purpose

AT = Circumstances(
    market_ns=5, wall_ns=6, kill=Kill.NORMAL, drained=False, flatten=False, valid_until_ns={}, marks={"X": 100}
)


def test_an_intent_carries_its_clocks_its_owner_and_its_name():
    """Market and wall time of the circumstances; the client id names the intent."""
    draft = Draft(Books(), run="r", account="main", venue="paper")
    intent = draft.order("X", net({"trend": -4}), AT, (1, 2))
    assert (intent.side, intent.lots, intent.purpose, intent.reference_ticks) == (-1, 4, Purpose.ENTRY, 100)
    assert (intent.created_market_ns, intent.created_wall_ns, intent.received_ns, intent.decided_ns) == (5, 6, 1, 2)
    assert intent_of(intent.client_id) == intent.intent_id == 1
    stop = draft.stop("X", PlaceStop(strategy="trend", side=1, lots=4, stop_ticks=110, target_id=7), AT)
    assert (stop.reduce_only, stop.stop_ticks, stop.allocation) == (True, 110, (("trend", 4),))


def test_a_price_makes_an_order_that_rests_and_a_target_is_no_stop():
    """Post-only at the price; a take-profit by its purpose, with the trigger where a stop has it."""
    draft = Draft(Books(), run="r", account="main", venue="paper")
    post = draft.order("X", net({"trend": -4}), AT, (1, 2), 101)
    assert (post.type, post.price_ticks, post.purpose) == (OrderType.POST_ONLY, 101, Purpose.ENTRY)
    wish = PlaceStop(strategy="trend", side=1, lots=4, stop_ticks=90, target_id=7, purpose=Purpose.TAKE_PROFIT)
    target = draft.stop("X", wish, AT)
    assert (target.type, target.stop_ticks, target.reduce_only) == (OrderType.TAKE_PROFIT_MARKET, 90, True)
