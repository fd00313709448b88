"""The crew: deaths are seen, restarts come after their delay, the stuck are killed, the end is complete."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from orchestrator import child as children
from orchestrator.crew import Crew, Happening, Launch
from orchestrator.settings import SupervisorSettings
from shm.memory import Memory
from shm.records import Life

BEATING = """
import sys, time
sys.path.insert(0, {root!r})
from shm.agent import Pulse
from shm.memory import Memory
from shm.records import Life
pulse = Pulse(Memory.attach("test", sys.argv[2]))
pulse.tell(life=Life.RUNNING)
while True:
    time.sleep(0.02)
    if {beats}:
        pulse.beat()
"""


@pytest.fixture
def crew_of(memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Crew]:
    """Makes a crew whose children beat, or do not."""
    root = str(children.ROOT)
    monkeypatch.setattr(children, "ROOT", tmp_path)

    def make(*, beats: bool = True, **settings: float) -> Crew:
        (tmp_path / "run.py").write_text(BEATING.format(root=root, beats=beats))
        launch = Launch(arguments=[], environment=dict(os.environ), files=[])
        return Crew(memory, launch, SupervisorSettings(**settings), Random(1))

    return make


def until(crew: Crew, condition: Callable[[list[Happening]], bool]) -> list[Happening]:
    """Turn until what happened satisfies ``condition``."""
    seen: list[Happening] = []
    deadline = time.monotonic() + 20.0
    while not condition(seen):
        assert time.monotonic() < deadline, f"waited in vain: {seen}"
        seen += crew.turn()
    return seen


def test_a_killed_process_is_back_at_work(crew_of: Callable[..., Crew]):
    """Its death is told with the signal, its return with the time that it took; another pid."""
    crew = crew_of()
    crew.start(["brain"])
    until(crew, lambda _: crew.life("brain") is Life.RUNNING)
    first = crew.members["brain"].child
    assert first is not None
    first.send(signal.SIGKILL)
    seen = until(crew, lambda seen: any(happening.text == "back" for happening in seen))
    assert [happening.text for happening in seen] == ["died (SIGKILL)", "back"]
    assert seen[1].took_ns > 0
    assert seen[1].pid != first.pid
    assert crew.members["brain"].restarts == 1
    crew.end(["brain"])
    assert crew.members == {}


def test_a_process_that_lives_but_does_nothing_is_killed(crew_of: Callable[..., Crew]):
    """Its pulse stopped, so it counts as dead."""
    crew = crew_of(beats=False, stuck_after_s=1.0)
    crew.start(["feed"])
    seen = until(crew, lambda seen: len(seen) >= 2)
    assert [happening.text for happening in seen[:2]] == ["is stuck: killed", "died (SIGKILL)"]
    crew.end(["feed"])


def test_the_end_is_the_end(crew_of: Callable[..., Crew]):
    """No process of ours is left."""
    crew = crew_of()
    crew.start(["brain", "feed"])
    until(crew, lambda _: crew.life("brain") is Life.RUNNING and crew.life("feed") is Life.RUNNING)
    pids = [member.child.pid for member in crew.members.values() if member.child]
    crew.end(["brain", "feed"])
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
