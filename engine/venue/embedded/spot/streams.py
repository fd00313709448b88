"""Spot websocket streams: who listens to what, and what each event says to them.

/ws  /ws/<stream>/<stream>  /stream?streams=a/b      market data, raw and combined
/ws/<listen key>                                     the account's own events, as clients of before 2026 ask for them
SpotDialogue (websocket API)                         the account's own events, wrapped, to whoever subscribed
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import orjson
from aiohttp import web

from engine.venue.embedded.clients import Client
from engine.venue.embedded.depth import Ladder
from engine.venue.embedded.events import Candle, CandleUpdate, Event, Quote, Trade
from engine.venue.embedded.faults.points import Points
from engine.venue.embedded.market import INTERVALS_NS, MINUTE_NS
from engine.venue.embedded.signing import LISTEN_KEY_ABSENT, ListenKeys
from engine.venue.embedded.spot import beside, messages
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.orders import Balances, Execution, ListUpdate, Payment, SpotEvent
from engine.venue.embedded.spot.quotations import day_statistics

FLOOR = "spot"  # what faults call it
ROUTE = re.compile(r"^(?:/(?:spot|stream-spot))?/(ws|stream)(?:/(.*))?$")
LISTEN_KEY = re.compile(r"[0-9a-f]{64}")
TICK_STREAMS = re.compile(r"@(aggTrade|trade|bookTicker|depth|kline)")
DEPTH = re.compile(r"@depth(5|10|20)?(@|$)")
TRADES = {"aggTrade": messages.aggregate_trade, "trade": messages.public_trade}


class Desk(Protocol):
    """Whoever else tells accounts what happened to them."""

    def tell(self, account: str, plain: str) -> None:
        """Tell one account."""
        ...


class SpotStreams:
    """All websocket clients of the spot market and what they listen to."""

    def __init__(self, spot: SpotExchange, listen_keys: ListenKeys) -> None:
        self._spot, self._market, self._listen_keys = spot, spot.market, listen_keys
        self._clients: dict[Client, None] = {}
        self._listeners: dict[str, dict[Client, None]] = {}
        self._ladders = {listing.id: Ladder(spot.market, listing) for listing in spot.listings}
        self.desks: list[Desk] = []
        self.faults: Points = Points()

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is connected now."""
        return tuple(self._clients)

    @property
    def backlog_count(self) -> int:
        """Messages that the slowest client has not been sent yet."""
        return max((client.backlog_count for client in self._clients), default=0)

    def is_route(self, path: str) -> bool:
        """Whether ``path`` is a stream's address."""
        return ROUTE.match(path) is not None

    # -- clients ---------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one client from its handshake to its end."""
        route = ROUTE.match(request.path)
        assert route is not None, "the server asks is_route first"
        names = [name for name in (route[2] or request.query.get("streams", "")).split("/") if name]
        key = next((name for name in names if LISTEN_KEY.fullmatch(name)), None)
        if key and self._listen_keys.account(key) is None:
            refusal = LISTEN_KEY_ABSENT
            return web.json_response({"code": refusal.code, "msg": refusal.message}, status=400)
        client = Client(combined=route[1] == "stream")
        await client.open(request)
        self._clients[client] = None
        self._subscribe(client, names)
        try:
            async for message in client.socket:
                text = await client.hear(message)
                if text is not None:
                    client.push(orjson.dumps(self._answer(client, text)).decode())
        finally:
            self._clients.pop(client, None)
            self._unsubscribe(client, list(client.streams))
            await client.close()
        return client.socket

    async def close(self) -> None:
        """Say good-bye to every client."""
        for client in list(self._clients):
            await client.close(reason=b"exchange closes")

    def cut_slowest(self, backlog_max: int) -> None:
        """Cut every client with more than ``backlog_max`` messages waiting."""
        for client in self._clients:
            if client.backlog_count >= backlog_max:
                client.cut()

    def _answer(self, client: Client, text: str | bytes) -> dict[str, Any]:
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError:
            return {"error": {"code": 3, "msg": "Invalid JSON: expected value"}}
        if not isinstance(request, dict):
            return {"error": {"code": 0, "msg": "Unknown property"}}
        names, number = request.get("params") or [], request.get("id")
        result: Any = None
        match request.get("method"):
            case "SET_PROPERTY" if names in (["combined", True], ["combined", False]):
                client.combined = names[1]
            case "GET_PROPERTY" if names == ["combined"]:
                result = client.combined
            case "LIST_SUBSCRIPTIONS":
                result = list(client.streams)
            case "SUBSCRIBE" | "UNSUBSCRIBE" as verb:
                if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                    return {"error": {"code": 2, "msg": "Invalid request: params must be strings"}, "id": number}
                (self._subscribe if verb == "SUBSCRIBE" else self._unsubscribe)(client, names)
            case other:
                return {"error": {"code": 2, "msg": f"Invalid request: unknown method {other}"}, "id": number}
        return {"result": result, "id": number}

    def _subscribe(self, client: Client, names: Iterable[str]) -> None:
        for name in names:
            client.streams[name] = None
            self._listeners.setdefault(name, {})[client] = None
            if self._listen_keys.account(name) is not None:
                client.listen_key, client.account = name, self._listen_keys.account(name)
        self._weigh()

    def _unsubscribe(self, client: Client, names: Iterable[str]) -> None:
        for name in names:
            client.streams.pop(name, None)
            listeners = self._listeners.get(name, {})
            listeners.pop(client, None)
            if not listeners:
                self._listeners.pop(name, None)
        self._weigh()

    def _weigh(self) -> None:
        # Ticks that nobody hears need not be made.
        self._spot.wants_ticks = any(TICK_STREAMS.search(name) for name in self._listeners)

    # -- events ----------------------------------------------------------------

    def publish(self, events: Iterable[Event]) -> None:
        """Tell every listener what happened, the accounts first."""
        self.settle()
        if not self._listeners:
            return
        for event in events:
            match event:
                case CandleUpdate():
                    self._candle(event)
                case Trade():
                    self._tell_about(
                        event.symbol, {"aggTrade": messages.aggregate_trade, "trade": messages.public_trade}, event
                    )
                case Quote():
                    self._tell_about(event.symbol, {"bookTicker": messages.book_ticker}, event)
                    self._tell_depth(event.symbol)

    def settle(self) -> None:
        """Tell the accounts what happened to them."""
        for event in self._spot.drain():
            account, message = self._private(event)
            for plain in self.faults.private(account, message, FLOOR):
                for desk in self.desks:
                    desk.tell(account, plain)
                for client in self._clients:
                    if client.account == account:
                        client.push(_combined(client.listen_key or "", plain) if client.combined else plain)

    def _private(self, event: SpotEvent) -> tuple[str, messages.Message]:
        match event:
            case Execution():
                return event.order.account, messages.execution(self._spot.by_id[event.order.symbol], event)
            case ListUpdate():
                return event.account, messages.list_status(event)
            case Balances():
                return event.account, messages.account_position(event)
            case Payment():
                return event.account, messages.balance_update(event)

    def expire_listen_keys(self, now_ns: int, wall_ms: int) -> None:
        """Tell the owners of listen keys that ended, then leave them deaf, as the exchange does."""
        for key, _ in self._listen_keys.expire(now_ns):
            for client in [client for client in self._clients if client.listen_key == key]:
                client.push(orjson.dumps(messages.listen_key_expired(key, wall_ms)).decode())
                client.account = client.listen_key = None

    def snapshot(self, symbol: str) -> tuple[int, list[tuple[str, str]], list[tuple[str, str]]]:
        """The ladder for REST depth; the next difference begins right after its update id."""
        self._tell_depth(symbol)
        ladder = self._ladders[symbol]
        bids, asks = ladder.levels()
        return ladder.update_id, bids, asks

    def _candle(self, contract: CandleUpdate) -> None:
        told = beside.told(self._spot, contract)
        if told is None:
            return
        (listing, update), stem = told, contract.symbol.lower()
        for interval in INTERVALS_NS:
            name = f"{stem}@kline_{interval}"
            if name in self._listeners and (found := self._interval_candle(update, interval)):
                self._tell(name, messages.kline(listing, update, interval, *found))
        if f"{stem}@avgPrice" in self._listeners:
            average = self._spot.average_ticks(update.symbol)
            self._tell(f"{stem}@avgPrice", messages.average_price(listing, average, update.at_ns))
        written = {"ticker": messages.ticker, "miniTicker": messages.mini_ticker}
        for kind, write in written.items():
            for name, many in ((f"{stem}@{kind}", False), (f"!{kind}@arr", True)):
                if name in self._listeners:
                    message = write(day_statistics(self._spot, listing), update.at_ns)
                    self._tell(name, [message] if many else message)

    def _interval_candle(self, update: CandleUpdate, interval: str) -> tuple[Candle, bool] | None:
        """The candle of ``interval`` after ``update``, and whether it is closed."""
        if interval == "1m":
            return update.candle, update.closed
        length_ns = INTERVALS_NS[interval]
        open_ns = update.candle.open_ns // length_ns * length_ns
        if update.closed and (update.candle.open_ns + MINUTE_NS) % length_ns == 0:
            _, rows = beside.candles(self._spot, update.symbol, (interval, open_ns, open_ns, 1))
            return (Candle(*rows[-1].item()), True) if len(rows) else None
        forming = None if update.symbol in self._spot.beside else self._market.forming(update.symbol, interval)
        return (forming, False) if forming else None

    def _tell_about(self, symbol: str, written: dict[str, Callable[..., messages.Message]], event: Event) -> None:
        for kind, write in written.items():
            name = f"{symbol.lower()}@{kind}"
            if name in self._listeners:
                self._tell(name, write(self._spot.by_id[symbol], event))

    def _tell_depth(self, symbol: str) -> None:
        stem = f"{symbol.lower()}@"
        names = [name for name in self._listeners if name.startswith(stem) and DEPTH.search(name)]
        if not names or (difference := self._ladders[symbol].difference()) is None:
            return
        (first, last, _), bids, asks = difference
        for name in names:
            levels = DEPTH.search(name)
            if levels is not None and levels[1]:
                top = [side[: int(levels[1])] for side in self._ladders[symbol].levels()]
                self._tell(name, messages.partial_depth(last, top[0], top[1]))
            else:
                told = messages.depth(self._spot.by_id[symbol], self._market.now_ns, (first, last), bids, asks)
                self._tell(name, told)

    def _tell(self, name: str, message: messages.Message | list[messages.Message]) -> None:
        for plain in self.faults.frames(name, message, FLOOR):
            for client in self._listeners.get(name, ()):
                client.push(_combined(name, plain) if client.combined else plain)


def _combined(name: str, plain: str) -> str:
    return f'{{"stream":{orjson.dumps(name).decode()},"data":{plain}}}'
