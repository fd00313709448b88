"""Kraken Futures' market data: frames, the list that candles are read from, and the source over real sockets."""

import asyncio

import orjson
import pytest
from aiohttp import web

from feed.candle import MalformedFrameError
from feed.dialect import SourceRefusedError, SourceUnreachableError, Stream, Where
from feed.kraken import Kraken
from feed.settings import FeedSettings
from feed.source import Source, client_class
from orchestrator import dialling
from shm.numbering import time_ms
from tests.engine.venue.kraken_door import Door, now_ms
from tests.engine.venue.kraken_floor import Floor
from tests.feed.test_source import Ear

AT = 1_795_000_020_000  # a full minute
MINUTE = 60_000
NS = 1_000_000
BTC, ETH = "BTC/USD:USD", "ETH/USD:USD"
TICKER = {"feed": "ticker", "product_id": "PF_XBTUSD", "time": AT, "bid": 10.0, "bid_size": 1.0, "ask": 11.0}
TICKER |= {"ask_size": 2.0, "markPrice": 10.7, "last": 10.5, "suspended": False, "tag": "perpetual"}
TRADE = {"feed": "trade", "product_id": "PF_XBTUSD", "uid": "05af78ac", "side": "sell", "type": "fill", "seq": 6}
TRADE |= {"time": AT, "qty": 0.5, "price": 10.5}


def listening():
    """A source that never dials, its ear, and what a frame goes to."""
    ear = Ear()
    source = Source([], ear, FeedSettings(), lambda: None, Where("krakenfutures"))
    source._rows = {"PF_XBTUSD": 0}
    client = client_class(source._listen, lambda why: ear.defect(None, why), "krakenfutures")
    return source, ear, lambda frame: client.read(object.__new__(client), None, orjson.dumps(frame))


def test_each_kind_of_frame_is_read():
    """Trades with their takers; a ticker is a quote and a mark price; what was before the subscription is left out."""
    _, ear, read = listening()
    read(TRADE)
    read(TRADE | {"side": "buy", "uid": "another"})
    read({"feed": "trade_snapshot", "product_id": "PF_XBTUSD", "trades": [TRADE]})
    read({"feed": "heartbeat", "time": AT})
    read(TICKER)
    read(TICKER | {"bid": 0.0})
    assert not ear.defects
    assert [told[2:] for told in ear.told[:2]] == [(-1, 10.5, 0.5), (1, 10.5, 0.5)]
    assert len({told[1] for told in ear.told[:2]}) == 2
    assert time_ms(ear.told[0][1]) == AT
    assert ear.told[2:] == [(0, 10.7), (0, 10.0, 1.0, 11.0, 2.0), (0, 10.7)]


@pytest.mark.parametrize(
    "frame",
    [
        TICKER | {"markPrice": "NaN"},
        TICKER | {"markPrice": 0},
        TICKER | {"ask": 9.0},
        TICKER | {"bid_size": -1},
        TICKER | {"time": -1},
        TICKER | {"product_id": "PF_DOGEUSD"},
        TRADE | {"price": 0},
        TRADE | {"side": "both"},
        TRADE | {"uid": None},
        TRADE | {"time": 5},
        {"feed": "heartbeat"},
        {"feed": "trade_snapshot", "product_id": "PF_DOGEUSD"},
    ],
)
def test_a_frame_that_lies_is_a_defect_and_nothing_else(frame):
    """NaN, other symbols, crossed books, no time."""
    _, ear, read = listening()
    read(frame)
    assert ear.told == []
    assert [row for row, _ in ear.defects] == [None]


def test_a_bar_tells_no_takers_and_no_turnover():
    """Neither bought nor sold; its turnover is at the middle of its prices; a row without a field is none."""
    row = {"time": AT, "open": "10", "high": "14", "low": "8", "close": "12", "volume": 4}
    candle = Kraken(Ear()).candle(row)
    assert (candle.open_ns, candle.open, candle.close, candle.volume) == (AT * NS, 10.0, 12.0, 4.0)
    assert (candle.quote_volume, 2 * candle.taker_volume - candle.volume) == (44.0, 0.0)
    for broken in ({"time": AT}, [AT, 1, 1, 1, 1, 1], row | {"low": "NaN"}):
        with pytest.raises(MalformedFrameError):
            Kraken(Ear()).candle(broken)


def test_a_ticker_counts_as_two_streams():
    """Quotes and mark prices are one subscription; what is refused or about something else is none."""
    spoken = Kraken(Ear())
    assert spoken.is_subscription({"event": "subscribed", "feed": "ticker", "product_ids": ["PF_XBTUSD"]}) == 2
    assert spoken.is_subscription({"event": "subscribed", "feed": "heartbeat"}) == 1
    assert not spoken.is_subscription({"event": "alert", "message": "no"})


