"""A session's frame: its memory, its mark of what is compiled, its last lines."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import cli, lifetime
from orchestrator.reconciler import AGREES
from orchestrator.settings import build
from tests.orchestrator.sessions import session_in


class Process:
    """A compiler that has ended, with nothing said."""

    stdout, returncode = (), 3

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left of it."""

    def terminate(self) -> None:
        """It has ended."""


def test_memory_and_bells_are_gone_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An exception inside leaves no segment."""
    monkeypatch.setenv("RINGMASTER_SHM", str(tmp_path / "shm"))
    (tmp_path / "shm").mkdir()

    def break_down() -> None:
        with lifetime.shared_memory(session_in(tmp_path)) as (_, bells):
            assert set(bells) >= {"feed", "engine"}
            assert list((tmp_path / "shm").iterdir())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_down()
    assert list((tmp_path / "shm").iterdir()) == []


def test_an_edited_strategy_is_compiled_again(tmp_path: Path):
    """The mark follows the file's content and the settings."""
    mine = tmp_path / "mine.py"
    mine.write_text("one")
    settings = build({"brain": {"strategies": [str(mine)]}})
    first = lifetime.mark_of(settings)
    mine.write_text("two")
    assert lifetime.mark_of(settings) != first
    assert lifetime.mark_of(build({})) == lifetime.mark_of(build({}))


def test_the_same_build_elsewhere_or_on_another_processor_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """numba keeps kernels by both: with the old mark the exchange compiled for 10 s at its first order."""
    marks = {lifetime.mark_of(build({}))}
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(lifetime, "ROOT", tmp_path)
        marks.add(lifetime.mark_of(build({})))
    monkeypatch.setattr(lifetime, "processor", lambda: "another")
    marks.add(lifetime.mark_of(build({})))
    assert len(marks) == 3


def test_a_strategy_of_the_same_words_in_another_folder_is_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The settings name it alike."""
    marks = set()
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        (folder / "mine.py").write_text("one")
        monkeypatch.chdir(folder)
        marks.add(lifetime.mark_of(build({"brain": {"strategies": ["mine.py"]}})))
    assert len(marks) == 2


@pytest.mark.parametrize(
    ("difference", "bad"),
    [
        (AGREES, False),
        ("", False),  # it was not reached: an engine that never started has nothing to compare
        ("difference to the exchange: POSITION_DIFFERS BTC/USDT:USDT 3 there, 1 here", True),
        ("the last comparison failed: no connection", True),
    ],
)
def test_a_last_comparison_that_differs_or_fails_is_exit_1(difference: str, bad: bool):
    """Whatever else the session says of itself."""
    assert lifetime.differs(difference) is bad


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_session_that_was_never_run_is_no_bad_input(
    is_asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Ctrl-C while compiling, or a compiler that fails: one line, exit 1, and no session folder."""
    monkeypatch.setattr(lifetime, "cache_home", lambda: tmp_path / "cache")

    def compiler(*_: object, **__: object) -> Process:
        if is_asked:
            os.kill(os.getpid(), signal.SIGINT)
        return Process()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    monkeypatch.setattr(lifetime.subprocess, "Popen", compiler)
    try:
        assert cli.main(["--paper", "--state", str(tmp_path / "state")]) == 1
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)
    said = "interrupted while compiling" if is_asked else "compiling failed (exit 3)"
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("state/sessions/*"))


def test_the_last_lines_say_what_remains_and_what_to_try(tmp_path: Path):
    """And never that the exchange agrees when it was not asked."""
    session = replace(session_in(tmp_path), ended="finished")
    names = ("candles", "decisions", "orders", "fills", "records_lost", "realised", "fees", "unrealised")
    summary = dict.fromkeys((*names, "equity_start", "equity_end", "last_candle"), 0) | {"seconds": 1.0, "remains": []}
    assert "next:" not in "\n".join(lifetime.closing(session, summary, "")), "nothing was decided, so nothing is to ask"
    text = "\n".join(lifetime.closing(session, summary | {"last_candle": "2025-11-20T12:31"}, ""))
    assert "remains at the exchange: no position" in text
    assert "was not reached" in text
    assert "next: python run.py why BTC/USDT:USDT 2025-11-20T12:31 --session" in text


@pytest.mark.parametrize(
    ("market", "line"),
    [
        ({}, "play money, synthetic market, no keys, no network; profit here means nothing"),
        ({"source": ["/candles"]}, "play money, recorded market, no keys, no network; profit here means nothing"),
        (
            {"source": ["binanceusdm"], "speed": "1"},
            "play money, the public market of binanceusdm, mirrored, no keys; profit here means nothing",
        ),
        (
            {"source": ["binanceusdm"], "speed": "1", "stand_in": "443:/pem"},
            "play money, NOT binanceusdm: 127.0.0.1:443 plays it (market.stand_in), no keys; profit here means nothing",
        ),
    ],
)
def test_the_first_line_says_whose_prices_these_are(tmp_path: Path, market: dict[str, object], line: str):
    """Nobody takes a stand-in for the real exchange, or play money for real."""
    session = replace(session_in(tmp_path), settings=build({"market": market}))
    assert next(iter(lifetime.opening(session))) == line
