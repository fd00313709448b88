"""The same schedule of faults strikes spot: its streams, its REST and what its accounts hear."""

import pytest

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010"}


async def heard(stream, seconds: float = 0.1) -> list[dict]:
    """Every message until it is silent."""
    found = []
    while True:
        try:
            found.append(await stream.receive_json(timeout=seconds))
        except TimeoutError:
            return found


async def mine(shaky):
    """The user stream of a listen key."""
    key = (await shaky.ask("POST", "/api/v3/userDataStream"))[1]["listenKey"]
    return await shaky.dial(f"/spot/ws/{key}")


async def test_a_candle_of_spot_is_withheld_beside_one_of_futures(shaky):
    """Each floor's stream is an opportunity; what one holds back never comes out of the other."""
    spot, futures = await shaky.dial("/spot/ws/btcusdt@kline_1m"), await shaky.dial("/ws/btcusdt@kline_1m")
    await shaky.add(kind="late", value="1", times=2)
    shaky.move(3)
    for stream, volumes in ((spot, 8), (futures, None)):
        closed = [one["k"] for one in await heard(stream) if one["k"]["x"]]
        times = [one["t"] for one in closed]
        assert len(times) == 3
        assert times != sorted(times)
        if volumes:
            assert all(len(one["c"].partition(".")[2]) == volumes for one in closed), "spot's own text"
    assert {row["where"] for row in await shaky.injected()} == {"btcusdt@kline_1m", "spot btcusdt@kline_1m"}


@pytest.mark.parametrize(
    ("kind", "code"), [("margin", -2010), ("filter", -1013), ("status_unknown", -1007), ("would_trigger", -2010)]
)
async def test_an_order_of_spot_is_refused_with_spots_own_code(shaky, kind, code):
    """-2019 and -4164 belong to the futures."""
    await shaky.add(kind=kind)
    assert (await shaky.ask("POST", "/api/v3/order", **ORDER))[1]["code"] == code
    assert (await shaky.injected())[0]["where"] == "POST /api/v3/order BTCUSDT"


@pytest.mark.parametrize(
    ("kind", "count"),
    [("executions_duplicate", 3), ("executions_lost", 1), ("executions_out_of_order", 2)],
)
async def test_executions_of_spot_are_doubled_lost_and_swapped(shaky, kind, count):
    """A market order is told as NEW and TRADE; the fault strikes the first of them."""
    stream = await mine(shaky)
    await shaky.add(kind=kind)
    await shaky.ask("POST", "/api/v3/order", **ORDER)
    told = [one["x"] for one in await heard(stream) if one["e"] == "executionReport"]
    assert len(told) == count
    assert (told[0] == "TRADE") == (kind != "executions_duplicate")


async def test_connections_of_spot_are_cut_and_frozen_as_well(shaky):
    """Maintenance cuts market and private connections, of streams and of the websocket API."""
    streams = [await shaky.dial("/spot/ws/btcusdt@trade"), await mine(shaky), await shaky.dial("/ws-api/v3")]
    await shaky.add(kind="maintenance", seconds=0.1, minute=0)
    shaky.move(1)
    for stream in streams:
        assert (await stream.receive(timeout=30)).type.name in ("CLOSED", "CLOSE", "ERROR")


async def test_a_user_stream_of_spot_ends(shaky):
    """The owner of a listen key is told that it expired."""
    stream = await mine(shaky)
    await shaky.add(kind="listen_key_expired", minute=0)
    shaky.move(1)
    assert [one["e"] for one in await heard(stream)] == ["listenKeyExpired"]
