"""A venue through ccxt.pro: one send for an intent, and every private event told as it came.

    place --> ccxt create_order --> session (dialled outside) --> answer | a class of engine/errors.py
    listen -> ccxt watch_orders --> frames --> news --> told(news)       StreamUp / StreamDown at the ends

ccxt connects, signs and subscribes.  Frames of the private stream do not pass through
its caches: ``handle_message`` is overridden, so that none is merged, and none dropped.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import ccxt

from engine import errors
from engine.order import CONDITIONAL, Intent, OrderType
from engine.risk import Approved
from engine.venue import binance, income
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
from engine.venue.client import HANDED_NS, OBJECTION, Login, Surroundings, asked, watching
from engine.venue.patience import asked_again
from shm.instruments import Instrument

TRADES_PER_REQUEST = 1000  # the most that Binance gives
LISTEN_KEY_RENEWAL_S = 20 * 60  # it lives for 60 minutes
RECONNECT_S_MAX = 10.0

_UNREADABLE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError)


def _read(reader: Callable[..., Any], row: Any, *more: Any) -> Any:
    """``row`` through ``reader``; an answer that cannot be read says nothing, so it is unknown."""
    try:
        return reader(row, *more)
    except _UNREADABLE as error:
        raise errors.Unknown(f"unreadable answer: {str(row)[:200]}") from error


class LiveVenue:
    """One account of one exchange."""

    def __init__(self, login: Login, around: Surroundings) -> None:
        """Remember how to dial; nothing is opened yet."""
        self._login = login
        self._around = around
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None
        self._by_symbol: dict[str, Instrument] = {}
        self._by_id: dict[str, Instrument] = {}
        self._told: Callable[[News], None] = nobody
        self._alive: tuple[int, int] = (0, 0)  # marks of life as ccxt counts them
        self._alive_ns = around.clock.monotonic_ns()
        self._ending = asyncio.Event()  # set: hang up and dial again
        self._reason = ""

    async def open(self) -> None:
        """Dial and learn the markets."""
        self._session = self._around.dial()
        self._client = watching(self._login, self._around, self._session, self)
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
            binance.instrument(market["info"], row, (symbol, self._login.venue, self._login.account))
            for row, (symbol, market) in enumerate(zip(symbols, markets, strict=True))
        )
        self.follow(rules)
        return rules

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Use these rules, rows included, for everything from here on."""
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._by_id = {self._client.market(symbol)["id"]: rule for symbol, rule in self._by_symbol.items()}

    async def place(self, approved: Approved, objection: Callable[[], str] = unopposed) -> Acknowledged:
        """Send once: exact decimal text on the wire, our own id in it; ``objection`` has the last word."""
        intent = approved.intent
        instrument = self._by_symbol[intent.instrument]
        quantity = format(instrument.quantity(intent.lots), "f")
        is_conditional = intent.type in CONDITIONAL
        is_limit = intent.type in (OrderType.LIMIT, OrderType.POST_ONLY)
        params: dict[str, Any] = {"clientAlgoId" if is_conditional else "newClientOrderId": intent.client_id}
        if intent.reduce_only:
            params["reduceOnly"] = True
        if intent.type is OrderType.POST_ONLY:
            params["postOnly"] = True
        if is_conditional:
            trigger = "stopLossPrice" if intent.type is OrderType.STOP_MARKET else "takeProfitPrice"
            params |= {trigger: format(instrument.price(intent.stop_ticks), "f"), "workingType": "CONTRACT_PRICE"}
        creating = self._client.create_order(
            intent.instrument,
            "limit" if is_limit else "market",
            "buy" if intent.side > 0 else "sell",
            quantity,
            format(instrument.price(intent.price_ticks), "f") if is_limit else None,
            params,
        )
        asking = OBJECTION.set(objection)
        try:
            order = await asked(creating)
        finally:
            OBJECTION.reset(asking)
        seen = _read(binance.row_reader(intent), order["info"], instrument)
        return Acknowledged(
            venue_order_id=seen.venue_order_id,
            event=seen.event,
            lots_filled=seen.lots_filled,
            sent_ns=HANDED_NS.get(),
            market_ns=seen.market_ns,
        )

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        await asked(self._client.cancel_order("", intent.instrument, binance.named(intent)))

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """The order of that client id, or None."""
        try:
            order = await asked(self._client.fetch_order("", intent.instrument, binance.named(intent)))
        except errors.OrderNotFound:
            return None
        seen: OrderSeen = _read(binance.row_reader(intent), order["info"], self._by_symbol[intent.instrument])
        return seen

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number, or None."""
        try:
            order = await asked(self._client.fetch_order(venue_order_id, symbol))
        except errors.OrderNotFound:
            return None
        seen: OrderSeen = _read(binance.order_row, order["info"], self._by_symbol[symbol])
        return seen

    async def open_orders(self, symbol: str) -> tuple[OrderSeen, ...]:
        """Ordinary orders, then conditional ones."""
        instrument = self._by_symbol[symbol]
        ordinary = await asked(self._client.fetch_open_orders(symbol))
        conditional = await asked(self._client.fetch_open_orders(symbol, None, None, {"trigger": True}))
        return (
            *(_read(binance.order_row, order["info"], instrument) for order in ordinary),
            *(_read(binance.algo_row, order["info"], instrument) for order in conditional),
        )

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade from ``trade_id`` on, page by page."""
        instrument = self._by_symbol[symbol]
        trades: list[TradeSeen] = []
        while True:
            wanted = {"fromId": trade_id}
            page = await asked(self._client.fetch_my_trades(symbol, None, TRADES_PER_REQUEST, wanted))
            rows = sorted(
                (_read(binance.trade_row, trade["info"], instrument) for trade in page), key=lambda t: t.trade_id
            )
            trades += rows
            if len(rows) < TRADES_PER_REQUEST:
                return tuple(trades)
            trade_id = rows[-1].trade_id + 1

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later."""
        return await self._payments(since_ns, income.FUNDING)

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Everything that moved the wallet at ``since_ns`` and later, by kind."""
        return await self._payments(since_ns, income.ALL)

    async def _payments(self, since_ns: int, kind: str) -> tuple[FundingSeen, ...]:
        return await income.payments(
            lambda wanted: asked(self._client.fapiPrivateGetIncome(wanted)), self._by_id.get, since_ns, kind
        )

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""
        rows = await asked(self._client.fapiPrivateV3GetPositionRisk())
        return tuple(_read(lambda found: list(binance.position_rows(found, self._by_id.get)), rows))

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""
        balance = await asked(self._client.fetch_balance())
        seen: WalletSeen = _read(binance.wallet_row, balance["info"], asset)
        return seen

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account is set up."""
        account = await asked(self._client.fapiPrivateGetAccountConfig())
        ids = [self._client.market(symbol)["id"] for symbol in symbols]
        rows = [row for id_ in ids for row in await asked(self._client.fapiPrivateGetSymbolConfig({"symbol": id_}))]
        found: Modes = _read(binance.modes, account, rows, self._by_id.get)
        return found

    async def permissions(self) -> Permissions:
        """What the keys may do, by the exchange's own account of them."""
        row = await asked(self._client.sapiGetAccountApiRestrictions())
        burn = await asked(self._client.fapiPrivateGetFeeBurn())
        found: Permissions = _read(binance.permissions, row, burn)
        return found

    async def rules(self, symbols: Sequence[str]) -> tuple[Instrument | None, ...]:
        """The exchange's filters, asked anew."""
        markets = await asked(self._client.load_markets(True))
        return tuple(
            _read(binance.instrument, markets[symbol]["info"], row, (symbol, self._login.venue, self._login.account))
            if symbol in markets
            else None
            for row, symbol in enumerate(symbols)
        )

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Set the contract's countdown."""
        asking = {"symbol": self._client.market(symbol)["id"], "countdownTime": timeout_ms}
        await asked(self._client.fapiPrivatePostCountdownCancelAll(asking))

    async def newest_trade(self, symbol: str) -> int:
        """The last trade of the last week; before that, the end of all pages."""
        page = await asked(self._client.fetch_my_trades(symbol, None, TRADES_PER_REQUEST))
        numbers = [int(trade["info"]["id"]) for trade in page]
        if not numbers:
            numbers = [trade.trade_id for trade in await self.trades_since(symbol, 0)]
        return max(numbers, default=0)

    async def server_ns(self) -> int:
        """The venue's own clock."""
        return int(await asked(self._client.fetch_time())) * 1_000_000

    def stream_age_ns(self) -> int:
        """Machine time since a frame or a pong of the private stream."""
        now_ns = self._around.clock.monotonic_ns()
        live = [c for c in _private(self._client) if c.isConnected]
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
        watching = asyncio.ensure_future(self._client.watch_orders())
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
        # A new key each time: an exchange that was restarted does not know the old one.
        self._client.options["linear"] = {}
        for client in _private(self._client):
            self._client.clients.pop(client.url, None)
            await client.close()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LISTEN_KEY_RENEWAL_S)
            try:
                await asked(self._client.fapiPrivatePutListenKey())
            except errors.VenueError:
                self.hang_up("the listen key could not be renewed")

    def frame(self, message: Any) -> bool:
        """Take a frame of the private stream; False for what is not ours to read."""
        kind = message.get("e") if isinstance(message, dict) else None
        if kind == binance.EXPIRED_KEY:
            self.hang_up("the listen key expired")
            return True
        if kind not in binance.PRIVATE:
            return False
        try:
            news = list(binance.news_of(message, self._by_id.get))
        except _UNREADABLE:
            # Whatever it said has to be asked for: after the next StreamUp everything is.
            self.hang_up(f"unreadable frame: {str(message)[:200]}")
            return True
        for item in news:
            self._told(item)
        return True

    def hang_up(self, reason: str) -> None:
        """Dial the private stream anew."""
        self._reason = reason
        self._ending.set()

    def connected(self, url: str) -> None:
        """The socket of ``url`` is open."""
        if "listenKey" in url:
            self._told(StreamUp())


def _private(client: Any) -> list[Any]:
    return [c for c in (client.clients or {}).values() if "listenKey" in c.url] if client is not None else []
