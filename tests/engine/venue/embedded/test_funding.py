"""Funding: when, at what rate, and to the last unit."""

import pytest

from engine.venue.embedded import funding
from engine.venue.embedded.funding import E8, Index

EIGHT = funding.EIGHT_HOURS_NS


def test_it_is_due_at_midnight_eight_and_sixteen() -> None:
    """Market time counts from midnight UTC; the next one is never now."""
    assert funding.is_due(3 * EIGHT)
    assert not funding.is_due(3 * EIGHT + 60 * 10**9)
    assert funding.next_ns(3 * EIGHT) == 4 * EIGHT
    assert funding.next_ns(3 * EIGHT - 1) == 3 * EIGHT


def test_a_flat_market_pays_the_interest() -> None:
    """Without a premium longs pay 0.01 % every eight hours."""
    index = Index(100_000)
    for _ in range(480):
        index.close(100_000)
    assert index.settle() == 10_000
    assert index.ticks == 100_000


def test_a_rising_market_costs_longs_more_and_a_falling_one_pays_them() -> None:
    """The close stands above its smoothed self on the way up, and below it on the way down."""
    up, down = Index(100_000), Index(100_000)
    for minute in range(480):
        up.close(100_000 + 20 * minute)
        down.close(100_000 - 20 * minute)
    assert up.settle() > 100_000
    assert down.settle() < 0


@pytest.mark.parametrize(
    ("lots", "rate_e8", "amount"),
    [
        (3, 10_000, -3_000_000),  # 3 * 1_000_000 * 10_000 * 0.01 %
        (-3, 10_000, 3_000_000),
        (3, -10_000, 3_000_000),
        (0, 10_000, 0),
        (1, 5_000, -500_000),
    ],
)
def test_longs_pay_shorts_when_the_rate_is_positive(lots: int, rate_e8: int, amount: int) -> None:
    """Payment = -lots * mark * unit * rate; what one side pays the other gets."""
    assert funding.payment(lots, 1_000_000, 10_000, rate_e8) == amount


def test_a_half_goes_away_from_zero() -> None:
    """0.5 is 1 and -0.5 is -1, so that payer and receiver agree."""
    assert funding.payment(-1, 1, 1, E8 // 2) == 1
    assert funding.payment(1, 1, 1, E8 // 2) == -1
