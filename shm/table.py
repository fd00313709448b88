"""The newest value of each row, torn-read-proof.

    row: 2 copies of 128 bytes (1 where the topology says so)
    +---------+---------------+---------+---------------+
    | version | record, even  | version | record, odd   |     word 2v + 1: version v is being written
    +---------+---------------+---------+---------------+     word 2v + 2: version v is whole

Version v stands in copy v mod copies; the newest whole one wins.  With two copies a
writer that dies in the middle of a row leaves the old value.
"""

import numpy as np

from shm.atomics import (
    RECORD_WORDS,
    copy_record,
    fence_acquire,
    fence_release,
    load_acquire,
    load_relaxed,
    store_relaxed,
    store_release,
)
from shm.jit import address_of, inlined, kernel
from shm.records import PAYLOAD
from shm.staging import Staging

SLOT = 128
TRIES = 1000

assert 8 * RECORD_WORDS == PAYLOAD == SLOT - 8, "a record and its version word fill a copy"


def table_size(rows: int, copies: int) -> int:
    """Bytes of a table."""
    assert copies in (1, 2), "one copy or two"
    return SLOT * copies * rows


@inlined
def newest_word(row, copies):
    """The newest even word of the row at address ``row``; 0 when nothing is whole."""
    word = load_acquire(row)
    newest = word if word & 1 == 0 else 0
    if copies == 2:
        word = load_acquire(row + SLOT)
        if word & 1 == 0 and word > newest:
            newest = word
    return newest


@inlined
def next_version(row, copies):
    """The version that the one writer of the row writes next."""
    if copies == 1:
        # A dead predecessor leaves 2v + 1: version v is written again.
        return load_relaxed(row) >> 1
    return newest_word(row, copies) >> 1


@kernel
def write_row(row, copies, record):
    """Replace the value of the row at address ``row`` by the record at ``record``; its version."""
    version = next_version(row, copies)
    slot = row + SLOT * (version % copies)
    store_relaxed(slot, 2 * version + 1)
    fence_release()
    copy_record(slot + 8, record)
    store_release(slot, 2 * version + 2)
    return version


@kernel
def read_row(row, copies, out):
    """Copy the newest value of the row to ``out``: how often it tore before, -1 when there is none whole."""
    for torn in range(TRIES):
        whole = newest_word(row, copies)
        if whole == 0:
            if load_relaxed(row) == 0:
                return -1
            continue  # one copy, and it is being written
        slot = row + SLOT * (((whole >> 1) - 1) % copies)
        copy_record(out, slot + 8)
        fence_acquire()
        if load_relaxed(slot) == whole:
            return torn
    return -1


@kernel
def read_rows(table, copies, rows, out):
    """Copy the newest value of every row that has one to the records at ``out``, packed; how many."""
    found = 0
    for row in range(rows):
        # a row without a value leaves its place to the next one
        found += read_row(table + SLOT * copies * row, copies, out + PAYLOAD * found) >= 0
    return found


class TableWriter:
    """Writes the rows from ``first`` to before ``end``; nobody else writes them."""

    def __init__(
        self, table: int, record: np.dtype[np.void], rows: tuple[int, int], copies: int = 2, *, retain: object = None
    ) -> None:
        """Write rows ``rows[0]`` to before ``rows[1]`` of the table at address ``table``."""
        self.table, self.record, self.copies = table, record, copies
        self.first, self.end = rows
        self.retain = retain
        self._staging = Staging(record)

    def write(self, row: int, record: np.ndarray[tuple[int], np.dtype[np.void]] | np.void) -> None:
        """Replace the value of ``row``."""
        write_row(self.address(row), self.copies, self._staging.address(record))

    def address(self, row: int) -> int:
        """Address of ``row``, for kernels that write it themselves."""
        if not self.first <= row < self.end:
            raise IndexError(f"row {row}: this writer has rows {self.first} to {self.end - 1}")
        return self.table + SLOT * self.copies * row


class TableReader:
    """Reads any row; ``torn`` counts the reads that had to be repeated."""

    def __init__(
        self, table: int, record: np.dtype[np.void], rows: int, copies: int = 2, *, retain: object = None
    ) -> None:
        """Read the table of ``rows`` rows at address ``table``."""
        self.table, self.record, self.rows, self.copies = table, record, rows, copies
        self.retain = retain
        self.torn = 0
        self._staging = Staging(record)

    def read(self, row: int, out: np.ndarray[tuple[int], np.dtype[np.void]]) -> bool:
        """Copy the newest value of ``row`` to ``out``; False when it was never written, or no value is whole."""
        torn = read_row(self.address(row), self.copies, self._staging.address(out))
        self.torn += max(torn, 0)
        return bool(torn >= 0)

    def read_all(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """Copy the newest value of every row that has a whole one, in the order of the rows."""
        out = np.zeros(self.rows, self.record)
        return out[: read_rows(self.table, self.copies, self.rows, address_of(out))]

    def address(self, row: int) -> int:
        """Address of ``row``, for kernels that read it themselves."""
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row}: the table has {self.rows}")
        return self.table + SLOT * self.copies * row
