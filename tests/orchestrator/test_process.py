"""A child's way in: it waits for those it needs, and stops waiting when told."""

from pathlib import Path

import pytest

from orchestrator.policy import NEEDS
from orchestrator.process import ENTRIES, await_needs, bells
from shm.agent import Body, Pulse, Stopping
from shm.log import log
from shm.memory import Memory
from shm.records import Life


def body_of(role: str, folder: Path) -> Body:
    """Return the body of ``role`` in run ``test``."""
    memory = Memory.attach("test", role)
    return Body(memory, Pulse(memory), log(role, folder / "log.jsonl"), Stopping())


def test_every_role_has_an_entry():
    """Whoever is in the order of starting can be started."""
    assert ENTRIES.keys() == NEEDS.keys()


def test_bells_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    """Names and numbers of eventfds; none is none."""
    monkeypatch.setenv("RINGMASTER_BELLS", "feed=7,engine=8")
    assert bells() == {"feed": 7, "engine": 8}
    monkeypatch.delenv("RINGMASTER_BELLS")
    assert bells() == {}


def test_the_brain_waits_for_the_feed(memory: Memory, tmp_path: Path):
    """Ready at once when the feed is ready; not at all once told to stop."""
    assert memory.role == "supervisor"
    brain, feed = body_of("brain", tmp_path), body_of("feed", tmp_path)
    brain.stopping.tell()
    assert not await_needs(brain, "brain")
    feed.pulse.tell(life=Life.READY)
    assert await_needs(body_of("engine", tmp_path), "recorder")
    fresh = Body(brain.memory, brain.pulse, brain.log, Stopping())
    assert await_needs(fresh, "brain")
