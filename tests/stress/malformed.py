"""Malformed requests by the thousand, from a seed: each is answered with a documented code, and nothing is given away.

    python -m tests.stress.malformed --seed 1 --count 100000

One attacker with a key of his own and one victim.  Every answer must be JSON with a code
that the exchange documents (or an answer that the attacker may have), never 5xx, never a
traceback, never a word about the victim; and the victim's account must not change.
"""

import argparse
import asyncio
import json
import logging
import random
import re
import sys
import time
from collections import Counter
from urllib.parse import quote, urlencode

import aiohttp

from engine.venue.embedded.clients import ClientRules
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import BUY, PlaceOrder
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, sign
from engine.venue.embedded.synthetic import SyntheticMarket

ATTACKER, VICTIM = "a" * 64, "b" * 64
SECRET, VICTIM_SECRET = "attacker-secret", "victim-secret"
MARKS = (b"victim", b"31337.0", b"3133700000000", VICTIM.encode())  # name, money, secret and key of the victim
BAD_SIGNS = (b"Traceback", b'File "', b"site-packages", b"Error:", b"Exception")
CODES = {
    -1000, -1003, -1015, -1021, -1022, -1100, -1101, -1102, -1106, -1111, -1115, -1116, -1117, -1120, -1121, -1125,
    -1130, -1131, -1135, -2011, -2013, -2014, -2015, -2019, -2021, -2022, -2025, -4001, -4003, -4004, -4005,
    -4013, -4014, -4015, -4016, -4028, -4045, -4046, -4049, -4056, -4059, -4061, -4068, -4082, -4116, -4120,
    -4130, -4136, -4137, -4164, -4167, -4168, -4171, -5000, -5021, -5022, -5025, -5026, -5027,
    -1013, -2010, -2007, -2027, -4002, -4024, -4031, -4060, -4067, -5029, -5037, -5038, -5039, -5040, -5041,
}  # fmt: skip
STATUSES = frozenset([200, 400, 401, 404, 413, 429])
STREAM_CODES = frozenset([0, 1, 2, 3])
JUNK = (
    "", " ", "0", "-1", "1e999", "NaN", "Infinity", "null", "true", "[]", "{}", "'", '"', "\x00", "\ud7ff", "٣", "½",
    "%", "%00", "../etc/passwd", "BTCUSDT;DROP", "9" * 30, "0." + "0" * 40 + "1", "-0.001", "0x10", "1_000", "+1", "1 ",
    "🚀", "a" * 5_000, "BTC/USDT:USDT", "btcusdt", "DOGEUSDT", "BUY ", "LIMIT\n", "1,2", "18446744073709551616",
    "b" * 64,
)  # fmt: skip
NAMES = (
    "symbol", "side", "type", "quantity", "price", "timeInForce", "timestamp", "recvWindow", "orderId", "limit",
    "interval", "startTime", "endTime", "fromId", "origClientOrderId", "newClientOrderId", "reduceOnly",
    "triggerPrice", "algoId", "batchOrders", "orderIdList", "countdownTime", "leverage", "marginType",
    "positionSide", "pair", "contractType", "clientAlgoId", "algoType", "amount", "signature",
    "dualSidePosition", "selfTradePreventionMode", "priceMatch", "goodTillDate",
    "workingType", "feeBurn", "account", "listenKey", "incomeType", "",
)  # fmt: skip
PATH_TRICKS = (
    "/fapi/../ringmaster/ledger", "//fapi/v1/time", "/fapi/v1/%2e%2e/%2e%2e/etc/passwd", "/fapi/v1/order%00", "/",
    "/fapi",    "/fapi/v1/order/../../v1/time", "/ringmaster/ledger", "/ringmaster/%67rid", "/fapi/v9/time", "/..",
    "/fapi/v1/" + "a" * 3_000, "/ws", "/stream", "/ws-fapi/v1", "/fapi/v1/time;x=1", "/FAPI/V1/TIME",
    "/fapi/v1/%F0%9F%9A%80",
    "/%", "/fapi/v1/order%2F", "/fapi/v1/account%3Fa=b", "/.git/config", "/fapi\\v1\\time",
)  # fmt: skip
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW")
METHODS = (
    "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "order.place", "order.status",
    "order.cancel", "order.modify", "account.status", "v2/account.balance", "session.logon", "session.status",
    "userDataStream.start", "ticker.price", "depth", "__class__", "", 7, None,
)  # fmt: skip
GOOD = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.010", "price": "1000", "timeInForce": "GTC",
    "interval": "1m", "pair": "BTCUSDT", "contractType": "PERPETUAL",
}  # fmt: skip


