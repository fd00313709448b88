"""The ring against the same ring in C, and against queues of others: checked, then timed.

two processes, pinned apart; C and ours take turns block by block on the same memory
throughput   producer ==ring==> consumer, which tells how far it is every 64 records
round trip   ping ==ring==> pong ==ring==> ping; each one's time is taken
"""

import argparse
import ctypes
import json
import mmap
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from channels import child, other_channels, pin, ring_channel, time_channel

from shm.atomics import fetch_add, load_acquire, load_relaxed, monotonic_ns, pause, store_relaxed, store_release
from shm.doorbell import announce
from shm.jit import kernel
from shm.ring import READ, publish, read, ring_size, send

CAPACITY = 1024
MASK = CAPACITY - 1
RING = ring_size(CAPACITY)
CONTROL = 4096  # barrier, progress and room for records, before the rings
BARRIER, DONE, RECORD_ONE, RECORD_TWO = 0, 128, 256, 512
TIMES = 1 << 16
BACKOFF = 16  # pauses after an empty slot, in C too
AIM, LIMIT = 1.03, 1.10


@kernel
def produce(ring: int, mask: int, first: int, end: int, record: int, done: int) -> int:
    """Publish records from ``first`` to before ``end``, never more than a ring ahead of the word at ``done``."""
    behind = first
    for sequence in range(first, end):
        while sequence - behind > mask:
            behind = load_acquire(done)
        store_relaxed(record, sequence)
        publish(ring, mask, sequence, record)
        announce(ring, 0)
    return 0


@kernel
def consume(ring: int, mask: int, first: int, end: int, out: int, done: int) -> int:
    """Read them; the sum of the first and last words."""
    total = 0
    for sequence in range(first, end):
        while read(ring, mask, sequence, out) != READ:
            for _ in range(BACKOFF):  # a reader that treads on the writer's heels slows both
                pause()
        total += load_relaxed(out) + load_relaxed(out + 112)
        if sequence & 63 == 63:
            store_release(done, sequence + 1)
    store_release(done, end)
    return total


@kernel
def ping(there: int, back: int, mask: int, first: int, end: int, record: int, times: int) -> int:
    """Send and await the answer; each round trip's nanoseconds to ``times``."""
    for sequence in range(first, end):
        begun = monotonic_ns()
        store_relaxed(record, sequence)
        send(there, mask, sequence, record, 0)
        while read(back, mask, sequence, record) != READ:
            pass
        store_relaxed(times + 8 * (sequence - first), monotonic_ns() - begun)
    return load_relaxed(record)


@kernel
def pong(there: int, back: int, mask: int, first: int, end: int, record: int) -> int:
    """Answer every record with itself."""
    for sequence in range(first, end):
        while read(there, mask, sequence, record) != READ:
            pass
        send(back, mask, sequence, record, 0)
    return load_relaxed(record)


@kernel
def meet(word: int, target: int) -> int:
    """Wait until both sides are here."""
    fetch_add(word, 1)
    while load_acquire(word) < target:
        pass
    return 0


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made the ring that is timed."""

    name: str
    produce: Callable[..., int]
    consume: Callable[..., int]
    ping: Callable[..., int]
    pong: Callable[..., int]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is timed."""

    rounds: int
    messages: int
    trips: int
    queue_messages: int
    queue_trips: int


QUICK = Size(rounds=30, messages=20_000, trips=1_000, queue_messages=5_000, queue_trips=500)
FULL = Size(rounds=200, messages=50_000, trips=2_000, queue_messages=50_000, queue_trips=5_000)


