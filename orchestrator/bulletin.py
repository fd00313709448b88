"""What the engine warns of, on the operator's screen: read off the end of the session's log.

    engine --"was liquidated by the exchange", "differs: no entries", ...--> log.jsonl --> "!! ..." once a minute each

Its own process cannot reach the screen, and what it warns of is money.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INTERVAL_NS = 500_000_000  # machine time between two looks
AGAIN_NS = 60 * 1_000_000_000  # the same warning is no news for so long
WHO = "engine"


class Bulletin:
    """Follows the log; a line that is not whole yet waits for the next look."""

    def __init__(self, path: Path) -> None:
        """Begin with the log's first line, once there is one."""
        self._path = path
        self._read = 0  # bytes
        self._told_ns: dict[str, int] = {}
        self._due_ns = 0

    def lines(self, now_ns: int) -> Iterator[str]:
        """Yield what is new at monotonic time ``now_ns``."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + INTERVAL_NS
        for cause, words in self._warnings():
            if now_ns - self._told_ns.get(cause, -AGAIN_NS) >= AGAIN_NS:
                self._told_ns[cause] = now_ns
                yield f"!! {words}"

    def _warnings(self) -> Iterator[tuple[str, str]]:
        try:
            with self._path.open("rb") as log:
                log.seek(self._read)
                fresh = log.read()
        except OSError:
            return  # gone, or not there yet: whoever looks after the folder tells
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if said := _warning(line):
                yield said


def _warning(line: bytes) -> tuple[str, str] | None:
    """The cause, which is told once a minute, and the words; of a refusal the figures differ each time."""
    try:
        told: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(told, dict) or (told.get("role"), told.get("level")) != (WHO, "warning"):
        return None
    event, text = str(told.get("event", "")), str(told.get("text", ""))
    joint = " " if text.startswith(("is ", "was ", "has ", "does ", "trades ")) else ": "
    words = f"{event}{joint}{text}" if text else event
    return event if event.startswith("refused") else words, words
