"""What a body looks like: every path in it and the kind of value there, and how two bodies differ in that."""

import gzip
import json
import re
from typing import Any

import pytest

from tests.recordings import DATA as RECORDED

DOCUMENTED = RECORDED / "account_events" / "nautilus"
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
CAPTURE_LINES = 4_000  # of a raw capture; more of the same kinds follow


def kind(value: Any) -> str:
    """What a value is: numbers in text are told from other text."""
    if isinstance(value, str):
        return "number in text" if NUMBER.fullmatch(value) else "text"
    return "number" if isinstance(value, float) else type(value).__name__


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Every path in ``value`` with its kind; rows of a list are one."""
    if isinstance(value, dict):
        return {key: kind_ for name, one in value.items() for key, kind_ in shape(one, f"{path}.{name}").items()}
    if isinstance(value, list | tuple):
        pairs = isinstance(value, tuple) or all(not isinstance(one, dict | list | tuple) for one in value)
        named = enumerate(value) if pairs else ((0, one) for one in value)
        return {key: kind_ for at, one in named for key, kind_ in shape(one, f"{path}[{at if pairs else ''}]").items()}
    return {path: kind(value)}


def compare(
    ours: Any, theirs: Any, what: str, *, added: set[str] = frozenset(), absent: set[str] = frozenset()
) -> None:
    """Fail on any field that one has and the other lacks, or that is of another type, unless it is listed."""
    mine, real = shape(json.loads(json.dumps(ours))), shape(theirs)
    assert real or theirs in ({}, []), f"{what}: the recording is empty"

    def last(path: str) -> str:
        return path.rpartition(".")[2].rstrip("[]0123456789")

    extra = {path for path in mine.keys() - real.keys() if last(path) not in added}
    missing = {path for path in real.keys() - mine.keys() if last(path) not in absent}
    differ = {path: (mine[path], real[path]) for path in mine.keys() & real.keys() if mine[path] != real[path]}
    assert (extra, missing, differ) == (set(), set(), {}), f"{what}: more {extra}, less {missing}, other {differ}"


def document(name: str) -> Any:
    """A recorded body; the test is skipped without the recordings."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recording at {path}")
    plain = path.read_bytes()
    return json.loads(gzip.decompress(plain) if path.suffix == ".gz" else plain)


def frames(name: str) -> dict[str, Any]:
    """The fullest recorded frame of each kind in a capture, and the bodies that were asked for there."""
    path, found = RECORDED / name, dict[str, Any]()
    if not path.exists():
        pytest.skip(f"no recording at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(CAPTURE_LINES), lines, strict=False):
            head, brace, rest = line.partition("{")
            if not brace or head.startswith("configuration"):
                continue
            frame = json.loads(brace + rest)
            data = frame.get("data", frame)
            named = data.get("e") or ("bookTicker" if "A" in data else "exchangeInfo" if "symbols" in data else "REST")
            # A depth frame may have an empty side: one with both says more.
            if len(shape(data)) > len(shape(found.get(named, {}))):
                found[named] = data
    return found
