"""Clients that do not read, say too much, stay silent or grow old."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from engine.venue.embedded.clients import ClientRules
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.streams import Streams


async def test_a_slow_client_is_cut_and_a_fast_one_loses_nothing(make_exchange):
    """
    The queue of whoever stops reading fills up and ends its connection; the other hears every candle.
    """
    exchange = make_exchange()
    server = Server(exchange, Plan(keys={}, speed=Speed.parse("step")))
    server.streams._queue_max = 500
    ports = await server.start()
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        stack.push_async_callback(server.close)
        address = f"http://127.0.0.1:{ports.plain}/ws/btcusdt@kline_1m"
        fast = await session.ws_connect(address)
        slow = await session.ws_connect(address)
        slow._conn.transport.pause_reading()
        await asyncio.sleep(0.05)
        opens = []
        for _ in range(4_000 // 100):
            server.pace.step(100)
            opens += [(await fast.receive_json(timeout=30))["k"]["t"] for _ in range(100)]
            # Larger than what sockets and their buffers hold for who does not read.
            for client in list(server.streams._clients)[1:]:
                client.push("x" * 500_000)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert opens == list(range(opens[0], opens[0] + 60_000 * len(opens), 60_000))
        assert len(opens) == 4_000
        assert (server.streams.cut_count, server.streams.clients_count) == (1, 1)


def test_a_stream_is_told_from_a_path():
    """
    Streams live under /ws and /stream, with or without a route before them.
    """
    paths = {"/ws": True, "/ws/0": True, "/public/ws": True, "/stream": True, "/fapi/v1/ws": False, "/wss": False}
    assert {path: Streams.is_route(None, path) for path in paths} == paths


@asynccontextmanager
async def served(make_exchange, **rules):
    """Serve streams under ``rules``; a function that connects."""
    plan = Plan(keys={}, speed=Speed.parse("step"), rules=ClientRules(**rules))
    server = Server(make_exchange(), plan)
    ports = await server.start()
    async with aiohttp.ClientSession() as session:
        try:
            yield lambda **more: session.ws_connect(f"http://127.0.0.1:{ports.plain}/ws/btcusdt@kline_1m", **more)
        finally:
            await server.close()


async def test_who_says_too_much_is_cut(make_exchange):
    """
    Ten messages a second are answered, the eleventh ends the connection with a policy violation.
    """
    async with served(make_exchange, messages_per_s=10) as connect:
        stream = await connect()
        for number in range(11):
            await stream.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        heard = [await stream.receive(timeout=30)]
        while heard[-1].type is aiohttp.WSMsgType.TEXT:
            heard.append(await stream.receive(timeout=30))
        assert heard[-1].type is aiohttp.WSMsgType.CLOSE
        assert (len(heard) <= 11, heard[-1].data) == (True, aiohttp.WSCloseCode.POLICY_VIOLATION)


async def test_a_connection_ends_with_its_day(make_exchange):
    """
    After its lifetime the connection is closed with a reason; until then pings are answered and it lives.
    """
    async with served(make_exchange, lifetime_s=0.2, ping_s=0.05) as connect:
        begun_s = asyncio.get_running_loop().time()
        stream = await connect()
        message = await stream.receive(timeout=30)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
        assert asyncio.get_running_loop().time() - begun_s >= 0.2


async def test_who_answers_no_ping_is_cut(make_exchange):
    """
    A ping comes every interval; a client that sends no pong is dropped, one that does is not.
    """
    async with served(make_exchange, ping_s=0.03, pong_s=0.2, messages_per_s=1000) as connect:
        deaf, polite = await connect(autoping=False), await connect()
        polite_hears = asyncio.create_task(asyncio.wait_for(polite.receive(), 0.6))
        kinds = [(await deaf.receive(timeout=30)).type]
        while kinds[-1] is aiohttp.WSMsgType.PING:
            kinds.append((await deaf.receive(timeout=30)).type)
        assert len(kinds) > 2
        with pytest.raises(TimeoutError):
            await polite_hears
        await polite.close()
        await deaf.close()


async def test_a_connection_carries_so_many_streams(make_exchange):
    """
    The stream beyond the most is refused, and those before it stay.
    """
    async with served(make_exchange, streams_max=3) as connect:
        stream = await connect()
        for names, is_error in ((["a", "b"], False), (["b"], False), (["c"], True)):
            await stream.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
            assert ("error" in await stream.receive_json(timeout=30)) == is_error
