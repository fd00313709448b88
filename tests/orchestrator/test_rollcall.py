"""The roll-call: complete once, silent ones by name, and nothing else."""

from orchestrator.rollcall import RollCall

MINUTE_NS = 60_000_000_000


def test_it_is_complete_when_every_symbol_has_decided_with_every_strategy():
    """Two symbols and two strategies: the fourth decision completes it, and it is said once."""
    roll = RollCall(["BTC", "ETH"], 2)
    heard = [roll.hear(row, strategy, 0) for row in (0, 1) for strategy in (0, 1)]
    assert heard == ["", "", "", "every symbol has its first decision (2 of 2)"]
    assert roll.missing == []
    assert roll.hear(0, 0, MINUTE_NS) == ""


def test_a_symbol_that_stays_silent_is_named_after_two_minutes():
    """Once, in the order of the instruments; and the roll is still completed when it comes."""
    roll = RollCall(["BTC", "ETH", "SOL"], 1)
    heard = [roll.hear(0, 0, minute * MINUTE_NS) for minute in range(4)]
    assert heard == ["", "", "no decision yet on ETH, SOL: not traded; is its market open?", ""]
    assert roll.missing == ["ETH", "SOL"]
    assert roll.hear(2, 0, 4 * MINUTE_NS) == ""
    assert roll.hear(1, 0, 9 * MINUTE_NS) == "every symbol has its first decision (3 of 3)"
