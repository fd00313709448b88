"""A start loads what answers, waits a little for what does not, and names it."""

import pytest

from feed.hydration import ROUNDS, load
from feed.settings import FeedSettings
from feed.source import SourceRefusedError, SourceUnreachableError
from tests.feed.test_backfill import NOW, SECOND, bar

SETTINGS = FeedSettings(hydration_wait_ms=1_000)
SERIES = [(0, 0), (1, 0), (2, 0)]


class Rest:
    """An exchange: what it does for a row at each question, the last for ever; a clock that each question moves."""

    def __init__(self, **rows):
        self.rows = {int(name[1:]): list(answers) for name, answers in rows.items()}
        self.asked, self.ns = [], 0

    async def __call__(self, row, timeframe, start_ns, count_max):
        """Answer, or fail."""
        self.asked.append(row)
        self.ns += 100_000_000
        answers = self.rows.get(row, [1])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [bar(NOW - 60 * SECOND * (one + 1)) for one in reversed(range(answer))]

    def monotonic_ns(self):
        """Its time."""
        return self.ns


async def loaded(rest, settings=SETTINGS):
    """What a start has of three instruments."""
    return await load(SERIES, NOW, rest, settings, rest.monotonic_ns)


async def test_everything_that_answers_is_asked_once():
    """Three questions, three histories, nobody is silent."""
    rest = Rest(r0=[2], r1=[3])
    found = await loaded(rest)
    assert sorted(rest.asked) == [0, 1, 2]
    assert {row: len(candles) for (row, _), candles in found.candles.items()} == {0: 2, 1: 3, 2: 1}
    assert (found.failed, found.silent()) == ({}, {})


async def test_who_failed_by_the_network_is_asked_again_and_nobody_else():
    """Twice down, then there: the two others are not asked again."""
    down = SourceUnreachableError("down")
    rest = Rest(r1=[down, down, 5])
    found = await loaded(rest)
    assert rest.asked.count(1) == 3
    assert len(rest.asked) == 5
    assert len(found.candles[1, 0]) == 5
    assert found.silent() == {}


async def test_who_never_answers_is_named_and_the_others_are_loaded():
    """After the rounds there are, or once the settings' patience is over."""
    rest = Rest(r1=[SourceUnreachableError("RequestTimeout: klines")])
    found = await loaded(rest)
    assert rest.asked.count(1) == ROUNDS
    assert sorted(found.candles) == [(0, 0), (2, 0)]
    assert found.silent() == {1: "RequestTimeout: klines"}
    rest = Rest(r1=[SourceUnreachableError("down")])
    await loaded(rest, FeedSettings(hydration_wait_ms=150))
    assert rest.asked.count(1) == 3, "one round, and as many as fit into 150 ms"


async def test_who_is_refused_or_has_nothing_is_not_asked_again():
    """The same question gets the same answer; a listing without a candle is silent too."""
    rest = Rest(r0=[0], r1=[SourceRefusedError("BadSymbol: no")])
    found = await loaded(rest)
    assert sorted(rest.asked) == [0, 1, 2]
    assert found.silent() == {0: "no closed candle", 1: "BadSymbol: no"}


async def test_an_exchange_that_answers_nothing_is_an_error():
    """Not three hundred silent symbols: it is told as what it is, after every round."""
    rest = Rest(**{f"r{row}": [SourceUnreachableError("down")] for row in range(3)})
    with pytest.raises(SourceUnreachableError):
        await loaded(rest)
    assert len(rest.asked) == 3 * ROUNDS


async def test_a_longer_timeframe_that_is_missing_silences_nobody():
    """The minutes are what the first decision waits for; the rest is asked for afterwards."""
    rest = Rest()

    async def fetch(row, timeframe, start_ns, count_max):
        if timeframe == "1h":
            raise SourceRefusedError("no hours")
        return await rest(row, timeframe, start_ns, count_max)

    found = await load([(0, 0), (0, 3)], NOW, fetch, SETTINGS, rest.monotonic_ns)
    assert list(found.failed) == [(0, 3)]
    assert found.silent() == {}
