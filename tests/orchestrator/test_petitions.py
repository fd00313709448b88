"""Asking a running session by hand, from the terminal."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.petition import Deed, Petition
from engine.spool import Answer, Spool
from orchestrator import cli, petitions
from orchestrator import session as sessions
from orchestrator.session import Holder, Session, StateLock
from shm.memory import Memory
from tests.orchestrator.sessions import session_in


@pytest.fixture
def session(memory: Memory, tmp_path: Path) -> Iterator[Session]:
    """A session that this test runs."""
    made = session_in(tmp_path)
    sessions.save(made)
    with StateLock(tmp_path) as lock:
        lock.say(Holder(pid=os.getpid(), run_id=memory.run_id, folder=made.folder))
        yield made


def engine(session: Session, answer: Answer, heard: list[Petition]) -> threading.Thread:
    """Something that answers one petition."""

    def listen() -> None:
        spool = Spool(session.account_path)
        while not heard:
            heard.extend(spool.take())
            time.sleep(0.005)
        spool.answer(heard[0].petition_id, answer)

    thread = threading.Thread(target=listen)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("words", "deed", "price"),
    [
        (["close", "BTC", "--why", "news"], Deed.CLOSE, ""),
        (["move-stop", "BTC", "50000", "--why", "news"], Deed.MOVE_STOP, "50000"),
        (["adopt", "BTC", "--stop", "1", "--strategy", "trend", "--why", "news"], Deed.ADOPT, "1"),
    ],
)
def test_the_answer_is_printed(
    session: Session, capsys: pytest.CaptureFixture[str], words: list[str], deed: Deed, price: str
):
    """What was typed arrives whole, with whose hand it was."""
    heard: list[Petition] = []
    thread = engine(session, Answer(granted=True, words="done so"), heard)
    assert cli.main([*words, "--state", session.state]) == 0
    thread.join()
    assert capsys.readouterr().out == "done so\n"
    assert (heard[0].deed, heard[0].subject, heard[0].price, heard[0].why) == (deed, "BTC", price, "news")
    assert heard[0].who == petitions.who()


def test_a_denial_is_one_line_and_exit_2(session: Session, capsys: pytest.CaptureFixture[str]):
    """On stderr, as every other bad input."""
    thread = engine(session, Answer(granted=False, words="close X: not traded here"), [])
    assert cli.main(["close", "X", "--state", session.state]) == 2
    thread.join()
    assert capsys.readouterr() == ("", "run.py: close X: not traded here\n")


def test_without_an_answer_it_stays_handed_in(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The engine may be restarting: exit 1, and the file lies there for its next life."""
    monkeypatch.setattr(petitions, "ANSWER_WITHIN_S", 0.1)
    assert cli.main(["pause", "trend", "--state", session.state]) == 1
    assert "done once the engine is back" in capsys.readouterr().err
    assert [one.subject for one in Spool(session.account_path).take()] == ["trend"]


def test_without_a_session_nothing_is_handed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """One line, and no file."""
    assert cli.main(["close", "BTC", "--state", str(tmp_path)]) == 2
    assert "no session runs" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
