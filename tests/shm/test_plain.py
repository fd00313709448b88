"""The atomics of uncompiled runs do what the compiled ones do."""

import os

import numpy as np

from shm import plain


def test_plain_atomics_agree_with_the_compiled_ones():
    """The same steps lead to the same word: 6, +10, |64, &~1 make 80."""
    word = np.zeros(1, np.int64)
    address = word.ctypes.data
    plain.store_release(address, 6)
    assert (plain.fetch_add(address, 10), plain.fetch_or(address, 64), plain.fetch_and(address, ~1)) == (6, 16, 80)
    assert plain.compare_swap(address, 80, 7)
    assert not plain.compare_swap(address, 80, 8)
    assert plain.exchange(address, 9) == 7 != plain.load_acquire(address)


def test_plain_copies_a_whole_record():
    """Fifteen words, and not the sixteenth."""
    words = np.arange(32)
    plain.copy_record(words.ctypes.data, words.ctypes.data + 128)
    assert words[:16].tolist() == [*range(16, 31), 15]


def test_plain_waits_never_sleep_long():
    """A wait returns as after a signal, nobody is woken, no membarrier is promised."""
    assert (plain.futex_wait(0, 0, 10**12), plain.futex_wake(0, 1), plain.membarrier()) == (-1, 0, False)
    descriptor = os.eventfd(0)
    assert plain.eventfd_signal(descriptor)
    assert os.eventfd_read(descriptor) == 1
    os.close(descriptor)
