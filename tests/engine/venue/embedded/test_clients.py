"""A client that does not read."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp

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
            opens += [(await fast.receive_json(timeout=2))["k"]["t"] for _ in range(100)]
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
