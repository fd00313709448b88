"""A venue through ccxt.pro: one send for an intent, and every private event told as it came.

    place --> ccxt create_order --> session (dialled outside) --> answer | a class of engine/errors.py
    listen -> Wire.watch --> frames --> Wire.news --> told(news)         StreamUp / StreamDown at the ends

ccxt connects, signs and subscribes.  Frames of the private stream do not pass through
its caches: ``handle_message`` is overridden, so that none is merged, and none dropped.
What differs from exchange to exchange is in ``facts.py`` and in the exchange's ``Wire``.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import ccxt

from engine import errors
from engine.order import Intent, OrderType
from engine.risk import Approved
from engine.venue.base import (
    Acknowledged,
    FundingSeen,
    Modes,
    News,
    OrderSeen,
    Permissions,
    PositionSeen,
    StreamDown,
    StreamUp,
    TradeSeen,
    WalletSeen,
    nobody,
    unopposed,
)
from engine.venue.binance_wire import BinanceWire
from engine.venue.bybit_wire import BybitWire
from engine.venue.client import HANDED_NS, OBJECTION, Login, Surroundings, asked, watching
from engine.venue.facts import FACTS
from engine.venue.patience import asked_again
from engine.venue.wire import UNREADABLE, StreamOver, Wire, order_params, read
from shm.instruments import Instrument

WIRES: Mapping[str, type[Wire]] = {"binanceusdm": BinanceWire, "bybit": BybitWire}
RENEWAL_S = 20 * 60  # Binance's listen key lives for 60 minutes
RECONNECT_S_MAX = 10.0


class LiveVenue:
    """One account of one exchange."""

    def __init__(self, login: Login, around: Surroundings) -> None:
        """Remember how to dial; nothing is opened yet."""
        self._login = login
        self._around = around
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None
        self._wire: Wire
        self._told: Callable[[News], None] = nobody
        self._alive: tuple[int, int] = (0, 0)  # marks of life as ccxt counts them
        self._alive_ns = around.clock.monotonic_ns()
        self._ending = asyncio.Event()  # set: hang up and dial again
        self._reason = ""

    async def open(self) -> None:
        """Dial and learn the markets."""
        self._session = self._around.dial()
        self._client = watching(self._login, self._around, self._session, self)
        self._wire = WIRES[self._login.exchange](self._client, self._around.clock)
        await asked_again(lambda: asked(self._client.load_markets()), self._around.generator.random)

    async def close(self) -> None:
        """Close every socket."""
        client, session = self._client, self._session
        self._client = self._session = None
        try:
            if client is not None:
                await client.close()
        finally:
            if session is not None:
                await session.close()

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Rules of ``symbols`` by the exchange's own filters."""
        try:
            markets = [self._client.market(symbol) for symbol in symbols]
        except ccxt.BadSymbol as error:
            raise errors.InvalidOrder(str(error)) from error
        rules = tuple(
            self._wire.instrument(market["info"], row, self._names(symbol))
            for row, (symbol, market) in enumerate(zip(symbols, markets, strict=True))
        )
        self.follow(rules)
        return rules

    def _names(self, symbol: str) -> tuple[str, str, str]:
        return symbol, self._login.venue, self._login.account

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Use these rules, rows included, for everything from here on."""
        self._wire.follow(instruments)

    async def place(self, approved: Approved, objection: Callable[[], str] = unopposed) -> Acknowledged:
        """Send once: exact decimal text on the wire, our own id in it; ``objection`` has the last word."""
        intent = approved.intent
        instrument = self._wire.by_symbol[intent.instrument]
        is_limit = intent.type in (OrderType.LIMIT, OrderType.POST_ONLY)
        creating = self._client.create_order(
            intent.instrument,
            "limit" if is_limit else "market",
            "buy" if intent.side > 0 else "sell",
            format(instrument.quantity(intent.lots), "f"),
            format(instrument.price(intent.price_ticks), "f") if is_limit else None,
            order_params(FACTS[self._login.exchange], intent, instrument),
        )
        asking = OBJECTION.set(objection)
        try:
            order = await asked(creating)
        finally:
            OBJECTION.reset(asking)
        seen = read(self._wire.acknowledged, order["info"], intent)
        return Acknowledged(
            venue_order_id=seen.venue_order_id,
            event=seen.event,
            lots_filled=seen.lots_filled,
            sent_ns=HANDED_NS.get(),
            market_ns=seen.market_ns,
        )

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        await self._wire.cancel(intent)

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """The order of that client id, or None."""
        return await self._wire.order_by_client_id(intent)

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number, or None."""
        return await self._wire.order_by_id(symbol, venue_order_id)

    async def open_orders(self, symbol: str = "") -> tuple[OrderSeen, ...]:
        """What rests, ordinary and conditional; of every instrument without a symbol."""
        return await self._wire.open_orders(symbol)

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade from ``trade_id`` on."""
        return await self._wire.trades_since(symbol, trade_id)

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later."""
        return await self._wire.funding_since(since_ns)

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """What else moved the wallet at ``since_ns`` and later, by kind."""
        return await self._wire.transfers_since(since_ns)

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""
        return await self._wire.positions()

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""
        return await self._wire.wallet(asset)

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account is set up."""
        return await self._wire.modes(symbols)

    async def permissions(self) -> Permissions:
        """What the keys may do, by the exchange's own account of them."""
        return await self._wire.permissions()

    async def rules(self, symbols: Sequence[str]) -> tuple[Instrument | None, ...]:
        """The exchange's filters, asked anew."""
        markets = await asked(self._client.load_markets(True))
        return tuple(
            read(self._wire.instrument, markets[symbol]["info"], row, self._names(symbol))
            if symbol in markets
            else None
            for row, symbol in enumerate(symbols)
        )

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Set the exchange's dead-man timer."""
        await self._wire.arm(symbol, timeout_ms)

    async def newest_trade(self, symbol: str) -> int:
        """The number of the last trade there."""
        return await self._wire.newest_trade(symbol)

    async def server_ns(self) -> int:
        """The venue's own clock."""
        return int(await asked(self._client.fetch_time())) * 1_000_000

    def stream_age_ns(self) -> int:
        """Machine time since a frame or a pong of the private stream."""
        now_ns = self._around.clock.monotonic_ns()
        live = [c for c in self._private() if c.isConnected]
        marks = max(((c.last_message_at or 0, c.lastPong or 0) for c in live), default=(0, 0))
        # ccxt stamps with the wall clock: only that a stamp is new is evidence, its value is not.
        if marks != self._alive and marks != (0, 0):
            self._alive, self._alive_ns = marks, now_ns
        return now_ns - self._alive_ns

    async def listen(self, told: Callable[[News], None]) -> None:
        """Watch through failures, with jittered pauses, until cancelled."""
        self._told = told
        renewal = asyncio.create_task(self._renew())
        attempt = 0
        try:
            while True:
                started_ns = self._around.clock.monotonic_ns()
                reason = await self._watched()
                told(StreamDown(text=reason))
                await self._hang_up()
                lived_s = (self._around.clock.monotonic_ns() - started_ns) / 1e9
                attempt = 0 if lived_s > RECONNECT_S_MAX else min(attempt + 1, 10)
                await asyncio.sleep(self._around.generator.uniform(0.0, min(RECONNECT_S_MAX, 0.1 * 2**attempt)))
        finally:
            self._told = nobody
            renewal.cancel()
            await self._hang_up()

    async def _watched(self) -> str:
        """Why the stream ended; it never ends well, since its frames do not reach ccxt's caches."""
        self._ending.clear()
        watching = asyncio.ensure_future(self._wire.watch())
        expiry = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({watching, expiry}, return_when=asyncio.FIRST_COMPLETED)
            if expiry.done():
                return self._reason
            error = watching.exception()
            if error is not None and not isinstance(error, ccxt.BaseError):
                raise error
            return str(error)
        finally:
            watching.cancel()
            expiry.cancel()
            await asyncio.gather(watching, expiry, return_exceptions=True)

    async def _hang_up(self) -> None:
        if self._client is None:
            return
        self._wire.forget()
        for client in self._private():
            self._client.clients.pop(client.url, None)
            await client.close()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_S)
            try:
                await self._wire.renew()
            except errors.VenueError:
                self.hang_up("the listen key could not be renewed")

    def frame(self, message: Any) -> bool:
        """Take a frame of the private stream; False for what is not ours to read."""
        try:
            news = self._wire.news(message)
        except StreamOver as over:
            self.hang_up(str(over))
            return True
        except UNREADABLE:
            # Whatever it said has to be asked for: after the next StreamUp everything is.
            self.hang_up(f"unreadable frame: {str(message)[:200]}")
            return True
        if news is None:
            return False
        for item in news:
            self._told(item)
        return True

    def hang_up(self, reason: str) -> None:
        """Dial the private stream anew."""
        self._reason = reason
        self._ending.set()

    def connected(self, url: str) -> None:
        """The socket of ``url`` is open."""
        if self._wire.is_up_at_once() and self._wire.is_private(url):
            self._told(StreamUp())

    def _private(self) -> list[Any]:
        if self._client is None:
            return []
        return [c for c in (self._client.clients or {}).values() if self._wire.is_private(c.url)]
