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
from engine.venue.embedded.spot.orders import PlaceSpot
from engine.venue.embedded.synthetic import SyntheticMarket
from tests.stress.vocabulary import (
    DOCUMENTED,
    GOOD,
    GOOD_ACT,
    GOOD_LIST,
    JUNK,
    LIBRARY_SAYS_MAX,
    METHODS,
    NAMES,
    PATH_TRICKS,
    STREAM_CODES,
    VERBS,
)

ATTACKER, VICTIM = "a" * 64, "b" * 64
SECRET, VICTIM_SECRET = "attacker-secret", "victim-secret"
MARKS = (b"victim", b"31337.0", b"3133700000000", VICTIM.encode())  # name, money, secret and key of the victim
BAD_SIGNS = (b"Traceback", b'File "', b"site-packages", b"Error:", b"Exception")


def no_http(raw: bytes) -> str:
    """Why a request's head is none that HTTP allows, so that the HTTP library answers; empty when it allows it."""
    head = raw.partition(b"\r\n\r\n")[0]
    first = head.partition(b"\r\n")[0]
    if any((byte < 0x20 and byte not in b"\r\n") or byte == 0x7F for byte in head):
        return "control byte"
    if first.startswith((b"BREW", b"TRACE")):
        return "unknown verb"
    if any(byte > 0x7E for byte in first) or b"\\" in first:
        return "byte outside of a path"
    return "line too long" if len(first) > 8_190 else ""


def leaks(said: bytes, heard: bytes) -> bool:
    """Whether an answer tells of the victim, or of our code, what the request did not say itself."""
    return any(mark in heard and mark not in said for mark in (*BAD_SIGNS, *MARKS))


