"""One writer, many readers, and the writer never waits.

    ring                    slot n & mask: 128 bytes
    +--------------+        +----------------+-------------------------------+
    | control page |        | sequence word  | record, 15 words of 8 bytes   |
    +--------------+        +----------------+-------------------------------+
    | slot 0       |          2n + 1  record n is being written
    | slot 1       |          2n + 2  record n is whole
    | ...          |          less    record n is not there yet
    +--------------+          more    record n was overwritten: the reader was lapped

Readers poll the slot itself, never a shared cursor.  A writer that dies leaves the old
record or the new one; its successor turns a half-written slot into a GAP record (all
zero).  Sequences start at 0 and are good up to 2^62.
"""

from collections.abc import Sequence

import numpy as np

from shm.atomics import (
    RECORD_WORDS,
    copy_record,
    fence_acquire,
    fence_release,
    load_acquire,
    load_relaxed,
    seldom,
    store_relaxed,
    store_release,
)
from shm.doorbell import BELLS, announce, make_reachable
from shm.jit import address_of, inlined, kernel
from shm.records import PAYLOAD
from shm.staging import Staging

CONTROL = 4096
SLOT = 128
EMPTY, READ, LAPPED = 0, 1, -1

assert 8 * RECORD_WORDS == PAYLOAD == SLOT - 8, "a record and its sequence word fill a slot"


def ring_size(capacity: int) -> int:
    """Bytes of a ring of ``capacity`` slots."""
    assert capacity >= 2, "a ring of one slot cannot be read while it is written"
    assert capacity & (capacity - 1) == 0, "capacity is a power of two"
    return CONTROL + SLOT * capacity


@inlined
def slot_at(ring, mask, sequence):
    """Address of the slot of record ``sequence``."""
    return ring + CONTROL + SLOT * (sequence & mask)


@inlined
def publish(ring, mask, sequence, record):
    """Put the record at address ``record`` into the ring as number ``sequence``; rings no doorbell."""
    slot = slot_at(ring, mask, sequence)
    store_relaxed(slot, 2 * sequence + 1)
    fence_release()
    copy_record(slot + 8, record)
    store_release(slot, 2 * sequence + 2)


@inlined
def read(ring, mask, sequence, out):
    """READ when address ``out`` holds record ``sequence``, whole; EMPTY or LAPPED when it does not."""
    slot = slot_at(ring, mask, sequence)
    whole = 2 * sequence + 2
    found = load_acquire(slot)
    if found != whole:
        return EMPTY if found < whole else LAPPED
    copy_record(out, slot + 8)
    fence_acquire()
    return LAPPED if seldom(load_relaxed(slot) != whole) else READ


@inlined
def is_published(ring, mask, sequence):
    """Is record ``sequence`` there, or was it?"""
    return load_acquire(slot_at(ring, mask, sequence)) >= 2 * sequence + 2


@kernel
def send(ring, mask, sequence, record, descriptors):
    """Publish, then wake the readers that sleep; the next sequence."""
    publish(ring, mask, sequence, record)
    announce(ring, descriptors)
    return sequence + 1


@inlined
def after_lap(ring, mask, sequence):
    """Where a reader that was lapped at ``sequence`` goes on: the oldest record, and a little later."""
    found = load_acquire(slot_at(ring, mask, sequence))
    newest = (found - 1) >> 1  # the writer is at least here
    # A margin, or the writer would be upon us again while we copy.
    return max(sequence + 1, newest - mask + min(64, (mask + 1) >> 2))


@kernel
def drain(ring, mask, sequence, out, limit):
    """Copy up to ``limit`` records from ``sequence`` to ``out``: the next sequence, how many, how many lost."""
    count, lost = 0, 0
    while count < limit:
        status = read(ring, mask, sequence, out + PAYLOAD * count)
        if status == READ:
            sequence += 1
            count += 1
        elif status == LAPPED:
            resumed = after_lap(ring, mask, sequence)
            lost += resumed - sequence
            sequence = resumed
        else:
            break
    return sequence, count, lost


