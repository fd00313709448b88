"""Risk budget to lots, exact."""

import pytest

from engine.messages import Target
from engine.risk import Limits
from engine.sizing import lots_of
from shm.records import Unit

LIMITS = Limits(
    unit=10, lots_min=1, lots_max=1000, market_lots_max=900, notional_min=0, trading=True, position_lots_max=10**6,
    position_notional_max=10**9, order_notional_max=1, gross_notional_max=1, orders_per_minute_max=1,
)  # fmt: skip


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
    assert lots_of(target, 5_000, LIMITS) == lots
