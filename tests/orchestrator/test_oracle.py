"""The exchange's own books: an exchange that is gone has nothing to say."""

from pathlib import Path

from engine.venue.embedded.certificate import kept
from orchestrator import wiring
from orchestrator.oracle import ask
from shm.clock import SystemClock
from tests.orchestrator.sessions import session_in


def test_an_exchange_that_is_gone_is_an_empty_answer(tmp_path: Path):
    """The summary is written all the same."""
    session = session_in(tmp_path)
    wiring.make_keys(session)
    kept(session.path, SystemClock().wall_ns())
    assert ask(session, "grid") == {}


def test_a_session_whose_folder_was_deleted_is_an_empty_answer(tmp_path: Path):
    """Neither certificate nor keys are there any more: the session ends in words, not in a traceback."""
    assert ask(session_in(tmp_path), "ledger") == {}
