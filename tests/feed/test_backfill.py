"""History by REST: closed candles only, so many requests at once, higher timeframes as they close."""

import asyncio
import math

import pytest

from feed.backfill import NAMES, REST_NS_MAX, Refresher, closed, hydrate
from feed.candle import Candle
from feed.settings import FeedSettings
from feed.source import SourceUnreachableError
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
    running, most = 0, 0

    async def fetch(row, timeframe, start_ns, count_max):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        step = next(seconds for seconds, name in NAMES.items() if name == timeframe) * SECOND
        return [bar(NOW - step), bar(NOW)]

    series = [(row, timeframe) for row in range(300) for timeframe in range(len(TIMEFRAMES_S))]
    found, failed = await hydrate(series, NOW, fetch, count_max=10, at_once_max=FeedSettings().requests_at_once_max)
    assert most == FeedSettings().requests_at_once_max == 4
    assert failed == {}
    assert len(found) == 300 * len(TIMEFRAMES_S)
    assert all(
        [each.open_ns for each in candles] == [NOW - TIMEFRAMES_S[tf] * SECOND] for (_, tf), candles in found.items()
    )


async def test_one_failed_request_fails_alone():
    """The other series are loaded, and it says why; what is no error of the exchange's ends everything."""
    down = SourceUnreachableError("down")

    async def fetch(row, timeframe, start_ns, count_max):
        if (row, timeframe) == (1, "4h"):
            raise down
        return [bar(NOW - 14_400 * SECOND)]

    found, failed = await hydrate([(0, 4), (1, 4)], NOW, fetch, count_max=10, at_once_max=3)
    assert list(found) == [(0, 4)]
    assert failed == {(1, 4): down}

    async def broken(row, timeframe, start_ns, count_max):
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await hydrate([(0, 4)], NOW, broken, count_max=10, at_once_max=3)


async def test_a_higher_timeframe_is_fetched_when_it_closes_and_not_before():
    """The minute 00:04 closes 5m alone; the minute 23:59 closes them all; the question starts at the newest kept."""
    refresher, asked, kept = Refresher(), [], []
    refresher.kept(0, 1, NOW - 300 * SECOND)

    async def fetch(row, timeframe, start_ns, count_max):
        asked.append((timeframe, start_ns))
        return [bar(NOW)]

    refresher.minute(0, NOW + 180 * SECOND)
    assert not refresher.has_work(0)
    refresher.minute(0, NOW + 240 * SECOND)
    await refresher.refresh(fetch, lambda row, timeframe, candle: kept.append((row, timeframe, candle.open_ns)), 0)
    assert asked == [("5m", NOW - 300 * SECOND)]
    assert kept == [(0, 1, NOW)]
    assert not refresher.has_work(0)
    refresher.minute(0, NOW - 60 * SECOND)
    await refresher.refresh(fetch, lambda row, timeframe, candle: None, 0)
    assert [timeframe for timeframe, _ in asked[1:]] == ["5m", "15m", "1h", "4h", "1d"]


async def test_what_is_kept_is_not_written_again():
    """The question begins with the newest one; what is there of it keeps its record, which says since when."""
    refresher, kept = Refresher(), []
    refresher.kept(0, 1, NOW - 300 * SECOND)

    async def fetch(row, timeframe, start_ns, count_max):
        return [bar(NOW - 300 * SECOND), bar(NOW)]

    refresher.minute(0, NOW + 240 * SECOND)
    await refresher.refresh(fetch, lambda row, timeframe, candle: kept.append(candle.open_ns), 0)
    assert kept == [NOW]


async def test_what_nobody_waits_for_is_fetched_whole_afterwards():
    """A series that is wanted is asked for from wherever the exchange begins; later it is only continued."""
    refresher, asked = Refresher(), []

    async def fetch(row, timeframe, start_ns, count_max):
        asked.append((timeframe, start_ns, count_max))
        return [bar(NOW - 600 * SECOND), bar(NOW - 300 * SECOND), bar(NOW)]

    refresher.want(0, 1, NOW)
    await refresher.refresh(fetch, lambda *_: None, 0)
    refresher.minute(0, NOW + 240 * SECOND)
    await refresher.refresh(fetch, lambda *_: None, 0)
    assert asked == [("5m", None, 1000), ("5m", NOW - 300 * SECOND, 1000)]


async def test_what_could_not_be_fetched_is_due_again_after_a_rest():
    """The instrument's other timeframes rest with it; each failure makes the rest longer, an answer ends it."""
    refresher, asked = Refresher(), []

    async def broken(row, timeframe, start_ns, count_max):
        asked.append(timeframe)
        raise SourceUnreachableError("down")

    async def mended(row, timeframe, start_ns, count_max):
        asked.append(timeframe)
        return []

    refresher.minute(0, NOW - 60 * SECOND)
    assert refresher.has_work(0)
    now_ns = 0
    for rest_ns in (250_000_000, 500_000_000, 1_000_000_000):
        (error,) = await refresher.refresh(broken, lambda *_: None, now_ns)
        assert str(error) == "down"
        assert not refresher.has_work(now_ns + rest_ns - 1)
        assert await refresher.refresh(broken, lambda *_: None, now_ns + rest_ns - 1) == []
        now_ns += rest_ns
        assert refresher.has_work(now_ns)
    assert asked == ["5m"] * 3
    assert await refresher.refresh(mended, lambda *_: None, now_ns) == []
    assert asked[3:] == ["5m", "15m", "1h", "4h", "1d"]
    assert not refresher.has_work(now_ns)


async def test_a_rest_is_a_minute_at_most():
    """However often it failed."""
    refresher = Refresher()

    async def broken(row, timeframe, start_ns, count_max):
        raise SourceUnreachableError("down")

    refresher.want(0, 1, NOW)
    for turn in range(40):
        await refresher.refresh(broken, lambda *_: None, turn * REST_NS_MAX)
    assert refresher.has_work(40 * REST_NS_MAX)
    assert not refresher.has_work(40 * REST_NS_MAX - 1)


async def test_one_that_never_answers_holds_up_nobody():
    """Of three instruments the first always fails: the others are fetched in the same turn, and first in the next."""
    refresher, asked = Refresher(), []

    async def fetch(row, timeframe, start_ns, count_max):
        asked.append(row)
        if row == 0:
            raise SourceUnreachableError("down")
        return []

    for row in range(3):
        refresher.want(row, 1, NOW)
    assert len(await refresher.refresh(fetch, lambda *_: None, 0)) == 1
    for row in range(3):
        refresher.want(row, 1, NOW)
    await refresher.refresh(fetch, lambda *_: None, SECOND)
    assert asked == [0, 1, 2, 1, 2, 0]
