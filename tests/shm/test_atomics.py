"""Memory ordering, read from the code that LLVM is given."""

import re
import time

import numpy as np
import pytest
from numba.core.caching import NullCache

from shm import atomics
from shm.jit import PLAIN, address_of, kernel
from shm.ring import publish, read
from shm.table import write_row

pytestmark = pytest.mark.skipif(PLAIN, reason="kernels are not compiled in this run")


@kernel
def publishing(ring: int, mask: int, sequence: int, record: int) -> int:
    """A publish and nothing else."""
    publish(ring, mask, sequence, record)
    return 0


@kernel
def reading(ring: int, mask: int, sequence: int, out: int) -> int:
    """A read and nothing else."""
    return read(ring, mask, sequence, out)


@kernel
def everything(word: int) -> int:
    """Each of the atomics once."""
    atomics.store_relaxed(word, 5)
    atomics.store_release(word, atomics.load_acquire(word) + 1)
    atomics.fetch_add(word, 10)
    atomics.fetch_or(word, 64)
    atomics.fetch_and(word, ~1)
    swapped = atomics.compare_swap(word, 80, 7)
    failed = atomics.compare_swap(word, 80, 8)
    atomics.pause()
    atomics.fence_compiler()
    return atomics.exchange(word, 9) + 100 * swapped + 1000 * failed


@kernel
def clock_ns() -> int:
    """The monotonic clock."""
    return atomics.monotonic_ns()


@kernel
def woken(word: int) -> tuple[int, int]:
    """A sleep on a value that is not there, and a wake of nobody."""
    return atomics.futex_wait(word, 1, 10**9), atomics.futex_wake(word, 1)


def fresh(function, *arguments):
    """The kernel compiled just now: numba keeps no text of what comes from its cache."""
    again = kernel(function.py_func)
    again._cache = NullCache()
    again(*arguments)
    return again


def ordering_of(function, *arguments) -> list[str]:
    """The atomic instructions of a kernel's IR, in order, as `load acquire` or `fence release`."""
    text = next(iter(fresh(function, *arguments).inspect_llvm().values()))
    body = text.split("define ", 2)[1]
    fences, words = r"(fence)(?: syncscope\(\"\w+\"\))? (\w+)", r"(load|store) atomic [^\n]*? (\w+), align 8"
    found = re.findall(f"{fences}|{words}", body)
    return [" ".join(part for part in match if part) for match in found]


@pytest.fixture
def memory() -> np.ndarray:
    """Two pages of zeros, and room for a record."""
    return np.zeros(2048, np.int64)


def test_a_publish_is_odd_fence_payload_even(memory):
    """Fifteen relaxed words stand between a release fence and a release store."""
    address = address_of(memory)
    assert ordering_of(publishing, address, 1, 0, address + 8192) == [
        "store monotonic",
        "fence release",
        *(["load monotonic"] * 5 + ["store monotonic"] * 5) * 3,
        "store release",
    ]


def test_a_read_is_acquire_payload_fence_again(memory):
    """The sequence is acquired, the payload copied, and the sequence looked at after an acquire fence."""
    address = address_of(memory)
    assert ordering_of(reading, address, 1, 0, address + 8192) == [
        "load acquire",
        *(["load monotonic"] * 5 + ["store monotonic"] * 5) * 3,
        "fence acquire",
        "load monotonic",
    ]


def test_a_row_is_written_like_a_slot(memory):
    """The last two orderings of a table's write are those of a publish."""
    order = ordering_of(write_row, address_of(memory), 2, address_of(memory) + 1024)
    assert order[-1] == "store release"
    assert order.index("fence release") < len(order) - 15


def test_no_fence_reaches_the_processor():
    """On x86-64 a publish has neither mfence nor a locked instruction."""
    memory = np.zeros(2048, np.int64)
    text = next(iter(fresh(publishing, address_of(memory), 1, 0, address_of(memory) + 8192).inspect_asm().values()))
    if "rax" not in text:
        pytest.skip("not x86-64")
    assert "mfence" not in text
    assert "lock" not in re.findall(r"^\s+(\w+)", text, re.MULTILINE)


def test_pause_reaches_the_processor():
    """A spin loop says that it spins."""
    text = next(iter(fresh(everything, address_of(np.zeros(1, np.int64))).inspect_asm().values()))
    assert re.search(r"\bpause\b|\byield\b|hint", text)


def test_every_atomic_does_what_it_says(memory):
    """6, +10, |64, &~1 make 80; the first swap finds 80, the second 7."""
    assert everything(address_of(memory)) == 107
    assert memory[0] == 9


def test_the_clock_is_that_of_python():
    """CLOCK_MONOTONIC is the same clock on both sides."""
    before = time.monotonic_ns()
    assert before <= clock_ns() <= time.monotonic_ns()


def test_a_futex_does_not_sleep_on_another_value(memory):
    """A word that changed before the call ends the wait at once, and a wake of nobody wakes nobody."""
    assert woken(address_of(memory)) == (-1, 0)
