"""The roll-call: complete once, silent ones by name, and nothing else."""

import pytest

from orchestrator.rollcall import NAMED_MAX, RollCall, some, without_record
from shm.records import Provenance
from shm.topology import HISTORY_DEPTH, history_row

MINUTE_NS = 60_000_000_000
NOW_NS = 1_763_683_200 * 10**9


class History:
    """Rows that were written, with how each came about."""

    def __init__(self, written):
        self.written, self.asked = written, 0

    def read(self, row, out):
        """Copy one."""
        self.asked += 1
        out["provenance"] = self.written.get(row, 0)
        return row in self.written


@pytest.mark.parametrize(
    ("back", "provenance", "silent"),
    [
        (1, Provenance.OBSERVED, []),
        (HISTORY_DEPTH - 1, Provenance.BACKFILLED, []),
        (1, Provenance.MISSING, ["ETH"]),
    ],
)
def test_a_symbol_has_its_first_record_when_a_minute_of_it_is_known(back, provenance, silent):
    """However old, as long as it is in HISTORY; that a minute is missing is no data."""
    there = {history_row(row, 0, NOW_NS - MINUTE_NS): Provenance.OBSERVED for row in (0, 2)}
    there[history_row(1, 0, NOW_NS - back * MINUTE_NS)] = provenance
    assert without_record(History(there), ["BTC", "ETH", "SOL"], NOW_NS) == silent


def test_three_hundred_symbols_are_called_in_a_few_hundred_looks():
    """Two each; the one of which nothing is known costs a look at its whole row."""
    there = {history_row(row, 0, NOW_NS - MINUTE_NS): Provenance.OBSERVED for row in range(300) if row != 77}
    history = History(there)
    assert without_record(history, [f"S{row}" for row in range(300)], NOW_NS) == ["S77"]
    assert history.asked == 299 * 2 + HISTORY_DEPTH


def test_a_line_names_a_few_and_says_how_many_there_are():
    """All of ten, the first ten of eleven."""
    names = [f"S{row}" for row in range(NAMED_MAX + 1)]
    assert some(names[:-1]) == "S0, S1, S2, S3, S4, S5, S6, S7, S8, S9"
    assert some(names) == "S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, ... (11 in all)"


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
