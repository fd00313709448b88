"""Spot streams over a real socket."""

from itertools import pairwise

from tests.engine.venue.embedded.spot.visitor import visited

NAMES = ["kline_1m", "kline_5m", "aggTrade", "trade", "bookTicker", "depth@100ms", "depth5", "miniTicker", "ticker"]


async def test_every_stream_says_something_when_the_market_moves(make_exchange):
    """Raw names in the address, combined by /stream."""
    names = [f"btcusdt@{name}" for name in [*NAMES, "avgPrice"]] + ["!miniTicker@arr"]
    async with visited(make_exchange()) as visitor:
        async with visitor.http.ws_connect(f"{visitor.socket_base}/stream?streams={'/'.join(names)}") as socket:
            visitor.server.pace.step(5)
            heard: dict[str, object] = {}
            while set(heard) != set(names):
                message = await socket.receive_json(timeout=30)
                heard[message["stream"]] = message["data"]
        assert heard["btcusdt@depth5"].keys() == {"lastUpdateId", "bids", "asks"}
        assert isinstance(heard["!miniTicker@arr"], list)


async def test_differences_continue_the_snapshot(make_exchange):
    """The first U is at most lastUpdateId + 1, then every U follows the u before it."""
    async with visited(make_exchange()) as visitor:
        async with visitor.http.ws_connect(f"{visitor.socket_base}/ws/btcusdt@depth") as socket:
            last = (await visitor.ask("GET", "/api/v3/depth", signed=False, symbol="BTCUSDT"))[1]["lastUpdateId"]
            visitor.server.pace.step(3)
            seen = []
            while len(seen) < 4:
                seen.append(await socket.receive_json(timeout=30))
        later = [one for one in seen if one["u"] > last]
        assert later[0]["U"] <= last + 1 <= later[0]["u"]
        assert all(after["U"] == before["u"] + 1 for before, after in pairwise(later))


async def test_requests_on_a_stream(make_exchange):
    """SUBSCRIBE, LIST_SUBSCRIPTIONS, properties, and what cannot be read."""
    async with (
        visited(make_exchange()) as visitor,
        visitor.http.ws_connect(f"{visitor.socket_base}/stream-spot/ws/0") as socket,
    ):

        async def said(request: object) -> dict[str, object]:
            await socket.send_json(request)
            return await socket.receive_json(timeout=30)

        assert (await said({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})) == {
            "result": None,
            "id": 1,
        }
        listed = await said({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        assert listed["result"] == ["0", "btcusdt@trade"]
        assert (await said({"method": "SET_PROPERTY", "params": ["combined", True], "id": 3}))["result"] is None
        assert (await said({"method": "GET_PROPERTY", "params": ["combined"], "id": 4}))["result"] is True
        assert (await said({"method": "SUBSCRIBE", "params": [1], "id": 5}))["error"]["code"] == 2
        assert (await said([1]))["error"]["code"] == 0
