"""History by REST: closed candles only, so many requests at once, higher timeframes as they close."""

import asyncio
import math

import pytest

from feed.backfill import NAMES, Refresher, closed, hydrate
from feed.candle import Candle
from feed.settings import FeedSettings
from shm.topology import TIMEFRAMES_S

SECOND = 10**9
NOW = 1_700_006_400 // 86_400 * 86_400 * SECOND


def bar(open_ns, close=100.0):
    """A plain candle."""
    return Candle(open_ns, close, close, close, close, 1.0)


def test_every_timeframe_has_a_name():
    """What the topology lists can be asked for."""
    assert sorted(NAMES) == sorted(TIMEFRAMES_S)


def test_only_what_is_over_sound_and_on_the_grid_is_closed():
    """The forming candle, NaN, off-grid rows and repeats are left out; order is restored."""
    good = [bar(NOW - 120 * SECOND), bar(NOW - 60 * SECOND)]
    bad = [bar(NOW), bar(NOW - 180 * SECOND, math.nan), bar(NOW - 90 * SECOND), good[0]]
    assert closed([good[1], *bad, good[0]], 60, NOW) == good


async def test_hydration_asks_for_everything_but_not_at_once():
    """300 instruments in six timeframes are 1,800 answers, never more than four requests at a time."""
    running, most, found = 0, 0, {}

    async def fetch(row, timeframe, start_ns, count_max):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        step = next(seconds for seconds, name in NAMES.items() if name == timeframe) * SECOND
        return [bar(NOW - step), bar(NOW)]

    def keep(row, timeframe, candles):
        found[row, timeframe] = candles

    series = [(row, timeframe) for row in range(300) for timeframe in range(len(TIMEFRAMES_S))]
    await hydrate(series, NOW, (fetch, keep), count_max=10, at_once_max=FeedSettings().requests_at_once_max)
    assert most == FeedSettings().requests_at_once_max == 4
    assert len(found) == 300 * len(TIMEFRAMES_S)
    assert all(
        [each.open_ns for each in candles] == [NOW - TIMEFRAMES_S[tf] * SECOND] for (_, tf), candles in found.items()
    )


async def test_one_failed_request_fails_the_hydration():
    """Half a history is none."""

    async def fetch(row, timeframe, start_ns, count_max):
        if (row, timeframe) == (1, "4h"):
            raise ConnectionError("down")
        return []

    with pytest.raises(ExceptionGroup):
        await hydrate([(0, 4), (1, 4)], NOW, (fetch, lambda *_: None), count_max=10, at_once_max=3)


async def test_a_higher_timeframe_is_fetched_when_it_closes_and_not_before():
    """The minute 00:04 closes 5m alone; the minute 23:59 closes them all; the question starts at the newest kept."""
    refresher, asked, kept = Refresher(), [], []
    refresher.kept(0, 1, NOW - 300 * SECOND)

    async def fetch(row, timeframe, start_ns, count_max):
        asked.append((timeframe, start_ns))
        return [bar(NOW)]

    refresher.minute(0, NOW + 180 * SECOND)
    assert not refresher.has_work
    refresher.minute(0, NOW + 240 * SECOND)
    await refresher.refresh(
        fetch, lambda row, timeframe, found: kept.extend((row, timeframe, one.open_ns) for one in found)
    )
    assert asked == [("5m", NOW - 300 * SECOND)]
    assert kept == [(0, 1, NOW)]
    assert not refresher.has_work
    refresher.minute(0, NOW - 60 * SECOND)
    await refresher.refresh(fetch, lambda row, timeframe, found: None)
    assert [timeframe for timeframe, _ in asked[1:]] == ["5m", "15m", "1h", "4h", "1d"]


async def test_what_nobody_waits_for_is_fetched_whole_afterwards():
    """A series that is wanted is asked for from wherever the exchange begins; later it is only continued."""
    refresher, asked = Refresher(), []

    async def fetch(row, timeframe, start_ns, count_max):
        asked.append((timeframe, start_ns, count_max))
        return [bar(NOW - 600 * SECOND), bar(NOW - 300 * SECOND), bar(NOW)]

    refresher.want(0, 1, NOW)
    await refresher.refresh(fetch, lambda *_: None)
    refresher.minute(0, NOW + 240 * SECOND)
    await refresher.refresh(fetch, lambda *_: None)
    assert asked == [("5m", None, 1000), ("5m", NOW - 300 * SECOND, 1000)]


async def test_what_could_not_be_fetched_is_due_again():
    """A failed refresh loses nothing."""
    refresher, answers = Refresher(), []

    async def broken(row, timeframe, start_ns, count_max):
        raise ConnectionError("down")

    async def mended(row, timeframe, start_ns, count_max):
        answers.append(timeframe)
        return []

    refresher.minute(0, NOW - 60 * SECOND)
    with pytest.raises(ConnectionError):
        await refresher.refresh(broken, lambda *_: None)
    assert refresher.has_work
    await refresher.refresh(mended, lambda *_: None)
    assert answers == ["5m", "15m", "1h", "4h", "1d"]
