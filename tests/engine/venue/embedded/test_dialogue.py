"""The websocket API, over a plain socket with signatures of its own."""

import base64
import time

import aiohttp
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.venue.embedded.clients import ClientRules
from engine.venue.embedded.limits import Limits
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key, sign

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01, "price": "20000"}
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PUBLIC_KEY = "e" * 64


class Line:
    """One connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, key: tuple[str, str], server: Server) -> None:
        self.socket, self.server = socket, server
        self.api_key, self.secret = key

    async def ask(self, method: str, **params) -> dict:
        """Send a request as it is; the answer."""
        await self.socket.send_json({"id": "n1", "method": method, "params": params})
        return await self.socket.receive_json(timeout=30)

    async def signed(self, method: str, **params) -> dict:
        """Send a request signed with the secret."""
        params |= {"apiKey": self.api_key, "timestamp": time.time_ns() // 10**6}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return await self.ask(method, **params, signature=sign(self.secret, payload))


@pytest_asyncio.fixture
async def line(make_exchange):
    """A server with an HMAC key and an Ed25519 key of the same account."""
    key = fresh_key()
    keys = {key[0]: Key(key[1], "paper"), PUBLIC_KEY: Key(PUBLIC, "paper")}
    server = Server(make_exchange(), Plan(keys=keys, speed=Speed.parse("step"), limits=Limits(weight_per_minute=300)))
    ports = await server.start()
    async with aiohttp.ClientSession() as session:
        yield Line(await session.ws_connect(f"http://127.0.0.1:{ports.plain}/ws-fapi/v1"), key, server)
        await server.close()


async def test_an_order_lives_on_the_websocket(line):
    """
    Placed, asked for, modified and cancelled, each answered with its id, status and used weight.
    """
    placed = await line.signed("order.place", **ORDER)
    assert (placed["id"], placed["status"], placed["result"]["status"]) == ("n1", 200, "NEW")
    assert placed["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
    name = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
    assert (await line.signed("order.status", **name))["result"]["price"] == "20000.0"
    changed = await line.signed("order.modify", **name, side="BUY", quantity="0.010", price="21000")
    assert changed["result"]["price"] == "21000.0"
    assert (await line.signed("order.cancel", **name))["result"]["status"] == "CANCELED"
    assert (await line.signed("order.cancel", **name))["error"]["code"] == -2011
    assert (await line.signed("v2/account.balance"))["result"][0]["balance"] == "10000.00000000"


async def test_anybody_may_ask_for_prices(line):
    """
    Tickers and the book need no key.
    """
    assert float((await line.ask("ticker.price", symbol="BTCUSDT"))["result"]["price"]) > 0
    assert (await line.ask("ticker.book", symbol="BTCUSDT"))["result"]["symbol"] == "BTCUSDT"
    assert len((await line.ask("depth", symbol="BTCUSDT", limit=5))["result"]["bids"]) == 5


async def test_what_is_wrong_is_refused_with_its_code(line):
    """
    No JSON, no method, an unknown one, no key, a wrong signature, and too much.
    """
    await line.socket.send_str("{")
    assert (await line.socket.receive_json(timeout=30))["error"]["code"] == -1135
    assert (await line.ask("order.dance"))["error"]["code"] == -1000
    assert (await line.ask("order.place", **ORDER))["error"]["code"] == -2014
    wrong = await line.ask("order.place", **ORDER, apiKey=line.api_key, timestamp=1, signature="00")
    assert (wrong["status"], wrong["error"]["code"]) == (400, -1022)
    for _ in range(700):
        answer = await line.ask("ping")
        if answer["status"] != 200:
            break
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    assert answer["error"]["data"]["retryAfter"] > answer["error"]["data"]["serverTime"]


async def test_who_logs_on_signs_no_more(line):
    """
    An Ed25519 key logs the session on; an order then needs a timestamp alone, until the log-out.
    """
    stamp = time.time_ns() // 10**6
    signature = base64.b64encode(PRIVATE.sign(f"apiKey={PUBLIC_KEY}&timestamp={stamp}".encode())).decode()
    hmac_logon = await line.signed("session.logon")
    assert hmac_logon["error"]["code"] == -4056
    logon = await line.ask("session.logon", apiKey=PUBLIC_KEY, timestamp=stamp, signature=signature)
    assert logon["result"]["apiKey"] == PUBLIC_KEY
    assert (await line.ask("order.place", **ORDER, timestamp=stamp))["status"] == 200
    assert (await line.ask("order.place", **ORDER, timestamp=1))["error"]["code"] == -1021
    assert (await line.ask("session.logout"))["result"]["apiKey"] is None
    assert (await line.ask("order.place", **ORDER, timestamp=stamp))["error"]["code"] == -2014


async def test_the_end_is_announced_and_a_day_is_the_longest(make_exchange):
    """
    A connection is closed when its time is over; of the server's own end it hears first, as do all streams.
    """
    key = fresh_key()
    plan = Plan(keys={key[0]: Key(key[1], "paper")}, speed=Speed.parse("step"), rules=ClientRules(lifetime_s=0.15))
    server = Server(make_exchange(), plan)
    ports = await server.start()
    address = f"http://127.0.0.1:{ports.plain}"
    async with aiohttp.ClientSession() as session:
        for route in ("/ws-fapi/v1", "/ws", "/public/stream", "/market/ws", "/private/ws"):
            socket = await session.ws_connect(address + route)
            assert (await socket.receive(timeout=30)).type == aiohttp.WSMsgType.CLOSE, route
        sockets = [await session.ws_connect(address + route) for route in ("/ws-fapi/v1", "/ws", "/market/stream")]
        await server.close()
        api, raw, combined = [await socket.receive_json(timeout=30) for socket in sockets]
    assert (api["event"]["e"], raw["e"]) == ("serverShutdown", "serverShutdown")
    assert (combined["stream"], combined["data"]["e"]) == ("!serverShutdown", "serverShutdown")
