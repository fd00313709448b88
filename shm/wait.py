"""Waiting for news: spin, then a doorbell; and jittered delays between attempts.

kernels    spin for a while, then sleep on the futex in the ring's control page
asyncio    sleep on an eventfd that the writer signals
"""

import asyncio
import os
from collections.abc import Sequence
from random import Random

from shm.atomics import futex_wait, monotonic_ns, pause
from shm.doorbell import EVENTFD, FUTEX, NAP_NS, arm, bell_at, disarm
from shm.jit import kernel
from shm.ring import RingReader, is_published


@kernel
def await_record(ring, mask, sequence, spin_ns, timeout_ns, doorbell):
    """Wait for record ``sequence``: spin, then sleep once; is it there?

    May answer False early (a signal came): callers loop, and look at their duties.
    """
    begun_ns = monotonic_ns()
    spins = 0
    while True:
        if is_published(ring, mask, sequence):
            return True
        pause()
        spins += 1
        # The clock costs as much as thirty looks at the slot.
        if (spins & 31 == 0 or spin_ns == 0) and monotonic_ns() - begun_ns >= spin_ns:
            break
    left_ns = timeout_ns - (monotonic_ns() - begun_ns)
    if left_ns <= 0 or doorbell < 0:
        return False
    if not arm(ring, doorbell, FUTEX):
        left_ns = min(left_ns, NAP_NS)
    if not is_published(ring, mask, sequence):
        futex_wait(bell_at(ring, doorbell), FUTEX, left_ns)
    disarm(ring, doorbell)
    return is_published(ring, mask, sequence)


def sleep_until_news(reader: RingReader, spin_ns: int, timeout_ns: int) -> bool:
    """``await_record`` for the next record of ``reader``."""
    found = await_record(reader.ring, reader.mask, reader.sequence, spin_ns, timeout_ns, reader.doorbell)
    return bool(found)


class LoopWait:
    """Waits in an event loop until one of several rings has news."""

    def __init__(self, readers: Sequence[RingReader], descriptor: int = -1) -> None:
        """``descriptor`` is this role's eventfd; -1 makes one that only ``wake`` signals."""
        self.readers = tuple(readers)
        self._owned = descriptor < 0
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if self._owned else descriptor
        os.set_blocking(self._descriptor, False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Future[bool] | None = None

    def has_news(self) -> bool:
        """Has one of the rings something to read?"""
        return any(reader.has_news() for reader in self.readers)

    async def wait(self, timeout_s: float) -> bool:
        """Return when a ring has news, ``wake`` was called, or ``timeout_s`` is over; is there news?"""
        if self.has_news():
            return True
        loop = self._listen()
        end_s = loop.time() + timeout_s
        while (left_s := end_s - loop.time()) > 0.0:
            trusted = self._arm()
            woken = self._woken = loop.create_future()
            timer = loop.call_later(left_s if trusted else min(left_s, NAP_NS * 1e-9), self._settle, False)
            try:
                told = self.has_news() or await woken
            finally:
                timer.cancel()
                self._woken = None
                self._disarm()
            if told:
                break
        return self.has_news()

    def _arm(self) -> bool:
        trusted = not (self._owned and self.readers)
        for reader in self.readers:
            trusted &= reader.doorbell >= 0 and bool(arm(reader.ring, reader.doorbell, EVENTFD))
        return trusted

    def _disarm(self) -> None:
        for reader in self.readers:
            if reader.doorbell >= 0:
                disarm(reader.ring, reader.doorbell)

    def wake(self) -> None:
        """End a wait now; may be called from any thread of this process."""
        os.eventfd_write(self._descriptor, 1)

    def close(self) -> None:
        """Stop listening; an eventfd that was handed in stays open."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._loop = None
        if self._owned:
            os.close(self._descriptor)
            self._owned = False

    def _listen(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            loop.add_reader(self._descriptor, self._ring)
            self._loop = loop
        return loop

    def _ring(self) -> None:
        try:
            os.eventfd_read(self._descriptor)
        except BlockingIOError:
            return  # another wait of this process was quicker
        self._settle(True)

    def _settle(self, told: bool) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(told)


def backoff(attempt: int, generator: Random, *, base_s: float = 0.25, limit_s: float = 30.0) -> float:
    """Seconds to wait before attempt ``attempt`` (from 0): full jitter under a doubling ceiling."""
    assert attempt >= 0, "attempts are counted from 0"
    ceiling_s = min(limit_s, base_s * 2.0 ** min(attempt, 30))
    return generator.uniform(0.0, ceiling_s)
