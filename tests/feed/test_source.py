"""Frames are read strictly and without loss; foreign errors become ours; symbols are checked."""

import asyncio
import gzip
from collections import Counter

import aiohttp
import ccxt
import orjson
import pytest

from feed.candle import Candle
from feed.dialect import SourceError, SourceRefusedError, SourceUnreachableError
from feed.settings import FeedSettings
from feed.source import FOREIGN, Source, client_class, translate
from tests.recordings import DATA

KLINE = {
    "e": "kline",
    "E": 1_700_000_100_000,
    "s": "BTCUSDT",
    "k": {
        "t": 1_700_000_040_000,
        "T": 1_700_000_099_999,
        "s": "BTCUSDT",
        "i": "1m",
        "x": True,
        "n": 7,
        "o": "1.5",
        "h": "2",
        "l": "1",
        "c": "1.8",
        "v": "10",
        "q": "15",
        "V": "4",
        "Q": "6",
    },
}
TRADE = {"e": "aggTrade", "E": 5, "s": "BTCUSDT", "a": 9, "p": "10.5", "q": "2", "m": True}
QUOTE = {"e": "bookTicker", "E": 5, "s": "BTCUSDT", "b": "10", "B": "1", "a": "11", "A": "2"}
MARK = {"e": "markPriceUpdate", "E": 5, "s": "BTCUSDT", "p": "10.7"}


class Ear:
    """An inlet that remembers."""

    def __init__(self):
        self.told, self.defects = [], []

    def candle(self, row, candle, closed, heard):
        """Keep it."""
        self.told.append((row, candle, closed, heard[0]))

    def trade(self, row, trade):
        """Keep it."""
        self.told.append((row, *trade[:4]))

    def quote(self, row, quote):
        """Keep it."""
        self.told.append((row, *quote[:4]))

    def mark(self, row, price, heard):
        """Keep it."""
        self.told.append((row, price))

    def defect(self, row, why):
        """Keep it."""
        self.defects.append((row, why))

    def connected(self, stream, again):
        """Nothing to keep."""

    def alive(self, stream, heard):
        """Nothing to keep."""


def listening(symbols=("BTCUSDT",)):
    """A source that never dials, its ear, and what a socket's text goes to."""
    ear = Ear()
    source = Source([], ear, FeedSettings(), aiohttp.ClientSession)
    source._rows = {symbol: row for row, symbol in enumerate(symbols)}
    client = client_class(source._listen, lambda why: ear.defect(None, why))
    return source, ear, lambda text: client.read(object.__new__(client), None, text)


def test_each_kind_of_frame_is_read():
    """A candle with its flag, a trade with its taker, a quote and a mark price."""
    _, ear, read = listening()
    for frame in (KLINE, TRADE, QUOTE, MARK):
        read(orjson.dumps(frame))
    assert not ear.defects
    candle = Candle(1_700_000_040 * 10**9, 1.5, 2.0, 1.0, 1.8, 10.0, 15.0, 4.0, 6.0, 7)
    assert ear.told == [
        (0, candle, True, 1_700_000_100 * 10**9),
        (0, 9, -1, 10.5, 2.0),
        (0, 10.0, 1.0, 11.0, 2.0),
        (0, 10.7),
    ]


def changed(frame, **changes):
    """``frame`` with its candle's fields changed."""
    return orjson.dumps(frame | {"k": frame["k"] | changes})


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (changed(KLINE, c="NaN"), 0),
        (changed(KLINE, h="1e999"), 0),
        (changed(KLINE, l=None), 0),
        (changed(KLINE, v="-Infinity", x=False), None),
        (changed(KLINE, i="5m"), 0),
        (changed(KLINE, s="ETHUSDT"), 0),
        (changed(KLINE, x="true"), None),
        (orjson.dumps(KLINE | {"k": 5}), None),
        (orjson.dumps(KLINE | {"s": "DOGEUSDT"}), None),
        (orjson.dumps(KLINE | {"E": -1}), 0),
        (orjson.dumps(TRADE | {"p": "0"}), None),
        (orjson.dumps(QUOTE | {"a": "9"}), None),
        (orjson.dumps(MARK | {"p": "NaN"}), None),
        (b'{"e":"kline","E":NaN}', None),
        (b'{"e":"kline","E":1', None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_a_frame_that_lies_is_a_defect_and_nothing_else(text, row):
    """NaN, infinity, other symbols, crossed books and broken JSON never pass; a closed candle's row is told."""
    _, ear, read = listening()
    read(text)
    assert ear.told == []
    assert [each[0] for each in ear.defects] == [row]


def test_twenty_thousand_trades_in_a_burst_are_twenty_thousand():
    """Nothing is conflated: every trade arrives, in order."""
    source, ear, read = listening()
    for number in range(20_000):
        read(orjson.dumps(TRADE | {"a": number}))
    assert [each[1] for each in ear.told] == list(range(20_000))
    assert source.frames_count == 20_000


def test_recorded_frames_of_the_exchange_are_all_read():
    """Two real days of futures frames: every quote and trade of ours is told, and none is a defect."""
    paths = sorted((DATA / "raw_frames" / "binance_hft").glob("usdm_btcusdt_*.gz"))
    if not paths:
        pytest.skip(f"no recorded frames in {DATA}")
    source, ear, _ = listening()
    kinds = Counter()
    for path in paths:
        with gzip.open(path, "rb") as file:
            for line in file:
                body = orjson.loads(line.split(b" ", 1)[1]).get("data", {})
                if body.get("e") in ("bookTicker", "aggTrade", "kline", "markPriceUpdate"):
                    kinds[body["e"]] += 1
                    assert source._listen({"stream": "x", "data": body})
    assert kinds
    assert len(ear.told) == sum(kinds.values())
    assert ear.defects == []


def every_subclass(root):
    """``root`` and all below it."""
    return [root, *(each for child in root.__subclasses__() for each in every_subclass(child))]


@pytest.mark.parametrize("foreign", every_subclass(ccxt.BaseError), ids=lambda each: each.__name__)
def test_every_foreign_error_has_a_translation(foreign):
    """Each error of ccxt is worth another try or is a refusal, never itself."""
    own = translate(foreign("words"))
    assert isinstance(own, SourceUnreachableError if issubclass(foreign, ccxt.OperationFailed) else SourceRefusedError)
    assert "words" in str(own)


def test_every_network_error_is_worth_another_try():
    """Sockets, timeouts and aiohttp are all unreachable, and every row of the table is a SourceError."""
    for error in (TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError()):
        assert isinstance(translate(error), SourceUnreachableError)
    assert all(issubclass(own, SourceError) for _, own in FOREIGN)


async def test_an_exchange_that_is_not_there_is_one_clear_error_and_no_socket_stays():
    """Nobody listens: SourceUnreachableError within the timeouts, and closing twice is fine."""

    class Nowhere(aiohttp.abc.AbstractResolver):
        async def resolve(self, host, port=0, family=0):
            raise OSError(f"{host}: nobody there")

        async def close(self):
            pass

    sessions = []

    def dial():
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())))
        return sessions[0]

    source = Source(["BTC/USDT:USDT"], Ear(), FeedSettings(connect_timeout_ms=500, read_timeout_ms=500), dial)
    with pytest.raises(SourceUnreachableError):
        await asyncio.wait_for(source.open(), 10)
    await source.close()
    await source.close()
    assert sessions[0].closed
