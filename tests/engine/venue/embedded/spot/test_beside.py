"""Candles of a spot that a file brought: closed, at their time, in their own ticks; what the file lacks is not told."""

from dataclasses import replace

import numpy as np
import pytest

from engine.venue.embedded.candles import RecordedMarket, Recording, Rejected
from engine.venue.embedded.events import CandleUpdate
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.spot import beside, quotations
from engine.venue.embedded.spot.exchange import SpotExchange

START_NS = 1_763_683_200 * 10**9
MINUTES, PLAYED, LACKS = 120, 100, 103
BTC = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])
FINE = replace(BTC, tick_e8=1_000_000)  # a cent


def minutes(level):
    """Two hours at ``level`` ticks, of which the last twenty minutes are played."""
    rows = np.zeros(MINUTES, CANDLE)
    rows["open_ns"] = START_NS + MINUTE_NS * (np.arange(MINUTES) - PLAYED)
    for name in ("open", "high", "low", "close"):
        rows[name] = level + np.arange(MINUTES)
    rows["volume_e8"], rows["quote_e4"], rows["trades"] = 10**8, 10**4, 3
    return rows


@pytest.fixture
def spot():
    """A floor whose spot of BTC has candles of its own, without minute ``LACKS``; played for ten minutes."""
    own = minutes(8_000_000)
    market = RecordedMarket(
        [Recording(BTC, minutes(900_000), Rejected())],
        spots=[Recording(FINE, own[np.arange(MINUTES) != LACKS], Rejected())],
        start_ns=START_NS,
    )
    found = SpotExchange(Exchange(market, Settings(points_per_candle=1)))
    for _ in range(10):
        found.market.advance()
    return found


def opens(rows):
    """Minute numbers of candles as they are written."""
    return [(row[0] * 1_000_000 - START_NS) // MINUTE_NS + PLAYED for row in rows]


def asked(spot, **given):
    """What REST answers."""
    texts = {"symbol": "BTCUSDT", "interval": "1m"} | {name: str(value) for name, value in given.items()}
    return quotations.klines(spot, Parameters(texts, spot.market))


def test_rest_has_what_is_over_and_nothing_later(spot):
    """The newest ones end with the minute that has just closed; the one that the file lacks is not made up."""
    assert opens(asked(spot, limit=9)) == [100, 101, 102, *range(104, 110)]
    assert opens(asked(spot, startTime=START_NS // 10**6, limit=4)) == [100, 101, 102, 104]
    assert opens(asked(spot, startTime=START_NS // 10**6, endTime=START_NS // 10**6 + 60_000)) == [100, 101]
    assert asked(spot, limit=1)[0][4] == "80001.09000000"


def test_longer_candles_are_made_of_them(spot):
    """A quarter of an hour of the past, from its first open to its last close."""
    row = asked(spot, interval="15m", startTime=(START_NS - 40 * MINUTE_NS) // 10**6, limit=1)[0]
    first = opens([row])[0]
    assert [row[1], row[4]] == [f"{80_000 + number / 100:.8f}" for number in (first, first + 14)]


def test_the_last_price_is_its_own(spot):
    """Not the contract's."""
    assert quotations.last_price(spot, spot.by_id["BTCUSDT"]) == {"symbol": "BTCUSDT", "price": "80001.09000000"}


def test_a_listener_hears_it_when_the_contracts_minute_closes(spot):
    """Nothing of a minute that is still made, nothing of one that the file lacks."""
    update = CandleUpdate("BTCUSDT", spot.market.now_ns, spot.market.forming("BTCUSDT", "1m"), True)
    told = beside.told(spot, update)
    assert told is not None
    assert (told[0].symbol, told[1].candle.close) == ("BTC/USDT", 8_000_109)
    assert beside.told(spot, update._replace(closed=False)) is None
    lacking = update.candle._replace(open_ns=START_NS + 3 * MINUTE_NS)
    assert beside.told(spot, update._replace(candle=lacking)) is None
    late = update.candle._replace(open_ns=START_NS + MINUTES * MINUTE_NS)
    assert beside.told(spot, update._replace(candle=late)) is None


def test_without_a_file_both_floors_have_one_price():
    """The contract's candles are the spot's, as they always were."""
    market = RecordedMarket([Recording(BTC, minutes(900_000), Rejected())], start_ns=START_NS)
    spot = SpotExchange(Exchange(market, Settings(points_per_candle=1)))
    spot.market.advance()
    assert spot.beside == {}
    assert asked(spot, limit=1)[0][4] == "90010.00000000"
    update = CandleUpdate("BTCUSDT", spot.market.now_ns, spot.market.forming("BTCUSDT", "1m"), False)
    assert beside.told(spot, update) == (spot.by_id["BTCUSDT"], update)
