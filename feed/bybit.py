"""Bybit's linear market as it speaks of it: candles with ``confirm``, trades, level one of the book, tickers.

    kline.1.X        confirm: true is the closed candle; no count of trades; half of it counts as bought by takers
    publicTrade.X    every trade, named by text
    orderbook.1.X    the best bid and ask: whole, or what changed of them
    tickers.X        what changed; the mark price where it did

All topics come on one connection, as ccxt dials it: where one is silent, all are dialled anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from feed.candle import NS_PER_MS, Candle, MalformedFrameError, number, time_ns
from feed.dialect import Decode, Dialect, Ear, Quote, Stream, Trade
from shm.numbering import EPOCH_MS, trade_number

INTERVALS = {"1m": ("1", 60), "5m": ("5", 300), "15m": ("15", 900), "1h": ("60", 3600), "4h": ("240", 14400)}
INTERVALS |= {"1d": ("D", 86400)}
TAKERS = {"Buy": 1, "Sell": -1}


class Bybit(Dialect):
    """Its streams and its REST."""

    exchange = "bybit"
    options = {"defaultType": "swap", "fetchMarkets": {"types": ["linear"]}}
    prefixes = {
        Stream.CANDLES: "ohlcv",
        Stream.TRADES: "trade",
        Stream.QUOTES: "bidask",
        Stream.MARKS: "ticker",
    }

    def __init__(self, ear: Ear) -> None:
        """Know its topics, and no book yet."""
        super().__init__(ear)
        self._decoders: dict[str, Decode] = {
            "kline": self._read_candles,
            "publicTrade": self._read_trades,
            "orderbook": self._read_quote,
            "tickers": self._read_mark,
        }
        self._best: dict[tuple[str, str], tuple[float, float]] = {}  # by name and side

    def decoder(self, message: Any) -> tuple[Decode, Mapping[str, Any]] | None:
        """By the topic that the frame names."""
        topic = message.get("topic") if isinstance(message, dict) else None
        decode = self._decoders.get(topic.partition(".")[0]) if isinstance(topic, str) else None
        return None if decode is None else (decode, message)

    def is_subscription(self, message: Any) -> bool:
        """protocol: {"op": "subscribe", "success": true}."""
        return isinstance(message, dict) and message.get("op") == "subscribe" and message.get("success") is True

    def closed_name(self, body: Mapping[str, Any]) -> str:
        """By the flag in any of its candles."""
        rows, topic = body.get("data"), body["topic"]
        closed = isinstance(rows, list) and any(isinstance(row, dict) and row.get("confirm") is True for row in rows)
        return _name(topic) if closed and topic.startswith("kline.") else ""

    async def watch(self, client: Any, stream: Stream, symbols: Sequence[str]) -> None:
        """By ccxt, all on one connection."""
        match stream:
            case Stream.CANDLES:
                await client.watch_ohlcv_for_symbols([[symbol, "1m"] for symbol in symbols])
            case Stream.TRADES:
                await client.watch_trades_for_symbols(list(symbols))
            case Stream.QUOTES:
                self._best.clear()  # a book that was heard before a break says nothing
                await client.watch_bids_asks(list(symbols))
            case Stream.MARKS:
                await client.watch_tickers(list(symbols))

    async def candles(self, client: Any, name: str, span: tuple[str, int | None, int]) -> Sequence[Any]:
        """By ``kline``, which answers the newest first; with an end, so that no other rule counts from the newest."""
        timeframe, start_ns, count_max = span
        interval, seconds = INTERVALS[timeframe]
        request: dict[str, Any] = {"category": "linear", "symbol": name, "interval": interval, "limit": count_max}
        if start_ns is not None:
            begin_ms = start_ns // NS_PER_MS
            request |= {"start": begin_ms, "end": begin_ms + count_max * seconds * 1000 - 1}
        answer = await client.publicGetV5MarketKline(request)
        return list(reversed(answer["result"]["list"]))

    def candle(self, row: Any) -> Candle:
        """Seven fields: no count of trades, and who took is not told."""
        if not isinstance(row, Sequence) or len(row) < 7:
            raise MalformedFrameError(f"a candle row has seven fields: {row!r}")
        return _candle(row[0], row[1:7])

    async def market_ns(self, client: Any, name: str) -> int:
        """The envelope of a price says when it was given."""
        answer = await client.publicGetV5MarketTickers({"category": "linear", "symbol": name})
        return time_ns(answer["time"])

    def _read_candles(self, body: Mapping[str, Any], received_ns: int) -> None:
        _, interval, name = body["topic"].split(".", 2)
        row, event_ns = self.ear.row(name), time_ns(body["ts"])
        for kline in body["data"]:
            if interval != "1" or kline["interval"] != "1" or not isinstance(kline["confirm"], bool):
                raise MalformedFrameError("a candle of another interval, or without its flag")
            values = [kline[key] for key in ("open", "high", "low", "close", "volume", "turnover")]
            candle = _candle(kline["start"], values)
            self.ear.heard(Stream.CANDLES)
            self.ear.inlet.candle(row, candle, kline["confirm"], (event_ns, received_ns))

    def _read_trades(self, body: Mapping[str, Any], received_ns: int) -> None:
        row = self.ear.row(_name(body["topic"]))
        for one in body["data"]:
            price, quantity, at_ns = number(one["p"]), number(one["v"]), time_ns(one["T"])
            if price <= 0.0 or quantity < 0.0 or at_ns < EPOCH_MS * NS_PER_MS or not isinstance(one["i"], str):
                raise MalformedFrameError(f"a trade of {quantity} at {price}")
            trade_id = trade_number(at_ns // NS_PER_MS, one["i"])
            self.ear.heard(Stream.TRADES)
            self.ear.inlet.trade(row, Trade(trade_id, TAKERS[one["S"]], price, quantity, at_ns, received_ns))

    def _read_quote(self, body: Mapping[str, Any], received_ns: int) -> None:
        name, book = _name(body["topic"]), body["data"]
        row = self.ear.row(name)
        for side in "ba":
            if body["type"] == "snapshot":
                self._best.pop((name, side), None)
            for price, quantity in ((number(price), number(size)) for price, size in book[side]):
                if quantity > 0.0:
                    self._best[name, side] = (price, quantity)
                elif self._best.get((name, side), (0.0, 0.0))[0] == price:
                    del self._best[name, side]
        bid, ask = self._best.get((name, "b")), self._best.get((name, "a"))
        self.ear.heard(Stream.QUOTES)
        if bid is None or ask is None:
            return  # one side is empty, or not known yet
        if not 0.0 < bid[0] < ask[0]:
            raise MalformedFrameError(f"a crossed book: {bid[0]} bid, {ask[0]} asked")
        self.ear.inlet.quote(row, Quote(*bid, *ask, time_ns(body["ts"]), received_ns))

    def _read_mark(self, body: Mapping[str, Any], received_ns: int) -> None:
        row, text = self.ear.row(_name(body["topic"])), body["data"].get("markPrice")
        self.ear.heard(Stream.MARKS)
        if text is None:
            return  # something else of it changed
        price = number(text)
        if price <= 0.0:
            raise MalformedFrameError(f"a mark price of {price}")
        self.ear.inlet.mark(row, price, (time_ns(body["ts"]), received_ns))


def _name(topic: str) -> str:
    return topic.rpartition(".")[2]


def _candle(start_ms: object, values: Sequence[object]) -> Candle:
    opened, high, low, close, volume, turnover = (number(value) for value in values)
    # Who took is not told: half and half is the one share that says neither bought nor sold.
    return Candle(time_ns(start_ms), opened, high, low, close, volume, turnover, volume / 2, turnover / 2)