class Market:
    """A Kraken of our own whose market's time the test moves, and a source that has dialled it."""

    def __init__(self):
        """Five minutes have passed."""
        self.at_ms = AT + 5 * MINUTE
        self.door, self.ear = Door(Floor(lambda: self.at_ms)), Ear()
        for number in range(5):
            self.bar("PF_XBTUSD", number)

    async def open(self):
        """Dial."""
        await self.door.open()
        endpoint = self.door.endpoint()
        dial = lambda: dialling.session(endpoint)  # noqa: E731 - what a session is
        self.source = Source([BTC, ETH], self.ear, FeedSettings(), dial, Where("krakenfutures"))
        await self.source.open()

    async def close(self):
        """Hang up."""
        await self.source.close()
        await self.door.close()

    def bar(self, symbol, number, close=0):
        """The list has the minute of that number."""
        rows = self.door.candles[symbol]
        rows[:] = [row for row in rows if row[0] != AT + number * MINUTE]
        self.door.close_minute(symbol, (AT + number * MINUTE, 10 + number, 20, 5, close or 11 + number, 3, 30))

    def beat(self, number, more_ms):
        """The exchange's time is so much after the end of that minute."""
        self.at_ms = AT + (number + 1) * MINUTE + more_ms
        self.door.publish("heartbeat", "", body={"time": self.at_ms})

    @property
    def charts(self):
        """How often any bar was asked for."""
        return self.door.charts_count

    async def told(self, count):
        """The first so many candles: row, number of its minute, close."""
        async with asyncio.timeout(20):
            while len(self.ear.told) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return [(row, (one.open_ns // NS - AT) // MINUTE, one.close) for row, one, *_ in self.ear.told]


@pytest.fixture
async def market():
    """One for each test."""
    made = Market()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def candles(market):
    """The stream of candles, subscribed."""
    task = asyncio.create_task(market.source.listen(Stream.CANDLES))
    async with asyncio.timeout(20):
        while not market.source.subscriptions_count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    yield market
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_history_comes_oldest_first_and_from_where_it_is_wanted(market):
    """Without a beginning the newest; from a beginning on as many as were asked for; five minutes in one."""
    assert abs(await market.source.market_ns() - market.at_ms * NS) < NS
    market.at_ms += 1_000
    assert await market.source.market_ns() == market.at_ms * NS
    assert [one.open for one in await market.source.candles(0, "1m", None, 3)] == [12.0, 13.0, 14.0]
    assert [one.open for one in await market.source.candles(0, "1m", (AT + MINUTE) * NS, 2)] == [11.0, 12.0]
    assert await market.source.candles(1, "1m", None, 3) == []


async def test_a_bar_is_whole_when_one_follows_or_the_clock_is_past_it(market):
    """The last one is left out until a second after its end; then it is there."""
    assert [one.open for one in await market.source.candles(0, "1m", AT * NS, 10)] == [10.0, 11.0, 12.0, 13.0]
    market.at_ms += 999
    await market.source.market_ns()
    assert len(await market.source.candles(0, "1m", AT * NS, 10)) == 4
    market.at_ms += 1
    await market.source.market_ns()
    assert len(await market.source.candles(0, "1m", AT * NS, 10)) == 5


async def test_a_bar_that_a_later_one_follows_is_over_at_once(market):
    """The clock is not past its settling yet; the later one is left out."""
    market.bar("PF_XBTUSD", 5)
    market.at_ms += 300
    assert [one.open for one in await market.source.candles(0, "1m", (AT + 3 * MINUTE) * NS, 10)] == [13.0, 14.0]


async def test_a_minute_is_asked_for_when_the_exchanges_clock_is_past_it(candles):
    """Not before it has settled; each minute of each symbol once, closed, at a time after its end."""
    candles.bar("PF_XBTUSD", 5)
    candles.bar("PF_ETHUSD", 5)
    candles.beat(4, 30_000)
    candles.beat(5, 900)
    await asyncio.sleep(0.1)
    assert candles.ear.told == []
    candles.beat(5, 1_000)
    assert sorted(await candles.told(2)) == [(0, 5, 16.0), (1, 5, 16.0)]
    assert all(closed and at >= one.open_ns + MINUTE * NS for _, one, closed, at in candles.ear.told)
    candles.bar("PF_XBTUSD", 6)
    candles.bar("PF_ETHUSD", 6)
    candles.beat(6, 1_500)
    assert sorted((await candles.told(4))[2:]) == [(0, 6, 17.0), (1, 6, 17.0)]


async def test_a_bar_that_is_not_listed_yet_is_asked_for_again(candles):
    """Half a second of the exchange's time later; the symbol that has its own is not asked again."""
    candles.bar("PF_XBTUSD", 5)
    candles.beat(4, 30_000)
    candles.beat(5, 1_000)
    await candles.told(1)
    candles.bar("PF_ETHUSD", 5)
    candles.beat(5, 1_400)
    await asyncio.sleep(0.1)
    assert len(candles.ear.told) == 1
    candles.beat(5, 1_500)
    assert (await candles.told(2))[1:] == [(1, 5, 16.0)]


async def test_a_symbol_whose_bar_never_comes_holds_up_no_other(candles):
    """It is asked for again for ten seconds, then with the next minute."""
    candles.beat(4, 30_000)
    for number in (5, 6):
        candles.bar("PF_XBTUSD", number)
        candles.beat(number, 1_000)
        assert (await candles.told(number - 4))[-1] == (0, number, 11.0 + number)
    asked = candles.charts
    for more_ms in (2_000, 11_001, 12_000, 30_000):
        candles.beat(6, more_ms)
        await asyncio.sleep(0.05)
    assert candles.charts == asked + 1
    candles.bar("PF_XBTUSD", 7)
    candles.bar("PF_ETHUSD", 7)
    candles.beat(7, 1_000)
    assert sorted((await candles.told(4))[2:]) == [(0, 7, 18.0), (1, 7, 18.0)]


async def test_a_bar_that_changed_after_it_was_told_is_told_again(candles):
    """The list may revise itself: that is a correction, and no silence."""
    for symbol in ("PF_XBTUSD", "PF_ETHUSD"):
        candles.bar(symbol, 5)
    candles.beat(4, 30_000)
    candles.beat(5, 1_000)
    await candles.told(2)
    candles.bar("PF_ETHUSD", 5, close=17)
    for symbol in ("PF_XBTUSD", "PF_ETHUSD"):
        candles.bar(symbol, 6)
    candles.beat(6, 1_000)
    assert sorted((await candles.told(5))[2:]) == [(0, 6, 17.0), (1, 5, 17.0), (1, 6, 17.0)]


async def test_a_list_that_cannot_be_had_is_a_defect_and_asked_for_again(candles):
    """The stream goes on."""
    candles.bar("PF_XBTUSD", 5)
    candles.bar("PF_ETHUSD", 5)
    candles.door.fates["trade/PF_XBTUSD/1m"].append(web.Response(status=502, text="<html>"))
    candles.beat(4, 30_000)
    candles.beat(5, 1_000)
    assert await candles.told(1) == [(1, 5, 16.0)]
    async with asyncio.timeout(20):
        while not candles.ear.defects:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    candles.beat(5, 1_600)
    assert (await candles.told(2))[1:] == [(0, 5, 16.0)]


async def test_streams_are_heard_over_sockets_and_dialled_again(market):
    """A trade, a quote and a mark price, a candle by the clock; after a break all of them again."""
    tasks = [asyncio.create_task(market.source.listen(stream)) for stream in Stream]
    try:
        for number in (5, 6):
            async with asyncio.timeout(20):
                while sum(map(len, market.door.sockets.values())) < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            market.bar("PF_XBTUSD", number)
            market.bar("PF_ETHUSD", number)
            market.beat(number - 1, 30_000)
            market.ear.told.clear()
            for frame in (TRADE, TICKER):
                market.door.publish(frame["feed"], frame["product_id"], body=frame)
            market.beat(number, 1_100)
            async with asyncio.timeout(20):
                while len([told for told in market.ear.told if len(told) == 4]) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert sorted(len(told) for told in market.ear.told) == [2, 4, 4, 5, 5]
            await market.source.drop(Stream.TRADES)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_symbol_that_is_not_listed_is_refused_by_name(market):
    """Before anything is subscribed."""
    endpoint = market.door.endpoint()
    where = Where("krakenfutures")
    source = Source(["XRP/USD:USD"], market.ear, FeedSettings(), lambda: dialling.session(endpoint), where)
    try:
        with pytest.raises(SourceRefusedError, match="unknown symbol XRP"):
            await source.open()
    finally:
        await source.close()


async def test_a_list_that_is_no_list_is_refused(market):
    """An answer of another shape is nobody's candles; a server's trouble is worth another try."""
    market.door.fates["trade/PF_XBTUSD/1m"].extend(
        [web.json_response({"candles": [{"close": 1}]}), web.Response(status=503, text="busy")]
    )
    await market.source.market_ns()
    with pytest.raises(SourceRefusedError):
        await market.source.candles(0, "1m", None, 3)
    with pytest.raises(SourceUnreachableError):
        await market.source.candles(0, "1m", None, 3)


async def test_practice_is_another_host():
    """Charts, prices and streams by the demo's name alone."""
    door, ear = Door(Floor(now_ms)), Ear()
    await door.open()
    endpoint = door.endpoint(is_demo=True)
    where = Where("krakenfutures", is_demo=True)
    source = Source([BTC], ear, FeedSettings(), lambda: dialling.session(endpoint), where)
    try:
        await source.open()
        assert abs(await source.market_ns() - now_ms() * NS) < 5 * 10**9
        assert await source.candles(0, "1m", None, 3) == []
    finally:
        await source.close()
        await door.close()
