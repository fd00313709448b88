"""The way to a Bybit of our own: its v5 HTTP and streams over TLS on loopback, signatures checked.

    api.bybit.com     /v5/...              signed by timestamp + key + window + query or body
    stream.bybit.com  /v5/private          auth, subscribe, ping; rows as the floor tells them
                      /v5/public/linear    subscribe, ping; what the test publishes

``fates`` says what becomes of the next requests to a path: lost after landing, refused, or answered by the test.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict, deque

from aiohttp import web

from engine.venue.embedded.certificate import issue
from engine.venue.facts import FACTS
from orchestrator import dialling
from tests.engine.venue.bybit_floor import OPEN, RefusedError

KEY, SECRET = "bybitTestKey000001", "bybitTestSecret0000000000000000001"
MINUTE_MS = 60_000
PAGE = 50
LOST = "lost"  # it lands, and the connection breaks before the answer


def now_ms():
    """The wall clock."""
    return time.time_ns() // 1_000_000


def signed(text):
    """As the exchange signs."""
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


class Door:
    """One server; ``floor`` is the truth behind it."""

    def __init__(self, floor):
        """Not listening yet."""
        self.floor = floor
        self.fates: dict[str, deque] = defaultdict(deque)
        self.asked: list[tuple[str, dict]] = []  # every signed request that came through the door
        self.candles: dict[str, list[list[str]]] = {name: [] for name in floor.rules}  # oldest first
        self.hidden: set[str] = set()  # orders that no question finds yet, by client id
        self.unlisted: set[int] = set()  # executions that are not listed yet, by their place
        self.permissions = {"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]}
        self.addresses = ["127.0.0.1"]
        self.sockets: dict[web.WebSocketResponse, set[str]] = {}  # and what each has subscribed
        self.refuses_topics = False
        self.restarted = False  # what ended before is in the history alone
        self.answers_first = True
        floor.told = self._tell
        self._tasks: set[asyncio.Task] = set()
        self._runner = None

    async def open(self):
        """Listen; the port."""
        app = web.Application()
        app.router.add_get("/v5/private", self._stream)
        app.router.add_get("/v5/public/linear", self._stream)
        app.router.add_route("*", "/v5/{path:.+}", self._ask)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        self.certificate = issue(time.time_ns(), (*FACTS["bybit"].hosts, *FACTS["bybit"].demo_hosts))
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
        hosts = frozenset(FACTS["bybit"].demo_hosts if is_demo else FACTS["bybit"].hosts)
        return dialling.Endpoint(port=self.port, certificate_pem=self.certificate.pem, hosts=hosts)

    def sent(self, path):
        """The parameters of every request to ``path``."""
        return [params for where, params in self.asked if where == path]

    def publish(self, topic, kind, rows, at_ms=None):
        """Tell a public topic."""
        frame = {"topic": topic, "type": kind, "ts": at_ms or self.floor.now_ms(), "data": rows}
        self._send(topic, frame)

    def close_minute(self, symbol, row, *, confirms=True):
        """A minute of ``symbol`` is over: listed, and told where ``confirms``."""
        self.candles[symbol].append([str(value) for value in row])
        begin, opened, high, low, close, volume, turnover = row
        frame = {"start": begin, "end": begin + MINUTE_MS - 1, "interval": "1", "open": str(opened), "high": str(high)}
        frame |= {"low": str(low), "close": str(close), "volume": str(volume), "turnover": str(turnover)}
        at_ms = begin + MINUTE_MS
        if confirms:
            self.publish(f"kline.1.{symbol}", "snapshot", [frame | {"confirm": True, "timestamp": at_ms}], at_ms)

    def _tell(self, topic, rows):
        self._send(topic, {"topic": topic, "id": "1", "creationTime": self.floor.now_ms(), "data": rows})

    def _send(self, topic, frame):
        for socket, topics in self.sockets.items():
            if topic in topics and not socket.closed:
                task = asyncio.get_running_loop().create_task(socket.send_str(json.dumps(frame)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _stream(self, request):
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets[socket], is_known = set(), not request.path.endswith("private")
        try:
            async for message in socket:
                said = json.loads(message.data)
                answer = {"success": True, "ret_msg": "", "conn_id": "c", "req_id": said.get("req_id", "")}
                match said["op"]:
                    case "auth":
                        key, expires, signature = said["args"]
                        is_known = (key, signature) == (KEY, signed(f"GET/realtime{expires}"))
                        is_known = is_known and int(expires) > now_ms()
                        answer |= {"success": is_known, "op": "auth", "ret_msg": "" if is_known else "Invalid apikey"}
                    case "subscribe":
                        good = is_known and not self.refuses_topics
                        self.sockets[socket] |= set(said["args"]) if good else set()
                        answer |= {"success": good, "op": "subscribe", "ret_msg": "" if good else "not yours"}
                    case "ping":
                        answer = {"req_id": said.get("req_id", ""), "op": "pong", "args": [str(now_ms())]}
                await socket.send_str(json.dumps(answer))
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def _ask(self, request):
        path, body = request.path, await request.text()
        params = json.loads(body) if body else dict(request.query)
        fate = self.fates[path].popleft() if self.fates[path] else None
        if isinstance(fate, web.Response):
            return fate
        if not path.startswith("/v5/market"):
            if refusal := self._stranger(request, body):
                return self._answer({}, *refusal)
            self.asked.append((path, params))
        try:
            found = self._answers(request.method, path)(params)
        except RefusedError as error:
            return self._answer({}, error.code, error.words)
        if fate == LOST:
            request.transport.abort()
        # The market may run faster than the wall clock; requests are judged by the wall clock.
        return self._answer(found, at_ms=self.floor.now_ms() if path == "/v5/market/tickers" else 0)

    def _stranger(self, request, body):
        head = request.headers
        at_ms, key, window = (head[f"X-BAPI-{name}"] for name in ("TIMESTAMP", "API-KEY", "RECV-WINDOW"))
        if key != KEY:
            return 10003, "API key is invalid."
        if head["X-BAPI-SIGN"] != signed(at_ms + key + window + (body or request.rel_url.raw_query_string)):
            return 10004, "error sign!"
        if not now_ms() - int(window) <= int(at_ms) < now_ms() + 1000:
            return 10002, "invalid request, please check your server timestamp or recv_window param"
        return None

    @staticmethod
    def _answer(result, code=0, words="OK", at_ms=0):
        answer = {"retCode": code, "retMsg": words, "result": result, "retExtInfo": {}, "time": at_ms or now_ms()}
        return web.json_response(answer)

    def _answers(self, method, path):
        found = {
            ("GET", "/v5/market/time"): lambda _: {
                "timeSecond": str(now_ms() // 1000),
                "timeNano": str(time.time_ns()),
            },
            ("GET", "/v5/market/instruments-info"): self._rules,
            ("GET", "/v5/market/kline"): self._klines,
            ("GET", "/v5/market/tickers"): lambda _: {"category": "linear", "list": []},
            ("POST", "/v5/order/create"): self._create,
            ("POST", "/v5/order/cancel"): self._cancel,
            ("GET", "/v5/order/realtime"): self._realtime,
            ("GET", "/v5/order/history"): self._history,
            ("GET", "/v5/execution/list"): self._executions,
            ("GET", "/v5/position/list"): self._positions,
            ("GET", "/v5/account/wallet-balance"): self._wallet,
            ("GET", "/v5/account/info"): lambda _: {"marginMode": self.floor.margin_mode, "unifiedMarginStatus": 6},
            ("GET", "/v5/account/transaction-log"): self._log,
            ("GET", "/v5/user/query-api"): lambda _: {
                "readOnly": 0,
                "permissions": self.permissions,
                "ips": self.addresses,
                "deadlineDay": 80,
                "uta": 1,
            },
        }
        return found[method, path]

    def _rules(self, asked):
        listed = [] if asked.get("status") == "PreLaunch" else list(self.floor.rules.values())
        return {"category": "linear", "list": listed, "nextPageCursor": ""}

    def _klines(self, asked):
        minutes = int({"D": 1440}.get(asked["interval"], asked["interval"]))
        begin, end = int(asked.get("start", 0)), int(asked.get("end", 1 << 60))
        rows = [row for row in together(self.candles[asked["symbol"]], minutes) if begin <= int(row[0]) <= end]
        return {"category": "linear", "symbol": asked["symbol"], "list": rows[::-1][: int(asked.get("limit", 200))]}

    def _create(self, asked):
        order = self.floor.create(asked)
        if self.answers_first:
            asyncio.get_running_loop().call_later(0.005, self.floor.settle, order)
        else:
            self.floor.settle(order)
        return {"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]}

    def _cancel(self, asked):
        order = self.floor.cancel(asked)
        asyncio.get_running_loop().call_later(0.005, self.floor.end, order)
        return {"orderId": order["orderId"], "orderLinkId": order["orderLinkId"]}

    def _named(self, asked):
        rows = [one for one in self.floor.orders.values() if one["symbol"] == asked.get("symbol", one["symbol"])]
        for name in ("orderId", "orderLinkId"):
            rows = [one for one in rows if one[name] == asked[name]] if name in asked else rows
        return [one for one in rows if one["orderLinkId"] not in self.hidden]

    def _realtime(self, asked):
        """What is open, or with ``openOnly`` what has ended, unless a restart has forgotten it."""
        wants_ended = str(asked.get("openOnly", 0)) == "1"
        rows = [one for one in self._named(asked) if (one["orderStatus"] not in OPEN) is wants_ended]
        return page([] if wants_ended and self.restarted else rows, asked)

    def _history(self, asked):
        return page([one for one in self._named(asked) if one["orderStatus"] not in OPEN], asked)

    def _executions(self, asked):
        begin, end = int(asked.get("startTime", 0)), int(asked.get("endTime", 1 << 60))
        if "startTime" in asked and end - begin > 7 * 86_400_000:
            raise RefusedError(10001, "the interval must not be more than seven days")
        rows = [row for place, row in enumerate(self.floor.executions) if place not in self.unlisted]
        rows = [row for row in rows if row["symbol"] == asked["symbol"] and begin <= int(row["execTime"]) <= end]
        return page(rows[::-1], asked)

    def _positions(self, asked):
        names = [asked["symbol"]] if "symbol" in asked else list(self.floor.rules)
        rows = [self.floor.position(name) for name in names]
        return page([row for row in rows if "symbol" in asked or row["size"] != "0"], asked)

    def _wallet(self, _):
        coin = {"coin": "USDT", "walletBalance": str(self.floor.cash), "equity": str(self.floor.cash)}
        return {"list": [{"accountType": "UNIFIED", "coin": [coin | {"collateralSwitch": True}, *self.floor.others]}]}

    def _log(self, asked):
        begin, end = int(asked["startTime"]), int(asked["endTime"])
        assert end - begin <= 7 * 86_400_000
        transfers = ("TRANSFER_IN", "TRANSFER_OUT")  # listed where they are asked for by name
        wanted = [asked["type"]] if "type" in asked else {row["type"] for row in self.floor.log} - {*transfers}
        rows = [row for row in self.floor.log if row["type"] in wanted]
        return page([row for row in rows if begin <= int(row["transactionTime"]) <= end][::-1], asked)


def page(rows, asked):
    """A page of ``rows`` and the cursor to the next."""
    begin, count = int(asked.get("cursor") or 0), int(asked.get("limit", PAGE))
    after = begin + count
    return {
        "category": "linear",
        "list": rows[begin:after],
        "nextPageCursor": str(after) if after < len(rows) else "",
    }


def together(minutes, count):
    """Candles of ``count`` minutes out of those of one, oldest first."""
    found = {}
    for row in minutes:
        begin = int(row[0]) // (count * MINUTE_MS) * (count * MINUTE_MS)
        found.setdefault(begin, []).append([float(value) for value in row[1:]])
    whole = []
    for begin, rows in found.items():
        high, low = max(row[1] for row in rows), min(row[2] for row in rows)
        sums = (sum(row[4] for row in rows), sum(row[5] for row in rows))
        whole.append([str(value) for value in (begin, rows[0][0], high, low, rows[-1][3], *sums)])
    return whole
