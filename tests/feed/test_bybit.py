"""Bybit's market data: frames by recorded form, and the source over real sockets with a Bybit of our own."""

import asyncio
import gzip
import json

import orjson
import pytest

from feed.bybit import Bybit
from feed.candle import Candle
from feed.dialect import Stream, Where
from feed.settings import FeedSettings
from feed.source import Source, SourceRefusedError, client_class
from orchestrator import dialling
from shm.numbering import time_ms
from tests.engine.venue.bybit_door import Door, now_ms
from tests.engine.venue.bybit_floor import Floor
from tests.feed.test_source import Ear
from tests.recordings import DATA

AT = 1_795_000_020_000  # a full minute
NS = 1_000_000
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
RECORDED = DATA / "account_events" / "nautilus" / "rs_bybit"


def kline(**changes):
    """A frame with one candle, closed."""
    row = {"start": AT, "end": AT + 59_999, "interval": "1", "open": "1.5", "close": "1.8", "high": "2", "low": "1"}
    row |= {"volume": "10", "turnover": "15", "confirm": True, "timestamp": AT + 60_000} | changes
    return {"topic": "kline.1.BTCUSDT", "data": [row], "ts": AT + 60_004, "type": "snapshot"}


def book(kind, bids, asks):
    """A frame of the first level."""
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": 1, "seq": 1}
    return {"topic": "orderbook.1.BTCUSDT", "type": kind, "ts": AT, "data": data}


