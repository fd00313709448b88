"""The atomics in plain Python, for runs with NUMBA_DISABLE_JIT=1: one process, no ordering."""

# ruff: noqa: ARG001 - the arguments are those of the compiled form

import ctypes
import os

from shm.clock import SystemClock

__all__ = [
    "compare_swap",
    "copy_record",
    "eventfd_signal",
    "exchange",
    "fence_acquire",
    "fence_compiler",
    "fence_release",
    "fetch_add",
    "fetch_and",
    "fetch_or",
    "futex_wait",
    "futex_wake",
    "load_acquire",
    "load_relaxed",
    "membarrier",
    "membarrier_register",
    "monotonic_ns",
    "pause",
    "seldom",
    "store_relaxed",
    "store_release",
]


def load_relaxed(address: int) -> int:
    """The word at ``address``."""
    return ctypes.c_int64.from_address(int(address)).value


def store_relaxed(address: int, value: int) -> None:
    """Put ``value`` at ``address``."""
    ctypes.c_int64.from_address(int(address)).value = int(value)


def fence_release() -> None:
    """Nothing: the interpreter does not reorder."""


def exchange(address: int, value: int) -> int:
    """Put ``value``; what was there."""
    before = load_relaxed(address)
    store_relaxed(address, value)
    return before


def fetch_add(address: int, value: int) -> int:
    """Add ``value``; what was there."""
    return exchange(address, load_relaxed(address) + value)


def fetch_or(address: int, value: int) -> int:
    """Set the bits of ``value``; what was there."""
    return exchange(address, load_relaxed(address) | value)


def fetch_and(address: int, value: int) -> int:
    """Keep the bits of ``value``; what was there."""
    return exchange(address, load_relaxed(address) & value)


def compare_swap(address: int, expected: int, value: int) -> bool:
    """Put ``value`` where ``expected`` is; False when something else is there."""
    if load_relaxed(address) != expected:
        return False
    store_relaxed(address, value)
    return True


def copy_record(target: int, source: int) -> None:
    """Copy a record of 15 words in order of their addresses."""
    for word in range(15):
        store_relaxed(target + 8 * word, load_relaxed(source + 8 * word))


def futex_wait(address: int, expected: int, timeout_ns: int) -> int:
    """Let others run; -1, as after a signal: waits here are short, and callers loop."""
    os.sched_yield()
    return -1


def futex_wake(address: int, sleepers: int) -> int:
    """Nobody sleeps for long here: 0."""
    return 0


def seldom(condition: bool) -> bool:
    """``condition``."""
    return condition


def membarrier() -> bool:
    """Not available: waits stay bounded."""
    return False


def eventfd_signal(descriptor: int) -> bool:
    """Add one to an eventfd."""
    return os.write(descriptor, (1).to_bytes(8, "little")) == 8


load_acquire, store_release = load_relaxed, store_relaxed
fence_acquire = fence_compiler = pause = fence_release
membarrier_register = membarrier
monotonic_ns = SystemClock().monotonic_ns
