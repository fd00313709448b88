"""Market data through ccxt: it dials, subscribes and signs; we read the frames ourselves.

    exchange --frames--> ccxt client --handle_message--> Source --> Inlet.candle trade quote mark defect
                                          | anything else
                                          v
                                       ccxt's own

ccxt's ``watch_*`` drops trades in bursts and loses the flag that says a candle is closed;
the override loses nothing.  Its futures therefore never resolve: each stream is watched by
one coroutine that wakes up only when its connection breaks, waits, and dials again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple, Protocol

import aiohttp
import ccxt
import ccxt.pro
import orjson

from feed.candle import Candle, MalformedFrameError, from_frame, from_row, number, time_ns, whole
from feed.settings import FeedSettings
from shm.wait import backoff


class SourceError(Exception):
    """The exchange could not be asked; one line says why."""


class SourceUnreachableError(SourceError):
    """The network, a timeout, or an exchange that is busy: worth another try."""


class SourceRefusedError(SourceError):
    """The exchange understood and said no: the same question gets the same answer."""


# First match wins.
FOREIGN: tuple[tuple[type[BaseException], type[SourceError]], ...] = (
    (ccxt.OperationFailed, SourceUnreachableError),
    (ccxt.BaseError, SourceRefusedError),
    (aiohttp.ClientError, SourceUnreachableError),
    (TimeoutError, SourceUnreachableError),
    (OSError, SourceUnreachableError),
)
FOREIGN_TYPES = tuple(foreign for foreign, _ in FOREIGN)


def translate(error: BaseException) -> SourceError:
    """The feed's own error for a foreign one."""
    own = next(own for foreign, own in FOREIGN if isinstance(error, foreign))
    return own(f"{type(error).__name__}: {error}"[:300])


class Stream(StrEnum):
    """What is subscribed, each on a connection of its own, so that none can drown another."""

    CANDLES = "candles"
    TRADES = "trades"
    QUOTES = "quotes"
    MARKS = "marks"


class Trade(NamedTuple):
    """One aggregate trade."""

    trade_id: int
    taker_side: int  # +1 the buyer took
    price: float
    quantity: float
    event_ns: int
    received_ns: int


class Quote(NamedTuple):
    """The best bid and ask."""

    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    event_ns: int
    received_ns: int


class Inlet(Protocol):
    """Where what was heard goes; ``row`` is the place of the symbol among those asked for."""

    def candle(self, row: int, candle: Candle, closed: bool, heard: tuple[int, int]) -> None:
        """Take a candle; ``heard`` is the exchange's time of the frame and our monotonic one."""

    def trade(self, row: int, trade: Trade) -> None:
        """Take a trade."""

    def quote(self, row: int, quote: Quote) -> None:
        """Take a quote."""

    def mark(self, row: int, price: float, heard: tuple[int, int]) -> None:
        """Take a mark price."""

    def defect(self, row: int | None, why: str) -> None:
        """Take note of a frame that could not be read; ``row`` where it was about a closed candle."""

    def connected(self, stream: Stream, again: bool) -> None:
        """Take note of a connection, the first or ``again``."""


def client_class(listen: Callable[[Any], bool], broken: Callable[[str], None]) -> type[Any]:
    """ccxt's streaming client with our ear: ``listen`` answers whether the message was ours."""

    class Client(ccxt.pro.binanceusdm):  # type: ignore[misc, name-defined, unused-ignore]
        def client(self, url: str) -> Any:
            client = super().client(url)
            if "hear" not in vars(client):
                client.hear = client.handle_text_or_binary_message
                client.handle_text_or_binary_message = lambda text: self.read(client, text)
            return client

        def read(self, client: Any, text: str | bytes) -> None:
            # ccxt would let an unreadable frame kill its receive loop, silently.
            try:
                message = orjson.loads(text)
            except ValueError as error:
                broken(f"unreadable frame: {error}")
                return
            self.handle_message(client, message)

        def handle_message(self, client: Any, message: Any) -> None:
            if listen(message):
                return
            try:
                super().handle_message(client, message)
            except (ccxt.BaseError, TypeError, KeyError, AttributeError, ValueError) as error:
                broken(f"unexpected message: {type(error).__name__}: {error}"[:200])

    return Client


def plain_client(name: str, options: Mapping[str, Any]) -> Any:
    """ccxt's client of an exchange as it is, for questions that are asked once."""
    return getattr(ccxt.pro, name)({"enableRateLimit": True, **options})


