"""Requests that do not arrive, answers that do not, and answers that should not have been."""

import asyncio
import time
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
import pytest

from engine.venue.embedded.faults.door import answer, name_of
from engine.venue.embedded.faults.kinds import KINDS
from engine.venue.embedded.signing import sign


async def status_of(shaky, name="a"):
    """What the exchange says of the order."""
    return (await shaky.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId=name))[1]


@pytest.mark.parametrize(("kind", "lands"), [("request_lost", False), ("response_lost", True)])
async def test_a_connection_breaks(shaky, kind, lands):
    """Before or after the order landed; the client cannot tell which."""
    await shaky.add(kind=kind, seconds=0.01)
    with pytest.raises(aiohttp.ClientError):
        await shaky.buy("a")
    said = await status_of(shaky)
    assert said.get("status") == ("FILLED" if lands else None)
    became = (await shaky.injected())[0]["became"]
    assert became[-1] == ("asked: FILLED" if lands else "asked: -2013")


async def test_an_order_lands_late(shaky):
    """Not there when it is asked about first, there in the end."""
    await shaky.add(kind="landed_late", seconds=1.0)
    with pytest.raises(aiohttp.ClientError):
        await shaky.buy("a")
    assert (await status_of(shaky))["code"] == -2013
    async with asyncio.timeout(30):
        while (said := await status_of(shaky)).get("status") is None:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
    assert said["status"] == "FILLED"


async def test_what_was_to_land_later_does_not_outlive_the_server(shaky):
    """A request that is still under way when the exchange goes is dropped with it."""
    await shaky.add(kind="landed_late", seconds=600.0)
    with pytest.raises(aiohttp.ClientError):
        await shaky.buy("a")
    (late,) = (task for task in asyncio.all_tasks() if "_serve_later" in repr(task.get_coro()))
    assert not late.done()
    await shaky.server.close()
    assert late.done()


@pytest.mark.parametrize(
    ("kind", "value", "status", "code", "lands"),
    [
        ("server_error", "landed", 503, -1008, True),
        ("server_error", "lost", 503, -1008, False),
        ("status_unknown", "landed", 408, -1007, True),
        ("status_unknown", "lost", 408, -1007, False),
    ],
)
async def test_nobody_knows(shaky, kind, value, status, code, lands):
    """The same answer for an order that landed and for one that did not."""
    await shaky.add(kind=kind, value=value)
    answered, said = await shaky.buy("a")
    assert (answered, said["code"]) == (status, code)
    assert (await status_of(shaky)).get("status") == ("FILLED" if lands else None)


@pytest.mark.parametrize("kind", ["clock", "margin", "filter", "too_many"])
async def test_an_order_is_refused(shaky, kind):
    """With the code of its kind, once, and nothing lands."""
    await shaky.add(kind=kind)
    assert (await shaky.buy("a"))[1]["code"] == KINDS[kind].refusal[1] or kind == "filter"
    assert (await status_of(shaky))["code"] == -2013
    assert (await shaky.buy("a"))[0] == 200


async def test_a_ban_is_for_everything(shaky):
    """418 with Retry-After until it ends; who asks meanwhile is noted."""
    await shaky.add(kind="banned", seconds=0.2)
    assert (await shaky.buy("a"))[0] == 418
    assert (await shaky.ask("GET", "/fapi/v1/time"))[0] == 418
    await asyncio.sleep(0.25)
    assert (await shaky.buy("a"))[0] == 200
    assert "asked again during the ban" in (await shaky.injected())[0]["became"]


async def test_a_question_is_answered_by_a_copy_that_lags(shaky):
    """-2013 for an order that is there, for a while."""
    await shaky.buy("a")
    await shaky.add(kind="not_found", seconds=0.2)
    assert (await status_of(shaky))["code"] == -2013
    assert (await status_of(shaky))["code"] == -2013
    await asyncio.sleep(0.25)
    assert (await status_of(shaky))["status"] == "FILLED"


async def test_a_delisted_contract_takes_no_order(shaky):
    """The position is settled, new orders are refused, the others trade on."""
    await shaky.buy("a")
    await shaky.add(kind="delisting", symbol="BTCUSDT")
    shaky.move()
    assert (await shaky.buy("b"))[1]["code"] == -4140
    assert (await shaky.buy("c", "ETHUSDT"))[0] == 200
    assert (await shaky.injected())[0]["became"] == ["FILLED, 100 lots filled"]


def tick_of(contract):
    """What its price filter says."""
    return next(Decimal(one["tickSize"]) for one in contract["filters"] if one["filterType"] == "PRICE_FILTER")


