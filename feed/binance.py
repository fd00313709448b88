"""Binance's markets as it speaks of them: ``kline`` with its flag, ``aggTrade``, ``bookTicker``, mark prices.

USDT-M with all of it; spot with its candles alone: it is looked at, never traded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from feed.candle import Candle, MalformedFrameError, from_frame, from_row, number, time_ns, whole
from feed.dialect import Decode, Dialect, Ear, Quote, Stream, Trade


def asking(name: str, span: tuple[str, int | None, int]) -> dict[str, Any]:
    """The parameters of ``klines``, the same on both floors; without a beginning the newest are meant."""
    timeframe, start_ns, count_max = span
    request: dict[str, Any] = {"symbol": name, "interval": timeframe, "limit": count_max}
    return request if start_ns is None else request | {"startTime": start_ns // 1_000_000}


class Binance(Dialect):
    """Its streams and its REST."""

    exchange = "binanceusdm"
    prefixes = {
        Stream.CANDLES: "ohlcv",
        Stream.TRADES: "trade",
        Stream.QUOTES: "bidask",
        Stream.MARKS: "markPrice",
    }

    def __init__(self, ear: Ear) -> None:
        """Know its kinds of frames."""
        super().__init__(ear)
        self._decoders: dict[str, Decode] = {
            "kline": self._read_candle,
            "aggTrade": self._read_trade,
            "bookTicker": self._read_quote,
            "markPriceUpdate": self._read_mark,
        }

    def decoder(self, message: Any) -> tuple[Decode, Mapping[str, Any]] | None:
        """By the kind that the frame names."""
        body = message.get("data") if isinstance(message, dict) and "stream" in message else message
        if not isinstance(body, dict):
            return None
        decode = self._decoders.get(body.get("e", ""))
        return None if decode is None else (decode, body)

    def is_subscription(self, message: Any) -> bool:
        """protocol: {"result": null, "id": 1} answers SUBSCRIBE."""
        return isinstance(message, dict) and "id" in message and message.get("result", "") is None

    def closed_name(self, body: Mapping[str, Any]) -> str:
        """By the flag beside the candle."""
        kline, symbol = body.get("k"), body.get("s")
        closed = isinstance(kline, dict) and kline.get("x") is True
        return symbol if closed and isinstance(symbol, str) else ""

    async def watch(self, client: Any, stream: Stream, symbols: Sequence[str]) -> None:
        """By ccxt, a connection for each."""
        match stream:
            case Stream.CANDLES:
                await client.watch_ohlcv_for_symbols([[symbol, "1m"] for symbol in symbols])
            case Stream.TRADES:
                await client.watch_trades_for_symbols(list(symbols), params={"name": "aggTrade"})
            case Stream.QUOTES:
                await client.watch_bids_asks(list(symbols))
            case Stream.MARKS:
                await client.watch_mark_prices(list(symbols))

    async def candles(self, client: Any, name: str, span: tuple[str, int | None, int]) -> Sequence[Any]:
        """By ``klines``."""
        answer: Sequence[Any] = await client.fapiPublicGetKlines(asking(name, span))
        return answer

    def candle(self, row: Any) -> Candle:
        """Twelve fields, of which we use ten."""
        return from_row(row)

    async def market_ns(self, client: Any, name: str) -> int:
        """Its server clock is another matter."""
        answer = await client.fapiPublicGetPremiumIndex({"symbol": name})
        return time_ns(answer["time"])

    def _read_candle(self, body: Mapping[str, Any], received_ns: int) -> None:
        kline = body["k"]
        if kline["i"] != "1m" or kline["s"] != body["s"] or not isinstance(kline["x"], bool):
            raise MalformedFrameError("a candle of another symbol or interval, or without its flag")
        row, candle, event_ns = self.ear.row(body["s"]), from_frame(kline), time_ns(body["E"])
        self.ear.heard(Stream.CANDLES)
        self.ear.inlet.candle(row, candle, kline["x"], (event_ns, received_ns))

    def _read_trade(self, body: Mapping[str, Any], received_ns: int) -> None:
        price, quantity = number(body["p"]), number(body["q"])
        if price <= 0.0 or quantity < 0.0 or not isinstance(body["m"], bool):
            raise MalformedFrameError(f"a trade of {quantity} at {price}")
        trade = Trade(whole(body["a"]), -1 if body["m"] else 1, price, quantity, time_ns(body["E"]), received_ns)
        self.ear.heard(Stream.TRADES)
        self.ear.inlet.trade(self.ear.row(body["s"]), trade)

    def _read_quote(self, body: Mapping[str, Any], received_ns: int) -> None:
        bid, bid_quantity, ask, ask_quantity = (number(body[key]) for key in "bBaA")
        if not 0.0 < bid < ask or bid_quantity < 0.0 or ask_quantity < 0.0:
            raise MalformedFrameError(f"a crossed book: {bid} bid, {ask} asked")
        self.ear.heard(Stream.QUOTES)
        quote = Quote(bid, bid_quantity, ask, ask_quantity, time_ns(body["E"]), received_ns)
        self.ear.inlet.quote(self.ear.row(body["s"]), quote)

    def _read_mark(self, body: Mapping[str, Any], received_ns: int) -> None:
        price = number(body["p"])
        if price <= 0.0:
            raise MalformedFrameError(f"a mark price of {price}")
        self.ear.heard(Stream.MARKS)
        self.ear.inlet.mark(self.ear.row(body["s"]), price, (time_ns(body["E"]), received_ns))


class BinanceSpot(Binance):
    """The candles of its spot market."""

    exchange = "binance"
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}

    async def watch(self, client: Any, stream: Stream, symbols: Sequence[str]) -> None:
        """Candles; there are no marks, and nobody asks for the rest."""
        assert stream is Stream.CANDLES, "a spot is asked for its candles"
        await client.watch_ohlcv_for_symbols([[symbol, "1m"] for symbol in symbols])

    async def candles(self, client: Any, name: str, span: tuple[str, int | None, int]) -> Sequence[Any]:
        """By ``klines``, of which there are a thousand at most."""
        answer: Sequence[Any] = await client.public_get_klines(asking(name, span))
        return answer

    async def market_ns(self, client: Any, name: str) -> int:
        """When it last traded, as it says beside the average price."""
        return time_ns((await client.public_get_avgprice({"symbol": name}))["closeTime"])
