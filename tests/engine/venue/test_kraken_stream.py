"""Kraken's private stream over real sockets: up when all of it is granted, nothing of it merged or dropped."""

import asyncio

import pytest

from engine.venue.base import StreamDown, StreamUp, TradeSeen, WalletSeen
from engine.venue.facts import asset_of, fee_ppm, late_numbers
from tests.engine.venue.kraken_hall import BTC, Hall

SEND = "sendorder"


@pytest.fixture
async def hall():
    """One exchange for each test."""
    made = Hall()
    await made.open()
    yield made
    await made.close()


async def test_a_stream_that_breaks_is_dialled_again(hall):
    """Down, then up with another challenge; what happens afterwards is told."""
    await hall.listen()
    await hall.door.hang_up()
    await hall.until(lambda n: isinstance(n, StreamDown))
    hall.told.clear()
    await hall.until(lambda n: isinstance(n, StreamUp))
    assert hall.told == [StreamUp()], "up is said once, for all feeds"
    await hall.trade(1, 10)
    await hall.until(lambda n: isinstance(n, TradeSeen))
    assert hall.venue.stream_age_ns() < 10**9


async def test_a_subscription_that_is_refused_is_no_stream(hall):
    """Up is said when every feed is granted, never before."""
    hall.door.refuses_feeds = True
    hall.listening = asyncio.create_task(hall.venue.listen(hall.told.append))
    down = await hall.until(lambda n: isinstance(n, StreamDown))
    assert "Failed to subscribe" in down.text
    assert not any(isinstance(n, StreamUp) for n in hall.told)


async def test_a_key_that_the_stream_does_not_know_is_said():
    """A challenge that is refused ends the attempt; it does not wait for ever."""
    hall = Hall()
    await hall.open(key="somebodyElse")
    try:
        hall.listening = asyncio.create_task(hall.venue.listen(hall.told.append))
        down = await hall.until(lambda n: isinstance(n, StreamDown))
        assert "Invalid api key" in down.text
    finally:
        await hall.close()


async def test_what_others_do_is_told_by_name(hall):
    """A liquidation and an unwinding carry the names that the engine knows; funding and transfers ask for a look."""
    await hall.listen()
    await hall.trade(1, 10)
    hall.floor.by_hand("PF_XBTUSD", "-0.0004", "liquidation")
    hall.floor.by_hand("PF_XBTUSD", "-0.0006", "unwindCounterparty")
    hall.floor.by_hand("PF_XBTUSD", "0.001")
    hall.floor.fund("PF_XBTUSD", "-0.5")
    hall.floor.transfer("5")
    await hall.until(lambda n: isinstance(n, WalletSeen) and n.reason == "TRANSFER")
    names = [n.client_id for n in hall.told if isinstance(n, TradeSeen)]
    assert names[1:] == ["autoclose-", "adl_autoclose", ""]
    assert [n.reason for n in hall.told if isinstance(n, WalletSeen)] == ["FUNDING_FEE", "TRANSFER"]


async def test_a_frame_that_cannot_be_read_ends_the_stream(hall):
    """Whatever it said has to be asked for."""
    await hall.listen()
    hall.floor.told({"feed": "fills", "fills": [{"instrument": "PF_XBTUSD"}]})
    down = await hall.until(lambda n: isinstance(n, StreamDown))
    assert "unreadable frame" in down.text


async def test_practice_reaches_the_hosts_of_practice_alone():
    """Orders and the private stream by the demo's names, under a journal of its own with the same facts."""
    hall = Hall()
    await hall.open(is_demo=True)
    try:
        await hall.listen()
        await hall.trade(1, 10)
        assert (await hall.venue.instruments([BTC]))[0].venue == "kraken-demo"
        assert (fee_ppm("kraken-demo", is_maker=False), asset_of("kraken-demo")) == (500, "USD")
        assert late_numbers("kraken-demo") == late_numbers("krakenfutures") > 0
    finally:
        await hall.close()
