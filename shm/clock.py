"""Wall, monotonic and market time; whoever needs the time is handed one of these."""

import time
from typing import Protocol

import numpy as np

from shm import records


class Clock(Protocol):
    """Tells wall time (UTC since 1970) and monotonic time."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may jump."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC, the same for every process of the machine."""


class SystemClock:
    """The clocks of this machine."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may jump."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC, the same for every process of the machine."""
        return time.monotonic_ns()


class ManualClock:
    """Moves only when told to; makes replay and tests exact."""

    def __init__(self, wall_ns: int = 0, monotonic_ns: int = 0) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC, as told."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds, as told."""
        return self._monotonic_ns

    def advance_to(self, wall_ns: int) -> None:
        """Move both clocks until it is ``wall_ns``."""
        assert wall_ns >= self._wall_ns, "time does not run backwards"
        self._monotonic_ns += wall_ns - self._wall_ns
        self._wall_ns = wall_ns

    def advance(self, step_ns: int) -> None:
        """Move both clocks by ``step_ns``."""
        self.advance_to(self._wall_ns + step_ns)


class Rows(Protocol):
    """What reads a table's row: shm.table.TableReader."""

    def read(self, row: int, out: np.ndarray[tuple[int], np.dtype[np.void]]) -> bool:
        """Copy the newest value of ``row`` to ``out``; False when there is none."""


class MarketClock:
    """Market time: the last event's, carried on at the market's speed; never backwards."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        """Read table CLOCK through ``rows``; ``clock`` tells how long ago its row was learnt."""
        self._rows, self._clock = rows, clock
        self._row: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.CLOCK)
        self._newest_ns = 0

    def now_ns(self) -> int:
        """Market time, UTC nanoseconds; 0 before the first event."""
        if self._rows.read(0, self._row):
            market_ns, learnt_ns, speed = self._row[0].item()[:3]
            elapsed_ns = max(0, self._clock.monotonic_ns() - learnt_ns)
            self._newest_ns = max(self._newest_ns, market_ns + int(elapsed_ns * speed))
        return self._newest_ns
