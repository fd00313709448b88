"""Compiling ahead: a strategy that cannot be used is refused in words, not in a traceback."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine import matching
from orchestrator.compiling import REFUSED, compile_exchange, compile_session, compile_words
from orchestrator.settings import build
from shm import words
from tests.orchestrator.sessions import session_in


def test_an_unknown_strategy_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The last line says what is wrong and what was probably meant."""
    session = replace(session_in(tmp_path), settings=build({"brain": {"strategies": ["trnd"]}}))
    assert compile_session(session) == REFUSED
    assert capsys.readouterr().out.splitlines()[-1] == "refused trnd is not a strategy; did you mean trend?"


def test_every_kind_of_order_is_matched_ahead():
    """The exchange's kernels have run: the first real order waits for no compiler."""
    told: list[str] = []
    compile_exchange(lambda done, of, name: told.append(f"{done} {of} {name}"), 2)
    assert told == ["3 2 exchange"]
    walked = (matching.cross, matching.advance, matching.gap, matching.opening)
    closed = (matching.forget_touches, matching.shrink_queues, matching.is_marked, matching.mark)
    assert [one.__name__ for one in (*walked, *closed) if not one.signatures] == []


def test_every_word_is_turned_ahead():
    """The kill switch and the first request of a live session have run."""
    compile_words()
    turned = [one for one in vars(words).values() if hasattr(one, "py_func") and one.__module__ == words.__name__]
    assert len(turned) >= 4
    assert [one.__name__ for one in turned if not one.signatures] == []
