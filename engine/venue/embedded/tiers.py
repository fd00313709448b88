"""Leverage tiers: how much leverage a position of some size may have, and how much margin it must keep.

notional up to   leverage at most   maintenance rate
      50 000           125               0.40 %         maintenance = notional * rate - cut,
     600 000           100               0.50 %         where the cut of a tier makes it continuous:
   3 000 000            75               0.65 %         cut += bound below * (rate - rate below)
"""

from dataclasses import dataclass
from itertools import pairwise

E8 = 10**8
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of the ladder."""

    number: int  # from 1, the smallest positions
    floor: int  # minor units, exclusive
    cap: int  # minor units, inclusive
    leverage_max: int
    rate_ppm: int
    cut: int  # minor units

    def maintenance(self, notional: int) -> int:
        """Margin that a position of ``notional`` must keep, rounded up."""
        return -(-notional * self.rate_ppm // PPM) - self.cut


def ladder(*steps: tuple[int, int, int]) -> tuple[Tier, ...]:
    """Tiers of (cap in whole quote, leverage, rate in ppm), smallest first."""
    tiers, floor, rate_below, cut = [], 0, 0, 0
    for number, (cap, leverage, rate_ppm) in enumerate(steps, 1):
        cut += floor * (rate_ppm - rate_below) // PPM if number > 1 else 0
        tiers.append(Tier(number, floor, cap * E8, leverage, rate_ppm, cut))
        floor, rate_below = cap * E8, rate_ppm
    assert all(low.cap < high.cap and low.rate_ppm < high.rate_ppm for low, high in pairwise(tiers)), "a ladder climbs"
    return tuple(tiers)


M = 1_000_000
# As published in 2025; what is not listed here has the ladder of a middling contract.
PUBLISHED = {
    "BTCUSDT": ladder(
        (50_000, 125, 4_000),
        (600_000, 100, 5_000),
        (3 * M, 75, 6_500),
        (12 * M, 50, 10_000),
        (70 * M, 25, 20_000),
        (100 * M, 20, 25_000),
        (230 * M, 10, 50_000),
        (480 * M, 5, 100_000),
        (600 * M, 4, 125_000),
        (800 * M, 3, 150_000),
        (1_200 * M, 2, 250_000),
        (1_800 * M, 1, 500_000),
    ),
    "ETHUSDT": ladder(
        (50_000, 125, 4_000),
        (600_000, 100, 5_000),
        (3 * M, 75, 6_500),
        (12 * M, 50, 10_000),
        (50 * M, 25, 20_000),
        (65 * M, 20, 25_000),
        (150 * M, 10, 50_000),
        (320 * M, 5, 100_000),
        (400 * M, 4, 125_000),
        (530 * M, 3, 150_000),
        (800 * M, 2, 250_000),
        (1_200 * M, 1, 500_000),
    ),
    "SOLUSDT": ladder(
        (20_000, 100, 5_000),
        (100_000, 75, 6_500),
        (800_000, 50, 10_000),
        (4 * M, 25, 20_000),
        (8 * M, 20, 25_000),
        (40 * M, 10, 50_000),
        (80 * M, 5, 100_000),
        (100 * M, 4, 125_000),
        (200 * M, 2, 250_000),
        (400 * M, 1, 500_000),
    ),
}
OTHER = ladder(
    (10_000, 75, 5_000),
    (50_000, 50, 10_000),
    (100_000, 40, 15_000),
    (750_000, 25, 20_000),
    (1 * M, 20, 25_000),
    (5 * M, 10, 50_000),
    (10 * M, 5, 100_000),
    (20 * M, 4, 125_000),
    (30 * M, 2, 250_000),
    (50 * M, 1, 500_000),
)


def tiers_of(symbol: str) -> tuple[Tier, ...]:
    """The ladder of a contract by its id, smallest positions first."""
    return PUBLISHED.get(symbol, OTHER)


def tier_of(symbol: str, notional: int) -> Tier:
    """The tier of a position of ``notional``; the last has no end."""
    tiers = tiers_of(symbol)
    return next((tier for tier in tiers if notional <= tier.cap), tiers[-1])


def notional_max(symbol: str, leverage: int) -> int:
    """The largest position that ``leverage`` allows, minor units; 0 when it allows none."""
    return max((tier.cap for tier in tiers_of(symbol) if tier.leverage_max >= leverage), default=0)
