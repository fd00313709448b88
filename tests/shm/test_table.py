"""The newest value of each row, or none that is half of one."""

import numpy as np
import pytest

from shm.jit import address_of
from shm.records import CLOCK
from shm.table import SLOT, TableReader, TableWriter, table_size

ROWS = 3


class Room:
    """Private memory with a table in it."""

    def __init__(self, copies: int) -> None:
        self.copies = copies
        self.memory = np.zeros(table_size(ROWS, copies) // 8, np.int64)
        self.out = np.zeros(1, CLOCK)

    def writer(self) -> TableWriter:
        """A writer of every row."""
        return TableWriter(address_of(self.memory), CLOCK, (0, ROWS), self.copies)

    def read(self, row: int) -> int | None:
        """The number in ``row``, None where no value is whole."""
        reader = TableReader(address_of(self.memory), CLOCK, ROWS, self.copies)
        return int(self.out["market_ns"][0]) if reader.read(row, self.out) else None

    def words(self, row: int, copy: int) -> np.ndarray:
        """The sixteen words of one copy of a row."""
        first = SLOT * (row * self.copies + copy) // 8
        return self.memory[first : first + 16]


def record(number: int) -> np.ndarray:
    """A record that holds ``number``."""
    out = np.zeros(1, CLOCK)
    out["market_ns"] = number
    return out


@pytest.mark.parametrize("copies", [1, 2])
def test_the_newest_value_wins(copies):
    """Each write replaces the row and no other."""
    room = Room(copies)
    writer = room.writer()
    assert room.read(1) is None
    for number in range(1, 6):
        writer.write(1, record(number))
        assert room.read(1) == number
    assert room.read(0) is None
    assert room.read(2) is None


def test_a_writer_that_dies_in_a_row_leaves_the_old_value():
    """With two copies the half-written one is passed over, and its successor writes it again."""
    room = Room(2)
    room.writer().write(0, record(1))
    room.words(0, 1)[:4] = 3, -1, -1, -1
    assert room.read(0) == 1
    room.writer().write(0, record(2))
    assert room.read(0) == 2


def test_a_single_copy_has_no_value_while_it_is_written():
    """A dead writer leaves none, never a torn one; the successor heals it."""
    room = Room(1)
    room.writer().write(0, record(1))
    room.words(0, 0)[:4] = 3, -1, -1, -1
    assert room.read(0) is None
    room.writer().write(0, record(2))
    assert room.read(0) == 2


def test_rows_of_others_are_refused():
    """A writer has its rows; a reader has those of the table."""
    writer = TableWriter(0, CLOCK, (1, 2))
    with pytest.raises(IndexError, match="rows 1 to 1"):
        writer.write(0, record(1))
    with pytest.raises(IndexError, match="the table has 3"):
        TableReader(0, CLOCK, 3).read(3, record(0))


def test_versions_are_good_up_to_2_62():
    """Half of the word's range is versions enough."""
    room = Room(2)
    room.words(0, 1)[0] = 2 * (2**62 - 5) + 2
    for number in range(3):
        room.writer().write(0, record(number))
        assert room.read(0) == number


@pytest.mark.parametrize("copies", [1, 2])
def test_all_rows_are_read_at_once_and_empty_ones_left_out(copies):
    """The rows that have a whole value, in their order; one that a dead writer holds has none."""
    room = Room(copies)
    reader = TableReader(address_of(room.memory), CLOCK, ROWS, copies)
    assert len(reader.read_all()) == 0
    room.writer().write(2, record(7))
    room.writer().write(0, record(5))
    assert reader.read_all()["market_ns"].tolist() == [5, 7]
    room.words(0, 0)[0] = 3
    if copies == 1:
        assert reader.read_all()["market_ns"].tolist() == [7]
