"""The durable truth; starting up *is* replaying it.

    append(events) --queue--> writer thread --one transaction, one fsync--> events, each chained to
         |                    (all that is queued: group commit)            the last by its hash
         +--- Future: monotonic durable_ns ---+                             + projections for readers

A future resolves when its events are on the disk.  The first error of the disk ends the
journal for good: after a failed fsync nobody knows what was written, so nothing is retried.
It belongs to an account, not to a run; a lock refuses the second writer.
"""

import asyncio
import fcntl
import hashlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.books import Books, BooksError
from engine.events import BookEvent, decode, encode
from engine.projection import SCHEMA, project

VERSION = 1
NAME = "journal.db"
GENESIS = hashlib.sha256(b"ringmaster journal").digest()
BATCH_MAX = 512  # events of one transaction: bounds how long the first of them waits


class JournalError(Exception):
    """The journal cannot be opened, or must not be written any more: one clear line."""


class _Batch(NamedTuple):
    events: tuple[BookEvent, ...]
    durable: "Future[int]"


# From version n to n + 1: statements that are run in one transaction at the start.
MIGRATIONS: dict[int, tuple[str, ...]] = {}


class Journal:
    """The one writer of an account's journal; ``books`` is the fold of what it held at the start."""

    def __init__(self, folder: Path, monotonic_ns: Callable[[], int]) -> None:
        """Lock, migrate, verify and replay; ``JournalError`` says what is wrong in one line."""
        self.path = folder / NAME
        self._monotonic_ns = monotonic_ns
        self._failure: str = ""
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._lock = _lock(folder)
        try:
            self._connection = _open(self.path)
            self.books, self._mirror = Books(), Books()
            try:
                self._sequence, self._hash = _replay(self._connection, (self.books, self._mirror), GENESIS)
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise JournalError(f"{self.path}: {error}") from error
        except (JournalError, BooksError):
            os.close(self._lock)
            raise
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str:
        """Why nothing can be written any more, or nothing."""
        return self._failure

    def append(self, events: Sequence[BookEvent]) -> "asyncio.Future[int]":
        """Queue ``events``; awaiting the answer gives monotonic ``durable_ns``; the loop never waits for the disk."""
        return asyncio.wrap_future(self.write(events))

    def write(self, events: Sequence[BookEvent]) -> "Future[int]":
        """The same for threads; futures resolve in the order of their calls, also for no events."""
        durable: Future[int] = Future()
        if self._failure:
            durable.set_exception(JournalError(self._failure))
        else:
            self._queue.put(_Batch(tuple(events), durable))
        return durable

    def close(self) -> None:
        """Write what is queued, then give up the file and the lock."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()
        os.close(self._lock)

    def _write(self) -> None:
        ending = False
        while not ending:
            batches, ending = self._gather()
            if self._failure:
                self._refuse(batches)
                continue
            try:
                self._commit([event for batch in batches for event in batch.events])
            except (sqlite3.Error, OSError, BooksError, OverflowError) as error:
                self._failure = f"{self.path}: {error}; nothing is written any more"
                self._refuse(batches)
                continue
            durable_ns = self._monotonic_ns()
            for batch in batches:
                batch.durable.set_result(durable_ns)

    def _gather(self) -> tuple[list[_Batch], bool]:
        batches: list[_Batch] = []
        count = 0
        wait = True
        while wait or (count < BATCH_MAX and not self._queue.empty()):
            batch = self._queue.get()
            wait = False
            if batch is None:
                return batches, True
            batches.append(batch)
            count += len(batch.events)
        return batches, False

    def _commit(self, events: list[BookEvent]) -> None:
        if not events:
            return
        sequence, chain = self._sequence, self._hash
        self._connection.execute("BEGIN IMMEDIATE")
        for event in events:
            payload = encode(event)
            sequence += 1
            chain = link(chain, sequence, payload)
            kind = type(event).__name__
            self._connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (sequence, kind, payload, chain))
            postings = self._mirror.apply(event)
            project(self._connection, sequence, event, self._mirror, postings)
        self._connection.execute("UPDATE head SET sequence = ?, hash = ?", (sequence, chain))
        self._connection.execute("COMMIT")
        self._sequence, self._hash = sequence, chain

    def _refuse(self, batches: list[_Batch]) -> None:
        for batch in batches:
            batch.durable.set_exception(JournalError(self._failure))


class JournalReader:
    """Books of another process's journal, brought up to date by short read-only transactions."""

    def __init__(self, folder: Path) -> None:
        """Open nothing yet."""
        self.path = folder / NAME
        self.books = Books()
        self.sequence = 0
        self._hash = GENESIS

    def refresh(self) -> list[BookEvent]:
        """Apply what was written since the last call, and give it."""
        if not self.path.exists():
            raise JournalError(f"{self.path}: no such journal")
        try:
            connection = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
            try:
                rows = connection.execute(
                    "SELECT sequence, payload, hash FROM events WHERE sequence > ? ORDER BY sequence", (self.sequence,)
                ).fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}") from error
        events = []
        for sequence, payload, chain in rows:
            self.sequence, self._hash = _verified(self.sequence, self._hash, (sequence, payload, chain), self.path)
            events.append(_decoded(sequence, payload, self.path))
            self.books.apply(events[-1])
        return events


def read_books(folder: Path) -> Books:
    """The books that ``folder``'s journal gives at this moment."""
    reader = JournalReader(folder)
    reader.refresh()
    return reader.books


def link(before: bytes, sequence: int, payload: bytes) -> bytes:
    """The hash of an event, given that of the one before it."""
    return hashlib.sha256(before + sequence.to_bytes(8, "little") + payload).digest()


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / f"{NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"{folder}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise JournalError(f"{folder}: another session (process {holder}) uses this account; stop it first") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _open(path: Path) -> sqlite3.Connection:
    # Created here, not by SQLite, so that nobody else can ever read it; the WAL inherits the mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise JournalError(f"{path}: written by a newer version ({version}, this one knows {VERSION})")  # noqa: TRY301 - closed below
        if version == 0:
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO head VALUES (0, ?)", (GENESIS,))
        else:
            for number in range(version, VERSION):
                for statement in MIGRATIONS[number]:
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except (sqlite3.Error, JournalError):
        connection.close()
        raise
    return connection


def _replay(connection: sqlite3.Connection, folds: Sequence[Books], chain: bytes) -> tuple[int, bytes]:
    (name,) = (row[2] for row in connection.execute("PRAGMA database_list"))
    path, last = Path(name), 0
    for row in connection.execute("SELECT sequence, payload, hash FROM events ORDER BY sequence"):
        last, chain = _verified(last, chain, row, path)
        event = _decoded(row[0], row[1], path)
        for books in folds:
            books.apply(event)
    if connection.execute("SELECT sequence, hash FROM head").fetchall() != [(last, chain)]:
        raise JournalError(f"{path}: events at the end are missing; keep the file and restore a copy")
    return last, chain


def _verified(last: int, before: bytes, row: tuple[int, bytes, bytes], path: Path) -> tuple[int, bytes]:
    sequence, payload, chain = row
    if sequence != last + 1 or not isinstance(payload, bytes) or link(before, sequence, payload) != chain:
        raise JournalError(f"{path}: event {sequence} was changed; keep the file and restore a copy")
    return sequence, chain


def _decoded(sequence: int, payload: bytes, path: Path) -> BookEvent:
    try:
        return decode(payload)
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: event {sequence} is of another version: {error}") from error
