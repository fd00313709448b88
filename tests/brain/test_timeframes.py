"""Higher timeframes: the exchange's own candles, whole ones only."""

import numpy as np
import pytest

from brain.timeframes import SECONDS, resample
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
