"""Binance's frames: what is read by which name, and what it answers to SUBSCRIBE."""

import pytest

from feed.binance import Binance, BinanceSpot
from feed.dialect import Stream
from tests.feed.test_source import KLINE, MARK, QUOTE, TRADE, Ear


def test_frames_are_known_with_and_without_their_envelope():
    """A combined stream wraps what a single one sends bare."""
    spoken = Binance(Ear())
    for frame in (KLINE, TRADE, QUOTE, MARK):
        bare, wrapped = spoken.decoder(frame), spoken.decoder({"stream": "x", "data": frame})
        assert bare is not None
        assert bare == wrapped


def test_an_answer_to_subscribe_is_counted_and_another_is_not():
    """A null result with a number; an error has none."""
    spoken = Binance(Ear())
    assert spoken.is_subscription({"result": None, "id": 1})
    assert not spoken.is_subscription({"error": {"code": 2}, "id": 1})


def test_the_symbol_of_a_closed_candle_is_told_however_bad_the_rest_is():
    """By it the candle is asked for by REST."""
    spoken = Binance(Ear())
    assert spoken.closed_name({"s": "BTCUSDT", "k": {"x": True}}) == "BTCUSDT"
    assert (
        spoken.closed_name({"s": "BTCUSDT", "k": {"x": False}}) == spoken.closed_name({"s": 5, "k": {"x": True}}) == ""
    )


async def test_spot_is_asked_for_its_candles_and_nothing_else():
    """The same frames and rows of another floor; how late its market is stands beside the average price."""
    spoken, asked = BinanceSpot(Ear()), []

    class Client:
        """What ccxt has."""

        async def watch_ohlcv_for_symbols(self, wanted):
            asked.append(wanted)

        async def public_get_klines(self, request):
            return [request]

        async def public_get_avgprice(self, request):
            return {"closeTime": 1_700_000_000_123}

    assert spoken.decoder(KLINE) is not None
    await spoken.watch(Client(), Stream.CANDLES, ["BTC/USDT"])
    assert asked == [[["BTC/USDT", "1m"]]]
    with pytest.raises(AssertionError):
        await spoken.watch(Client(), Stream.MARKS, ["BTC/USDT"])
    span = ("1m", 5_000_000, 9)
    assert await spoken.candles(Client(), "BTCUSDT", span) == [
        {"symbol": "BTCUSDT", "interval": "1m", "limit": 9, "startTime": 5}
    ]
    assert "startTime" not in (await spoken.candles(Client(), "BTCUSDT", ("1m", None, 9)))[0]
    assert await spoken.market_ns(Client(), "BTCUSDT") == 1_700_000_000_123_000_000
