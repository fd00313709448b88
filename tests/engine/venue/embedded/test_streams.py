"""Subscriptions and what they hear, over real sockets."""

import asyncio
from itertools import pairwise

import aiohttp
import pytest
import pytest_asyncio

from engine.venue.embedded.orders import BUY, PlaceOrder
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.embedded.streams import PORTION


class Booth:
    """A server and a plain client."""

    def __init__(self, server: Server, port: int, api_key: str, session: aiohttp.ClientSession) -> None:
        self.server, self.session, self.api_key = server, session, api_key
        self.address = f"http://127.0.0.1:{port}"

    async def dial(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """Open a websocket."""
        stream = await self.session.ws_connect(self.address + path)
        await asyncio.sleep(0.02)
        return stream

    async def listen_key(self) -> str:
        """Return the account's listen key."""
        answer = await self.session.post(f"{self.address}/fapi/v1/listenKey", headers={"X-MBX-APIKEY": self.api_key})
        return (await answer.json())["listenKey"]


@pytest_asyncio.fixture
async def booth(make_exchange):
    """A fresh server for each test."""
    api_key, secret = fresh_key()
    server = Server(make_exchange(), Plan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step")))
    ports = await server.start()
    async with aiohttp.ClientSession() as session:
        yield Booth(server, ports.plain, api_key, session)
        await server.close()


async def told(stream: aiohttp.ClientWebSocketResponse, **request):
    """Send a request and return the answer."""
    await stream.send_json(request)
    return await stream.receive_json(timeout=30)


@pytest.mark.parametrize(
    "path", ["/ws/btcusdt@kline_1m", "/market/ws/btcusdt@kline_1m", "/public/ws/btcusdt@kline_1m/made-up"]
)
async def test_every_stream_on_every_route(booth, path):
    """
    A candle arrives wherever it was asked for, with flag, trades and taker volume.
    """
    stream = await booth.dial(path)
    booth.server.pace.step(1)
    heard = (await stream.receive_json(timeout=30))["k"]
    assert (heard["x"], heard["i"], heard["n"], heard["V"]) == (True, "1m", 40, "60.00000000")
    assert heard["T"] - heard["t"] == 59_999


async def test_combined_streams_name_themselves(booth):
    """
    /stream wraps each message in its stream's name.
    """
    stream = await booth.dial("/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m")
    booth.server.pace.step(1)
    names = [(await stream.receive_json(timeout=30))["stream"] for _ in range(2)]
    assert names == ["btcusdt@kline_1m", "ethusdt@kline_1m"]


async def test_subscribing_and_leaving(booth):
    """
    SUBSCRIBE, LIST_SUBSCRIPTIONS and UNSUBSCRIBE answer with their id; an odd request gets an error.
    """
    stream = await booth.dial("/ws")
    assert await told(stream, method="SUBSCRIBE", params=["a@b", "btcusdt@kline_1m"], id=1) == {"result": None, "id": 1}
    assert (await told(stream, method="LIST_SUBSCRIPTIONS", id=2))["result"] == ["a@b", "btcusdt@kline_1m"]
    assert (await told(stream, method="UNSUBSCRIBE", params=["btcusdt@kline_1m"], id=3))["id"] == 3
    booth.server.pace.step(1)
    assert (await told(stream, method="LIST_SUBSCRIPTIONS", id=4)) == {"result": ["a@b"], "id": 4}
    assert (await told(stream, method="DANCE", id=5))["error"]["code"] == 2
    assert (await told(stream, method="SUBSCRIBE", params="a", id=6))["error"]["code"] == 2
    await stream.send_str("{")
    assert (await stream.receive_json(timeout=30))["error"]["code"] == 3


async def test_a_longer_candle_closes_with_its_last_minute(booth):
    """
    kline_5m is told with every minute and closed exactly once in five.
    """
    stream = await booth.dial("/ws/btcusdt@kline_5m")
    booth.server.pace.step(10)
    heard = [(await stream.receive_json(timeout=30)) for _ in range(10)]
    closed = [message for message in heard if message["k"]["x"]]
    assert len(closed) == 2
    assert closed[1]["k"]["t"] - closed[0]["k"]["t"] == 300_000
    assert closed[1]["k"]["n"] == 5 * 40
    assert closed[1]["E"] == closed[1]["k"]["T"] + 1


async def test_ticks_are_made_only_for_who_listens(booth):
    """
    Without a listener for trades or quotes the market makes none.
    """
    exchange = booth.server._exchange
    candles = await booth.dial("/ws/btcusdt@kline_1m")
    assert not exchange.tells_ticks
    trades = await booth.dial("/ws/btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@markPrice/btcusdt@ticker")
    assert exchange.tells_ticks
    booth.server.pace.step(1)
    kinds = {(await trades.receive_json(timeout=30))["e"] for _ in range(7)}
    assert kinds >= {"aggTrade", "bookTicker", "markPriceUpdate", "24hrTicker"}
    await trades.close()
    await asyncio.sleep(0.05)
    assert not exchange.tells_ticks
    await candles.close()


async def test_differences_chain(booth):
    """
    A snapshot lies within the next difference, and each difference names the one before.
    """
    stream = await booth.dial("/ws/btcusdt@depth@100ms")
    booth.server.pace.step(1)
    first = await stream.receive_json(timeout=30)
    answer = await booth.session.get(f"{booth.address}/fapi/v1/depth", params={"symbol": "BTCUSDT", "limit": "5"})
    snapshot = await answer.json()
    booth.server.pace.step(1)
    second = await stream.receive_json(timeout=30)
    assert second["U"] <= snapshot["lastUpdateId"] <= second["u"]
    assert second["pu"] == first["u"]
    assert len(snapshot["bids"]) == 5


async def test_only_the_owner_hears_of_the_account(booth):
    """
    An order is told behind the listen key, on /private and as a raw stream; nobody else hears it.
    """
    key = await booth.listen_key()
    private, raw = await booth.dial(f"/private/ws?listenKey={key}"), await booth.dial(f"/ws/{key}")
    public = await booth.dial("/ws/btcusdt@kline_1m")
    server = booth.server
    server._exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"))
    server.streams.publish(server._exchange.drain())
    for stream in (private, raw):
        heard = [(await stream.receive_json(timeout=30))["e"] for _ in range(4)]
        assert {"TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"} == set(heard)
    with pytest.raises(TimeoutError):
        await public.receive(timeout=0.05)


async def test_a_listen_key_that_ends_is_told_and_then_deaf(booth):
    """
    listenKeyExpired, then silence; and a key that is not there opens nothing.
    """
    key = await booth.listen_key()
    stream = await booth.dial(f"/private/ws?listenKey={key}")
    server = booth.server
    server.streams.expire_listen_keys(2**62, 1)
    assert await stream.receive_json(timeout=30) == {"e": "listenKeyExpired", "E": 1, "listenKey": key}
    server._exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"))
    server.streams.publish(server._exchange.drain())
    with pytest.raises(TimeoutError):
        await stream.receive(timeout=0.05)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await booth.dial(f"/private/ws?listenKey={key}")


async def test_streams_of_every_contract_at_once(booth):
    """
    Marks, tickers and small tickers come as one array of both contracts; quotes one by one.
    """
    names = ("!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr", "!bookTicker")
    stream = await booth.dial("/stream?streams=" + "/".join(names))
    booth.server.pace.step(1)
    heard = [await stream.receive_json(timeout=30) for _ in range(6)]
    arrays = {one["stream"]: [row["s"] for row in one["data"]] for one in heard if isinstance(one["data"], list)}
    assert arrays == {name: ["BTCUSDT", "ETHUSDT"] for name in names[:4]}
    assert [one["data"]["s"] for one in heard if one["stream"] == "!bookTicker"] == ["BTCUSDT", "ETHUSDT"]


async def test_continuous_candles_name_pair_and_contract(booth):
    """
    btcusdt_perpetual@continuousKline_1m has no symbol but a pair, and the ids of the minute's trades.
    """
    stream = await booth.dial("/ws/btcusdt_perpetual@continuousKline_1m")
    booth.server.pace.step(1)
    heard = await stream.receive_json(timeout=30)
    assert (heard["e"], heard["ps"], heard["ct"], "s" in heard["k"]) == (
        "continuous_kline",
        "BTCUSDT",
        "PERPETUAL",
        False,
    )
    assert heard["k"]["f"] == heard["k"]["t"] // 60_000 * 16 == heard["k"]["L"] - 15


async def test_a_liquidation_is_told_to_everybody(booth):
    """
    A fill of an order that the exchange itself made is a forceOrder; others' fills are not.
    """
    stream = await booth.dial("/ws/!forceOrder@arr")
    server = booth.server
    for client_id in ("mine", "autoclose-7"):
        wanted = PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01", client_id=client_id)
        server._exchange.place("paper", wanted)
    server.streams.publish(server._exchange.drain())
    heard = await stream.receive_json(timeout=30)
    assert (heard["e"], heard["o"]["s"], heard["o"]["X"]) == ("forceOrder", "BTCUSDT", "FILLED")
    with pytest.raises(TimeoutError):
        await stream.receive(timeout=0.05)


async def test_the_property_combined_wraps_messages(booth):
    """
    SET_PROPERTY turns a raw connection into a combined one; another property is unknown.
    """
    stream = await booth.dial("/ws/btcusdt@kline_1m")
    assert (await told(stream, method="GET_PROPERTY", params=["combined"], id=1))["result"] is False
    assert (await told(stream, method="SET_PROPERTY", params=["combined", True], id=2))["result"] is None
    assert (await told(stream, method="SET_PROPERTY", params=["colour", 1], id=3))["error"]["code"] == 0
    booth.server.pace.step(1)
    assert (await stream.receive_json(timeout=30))["stream"] == "btcusdt@kline_1m"


async def test_others_have_their_turn_while_hundreds_of_events_are_told(booth):
    """The accounts' own news go first, and the loop is free after each portion; nothing is lost or doubled."""
    stream = await booth.dial("/ws/btcusdt@bookTicker")
    exchange, streams = booth.server.pace._exchange, booth.server.streams
    exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"))
    private = exchange.drain()
    quotes = [exchange.book_ticker("BTCUSDT") for _ in range(3 * PORTION)]
    turns, told, tell = [], [], streams._publish_one
    streams._publish_one = lambda event: (told.append(event), tell(event))
    telling = asyncio.create_task(streams.publish_in_portions([*quotes, *private]))
    while not telling.done():
        turns.append(len(told))
        await asyncio.sleep(0)
    assert told[: len(private)] == private
    assert max(after - before for before, after in pairwise(turns)) == PORTION
    for _ in quotes:
        assert (await stream.receive_json(timeout=30))["e"] == "bookTicker"
