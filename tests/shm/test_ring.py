"""One writer, many readers; a lapped reader knows exactly what it lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shm.jit import address_of
from shm.records import GAP, MARKET, TICK
from shm.ring import CONTROL, SLOT, RingReader, RingWriter, ring_size


class Room:
    """Private memory with a ring of ``capacity`` slots in it."""

    def __init__(self, capacity: int = 8) -> None:
        self.memory = np.zeros(ring_size(capacity) // 8, np.int64)
        self.capacity = capacity

    def writer(self) -> RingWriter:
        """A writer, as a process that starts makes it."""
        return RingWriter(address_of(self.memory), self.capacity, MARKET)

    def reader(self) -> RingReader:
        """A reader from the first record on."""
        return RingReader(address_of(self.memory), self.capacity, MARKET)

    def slot(self, sequence: int) -> np.ndarray:
        """The sixteen words of the slot of ``sequence``."""
        first = (CONTROL + SLOT * (sequence % self.capacity)) // 8
        return self.memory[first : first + 16]


def record(number: int) -> np.ndarray:
    """A record that knows its number in its first and its last field."""
    out = np.zeros(1, MARKET)
    out["kind"], out["open_ns"], out["revises"] = 1, number, number
    return out


def numbers(reader: RingReader, limit: int = 16) -> list[int]:
    """What the reader finds, as numbers."""
    batch = np.zeros(limit, MARKET)
    count = reader.read_into(batch)
    assert (batch["open_ns"][:count] == batch["revises"][:count]).all()
    return batch["open_ns"][:count].tolist()


def test_an_empty_ring_has_no_news():
    """Nothing is read, nothing is lost."""
    room = Room()
    reader = room.reader()
    assert not reader.has_news()
    assert numbers(reader) == []
    assert (reader.sequence, reader.lost, reader.newest()) == (0, 0, -1)


def test_records_arrive_in_order():
    """Sequences start at 0, and a batch that is too small leaves the rest."""
    room = Room()
    writer, reader = room.writer(), room.reader()
    assert [writer.publish(record(n)) for n in range(5)] == [0, 1, 2, 3, 4]
    assert numbers(reader, 3) == [0, 1, 2]
    assert reader.has_news()
    assert numbers(reader, 3) == [3, 4]
    assert reader.lost == 0


def test_two_readers_do_not_share_a_place():
    """What one has read, the other still finds."""
    room = Room()
    writer, one, other = room.writer(), room.reader(), room.reader()
    writer.publish(record(7))
    assert numbers(one) == numbers(other) == [7]


def test_a_record_may_be_a_scalar_of_a_batch():
    """np.void is taken too, and another dtype is refused."""
    room = Room()
    writer, reader = room.writer(), room.reader()
    batch = np.concatenate([record(3), record(4)])
    writer.publish(batch[1])
    assert numbers(reader) == [4]
    with pytest.raises(TypeError, match="is meant"):
        writer.publish(np.zeros(1, TICK))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=20))
def test_seen_and_lost_make_sent(steps):
    """However writer and reader take turns, every record is seen or counted as lost, in order."""
    room = Room(8)
    writer, reader = room.writer(), room.reader()
    seen: list[int] = []
    for published, limit in steps:
        for _ in range(published):
            writer.publish(record(writer.sequence))
        seen += numbers(reader, limit)
    while found := numbers(reader):
        seen += found
    assert len(seen) + reader.lost == writer.sequence
    assert seen == sorted(set(seen))
    assert seen[-1:] == [writer.sequence - 1][: len(seen)]


def test_a_reader_that_keeps_up_loses_nothing():
    """A full ring is read whole: the capacity is what it says."""
    room = Room(8)
    writer, reader = room.writer(), room.reader()
    for number in range(8):
        writer.publish(record(number))
    assert numbers(reader) == list(range(8))
    assert reader.lost == 0


def test_seeks_find_oldest_and_newest():
    """The oldest of a lapped ring is capacity - 1 before the newest; what is skipped is not lost."""
    room = Room(8)
    writer, reader = room.writer(), room.reader()
    for number in range(20):
        writer.publish(record(number))
    reader.seek_oldest()
    assert numbers(reader) == list(range(12, 20))
    reader.seek_newest()
    assert numbers(reader) == []
    reader.seek(15)
    assert numbers(reader, 1) == [15]
    assert reader.lost == 0
    with pytest.raises(ValueError, match="first record is 0"):
        reader.seek(-1)


def test_a_successor_goes_on_where_its_predecessor_ended():
    """The next sequence is found in the slots alone."""
    room = Room(8)
    for number in range(11):
        room.writer().publish(record(number))
    writer = room.writer()
    assert (writer.sequence, writer.gaps) == (11, 0)


@pytest.mark.parametrize("published", [0, 1, 7, 8, 13])
def test_a_half_written_slot_becomes_a_gap(published):
    """The reader sees a GAP where the predecessor died, and everything around it."""
    room = Room(8)
    writer = room.writer()
    for number in range(published):
        writer.publish(record(number))
    room.slot(published)[:5] = 2 * published + 1, -1, -1, -1, -1
    reader = room.reader()
    reader.seek_oldest()
    numbers(reader)
    assert not reader.has_news()

    successor = room.writer()
    assert (successor.gaps, successor.sequence) == (1, published + 1)
    batch = np.ones(2, MARKET)
    assert reader.read_into(batch) == 1
    assert batch[0]["kind"] == GAP
    assert batch[0].tobytes() == bytes(120)


@pytest.mark.parametrize("start", [2**31 - 4, 2**32 - 4, 2**53 - 4, 2**61 - 4, 2**62 - 12])
def test_sequences_are_good_near_every_edge(start):
    """Publishing and reading go on across 2^31, 2^53 and up to 2^62."""
    room = Room(8)
    writer, reader = room.writer(), room.reader()
    writer.sequence = start
    reader.seek(start)
    for number in range(8):
        writer.publish(record(number))
    assert numbers(reader) == list(range(8))
    assert room.writer().sequence == start + 8 == reader.sequence


def test_a_capacity_is_a_power_of_two():
    """Six slots are refused, and so is one."""
    for capacity in (1, 6):
        with pytest.raises(AssertionError):
            ring_size(capacity)
