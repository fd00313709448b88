"""The kill switch as people turn it: a file that stays, and the word of a running session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import killswitch
from orchestrator import session as sessions
from orchestrator.session import Holder, StateLock
from orchestrator.settings import BadInputError
from shm.memory import Memory
from shm.records import Kill
from tests.orchestrator.sessions import session_in


@pytest.fixture
def state(memory: Memory, tmp_path: Path) -> Iterator[Path]:
    """A state on which run ``test`` is running."""
    session = session_in(tmp_path)
    sessions.save(session)
    with StateLock(tmp_path) as lock:
        lock.say(Holder(pid=os.getpid(), run_id=memory.run_id, folder=session.folder))
        yield tmp_path


@pytest.mark.parametrize(
    ("word", "level"),
    [("on", Kill.EXITS_ONLY), ("no-entries", Kill.NO_ENTRIES), ("FLATTEN", Kill.FLATTEN), ("halt", Kill.HALT)],
)
def test_a_level_is_raised_and_kept(state: Path, memory: Memory, word: str, level: Kill):
    """Word and file both say so, and only we may read the file."""
    assert killswitch.turn(state, word) == 0
    assert memory.words.kill_level() is level
    assert killswitch.level_of(state) is level
    assert (state / "kill-switch").stat().st_mode & 0o777 == 0o600


def test_off_takes_the_file_away_and_leaves_the_word(state: Path, memory: Memory, capsys: pytest.CaptureFixture[str]):
    """A level falls only when a session starts anew, and that is said."""
    killswitch.turn(state, "on")
    killswitch.turn(state, "off")
    assert killswitch.level_of(state) is Kill.NORMAL
    assert memory.words.kill_level() is Kill.EXITS_ONLY
    assert "stays at exits only" in capsys.readouterr().out


def test_on_never_lowers(tmp_path: Path):
    """HALT, then a hasty ``on``: still HALT; the name of a lower level is obeyed for the next start."""
    killswitch.turn(tmp_path, "halt")
    killswitch.turn(tmp_path, "on")
    assert killswitch.level_of(tmp_path) is Kill.HALT
    killswitch.turn(tmp_path, "NO_ENTRIES")
    assert killswitch.level_of(tmp_path) is Kill.NO_ENTRIES


def test_an_unknown_level_is_refused_and_changes_nothing(tmp_path: Path):
    """One line, with the levels that there are."""
    with pytest.raises(BadInputError, match="no such level; there are on, off, NORMAL, NO_ENTRIES"):
        killswitch.turn(tmp_path, "stop")
    assert list(tmp_path.iterdir()) == []


def test_without_shared_memory_it_still_says_what_it_did(
    state: Path, memory: Memory, capsys: pytest.CaptureFixture[str]
):
    """The session is starting: the file lies there before its memory does, and it looks again."""
    memory.unlink()
    assert killswitch.turn(state, "on") == 0
    assert killswitch.level_of(state) is Kill.EXITS_ONLY
    assert "starting or ending" in capsys.readouterr().out


def test_every_level_is_explained():
    """The ladder has words for each of its levels."""
    assert list(killswitch.LADDER) == list(Kill)
