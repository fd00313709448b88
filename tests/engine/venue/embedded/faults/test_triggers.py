"""When a fault strikes: by minute, by count, by chance."""

from engine.venue.embedded.faults.kinds import Place
from engine.venue.embedded.faults.schedule import Fault, Schedule
from engine.venue.embedded.faults.triggers import Trigger, Triggers


def struck(fault, opportunities=20, minute=0, seed="1"):
    """Which opportunities the fault strikes."""
    trigger = Trigger(fault, seed)
    return [n for n in range(1, opportunities + 1) if trigger.strikes(minute)]


def test_a_fault_strikes_when_it_is_told_to():
    """The next one, the fifth one, the first after a minute, so many times."""
    assert struck(Fault(kind="gap")) == [1]
    assert struck(Fault(kind="gap", count=5)) == [5]
    assert struck(Fault(kind="gap", count=5, times=3)) == [5, 6, 7]
    assert struck(Fault(kind="gap", minute=1)) == []
    assert struck(Fault(kind="gap", minute=1), minute=1) == [1]


def test_chance_is_repeatable():
    """The same seed strikes the same opportunities, another does not."""
    fault = Fault(kind="gap", probability=0.3)
    assert struck(fault, 200) == struck(fault, 200) != struck(fault, 200, seed="2")
    assert 30 < len(struck(fault, 200)) < 90


def test_one_opportunity_is_struck_once():
    """The second fault waits for the next one; acts that are due happen together."""
    triggers = Triggers(
        Schedule((Fault(kind="gap"), Fault(kind="duplicate"), Fault(kind="silent"), Fault(kind="half_open")))
    )
    strikes = [triggers.strike(Place.CANDLE, 0, ("BTCUSDT", "")) for _ in range(3)]
    assert [fault.kind if fault else "" for fault in strikes] == ["gap", "duplicate", ""]
    assert [fault.kind for fault in triggers.due(0)] == ["silent", "half_open"]
    assert triggers.due(1) == []
    assert not triggers.has(Place.CANDLE)
    assert triggers.add([Fault(kind="gap")]) == 1
    assert triggers.has(Place.CANDLE)
