"""Kraken Futures' perpetuals out of the wallet of many currencies, asked and heard through ccxt.

order of an id    status --none--> open --none--> history of orders, of triggers --none--> fills of that name --> None
                  (5 s)                           (what ended earlier)
trades from #n    the newest hundred fills, and earlier ones page by page; what each cost: heard, or in the account log
stream            one connection: challenge, then open_orders, fills, account_log; up when all three are acknowledged

An order that ended is forgotten by its status after five seconds.  ``None`` therefore means that the history and the
fills are silent as well; asked after the unknown horizon, and with an order that says until when it may be taken,
that is the proof that it never landed.  A question that fails proves nothing: it raises.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import errors
from engine.ledger import fee_of
from engine.order import CONDITIONAL, Event, Intent
from engine.venue import kraken, kraken_lists
from engine.venue.base import (
    FundingSeen,
    Modes,
    News,
    OrderSeen,
    Permissions,
    PositionSeen,
    StreamUp,
    TradeSeen,
    WalletSeen,
)
from engine.venue.client import RECV_WINDOW_MS, asked
from engine.venue.facts import fee_ppm, kraken_instrument
from engine.venue.wire import Row, StreamOver, Wire, read
from shm.instruments import Instrument, InstrumentError, minor_rounded
from shm.numbering import first_at, time_ms

FEEDS = ("open_orders", "fills", "account_log")
WEEK_MS, DAY_MS, HOUR_MS = 7 * 86_400_000, 86_400_000, 3_600_000
LEAD_MS = 60_000  # further than the machine's clock and the exchange's are apart, and than a list is late
FEES_S = 2.0  # that a trade waits for what it cost
LOG_NS = 60 * 10**9  # while the stream lives, the account log is asked for once in a while: histories are dear
KEPT_MAX = 10_000  # orders and trades that were heard
NS_OF_MS = 1_000_000


class KrakenWire(Wire):
    """One account of Kraken Futures."""

    def __init__(self, *more: Any) -> None:
        """Know no order yet, and nothing of the exchange's clock."""
        super().__init__(*more)
        self._orders: dict[str, OrderSeen] = {}  # by the exchange's number: a frame about an end only names it
        self._trades: dict[str, TradeSeen] = {}  # as the stream told them, by the exchange's name
        self._traded: dict[str, int] = {}  # lots of an order's trades that were told, by its number
        self._listed: dict[str, TradeSeen] = {}  # and as the list has them, with what they cost
        self._log: list[Row] = []  # entries of the account, as read last
        self._log_since_ms, self._log_until_ns = 0, 0  # from when on, and until when that will do
        self._ahead_ms = 0  # the exchange's clock before ours
        self._wanted = set(FEEDS)

    def instrument(self, info: Row, row: int, names: tuple[str, str, str]) -> Instrument:
        """The exchange's own rules; what is not settled in USD for ever is refused by name."""
        if words := kraken.unsuited(info):
            raise errors.InvalidOrder(f"{names[0]} {words}")
        try:
            return kraken_instrument(info, row, names)
        except InstrumentError as error:  # ticks of 1e-10 are not ours to count
            raise errors.InvalidOrder(str(error)) from error

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Names come in small letters as well."""
        super().follow(instruments)
        self.by_id = {name.upper(): rule for name, rule in self.by_id.items()}

    def bounds(self) -> dict[str, Any]:
        """Until when the exchange may take an order, by its own clock."""
        return {"processBefore": kraken.moment(self._now_ms() + RECV_WINDOW_MS)}

    async def server_ns(self) -> int:
        """Any answer tells the time."""
        name = next(iter(self.by_id), "PF_XBTUSD")
        answer = await asked(self.client.publicGetInstrumentsSymbolStatus({"symbol": name}))
        told_ms: int = read(lambda found: kraken.milliseconds(found["serverTime"]), answer)
        return told_ms * NS_OF_MS

    def acknowledged(self, answer: Row, intent: Intent) -> OrderSeen:
        """Its number, and what it traded at once: an order that takes may never be listed as open."""
        seen = kraken.placed(answer, intent, self.by_symbol[intent.instrument])
        seen = kraken.progressed(seen, max(seen.lots_filled, self._traded.get(seen.venue_order_id, 0)))
        self._keep(seen)
        return seen

    async def cancel(self, intent: Intent) -> None:
        """By our own id; that it is over already is said in an answer that is called a success."""
        answer = await self._ask(self.client.privatePostCancelorder, cliOrdId=intent.client_id)
        word = read(lambda found: found["cancelStatus"]["status"], answer)
        if word in ("notFound", "filled"):
            raise errors.OrderNotFound(f"cancel of {intent.client_id}: {word}")
        if word != "cancelled":
            raise errors.Unknown(f"cancel of {intent.client_id}: {word}")

    async def order_by_client_id(self, intent: Intent) -> OrderSeen | None:
        """By our own id, wherever it may be listed by now."""
        since_ms = intent.created_wall_ns // NS_OF_MS + self._ahead_ms - LEAD_MS
        instrument = self.by_symbol[intent.instrument]
        seen = await self._order(instrument, {"cliOrdIds": intent.client_id}, since_ms)
        if seen is None:
            return await self._by_fills(intent, since_ms)
        seen = replace(seen, lots=intent.lots)  # what is left is not what was asked for
        if seen.text.startswith(kraken.ACTIVATED) and self._now_ms() - seen.market_ns // NS_OF_MS > LEAD_MS:
            seen = replace(seen, event=Event.EXPIRE)  # nothing of its name came of it: the position tells the rest
        if seen.is_conditional is not (intent.type in CONDITIONAL):
            seen = replace(seen, reduce_only=intent.reduce_only)
        self._keep(seen)
        return seen

    async def order_by_id(self, symbol: str, venue_order_id: str) -> OrderSeen | None:
        """The order of that number, or None."""
        since_ms = self._now_ms() - HOUR_MS
        return await self._order(self.by_symbol[symbol], {"orderIds": venue_order_id}, since_ms)

    async def _order(self, instrument: Instrument, named: Mapping[str, str], since_ms: int) -> OrderSeen | None:
        """By status, then among what is open, then in the two histories; the order before the trigger it came from."""

        def best(found: Iterable[OrderSeen]) -> OrderSeen | None:
            ours = [one for one in found if {one.client_id, one.venue_order_id} & {*named.values()}]
            return min(ours, key=lambda one: (one.is_conditional, -one.market_ns), default=None)

        answer = await self._ask(self.client.privateGetOrdersStatus, **named)
        rows = read(lambda found: list(found["orders"]), answer)
        if seen := best(read(kraken.status_row, row, instrument) for row in rows):
            return seen
        if seen := best(await self.open_orders(instrument.symbol)):
            return seen
        return best([one async for one in self._ended(instrument, since_ms)])

    async def _ended(self, instrument: Instrument, since_ms: int) -> AsyncIterator[OrderSeen]:
        """The last that the histories tell of each order."""
        for ask in (self.client.historyGetOrders, self.client.historyGetTriggers):
            last: dict[str, OrderSeen] = {}
            for element in await kraken_lists.events(self._ask, ask, max(0, since_ms)):
                seen: OrderSeen | None = read(kraken.history_order, element, self._find)
                if seen is not None and seen.symbol == instrument.symbol:
                    last[seen.venue_order_id] = seen
            for seen in last.values():
                yield seen

    async def _by_fills(self, intent: Intent, since_ms: int) -> OrderSeen | None:
        """Nothing lists the order: its fills still carry its name."""
        ours = [row for row in await self._fills(since_ms) if row.get("cliOrdId") == intent.client_id]
        if not ours:
            return None
        instrument = self.by_symbol[intent.instrument]
        traded = sum(read(kraken.trade_row, row, instrument, 0).lots for row in ours)
        seen = read(kraken.placed, {"order_id": ours[-1]["order_id"]}, intent, instrument)
        return kraken.progressed(seen, traded)

    async def open_orders(self, symbol: str) -> tuple[OrderSeen, ...]:
        """What rests and what waits for its trigger, in one list of all contracts."""
        answer = await self._ask(self.client.privateGetOpenorders)
        found = []
        for row in read(lambda told: list(told["openOrders"]), answer):
            instrument = self._find(read(lambda one: one["symbol"], row))
            if instrument is not None and symbol in ("", instrument.symbol):
                found.append(read(kraken.open_row, row, instrument, self._orders.get(row.get("order_id"))))
                self._keep(found[-1])
        return tuple(found)

    async def trades_since(self, symbol: str, trade_id: int) -> tuple[TradeSeen, ...]:
        """Every trade from ``trade_id`` on; as the stream told it, where it did."""
        instrument, found = self.by_symbol[symbol], {}
        rows = await self._fills_of(instrument, time_ms(trade_id))
        unknown = [row for row in rows if row["fill_id"] not in self._trades | self._listed]
        fees = await self._fees(unknown)
        for row in unknown:
            self._listed[row["fill_id"]] = read(self._trade, row, instrument, fees)
        for row in rows:
            seen = self._trades.get(row["fill_id"]) or self._listed[row["fill_id"]]
            found[seen.trade_id] = seen
        _trim(self._listed)
        return tuple(found[number] for number in sorted(found) if number >= trade_id)

    def _trade(self, row: Row, instrument: Instrument, fees: Mapping[str, int]) -> TradeSeen:
        fee = minor_rounded(row["fee_paid"]) if "fee_paid" in row else fees.get(row["fill_id"])
        seen = kraken.trade_row(row, instrument, 0)
        if fee is None:  # neither heard nor logged: what the exchange's list of prices says
            ppm = fee_ppm(kraken.NAME, is_maker=seen.is_maker)
            fee = fee_of(instrument.notional(seen.price_ticks, seen.lots), ppm)
        return replace(seen, fee=fee)

    async def _fees(self, rows: Sequence[Row]) -> dict[str, int]:
        """What trades cost that nobody told, by the account log, if it answers soon."""
        dates = [kraken.milliseconds(row["fillTime"]) for row in rows if "fee_paid" not in row]
        if not dates:
            return {}
        try:
            async with asyncio.timeout(FEES_S):
                entries = await self._entries(min(dates) - LEAD_MS)
        except (errors.VenueError, TimeoutError):
            return {}  # the position is worth more than the last digit of a fee: the list of prices stands in
        cash = [entry for entry in entries if read(kraken.is_cash, entry) and entry.get("execution")]
        return {str(entry["execution"]): read(minor_rounded, entry.get("fee") or 0) for entry in cash}

    async def newest_trade(self, symbol: str) -> int:
        """The last trade of the last week; without one, the beginning of that week's first day."""
        begin_ms = (self._now_ms() - WEEK_MS) // DAY_MS * DAY_MS
        instrument = self.by_symbol[symbol]
        rows = await self._fills_of(instrument, begin_ms)
        numbers = [read(kraken.trade_row, row, instrument, 0).trade_id for row in rows]
        return max(numbers, default=first_at(begin_ms))

    async def _fills_of(self, instrument: Instrument, since_ms: int) -> list[Row]:
        rows = await self._fills(since_ms)
        return [row for row in rows if self._find(read(lambda one: str(one["symbol"]), row)) is instrument]

    async def _fills(self, since_ms: int) -> list[Row]:
        return await kraken_lists.fills(self._ask, self.client.privateGetFills, max(0, since_ms))

    async def _entries(self, since_ms: int) -> list[Row]:
        return await kraken_lists.entries(self._ask, self.client.historyGetAccountLog, max(0, since_ms))

    async def funding_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Every payment of funding at ``since_ns`` and later, also what a trade settled."""
        return tuple(one for one in await self._payments(since_ns) if one.kind == kraken.OF_FUNDING)

    async def transfers_since(self, since_ns: int) -> tuple[FundingSeen, ...]:
        """Everything that moved the cash at ``since_ns`` and later."""
        return await self._payments(since_ns)

    async def _payments(self, since_ns: int) -> tuple[FundingSeen, ...]:
        since_ms = since_ns // NS_OF_MS or self._now_ms() - WEEK_MS
        now_ns = self.clock.monotonic_ns()
        if self._wanted or now_ns >= self._log_until_ns or since_ms < self._log_since_ms:
            self._log_until_ns = now_ns + LOG_NS  # unless the stream tells of another entry meanwhile
            self._log_since_ms, self._log = 1 << 62, []
            self._log, self._log_since_ms = await self._entries(since_ms), since_ms
        found = [
            one
            for entry in self._log
            if read(kraken.is_cash, entry) and read(lambda one: kraken.milliseconds(one["date"]), entry) >= since_ms
            for one in read(lambda row: list(kraken.payments(row, self._find)), entry)
        ]
        return tuple(sorted(found, key=lambda one: (one.market_ns, one.reference)))

    async def positions(self) -> tuple[PositionSeen, ...]:
        """What we hold of the instruments that we follow."""
        answer = await self._ask(self.client.privateGetOpenpositions)
        return tuple(read(lambda told: list(kraken.position_rows(told["openPositions"], self._find)), answer))

    async def wallet(self, asset: str) -> WalletSeen:
        """Cash of ``asset``."""
        seen: WalletSeen = read(kraken.wallet_row, await self._ask(self.client.privateGetAccounts), asset)
        return seen

    async def modes(self, symbols: Sequence[str]) -> Modes:
        """How the account and its symbols are set up."""
        accounts = await self._ask(self.client.privateGetAccounts)
        leverages = await self._ask(self.client.privateGetLeveragepreferences)
        rows = read(lambda told: list(told["leveragePreferences"]), leverages)
        found: Modes = read(kraken.modes, accounts, rows, symbols, self._find)
        return found

    async def permissions(self) -> Permissions:
        """It does not say; that the key may read is proved by every other question."""
        return Permissions(may_trade=True, may_withdraw=None, is_bound_to_address=None)

    async def arm(self, symbol: str, timeout_ms: int) -> None:
        """Set the countdown of the whole account, in seconds; a symbol that we follow stands for it."""
        assert symbol in self.by_symbol, "somebody else's account"
        await self._ask(self.client.privatePostCancelallordersafter, timeout=-(-timeout_ms // 1000))

    async def watch(self) -> None:
        """Ask for a challenge, sign it, subscribe; ccxt does the first two."""
        self._wanted = set(FEEDS)
        await self.client.authenticate()
        signed = {"challenge": "original_challenge", "signedChallenge": "signed_challenge"}
        proof = {"api_key": self.client.apiKey} | {ours: self.client.options[theirs] for theirs, ours in signed.items()}
        url = self.client.urls["api"]["ws"]
        feeds = [self.client.watch(url, feed, {"event": "subscribe", "feed": feed, **proof}, feed) for feed in FEEDS]
        await asyncio.gather(*feeds)

    async def renew(self) -> None:
        """A connection that is authenticated stays so."""

    def forget(self) -> None:
        """The next connection signs a challenge of its own."""
        self._wanted, self._log_until_ns = set(FEEDS), 0

    def is_private(self, url: str) -> bool:
        """Public feeds are heard by another process."""
        return url.endswith("/ws/v1")

    def is_up_at_once(self) -> bool:
        """Only once every feed is acknowledged."""
        return False

    def news(self, frame: Any) -> Iterable[News] | None:
        """What a frame of the private stream tells of contracts that we follow."""
        if not isinstance(frame, dict):
            return None
        match frame.get("event"), frame.get("feed"):
            case "subscribed", feed:
                was_wanted, self._wanted = bool(self._wanted), self._wanted - {feed}
                is_up = was_wanted and not self._wanted
                self._log_until_ns = 0 if is_up else self._log_until_ns  # what was read before may have grown since
                return [StreamUp()] if is_up else []
            case (("error" | "alert" | "subscribed_failed"), _) if "Already subscribed" not in str(
                frame.get("message")
            ):
                raise StreamOver(f"{frame['event']}: {frame.get('message') or frame.get('feed')}")
            case None, ("fills_snapshot" | "account_log_snapshot"):
                return []  # of before: asked for
            case None, ("open_orders" | "open_orders_snapshot" | "fills" | "account_log"):
                return list(self._told(frame))
        return None

    def _told(self, frame: Row) -> Iterator[News]:
        match frame["feed"]:
            case "open_orders_snapshot":
                for body in frame["orders"]:
                    self._order_told({"order": body, "is_cancel": False})
            case "open_orders":
                if (seen := self._order_told(frame)) is not None:
                    yield seen
            case "fills":
                yield from self._fills_told(frame["fills"])
            case "account_log" if kraken.is_cash(frame["new_entry"]):
                yield from self._cash_told(frame["new_entry"])

    def _order_told(self, frame: Row) -> OrderSeen | None:
        body = frame.get("order") or {}
        known = self._orders.get(body.get("order_id") or frame.get("order_id") or "")
        name = body.get("instrument")
        instrument = self._find(name) if name else self.by_symbol.get(known.symbol) if known is not None else None
        if instrument is None:
            return None
        if known is not None:
            # The end of an order may only be named, and its trades come on another feed.
            traded = self._traded.get(known.venue_order_id, 0)
            known = replace(known, lots_filled=max(known.lots_filled, min(known.lots, traded)))
        seen = kraken.order_told(frame, instrument, known)
        if seen is not None:
            self._keep(seen)
        return seen

    def _fills_told(self, fills: Iterable[Row]) -> Iterator[TradeSeen]:
        for fill in fills:
            if (instrument := self._find(fill["instrument"])) is None:
                continue
            trade = kraken.trade_told(fill, instrument)
            if fill["fill_id"] not in self._trades:
                number = trade.venue_order_id
                self._traded[number] = self._traded.pop(number, 0) + trade.lots
                _trim(self._traded)
            self._trades[fill["fill_id"]] = trade
            _trim(self._trades)
            yield trade

    def _cash_told(self, entry: Row) -> Iterator[WalletSeen]:
        """What a trade did is known by the trade; all else asks for a look at the log."""
        for one in kraken.payments(entry, self._find):
            if one.kind != kraken.OF_TRADE:
                self._log_until_ns = 0
                yield WalletSeen(
                    asset=kraken.COIN,
                    wallet=0,
                    reason=one.kind,
                    change=one.amount,
                    symbol=one.symbol,
                    market_ns=one.market_ns,
                )

    def _keep(self, seen: OrderSeen) -> None:
        self._orders.pop(seen.venue_order_id, None)
        self._orders[seen.venue_order_id] = seen
        _trim(self._orders)

    def _find(self, name: str) -> Instrument | None:
        return self.by_id.get(name.upper())

    async def _ask(self, method: Any, **wanted: Any) -> Any:
        """The answer, whose time says how far the exchange's clock is before ours."""
        answer = await asked(method(wanted))
        if told := read(lambda found: found.get("serverTime"), answer):
            told_ms = read(kraken.milliseconds, told)
            self._ahead_ms = told_ms - self.clock.wall_ns() // NS_OF_MS
        return answer

    def _now_ms(self) -> int:
        return self.clock.wall_ns() // NS_OF_MS + self._ahead_ms


def _trim(kept: dict[str, Any]) -> None:
    """Forget what was heard first."""
    while len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
