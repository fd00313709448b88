"""Funding: every eight hours of market time longs pay shorts, or the reverse, by how far the price stood off its index.

premium of a minute = (close - index) / index          index: the close, smoothed over an hour
rate = P + clamp(0.01 % - P, -0.05 %, +0.05 %)         P: mean premium of the minutes since the last time
payment of a position = -lots * mark * rate            to the nearest minor unit, a half away from zero
"""

from dataclasses import dataclass
from typing import NamedTuple

from engine.venue.embedded.market import INTERVALS_NS

EIGHT_HOURS_NS = INTERVALS_NS["8h"]
E8 = 10**8
INTEREST_E8 = 10_000  # 0.01 %
CLAMP_E8 = 50_000  # 0.05 %
FINE = 1 << 20  # parts of a tick that the index is kept in
SMOOTHING_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """What was paid at one time: a row of fundingRate."""

    symbol: str
    at_ns: int
    rate_e8: int
    mark_ticks: int


class Marks(NamedTuple):
    """What a contract is valued at and what holding it costs, now: premiumIndex and the stream markPrice."""

    mark_ticks: int
    index_ticks: int
    rate_e8: int  # that would be paid now; 0 where funding is not charged


class Index:
    """A contract's index: its own price, smoothed, since there is no other market to ask."""

    def __init__(self, ticks: int, smoothing_minutes: int = SMOOTHING_MINUTES) -> None:
        self._fine, self._smoothing_minutes = ticks * FINE, smoothing_minutes
        self._premiums_e8 = self._count = 0

    @property
    def ticks(self) -> int:
        """The index in whole ticks, at least one."""
        return max(1, (self._fine + FINE // 2) // FINE)

    @property
    def rate_e8(self) -> int:
        """The rate that would be paid now, in 1e-8."""
        premium = _nearest(self._premiums_e8, self._count) if self._count else 0
        return premium + min(max(INTEREST_E8 - premium, -CLAMP_E8), CLAMP_E8)

    def close(self, ticks: int) -> None:
        """A minute closed at ``ticks``."""
        self._fine += (ticks * FINE - self._fine) * 2 // (self._smoothing_minutes + 1)
        self._premiums_e8 += (ticks * FINE - self._fine) * E8 // self._fine
        self._count += 1

    def settle(self) -> int:
        """The rate to pay, and a new period."""
        rate_e8 = self.rate_e8
        self._premiums_e8 = self._count = 0
        return rate_e8


def next_ns(now_ns: int) -> int:
    """The next time at which funding is paid, after ``now_ns``."""
    return (now_ns // EIGHT_HOURS_NS + 1) * EIGHT_HOURS_NS


def is_due(now_ns: int) -> bool:
    """Whether funding is paid at ``now_ns``."""
    return now_ns % EIGHT_HOURS_NS == 0


def payment(lots: int, mark_ticks: int, unit: int, rate_e8: int) -> int:
    """What a position gets (negative: pays), minor units."""
    return _nearest(-lots * mark_ticks * unit * rate_e8, E8)


def _nearest(value: int, by: int) -> int:
    """``value / by`` to the nearest, a half away from zero."""
    whole = (abs(value) + by // 2) // by
    return whole if value >= 0 else -whole