def is_http(raw: bytes) -> bool:
    """Whether a request's head is one that a library would send: printable, a known verb, an encoded path."""
    head = raw.partition(b"\r\n\r\n")[0]
    first = head.partition(b"\r\n")[0]
    printable = all(0x20 <= byte < 0x7F or byte in b"\r\n" for byte in head)
    return printable and not first.startswith((b"BREW", b"TRACE")) and b"\\" not in first and len(first) < 8_000


def leaks(said: bytes, heard: bytes) -> bool:
    """Whether an answer tells of the victim, or of our code, what the request did not say itself."""
    return any(mark in heard and mark not in said for mark in (*BAD_SIGNS, *MARKS))


class WrongError(Exception):
    """An answer that must not be."""


class Line:
    """HTTP by hand over one connection: it sends what a library would refuse to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        """Send bytes as they are; status and body of the answer, (0, b"") when the connection is closed instead."""
        was_open = self._writer is not None
        answer = await self._exchange_bytes(raw)
        # A connection that was closed after the answer before says nothing about this request.
        return await self._exchange_bytes(raw) if was_open and answer[0] == 0 else answer

    async def _exchange_bytes(self, raw: bytes) -> tuple[int, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._writer.write(raw)
            head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = await self._reader.readexactly(int(length[1])) if length and not raw.startswith(b"HEAD") else b""
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return 0, b""
        status = int(head.split(b" ", 2)[1])
        if b"onnection: close" in head or status in (400, 413):
            await self.close()
        return status, body

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


class Fuzzer:
    """Makes requests and judges answers."""

    def __init__(self, server: Server, port: int, seed: int) -> None:
        self.server, self.port, self.seed = server, port, seed
        self.chance = random.Random(seed)
        self.answers: Counter[str] = Counter()
        self.paths = sorted(server._rest._routes)
        self.victim_order = 0

    def judge(self, what: str, status: int, body: bytes) -> None:
        """Raise WrongError where an answer is none that the exchange documents."""
        if status not in STATUSES or leaks(what.encode("latin-1"), body):
            raise WrongError(f"seed {self.seed}: {what[:300]!r} was answered {status} {body[:300]!r}")
        code = "ok"
        if status != 200 and body:
            try:
                code = str(json.loads(body)["code"])
            except (ValueError, KeyError, TypeError):
                raise WrongError(f"seed {self.seed}: {what[:300]!r} was answered {status} {body[:300]!r}") from None
            if int(code) not in CODES:
                raise WrongError(f"seed {self.seed}: {what[:300]!r} has the undocumented code {code}")
        self.answers[f"{status} {code}"] += 1

    def values(self) -> dict[str, str]:
        """Parameters, good ones and junk."""
        chance = self.chance
        given = dict(GOOD) if chance.random() < 0.7 else {}
        for _ in range(chance.randrange(4)):
            given[chance.choice(NAMES)] = chance.choice(JUNK)
        if chance.random() < 0.1:
            given["orderId"] = str(self.victim_order)
        if chance.random() < 0.1:
            given["origClientOrderId"] = "victim-order"
        if chance.random() < 0.1:
            rows = [chance.choice(JUNK), {name: chance.choice(JUNK) for name in NAMES[:4]}, dict(GOOD), 7, None, [[]]]
            given["batchOrders"] = json.dumps(chance.sample(rows, chance.randrange(1, 6)))
        return given

    def request(self) -> bytes:
        """One HTTP request."""
        chance = self.chance
        verb, path = chance.choice(self.paths)
        if chance.random() < 0.1:
            verb = chance.choice(VERBS)
        if chance.random() < 0.1:
            path = chance.choice(PATH_TRICKS)
        given = self.values()
        given.setdefault("timestamp", str(time.time_ns() // 10**6 + chance.choice((0, 0, 0, 0, -(10**6), 10**6))))
        query = urlencode(given, errors="replace")
        kind = chance.random()
        if kind < 0.6:
            query += f"&signature={sign(SECRET, query)}"
        elif kind < 0.8:
            wrong = (sign("x", query), "", "00", quote(chance.choice(JUNK), errors="replace"))
            query += f"&signature={chance.choice(wrong)}"
        key = ATTACKER if chance.random() < 0.85 else chance.choice(("", "?", "k" * 64, VICTIM, "é", "\x7f" * 9))
        body = query if verb != "GET" and chance.random() < 0.4 else ""
        address = path if body else f"{path}?{query}"
        if chance.random() < 0.05:
            body += "&x=" + "\x00\xff{"[chance.randrange(3)] * chance.randrange(1, 3_000)
        if chance.random() < 0.002:
            body = "x" * chance.randrange(65_537, 300_000)
        head = f"{verb} {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-MBX-APIKEY: {key}\r\n"
        raw = body.encode("latin-1", "replace")
        if raw:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(raw)}\r\n"
        return head.encode("utf-8", "replace") + b"\r\n" + raw

    def frame(self) -> str | bytes:
        """One websocket message."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.15:
            return chance.choice(("{", "[]", "null", "7", '"x"', "[" * 200, '{"id":', "\ufeff{}", '{"a":1e999}'))
        if kind < 0.25:
            return chance.randbytes(chance.randrange(1, 60))
        params = chance.choice(
            (self.values(), list(self.values().values()), chance.choice(JUNK), None, 7, [[7]], [None])
        )
        if isinstance(params, dict) and chance.random() < 0.7:
            params |= {
                "apiKey": chance.choice((ATTACKER, ATTACKER, VICTIM, "?", 7)),
                "timestamp": time.time_ns() // 10**6,
            }
            plain = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
            params["signature"] = chance.choice((sign(SECRET, plain), "00", 7, None))
        number = chance.choice((1, "x", None, [], {}, 1.5, True))
        return json.dumps({"id": number, "method": chance.choice(METHODS), "params": params})

    async def http(self, count: int) -> None:
        """Send ``count`` requests."""
        line = Line(self.port)
        for _ in range(count):
            raw = self.request()
            status, body = await line.send(raw)
            if status == 0 or (status == 400 and not body.startswith(b"{") and not raw.startswith(b"HEAD")):
                # What is no HTTP at all ends in the HTTP library: refused in words, or hung up on.
                if is_http(raw) or leaks(raw, body):
                    raise WrongError(f"seed {self.seed}: {raw[:300]!r} was answered {status} {body[:300]!r}")
                self.answers["400 no HTTP" if status else "hung up"] += 1
                continue
            self.judge(raw.decode("latin-1"), status, body)
        await line.close()

    async def websockets(self, count: int) -> None:
        """Send ``count`` messages on streams and on the websocket API."""
        paths = (
            "/ws",
            "/stream",
            "/ws-fapi/v1",
            "/ws-fapi/v1",
            "/private/ws?listenKey=" + "b" * 64,
            "/ws/" + "%00" * 9,
        )
        sent = 0
        async with aiohttp.ClientSession() as session:
            while sent < count:
                path = self.chance.choice(paths)
                try:
                    socket = await session.ws_connect(f"http://127.0.0.1:{self.port}{path}")
                except aiohttp.WSServerHandshakeError as error:
                    sent += 1
                    self.answers[f"handshake {error.status}"] += 1
                    if error.status >= 500:
                        raise WrongError(f"seed {self.seed}: {path} was answered {error.status}") from error
                    continue
                sent += await self._talk(socket, min(200, count - sent))

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, count: int) -> int:
        for number in range(count):
            frame = self.frame()
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
            heard = await socket.receive(timeout=5)
            if heard.type is not aiohttp.WSMsgType.TEXT:
                self.answers["websocket closed"] += 1
                return number + 1
            self._judge_frame(frame, heard.data)
        await socket.close()
        return count

    def _judge_frame(self, frame: str | bytes, text: str) -> None:
        said, answer = frame if isinstance(frame, bytes) else frame.encode(), json.loads(text)
        # The list of subscriptions repeats names of before, among them the order's and the key that were guessed at.
        said += b"victim " + VICTIM.encode() if b"LIST_SUBSCRIPTIONS" in said else b""
        error = answer.get("error") or {}
        code, status = error.get("code", 0), answer.get("status", 200)
        documented = code in (STREAM_CODES if "status" not in answer else CODES | {0})
        if status not in STATUSES or not documented or leaks(said, text.encode()):
            raise WrongError(f"seed {self.seed}: {frame[:300]!r} was answered {text[:300]}")
        self.answers[f"ws {status} {code or 'ok'}"] += 1


