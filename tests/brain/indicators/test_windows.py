"""Rolling sums, moments and extremes: free of drift after ten million inputs; and a logarithm of our own."""

import math

import numpy as np
import pytest

from brain.indicators.indicator import array_form, columns_of, record_of, walked
from brain.indicators.windows import ln
from tests.brain.indicators import drift
from tests.brain.indicators.sweep import ALL, closing, expected, flowing, size
from tests.brain.market import walk

CHUNK, CHUNKS, TAIL = 100_000, 100, 700
# gaps and sweeps compare, and have nothing to drift; volume_profile and quantile count or sort, and take longer
SUMLESS = {"gaps", "sweeps", "volume_profile", "quantile"}
LONG = [name for name, one in ALL.items() if not one.accumulates and one.settled is not None and name not in SUMLESS]


@pytest.mark.parametrize("name", LONG)
def test_ten_million_candles_leave_no_trace(name):
    """The last values equal those of the oracle, which only saw the last candles, within 1e-9 of the scale."""
    one, candles = ALL[name], flowing(walk(CHUNK, seed=9))
    state, settings = np.zeros(1, one.state), record_of(one.parameters)
    out, settled = np.zeros((len(one.outputs), CHUNK)), np.zeros(CHUNK, np.bool_)
    loop, columns = array_form(one), columns_of(candles)
    for _ in range(CHUNKS):
        loop(state, settings, columns, out, settled)
    assert state["seen"][0] >= CHUNK * CHUNKS - 1
    tail = candles[-TAIL:]
    scale = max(1.0, float(candles["close"].mean())) if one.outputs != ("value",) else 0.0
    for line, column in zip(out, expected(name, tail, dict(one.parameters)), strict=True):
        worst = np.abs(line[-50:] - column[-50:]).max()
        assert worst <= 1e-9 * max(scale, size(column))


@pytest.mark.parametrize("name", ["obv", "accumulation", "cumulative_delta"])
def test_a_sum_of_ten_million_is_right(name):
    """What rounding takes is kept: within 1e-12 of the exact sum of a hundred times the same candles."""
    one, candles = ALL[name], flowing(walk(CHUNK, seed=9))
    state, settled = np.zeros(1, one.state), np.zeros(CHUNK, np.bool_)
    out = np.zeros((1, CHUNK))
    loop, columns = array_form(one), columns_of(candles)
    ends = []
    for _ in range(CHUNKS):
        loop(state, record_of({}), columns, out, settled)
        ends.append(float(out[0, -1]))
    assert ends[-1] - ends[0] == pytest.approx((CHUNKS - 1) * (ends[1] - ends[0]), rel=1e-12)


def test_the_command_that_measures_drift_measures():
    """docs/indicators.md has its figures for ten million candles that do not repeat; here are a hundred thousand."""
    worst = drift.measured(["bollinger", "zscore", "obv"], 100_000)
    assert max(worst.values()) <= 1e-12
    assert min(worst.values()) >= 0.0
    assert {*drift.WINDOWED, *drift.SUMMING} >= {*LONG, *SUMLESS}


def test_what_has_left_a_window_leaves_nothing_behind():
    """After volumes of 1e15 the mean of volumes of 1e-3 is theirs to 1e-9, and the sum of zeros is exactly zero."""
    candles = walk(200)
    candles["volume"] = 1e-3
    candles["volume"][40:45] = 1e15, 3e7, 7e12, 11.0, 1e3
    candles["volume"][120:] = 0.0
    for field in ("open", "high", "low", "close"):
        candles[field] = 7.0 + np.arange(200) % 3
    values = walked(ALL["vwap"], candles, {"period": 20})[0]["value"]
    for n in range(64, 120):
        assert values[n] == pytest.approx(np.mean(candles["close"][n - 19 : n + 1]), rel=1e-9)
    assert np.isfinite(values[138])
    assert np.isnan(values[139:]).all()


def test_a_collapse_leaves_no_variance_behind():
    """Once the old prices have left, the deviation is that of the new ones alone, a billionth of what it was; or 0."""
    closes = np.concatenate(
        [np.linspace(90_000.0, 110_000.0, 37), 1e-3 + 1e-5 * (np.arange(60) % 5), np.full(40, 1e-3)]
    )
    values = closing("deviation", closes, period=20)["value"]
    for n in range(56, 97):
        assert values[n] == pytest.approx(np.std(closes[n - 19 : n + 1]), rel=1e-7)
    assert (values[116:] == 0.0).all()


def test_a_logarithm_is_the_logarithm():
    """Within 2 units of the last place of the library's, over three hundred powers of ten."""
    for power in range(-150, 151):
        for lead in (1.0, 1.0001, 1.3, 3.7, 9.999):
            x = lead * 10.0**power
            assert ln(x) == pytest.approx(math.log(x), rel=5e-16, abs=5e-16)
    assert ln(1.0) == 0.0
