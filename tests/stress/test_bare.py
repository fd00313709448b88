"""No single fault leaves a position bare, or keeps us in it, for longer than a second; but for those that are named."""

import pytest

from engine.settings import EngineSettings, ExecutorSettings
from shm.records import Purpose
from tests.stress.bare import CASES, END_MS, Case, measured
from tests.stress.wire import Fault

MOST_MS = 1_000
LONGER = {  # what bounds them is not ours
    "stop: 429, Retry-After 5 s": 5_000 + MOST_MS,
    "out: 429, Retry-After 5 s": 5_000 + MOST_MS,
}


@pytest.mark.parametrize("case", CASES, ids=[case.words for case in CASES])
def test_one_fault_costs_a_second_of_protection_at_most(case):
    """In the exchange's own clock; an engine that dies has its standby, a venue that wants to wait gets its wait."""
    stage = measured(case)
    assert stage.result_ms <= LONGER.get(case.words, MOST_MS)
    assert stage.is_struck
    assert stage.bourse.lots == (0 if case.leaves or case.fault is Fault.REFUSED else 3)
    assert max(stage.bourse.arrivals.values()) == 1


def test_the_measure_sees_a_position_that_stands_bare():
    """With a question only after ten seconds, a stop whose request was lost is missed for ten seconds."""
    settings = EngineSettings(executor=ExecutorSettings(unanswered_ms=10_000))
    case = Case("stop lost", Purpose.STOP, Fault.REQUEST_LOST)
    assert 10_000 <= measured(case, settings).result_ms < END_MS