class Source:
    """One exchange's market data for a list of symbols."""

    def __init__(
        self,
        symbols: Sequence[str],
        inlet: Inlet,
        settings: FeedSettings,
        dial: Callable[[], aiohttp.ClientSession],
        *,
        is_demo: bool = False,
    ) -> None:
        self.symbols = tuple(symbols)
        self.frames_count = 0
        self.subscriptions_count = 0  # that the exchange acknowledged
        self._inlet = inlet
        self._settings = settings
        self._dial = dial
        self._is_demo = is_demo
        self._random = Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None
        self._heard: dict[Stream, int] = dict.fromkeys(Stream, 0)
        self._decoders: dict[str, Callable[[Mapping[str, Any], int], None]] = {
            "kline": self._read_candle,
            "aggTrade": self._read_trade,
            "bookTicker": self._read_quote,
            "markPriceUpdate": self._read_mark,
        }

    async def open(self) -> None:
        """Connect, and check that every symbol is listed."""
        self._session = self._dial()
        self._client = client_class(self._listen, lambda why: self._inlet.defect(None, why))(
            {
                "session": self._session,
                "timeout": self._settings.read_timeout_ms,
                "enableRateLimit": True,
                "rateLimiterAlgorithm": "rollingWindow",
                "newUpdates": True,
                "options": {
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "ws": {"connectionTimeout": self._settings.connect_timeout_ms},
                },
            }
        )
        if self._is_demo:
            self._client.enable_demo_trading(True)
        await self._ask(self._client.load_markets)
        for symbol in self.symbols:
            if symbol not in self._client.markets:
                known = ", ".join(sorted(self._client.markets)[:5])
                raise SourceRefusedError(f"unknown symbol {symbol}; the exchange lists {known}, ...")
        self._ids = [self._client.market(symbol)["id"] for symbol in self.symbols]
        self._rows = {id_: row for row, id_ in enumerate(self._ids)}

    async def close(self) -> None:
        """Close every socket; may be called more than once."""
        client, self._client = self._client, None
        session, self._session = self._session, None
        try:
            if client is not None:
                client.timeout_on_exit = 0
                await client.close()
        finally:
            if session is not None:
                await session.close()

    async def candles(self, row: int, timeframe: str, start_ns: int | None, count_max: int) -> list[Candle]:
        """Candles of ``row`` by REST, oldest first, the newest possibly unfinished; unreadable ones are defects."""
        request: dict[str, Any] = {"symbol": self._ids[row], "interval": timeframe, "limit": count_max}
        if start_ns is not None:
            request["startTime"] = start_ns // 1_000_000
        answer = await self._ask(lambda: self._client.fapiPublicGetKlines(request))
        if not isinstance(answer, list):
            raise SourceRefusedError(f"candles of {self.symbols[row]}: not a list: {str(answer)[:100]}")
        found = []
        for entry in answer:
            try:
                found.append(from_row(entry))
            except MalformedFrameError as error:
                self._inlet.defect(None, f"candle of {self.symbols[row]} by REST: {error}")
        return found

    async def market_ns(self) -> int:
        """The market's time as the exchange tells it beside a price; its server clock is another matter."""
        answer = await self._ask(lambda: self._client.fapiPublicGetPremiumIndex({"symbol": self._ids[0]}))
        try:
            return time_ns(answer["time"])
        except (KeyError, TypeError, MalformedFrameError) as error:
            raise SourceRefusedError(f"market time: {error}") from None

    async def listen(self, stream: Stream) -> None:
        """Keep ``stream`` connected until cancelled."""
        attempt, again = 0, False
        while True:
            heard = self._heard[stream]
            try:
                self._inlet.connected(stream, again)
                again = True
                await self._watch(stream)
            except FOREIGN_TYPES as error:
                self._inlet.defect(None, f"stream {stream} broke: {translate(error)}")
            # A connection that brought something was a good one: begin with short waits again.
            attempt = 0 if self._heard[stream] > heard else attempt + 1
            base_s, cap_s = self._settings.reconnect_base_ms / 1e3, self._settings.reconnect_cap_ms / 1e3
            await asyncio.sleep(backoff(attempt, self._random, base_s=base_s, limit_s=cap_s))

    async def drop(self, stream: Stream) -> None:
        """Cut the connection of ``stream``; whoever listens dials again."""
        prefix = {Stream.CANDLES: "ohlcv", Stream.TRADES: "trade", Stream.QUOTES: "bidask", Stream.MARKS: "markPrice"}
        for url, client in list(self._client.clients.items()):
            if any(key.startswith(prefix[stream]) for key in client.subscriptions):
                self._client.clients.pop(url, None)
                # Rejected, not cancelled: the listener must wake up, not end.
                client.reject(ccxt.NetworkError("no data"))
                await client.aiohttp_close()

    async def _watch(self, stream: Stream) -> None:
        symbols = list(self.symbols)
        match stream:
            case Stream.CANDLES:
                await self._client.watch_ohlcv_for_symbols([[symbol, "1m"] for symbol in symbols])
            case Stream.TRADES:
                await self._client.watch_trades_for_symbols(symbols, params={"name": "aggTrade"})
            case Stream.QUOTES:
                await self._client.watch_bids_asks(symbols)
            case Stream.MARKS:
                await self._client.watch_mark_prices(symbols)

    async def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout((self._settings.connect_timeout_ms + self._settings.read_timeout_ms) / 1e3):
                return await question()
        except FOREIGN_TYPES as error:
            raise translate(error) from error

    def _listen(self, message: Any) -> bool:
        """Read ``message`` if it is market data; False leaves it to ccxt."""
        body = message.get("data") if isinstance(message, dict) and "stream" in message else message
        decode = self._decoders.get(body.get("e", "")) if isinstance(body, dict) else None
        if decode is None or not isinstance(body, dict):
            # protocol: {"result": null, "id": 1} answers SUBSCRIBE
            self.subscriptions_count += isinstance(body, dict) and "id" in body and body.get("result", "") is None
            return False
        received_ns = time.monotonic_ns()
        self.frames_count += 1
        try:
            decode(body, received_ns)
        except (MalformedFrameError, KeyError, TypeError, AttributeError) as error:
            self._inlet.defect(self._row_of_closed(body), f"frame {body.get('e')}: {error}")
        return True

    def _row_of_closed(self, body: Mapping[str, Any]) -> int | None:
        kline, symbol = body.get("k"), body.get("s")
        closed = isinstance(kline, dict) and kline.get("x") is True
        return self._rows.get(symbol) if closed and isinstance(symbol, str) else None

    def _row(self, body: Mapping[str, Any]) -> int:
        symbol = body["s"]
        if symbol not in self._rows:
            raise MalformedFrameError(f"symbol {symbol!r}: nobody asked for it")
        return self._rows[symbol]

    def _read_candle(self, body: Mapping[str, Any], received_ns: int) -> None:
        kline = body["k"]
        if kline["i"] != "1m" or kline["s"] != body["s"] or not isinstance(kline["x"], bool):
            raise MalformedFrameError("a candle of another symbol or interval, or without its flag")
        row, candle, event_ns = self._row(body), from_frame(kline), time_ns(body["E"])
        self._heard[Stream.CANDLES] += 1
        self._inlet.candle(row, candle, kline["x"], (event_ns, received_ns))

    def _read_trade(self, body: Mapping[str, Any], received_ns: int) -> None:
        price, quantity = number(body["p"]), number(body["q"])
        if price <= 0.0 or quantity < 0.0 or not isinstance(body["m"], bool):
            raise MalformedFrameError(f"a trade of {quantity} at {price}")
        trade = Trade(whole(body["a"]), -1 if body["m"] else 1, price, quantity, time_ns(body["E"]), received_ns)
        self._heard[Stream.TRADES] += 1
        self._inlet.trade(self._row(body), trade)

    def _read_quote(self, body: Mapping[str, Any], received_ns: int) -> None:
        bid, bid_quantity, ask, ask_quantity = (number(body[key]) for key in "bBaA")
        if not 0.0 < bid < ask or bid_quantity < 0.0 or ask_quantity < 0.0:
            raise MalformedFrameError(f"a crossed book: {bid} bid, {ask} asked")
        self._heard[Stream.QUOTES] += 1
        quote = Quote(bid, bid_quantity, ask, ask_quantity, time_ns(body["E"]), received_ns)
        self._inlet.quote(self._row(body), quote)

    def _read_mark(self, body: Mapping[str, Any], received_ns: int) -> None:
        price = number(body["p"])
        if price <= 0.0:
            raise MalformedFrameError(f"a mark price of {price}")
        self._heard[Stream.MARKS] += 1
        self._inlet.mark(self._row(body), price, (time_ns(body["E"]), received_ns))
