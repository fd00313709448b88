"""Kinds of options: what is taken, and the words for what is not."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.arguments import SEED_MAX, names, number, place, seconds, seed, whole


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (seconds, "0.5", 0.5),
        (whole, "1", 1),
        (number, "-7", -7),
        (seed, "0", 0),
        (seed, str(SEED_MAX), SEED_MAX),
        (names, "A, B", "A, B"),
        (place, "-", "-"),
    ],
)
def test_what_makes_sense_is_taken(kind: Callable[[str], object], text: str, value: object):
    """At the edges too."""
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (seconds, "0", "0 is no duration in seconds"),
        (seconds, "nan", "nan is no duration"),
        (seconds, "inf", "inf is no duration"),
        (seconds, "a minute", "a minute is no duration"),
        (whole, "0", "0 is not a whole number of 1 or more"),
        (whole, "1.5", "1.5 is not a whole number"),
        (whole, "\u00b2", "not a whole number"),
        (number, "x", "x is not a whole number"),
        (seed, "-1", "-1 is not between 0 and 9223372036854775807"),
        (seed, str(SEED_MAX + 1), "is not between 0 and"),
        (names, "", "'' names nothing"),
        (names, " , ", "' , ' names nothing"),
        (place, "/", "/ is a folder, not a file"),
        (place, "/nowhere/x.json", "there is no folder /nowhere"),
    ],
)
def test_what_does_not_is_told_in_words(kind: Callable[[str], object], text: str, words: str):
    """With what was typed."""
    with pytest.raises(argparse.ArgumentTypeError) as told:
        kind(text)
    assert words in str(told.value)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Before the session and not after it; what is there already may be written over."""
    file = tmp_path / "summary.json"
    assert place(str(file)) == str(file)
    file.write_text("old")
    assert place(str(file)) == str(file)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be written"):
        place(str(file))
