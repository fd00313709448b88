"""What the text of an option may be: each kind returns its value, or says in words why there is none."""

import argparse
import math
import os
from pathlib import Path

SEED_MAX = 2**63 - 1  # session.json and the chronicle keep it in eight bytes


def seconds(text: str) -> float:
    """Return a duration above nothing."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no duration in seconds")
    return value


def whole(text: str) -> int:
    """Return a whole number above nothing."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def number(text: str) -> int:
    """Return a whole number of any sign."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from None


def seed(text: str) -> int:
    """Return what chance begins with."""
    value = number(text)
    if not 0 <= value <= SEED_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {SEED_MAX}")
    return value


def names(text: str) -> str:
    """Return what names something: an empty word is a slip, not a wish for what is usual."""
    if not text.strip(", "):
        raise argparse.ArgumentTypeError(f"{text!r} names nothing")
    return text


def place(text: str) -> str:
    """Return where a result is to be written, which must be possible: better refused now than after the session."""
    path = Path(text)
    if text != "-" and path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder, not a file")
    if text != "-" and not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no folder {path.parent}")
    if text != "-" and not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written")
    return text
