"""An exchange with faults on real sockets, and a plain client of it."""

import time
from urllib.parse import urlencode

import aiohttp
import pytest_asyncio

from engine.venue.embedded.faults.injector import Faults
from engine.venue.embedded.faults.schedule import parse
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key, sign


class Shaky:
    """A server, its faults and a client."""

    def __init__(self, server: Server, port: int, keys: tuple[str, str], session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self._keys = keys
        self._streams: list[aiohttp.ClientWebSocketResponse] = []
        self.address = f"http://127.0.0.1:{port}"

    def move(self, minutes: int = 1) -> None:
        """Let the market play."""
        self.server.pace.step(minutes)

    async def add(self, **fault) -> int:
        """Schedule a fault by the control path."""
        async with self.session.post(
            f"{self.address}/ringmaster/faults", json=fault, headers={"X-MBX-APIKEY": self._keys[0]}
        ) as answer:
            return answer.status

    async def injected(self) -> list[dict]:
        """What the ledger says."""
        answer = await self.session.get(f"{self.address}/ringmaster/faults", headers={"X-MBX-APIKEY": self._keys[0]})
        return (await answer.json())["injected"]

    async def ask(self, method: str, path: str, **given) -> tuple[int, object]:
        """A signed request: status and body."""
        query = urlencode(given | {"timestamp": int(time.time() * 1000), "recvWindow": 5000})
        signed = f"{query}&signature={sign(self._keys[1], query)}"
        answer = await self.session.request(
            method, f"{self.address}{path}?{signed}", headers={"X-MBX-APIKEY": self._keys[0]}
        )
        return answer.status, await answer.json()

    async def buy(self, name: str, symbol: str = "BTCUSDT") -> tuple[int, object]:
        """A market order of 0.1."""
        order = {"symbol": symbol, "side": "BUY", "type": "MARKET", "quantity": "0.100", "newClientOrderId": name}
        return await self.ask("POST", "/fapi/v1/order", **order)

    async def dial(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """Open a websocket."""
        timeout = aiohttp.ClientWSTimeout(ws_close=0.1)  # who is half open does not say goodbye
        self._streams.append(await self.session.ws_connect(self.address + path, timeout=timeout))
        return self._streams[-1]

    async def close(self) -> None:
        """Hang up: a stream that the exchange has cut is not closed by that."""
        for stream in self._streams:
            await stream.close()


@pytest_asyncio.fixture
async def shaky(make_exchange):
    """A fresh server for each test, its market three minutes old."""
    api_key, secret = fresh_key()
    plan = Plan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step"), faults=Faults(parse({"seed": 1})))
    server = Server(make_exchange(), plan)
    ports = await server.start()
    server.pace.step(3)
    async with aiohttp.ClientSession() as session:
        shaken = Shaky(server, ports.plain, (api_key, secret), session)
        yield shaken
        await shaken.close()
        await server.close()