async def test_the_rules_say_what_has_become_of_a_contract(shaky):
    """A delisted one is settling, one with a tenth of its tick names that; the third is as it was."""
    await shaky.add(kind="delisting", symbol="BTCUSDT")
    await shaky.add(kind="tick_change", symbol="ETHUSDT")
    before = {one["symbol"]: one for one in (await shaky.ask("GET", "/fapi/v1/exchangeInfo"))[1]["symbols"]}
    shaky.move()
    after = {one["symbol"]: one for one in (await shaky.ask("GET", "/fapi/v1/exchangeInfo"))[1]["symbols"]}
    assert (before["BTCUSDT"]["status"], after["BTCUSDT"]["status"]) == ("TRADING", "SETTLING")
    ticks = [tick_of(one["ETHUSDT"]) for one in (before, after)]
    assert ticks[1] == ticks[0] / 10
    assert [name for name in after if after[name] != before[name]] == ["BTCUSDT", "ETHUSDT"]


async def test_a_request_names_its_order():
    """By the client's id where there is one."""
    assert name_of({"orderId": "5", "newClientOrderId": "a"}) == "a"
    assert name_of({}) == ""
    assert answer(429, -1003, "slow", retry_after="7").headers["Retry-After"] == "7"


@dataclass(frozen=True)
class Floor:
    """Where a floor's websocket API is, the path of REST that its orders ask, and what too little margin is there."""

    socket: str
    order: str
    margin: int


FLOORS = [Floor("/ws-fapi/v1", "/fapi/v1/order", -2019), Floor("/ws-api/v3", "/api/v3/order", -2010)]
floors = pytest.mark.parametrize("floor", FLOORS, ids=["futures", "spot"])


class Talk:
    """A floor's websocket API, logged on to nothing: each request is signed."""

    def __init__(self, shaky, socket, floor):
        self.shaky, self.socket, self.floor = shaky, socket, floor

    async def ask(self, method: str, **given):
        """Send one request; its answer."""
        given |= {"apiKey": self.shaky._keys[0], "timestamp": int(time.time() * 1000), "recvWindow": 5000}
        payload = "&".join(f"{name}={given[name]}" for name in sorted(given))
        given["signature"] = sign(self.shaky._keys[1], payload)
        await self.socket.send_json({"id": 7, "method": method, "params": given})
        return await self.socket.receive_json(timeout=30)

    async def buy(self, name: str):
        """A market order of 0.01."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010", "newClientOrderId": name}
        return await self.ask("order.place", **order)

    async def state(self, name: str):
        """What REST says that the order is, if it knows it."""
        return (await self.shaky.ask("GET", self.floor.order, symbol="BTCUSDT", origClientOrderId=name))[1].get(
            "status"
        )


async def talk(shaky, floor) -> Talk:
    """Open one."""
    return Talk(shaky, await shaky.dial(floor.socket), floor)


@floors
@pytest.mark.parametrize(
    ("kind", "value", "status", "code", "lands"),
    [
        ("server_error", "landed", 503, -1008, True),
        ("status_unknown", "lost", 408, -1007, False),
        ("margin", "", 400, 0, False),
        ("too_many", "3", 429, -1003, False),
    ],
)
async def test_the_websocket_api_meets_the_same(shaky, floor, kind, value, status, code, lands):
    """The fault of REST in the frame of the websocket API, written into the same ledger; the next order is served."""
    line = await talk(shaky, floor)
    await shaky.add(kind=kind, **({"value": value} if value else {}))
    said = await line.buy("a")
    assert (said["id"], said["status"], said["error"]["code"]) == (7, status, code or floor.margin)
    assert ("retryAfter" in said["error"].get("data", {})) == (kind == "too_many")
    assert "rateLimits" in said
    assert await line.state("a") == ("FILLED" if lands else None)
    assert (await line.buy("b"))["result"]["clientOrderId"] == "b"
    row = (await shaky.injected())[0]
    assert (row["kind"], row["where"], row["hit"]) == (kind, f"POST {floor.order} BTCUSDT", "a")


@floors
@pytest.mark.parametrize(("kind", "lands"), [("request_lost", False), ("response_lost", True), ("landed_late", True)])
async def test_the_websocket_breaks_too(shaky, floor, kind, lands):
    """No answer and no connection; whether the order landed is for the client to find out."""
    line = await talk(shaky, floor)
    await shaky.add(kind=kind, seconds=0.05)
    with pytest.raises((TypeError, aiohttp.ClientError)):
        await line.buy("a")
    assert line.socket.closed
    await asyncio.sleep(0.1)
    assert await line.state("a") == ("FILLED" if lands else None)


@floors
async def test_a_ban_holds_on_the_websocket(shaky, floor):
    """418 to every frame while it lasts, then served again."""
    line = await talk(shaky, floor)
    await shaky.add(kind="banned", seconds=0.2)
    assert (await line.buy("a"))["status"] == 418
    assert (await line.ask("account.status"))["status"] == 418
    await asyncio.sleep(0.25)
    assert (await line.buy("b"))["status"] == 200
