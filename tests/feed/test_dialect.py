"""Every exchange that the feed speaks with says everything that is asked of it."""

import pytest

from feed.backfill import NAMES
from feed.bybit import INTERVALS
from feed.dialect import Dialect, Stream
from feed.source import DIALECTS
from tests.feed.test_source import Ear


@pytest.mark.parametrize("exchange", DIALECTS)
def test_a_dialect_is_whole(exchange):
    """Nothing is left abstract, and each stream has a name by which it can be cut."""
    assert not DIALECTS[exchange].__abstractmethods__
    assert issubclass(DIALECTS[exchange], Dialect)
    assert set(DIALECTS[exchange].prefixes) == set(Stream)


@pytest.mark.parametrize("exchange", DIALECTS)
@pytest.mark.parametrize("message", [None, 5, [], {}, {"e": 7}, {"topic": 7}, {"stream": "x"}, {"op": "pong"}])
def test_what_is_no_market_data_is_left_to_ccxt(exchange, message):
    """Neither read nor taken for a subscription."""
    spoken = DIALECTS[exchange](Ear())
    assert spoken.decoder(message) is None
    assert not spoken.is_subscription(message)


def test_every_timeframe_has_a_name_at_bybit():
    """History is asked for in all that the tables keep."""
    assert {name: seconds for name, (_, seconds) in INTERVALS.items()} == {name: s for s, name in NAMES.items()}
