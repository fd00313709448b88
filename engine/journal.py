"""The durable truth; starting up is replaying it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from engine.events import BookEvent


class JournalError(Exception):
    """The journal cannot be opened, or must not be written any more: one clear line."""


class Journal:
    """The one writer. ``Journal.open(folder)`` locks, verifies and replays."""

    def append(self, events: Sequence[BookEvent]) -> "asyncio.Future[int]":
        """Awaitable from the loop: resolves to the monotonic ``durable_ns`` or raises JournalError (halt)."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is queued, stop the thread, release the lock."""


def open_journal(folder: Path) -> tuple[Journal, list[BookEvent]]:
    """Lock ``folder``, verify the chain, and give the writer and every event so far."""
    raise NotImplementedError
