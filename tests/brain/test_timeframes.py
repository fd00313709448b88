"""Higher timeframes: the exchange's own candles, whole ones only."""

import numpy as np
import pytest

from brain.timeframes import DAY_S, SECONDS, base_of, resample, seconds_named
from shm.records import Provenance
from tests.brain.market import MINUTE_NS, missing, recorded, walk


@pytest.mark.parametrize(("minutes", "timeframe_s"), [("5m", 300), ("15m", 900)])
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_minutes_make_the_exchanges_own_candles(symbol, minutes, timeframe_s):
    """Ninety days of recorded minutes equal the recorded 5m and 15m candles in every field."""
    made = resample(recorded(f"binance_spot/{symbol}-1m.parquet"), timeframe_s)
    theirs = recorded(f"binance_spot/{symbol}-{minutes}.parquet", timeframe_s)
    both, one, other = np.intersect1d(made["open_ns"], theirs["open_ns"], return_indices=True)
    assert len(both) > 8000
    for field in ("open", "high", "low", "close"):
        assert (made[field][one] == theirs[field][other]).all()
    assert np.allclose(made["volume"][one], theirs["volume"][other], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(
    ("shorter", "longer"), [("3m", "15m"), ("3m", "30m"), ("5m", "30m"), ("15m", "30m"), ("1h", "1d")]
)
def test_recorded_candles_make_the_longer_recorded_ones(shorter, longer):
    """3m and 30m, which no table keeps, as well as the others: the exchange's own prices and volumes."""
    made = resample(recorded(f"binance_usdm/BTCUSDT-{shorter}.parquet", seconds_named(shorter)), seconds_named(longer))
    made = made[made["missing"] == 0]
    theirs = recorded(f"binance_usdm/BTCUSDT-{longer}.parquet", seconds_named(longer))
    both, one, other = np.intersect1d(made["open_ns"], theirs["open_ns"], return_indices=True)
    assert len(both) > 5
    for field in ("open", "high", "low", "close"):
        assert (made[field][one] == theirs[field][other]).all()
    assert np.allclose(made["volume"][one], theirs["volume"][other], rtol=1e-9, atol=1e-6)


def test_a_timeframe_is_a_whole_part_of_a_day():
    """By name; what a day does not hold whole, or is longer, is none.  Each has the longest kept one that fits."""
    assert {name: seconds_named(name) for name in SECONDS} == SECONDS
    assert [seconds_named(name) for name in ("3m", "10m", "30m", "45m", "2h", "8h", "12h", "720m")] == [
        *(180, 600, 1800, 2700, 7200, 28800, 43200, 43200)
    ]
    assert [
        seconds_named(name) for name in ("7m", "5h", "1w", "3d", "2d", "0m", "1s", "m", "", "1M", "-5m", "1.5h")
    ] == [0] * 12
    assert [base_of(seconds) for seconds in (60, 180, 600, 1800, 2700, 7200, 28800, 86400)] == [
        *(60, 60, 300, 900, 900, 3600, 14400, 86400)
    ]


def test_longer_candles_are_put_together_from_shorter_ones():
    """Half hours of quarters are half hours of minutes; a quarter that is absent makes its half hour incomplete."""
    minutes = walk(1440)
    quarters = resample(minutes, 900)
    direct, again = resample(minutes, 1800), resample(quarters, 1800)
    for field in ("open_ns", "open", "high", "low", "close", "timeframe_s", "missing", "provenance"):
        assert (direct[field] == again[field]).all(), field
    assert np.allclose(direct["volume"], again["volume"], rtol=1e-12, atol=0.0)
    assert resample(np.delete(quarters, 4), 1800)["missing"].tolist() == [0, 0, 1] + [0] * 45


@pytest.mark.parametrize("timeframe_s", [seconds for seconds in range(120, DAY_S + 1, 60) if DAY_S % seconds == 0])
def test_no_candle_is_told_before_it_has_closed(timeframe_s):
    """Of 35 lengths: cut anywhere, or with another market from there on, what closed before is the same bit for bit."""
    candles = walk(2 * 1440)
    other = walk(2 * 1440, seed=8, price=900.0)
    whole = resample(candles, timeframe_s)
    assert len(whole) == 2 * DAY_S // timeframe_s
    for cut in (1, 2, 59, 60, 61, 719, 720, 1439, 1440, 1441, 2879):
        closed = whole[whole["open_ns"] + timeframe_s * 1_000_000_000 <= candles["open_ns"][cut - 1] + MINUTE_NS]
        assert resample(candles[:cut], timeframe_s).tobytes() == closed.tobytes()
        changed = resample(np.concatenate([candles[:cut], other[cut:]]), timeframe_s)
        assert changed[: len(closed)].tobytes() == closed.tobytes()


@pytest.mark.parametrize("timeframe_s", list(SECONDS.values())[1:])
def test_a_candle_is_never_partial_and_stands_on_the_utc_grid(timeframe_s):
    """Two days and a bit from midnight: as many as fit, each opened on its grid."""
    made = resample(walk(2 * 1440 + 3), timeframe_s)
    assert len(made) == 2 * 86400 // timeframe_s
    assert (made["open_ns"] % (timeframe_s * 1_000_000_000) == 0).all()
    assert (made["provenance"] == Provenance.OBSERVED).all()


def test_a_missing_minute_makes_the_candle_incomplete_and_says_so():
    """One MISSING record, one absent: each counted in ``missing``, and the provenance is MISSING."""
    candles = walk(20)
    candles[7:8] = missing(candles[7])
    made = resample(np.delete(candles, 12), 300)
    assert made["missing"].tolist() == [0, 1, 1, 0]
    assert [Provenance(p).name for p in made["provenance"]] == ["OBSERVED", "MISSING", "MISSING", "OBSERVED"]
    assert made["close"][1] == candles["close"][9]


def test_an_interval_without_its_last_minute_is_not_reported():
    """Minutes 3 to 6 absent: the first interval never closes, the second is incomplete."""
    made = resample(np.delete(walk(15), [3, 4, 5, 6]), 300)
    assert made["open_ns"].tolist() == (walk(1)["open_ns"][0] + MINUTE_NS * np.array([5, 10])).tolist()
    assert made["missing"].tolist() == [2, 0]


def test_nothing_makes_nothing():
    """C12: no minutes, one minute, or minutes that never reach an interval's end: no candle and no error."""
    assert len(resample(walk(0), 300)) == 0
    assert len(resample(walk(1), 300)) == 0
    assert len(resample(walk(20)[[0, 6, 12, 18]], 300)) == 0
    assert resample(walk(20)[[4, 9, 19]], 300)["missing"].tolist() == [4, 4, 4]
