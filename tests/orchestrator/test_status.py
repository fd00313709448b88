"""Status and stop, asked of a session that this test holds."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import killswitch, status
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


def test_a_page_about_the_running_session(state: Path, capsys: pytest.CaptureFixture[str]):
    """Who runs, what is held, what was counted."""
    assert status.show(state, None) == 0
    text = capsys.readouterr().out
    assert f"pid {os.getpid()}   market time not begun" in text
    assert "no position" in text
    assert "records lost 0" in text


def test_status_shows_the_word_and_what_lies_in_the_state(
    state: Path, memory: Memory, capsys: pytest.CaptureFixture[str]
):
    """The running level, and the one that the next start finds."""
    killswitch.turn(state, "flatten")
    memory.words.raise_kill(Kill.HALT)
    status.show(state, None)
    text = capsys.readouterr().out
    assert "trading halt" in text
    assert "kill switch flatten: kept for the next start" in text


def test_nobody_there_is_said(tmp_path: Path):
    """Stop without a session is bad input, and no signal is sent to anybody."""
    with pytest.raises(BadInputError, match="no session runs"):
        status.stop(tmp_path, flatten=False)


@pytest.mark.parametrize(
    ("summary", "flatten", "code"),
    [
        ({"ended": "interrupted", "remains": ["BTC 1 @ 5"]}, False, 0),
        ({"ended": "interrupted", "remains": ["BTC 1 @ 5"]}, True, 1),
        ({"ended": "interrupted", "remains": []}, True, 0),
        ({"ended": "failed: exchange died", "remains": []}, False, 1),
        (None, False, 1),
    ],
)
def test_stop_succeeds_only_when_the_session_ended_as_told(
    tmp_path: Path, summary: dict[str, object] | None, flatten: bool, code: int
):
    """A position that --flatten left, a failure, or no summary at all is not success."""
    if summary is not None:
        (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert status._ended(tmp_path, flatten=flatten) == code
