"""Websocket streams: who listens to what, and what each event of the exchange says to them.

    /ws  /ws/<stream>/<stream>  /stream?streams=a/b      and the same behind /public /market /private
    ?listenKey=KEY or /ws/<listen key>                   the account's own events

Every stream is served on every route, and a name that nobody publishes is
accepted: clients differ in which route they ask.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import orjson
from aiohttp import web

from engine.venue.embedded import messages
from engine.venue.embedded.clients import PATIENT, QUEUE_MAX, Client, ClientRules
from engine.venue.embedded.depth import Ladder
from engine.venue.embedded.events import (
    AccountUpdate,
    AlgoUpdate,
    Candle,
    CandleUpdate,
    Event,
    OrderUpdate,
    Quote,
    Trade,
)
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.faults.points import Points
from engine.venue.embedded.market import INTERVALS_NS, MINUTE_NS
from engine.venue.embedded.quotations import day_statistics
from engine.venue.embedded.signing import LISTEN_KEY_ABSENT, ListenKeys

ROUTE = re.compile(r"^(?:/(?:public|market|private|stream-spot|pm))?/(ws|stream)(?:/(.*))?$")
LISTEN_KEY = re.compile(r"[0-9a-f]{64}")
TICK_STREAMS = re.compile(r"@(aggTrade|trade|bookTicker|depth)|^!bookTicker$")
CANDLES = re.compile(
    r"([a-z0-9]+)(?:_perpetual)?@(kline|continuousKline|markPrice|ticker|miniTicker)(?:_(\w+))?(?:@1s)?$"
)
MARKS_OF_ALL, TICKERS_OF_ALL, SHORT_TICKERS_OF_ALL = "!markPrice@arr", "!ticker@arr", "!miniTicker@arr"
QUOTES_OF_ALL, FORCED_OF_ALL = "!bookTicker", "!forceOrder@arr"
DEPTH = re.compile(r"@depth(5|10|20)?(@|$)")
PORTION = 200  # events told at a go, a hundredth of a second or so; an order does not wait for hundreds of symbols


class Follower(Protocol):
    """Whoever tells clients of another floor (spot) about the same events."""

    @property
    def backlog_count(self) -> int:
        """Messages that its slowest client has not been sent yet."""
        ...

    def publish(self, events: Iterable[Event]) -> None:
        """Tell what happened."""
        ...

    def cut_slowest(self, backlog_max: int) -> None:
        """Cut clients that lag."""
        ...

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is connected now."""
        ...

    def expire_listen_keys(self, now_ns: int, wall_ms: int) -> None:
        """End the user streams whose time is over."""
        ...


