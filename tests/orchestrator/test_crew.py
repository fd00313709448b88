"""The crew: deaths are seen, restarts come after their delay, the stuck are killed, the end is complete."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from orchestrator import child as children
from orchestrator.child import Standby
from orchestrator.crew import Crew, Happening, Launch
from orchestrator.policy import SECOND_NS
from orchestrator.settings import SupervisorSettings
from shm.memory import Memory
from shm.records import Life

BEATING = """
import os, socket, sys, time
sys.path.insert(0, {root!r})
if "--cue" in sys.argv:
    line = socket.socket(fileno=int(sys.argv[-1]))
    if {loads}:
        line.send(b"\\n")
    if not line.recv(1):
        sys.exit(0)
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

    def make(*, beats: bool = True, loads: bool = True, **settings: float) -> Crew:
        (tmp_path / "run.py").write_text(BEATING.format(root=root, beats=beats, loads=loads))
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


def with_standby(crew: Crew) -> Standby:
    """Start an engine and turn until its standby is there."""
    crew.start(["engine"])
    until(crew, lambda _: crew.members["engine"].standby is not None)
    standby = crew.members["engine"].standby
    assert standby is not None
    return standby


def kill_engine(crew: Crew) -> int:
    """SIGKILL the engine; its pid."""
    engine = crew.members["engine"].child
    assert engine is not None
    engine.send(signal.SIGKILL)
    return engine.pid


def is_back(seen: list[Happening]) -> bool:
    """Somebody is at work again."""
    return any(happening.text == "back" for happening in seen)


def test_a_standby_takes_the_place_of_a_dead_engine(crew_of: Callable[..., Crew]):
    """Whoever waited is the next one; after a while another waits.  A feed has none."""
    crew = crew_of(standby_after_s=0.2)
    standby = with_standby(crew)
    crew.start(["feed"])
    killed = kill_engine(crew)
    seen = until(crew, is_back)
    assert [(one.role, one.text, one.pid) for one in seen] == [
        ("engine", "died (SIGKILL)", killed),
        ("engine", "back", standby.pid),
    ]
    until(crew, lambda _: crew.members["engine"].standby is not None and crew.life("feed") is Life.RUNNING)
    assert crew.members["engine"].child is standby
    assert crew.turn() == []
    assert crew.members["feed"].standby_due_ns is None
    crew.end(["engine", "feed"])


def test_a_standby_that_died_is_told_and_not_tried_again_at_once(crew_of: Callable[..., Crew]):
    """A file that cannot be loaded would be loaded for ever; after the window another is tried."""
    crew = crew_of(standby_after_s=0.2)
    standby = with_standby(crew)
    standby.send(signal.SIGKILL)
    seen = until(crew, lambda seen: bool(seen))
    assert [(one.role, one.text, one.pid) for one in seen] == [("engine's standby", "died (SIGKILL)", standby.pid)]
    member = crew.members["engine"]
    assert member.standby is None
    assert member.standby_due_ns is not None
    assert member.standby_due_ns > time.monotonic_ns() + 30 * SECOND_NS
    member.standby_due_ns = 0
    until(crew, lambda _: member.standby is not None)
    assert member.restarts == 0
    crew.end(["engine"])


def test_a_dead_standby_takes_no_place(crew_of: Callable[..., Crew]):
    """Both are killed at once: a fresh process follows, after one restart and not two; both deaths are told, once."""
    crew = crew_of(standby_after_s=0.2)
    standby = with_standby(crew)
    standby.send(signal.SIGKILL)
    killed = kill_engine(crew)
    seen = until(crew, lambda seen: is_back(seen) and len(seen) > 2)
    assert sorted((one.text, one.pid) for one in seen if one.text != "back") == sorted(
        [("died (SIGKILL)", standby.pid), ("died (SIGKILL)", killed)]
    )
    assert crew.members["engine"].restarts == 1
    crew.end(["engine"])


def test_a_standby_that_never_loads_is_ended(crew_of: Callable[..., Crew]):
    """It would be given the engine's place and do nothing there."""
    crew = crew_of(standby_after_s=0.2, loads=False)
    standby = with_standby(crew)
    crew.members["engine"].standby_due_ns = 0  # spawned long ago
    seen = until(crew, lambda seen: bool(seen))
    assert [(one.text, one.pid) for one in seen] == [("died (SIGKILL)", standby.pid)]
    crew.end(["engine"])


def test_one_that_has_loaded_waits_for_as_long_as_it_takes(crew_of: Callable[..., Crew]):
    """It said so, and that was heard."""
    crew = crew_of(standby_after_s=0.2)
    standby = with_standby(crew)
    until(crew, lambda _: standby.has_loaded())
    crew.members["engine"].standby_due_ns = 0  # spawned long ago
    assert [happening for _ in range(10) for happening in crew.turn()] == []
    assert standby.exit_code() is None
    crew.end(["engine"])


def test_a_session_goes_on_without_a_standby_that_cannot_be_started(
    crew_of: Callable[..., Crew], monkeypatch: pytest.MonkeyPatch
):
    """No room for another process is no reason to end those that trade; nothing is left open."""
    crew = crew_of(standby_after_s=0.2)
    crew.start(["engine"])
    until(crew, lambda _: crew.life("engine") is Life.RUNNING)
    open_count = len([*Path("/proc/self/fd").iterdir()])

    def full(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(children.subprocess, "Popen", full)
    (seen,) = until(crew, lambda seen: bool(seen))
    assert (seen.role, seen.pid) == ("engine's standby", 0)
    assert seen.text == "not started ([Errno 11] Resource temporarily unavailable)"
    assert len([*Path("/proc/self/fd").iterdir()]) == open_count
    assert crew.life("engine") is Life.RUNNING
    crew.end(["engine"])


def test_no_standby_outlives_the_end(crew_of: Callable[..., Crew]):
    """It waits for nothing when its engine is ended."""
    crew = crew_of(standby_after_s=0.2)
    standby = with_standby(crew)
    crew.end(["engine"])
    assert not Path(f"/proc/{standby.pid}").exists()
