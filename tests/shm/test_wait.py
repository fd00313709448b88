"""Waiting ends when there is news, or in time."""

import asyncio
import os
import random
import threading
import time

import numpy as np
import pytest

from shm.jit import address_of
from shm.records import MARKET
from shm.ring import RingReader, RingWriter, ring_size
from shm.wait import LoopWait, backoff, sleep_until_news


class Room:
    """A ring, its writer and a reader with doorbell 1 and an eventfd."""

    def __init__(self) -> None:
        self.memory = np.zeros(ring_size(8) // 8, np.int64)
        self.bell = os.eventfd(0)
        address = address_of(self.memory)
        self.writer = RingWriter(address, 8, MARKET, [-1, self.bell])
        self.reader = RingReader(address, 8, MARKET, 1)
        self.batch = np.zeros(8, MARKET)

    def publish(self) -> None:
        """One more record."""
        self.writer.publish(np.zeros(1, MARKET))


@pytest.fixture
def room():
    """A room; its eventfd is closed afterwards."""
    room = Room()
    sleep_until_news(room.reader, 0, 0)  # compiled before time is taken
    yield room
    os.close(room.bell)


def test_a_timeout_ends_the_wait(room):
    """Nothing comes: False, after about the time that was given."""
    begun = time.monotonic()
    assert not sleep_until_news(room.reader, 10_000, 30_000_000)
    assert 0.02 < time.monotonic() - begun < 2.0
    assert room.memory[0] == 0


def test_a_futex_sleeper_is_woken(room):
    """Asleep for ten seconds at most, it wakes with the record, in a thousandth of that."""
    timer = threading.Timer(0.05, room.publish)
    begun = time.monotonic()
    timer.start()
    while not sleep_until_news(room.reader, 1000, 10_000_000_000):
        assert time.monotonic() - begun < 5.0
    timer.join()
    assert time.monotonic() - begun < 5.0
    assert room.reader.read_into(room.batch) == 1


def test_news_that_is_there_ends_the_wait_at_once(room):
    """Neither kind of wait sleeps on news; a lapped reader has news too."""
    for _ in range(20):
        room.publish()
    assert sleep_until_news(room.reader, 0, 10**10)


async def test_an_event_loop_is_woken_by_its_eventfd(room):
    """The publisher's signal ends a wait of ten seconds, again and again."""
    waiting = LoopWait([room.reader], room.bell)
    loop = asyncio.get_running_loop()
    for _ in range(3):
        begun = loop.time()
        loop.call_later(0.02, room.publish)
        assert await waiting.wait(10.0)
        assert loop.time() - begun < 5.0
        assert room.reader.read_into(room.batch) == 1
    waiting.close()


async def test_an_event_loop_waits_its_time_out(room):
    """Nothing comes: False, after the time that was given, and the bell is disarmed."""
    waiting = LoopWait([room.reader], room.bell)
    begun = asyncio.get_running_loop().time()
    assert not await waiting.wait(0.05)
    assert asyncio.get_running_loop().time() - begun >= 0.049
    assert room.memory[0] == 0
    waiting.close()


async def test_without_an_eventfd_naps_find_the_news(room):
    """A role without a bell looks every millisecond."""
    waiting = LoopWait([room.reader])
    asyncio.get_running_loop().call_later(0.02, room.publish)
    assert await waiting.wait(10.0)
    waiting.close()


async def test_wake_ends_a_wait(room):
    """Another thread says stop: the wait ends without news."""
    waiting = LoopWait([room.reader], room.bell)
    timer = threading.Timer(0.02, waiting.wake)
    timer.start()
    begun = asyncio.get_running_loop().time()
    assert not await waiting.wait(10.0)
    assert asyncio.get_running_loop().time() - begun < 5.0
    timer.join()
    waiting.close()


def test_backoff_doubles_its_ceiling_and_jitters():
    """Delays lie anywhere below 0.25 s, 0.5 s, 1 s ... and never above the limit; a seed repeats them."""
    generator = random.Random(3)
    for attempt in range(60):
        delays = [backoff(attempt, generator) for _ in range(50)]
        assert 0.0 <= min(delays) < max(delays) <= min(30.0, 0.25 * 2**attempt)
    assert backoff(4, random.Random(9)) == backoff(4, random.Random(9))
