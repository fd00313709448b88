"""How long orders take to the book and news to a client: a constant and an even share of jitter, from a seed.

    client --order latency--> book        a request meets the market as it is when it arrives
    client <--feed latency--- exchange    messages wait, each of its own time, and never overtake

Both count milliseconds of market time.  0, the default, is no latency at all and draws nothing.
"""

from dataclasses import dataclass

import numpy as np

MILLISECOND_NS = 1_000_000
LATENCY_MS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Delay:
    """From ``least_ms`` to ``least_ms + jitter_ms``."""

    least_ms: int = 0
    jitter_ms: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.least_ms <= LATENCY_MS_MAX and 0 <= self.jitter_ms <= LATENCY_MS_MAX):
            raise ValueError(f"latency and jitter must be 0 to {LATENCY_MS_MAX} ms")

    @property
    def is_none(self) -> bool:
        """Whether nothing is ever late."""
        return self.least_ms == self.jitter_ms == 0


AT_ONCE = Delay()


class Journey:
    """Draws delays; who sets out later never arrives earlier."""

    def __init__(self, delay: Delay, *key: int) -> None:
        self._delay = delay
        self._chance = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
        self._last_ns = 0

    def arrival_ns(self, now_ns: int, speed: float = 1.0) -> int:
        """When arrives what sets out at ``now_ns``, on a clock that runs at 1/``speed`` of the market's."""
        if self._delay.is_none:
            return now_ns
        delay_ms = self._delay.least_ms
        if self._delay.jitter_ms:
            delay_ms += int(self._chance.integers(self._delay.jitter_ms + 1))
        self._last_ns = max(self._last_ns, now_ns + int(delay_ms * MILLISECOND_NS / speed))
        return self._last_ns