class Ears(logging.Handler):
    """Every error that anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.heard.append(self.format(record))


async def campaign(seed: int, count: int) -> Counter[str]:
    """Send ``count`` malformed requests; raises WrongError at the first answer that must not be."""
    exchange = Exchange(SyntheticMarket(seed, 1_763_683_200 * 10**9), Settings())
    exchange.deposit("attacker", 10_000 * 10**8)
    exchange.deposit("victim", 31_337 * 10**8)
    wanted = PlaceOrder(
        symbol="BTCUSDT", side=BUY, type="LIMIT", quantity="0.01", price="20000", client_id="victim-order"
    )
    order = exchange.place("victim", wanted)
    exchange.drain()
    keys = {ATTACKER: Key(SECRET, "attacker"), VICTIM: Key(VICTIM_SECRET, "victim")}
    plan = Plan(keys=keys, speed=Speed.parse("step"), rules=ClientRules(messages_per_s=10**6))
    server, ears = Server(exchange, plan), Ears()
    logging.getLogger().addHandler(ears)
    before = exchange.account("victim"), exchange.open_orders("victim")
    ports = await server.start()
    fuzzer = Fuzzer(server, ports.plain, seed)
    fuzzer.victim_order = order.order_id
    try:
        spoken = count // 5
        await fuzzer.http(count - spoken)
        await fuzzer.websockets(spoken)
        if (exchange.account("victim"), exchange.open_orders("victim")) != before:
            raise WrongError(f"seed {seed}: the victim's account changed")
        if ears.heard:
            raise WrongError(f"seed {seed}: the exchange logged {ears.heard[0][:600]}")
    finally:
        logging.getLogger().removeHandler(ears)
        await server.close()
    return fuzzer.answers


def main() -> int:
    """Run a campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    typed = parser.parse_args()
    begun_s = time.perf_counter()
    try:
        answers = asyncio.run(campaign(typed.seed, typed.count))
    except WrongError as error:
        print(error, file=sys.stderr)
        return 1
    for name, number in sorted(answers.items()):
        print(f"{number:8,}  {name}")
    seconds = time.perf_counter() - begun_s
    print(
        f"{typed.count:,} malformed requests in {seconds:.0f} s, seed {typed.seed}: "
        "every answer documented, nothing leaked"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
