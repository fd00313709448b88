"""Settings are checked at birth, and the amounts are exact."""

from decimal import Decimal

import pytest

from engine.settings import EngineSettings, ExecutorSettings, ReconcileSettings, RiskSettings, SizingSettings, minor


def test_the_budget_is_exact():
    """Half a percent of 10 000 is 50, in units of 1e-8."""
    sizing = EngineSettings().sizing
    assert sizing.budget_of(sizing.capital_of("trend", 0)) == 50 * 10**8
    assert minor(Decimal("0.000000019")) == 1


@pytest.mark.parametrize(
    ("section", "values"),
    [
        (SizingSettings, {"capital": Decimal(0)}),
        (SizingSettings, {"risk_share": Decimal("0.2")}),
        (RiskSettings, {"order_notional_max": Decimal(0)}),
        (RiskSettings, {"orders_per_minute_max": 0}),
        (ExecutorSettings, {"ask_first_ms": 1}),
        (ExecutorSettings, {"retry_ms": 1}),
        (ExecutorSettings, {"cover_ms": 2_000}),
        (ExecutorSettings, {"unknown_horizon_ms": 1}),
        (ReconcileSettings, {"interval_s": 0}),
        (ReconcileSettings, {"wallet_tolerance": Decimal(-1)}),
        (EngineSettings, {"account": "a/b"}),
    ],
)
def test_a_senseless_setting_is_refused_by_name(section, values):
    """The error names the setting."""
    with pytest.raises(ValueError, match=next(iter(values))):
        section(**values)
