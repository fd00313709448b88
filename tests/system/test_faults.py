"""Whole sessions at an exchange where things go wrong: the rules hold, and every fault is accounted for."""

import pytest

from engine.venue.embedded.faults.schedule import drawn
from tests.system import faults

pytestmark = [pytest.mark.system, pytest.mark.stress]


@pytest.mark.parametrize(("family", "seed"), [("market", 3), ("orders", 4), ("people", 5)])
def test_a_disturbed_session_keeps_its_books(tmp_path, family, seed):
    """Every decision made once, no order twice, no fill lost, money equal to the last unit."""
    kinds = faults.FAMILIES[family]
    schedule = drawn(seed, kinds, 24, faults.IDS)
    summary, injected = faults.disturb(tmp_path / "state", schedule, seed, 9.0)
    assert faults.objections(tmp_path / "state", summary, injected) == []
    assert len({row.kind for row in injected}) >= 0.7 * len(kinds)
