"""A server with both floors, and an HTTP client that signs for it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp

from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, sign

KEY, SECRET = "k" * 64, "s" * 64


class Visitor:
    """Somebody at the door."""

    def __init__(self, server: Server, http: aiohttp.ClientSession, port: int) -> None:
        self.server, self.http = server, http
        self.base, self.socket_base = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"

    async def ask(self, method: str, path: str, *, signed: bool = True, **given: object):
        """Status and body of a request."""
        query = urlencode(given)
        if signed:
            query = urlencode(given | {"timestamp": time.time_ns() // 1_000_000})
            query += f"&signature={sign(SECRET, query)}"
        async with self.http.request(method, f"{self.base}{path}?{query}", headers={"X-MBX-APIKEY": KEY}) as answer:
            return answer.status, await answer.json()


def signed(**given: object) -> dict[str, object]:
    """Parameters of the websocket API with key, time and signature."""
    given |= {"apiKey": KEY, "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={given[name]}" for name in sorted(given))
    return given | {"signature": sign(SECRET, payload)}


@asynccontextmanager
async def visited(exchange) -> AsyncIterator[Visitor]:
    """Serve ``exchange``, frozen, on the plain port of spot."""
    deposits = {"USDT": 1_000_000 * 10**8, "BTC": 10 * 10**8}
    plan = Plan(keys={KEY: Key(SECRET, "paper")}, speed=Speed.parse("step"), spot_deposits=deposits)
    server = Server(exchange, plan)
    ports = await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Visitor(server, http, ports.spot_plain)
    finally:
        await server.close()
