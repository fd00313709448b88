"""Reports: ratios and draw-downs, by hand."""

import math
from types import SimpleNamespace

import pytest

from orchestrator.research import report

MINUTE = 60_000_000_000


def test_the_deepest_fall_is_from_the_peak_before_it():
    """From 120 to 90 is a quarter; the recovery does not undo it."""
    assert report._drawdown([100, 120, 110, 90, 150, 140]) == 0.25
    assert report._drawdown([100, 101, 102]) == 0.0


def test_ratios_are_mean_over_deviation_times_the_root_of_the_year():
    """Sortino counts only what fell; nothing that varies, no ratio."""
    returns = [0.01, -0.01, 0.03]
    mean, deviation = 0.01, math.sqrt((0.0 + 0.0004 + 0.0004) / 3)
    assert report._ratio(returns, returns, 2.0) == pytest.approx(mean / deviation * 2.0)
    fallen = [min(0.0, each) for each in returns]
    assert report._ratio(returns, fallen, 2.0, about=0.0) == pytest.approx(mean / math.sqrt(0.0001 / 3) * 2.0)
    assert report._ratio([0.01, 0.01], [0.01, 0.01], 2.0) is None
    assert report._ratio([0.01], [0.01], 2.0) is None


def test_periods_are_days_only_where_there_are_thirty():
    """A day of minutes has hourly returns; the first is against the deposit."""
    ends = [n * MINUTE for n in range(1, 181)]
    short = SimpleNamespace(times_ns=ends, equity=[100 + n for n in range(1, 181)])
    period_ns, returns = report._returns(short, 100)
    assert period_ns == report.HOUR_NS
    assert returns == pytest.approx([160 / 100 - 1, 220 / 160 - 1, 280 / 220 - 1])
    long = SimpleNamespace(times_ns=[n * report.HOUR_NS for n in range(1, 24 * 31 + 1)], equity=[100] * (24 * 31))
    assert report._returns(long, 100)[0] == report.DAY_NS
    assert len(report._returns(long, 100)[1]) == 31
