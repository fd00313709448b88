"""Requests that do not arrive, answers that do not, and answers that should not have been."""

import asyncio

import aiohttp
import pytest

from engine.venue.embedded.faults.door import answer, name_of
from engine.venue.embedded.faults.kinds import KINDS

QUERY = {"symbol": "BTCUSDT", "origClientOrderId": "a"}


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
    await shaky.add(kind="landed_late", seconds=0.15)
    with pytest.raises(aiohttp.ClientError):
        await shaky.buy("a")
    assert (await status_of(shaky))["code"] == -2013
    await asyncio.sleep(0.3)
    assert (await status_of(shaky))["status"] == "FILLED"


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


async def test_a_request_names_its_order():
    """By the client's id where there is one."""
    assert name_of({"orderId": "5", "newClientOrderId": "a"}) == "a"
    assert name_of({}) == ""
    assert answer(429, -1003, "slow", retry_after="7").headers["Retry-After"] == "7"
