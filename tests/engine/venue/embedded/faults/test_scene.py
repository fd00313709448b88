"""The scene counts the market's minutes and writes what strikes."""

from engine.venue.embedded.faults.kinds import Place
from engine.venue.embedded.faults.ledger import FaultLedger
from engine.venue.embedded.faults.scene import Scene
from engine.venue.embedded.faults.schedule import Fault, Schedule
from engine.venue.embedded.faults.triggers import Triggers


def test_a_fault_waits_for_its_market_minute(make_exchange):
    """Not in the first, in the second; the ledger has market time."""
    exchange = make_exchange()
    scene = Scene(Triggers(Schedule((Fault(kind="gap", minute=2),))), FaultLedger(), exchange)
    exchange.advance()
    assert scene.strike(Place.CANDLE, "BTCUSDT") is None
    exchange.advance()
    assert scene.minute == 2
    assert scene.strike(Place.CANDLE, "BTCUSDT").kind == "gap"
    assert scene.write("gap", "here", "this").market_ns == exchange.now_ns