def trades(*rows):
    """A frame of trades: (price, side, name)."""
    data = [{"T": AT, "s": "BTCUSDT", "S": side, "v": "0.5", "p": price, "i": name} for price, side, name in rows]
    return {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": AT, "data": data}


def listening():
    """A source that never dials, its ear, and what a frame goes to."""
    ear = Ear()
    source = Source([], ear, FeedSettings(), lambda: None, Where("bybit"))
    source._rows = {"BTCUSDT": 0}
    client = client_class(source._listen, lambda why: ear.defect(None, why), "bybit")
    return source, ear, lambda frame: client.read(object.__new__(client), None, orjson.dumps(frame))


def test_each_kind_of_frame_is_read():
    """A candle with its flag, trades with their takers, the best of the book, a mark price."""
    _, ear, read = listening()
    read(kline())
    read(trades(("10.5", "Buy", "a"), ("10.4", "Sell", "b")))
    read(book("snapshot", [["10", "1"]], [["11", "2"]]))
    read({"topic": "tickers.BTCUSDT", "type": "delta", "ts": AT, "data": {"symbol": "BTCUSDT", "markPrice": "10.7"}})
    read({"topic": "tickers.BTCUSDT", "type": "delta", "ts": AT, "data": {"symbol": "BTCUSDT", "lastPrice": "10.8"}})
    assert not ear.defects
    candle = Candle(AT * NS, 1.5, 2.0, 1.0, 1.8, 10.0, 15.0, 5.0, 7.5)
    assert ear.told[0] == (0, candle, True, (AT + 60_004) * NS)
    assert [told[2:] for told in ear.told[1:3]] == [(1, 10.5, 0.5), (-1, 10.4, 0.5)]
    assert len({told[1] for told in ear.told[1:3]}) == 2
    assert time_ms(ear.told[1][1]) == AT
    assert ear.told[3:] == [(0, 10.0, 1.0, 11.0, 2.0), (0, 10.7)]


def test_takers_that_are_not_told_neither_buy_nor_sell():
    """Nothing of it would read as everything sold; by stream and by list alike, or each would correct the other."""
    _, ear, read = listening()
    read(kline())
    streamed = ear.told[0][1]
    assert 2 * streamed.taker_volume - streamed.volume == 0.0
    assert Bybit(ear).candle([str(AT), "1.5", "2", "1", "1.8", "10", "15"]) == streamed


def test_a_candle_that_is_not_confirmed_is_not_closed():
    """Only the exchange says when a minute is over."""
    _, ear, read = listening()
    read(kline(confirm=False))
    assert ear.told[0][2] is False


def test_a_frame_may_bring_the_end_of_a_minute_and_the_beginning_of_the_next():
    """Both are read, in order."""
    _, ear, read = listening()
    frame = kline()
    frame["data"].append(frame["data"][0] | {"start": AT + 60_000, "confirm": False})
    read(frame)
    assert [(told[1].open_ns, told[2]) for told in ear.told] == [(AT * NS, True), ((AT + 60_000) * NS, False)]


def test_changes_of_the_book_move_the_best_of_one_side():
    """What is taken away is not quoted; an empty side quotes nothing until it is known again."""
    _, ear, read = listening()
    read(book("snapshot", [["10", "1"]], [["11", "2"]]))
    read(book("delta", [["10.5", "3"], ["10", "0"]], []))
    read(book("delta", [], [["11", "0"]]))
    read(book("delta", [], [["12", "1"]]))
    assert ear.told == [(0, 10.0, 1.0, 11.0, 2.0), (0, 10.5, 3.0, 11.0, 2.0), (0, 10.5, 3.0, 12.0, 1.0)]
    assert not ear.defects


@pytest.mark.parametrize(
    ("frame", "row"),
    [
        (kline(close="NaN"), 0),
        (kline(high=None), 0),
        (kline(confirm="true"), None),
        (kline(interval="5"), 0),
        (kline(volume="-Infinity", confirm=False), None),
        (kline() | {"topic": "kline.1.DOGEUSDT"}, None),
        (kline() | {"data": 5}, None),
        (kline() | {"ts": -1}, 0),
        (trades(("0", "Buy", "a")), None),
        (trades(("1", "Both", "a")), None),
        (trades(("1", "Buy", None)), None),
        (book("snapshot", [["10", "1"]], [["9", "1"]]), None),
        (book("snapshot", [["x", "1"]], []), None),
        ({"topic": "tickers.BTCUSDT", "ts": AT, "data": {"markPrice": "-1"}}, None),
    ],
)
def test_a_frame_that_lies_is_a_defect_and_nothing_else(frame, row):
    """NaN, other symbols, crossed books; a closed candle's row is told, so that REST is asked."""
    _, ear, read = listening()
    read(frame)
    assert ear.told == []
    assert [each[0] for each in ear.defects] == [row]


def test_recorded_frames_of_the_exchange_are_all_read():
    """Two hundred quotes of a real connection and one frame of each other kind: none is a defect."""
    path = DATA / "raw_frames" / "cryptofeed" / "BYBIT.ws.1.0.gz"
    if not path.exists():
        pytest.skip(f"no recorded frames in {DATA}")
    source, ear, _ = listening()
    source._rows = {f"{name}USDT": row for row, name in enumerate(("AIOZ", "BAND", "RAD", "SNT", "BTC"))}
    with gzip.open(path, "rt") as file:
        frames = [json.loads(line.split(": ", 1)[1]) for line in file if '"topic"' in line and "<-" not in line]
    assert sum(source._listen(frame) for frame in frames) == len(frames) == 198
    assert len(ear.told) == 198
    for name in ("ws_ticker_linear.json", "ws_orderbook_snapshot.json"):
        assert source._listen(json.loads((RECORDED / name).read_text()))
    assert ear.defects == []


@pytest.fixture
async def market():
    """A Bybit of our own with five closed minutes, and a source that has dialled it."""
    door, ear = Door(Floor(now_ms)), Ear()
    await door.open()
    for number in range(5):
        door.close_minute("BTCUSDT", (AT + number * 60_000, 10 + number, 20, 5, 11 + number, 3, 30), confirms=False)
    endpoint = door.endpoint()
    source = Source([BTC, ETH], ear, FeedSettings(), lambda: dialling.session(endpoint), Where("bybit"))
    await source.open()
    yield door, source, ear
    await source.close()
    await door.close()


async def test_history_comes_oldest_first_and_from_where_it_is_wanted(market):
    """The newest without a beginning; from a beginning on as many as were asked for; five minutes in one."""
    _, source, _ = market
    assert [one.open_ns for one in await source.candles(0, "1m", None, 3)] == [
        (AT + number * 60_000) * NS for number in (2, 3, 4)
    ]
    assert [one.open for one in await source.candles(0, "1m", (AT + 60_000) * NS, 2)] == [11.0, 12.0]
    (whole, *_) = await source.candles(0, "5m", AT // 300_000 * 300_000 * NS, 1)
    assert (whole.open, whole.high, whole.low) == (10.0, 20.0, 5.0)
    assert await source.candles(1, "1m", None, 3) == []
    assert abs(await source.market_ns() - now_ms() * NS) < 5 * 10**9


async def test_streams_are_heard_over_sockets_and_dialled_again(market):
    """A candle, a trade, a quote and a mark price; after a break all of them again."""
    door, source, ear = market
    tasks = [asyncio.create_task(source.listen(stream)) for stream in Stream]
    try:
        for wanted in (4, 8):
            async with asyncio.timeout(20):
                while source.subscriptions_count < wanted or sum(map(len, door.sockets.values())) < 8:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            ear.told.clear()
            door.close_minute("ETHUSDT", (AT + wanted * 60_000, 10, 20, 5, 11, 3, 30))
            for frame in (trades(("10.5", "Buy", "a")), book("snapshot", [["10", "1"]], [["11", "2"]])):
                door.publish(frame["topic"], frame["type"], frame["data"], AT)
            door.publish("tickers.BTCUSDT", "snapshot", {"symbol": "BTCUSDT", "markPrice": "10.7"}, AT)
            async with asyncio.timeout(20):
                while len(ear.told) < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert [told[0] for told in ear.told] == [1, 0, 0, 0]
            await source.drop(Stream.CANDLES)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_symbol_that_is_not_listed_is_refused_by_name(market):
    """Before anything is subscribed."""
    door, _, ear = market
    endpoint = door.endpoint()
    source = Source(["XRP/USDT:USDT"], ear, FeedSettings(), lambda: dialling.session(endpoint), Where("bybit"))
    try:
        with pytest.raises(SourceRefusedError, match="unknown symbol"):
            await source.open()
    finally:
        await source.close()
