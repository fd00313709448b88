"""The way to a Kraken Futures of our own: its HTTP and its socket over TLS on loopback, signatures checked.

    /derivatives/api/v3/...   signed by query and path        orders, fills, positions, wallet; tickers to anybody
    /api/history/v2, v3/...   the same                        what became of orders and triggers, the account log
    /api/charts/v1/...        to anybody                      candles
    /ws/v1                    challenge, subscribe            feeds as the floor tells them, public ones as the test

``fates`` says what becomes of the next requests to a path: lost after landing, refused, or answered by the test.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections import defaultdict, deque

from aiohttp import web

from engine.venue.embedded.certificate import issue
from engine.venue.facts import FACTS
from orchestrator import dialling
from tests.engine.venue.bybit_door import MINUTE_MS, together
from tests.engine.venue.kraken_floor import Refused, dated

KEY, SECRET = "krakenTestKey0001", base64.b64encode(b"krakenTestSecret0000000000000001").decode()
LOST = "lost"  # it lands, and the connection breaks before the answer
PRIVATE = ("open_orders", "fills", "account_log")
SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400}


def now_ms():
    """The wall clock."""
    return time.time_ns() // 1_000_000


def signed(text):
    """As the exchange signs."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b64encode(hmac.new(base64.b64decode(SECRET), digest, hashlib.sha512).digest()).decode()


async def say(socket, frame):
    """Tell it; who hangs up in the middle hears nothing."""
    with contextlib.suppress(ConnectionError):
        await socket.send_str(json.dumps(frame))


