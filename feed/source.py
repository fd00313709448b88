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
from random import Random
from typing import Any

import aiohttp
import ccxt
import ccxt.pro
import orjson

from feed.binance import Binance, BinanceSpot
from feed.bybit import Bybit
from feed.candle import Candle, MalformedFrameError
from feed.dialect import Dialect, Inlet, Stream, Where
from feed.settings import FeedSettings
from shm.wait import backoff

SUBSCRIBED_LOOK_S = 0.005
SUBSCRIBED_LOOKS = 600


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


DIALECTS: Mapping[str, type[Dialect]] = {each.exchange: each for each in (Binance, BinanceSpot, Bybit)}


def client_class(
    listen: Callable[[Any], bool], broken: Callable[[str], None], exchange: str = Binance.exchange
) -> type[Any]:
    """ccxt's streaming client with our ear: ``listen`` answers whether the message was ours."""

    class Client(getattr(ccxt.pro, exchange)):  # type: ignore[misc]
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
        where: Where = Where(),  # noqa: B008 - a tuple
        *,
        limits_rate: bool = True,
    ) -> None:
        """``limits_rate``: the exchange's weights per minute are kept; not where the market is faster than minutes."""
        self.symbols = tuple(symbols)
        self.patience_s = (settings.connect_timeout_ms + settings.read_timeout_ms) / 1e3
        self.frames_count = 0
        self.subscriptions_count = 0  # that the exchange acknowledged
        self.inlet = inlet
        self._settings = settings
        self._dial, self._limits_rate = dial, limits_rate
        self._is_demo = where.is_demo
        self._random = Random()  # noqa: S311 - spreads reconnects, guards nothing
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None
        self._heard: dict[Stream, int] = dict.fromkeys(Stream, 0)
        self._dialect = DIALECTS[where.exchange](self)

    async def open(self) -> None:
        """Connect, and check that every symbol is listed."""
        self._session = self._dial()
        hear = client_class(self._listen, lambda why: self.inlet.defect(None, why), self._dialect.exchange)
        self._client = hear(
            {
                "session": self._session,
                "timeout": self._settings.read_timeout_ms,
                "enableRateLimit": self._limits_rate,
                "rateLimiterAlgorithm": "rollingWindow",
                "newUpdates": True,
                "has": {"fetchCurrencies": False},
                "options": {
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "ws": {"connectionTimeout": self._settings.connect_timeout_ms},
                    **self._dialect.options,
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

    async def acknowledged(self, streams_count: int) -> bool:
        """Wait a while until so many streams are subscribed; one that is late goes on dialling."""
        for _ in range(SUBSCRIBED_LOOKS):
            if self.subscriptions_count >= streams_count:
                return True
            await asyncio.sleep(SUBSCRIBED_LOOK_S)
        return False

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
        span = (timeframe, start_ns, count_max)
        try:
            answer = await self._ask(lambda: self._dialect.candles(self._client, self._ids[row], span))
        except (KeyError, TypeError, AttributeError) as error:
            raise SourceRefusedError(f"candles of {self.symbols[row]}: {type(error).__name__}: {error}") from None
        if not isinstance(answer, list):
            raise SourceRefusedError(f"candles of {self.symbols[row]}: not a list: {str(answer)[:100]}")
        found = []
        for entry in answer:
            try:
                found.append(self._dialect.candle(entry))
            except MalformedFrameError as error:
                self.inlet.defect(None, f"candle of {self.symbols[row]} by REST: {error}")
        return found

    async def market_ns(self) -> int:
        """The market's time as the exchange tells it beside a price."""
        try:
            found: int = await self._ask(lambda: self._dialect.market_ns(self._client, self._ids[0]))
        except (KeyError, TypeError, MalformedFrameError) as error:
            raise SourceRefusedError(f"market time: {error}") from None
        return found

    async def listen(self, stream: Stream) -> None:
        """Keep ``stream`` connected until cancelled."""
        attempt, again = 0, False
        while True:
            heard = self._heard[stream]
            try:
                self.inlet.connected(stream, again)
                again = True
                await self._dialect.watch(self._client, stream, self.symbols)
            except FOREIGN_TYPES as error:
                self.inlet.defect(None, f"stream {stream} broke: {translate(error)}")
            # A connection that brought something was a good one: begin with short waits again.
            attempt = 0 if self._heard[stream] > heard else attempt + 1
            base_s, cap_s = self._settings.reconnect_base_ms / 1e3, self._settings.reconnect_cap_ms / 1e3
            await asyncio.sleep(backoff(attempt, self._random, base_s=base_s, limit_s=cap_s))

    async def drop(self, stream: Stream) -> None:
        """Cut the connection of ``stream``; whoever listens dials again."""
        prefix = self._dialect.prefixes[stream]
        for url, client in list(self._client.clients.items()):
            if any(key.startswith(prefix) for key in client.subscriptions):
                self._client.clients.pop(url, None)
                # Rejected, not cancelled: the listener must wake up, not end.
                client.reject(ccxt.NetworkError("no data"))
                await client.aiohttp_close()

    async def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(self.patience_s):
                return await question()
        except FOREIGN_TYPES as error:
            raise translate(error) from error

    def _listen(self, message: Any) -> bool:
        """Read ``message`` if it is market data; False leaves it to ccxt."""
        reading = self._dialect.decoder(message)
        if reading is None:
            self.subscriptions_count += self._dialect.is_subscription(message)
            return False
        decode, body = reading
        received_ns = time.monotonic_ns()
        self.frames_count += 1
        try:
            decode(body, received_ns)
        except (MalformedFrameError, KeyError, TypeError, AttributeError, ValueError) as error:
            closed = self._rows.get(self._dialect.closed_name(body))
            self.inlet.defect(closed, f"frame {body.get('e') or body.get('topic')}: {error}")
        return True

    def row(self, name: str) -> int:
        """The row of the exchange's own ``name``."""
        if name not in self._rows:
            raise MalformedFrameError(f"symbol {name!r}: nobody asked for it")
        return self._rows[name]

    def heard(self, stream: Stream) -> None:
        """A good message of ``stream`` came."""
        self._heard[stream] += 1
