"""The operator's wish: Ctrl-C, SIGTERM and SIGUSR1 as the supervisor hears them."""

import os
import signal
from collections.abc import Iterator

import pytest

from orchestrator.supervisor import Wish


@pytest.fixture
def wish() -> Iterator[Wish]:
    """A wish that listens; the signals are given back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    listening = Wish()
    listening.listen()
    yield listening
    for number, answer in before.items():
        signal.signal(number, answer)


@pytest.mark.parametrize(
    ("numbers", "flatten", "at_once"),
    [
        ([signal.SIGINT], False, False),
        ([signal.SIGTERM], False, False),
        ([signal.SIGUSR1], True, False),
        ([signal.SIGINT, signal.SIGINT], False, True),
        ([signal.SIGUSR1, signal.SIGTERM], True, False),
    ],
)
def test_signals_are_wishes(wish: Wish, numbers: list[signal.Signals], flatten: bool, at_once: bool):
    """One asks, a second Ctrl-C insists; flatten is not taken back."""
    for number in numbers:
        os.kill(os.getpid(), number)
    assert wish.is_asked
    assert (wish.flatten, wish.at_once) == (flatten, at_once)
