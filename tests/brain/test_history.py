"""Runs out of HISTORY are unbroken and end where the next candle begins."""

import numpy as np

from brain.history import run_before, runs_before
from brain.timeframes import resample
from shm.jit import address_of
from shm.records import MARKET
from shm.table import TableReader
from tests.brain.market import MINUTE_NS, START_NS, Market, missing, walk

HOURS = (60, 3600)


def reader(market):
    """Return a reader of the market's HISTORY."""
    return TableReader(address_of(market._history), MARKET, market.rows, 1)


def test_a_run_ends_before_the_instant_and_begins_after_the_last_hole():
    """Of 500 minutes with one missing at 200, the 199 from 201 to 399 come before minute 400."""
    market, candles = Market(), walk(500)
    candles[200:201] = missing(candles[200])
    market.remember(candles)
    run = run_before(reader(market), 0, 0, int(candles["open_ns"][400]))
    assert (run["open_ns"] == candles["open_ns"][201:400]).all()


def test_rows_of_an_older_lap_are_not_a_run():
    """The table holds 1024 minutes: what was overwritten ends the run."""
    market, candles = Market(), walk(3000)
    market.remember(candles)
    assert len(run_before(reader(market), 0, 0, int(candles["open_ns"][2900]))) == 1024 - 100
    assert len(run_before(reader(market), 0, 0, int(candles["open_ns"][1000]))) == 0


def test_the_newest_hour_is_made_of_minutes_until_the_table_has_it():
    """HISTORY has hours to 10:00, minutes from 09:30: at 12:30 the hours go on to 12:00."""
    candles = walk(1440)
    market = Market()
    market.remember(resample(candles, 3600)[:10])
    market.remember(candles[570:])
    runs, again = runs_before(reader(market), 0, HOURS, START_NS + 750 * MINUTE_NS)
    assert (runs[1]["open_ns"] == START_NS + 60 * MINUTE_NS * np.arange(12)).all()
    assert len(runs[0]) == 180
    assert not again


def test_an_hour_that_may_still_come_is_asked_for_again_soon_only():
    """Neither table nor minutes have it: look again within five minutes of its close, not later."""
    candles, market = walk(200), Market()
    market.remember(candles[100:])
    assert runs_before(reader(market), 0, HOURS, START_NS + 122 * MINUTE_NS)[1]
    assert not runs_before(reader(market), 0, HOURS, START_NS + 130 * MINUTE_NS)[1]


def test_the_past_of_a_timeframe_that_is_not_kept_is_put_together():
    """Half hours of the table's quarters, three minutes of its minutes: as if they had been folded as they came."""
    candles, market = walk(1440), Market()
    quarters = resample(candles, 900)
    market.remember(quarters[:90])
    market.remember(candles[900:1380])
    at = START_NS + 1391 * MINUTE_NS
    market.remember(candles[1380:1391])
    runs, again = runs_before(reader(market), 0, (60, 180, 0, 1800), at)
    assert [len(run) for run in runs] == [491, 163, 0, 46]
    assert not again
    for run, seconds in ((runs[1], 180), (runs[3], 1800)):
        folded = resample(candles[:1391], seconds)[-len(run) :]
        for field in ("open_ns", "open", "high", "low", "close", "timeframe_s", "missing"):
            assert (run[field] == folded[field]).all(), field
