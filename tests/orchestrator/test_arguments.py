"""What was typed is what it should be, or a line that says what it is not."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.arguments import SEED_MAX, names, number, place, seconds, seed, whole


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (seconds, "0.5", 0.5),
        (whole, "12", 12),
        (number, "-3", -3),
        (seed, "0", 0),
        (seed, str(SEED_MAX), SEED_MAX),
        (names, "A,B", "A,B"),
        (place, "-", "-"),
    ],
)
def test_what_is_right_is_taken(kind: Callable[[str], Any], text: str, value: object):
    """As the number that it is; names and places as they were typed."""
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (seconds, "0", "no duration"),
        (seconds, "nan", "no duration"),
        (seconds, "inf", "no duration"),
        (seconds, "soon", "no duration"),
        (whole, "0", "of 1 or more"),
        (whole, "1.5", "of 1 or more"),
        (number, "x", "not a whole number"),
        (seed, "-1", "is not between 0"),
        (seed, str(SEED_MAX + 1), "is not between 0"),
        (names, " , ", "names nothing"),
        (place, "nowhere/at/all", "there is no folder"),
    ],
)
def test_what_is_wrong_is_refused_by_its_own_words(kind: Callable[[str], Any], text: str, complaint: str):
    """argparse makes a line of it."""
    with pytest.raises(argparse.ArgumentTypeError, match=complaint) as caught:
        kind(text)
    assert text in str(caught.value)


def test_a_result_needs_a_file_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder is none, and neither is what nobody may write."""
    assert place(str(tmp_path / "out.json")) == str(tmp_path / "out.json")
    with pytest.raises(argparse.ArgumentTypeError, match="is a folder"):
        place(str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(argparse.ArgumentTypeError, match="cannot be written"):
        place(str(tmp_path / "out.json"))