@kernel
def newest_sequence(ring, mask):
    """Sequence of the newest whole record, -1 in an empty ring; looks at every slot."""
    newest = -1
    for index in range(mask + 1):
        word = load_acquire(ring + CONTROL + SLOT * index)
        if word & 1 == 0:
            newest = max(newest, (word >> 1) - 1)
    return newest


@kernel
def has_record(ring, mask, sequence):
    """``is_published`` for callers in Python."""
    return is_published(ring, mask, sequence)


@kernel
def is_half_written(ring, mask, sequence):
    """Did a writer die while it wrote record ``sequence``?"""
    return load_acquire(slot_at(ring, mask, sequence)) == 2 * sequence + 1


class RingWriter:
    """The one writer of a ring; ``sequence`` is the next to be published."""

    def __init__(
        self,
        ring: int,
        capacity: int,
        record: np.dtype[np.void],
        descriptors: Sequence[int] = (),
        *,
        retain: object = None,
    ) -> None:
        """Take over the ring at address ``ring``; ``descriptors`` are the eventfds of its readers, -1 for none.

        ``retain`` is whatever keeps the memory mapped.
        """
        self.ring, self.mask, self.record = ring, capacity - 1, record
        self.retain = retain
        self.gaps = 0
        self._descriptors = np.full(BELLS, -1, np.int64)
        self._descriptors[: len(descriptors)] = descriptors
        self.descriptors = address_of(self._descriptors)  # for kernels that publish themselves
        self._staging = Staging(record)
        make_reachable(ring)
        self.sequence = int(newest_sequence(ring, self.mask)) + 1
        if is_half_written(ring, self.mask, self.sequence):
            self.publish(np.zeros(1, record))
            self.gaps = 1

    def publish(self, record: np.ndarray[tuple[int], np.dtype[np.void]] | np.void) -> int:
        """Publish ``record``; its sequence.  An array of one that is used again is the fastest."""
        sequence = self.sequence
        self.sequence = send(self.ring, self.mask, sequence, self._staging.address(record), self.descriptors)
        return sequence


class RingReader:
    """A reader of a ring; ``sequence`` is the next to read, ``lost`` counts what was overwritten unread."""

    def __init__(
        self, ring: int, capacity: int, record: np.dtype[np.void], doorbell: int = -1, *, retain: object = None
    ) -> None:
        """Read the ring at address ``ring`` from its first record; see the seeks."""
        self.ring, self.mask, self.record, self.doorbell = ring, capacity - 1, record, doorbell
        self.retain = retain
        self.sequence = 0
        self.lost = 0
        self._staging = Staging(record)

    def read_into(self, batch: np.ndarray[tuple[int], np.dtype[np.void]]) -> int:
        """Fill ``batch`` from its start with the records that are there; how many."""
        address = self._staging.address(batch)
        self.sequence, count, lost = drain(self.ring, self.mask, self.sequence, address, batch.shape[0])
        self.lost += lost
        return int(count)

    def has_news(self) -> bool:
        """Is there something to read (or lost)?"""
        return bool(has_record(self.ring, self.mask, self.sequence))

    def newest(self) -> int:
        """Sequence of the newest record, -1 when there is none; looks at every slot."""
        return int(newest_sequence(self.ring, self.mask))

    def seek(self, sequence: int) -> None:
        """Read on from ``sequence``; what is skipped is not counted as lost."""
        if sequence < 0:
            raise ValueError(f"sequence {sequence}: the first record is 0")
        self.sequence = sequence

    def seek_oldest(self) -> None:
        """Read on from the oldest record that is still there."""
        self.sequence = max(0, self.newest() - self.mask)

    def seek_newest(self) -> None:
        """Read on from what comes next; nothing that is there already."""
        self.sequence = self.newest() + 1
