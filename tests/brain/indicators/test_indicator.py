"""Every indicator, found by walking the package: equal to a slow oracle, blind to tomorrow, free of its start."""

import importlib
import itertools
import pkgutil

import numpy as np
import pyarrow.parquet as pq
import pytest

import brain.indicators
from brain.indicators.indicator import Indicator, over
from shm.records import MARKET
from tests.brain.market import DATA, recorded, walk

MODULES = [
    importlib.import_module(f"brain.indicators.{found.name}")
    for found in pkgutil.iter_modules(brain.indicators.__path__)
]
ALL = {each.name: each for module in MODULES for each in vars(module).values() if isinstance(each, Indicator)}


def mean_then(values, period, keep):
    """The mean of the first ``period`` values, then a share of each step; a list as long as ``values``."""
    out = [np.nan] * (period - 1) + [sum(values[:period]) / period]
    for value in values[period:]:
        out.append(out[-1] * keep + value * (1.0 - keep))
    return out[: len(values)]


def slow_ema(candles, period):
    """The definition, over lists."""
    return mean_then(candles["close"].tolist(), period, 1.0 - 2.0 / (period + 1))


def slow_rsi(candles, period):
    """The definition, over lists."""
    changes = np.diff(candles["close"]).tolist()
    up = mean_then([max(change, 0.0) for change in changes], period, 1.0 - 1.0 / period)
    down = mean_then([max(-change, 0.0) for change in changes], period, 1.0 - 1.0 / period)
    return [np.nan] + [50.0 if u + d == 0.0 else 100.0 * u / (u + d) for u, d in zip(up, down, strict=True)]


def slow_atr(candles, period):
    """The definition, over lists."""
    ranges = [
        max(now["high"] - now["low"], abs(now["high"] - before["close"]), abs(now["low"] - before["close"]))
        for before, now in itertools.pairwise(candles)
    ]
    return [np.nan, *mean_then(ranges, period, 1.0 - 1.0 / period)]


ORACLES = {"ema": slow_ema, "rsi": slow_rsi, "atr": slow_atr}


def test_every_indicator_has_an_oracle():
    """A new one cannot land without its slow, obvious twin."""
    assert ALL.keys() == ORACLES.keys()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("period", [1, 2, 5, 14, 50])
def test_it_equals_its_oracle(name, period):
    """Within 1e-9 on recorded minutes, and undefined exactly until ``first``."""
    candles = recorded("binance_spot/BTCUSDT-1m.parquet", count=1500)
    values = over(ALL[name], candles, {"period": period})["value"]
    expected = np.array(ORACLES[name](candles, period))
    first = ALL[name].first(period)
    assert np.isnan(values[:first]).all()
    assert np.isfinite(values[first:]).all()
    assert np.allclose(values, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "period", "column"),
    [("ema", 9, "EMA_9"), ("ema", 20, "EMA_20"), ("ema", 50, "EMA_50"), ("rsi", 14, "RSI_14"), ("atr", 14, "ATR_14")],
)
def test_it_equals_talib(name, period, column):
    """Within 1e-9 of the value on 15 minute candles of 2025, settled."""
    reference = DATA / "reference" / "talib" / "BTCUSDT-15m-2025.parquet"
    if not reference.is_file():
        pytest.skip("no TA-Lib reference under RINGMASTER_DATA")
    table = pq.read_table(reference)
    times = table["open_time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    candles = recorded("binance_usdm/BTCUSDT-15m.parquet", 900)
    if not np.isin(times, candles["open_ns"]).all():
        candles = recorded("binance_spot/BTCUSDT-15m.parquet", 900)
    values = over(ALL[name], candles, {"period": period})["value"]
    mine = dict(zip(candles["open_ns"].tolist(), values.tolist(), strict=True))
    settled = ALL[name].settled(period)
    pairs = [
        (mine[t], v)
        for t, v in zip(times.tolist()[settled:], table[column].to_pylist()[settled:], strict=True)
        if t in mine
    ]
    assert len(pairs) > 1000
    ours, theirs = np.array(pairs).T
    assert np.allclose(ours, theirs, rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("name", ALL)
def test_the_future_changes_nothing(name):
    """Rewriting the candles from 300 on leaves the first 300 values bit for bit."""
    candles = walk(600)
    other = candles.copy()
    for field in ("open", "high", "low", "close", "volume"):
        other[field][300:] *= 3.0
    one, two = over(ALL[name], candles, {}), over(ALL[name], other, {})
    assert one[:300].tobytes() == two[:300].tobytes()
    assert one[301:].tobytes() != two[301:].tobytes()


@pytest.mark.parametrize("name", ALL)
def test_the_start_is_forgotten_when_it_has_settled(name):
    """Data that began 400 candles later gives the same values from ``settled`` on, within 1e-9."""
    candles = walk(2000)
    settled = ALL[name].settled(10)
    long, short = over(ALL[name], candles, {"period": 10}), over(ALL[name], candles[400:], {"period": 10})
    assert np.allclose(long["value"][400 + settled :], short["value"][settled:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_a_hole_makes_it_cold(name):
    """A NaN gives NaN, and what follows is what a fresh start gives."""
    candles = walk(400)
    holed = candles.copy()
    holed["close"][200] = np.nan
    values = over(ALL[name], holed, {})["value"]
    assert np.isnan(values[200])
    assert np.array_equal(values[201:], over(ALL[name], candles[201:], {})["value"], equal_nan=True)


@pytest.mark.parametrize("name", ALL)
def test_odd_input_has_a_defined_answer(name):
    """Nothing, one candle, a flat market, zeros and huge prices."""
    assert len(over(ALL[name], np.zeros(0, MARKET), {})) == 0
    assert np.isnan(over(ALL[name], walk(1), {})["value"]).all()
    flat, huge = walk(100), walk(100)
    for field in ("open", "high", "low", "close"):
        flat[field] = 7.0
        huge[field] *= 1e295
    assert over(ALL[name], flat, {})["value"][-1] == pytest.approx({"ema": 7.0, "rsi": 50.0, "atr": 0.0}[name])
    assert np.isfinite(over(ALL[name], huge, {})["value"][30:]).all()


def test_an_unknown_parameter_is_refused():
    """With the ones that there are."""
    with pytest.raises(ValueError, match="ema has no parameter periods; it has period"):
        over(ALL["ema"], walk(3), {"periods": 3})
