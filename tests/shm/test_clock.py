"""Wall, monotonic and market time."""

import time

import numpy as np
import pytest

from shm.clock import ManualClock, MarketClock, SystemClock


class Row:
    """A table CLOCK of one row, or none."""

    value: tuple[int, int, float] | None = None

    def read(self, _row, out: np.ndarray) -> bool:
        """As a table reader does."""
        if self.value is None:
            return False
        out["market_ns"], out["monotonic_ns"], out["speed"] = self.value
        return True


def test_the_system_clock_is_the_machines():
    """Both clocks lie between two looks at the machine's."""
    before = time.time_ns(), time.monotonic_ns()
    assert before[0] <= SystemClock().wall_ns() <= time.time_ns()
    assert before[1] <= SystemClock().monotonic_ns() <= time.monotonic_ns()


def test_a_manual_clock_moves_only_when_told():
    """Both hands move by the same step, never back."""
    clock = ManualClock(100, 7)
    clock.advance(5)
    assert (clock.wall_ns(), clock.monotonic_ns()) == (105, 12)
    with pytest.raises(AssertionError):
        clock.advance_to(104)


def test_market_time_runs_at_the_markets_speed():
    """Sixty times faster, from the newest event on; before the first it is 0."""
    row, machine = Row(), ManualClock(0, 1000)
    clock = MarketClock(row, machine)
    assert clock.now_ns() == 0
    row.value = (5_000_000, 1000, 60.0)
    assert clock.now_ns() == 5_000_000
    machine.advance(10)
    assert clock.now_ns() == 5_000_600


def test_market_time_stands_while_stepping_and_never_runs_back():
    """Speed 0 adds nothing; an event that comes late does not turn time back."""
    row, machine = Row(), ManualClock(0, 0)
    clock = MarketClock(row, machine)
    row.value = (500, 0, 0.0)
    machine.advance(10**9)
    assert clock.now_ns() == 500
    row.value = (400, 0, 0.0)
    assert clock.now_ns() == 500