def floor_of(what: str) -> str:
    """Which half of the exchange a request is for."""
    path = what.partition(" ")[2]
    return "spot" if path.startswith(("/api/", "/sapi/")) else "futures"


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
        self.deep = [(verb, path) for verb, path in self.paths if "rder" in path or verb != "GET"]
        self.victim_orders: tuple[int, ...] = ()

    def judge(self, what: str, status: int, body: bytes) -> None:
        """Raise WrongError where an answer is none that the exchange documents."""
        wrong = WrongError(f"seed {self.seed}: {what[:300]!r} was answered {status} {body[:300]!r}")
        floor = floor_of(what)
        if leaks(what.encode("latin-1"), body):
            raise wrong
        if what.startswith("HEAD"):
            documented, code = status in {200, *DOCUMENTED[floor]} and not body, "head"
        else:
            try:
                told = json.loads(body)
            except ValueError:
                raise wrong from None
            code = str(told.get("code", "ok")) if isinstance(told, dict) else "ok"
            documented = (status == 200 and code in ("ok", "200")) or int(code) in DOCUMENTED[floor].get(status, ())
            documented = documented and (status == 200 or isinstance(told.get("msg"), str))
        if not documented:
            raise wrong
        self.answers[f"{floor} {status} {code}"] += 1

    def values(self) -> dict[str, str]:
        """Parameters, good ones and junk."""
        chance = self.chance
        given = dict(GOOD) if chance.random() < 0.7 else {}
        if chance.random() < 0.2:
            given |= GOOD_LIST
        for name, value in GOOD_ACT.items():
            if chance.random() < 0.15:
                given[name] = value
        if "stopPrice" in given and chance.random() < 0.5:
            given["type"] = "STOP_LOSS_LIMIT"
        if chance.random() < 0.1:
            given["orderListId"] = "1"  # the victim's is the first of all
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            given[chance.choice(NAMES)] = chance.choice(JUNK)
        if chance.random() < 0.1:
            given["orderId"] = given["cancelOrderId"] = str(chance.choice(self.victim_orders))
        if chance.random() < 0.1:
            given["origClientOrderId"] = "victim-order"
        if chance.random() < 0.1:
            rows = [chance.choice(JUNK), {name: chance.choice(JUNK) for name in NAMES[:4]}, dict(GOOD), 7, None, [[]]]
            given["batchOrders"] = json.dumps(chance.sample(rows, chance.randrange(1, 6)))
        return given

    def request(self) -> bytes:
        """One HTTP request."""
        chance = self.chance
        verb, path = chance.choice(self.paths if chance.random() < 0.5 else self.deep)
        if chance.random() < 0.1:
            verb = chance.choice(VERBS)
        if chance.random() < 0.1:
            path = chance.choice(PATH_TRICKS)
        given = self.values()
        given.setdefault("timestamp", str(time.time_ns() // 10**6 + chance.choice((*(0,) * 18, -(10**6), 10**6))))
        query = urlencode(given, errors="replace")
        kind = chance.random()
        if kind < 0.8:
            query += f"&signature={sign(SECRET, query)}"
        elif kind < 0.9:
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
            (*(self.values() for _ in range(6)), [chance.choice(JUNK)], chance.choice(JUNK), None, 7, [[7]], [None])
        )
        if isinstance(params, dict) and chance.random() < 0.7:
            params |= {
                "apiKey": chance.choice((ATTACKER, ATTACKER, VICTIM, "?", 7)),
                "timestamp": time.time_ns() // 10**6,
            }
            plain = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
            params["signature"] = chance.choice((sign(SECRET, plain), "00", 7, None))
        number = chance.choice((1, 1, 2, "x", "x", None, [], {}, 1.5, True))
        return json.dumps({"id": number, "method": chance.choice(METHODS), "params": params})

    async def http(self, count: int) -> None:
        """Send ``count`` requests."""
        line = Line(self.port)
        for _ in range(count):
            raw = self.request()
            status, body = await line.send(raw)
            why = no_http(raw)
            if why and status in (0, 400) and not body.startswith(b"{"):
                # What is no HTTP at all ends in the HTTP library: refused in a few words, or hung up on.
                if leaks(raw, body) or len(body) > len(raw) + LIBRARY_SAYS_MAX:
                    raise WrongError(f"seed {self.seed}: {raw[:300]!r} was answered {status} {body[:300]!r}")
                self.answers[f"no HTTP ({why}): {'400' if status else 'hung up'}"] += 1
                continue
            self.judge(raw.decode("latin-1"), status, body)
        await line.close()

    async def websockets(self, count: int) -> None:
        """Send ``count`` messages on streams and on the websocket API."""
        ports = self.server.ports
        assert ports is not None
        futures = (
            "/ws",
            "/stream",
            "/ws-fapi/v1",
            "/ws-fapi/v1",
            f"/private/ws?listenKey={'b' * 64}",
            "/ws/" + "%00" * 9,
        )
        spot = ("/ws", "/stream?streams=a/b@c", "/ws-api/v3", "/ws-api/v3", "/ws-api/v3", f"/ws/{'b' * 64}")
        places = [("futures", f"{ports.plain}{path}") for path in futures]
        places += [("spot", f"{ports.spot_plain}{path}") for path in spot]
        sent, share = 0, min(200, max(10, count // 20))  # a short campaign, too, visits many of the places
        async with aiohttp.ClientSession() as session:
            while sent < count:
                floor, path = self.chance.choice(places)
                try:
                    socket = await session.ws_connect(f"http://127.0.0.1:{path}")
                except aiohttp.WSServerHandshakeError as error:
                    sent += 1
                    self.answers[f"handshake {error.status}"] += 1
                    if error.status not in (400, 404):
                        raise WrongError(f"seed {self.seed}: {path} was answered {error.status}") from error
                    continue
                sent += await self._talk(socket, floor, min(share, count - sent))

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, floor: str, count: int) -> int:
        for number in range(count):
            frame = self.frame()
            await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
            while True:
                heard = await socket.receive(timeout=5)
                if heard.type is not aiohttp.WSMsgType.TEXT:
                    self.answers[f"{floor} websocket closed"] += 1
                    return number + 1
                if b'"event":' not in heard.data.encode():
                    break
                # The attacker's own account may tell him what he did; never the victim's.
                if leaks(b"", heard.data.encode()):
                    raise WrongError(f"seed {self.seed}: {heard.data[:300]} was told to a stranger")
            self._judge_frame(floor, frame, heard.data)
        await socket.close()
        return count

    def _judge_frame(self, floor: str, frame: str | bytes, text: str) -> None:
        said, answer = frame if isinstance(frame, bytes) else frame.encode(), json.loads(text)
        # The list of subscriptions repeats names of before, among them the order's and the key that were guessed at.
        said += b"victim " + VICTIM.encode() if b"LIST_SUBSCRIPTIONS" in said else b""
        error, status = answer.get("error"), answer.get("status", 200)
        if error is None:
            documented = status == 200 and "result" in answer
        elif "status" in answer:
            documented = error["code"] in DOCUMENTED[floor].get(status, ()) and isinstance(error["msg"], str)
        else:
            documented = error["code"] in STREAM_CODES
        if not documented or leaks(said, text.encode()):
            raise WrongError(f"seed {self.seed}: {frame[:300]!r} was answered {text[:300]}")
        self.answers[f"{floor} ws {status} {error['code'] if error else 'ok'}"] += 1


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
    deposits = {"USDT": 10_000 * 10**8, "BTC": 10**8}
    rules = ClientRules(messages_per_s=10**6)
    plan = Plan(keys=keys, speed=Speed.parse("step"), rules=rules, spot_deposits=deposits)
    server, ears = Server(exchange, plan), Ears()
    logging.getLogger().addHandler(ears)
    spot = server.spot.exchange
    legs = {"symbol": "BTCUSDT", "side": 1, "quantity": "0.01"}
    resting = spot.place(
        "victim", PlaceSpot(**legs, type="LIMIT", price="30000", time_in_force="GTC", client_id="victim-order")
    )
    pair = (
        PlaceSpot(**legs, type="STOP_LOSS", stop_price="400000"),
        PlaceSpot(**legs, type="LIMIT_MAKER", price="30000"),
    )
    spot.place_list("victim", "OCO", "victim-list", *pair)
    spot.deposit("victim", "USDT", 31_337 * 10**8 - spot.balances("victim")["USDT"][0])
    spot.drain()

    def state() -> list[object]:
        books = [exchange.account("victim"), exchange.open_orders("victim")]
        return [*books, spot.balances("victim"), spot.open_orders("victim"), spot.lists("victim")]

    before = state()
    ports = await server.start()
    fuzzer = Fuzzer(server, ports.plain, seed)
    fuzzer.victim_orders = order.order_id, resting.order_id
    try:
        spoken = count // 5
        await fuzzer.http(count - spoken)
        await fuzzer.websockets(spoken)
        if state() != before:
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
