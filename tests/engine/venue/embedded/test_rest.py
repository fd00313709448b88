"""REST over a plain socket: access, listen keys, weights, and nonsense."""

import random
import time
from urllib.parse import urlencode

import aiohttp
import pytest_asyncio

from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import BODY_BYTES_MAX, Plan, Server
from engine.venue.embedded.signing import Key, fresh_key, sign

SEED = 20_261_121
REQUESTS = 400


class Caller:
    """A client that signs by itself."""

    def __init__(self, base: str, session: aiohttp.ClientSession, key: tuple[str, str]) -> None:
        self.base, self.session = base, session
        self.api_key, self.secret = key

    async def call(self, method: str, path: str, *, api_key: str | None = None, **given: str) -> tuple[int, object]:
        """Send a signed request; status and answer."""
        query = urlencode({"timestamp": str(time.time_ns() // 10**6)} | given)
        address = f"{self.base}/fapi/{path}?{query}&signature={sign(self.secret, query)}"
        headers = {"X-MBX-APIKEY": api_key or self.api_key}
        async with self.session.request(method, address, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest_asyncio.fixture
async def caller(make_exchange):
    """A fresh server and who calls it."""
    key = fresh_key()
    server = Server(make_exchange(), Plan(keys={key[0]: Key(key[1], "paper")}, speed=Speed.parse("step")))
    ports = await server.start()
    async with aiohttp.ClientSession() as session:
        yield Caller(f"http://127.0.0.1:{ports.plain}", session, key)
        await server.close()


async def test_access_is_checked_before_anything_else(caller):
    """
    A malformed key, an unknown key, no signature, a wrong one, no timestamp: each its code and status.
    """
    assert (await caller.call("GET", "v2/balance"))[0] == 200
    assert await caller.call("GET", "v2/balance", api_key="?") == (
        401,
        {"code": -2014, "msg": "API-key format invalid."},
    )
    assert (await caller.call("GET", "v2/balance", api_key="k" * 64))[1]["code"] == -2015
    assert (await caller.call("GET", "v2/balance", timestamp="1"))[1]["code"] == -1021
    assert (await caller.call("GET", "v2/balance", timestamp=""))[1]["code"] == -1102
    headers = {"X-MBX-APIKEY": caller.api_key}
    for query, code in (("timestamp=1", -1102), ("timestamp=1&signature=00", -1022)):
        answer = await caller.session.get(f"{caller.base}/fapi/v2/balance?{query}", headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (400, code)


async def test_a_listen_key_needs_no_signature(caller):
    """
    POST twice gives the same key, PUT keeps it, DELETE ends it, and then PUT says that it does not exist.
    """
    headers, address = {"X-MBX-APIKEY": caller.api_key}, f"{caller.base}/fapi/v1/listenKey"
    keys = [
        (await (await caller.session.request(method, address, headers=headers)).json()).get("listenKey")
        for method in ("POST", "POST", "PUT", "DELETE")
    ]
    assert keys[0] == keys[1] == keys[2]
    assert keys[3] is None
    gone = await caller.session.put(address, headers=headers)
    assert (await gone.json())["code"] == -1125
    assert (await caller.session.post(address)).status == 401


async def test_nonsense_gets_an_error_and_never_a_crash(caller):
    """
    Seeded nonsense in every parameter of every path: an answer in JSON, never a 5xx.
    """
    chance = random.Random(SEED)
    paths = ["order", "openOrder", "algoOrder", "allOrders", "userTrades", "klines", "depth", "leverage", "income", "x"]
    values = [
        "",
        "0",
        "-1",
        "1",
        "9" * 18,
        "9" * 30,
        "NaN",
        "1e9",
        "\u0661",
        "BTCUSDT",
        "BUY",
        "LIMIT",
        "MARKET",
        "GTC",
    ]
    values += ["STOP_MARKET", "CONDITIONAL", "true", "0.01", "30000", "1m", "../..", "\x00", "'", "a" * 300]
    names = ["symbol", "side", "type", "quantity", "price", "timeInForce", "orderId", "limit", "startTime", "endTime"]
    names += ["fromId", "interval", "algoType", "triggerPrice", "reduceOnly", "closePosition", "newClientOrderId"]
    for _ in range(REQUESTS):
        given = {name: chance.choice(values) for name in chance.sample(names, chance.randrange(len(names)))}
        if chance.random() < 0.7:
            given |= {"symbol": "BTCUSDT"}
        method, path = chance.choice(["GET", "POST", "DELETE"]), f"v1/{chance.choice(paths)}"
        status, answer = await caller.call(method, path, **given)
        assert status in (200, 400, 404), (SEED, method, path, given, answer)
        assert status == 200 or answer["code"] < 0


async def test_a_giant_body_is_refused(caller):
    """
    More than 64 KiB is answered, not read.
    """
    answer = await caller.session.post(f"{caller.base}/fapi/v1/order", data="a" * (BODY_BYTES_MAX + 1))
    assert (answer.status, (await answer.json())["code"]) == (413, -1130)


async def test_what_clients_ask_while_they_load(caller):
    """
    Settings of the account and the spot paths that futures clients touch are there.
    """
    assert await caller.call("GET", "v1/positionSide/dual") == (200, {"dualSidePosition": False})
    assert await caller.call("GET", "v1/multiAssetsMargin") == (200, {"multiAssetsMargin": False})
    status, rate = await caller.call("GET", "v1/commissionRate", symbol="BTCUSDT")
    assert (status, rate["takerCommissionRate"]) == (200, "0.000500")
    assert await (await caller.session.get(f"{caller.base}/api/v3/ping")).json() == {}
    for method, path in (("POST", "v1/marginType"), ("POST", "v1/positionSide/dual")):
        assert (await caller.call(method, path, symbol="BTCUSDT"))[0] == 400
