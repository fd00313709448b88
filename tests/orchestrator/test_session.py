"""A session's folder, its file and the lock on its state."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import session as sessions
from orchestrator.session import Holder, StateLock
from orchestrator.settings import BadInputError
from tests.orchestrator.sessions import session_in

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def test_a_session_is_read_back_as_it_was_written(tmp_path: Path):
    """session.json carries settings, instruments and all."""
    session = session_in(tmp_path)
    sessions.save(session)
    assert sessions.load(session.path) == session


def test_two_sessions_of_one_second_have_two_folders(tmp_path: Path):
    """The second gets a number."""
    assert [sessions.new_folder(tmp_path, NOON).name for _ in range(2)] == ["20260102-120000", "20260102-120000-2"]


def test_a_discarded_session_leaves_nothing(tmp_path: Path):
    """Neither its folder nor the empty ones around it."""
    folder = sessions.new_folder(tmp_path / "var", NOON)
    (folder / "keys.json").write_text("{}")
    sessions.discard(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_state_has_one_session(tmp_path: Path):
    """The second is refused in one line that names the first."""
    with StateLock(tmp_path) as lock:
        lock.say(Holder(pid=os.getpid(), run_id="abc", folder="/somewhere"))
        with pytest.raises(BadInputError, match=f"a session runs there already .pid {os.getpid()}, /somewhere"):
            StateLock(tmp_path)
        assert sessions.holder(tmp_path) == Holder(pid=os.getpid(), run_id="abc", folder="/somewhere")
    assert sessions.holder(tmp_path) is None


def test_a_lock_on_a_fresh_folder_goes_with_it(tmp_path: Path):
    """A state that was made for a session that never began is gone."""
    with StateLock(tmp_path / "var"):
        pass
    assert not (tmp_path / "var").exists()


def test_no_session_is_said_in_one_line(tmp_path: Path):
    """Asking for the newest of none tells how to start one."""
    with pytest.raises(BadInputError, match=r"run\.py --paper"):
        sessions.newest(tmp_path)


def test_the_code_hash_is_stable():
    """Two looks at the same sources agree."""
    assert sessions.code_hash() == sessions.code_hash()


def test_a_state_that_was_deleted_is_let_go_of_all_the_same(tmp_path: Path):
    """The lock's folder is gone: there is nothing to tidy up."""
    with StateLock(tmp_path / "var"):
        shutil.rmtree(tmp_path / "var")
    assert not (tmp_path / "var").exists()
