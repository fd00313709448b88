"""Bybit's linear contracts in a unified account, asked and heard: v5 endpoints through ccxt, rows through ``bybit.py``.

order of an id    open and the last closed ones --none--> history --none--> None
trades from #n    weeks from the moment of #n on, each page by page
stream            one connection: auth, then order, execution, position; up when the subscription is acknowledged
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine import errors
from engine.order import Intent
from engine.venue import bybit
from engine.venue.base import (
    FundingSeen,
    Modes,
    ModesChanged,
    News,
    OrderSeen,
    Permissions,
    PositionSeen,
    StreamUp,
    TradeSeen,
    WalletSeen,
    taken_in,
)
from engine.venue.client import asked
from engine.venue.facts import bybit_instrument
from engine.venue.wire import Row, StreamOver, Wire, read
from shm.instruments import Instrument
from shm.numbering import first_at, time_ms

TOPICS = ("order", "execution", "position")
WEEK_MS = 7 * 86_400_000  # the most that one question may span
DAY_MS = 86_400_000
HISTORY_MS = 700 * DAY_MS  # it keeps two years
ROWS_MAX = {"order": 50, "execution": 100, "log": 50}
NS_OF_MS = 1_000_000


class BybitWire(Wire):
    """One unified account of Bybit."""

    def __init__(self, *more: Any) -> None:
        """Know nothing of leverages yet."""
        super().__init__(*more)
        self._set_up: dict[str, tuple[str, str]] = {}  # leverage and position index, by the exchange's name

    def instrument(self, info: Row, row: int, names: tuple[str, str, str]) -> Instrument:
        """The exchange's own filters; of contracts that are settled in what the wallet holds."""
        if info["settleCoin"] != bybit.COIN:
            raise errors.InvalidOrder(f"{names[0]} is settled in {info['settleCoin']}, not in {bybit.COIN}")
        return bybit_instrument(info, row, names)

    def acknowledged(self, answer: Row, intent: Intent) -> OrderSeen:
        """Its number alone: what becomes of it is told, or answered when asked."""
        if answer["orderLinkId"] != intent.client_id:
            raise ValueError(f"an answer about {answer['orderLinkId']}")
        return taken_in(intent, str(answer["orderId"]))

    async def cancel(self, intent: Intent) -> None:
        """By our own id."""
        await asked(self.client.privatePostV5OrderCancel(self._of(intent.instrument, orderLinkId=intent.client_id)))

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """By our own id: also among those that have ended."""
        return await self._order(intent.instrument, orderLinkId=intent.client_id)

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The order of that number, or None."""
        return await self._order(symbol, orderId=venue_order_id)

    async def _order(self, symbol: str, **named: str) -> OrderSeen | None:
        """What is open, what has ended lately, and the history: a restart of the exchange forgets the second."""
        instrument, realtime = self.by_symbol[symbol], self.client.privateGetV5OrderRealtime
        for ask, more in ((realtime, {}), (realtime, {"openOnly": 1}), (self.client.privateGetV5OrderHistory, {})):
            try:
                answer = await asked(ask(self._of(symbol, **named, **more)))
            except errors.OrderNotFound:
                continue
            for row in read(_rows, answer):
                seen: OrderSeen = read(bybit.order_row, row, instrument)
                if named in ({"orderLinkId": seen.client_id}, {"orderId": seen.venue_order_id}):
                    return seen
        return None

    async def open_orders(self, symbol: str) -> tuple[OrderSeen, ...]:
        """What rests and what waits for its trigger, in one list."""
        which = {"symbol": self.id_of(symbol)} if symbol else {"settleCoin": bybit.COIN}
        wanted = {"category": bybit.CATEGORY, **which, "openOnly": 0, "limit": ROWS_MAX["order"]}
        rows = await self._pages(self.client.privateGetV5OrderRealtime, wanted)
        ours = [(row, self.by_id.get(read(lambda it: it["symbol"], row))) for row in rows]
        return tuple(read(bybit.order_row, row, instrument) for row, instrument in ours if instrument is not None)

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Week by week from the moment that the number tells."""
        instrument, found = self.by_symbol[symbol], {}
        for begin_ms, end_ms in self._weeks(time_ms(trade_id)):
            wanted = self._of(symbol, startTime=begin_ms, endTime=end_ms, limit=ROWS_MAX["execution"])
            for row in await self._pages(self.client.privateGetV5ExecutionList, wanted):
                if read(bybit.is_trade, row):
                    seen: TradeSeen = read(bybit.trade_row, row, instrument)
                    found[seen.trade_id] = seen
        return tuple(found[number] for number in sorted(found) if number >= trade_id)

    async def newest_trade(self, symbol: str) -> int:
        """The last trade of the last week; without one, the beginning of that week's first day."""
        wanted = self._of(symbol, limit=ROWS_MAX["execution"])
        rows = await self._pages(self.client.privateGetV5ExecutionList, wanted)
        trades = [row for row in rows if read(bybit.is_trade, row)]
        numbers = [read(bybit.trade_row, row, self.by_symbol[symbol]).trade_id for row in trades]
        return max(numbers, default=first_at((self._now_ms() - WEEK_MS) // DAY_MS * DAY_MS))

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later."""
        return await self._payments(since_ns, "SETTLEMENT")

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Everything that moved the wallet at ``since_ns`` and later; transfers are asked for by name as well."""
        moved = [await self._payments(since_ns, kind) for kind in ("", "TRANSFER_IN", "TRANSFER_OUT")]
        found = {one.reference: one for some in moved for one in some}
        return tuple(sorted(found.values(), key=_in_time))

    async def _payments(self, since_ns: int, kind: str) -> tuple[FundingSeen, ...]:
        since_ms, found = since_ns // NS_OF_MS or self._now_ms() - WEEK_MS, {}
        for begin_ms, end_ms in self._weeks(since_ms):
            wanted = {"accountType": "UNIFIED", "currency": bybit.COIN, "limit": ROWS_MAX["log"]}
            wanted |= {"startTime": begin_ms, "endTime": end_ms} | ({"type": kind} if kind else {})
            for row in await self._pages(self.client.privateGetV5AccountTransactionLog, wanted):
                seen: FundingSeen = read(bybit.payment, row, self.by_id.get)
                found[seen.reference] = seen
        return tuple(sorted(found.values(), key=_in_time))

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""
        rows = await self._pages(
            self.client.privateGetV5PositionList, {"category": bybit.CATEGORY, "settleCoin": bybit.COIN, "limit": 200}
        )
        return tuple(read(lambda found: list(bybit.position_rows(found, self.by_id.get)), rows))

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""
        seen: WalletSeen = read(bybit.wallet_row, await self._coins(), asset)
        return seen

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account and its symbols are set up."""
        account = await asked(self.client.privateGetV5AccountInfo())
        positions = [
            row
            for symbol in symbols
            for row in read(_rows, await asked(self.client.privateGetV5PositionList(self._of(symbol))))
        ]
        coins = await self._coins()
        found: Modes = read(lambda answer: bybit.modes(answer["result"], positions, coins, self.by_id.get), account)
        return found

    async def permissions(self) -> Permissions:
        """What the keys may do, by the exchange's own account of them."""
        answer = await asked(self.client.privateGetV5UserQueryApi())
        found: Permissions = read(lambda row: bybit.permissions(row["result"]), answer)
        return found

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """There is none that we could set and take back."""
        raise errors.InvalidOrder(f"bybit has no dead-man timer of ours to set ({symbol}, {timeout_ms} ms)")

    async def watch(self) -> None:
        """Authenticate, then subscribe; all topics also tell of other categories."""
        url = self.client.implode_hostname(self.client.urls["api"]["ws"]["private"]["contract"])
        await self.client.authenticate(url)
        await self.client.watch_topics(url, list(TOPICS), list(TOPICS))

    async def renew(self) -> None:
        """A connection that is authenticated stays so."""

    def forget(self) -> None:
        """How the symbols were set up is asked for after the next connection."""
        self._set_up = {}

    def is_private(self, url: str) -> bool:
        """By its path."""
        return url.endswith("/v5/private")

    def is_up_at_once(self) -> bool:
        """Only once the subscription is acknowledged."""
        return False

    def news(self, frame: Any) -> Iterable[News] | None:
        """What a frame of the private stream tells of linear contracts that we follow."""
        if not isinstance(frame, dict):
            return None
        if frame.get("op") == "subscribe":
            if frame.get("success") is not True:
                raise StreamOver(f"not subscribed: {frame.get('ret_msg')}")
            return [StreamUp()]
        if frame.get("topic") not in TOPICS:
            return None
        return list(self._told(frame))

    def _told(self, frame: Row) -> Iterator[News]:
        for row in frame["data"]:
            instrument = self.by_id.get(row["symbol"]) if row["category"] == bybit.CATEGORY else None
            if instrument is None:
                continue
            match frame["topic"]:
                case "order":
                    yield bybit.order_row(row, instrument)
                case "execution" if bybit.is_trade(row):
                    yield bybit.trade_row(row, instrument)
                case "execution" if row["execType"] == bybit.FUNDING:
                    yield WalletSeen(
                        asset=bybit.COIN,
                        wallet=0,
                        reason="FUNDING_FEE",
                        change=0,
                        symbol=instrument.symbol,
                        market_ns=0,
                    )
                case "position":
                    yield from self._set_up_anew(row)

    def _set_up_anew(self, row: Row) -> Iterator[News]:
        now = str(row["leverage"]), str(row["positionIdx"])
        before = self._set_up.setdefault(row["symbol"], now)
        if now != before:
            self._set_up[row["symbol"]] = now
            yield ModesChanged(text=f"{row['symbol']}: leverage {now[0]}, position index {now[1]}")

    def _of(self, symbol: str, **more: Any) -> dict[str, Any]:
        return {"category": bybit.CATEGORY, "symbol": self.id_of(symbol), **more}

    async def _coins(self) -> list[Row]:
        answer = await asked(self.client.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"}))
        return list(read(lambda found: found["result"]["list"][0]["coin"], answer))

    async def _pages(self, ask: Any, wanted: dict[str, Any]) -> list[Row]:
        """Every page of an answer; a cursor that does not move ends it."""
        rows: list[Row] = []
        cursor = ""
        while True:
            answer = await asked(ask(wanted | ({"cursor": cursor} if cursor else {})))
            page = read(_rows, answer)
            rows += page
            after = answer["result"].get("nextPageCursor") or ""
            if not page or after in ("", cursor):
                return rows
            cursor = after

    def _weeks(self, since_ms: int) -> Iterator[tuple[int, int]]:
        """(begin, end) of each question, from the oldest; the last one ends in the future."""
        now_ms = self._now_ms()
        begin_ms = max(since_ms, now_ms - HISTORY_MS)
        while True:
            yield begin_ms, begin_ms + WEEK_MS
            begin_ms += WEEK_MS
            if begin_ms > now_ms:
                return

    def _now_ms(self) -> int:
        return self.clock.wall_ns() // NS_OF_MS


def _rows(answer: Row) -> list[Row]:
    return list(answer["result"]["list"] or ())


def _in_time(one: FundingSeen) -> tuple[int, str]:
    return one.market_ns, one.reference
