"""Binance's USDT-M, asked and heard: its endpoints through ccxt, its rows and frames through ``binance.py``."""

from collections.abc import Iterable, Sequence
from typing import Any

from engine import errors
from engine.order import Intent
from engine.rota import EACH_MAX
from engine.venue import binance, income
from engine.venue.base import (
    FundingSeen,
    Modes,
    News,
    OrderSeen,
    Permissions,
    PositionSeen,
    TradeSeen,
    WalletSeen,
)
from engine.venue.client import asked
from engine.venue.wire import Row, StreamOver, Wire, read
from shm.instruments import Instrument

TRADES_PER_REQUEST = 1000  # the most that Binance gives


class BinanceWire(Wire):
    """One account of Binance."""

    def instrument(self, info: Row, row: int, names: tuple[str, str, str]) -> Instrument:
        """The exchange's own filters."""
        return binance.instrument(info, row, names)

    def acknowledged(self, answer: Row, intent: Intent) -> OrderSeen:
        """The order's row, or the conditional one's."""
        return binance.row_reader(intent)(answer, self.by_symbol[intent.instrument])

    async def cancel(self, intent: Intent) -> None:
        """By our own id."""
        await asked(self.client.cancel_order("", intent.instrument, binance.named(intent)))

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """By our own id."""
        try:
            order = await asked(self.client.fetch_order("", intent.instrument, binance.named(intent)))
        except errors.OrderNotFound:
            return None
        seen: OrderSeen = read(binance.row_reader(intent), order["info"], self.by_symbol[intent.instrument])
        return seen

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The ordinary order of that number, or None."""
        try:
            order = await asked(self.client.fetch_order(venue_order_id, symbol))
        except errors.OrderNotFound:
            return None
        seen: OrderSeen = read(binance.order_row, order["info"], self.by_symbol[symbol])
        return seen

    async def open_orders(self, symbol: str) -> tuple[OrderSeen, ...]:
        """Ordinary orders, then conditional ones."""
        if not symbol:
            return await self._all_open_orders()
        instrument = self.by_symbol[symbol]
        ordinary = await asked(self.client.fetch_open_orders(symbol))
        conditional = await asked(self.client.fetch_open_orders(symbol, None, None, {"trigger": True}))
        return (
            *(read(binance.order_row, order["info"], instrument) for order in ordinary),
            *(read(binance.algo_row, order["info"], instrument) for order in conditional),
        )

    async def _all_open_orders(self) -> tuple[OrderSeen, ...]:
        """Two questions, however many instruments there are; the venue weighs each as forty."""
        ordinary = await asked(self.client.fapiPrivateGetOpenOrders())
        conditional = await asked(self.client.fapiPrivateGetOpenAlgoOrders())
        return tuple(
            seen
            for reader, rows in ((binance.order_row, ordinary), (binance.algo_row, conditional))
            for seen in read(lambda rows, reader=reader: list(binance.rows_of(rows, reader, self.by_id.get)), rows)
        )

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade from ``trade_id`` on, page by page."""
        instrument = self.by_symbol[symbol]
        trades: list[TradeSeen] = []
        while True:
            wanted = {"fromId": trade_id}
            page = await asked(self.client.fetch_my_trades(symbol, None, TRADES_PER_REQUEST, wanted))
            rows = sorted(
                (read(binance.trade_row, trade["info"], instrument) for trade in page), key=lambda t: t.trade_id
            )
            trades += rows
            if len(rows) < TRADES_PER_REQUEST:
                return tuple(trades)
            trade_id = rows[-1].trade_id + 1

    async def newest_trade(self, symbol: str) -> int:
        """The last trade of the last week; before that, the end of all pages."""
        page = await asked(self.client.fetch_my_trades(symbol, None, TRADES_PER_REQUEST))
        numbers = [int(trade["info"]["id"]) for trade in page]
        if not numbers:
            numbers = [trade.trade_id for trade in await self.trades_since(symbol, 0)]
        return max(numbers, default=0)

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later."""
        return await self._payments(since_ns, income.FUNDING)

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Everything that moved the wallet at ``since_ns`` and later, by kind."""
        return await self._payments(since_ns, income.ALL)

    async def _payments(self, since_ns: int, kind: str) -> tuple[FundingSeen, ...]:
        return await income.payments(
            lambda wanted: asked(self.client.fapiPrivateGetIncome(wanted)), self.by_id.get, since_ns, kind
        )

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""
        rows = await asked(self.client.fapiPrivateV3GetPositionRisk())
        return tuple(read(lambda found: list(binance.position_rows(found, self.by_id.get)), rows))

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""
        balance = await asked(self.client.fetch_balance())
        seen: WalletSeen = read(binance.wallet_row, balance["info"], asset)
        return seen

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account is set up."""
        account = await asked(self.client.fapiPrivateGetAccountConfig())
        # Without a symbol the answer tells of every contract that is listed: long, but one.
        wanted = [{"symbol": self.id_of(symbol)} for symbol in symbols] if len(symbols) <= EACH_MAX else [{}]
        rows = [row for one in wanted for row in await asked(self.client.fapiPrivateGetSymbolConfig(one))]
        found: Modes = read(binance.modes, account, rows, self.by_id.get)
        return found

    async def permissions(self) -> Permissions:
        """What the keys may do, by the exchange's own account of them."""
        row = await asked(self.client.sapiGetAccountApiRestrictions())
        burn = await asked(self.client.fapiPrivateGetFeeBurn())
        found: Permissions = read(binance.permissions, row, burn)
        return found

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Set the contract's countdown."""
        asking = {"symbol": self.id_of(symbol), "countdownTime": timeout_ms}
        await asked(self.client.fapiPrivatePostCountdownCancelAll(asking))

    async def watch(self) -> None:
        """ccxt makes the listen key and dials."""
        await self.client.watch_orders()

    async def renew(self) -> None:
        """Keep the listen key alive."""
        await asked(self.client.fapiPrivatePutListenKey())

    def is_private(self, url: str) -> bool:
        """Its name has the listen key in it."""
        return "listenKey" in url

    def is_up_at_once(self) -> bool:
        """The listen key is the subscription."""
        return True

    def news(self, frame: Any) -> Iterable[News] | None:
        """What a frame of the user data stream tells."""
        kind = frame.get("e") if isinstance(frame, dict) else None
        if kind == binance.EXPIRED_KEY:
            raise StreamOver("the listen key expired")
        if kind not in binance.PRIVATE:
            return None
        return list(binance.news_of(frame, self.by_id.get))

    def forget(self) -> None:
        """A new key each time: an exchange that was restarted does not know the old one."""
        self.client.options["linear"] = {}
