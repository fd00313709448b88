"""Doorbells wake who sleeps, and cost nothing otherwise."""

import os

import numpy as np
import pytest

from shm.doorbell import AWAKE, BELLS, EVENTFD, FUTEX, LINE, arm, disarm, make_reachable, wake
from shm.jit import address_of


@pytest.fixture
def page():
    """The control page of a ring whose writer can be reached."""
    memory = np.zeros(512, np.int64)
    make_reachable(address_of(memory))
    return memory


@pytest.fixture
def descriptors():
    """No reader has an eventfd."""
    return np.full(BELLS, -1, np.int64)


def bell(page, doorbell: int) -> int:
    """The bell of a reader."""
    return int(page[LINE * (1 + doorbell) // 8])


def test_an_armed_bell_is_rung_once(page, descriptors):
    """A wake clears the mask and the bells in it, and no other bell."""
    arm(address_of(page), 0, FUTEX)
    arm(address_of(page), 3, EVENTFD)
    assert page[0] == 0b1001
    assert wake(address_of(page), address_of(descriptors)) == 0b1001
    assert (page[0], bell(page, 0), bell(page, 3)) == (0, AWAKE, AWAKE)
    assert wake(address_of(page), address_of(descriptors)) == 0


def test_each_reader_hears_its_own_eventfd(page, descriptors):
    """The eventfd of the reader that sleeps is signalled, that of another is not."""
    mine, other = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
    descriptors[2], descriptors[4] = mine, other
    arm(address_of(page), 2, EVENTFD)
    wake(address_of(page), address_of(descriptors))
    assert os.eventfd_read(mine) == 1
    with pytest.raises(BlockingIOError):
        os.eventfd_read(other)
    os.close(mine)
    os.close(other)


def test_who_woke_alone_is_not_rung(page):
    """Disarming takes one reader out of the mask and leaves the others."""
    arm(address_of(page), 1, FUTEX)
    arm(address_of(page), 2, FUTEX)
    disarm(address_of(page), 1)
    assert (page[0], bell(page, 1), bell(page, 2)) == (0b100, AWAKE, FUTEX)


def test_a_writer_that_cannot_be_reached_is_not_trusted():
    """Before a writer registered, arming says: sleep no longer than a nap."""
    page = np.zeros(512, np.int64)
    assert not arm(address_of(page), 0, FUTEX)
    if make_reachable(address_of(page)):
        assert arm(address_of(page), 0, FUTEX)
