"""An intent is numbered on from the last one and named after its number."""

from engine.books import Books
from engine.draft import Draft
from engine.exits import PlaceStop
from engine.netting import net
from engine.order import intent_of
from engine.planner import Circumstances
from shm.records import Kill, Purpose

AT = Circumstances(
    market_ns=5, wall_ns=6, kill=Kill.NORMAL, drained=False, flatten=False, valid_until_ns={}, marks={"X": 100}
)


def test_an_intent_carries_its_clocks_its_owner_and_its_name():
    """Market and wall time of the circumstances; the client id names the intent."""
    draft = Draft(Books(), run="r", account="main", venue="paper")
    intent = draft.market("X", net({"trend": -4}), AT, (1, 2))
    assert (intent.side, intent.lots, intent.purpose, intent.reference_ticks) == (-1, 4, Purpose.ENTRY, 100)
    assert (intent.created_market_ns, intent.created_wall_ns, intent.received_ns, intent.decided_ns) == (5, 6, 1, 2)
    assert intent_of(intent.client_id) == intent.intent_id == 1
    stop = draft.stop("X", PlaceStop(strategy="trend", side=1, lots=4, stop_ticks=110, target_id=7), AT)
    assert (stop.reduce_only, stop.stop_ticks, stop.allocation) == (True, 110, (("trend", 4),))
