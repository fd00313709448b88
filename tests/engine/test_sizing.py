"""Risk budget to lots, exact."""

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.messages import Target
from engine.risk import Limits
from engine.settings import SizingSettings
from engine.sizing import Stake, lots_of, stake_of
from shm.records import Unit

LIMITS = Limits(
    unit=10, lots_min=1, lots_max=1000, market_lots_max=900, notional_min=0, trading=True, position_lots_max=10**6,
    position_notional_max=10**9, order_notional_max=1, gross_notional_max=1, orders_per_minute_max=1,
)  # fmt: skip
STAKE = Stake(capital=10**9, budget=5_000, leverage_ppm=10**7, margin_ppm=7_500)


@pytest.mark.parametrize(
    ("unit", "amount", "stop_ticks", "lots"),
    [
        (Unit.RISK, 1_000_000, 93, 71),  # 5000 / (7 * 10) = 71.4
        (Unit.RISK, -1_000_000, 107, -71),
        (Unit.RISK, 500_000, 93, 35),
        (Unit.RISK, 1_000_000, 100, 0),  # no reach
        (Unit.RISK, 1_000_000, 0, 0),  # no stop
        (Unit.RISK, 0, 93, 0),
        (Unit.RISK, 900_000_000, 93, 900),  # market_lots_max
        (Unit.LOTS, -5, 107, -5),
        (Unit.LOTS, -5, 0, 0),  # a position that could have no stop
        (Unit.RISK, 1_000_000, 107, 0),  # a stop that would trigger at once
    ],
)
def test_lots_lose_the_budget_at_the_stop_and_never_more(unit, amount, stop_ticks, lots):
    """Rounded towards zero, capped by the filters."""
    target = Target(
        instrument="X", strategy="trend", unit=unit, target_id=1, amount=amount, stop_ticks=stop_ticks,
        reference_ticks=100, valid_until_ns=1, open_ns=1,
    )  # fmt: skip
    assert lots_of(target, STAKE, LIMITS) == lots


@pytest.mark.parametrize(
    ("stake", "lots"),
    [
        ({}, 714),  # 50 000 / (7 * 10)
        ({"leverage_ppm": 500_000}, 500),  # half the capital: 500 000 / (100 * 10)
        ({"capital": 100_000}, 714),
        ({"capital": 49_000, "margin_ppm": 0}, 490),  # leverage 10
        ({"capital": 49_000, "margin_ppm": 30_000}, 490),
        ({"capital": 49_000, "margin_ppm": 60_000}, 376),  # 49 000 / ((7 + 100 * 0.06) * 10) = 376.9
    ],
)
def test_leverage_and_the_margin_that_is_left_at_the_stop_bound_the_lots(stake, lots):
    """At the stop at least the maintenance margin and its buffer is left: the venue does not liquidate before it."""
    stake = Stake(**{"capital": 10**6, "budget": 50_000, "leverage_ppm": 10**7, "margin_ppm": 7_500} | stake)
    target = Target(
        instrument="X", strategy="trend", unit=Unit.RISK, target_id=1, amount=1_000_000, stop_ticks=93,
        reference_ticks=100, valid_until_ns=1, open_ns=1,
    )  # fmt: skip
    assert lots_of(target, stake, LIMITS) == lots
    left = stake.capital - lots * 7 * LIMITS.unit
    assert left * 1_000_000 >= lots * 100 * LIMITS.unit * stake.margin_ppm


def test_less_than_the_smallest_order_is_nothing():
    """Five lots where six are the least."""
    target = Target(
        instrument="X", strategy="trend", unit=Unit.LOTS, target_id=1, amount=5, stop_ticks=93, reference_ticks=100,
        valid_until_ns=1, open_ns=1,
    )  # fmt: skip
    assert lots_of(target, STAKE, replace(LIMITS, lots_min=6)) == 0
    assert lots_of(target, STAKE, replace(LIMITS, lots_min=5)) == 5


def test_every_setting_of_a_stake_is_in_it():
    """Risk share, leverage, maintenance and buffer, each where it belongs."""
    settings = SizingSettings(
        capital=Decimal(1_000), risk_share=Decimal("0.01"), leverage_max=Decimal("2.5"), maintenance_ppm=4_000,
        liquidation_buffer=Decimal("0.25"),
    )  # fmt: skip
    stake = Stake(capital=1_000 * 10**8, budget=10 * 10**8, leverage_ppm=2_500_000, margin_ppm=5_000)
    assert stake_of(settings, "a", 0) == stake


def test_capital_is_fixed_or_compounds_by_strategy():
    """Profit and loss move the budget only where the setting says so; nothing is left of a capital that is lost."""
    fixed = SizingSettings(capitals={"b": Decimal(2_000)})
    grows = replace(fixed, compounding=True)
    profit = 500 * 10**8
    assert [stake_of(fixed, name, profit).budget for name in "ab"] == [50 * 10**8, 10 * 10**8]
    assert [stake_of(grows, name, profit).budget for name in "ab"] == [5250 * 10**6, 1250 * 10**6]
    assert stake_of(grows, "b", -3_000 * 10**8).budget == 0
