"""The drill of the kill switch: it passes when all is well, and names what is not."""

import time

import pytest

from engine import drill as drills
from engine import risk
from engine.drill import DrillError, allowed, drill
from engine.gate import Stance
from shm.records import Kill, Purpose


async def test_every_level_is_tried_by_every_path(tmp_path):
    """Five levels with three orders each, in well under a second, and nothing is left behind."""
    drilled = await drill(tmp_path, time.monotonic_ns)
    assert drilled.orders == 15
    assert drilled.took_ns < 2 * 10**9
    assert list(tmp_path.iterdir()) == []


def test_the_ladder_as_it_is_published():
    """Entries leave at NORMAL only; what reduces leaves below HALT."""
    assert [level.name for level in Kill if allowed(level, Purpose.ENTRY)] == ["NORMAL"]
    assert [level.name for level in Kill if not allowed(level, Purpose.STOP)] == ["HALT"]


async def test_a_risk_review_that_lets_entries_pass_is_found(tmp_path, monkeypatch):
    """Without the check of the kill word no engine starts."""
    checks = tuple(check for check in risk.CHECKS if check is not risk.trading_is_on)
    monkeypatch.setattr(risk, "CHECKS", checks)
    with pytest.raises(DrillError, match="risk is wrong about ENTRY at NO_ENTRIES"):
        await drill(tmp_path, time.monotonic_ns)


async def test_a_gate_that_does_not_look_is_found(tmp_path, monkeypatch):
    """An order that was approved before the level rose must be kept back at the last moment."""
    monkeypatch.setattr(drills, "Stance", lambda kill: Stance(kill=Kill.NORMAL))
    with pytest.raises(DrillError, match="ENTRY at NO_ENTRIES: 1 left"):
        await drill(tmp_path, time.monotonic_ns)


async def test_a_disk_that_keeps_nothing_is_found(tmp_path):
    """Where the file cannot be written, the file's path is dead."""
    with pytest.raises(DrillError, match="No such file"):
        await drill(tmp_path / "missing", time.monotonic_ns)


async def test_a_word_that_does_not_rise_is_found(tmp_path, monkeypatch):
    """The shared word is tried as well as the file."""
    monkeypatch.setattr(drills.Words, "raise_kill", lambda self, level: level)
    with pytest.raises(DrillError, match="the word says NORMAL where NO_ENTRIES"):
        await drill(tmp_path, time.monotonic_ns)
