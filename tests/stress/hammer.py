"""What the processes of the stress tests do: write records that show when they are torn, and read them.

Run as `python -m tests.stress.hammer WHAT FOLDER COUNT`; every word of a record is a
different function of its number, so a record of two halves is known by any of them.
"""

import argparse
import os
import signal
from pathlib import Path

import numpy as np

from shm import segment
from shm.atomics import load_acquire, load_relaxed, store_relaxed
from shm.jit import address_of, kernel
from shm.records import MARKET
from shm.ring import CONTROL, EMPTY, LAPPED, READ, SLOT, RingWriter, after_lap, read, ring_size, send
from shm.table import read_row, table_size, write_row

CAPACITY = 16  # so few that a reader is lapped all the time
MASK = CAPACITY - 1
STEP = 0x1E3779B97F4A7C15
ROWS = 4


@kernel
def fill(out: int, number: int) -> None:
    """Make the record of ``number``: fifteen words, none like another."""
    for word in range(15):
        store_relaxed(out + 8 * word, number * 64 + word * STEP)


@kernel
def is_torn(record: int, number: int) -> bool:
    """Does any word belong to another number?"""
    torn = 0
    for word in range(15):
        torn |= load_relaxed(record + 8 * word) ^ (number * 64 + word * STEP)
    return torn != 0


@kernel
def blast_ring(ring: int, sequence: int, end: int, record: int, descriptors: int) -> int:
    """Publish up to before ``end`` as fast as it goes."""
    while sequence < end:
        fill(record, sequence)
        sequence = send(ring, MASK, sequence, record, descriptors)
    return sequence


@kernel
def check_ring(ring: int, end: int, out: int, tries_max: int) -> tuple[int, int, int, int, int]:
    """Read up to before ``end``: seen, lost, torn and accepted, where it stopped, how many times lapped."""
    sequence, seen, lost, torn, laps, idle = 0, 0, 0, 0, 0, 0
    while sequence < end and idle < tries_max:
        status = read(ring, MASK, sequence, out)
        if status == READ:
            idle = 0
            seen += 1
            if is_torn(out, sequence) and load_relaxed(out) != 0:  # a GAP is all zero
                torn += 1
            sequence += 1
        elif status == LAPPED:
            laps += 1
            resumed = after_lap(ring, MASK, sequence)
            lost += resumed - sequence
            sequence = resumed
        else:
            idle += 1
    return seen, lost, torn, sequence, laps


@kernel
def read_without_looking_again(ring: int, sequence: int, out: int) -> int:
    """``read`` as it must not be: it trusts what the slot said before it was copied."""
    slot = ring + CONTROL + SLOT * (sequence & MASK)
    found = load_acquire(slot)
    if found != 2 * sequence + 2:
        return EMPTY if found < 2 * sequence + 2 else LAPPED
    for word in range(15):
        store_relaxed(out + 8 * word, load_relaxed(slot + 8 + 8 * word))
    return READ


@kernel
def count_torn_without_looking_again(ring: int, end: int, out: int, tries_max: int) -> int:
    """How many torn records a reader accepts that does not look again, up to before ``end`` or the first hundred."""
    sequence, torn, idle = 0, 0, 0
    while sequence < end and idle < tries_max and torn < 100:
        status = read_without_looking_again(ring, sequence, out)
        if status == READ:
            idle = 0
            torn += is_torn(out, sequence)
            sequence += 1
        elif status == LAPPED:
            # No margin: the writer is upon us, which is what this control wants.
            sequence = max(sequence + 1, ((load_acquire(ring + CONTROL + SLOT * (sequence & MASK)) - 1) >> 1) - MASK)
        else:
            idle += 1
    return torn


@kernel
def blast_table(table: int, record: int, first: int, end: int) -> int:
    """Write the rows in turn with the numbers from ``first`` to before ``end``."""
    for number in range(first, end):
        fill(record, number)
        write_row(table + 256 * (number % ROWS), 2, record)
    return end


@kernel
def check_table(table: int, out: int, count: int) -> tuple[int, int, int, int]:
    """Read the rows in turn: whole, torn and accepted, repeated, gone backwards."""
    whole, torn, repeated, backwards = 0, 0, 0, 0
    newest = 0
    for look in range(count):
        tries = read_row(table + 256 * (look % ROWS), 2, out)
        if tries < 0:
            continue
        repeated += tries
        whole += 1
        number = load_relaxed(out) // 64
        if is_torn(out, number):
            torn += 1
        if look % ROWS == 0:
            if number < newest:
                backwards += 1
            newest = number
    return whole, torn, repeated, backwards


def open_ring(folder: Path) -> segment.Segment:
    """The ring of a test, made by its first caller."""
    path = folder / "ringmaster-stress-RING"
    how = segment.attach if path.exists() else segment.create
    size = () if path.exists() else (ring_size(CAPACITY),)
    return how("stress", "RING", *size, record_fingerprint=1, directory=folder)


def open_table(folder: Path) -> segment.Segment:
    """The table of a test, made by its first caller."""
    path = folder / "ringmaster-stress-TABLE"
    how = segment.attach if path.exists() else segment.create
    size = () if path.exists() else (table_size(ROWS, 2),)
    return how("stress", "TABLE", *size, record_fingerprint=1, directory=folder)


def ring_writer(folder: Path, count: int) -> None:
    """Go on with the ring until it holds ``count`` records."""
    mapped, record = open_ring(folder), np.zeros(1, MARKET)
    writer = RingWriter(mapped.address, CAPACITY, MARKET, retain=mapped)
    print(writer.sequence, writer.gaps, flush=True)
    blast_ring(mapped.address, writer.sequence, count, address_of(record), writer.descriptors)


def ring_stores(sequence: int, record: np.ndarray) -> list[tuple[int, int]]:
    """The seventeen stores of a publish, in order: where in the slot, and what."""
    words = record.view(np.int64).ravel().tolist()
    payload = [(8 * (1 + place), word) for place, word in enumerate(words)]
    return [(0, 2 * sequence + 1), *payload, (0, 2 * sequence + 2)]


@kernel
def store_one(address: int, value: int) -> None:
    """One relaxed store."""
    store_relaxed(address, value)


def die_after(stores: int, slot: int, sequence: int, record: np.ndarray) -> None:
    """Replay a publish on shared memory, and be killed after ``stores`` of its stores."""
    for place, (offset, value) in enumerate(ring_stores(sequence, record)):
        if place == stores:
            break
        store_one(slot + offset, value)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Be one of the processes of a test."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["ring", "table"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    chosen = parser.parse_args()
    if chosen.what == "ring":
        ring_writer(chosen.folder, chosen.count)
    else:
        mapped, record = open_table(chosen.folder), np.zeros(1, MARKET)
        first = blast_table(mapped.address, address_of(record), ROWS, 2 * ROWS)
        print("ready", flush=True)
        blast_table(mapped.address, address_of(record), first, chosen.count)


if __name__ == "__main__":
    main()