class Streams:
    """All websocket clients and what they listen to."""

    def __init__(
        self, exchange: Exchange, listen_keys: ListenKeys, *, points: int, rules: ClientRules = PATIENT
    ) -> None:
        self._exchange = exchange
        self._listen_keys = listen_keys
        self._points = points
        self._rules = rules
        self._queue_max = QUEUE_MAX
        self._clients: dict[Client, None] = {}
        self._listeners: dict[str, dict[Client, None]] = {}
        self._ladders = {listing.id: Ladder(exchange, listing) for listing in exchange.listings}
        self._depth_streams: dict[str, dict[str, None]] = {}  # symbol -> names in use
        self._candle_streams: dict[str, dict[str, tuple[str, str]]] = {}  # symbol -> name -> kind, interval
        self.cut_count = self._opened = 0
        self.followers: list[Follower] = []
        self.faults: Points = Points()
        self._weigh()

    @property
    def clients_count(self) -> int:
        """Clients connected now."""
        return len(self._clients)

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is connected now."""
        return tuple(self._clients)

    @property
    def everybody(self) -> tuple[Client, ...]:
        """The clients of every floor."""
        return sum((follower.clients for follower in self.followers), self.clients)

    @property
    def backlog_count(self) -> int:
        """Messages that the slowest client has not been sent yet."""
        own = max((client.backlog_count for client in self._clients), default=0)
        return max(own, *(follower.backlog_count for follower in self.followers), 0)

    def is_route(self, path: str) -> bool:
        """Whether ``path`` is a stream's address."""
        return ROUTE.match(path) is not None

    # -- clients ---------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one client from its handshake to its end."""
        route = ROUTE.match(request.path)
        assert route is not None, "the server asks is_route first"
        names = [name for name in (route[2] or request.query.get("streams", "")).split("/") if name]
        key = request.query.get("listenKey") or next((name for name in names if LISTEN_KEY.fullmatch(name)), None)
        account = self._listen_keys.account(key) if key else None
        if key and account is None:
            refusal = LISTEN_KEY_ABSENT
            return web.json_response({"code": refusal.code, "msg": refusal.message}, status=400)
        self._opened += 1
        client = Client(
            combined=route[1] == "stream", queue_max=self._queue_max, rules=self._rules, number=self._opened
        )
        client.account, client.listen_key = account, key
        await client.open(request)
        self._clients[client] = None
        self._subscribe(client, names)
        try:
            async for message in client.socket:
                if (text := await client.hear(message)) is not None:
                    client.push(orjson.dumps(self._answer(client, text)).decode())
        finally:
            self._forget(client)
            await client.close()
        return client.socket

    def announce_end(self, wall_ms: int) -> None:
        """Tell every client that its connection is about to end."""
        event = messages.server_shutdown(wall_ms)
        for client in self._clients:
            message = {"stream": "!serverShutdown", "data": event} if client.combined else event
            client.push(orjson.dumps(message).decode())

    async def close(self) -> None:
        """Say good-bye to every client."""
        await asyncio.gather(*(client.close(reason=b"exchange closes") for client in list(self._clients)))

    def cut_slowest(self, backlog_max: int) -> None:
        """Cut every client with more than ``backlog_max`` messages waiting."""
        for client in self._clients:
            if client.backlog_count >= backlog_max:
                client.cut()
        for follower in self.followers:
            follower.cut_slowest(backlog_max)

    def _answer(self, client: Client, text: str | bytes) -> dict[str, Any]:
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError:
            return {"error": {"code": 3, "msg": "Invalid JSON: expected value"}}
        if not isinstance(request, dict):
            return {"error": {"code": 0, "msg": "Unknown property"}}
        if request.get("method") in ("SET_PROPERTY", "GET_PROPERTY"):
            return _property(client, request)
        names = request.get("params") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return {"error": {"code": 2, "msg": "Invalid request: params must be strings"}, "id": request.get("id")}
        result: Any = None
        match request.get("method"):
            case "SUBSCRIBE" if len(client.streams.keys() | set(names)) > self._rules.streams_max:
                text = f"Invalid request: more than {self._rules.streams_max} streams on one connection"
                return {"error": {"code": 2, "msg": text}, "id": request.get("id")}
            case "SUBSCRIBE":
                self._subscribe(client, names)
            case "UNSUBSCRIBE":
                self._unsubscribe(client, names)
            case "LIST_SUBSCRIPTIONS":
                result = list(client.streams)
            case other:
                return {
                    "error": {"code": 2, "msg": f"Invalid request: unknown method {other}"},
                    "id": request.get("id"),
                }
        return {"result": result, "id": request.get("id")}

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

    def _forget(self, client: Client) -> None:
        self._clients.pop(client, None)
        self._unsubscribe(client, list(client.streams))
        self.cut_count += client.is_cut

    def _weigh(self) -> None:
        # Ticks that nobody hears need not be made; forming candles matter only between the points of a minute.
        klines = self._points > 1 and any("line_" in name for name in self._listeners)
        self._exchange.tells_ticks = klines or any(TICK_STREAMS.search(name) for name in self._listeners)
        self._depth_streams, self._candle_streams = {}, {}
        for name in self._listeners:
            if DEPTH.search(name):
                self._depth_streams.setdefault(name.partition("@")[0].upper(), {})[name] = None
            if found := CANDLES.fullmatch(name):
                self._candle_streams.setdefault(found[1].upper(), {})[name] = found[2], found[3] or ""

    # -- events ----------------------------------------------------------------

    def publish(self, events: Sequence[Event]) -> None:
        """Tell every listener what happened."""
        for _ in self._published(events):
            pass

    async def publish_in_portions(self, events: Sequence[Event]) -> None:
        """The same, with a breath after each portion; first what accounts are told, as they decide on the rest."""
        if len(events) > PORTION:
            events = sorted(events, key=lambda event: not isinstance(event, OrderUpdate | AlgoUpdate | AccountUpdate))
        for _ in self._published(events):
            await asyncio.sleep(0)

    def _published(self, events: Sequence[Event]) -> Iterator[None]:
        for follower in self.followers:
            follower.publish(events)
        moved: dict[str, CandleUpdate] = {}
        for count, event in enumerate(events, 1):
            self._publish_one(event)
            if isinstance(event, CandleUpdate):
                moved[event.symbol] = event
            if count % PORTION == 0:
                yield
        if moved:
            self._tell_of_all(moved)

    def _publish_one(self, event: Event) -> None:
        match event:
            case CandleUpdate():
                self._candle(event)
            case Trade():
                self._trade(event)
            case Quote():
                self._quote(event)
            case OrderUpdate():
                listing = self._exchange.by_id[event.order.symbol]
                if event.fill is not None:
                    self._tell_account(event.order.account, messages.trade_lite(listing, event))
                self._tell_account(event.order.account, messages.order_update(listing, event))
                self._forced(event)
            case AlgoUpdate():
                listing = self._exchange.by_id[event.order.symbol]
                self._tell_account(event.order.account, messages.algo_update(listing, event))
            case AccountUpdate():
                held = self._exchange.by_id[event.position.symbol] if event.position else None
                self._tell_account(event.account, messages.account_update(held, event))

    def expire_listen_keys(self, now_ns: int, wall_ms: int) -> None:
        """Tell the owners of listen keys that ended, then leave them deaf, as the exchange does."""
        for key, account in self._listen_keys.expire(now_ns):
            self._tell_account(account, messages.listen_key_expired(key, wall_ms))
            for client in self._clients:
                if client.listen_key == key:
                    client.account = client.listen_key = None

    def snapshot(self, symbol: str) -> tuple[int, list[tuple[str, str]], list[tuple[str, str]]]:
        """The ladder for REST depth, with an update id that the next difference spans."""
        self._tell_depth(symbol)
        ladder = self._ladders[symbol]
        bids, asks = ladder.levels()
        return ladder.update_id + 1, bids, asks

    def _candle(self, update: CandleUpdate) -> None:
        listing = self._exchange.by_id[update.symbol]
        for name, (kind, interval) in self._candle_streams.get(update.symbol, {}).items():
            match kind:
                case "kline" | "continuousKline":
                    if interval in INTERVALS_NS and (found := self._interval_candle(update, interval)):
                        message = messages.kline(listing, update, interval, *found)
                        self._tell(name, message if kind == "kline" else messages.continuous_kline(message))
                case "markPrice":
                    self._tell(name, messages.mark_price(listing, update.at_ns, self._exchange.marks(listing.id)))
                case "ticker":
                    self._tell(name, messages.ticker(day_statistics(self._exchange, listing), update.at_ns))
                case _:
                    self._tell(name, messages.mini_ticker(day_statistics(self._exchange, listing), update.at_ns))

    def _tell_of_all(self, moved: dict[str, CandleUpdate]) -> None:
        """One message about every contract whose candle moved."""
        by_id = self._exchange.by_id
        for name in (MARKS_OF_ALL, f"{MARKS_OF_ALL}@1s"):
            if name in self._listeners:
                marks = ((by_id[one], at.at_ns, self._exchange.marks(one)) for one, at in moved.items())
                self._tell(name, [messages.mark_price(*row) for row in marks])
        for name, written in ((TICKERS_OF_ALL, messages.ticker), (SHORT_TICKERS_OF_ALL, messages.mini_ticker)):
            if name in self._listeners:
                statistics = ((day_statistics(self._exchange, by_id[one]), at.at_ns) for one, at in moved.items())
                self._tell(name, [written(row, at_ns) for row, at_ns in statistics])

    def _trade(self, event: Trade) -> None:
        listing, stem = self._exchange.by_id[event.symbol], event.symbol.lower()
        if f"{stem}@aggTrade" in self._listeners:
            self._tell(f"{stem}@aggTrade", messages.aggregate_trade(listing, event))
        if f"{stem}@trade" in self._listeners:
            self._tell(f"{stem}@trade", messages.public_trade(listing, event))

    def _forced(self, event: OrderUpdate) -> None:
        """A liquidation is told to everybody, without its owner."""
        if event.fill is None or not event.order.client_id.startswith(("autoclose-", "adl_autoclose")):
            return
        for name in (f"{event.order.symbol.lower()}@forceOrder", FORCED_OF_ALL):
            if name in self._listeners:
                self._tell(name, messages.forced_order(self._exchange.by_id[event.order.symbol], event))

    def _interval_candle(self, update: CandleUpdate, interval: str) -> tuple[Candle, bool] | None:
        """The candle of ``interval`` after ``update``, and whether it is closed."""
        if interval == "1m":
            return update.candle, update.closed
        length_ns = INTERVALS_NS[interval]
        open_ns = update.candle.open_ns // length_ns * length_ns
        if update.closed and (update.candle.open_ns + MINUTE_NS) % length_ns == 0:
            rows = self._exchange.klines(update.symbol, interval, open_ns, open_ns, 1)
            return (Candle(*rows[-1].item()), True) if len(rows) else None
        forming = self._exchange.forming(update.symbol, interval)
        return (forming, False) if forming else None

    def _quote(self, quote: Quote) -> None:
        for name in (f"{quote.symbol.lower()}@bookTicker", QUOTES_OF_ALL):
            if name in self._listeners:
                self._tell(name, messages.book_ticker(self._exchange.by_id[quote.symbol], quote))
        self._tell_depth(quote.symbol)

    def _tell_depth(self, symbol: str) -> None:
        names = self._depth_streams.get(symbol)
        if names is None or (difference := self._ladders[symbol].difference()) is None:
            return
        listing, at_ns = self._exchange.by_id[symbol], self._exchange.now_ns
        for name in names:
            levels = DEPTH.search(name)
            if levels is not None and levels[1]:
                bids, asks = (side[: int(levels[1])] for side in self._ladders[symbol].levels())
                self._tell(name, messages.depth(listing, at_ns, difference[0], bids, asks))
            else:
                self._tell(name, messages.depth(listing, at_ns, *difference))

    def _tell(self, name: str, message: messages.Message | list[messages.Message]) -> None:
        for plain in self.faults.frames(name, message):
            for client in self._listeners.get(name, ()):
                client.push(_combined(name, plain) if client.combined else plain)

    def _tell_account(self, account: str, message: messages.Message) -> None:
        for plain in self.faults.private(account, message):
            for client in self._clients:
                if client.account == account:
                    client.push(_combined(client.listen_key or "", plain) if client.combined else plain)


def _combined(name: str, plain: str) -> str:
    return f'{{"stream":{orjson.dumps(name).decode()},"data":{plain}}}'


def _property(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    """Read or set whether messages come with their stream's name."""
    params = request.get("params")
    result: Any = None
    if request["method"] == "GET_PROPERTY" and params == ["combined"]:
        result = client.combined
    elif params in (["combined", True], ["combined", False]):
        client.combined = params[1]
    else:
        return {"error": {"code": 0, "msg": "Unknown property"}, "id": request.get("id")}
    return {"result": result, "id": request.get("id")}
