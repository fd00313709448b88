"""One instrument's way to the ring, with a scripted exchange: nothing wrong passes, nothing is lost in silence."""

import asyncio
import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed import track as tracks
from feed.candle import Candle
from feed.continuity import Verdict
from feed.dialect import SourceUnreachableError
from feed.horizon import Horizon
from feed.outlet import MINUTE_NS
from feed.settings import FeedSettings
from feed.track import COUNTED, Surroundings, Track
from shm.clock import ManualClock
from shm.counters import Counter
from shm.records import Provenance


def minute(number, close=100.0, **changes):
    """The candle of minute ``number``."""
    return Candle(number * MINUTE_NS, close, close, close, close, 1.0, trades=1)._replace(**changes)


@pytest.fixture(autouse=True, scope="module")
def impatience():
    """REST is asked again at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracks, "ASK_AGAIN_S", 0.0)
        yield


class Stage:
    """An outlet, counters and an exchange that remember; ``has`` are the candles that REST knows."""

    def __init__(self, has=(), failures=0, **chosen):
        self.records, self.counts, self.reports, self.asked = [], {}, [], 0
        self.has = {each.open_ns: each for each in has}
        self.failures = failures
        self.clock, self.horizon = ManualClock(), Horizon()
        self.sequence = 0
        around = Surroundings(
            outlet=self,
            counters=SimpleNamespace(add=self.add),
            horizon=self.horizon,
            clock=self.clock,
            settings=FeedSettings(**{"missing_after_ms": 1} | chosen),
            fetch=self.fetch,
            report=lambda row, what, open_ns: self.reports.append(what),
        )
        self.track = Track(0, around)

    def add(self, counter, count=1):
        """Count."""
        self.counts[counter] = self.counts.get(counter, 0) + count

    def publish(self, row, candle, provenance, *, missing=0, revises=-1, received_ns=0):
        """Keep a record."""
        self.records.append((candle.open_ns // MINUTE_NS, provenance, missing, revises))
        self.sequence += 1
        return self.sequence - 1

    def publish_missing(self, row, open_ns, *, missing=0):
        """Keep a hole."""
        return self.publish(row, minute(open_ns // MINUTE_NS, math.nan), Provenance.MISSING, missing=missing)

    async def fetch(self, row, start_ns, count):
        """What REST knows from ``start_ns`` on."""
        self.asked += 1
        self.clock.advance(1_000_000)
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise SourceUnreachableError("down")
        return [self.has[open_ns] for open_ns in sorted(self.has) if open_ns >= start_ns]

    def offer(self, candle):
        """The stream brings ``candle`` at its end."""
        event_ns = candle.open_ns + MINUTE_NS
        self.horizon.advance(event_ns)
        self.track.offer(candle, event_ns, 1)

    async def settle(self):
        """Wait for the repair, if there is one."""
        if self.track._repair is not None:
            await self.track._repair
        assert self.track.failure() is None

    def told(self):
        """Minute and provenance of every record."""
        return [(number, provenance) for number, provenance, *_ in self.records]


LIVE, B, M = Provenance.OBSERVED, Provenance.BACKFILLED, Provenance.MISSING
Q, C = Provenance.QUIET, Provenance.CORRECTED


def test_every_refusal_has_a_counter():
    """All verdicts but NEXT are counted under their own name."""
    assert set(COUNTED) == set(Verdict) - {Verdict.NEXT}
    assert len(set(COUNTED.values())) == len(COUNTED)


async def test_a_gap_is_filled_before_what_follows():
    """Minutes 3 and 4 come by REST, in their place, while 5 and 6 wait."""
    stage = Stage([minute(3), minute(4), minute(5)])
    for number in (1, 2, 5, 6):
        stage.offer(minute(number))
    await stage.settle()
    assert stage.told() == [(1, LIVE), (2, LIVE), (3, B), (4, B), (5, LIVE), (6, LIVE)]
    assert stage.counts[Counter.CANDLE_GAPS_FOUND] == 1


async def test_what_exists_nowhere_is_itemised():
    """REST answers twice without 3 and 4: two MISSING records, and 5 says two are absent before it."""
    stage = Stage([minute(5)])
    for number in (1, 2, 5):
        stage.offer(minute(number))
    await stage.settle()
    assert stage.records[2:] == [(3, M, 0, -1), (4, M, 1, -1), (5, LIVE, 2, -1)]
    assert stage.counts[Counter.CANDLES_MISSING] == 2


async def test_an_unreachable_exchange_ends_in_missing_at_the_deadline():
    """When REST cannot be asked until the deadline the hole is named and the series goes on."""
    stage = Stage(failures=10**6)
    for number in (1, 3):
        stage.offer(minute(number))
    await stage.settle()
    assert stage.told() == [(1, LIVE), (2, M), (3, LIVE)]
    assert stage.counts[Counter.REQUESTS_FAILED] >= 1


async def test_an_absurd_candle_waits_for_rest():
    """A price ten times too high is refused; REST says 101, and that is published."""
    stage = Stage([minute(2, 101.0)])
    stage.offer(minute(1))
    stage.offer(minute(2, 1000.0))
    await stage.settle()
    stage.offer(minute(3, 102.0))
    assert stage.told() == [(1, LIVE), (2, B), (3, LIVE)]
    assert stage.track.series.close_last == 102.0
    assert stage.counts[Counter.CANDLES_ABSURD] == 1


async def test_an_absurd_candle_that_rest_confirms_is_accepted():
    """A real collapse: REST says the same, and the band follows."""
    stage = Stage([minute(2, 30.0)])
    stage.offer(minute(1))
    stage.offer(minute(2, 30.0))
    await stage.settle()
    stage.offer(minute(3, 29.0))
    assert stage.told() == [(1, LIVE), (2, B), (3, LIVE)]


async def test_a_malformed_candle_is_asked_for_at_once():
    """NaN is refused, counted, and replaced by what REST has."""
    stage = Stage([minute(2)])
    stage.offer(minute(1))
    stage.offer(minute(2, high=math.nan))
    await stage.settle()
    assert stage.told() == [(1, LIVE), (2, B)]
    assert stage.counts[Counter.CANDLES_MALFORMED] == 1


async def test_a_correction_is_a_record_of_its_own():
    """Another version of minute 1 revises record 0 and repeats nothing else; a third revises the second."""
    stage = Stage()
    for candle in (minute(1), minute(2), minute(1, 100.5), minute(1, 100.6), minute(1, 100.6)):
        stage.offer(candle)
    assert stage.records[2:] == [(1, C, 0, 0), (1, C, 0, 2)]
    assert stage.counts[Counter.CANDLES_DUPLICATE] == 1


async def test_a_quiet_minute_says_so():
    """A candle without a trade is QUIET, whichever way it came."""
    stage = Stage()
    stage.offer(minute(1))
    stage.offer(minute(2, volume=0.0, trades=0))
    assert stage.told() == [(1, LIVE), (2, Q)]


async def test_a_candle_that_others_prove_overdue_is_asked_for():
    """Other streams are a minute further; after half a second of the machine's time REST is asked, not before."""
    stage = Stage([minute(2)])
    stage.offer(minute(1))
    stage.horizon.advance(3 * MINUTE_NS)
    stage.track.check_lateness(0.0)
    stage.clock.advance(499_000_000)
    stage.track.check_lateness(0.0)
    assert not stage.track.is_repairing
    stage.clock.advance(1_000_000)
    stage.track.check_lateness(0.0)
    await stage.settle()
    assert stage.told() == [(1, LIVE), (2, B)]


