"""From the rings to a mirroring exchange."""

import asyncio
from typing import Any

import numpy as np
import pytest

from engine.venue.embedded.events import Event
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.mirror import MirrorExchange
from engine.venue.embedded.relay import MirrorPace, Relay, candles_of
from shm.jit import address_of
from shm.records import MARKET, TICK, MarketKind, Provenance, TickKind
from shm.ring import RingReader, RingWriter, ring_size
from tests.engine.venue.embedded.test_mirror import BEGIN_NS, CONTRACTS, mirrored

CAPACITY = 256


class Feed:
    """The two rings as a feed writes them, and what a mirroring exchange makes of them."""

    def __init__(self, contracts: int = 1) -> None:
        self._memory = [np.zeros(ring_size(CAPACITY) // 8, np.int64) for _ in range(2)]
        places = [address_of(memory) for memory in self._memory]
        self._market, self._ticks = RingWriter(places[0], CAPACITY, MARKET), RingWriter(places[1], CAPACITY, TICK)
        self._readers = RingReader(places[0], CAPACITY, MARKET), RingReader(places[1], CAPACITY, TICK)
        self.exchange = mirrored(contracts)

    def relay(self) -> Relay:
        """One that begins now."""
        return Relay(self.exchange, *self._readers, -1)

    def trade(self, second: int, price: float, quantity: float = 1.0) -> None:
        """Somebody bought."""
        self._tick(
            kind=TickKind.TRADE, event_ns=BEGIN_NS + second * 10**9, price=price, quantity=quantity, taker_side=1
        )

    def quote(self, second: int, bid: float, ask: float) -> None:
        """Best bid and ask have changed."""
        self._tick(kind=TickKind.QUOTE, event_ns=BEGIN_NS + second * 10**9, bid=bid, ask=ask)

    def candle(self, minute: int, *prices: float, row: int = 0, provenance: int = Provenance.OBSERVED) -> None:
        """A minute has closed, or is known to be missing."""
        record = np.zeros(1, MARKET)
        record["kind"], record["timeframe_s"], record["provenance"] = MarketKind.CANDLE, 60, provenance
        record["instrument"], record["open_ns"] = row, BEGIN_NS + minute * MINUTE_NS
        for name, price in zip(("open", "high", "low", "close"), prices, strict=False):
            record[name] = price
        record["volume"], record["trades"] = 12.5, 7
        self._market.publish(record)

    def _tick(self, **values: Any) -> None:
        record = np.zeros(1, TICK)
        for name, value in values.items():
            record[name] = value
        self._ticks.publish(record)


def closed(exchange: MirrorExchange) -> list[int]:
    """Close of every candle that it has of its first contract, without the past's."""
    return [int(one["close"]) for one in exchange.klines("BTCUSDT", "1m", BEGIN_NS, None, 99)]


def test_trades_and_quotes_become_prices_and_spreads() -> None:
    """The newest trade is the last price, and bid and ask stand as far apart as the newest quote's."""
    feed = Feed()
    relay = feed.relay()
    feed.trade(1, 100_010.0)
    feed.quote(1, 100_019.8, 100_020.4)
    feed.trade(2, 100_020.0)
    relay.tell()
    assert feed.exchange.last_ticks("BTCUSDT") == 1_000_200
    bid, ask = (levels[0][0] for levels in feed.exchange.depth("BTCUSDT", 1))
    assert ask - bid == 6


def test_a_thousand_trades_are_told_by_four() -> None:
    """The first, the highest, the lowest and the last price, in their order, and the volume of all."""
    feed = Feed()
    relay = feed.relay()
    for number, price in enumerate((100_001.0, 100_050.0, 100_002.0, 99_900.0, 100_003.0, 100_004.0)):
        feed.trade(number, price, 2.0)
    relay.tell()
    (forming,) = feed.exchange.klines("BTCUSDT", "1m", BEGIN_NS, None, 9)
    assert forming[["open", "high", "low", "close"]].item() == (1_000_010, 1_000_500, 999_000, 1_000_040)
    assert (forming["volume_e8"], forming["trades"]) == (12 * 10**8, 4)


def test_trades_at_a_price_that_is_known_are_told_with_the_next_move() -> None:
    """Five coins at 100,000.0, where it stands, are no news; the sixth at another price brings all six."""
    feed = Feed()
    relay = feed.relay()
    for second in range(5):
        feed.trade(second, 100_000.0)
    relay.tell()
    assert not feed.exchange.pit_of(0).is_forming
    feed.trade(6, 100_000.1)
    relay.tell()
    (forming,) = feed.exchange.klines("BTCUSDT", "1m", BEGIN_NS, None, 9)
    assert forming["volume_e8"] == 6 * 10**8


def test_candles_close_minutes_and_missing_ones_pass() -> None:
    """Corrections and candles that are known change nothing; other timeframes are not candles of the market."""
    feed = Feed()
    relay = feed.relay()
    feed.candle(0, 100_000.0, 100_010.0, 99_990.0, 100_005.0)
    feed.candle(0, 100_000.0, 100_010.0, 99_990.0, 100_001.0, provenance=Provenance.CORRECTED)
    feed.candle(1, provenance=Provenance.MISSING)
    feed.candle(2, 100_005.0, 100_010.0, 99_990.0, 100_007.0, provenance=Provenance.BACKFILLED)
    relay.tell()
    assert closed(feed.exchange) == [1_000_050, 1_000_070]
    assert feed.exchange.grid()[0].gaps_ns == (BEGIN_NS + MINUTE_NS,)


def test_a_relay_of_a_second_life_tells_the_candles_that_the_first_missed() -> None:
    """From the oldest record that is there; of the trades only what is new."""
    feed = Feed()
    feed.candle(0, 100_000.0, 100_010.0, 99_990.0, 100_005.0)
    feed.relay().tell()
    feed.trade(61, 90_000.0)
    feed.candle(1, 100_005.0, 100_010.0, 99_990.0, 100_007.0)
    feed.relay().tell()
    assert closed(feed.exchange) == [1_000_050, 1_000_070]
    assert feed.exchange.last_ticks("BTCUSDT") == 1_000_070


def test_candles_keep_every_figure() -> None:
    """Prices in ticks, volumes in 1e-8, quote volumes in 1e-4."""
    record = np.zeros(1, MARKET)
    record["open_ns"], record["trades"] = 60 * 10**9, 9
    for name, value in (("open", 100_000.1), ("high", 100_000.3), ("low", 99_999.9), ("close", 100_000.0)):
        record[name] = value
    record["volume"], record["quote_volume"] = 1.234, 123_400.5
    record["taker_volume"], record["taker_quote_volume"] = 0.5, 50_000.25
    prices = (1_000_001, 1_000_003, 999_999, 1_000_000)
    figures = (123_400_000, 1_234_005_000, 9, 50_000_000, 500_002_500)
    assert candles_of(record, CONTRACTS[0])[0].item() == (60 * 10**9, *prices, *figures)


class Audience:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.told = asyncio.Event()

    def publish(self, events: list[Event]) -> None:
        """Remember."""
        self.events += events
        self.told.set()


@pytest.fixture
def audience() -> Audience:
    """Nobody has been told anything."""
    return Audience()


async def test_the_market_goes_on_until_it_is_drained(audience: Audience) -> None:
    """A candle is told without a request; after the drain a request finds the market as it was."""
    feed = Feed()
    pace = MirrorPace(feed.relay(), audience)  # type: ignore[arg-type]
    driving = asyncio.create_task(pace.drive())
    feed.candle(0, 100_000.0, 100_010.0, 99_990.0, 100_005.0)
    await asyncio.wait_for(audience.told.wait(), 2)
    pace.drain()
    await asyncio.wait_for(driving, 2)
    feed.candle(1, 100_005.0, 100_010.0, 99_990.0, 100_007.0)
    pace.catch_up()
    assert (pace.candles_count, closed(feed.exchange)) == (1, [1_000_050])
    assert pace.step(5) == 0


def test_a_request_is_answered_with_the_newest_price(audience: Audience) -> None:
    """What has come since the last look is told before the answer."""
    feed = Feed()
    pace = MirrorPace(feed.relay(), audience)  # type: ignore[arg-type]
    feed.trade(1, 100_010.0)
    pace.catch_up()
    assert feed.exchange.last_ticks("BTCUSDT") == 1_000_100
    assert audience.events