def c_maker() -> Maker | None:
    """The ring in C, compiled on the spot; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "ring.so"
        source = Path(__file__).with_name("ring.c")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        loaded = ctypes.CDLL(str(library))
    functions = {}
    for name, arguments in (("produce", 6), ("consume", 6), ("ping", 7), ("pong", 6)):
        function = getattr(loaded, name)
        function.argtypes, function.restype = [ctypes.c_int64] * arguments, ctypes.c_int64
        functions[name] = function
    return Maker("C", **functions)


class Arena:
    """Memory of both sides: a control page, a ring there, a ring back, and the times."""

    def __init__(self) -> None:
        self.map = mmap.mmap(-1, CONTROL + 2 * RING + 8 * TIMES)
        self.bytes = np.frombuffer(self.map, np.uint8)
        self.bytes[:] = 0
        self.base = int(self.bytes.ctypes.data)
        self.there, self.back = self.base + CONTROL, self.base + CONTROL + RING
        self.times = self.bytes[CONTROL + 2 * RING :].view(np.int64)
        self.met = 0

    def meet(self) -> None:
        """Both sides go on together."""
        self.met += 2
        meet(self.base + BARRIER, self.met)


def one_side(side: int, makers: list[Maker], size: Size, arena: Arena) -> dict[str, dict[str, list[Any]]]:
    """Play side 0 (produce, ping; times are taken) or 1 (consume, pong) of every round."""
    pin(side)
    found: dict[str, dict[str, list[Any]]] = {maker.name: {"message_ns": [], "trip_ns": []} for maker in makers}
    sequence, record = 0, arena.base + (RECORD_TWO if side else RECORD_ONE)
    for turn in range(size.rounds):
        for maker in makers:
            end = sequence + size.messages
            arena.meet()
            if side == 0:
                begun = time.perf_counter_ns()
                maker.produce(arena.there, MASK, sequence, end, record, arena.base + DONE)
                elapsed_ns = time.perf_counter_ns() - begun
                found[maker.name]["message_ns"].append(elapsed_ns / size.messages)
            else:
                total = maker.consume(arena.there, MASK, sequence, end, record, arena.base + DONE)
                assert total == sum(range(sequence, end)), f"{maker.name}: a record is wrong"
            sequence = end
        for maker in makers:
            end = sequence + size.trips
            arena.meet()
            if side == 0:
                last = maker.ping(arena.there, arena.back, MASK, sequence, end, record, arena.times.ctypes.data)
                found[maker.name]["trip_ns"].append(arena.times[: size.trips].copy())
            else:
                last = maker.pong(arena.there, arena.back, MASK, sequence, end, record)
            assert last == end - 1, f"{maker.name}: the last answer is wrong in round {turn}"
            sequence = end
    return found


def warm_up(makers: list[Maker]) -> None:
    """Compile, and check each maker against each other: what one writes the other reads."""
    arena = Arena()
    sequence = 0
    for writer in makers:
        for reader in makers:
            end = sequence + 100
            writer.produce(arena.there, MASK, sequence, end, arena.base + RECORD_ONE, arena.base + DONE)
            total = reader.consume(arena.there, MASK, sequence, end, arena.base + RECORD_TWO, arena.base + DONE)
            assert total == sum(range(sequence, end)), f"{reader.name} misread {writer.name}"
            for answer, maker in ((1, reader), (0, writer)):
                call = maker.pong if answer else maker.ping
                rest = () if answer else (arena.times.ctypes.data,)
                # Nobody answers here: an empty range compiles and returns.
                call(arena.there, arena.back, MASK, end, end, arena.base + RECORD_ONE, *rest)
            sequence = end
    meet(arena.base + BARRIER, 1)


def compiled_rings(size: Size) -> dict[str, dict[str, float]]:
    """Ours and C's, in turns."""
    makers = [maker for maker in (c_maker(), Maker("ours", produce, consume, ping, pong)) if maker is not None]
    warm_up(makers)
    arena = Arena()
    with child(lambda: one_side(1, makers, size, arena)):
        found = one_side(0, makers, size, arena)
    results = {}
    for name, times in found.items():
        trips = np.concatenate(times["trip_ns"]) / 2.0
        results[name] = {
            "message_ns": float(np.median(times["message_ns"])),
            "one_way_p50_ns": float(np.median(trips)),
            "one_way_p99_ns": float(np.percentile(trips, 99)),
            "one_way_p999_ns": float(np.percentile(trips, 99.9)),
        }
    if "C" in found:
        ours, c = found["ours"], found["C"]
        results["ratio"] = {
            "message": float(np.median(np.divide(ours["message_ns"], c["message_ns"]))),
            "one_way": float(
                np.median([np.median(a) / np.median(b) for a, b in zip(ours["trip_ns"], c["trip_ns"], strict=True)])
            ),
        }
    return results


def machine() -> dict[str, Any]:
    """What it was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numba", "numpy")},
    }


def show(results: dict[str, dict[str, float]], facts: dict[str, Any]) -> None:
    """Print the table."""
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"\n{'120-byte records':28} {'ns each':>10} {'M/s':>8} {'one way p50':>12} {'p99':>10} {'p99.9':>10}")
    for name, row in results.items():
        if name == "ratio":
            continue
        rate = 1e3 / row["message_ns"]
        latencies = "".join(
            f"{row[f'one_way_{share}_ns']:>{width}.0f}" for share, width in (("p50", 13), ("p99", 11), ("p999", 11))
        )
        print(f"{name:28} {row['message_ns']:>10.1f} {rate:>8.3f}{latencies}")
    if "ratio" in results:
        ratio = results["ratio"]
        print(
            f"\nours / C: throughput {ratio['message']:.3f}, one way {ratio['one_way']:.3f} (aim {AIM}, limit {LIMIT})"
        )


def main() -> int:
    """Measure, print, and judge the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds, rougher numbers")
    parser.add_argument("--json", metavar="PATH", help="write the result as JSON; - for standard output")
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else FULL
    facts = machine()
    results = compiled_rings(size)
    if "C" not in results:
        print("no C compiler here: the ratio to C is skipped")
    results["ours, from Python"] = time_channel(ring_channel(), size.queue_messages, size.queue_trips)
    for channel in other_channels():
        results[channel.name] = time_channel(channel, size.queue_messages, size.queue_trips)
    if chosen.json != "-":
        show(results, facts)
    if chosen.json:
        text = json.dumps({"machine": facts, "results": results}, indent=1)
        if chosen.json == "-":
            print(text)
        else:
            Path(chosen.json).write_text(text + "\n")
    ratio = results.get("ratio", {"message": 0.0, "one_way": 0.0})
    return 0 if max(ratio.values()) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