@pytest.mark.parametrize(
    ("chosen", "speed", "patience_ms"),
    [
        ({}, 1.0, 2_000),
        ({"late_ms_max": 3_000}, 1.0, 3_000),
        ({"late_ms_max": 3_000}, 2.0, 1_500),
        ({"late_ms_max": 3_000}, 60.0, 500),
        ({"late_machine_ms_max": 20}, 0.0, 20),
    ],
)
async def test_how_late_a_candle_may_be_is_a_setting(chosen, speed, patience_ms):
    """Market time, divided by the market's speed, and never less than so much of the machine's."""
    stage = Stage([minute(2)], **chosen)
    stage.offer(minute(1))
    stage.horizon.advance(3 * MINUTE_NS)
    for part in (0, patience_ms * 1_000_000 - 1, 1):
        assert not stage.track.is_repairing
        stage.clock.advance(part)
        stage.track.check_lateness(speed)
    assert stage.track.is_repairing
    await stage.settle()


@pytest.mark.parametrize("answers", [1, 2, 5])
async def test_how_many_answers_prove_a_hole_is_a_setting(answers):
    """REST lacks minute 2: it is MISSING after ``absent_answers_count`` answers."""
    stage = Stage([minute(3)], absent_answers_count=answers, missing_after_ms=1_000)
    for number in (1, 3):
        stage.offer(minute(number))
    await stage.settle()
    assert (stage.told(), stage.asked) == ([(1, LIVE), (2, M), (3, LIVE)], answers)


async def test_how_many_minutes_of_a_hole_are_named_is_a_setting():
    """Of ten absent minutes the newest three are records."""
    stage = Stage(gap_candles_max=3)
    stage.offer(minute(1))
    stage.horizon.market_ns = 12 * MINUTE_NS
    stage.offer(minute(12))
    await stage.settle()
    assert [number for number, _ in stage.told()] == [1, 9, 10, 11, 12]
    assert stage.records[1][2] == 7


async def test_a_hole_longer_than_the_limit_is_told_by_its_length():
    """5000 absent minutes are 1024 records, and the first of them says how many came before."""
    stage = Stage()
    stage.offer(minute(1))
    stage.horizon.market_ns = 5002 * MINUTE_NS
    stage.offer(minute(5002))
    await stage.settle()
    assert len(stage.records) == 1 + 1024 + 1
    assert stage.records[1][2] == 5000 - 1024
    assert stage.records[-1] == (5002, LIVE, 5000, -1)


deeds = st.lists(
    st.tuples(st.sampled_from(["plain", "nan", "high", "dup", "old", "grid"]), st.integers(0, 3)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(deeds, st.sets(st.integers(1, 160)))
def test_whatever_comes_the_ring_is_unbroken(steps, known):
    """Gapped, doubled, unordered, NaN, absurd: record after record is the next minute, or a named revision."""

    async def play():
        stage, number = Stage([minute(each) for each in known]), 1
        for kind, skip in steps:
            number += skip + 1
            candle = {
                "plain": minute(number),
                "nan": minute(number, close=math.nan),
                "high": minute(number, 10_000.0),
                "dup": minute(max(1, number - 1)),
                "old": minute(max(1, number - 9), 99.0),
                "grid": minute(number, open_ns=number * MINUTE_NS + 7),
            }[kind]
            stage.offer(candle)
            if skip == 3:
                await stage.settle()
        await stage.settle()
        fresh = [number for number, provenance in stage.told() if provenance is not C]
        assert fresh == list(range(fresh[0], fresh[0] + len(fresh))) if fresh else True
        refused = sum(stage.counts.get(counter, 0) for counter in COUNTED.values())
        assert refused == sum(c for verdict, c in stage.track.series.counts.items() if verdict is not Verdict.NEXT)

    asyncio.run(play())
