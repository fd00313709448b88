"""The short form of the matrix of kills; ``python -m tests.stress.kill_matrix`` writes docs/recovery.md."""

import asyncio

import pytest

from engine.events import Intended
from tests.stress import kill_matrix, points
from tests.stress.virtual import MS, Handle


@pytest.fixture
def around(tmp_path):
    """Everything the exchange runs is compiled before anything is forked."""
    kill_matrix.warm(tmp_path)
    return tmp_path


def test_inc_20_a_kill_at_any_step_of_journal_and_request_loses_nothing(around):
    """I12, I16, I29, P03, P04, P05: every 131st point of all scripts, a second kill included, ends in agreement."""
    counts, _, failures = kill_matrix.matrix(around, every=131)
    assert failures == []
    assert sum(counts.values()) >= 15
    assert kill_matrix.survived(next(iter(kill_matrix.SCRIPTS)), [60, 25], around) == ""


def test_a_journal_that_forgets_intents_is_found_out(around, monkeypatch):
    """I1, I12: with intents that are acknowledged and not written, a kill after the send leaves an orphan."""
    write = points.Disk.append

    def forgetful(self, events):
        """Acknowledge everything, write all but intents."""
        if not any(isinstance(event, Intended) for event in events):
            return write(self, events)
        for event in events:
            if isinstance(event, Intended):
                self._schedule.disk.intents[event.intent.client_id] = True
        future = asyncio.get_running_loop().create_future()
        self._schedule.world.put(MS, self._schedule.loop, Handle(future.set_result, (1,)))
        return future

    monkeypatch.setattr(points.Disk, "append", forgetful)
    name = next(iter(kill_matrix.SCRIPTS))
    assert any(kill_matrix.survived(name, [at], around) for at in range(60, 110, 7))