class Door:
    """One server; ``floor`` is the truth behind it."""

    def __init__(self, floor):
        """Not listening yet."""
        self.floor = floor
        self.fates: dict[str, deque] = defaultdict(deque)
        self.asked: list[tuple[str, dict]] = []  # every signed request that came through the door
        self.candles: dict[str, list[list]] = {name: [] for name in floor.rules}  # oldest first
        self.hidden: set[str] = set()  # orders that no question finds yet, by client id
        self.unlisted: set[int] = set()  # fills that are not listed yet, by their place
        self.forgets_ms = 5_000  # how long an order that has ended is known to its status
        self.log_is_late = False
        self.ahead_ms = 0  # its clock before the machine's
        self.dead_man_s: list[int] = []
        self.charts_count = 0
        self.delay_s = 0.0  # between what happens and the answer
        self.sockets: dict[web.WebSocketResponse, set[tuple[str, str]]] = {}  # feed and product
        self.refuses_feeds = False
        floor.told = self._tell
        self._tasks: set[asyncio.Task] = set()
        self._runner = None

    async def open(self):
        """Listen; the port."""
        app = web.Application()
        app.router.add_get("/ws/v1", self._stream)
        app.router.add_route("*", "/{path:.+}", self._ask)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        self.certificate = issue(time.time_ns(), (*FACTS["krakenfutures"].hosts, *FACTS["krakenfutures"].demo_hosts))
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.certificate.server_context())
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self):
        """Close every socket."""
        await self.hang_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()

    async def hang_up(self):
        """Break every stream."""
        for socket in list(self.sockets):
            await socket.close(code=1012)

    def endpoint(self, *, is_demo=False):
        """Where a client is led by the exchange's names, or by those of its demo."""
        facts = FACTS["krakenfutures"]
        hosts = frozenset(facts.demo_hosts if is_demo else facts.hosts)
        return dialling.Endpoint(port=self.port, certificate_pem=self.certificate.pem, hosts=hosts)

    def sent(self, name):
        """The parameters of every request whose path ends so."""
        return [params for where, params in self.asked if where.rpartition("/v")[2].partition("/")[2] == name]

    def publish(self, feed, product, body):
        """Tell a public feed."""
        self._send((feed, product), body | {"feed": feed} | ({"product_id": product} if product else {}))

    def close_minute(self, symbol, row):
        """A minute of ``symbol`` is over: listed."""
        self.candles[symbol].append(list(row))

    def _tell(self, frame):
        self._send((frame["feed"], ""), frame)

    def _send(self, topic, frame):
        for socket, topics in self.sockets.items():
            if topic in topics and not socket.closed:
                task = asyncio.get_running_loop().create_task(say(socket, frame))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _stream(self, request):
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets[socket], challenge = set(), ""
        await say(socket, {"event": "info", "version": 1})
        try:
            async for message in socket:
                said = json.loads(message.data)
                if said["event"] == "challenge":
                    challenge = self.floor.name()
                    known = said["api_key"] == KEY
                    answer = {"event": "challenge", "message": challenge} if known else {"event": "error"}
                    await say(socket, answer | ({} if known else {"message": "Invalid api key"}))
                elif said["event"] == "subscribe":
                    await self._subscribe(socket, said, challenge)
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def _subscribe(self, socket, said, challenge):
        feed, products = said["feed"], said.get("product_ids", [""])
        if feed in PRIVATE:
            proof = (said.get("api_key"), said.get("original_challenge"), said.get("signed_challenge"))
            if self.refuses_feeds or proof != (KEY, challenge, signed(challenge)):
                words = "Failed to subscribe to authenticated feed"
                await say(socket, {"event": "alert", "message": words})
                return
        self.sockets[socket] |= {(feed, product) for product in products}
        named = {} if products == [""] else {"product_ids": products}
        await say(socket, {"event": "subscribed", "feed": feed} | named)
        if feed == "open_orders":
            rows = [one.frame() for one in self.floor.orders.values() if one.is_open]
            await say(socket, {"feed": "open_orders_snapshot", "account": "a", "orders": rows})
        if feed == "fills":
            rows = self.floor.fills[-100:]
            await say(socket, {"feed": "fills_snapshot", "account": "a", "fills": rows})

    async def _ask(self, request):
        path, name = request.path, request.path.rpartition("/v")[2].partition("/")[2]
        params = dict(request.query)
        fate = self.fates[name].popleft() if self.fates[name] else None
        if isinstance(fate, web.Response):
            return fate
        if not path.startswith("/api/charts") and not name.startswith(("instruments", "tickers")):
            head = request.headers
            text = request.rel_url.raw_query_string + path.removeprefix("/derivatives")
            if (head.get("APIKey"), head.get("Authent")) != (KEY, signed(text)):
                return self._answer({"result": "error", "error": "authenticationError"})
            self.asked.append((path, params))
        found = self._answers(name)(params)
        await asyncio.sleep(self.delay_s)
        if fate == LOST:
            request.transport.abort()
        return self._answer(found)

    def _answer(self, found):
        return web.json_response({"result": "success", "serverTime": dated(now_ms() + self.ahead_ms)} | found)

    def _answers(self, name):
        if name.endswith("/status") and name.startswith("instruments"):
            return lambda _: {"tradeable": "yes"}
        if name.startswith("tickers/"):  # the market may run faster than the wall clock
            return lambda _: {"serverTime": dated(self.floor.now_ms()), "ticker": {}}
        if name.startswith("trade/"):
            return lambda asked: self._charts(*name.split("/")[1:], asked)
        known = {
            "instruments": lambda _: {"instruments": [*self.floor.rules.values(), *self.floor.others]},
            "sendorder": self._sendorder,
            "cancelorder": self._cancelorder,
            "cancelallordersafter": self._after,
            "orders/status": self._status,
            "openorders": lambda _: {"openOrders": [one.open_row() for one in self._seen() if one.is_open]},
            "fills": self._fills,
            "orders": lambda asked: self._past(asked, is_trigger=False),
            "triggers": lambda asked: self._past(asked, is_trigger=True),
            "account-log": self._log,
            "openpositions": lambda _: {
                "openPositions": [self.floor.position(n) for n, h in self.floor.held.items() if h.size]
            },
            "accounts": self._accounts,
            "leveragepreferences": lambda _: {
                "leveragePreferences": [{"symbol": n, "maxLeverage": v} for n, v in self.floor.leverage.items()]
            },
        }
        return known[name]

    def _sendorder(self, asked):
        limit = asked.get("processBefore", "")
        if limit and limit < dated(now_ms() + self.ahead_ms):
            return {"result": "error", "error": "requestExpired"}
        try:
            order, happened = self.floor.send(asked)
        except Refused as word:
            return {"sendStatus": {"status": str(word), "receivedTime": dated(now_ms())}}
        named = {"order_id": order.name, "cliOrdId": order.link, "receivedTime": dated(now_ms())}
        return {"sendStatus": named | {"status": "placed", "orderEvents": happened}}

    def _cancelorder(self, asked):
        word, order = self.floor.cancel(asked)
        named = {"order_id": order.name, "cliOrdId": order.link} if order is not None else {}
        return {"cancelStatus": named | {"status": word, "receivedTime": dated(now_ms()), "orderEvents": []}}

    def _after(self, asked):
        self.dead_man_s.append(int(asked["timeout"]))
        return {"status": {"currentTime": dated(now_ms()), "triggerTime": "0"}}

    def _seen(self):
        return [one for one in self.floor.orders.values() if one.link not in self.hidden or not one.link]

    def _status(self, asked):
        names = {asked.get("orderIds"), asked.get("cliOrdIds")} - {None}
        fresh = [one for one in self._seen() if one.is_open or now_ms() - one.at_ms < self.forgets_ms]
        rows = [
            {"order": one.body(), "status": one.status, "updateReason": one.reason, "error": None}
            for one in fresh
            if {one.name, one.link} & names
        ]
        return {"orders": rows}

    def _past(self, asked, *, is_trigger):
        rows = []
        for element in self.floor.past:
            ((kind, told),) = element["event"].items()
            order = told.get("newOrder") or told["order"]
            if kind.startswith("OrderTrigger") is is_trigger and order["clientId"] not in self.hidden - {""}:
                rows.append(element)
        rows = [row for row in rows if int(row["timestamp"]) >= int(asked.get("since", 0))]
        rows = rows if asked.get("sort") == "asc" else rows[::-1]
        page = rows[: min(int(asked.get("count", 100)), 50)]
        return {"accountUid": "a", "len": len(page), "elements": page}

    def _fills(self, asked):
        rows = []
        for place, fill in enumerate(self.floor.fills):
            if place in self.unlisted or (fill.get("cli_ord_id") or None) in self.hidden:
                continue
            row = {"fill_id": fill["fill_id"], "symbol": fill["instrument"], "order_id": fill["order_id"]}
            row |= {"side": "buy" if fill["buy"] else "sell", "size": fill["qty"], "price": fill["price"]}
            row |= {"fillTime": dated(fill["time"]), "fillType": fill["fill_type"]}
            rows.append(row | ({"cliOrdId": fill["cli_ord_id"]} if "cli_ord_id" in fill else {}))
        if "lastFillTime" in asked:
            rows = [row for row in rows if row["fillTime"] < asked["lastFillTime"]]
        return {"fills": rows[::-1][:100]}

    def _log(self, asked):
        rows = [] if self.log_is_late else self.floor.log
        rows = [row for row in rows if row["date"] >= dated(int(asked.get("since", 0)))]
        rows = [row for row in rows if row["id"] >= int(asked.get("from", 0))]
        rows = rows if asked.get("sort") == "asc" else rows[::-1]
        return {"accountUid": "a", "logs": rows[: int(asked.get("count", 1000))]}

    def _accounts(self, _):
        held = {"USD": self.floor.cash} | self.floor.currencies
        rows = {name: {"quantity": str(amount), "value": "1", "available": "1"} for name, amount in held.items()}
        flex = {"type": "multiCollateralMarginAccount", "currencies": rows, "portfolioValue": "1"}
        return {"accounts": {"cash": {"type": "cashAccount", "balances": {"usd": "7"}}, "flex": flex}}

    def _charts(self, symbol, interval, asked):
        self.charts_count += 1
        seconds = SECONDS[interval]
        begin, end = int(asked.get("from", 0)) * 1000, int(asked.get("to", 1 << 40)) * 1000
        rows = together(self.candles[symbol], seconds * 1000 // MINUTE_MS)
        names = ("time", "open", "high", "low", "close", "volume")
        found = [dict(zip(names, (int(row[0]), *row[1:6]), strict=True)) for row in rows if begin <= int(row[0]) <= end]
        return {"candles": found[-2000:], "more_candles": False}
