"""Files as crashes and bad disks leave them: what opens is a prefix of what was written, or it is refused (I29)."""

import shutil
import sqlite3
import time

import pytest

from engine import journal as journals
from engine.events import Deposited
from engine.journal import NAME, Journal, JournalError, read_books

EVENTS = 9
HEADER, FRAME = 32, 24 + 4096  # of a WAL: its header, then a header and a page for each frame


def deposit(number):
    """The event with this number."""
    return Deposited(account="main", venue="paper", amount=number, reference=str(number), wall_ns=1)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The files of a journal of 9 transactions, before and after the WAL was folded in."""
    folder = tmp_path_factory.mktemp("source")
    journal = Journal(folder, time.monotonic_ns)
    for number in range(1, EVENTS + 1):
        journal.write([deposit(number)]).result()
    crashed = {name: (folder / f"{NAME}{name}").read_bytes() for name in ("", "-wal")}
    journal.close()
    assert not (folder / f"{NAME}-wal").exists()
    return {"crashed": crashed, "closed": {"": (folder / NAME).read_bytes()}}


def opened(folder, files):
    """How many events a journal of these files has, which are the first ones; -1: it was refused."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{NAME}{name}").write_bytes(content)
    try:
        journal = Journal(folder, time.monotonic_ns)
    except JournalError:
        return -1
    count = journal.books.events_count
    assert journal.books.ledger.wallet("main", "paper") == sum(range(1, count + 1)), "the first events, unchanged"
    journal.write([deposit(1_000)]).result()
    journal.close()
    assert read_books(folder).events_count == count + 1, "and it can be written on"
    return count


def written_until(journal):
    """How many events were acknowledged before the first error, and its words."""
    for number in range(1, 5_000):
        try:
            journal.write([deposit(number)]).result()
        except JournalError as error:
            return number - 1, str(error)
    return 5_000, "no error"


def cuts(length):
    """The start, the middle and the last byte of every frame, and around the header."""
    starts = range(HEADER, length, FRAME)
    return sorted({0, 1, HEADER - 1, *(at + part for at in starts for part in (0, 12, 24, 2_000, FRAME - 1)), length})


def test_a_wal_cut_at_any_frame_or_within_it_is_a_prefix(images, tmp_path):
    """The number of events grows with the length, from none to all, and never falls."""
    crashed = images["crashed"]
    counts = [opened(tmp_path / "cut", crashed | {"-wal": crashed["-wal"][:cut]}) for cut in cuts(len(crashed["-wal"]))]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, EVENTS)
    assert set(counts) == set(range(EVENTS + 1))


def test_a_wal_with_a_hole_or_a_stale_end_is_a_prefix(images, tmp_path):
    """Frames that a disk wrote out of order, or that were left of an older file, are not taken for events."""
    crashed = images["crashed"]
    wal = crashed["-wal"]
    for at in range(HEADER, len(wal), FRAME * 3):
        holed = wal[:at] + bytes(FRAME) + wal[at + FRAME :]
        assert 0 <= opened(tmp_path / "hole", crashed | {"-wal": holed}) <= EVENTS
        stale = wal[:at] + wal[HEADER : HEADER + FRAME] * 3
        assert 0 <= opened(tmp_path / "stale", crashed | {"-wal": stale}) <= EVENTS


def test_no_flipped_bit_of_a_wal_changes_an_event(images, tmp_path):
    """SQLite's own sums end the log at the flip; what is left is a prefix."""
    crashed = images["crashed"]
    for at in range(3, len(crashed["-wal"]), 2_039):
        flipped = bytearray(crashed["-wal"])
        flipped[at] ^= 1 << at % 8
        assert -1 <= opened(tmp_path / "flip", crashed | {"-wal": bytes(flipped)}) <= EVENTS


def test_a_flipped_bit_of_a_closed_file_is_refused_or_touches_no_event(images, tmp_path):
    """SQLite sums nothing up there; the chain of hashes does."""
    whole = images["closed"][""]
    payload = whole.index(b'"reference":"7"')
    outcomes = set()
    for at in [*range(0, len(whole), 977), *range(payload, payload + 15)]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        outcomes.add(opened(tmp_path / "flip", {"": bytes(flipped)}))
    assert outcomes <= {-1, EVENTS}
    flipped = bytearray(whole)
    flipped[payload + 13] ^= 1
    assert opened(tmp_path / "flip", {"": bytes(flipped)}) == -1


@pytest.mark.parametrize("room", [0, 1, 2, 4, 8, 16])
def test_a_full_disk_ends_the_journal_and_loses_nothing_acknowledged(tmp_path, room):
    """D06: whatever page the room ends at, what was acknowledged is there, and after it nothing half."""
    journal = Journal(tmp_path, time.monotonic_ns)
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages + room}")
    acknowledged, error = written_until(journal)
    assert "full" in error
    with pytest.raises(JournalError, match="nothing is written any more"):
        journal.write([deposit(9_999)]).result()
    assert journal.failure
    journal.close()
    reopened = Journal(tmp_path, time.monotonic_ns)
    assert reopened.books.events_count == acknowledged
    reopened.write([deposit(9_999)]).result()
    reopened.close()


def test_every_statement_may_fail_and_nothing_acknowledged_is_lost(tmp_path):
    """D05: the n-th statement of the disk fails, for every n; the journal ends, and opens with what it promised."""

    class Failing:
        """Fails once, at a count."""

        def __init__(self, real, fail_at):
            """Pass everything on until then."""
            self.real, self.left = real, fail_at

        def __getattr__(self, name):
            return getattr(self.real, name)

        def execute(self, *words):
            """One statement."""
            self.left -= 1
            if self.left == 0:
                raise sqlite3.OperationalError("disk I/O error")
            return self.real.execute(*words)

    for fail_at in range(1, 19):
        folder = tmp_path / str(fail_at)
        journal = Journal(folder, time.monotonic_ns)
        journal._connection = Failing(journal._connection, fail_at)
        acknowledged, error = written_until(journal)
        assert "disk I/O error" in error
        journal.close()
        assert read_books(folder).events_count == acknowledged == (fail_at - 1) // 4


def test_an_older_version_is_brought_up_to_date_in_one_step(tmp_path, monkeypatch):
    """Either all of a migration is there or none of it; events are as they were."""
    journal = Journal(tmp_path, time.monotonic_ns)
    journal.write([deposit(5)]).result()
    journal.close()
    steps = ("CREATE TABLE extra (number INTEGER NOT NULL) STRICT", "INSERT INTO extra VALUES (7)")
    monkeypatch.setattr(journals, "VERSION", 2)
    monkeypatch.setattr(journals, "MIGRATIONS", {1: (*steps, "INSERT INTO nowhere VALUES (1)")})
    with pytest.raises(JournalError, match="nowhere"):
        Journal(tmp_path, time.monotonic_ns)
    monkeypatch.setattr(journals, "MIGRATIONS", {1: steps})
    for _ in range(2):
        journal = Journal(tmp_path, time.monotonic_ns)
        assert journal._connection.execute("SELECT number FROM extra").fetchall() == [(7,)]
        assert journal._connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert journal.books.ledger.wallet("main", "paper") == 5
        journal.close()
