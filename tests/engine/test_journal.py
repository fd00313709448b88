"""The journal: what was acknowledged is there, whatever happened; what was changed is noticed."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.events import Deposited, Started
from engine.journal import GENESIS, NAME, Journal, JournalError, JournalReader, link, read_books

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import sys, time
from pathlib import Path
from engine.events import Deposited
from engine.journal import Journal
journal = Journal(Path(sys.argv[1]), time.monotonic_ns)
number = journal.books.events_count
while True:
    waiting = []
    for _ in range(5):
        number += 1
        event = Deposited(account="main", venue="paper", amount=number, reference=str(number), wall_ns=1)
        waiting.append((number, journal.write([event])))
    for number, durable in waiting:
        durable.result()
        sys.stdout.write(f"{number}\\n"); sys.stdout.flush()
"""


def deposit(number):
    """The event with this number."""
    return Deposited(account="main", venue="paper", amount=number, reference=str(number), wall_ns=1)


def filled(folder, count=20):
    """A closed journal of ``count`` events, each a transaction of its own."""
    journal = Journal(folder, time.monotonic_ns)
    for number in range(1, count + 1):
        journal.write([deposit(number)]).result()
    journal.close()


async def test_acknowledgements_come_in_order_and_many_share_one_fsync(tmp_path):
    """1 000 appends are durable far sooner than 1 000 fsyncs would be, and the reader sees them all."""
    journal = Journal(tmp_path, time.monotonic_ns)
    waiting = [journal.append([deposit(number)]) for number in range(1, 1001)]
    times = await asyncio.gather(*waiting)
    assert times == sorted(times)
    assert len(set(times)) < 500
    books = read_books(tmp_path)
    assert books.events_count == 1000
    journal.close()


def test_a_second_session_is_refused_in_one_line(tmp_path):
    """The line names the folder and the process."""
    journal = Journal(tmp_path, time.monotonic_ns)
    with pytest.raises(JournalError, match=f"another session .process {os.getpid()}. uses this account"):
        Journal(tmp_path, time.monotonic_ns)
    journal.close()
    Journal(tmp_path, time.monotonic_ns).close()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "UPDATE events SET payload = CAST(replace(payload, '7', '8') AS BLOB) WHERE sequence = 7",
            "event 7 was changed",
        ),
        ("DELETE FROM events WHERE sequence = 7", "event 8 was changed"),
        ("DELETE FROM events WHERE sequence > 15", "at the end are missing"),
        ("UPDATE events SET hash = zeroblob(32) WHERE sequence = 20", "event 20 was changed"),
        ("PRAGMA user_version = 99", "newer version"),
    ],
)
def test_a_changed_journal_is_refused(tmp_path, statement, words):
    """The chain of hashes says where, and nothing is repaired in silence."""
    filled(tmp_path)
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match=words) as refused:
        Journal(tmp_path, time.monotonic_ns)
    # Given up with the refusal, not when somebody forgets the exception.
    held = [one for one in Path("/proc/self/fd").iterdir() if one.is_symlink() and tmp_path in one.readlink().parents]
    assert held == [], refused.value


def test_every_truncation_of_the_wal_is_a_prefix_that_opens(tmp_path):
    """Cut anywhere, the journal holds the first n events for some n that grows with the cut."""
    source = tmp_path / "source"
    journal = Journal(source, time.monotonic_ns)
    for number in range(1, 13):
        journal.write([deposit(number)]).result()
    images = {name: (source / f"{NAME}{name}").read_bytes() for name in ("", "-wal")}
    journal.close()
    counts = []
    for cut in [*range(0, len(images["-wal"]), 4001), len(images["-wal"])]:
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / NAME).write_bytes(images[""])
        (folder / f"{NAME}-wal").write_bytes(images["-wal"][:cut])
        recovered = Journal(folder, time.monotonic_ns)
        counts.append(recovered.books.events_count)
        recovered.close()
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    """Three SIGKILLs in the middle of appends: every number that was printed is in the journal."""
    for kill in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        lines = [writer.stdout.readline() for _ in range(37 + 11 * kill)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
        writer.stdout.close()
        writer.wait()
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
        journal = Journal(tmp_path, time.monotonic_ns)
        assert journal.books.events_count >= acknowledged
        journal.close()


def test_an_error_of_the_disk_ends_the_journal_for_good(tmp_path):
    """The append fails, so does every later one, and what was acknowledged before is still there."""
    journal = Journal(tmp_path, time.monotonic_ns)
    journal.write([deposit(1)]).result()
    journal._connection.execute("PRAGMA query_only = ON")
    for number in (2, 3):
        with pytest.raises(JournalError, match="nothing is written any more"):
            journal.write([deposit(number)]).result()
    journal.close()
    assert read_books(tmp_path).events_count == 1


def test_what_was_queued_behind_a_failed_write_is_refused_untried(tmp_path, monkeypatch):
    """After a failed fsync nobody knows what was written: what waited behind it never reaches the disk."""
    journal = Journal(tmp_path, time.monotonic_ns)
    begun, go, tried = threading.Event(), threading.Event(), []

    def failing(events):
        tried.append(events)
        begun.set()
        go.wait(10)
        if len(tried) == 1:
            raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(journal, "_commit", failing)
    first = journal.write([deposit(1)])
    assert begun.wait(10)
    second = journal.write([deposit(2)])
    go.set()
    for durable in (first, second):
        with pytest.raises(JournalError, match="nothing is written any more"):
            durable.result(10)
    journal.close()
    assert tried == [[deposit(1)]]


def test_a_writer_with_nothing_to_do_sleeps(tmp_path, monkeypatch):
    """It waits for the next append; it does not look whether there is one."""
    journal = Journal(tmp_path, time.monotonic_ns)
    gather, rounds = journal._gather, []
    monkeypatch.setattr(journal, "_gather", lambda: (rounds.append(1), gather())[1])
    journal.write([deposit(1)]).result(10)
    time.sleep(0.05)
    assert len(rounds) <= 2
    assert journal._thread.daemon  # a process that ends without closing is not held up
    journal.close()


def test_nobody_else_can_read_or_write_a_journal(tmp_path):
    """Mode 0600 for every file, whatever the umask of the shell."""
    before = os.umask(0)
    try:
        journal = Journal(tmp_path / "data" / "account", time.monotonic_ns)
    finally:
        os.umask(before)
    journal.write([deposit(1)]).result(10)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data" / "account").iterdir()}
    assert set(modes.values()) == {"0o600"}, modes
    assert (tmp_path / "data" / "account").stat().st_mode & 0o777 == 0o700
    journal.close()


def test_nothing_is_durable_at_once_and_costs_no_transaction(tmp_path):
    """An append of no events is answered in its turn and leaves the file alone."""
    journal = Journal(tmp_path, time.monotonic_ns)
    journal.write([deposit(1)]).result()
    onlooker = sqlite3.connect(tmp_path / NAME)
    version = onlooker.execute("PRAGMA data_version").fetchone()
    journal.write([]).result()
    assert onlooker.execute("PRAGMA data_version").fetchone() == version
    journal.write([deposit(2)]).result()
    assert onlooker.execute("PRAGMA data_version").fetchone() != version
    onlooker.close()
    journal.close()


def test_a_reader_follows_the_writer(tmp_path):
    """Each refresh gives what is new; the projection of a wallet is never needed."""
    journal = Journal(tmp_path, time.monotonic_ns)
    journal.write([Started(run="r", account="main", venue="paper", wall_ns=1), deposit(5)]).result()
    reader = JournalReader(tmp_path)
    assert len(reader.refresh()) == 2
    journal.write([deposit(6)]).result()
    assert reader.refresh() == [deposit(6)]
    assert reader.books.ledger.wallet("main", "paper") == 11
    journal.close()
    with pytest.raises(JournalError, match="no such journal"):
        JournalReader(tmp_path / "elsewhere").refresh()


def test_what_cannot_be_read_or_locked_is_said_in_one_line(tmp_path):
    """A file that is no journal, a folder that cannot be made, an event that nobody knows."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="file"):
        Journal(tmp_path / "file" / "folder", time.monotonic_ns)
    reading = tmp_path / "reading"
    reading.mkdir()
    (reading / NAME).write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(JournalError, match="not a database"):
        JournalReader(reading).refresh()
    with pytest.raises(JournalError, match="not a database"):
        Journal(reading, time.monotonic_ns)
    stranger = tmp_path / "stranger"
    filled(stranger, count=1)
    connection = sqlite3.connect(stranger / NAME)
    payload = b'{"type":"Invented"}'
    chain = link(GENESIS, 1, payload)
    connection.execute("UPDATE events SET payload = ?, hash = ?", (payload, chain))
    connection.execute("UPDATE head SET hash = ?", (chain,))
    connection.commit()
    connection.close()
    for opening in (lambda: Journal(stranger, time.monotonic_ns), JournalReader(stranger).refresh):
        with pytest.raises(JournalError, match="event 1 is of another version"):
            opening()
