"""What listeners hear when something is wrong with the wires."""

import asyncio

import pytest

CANDLES = "/ws/btcusdt@kline_1m"


async def opens(stream, count, seconds=2.0):
    """Open times of so many frames, in minutes after the first one."""
    heard = [(await stream.receive_json(timeout=seconds))["k"]["t"] for _ in range(count)]
    return [(time - heard[0]) // 60_000 for time in heard]


async def test_candles_are_lost_doubled_delayed_and_swapped(shaky):
    """Each kind once, in the order of the schedule; the asked-for gap is noted."""
    stream = await shaky.dial(CANDLES)
    for kind in ("duplicate", "gap", "late", "out_of_order"):
        assert await shaky.add(kind=kind) == 200
    shaky.move(8)
    assert await opens(stream, 8) == [0, 0, 4, 2, 3, 5, 6, 7]
    rows = await shaky.injected()
    assert [row["kind"] for row in rows] == ["duplicate", "gap", "late", "out_of_order"]
    start = int(rows[1]["hit"].split()[1])
    await shaky.ask("GET", "/fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=start, limit=10)
    assert (await shaky.injected())[1]["became"] == ["asked for by REST"]


async def test_a_stream_falls_silent_and_still_pongs(shaky):
    """No candle of the symbol, and pings are answered."""
    stream = await shaky.dial(CANDLES)
    other = await shaky.dial("/ws/ethusdt@kline_1m")
    await shaky.add(kind="silent", symbol="BTCUSDT", seconds=0.3)
    shaky.move(3)
    await stream.ping()
    assert await opens(other, 3) == [0, 1, 2]
    first = (await stream.receive_json(timeout=30))["k"]["t"]  # acts happen between two minutes
    with pytest.raises(asyncio.TimeoutError):
        await stream.receive(timeout=0.4)
    shaky.move()
    assert (await stream.receive_json(timeout=30))["k"]["t"] == first + 3 * 60_000


async def test_a_stream_repeats_its_last_candle(shaky):
    """Frozen timestamps: the same frame again and again, then the market as it is."""
    stream = await shaky.dial(CANDLES)
    await shaky.add(kind="frozen", seconds=0.2)
    shaky.move(3)
    await asyncio.sleep(0.25)
    shaky.move()
    assert await opens(stream, 4) == [0, 0, 0, 3]


async def test_a_half_open_socket_says_nothing_more(shaky):
    """Nothing is heard, nothing is closed; a new connection works."""
    stream = await shaky.dial(CANDLES)
    await shaky.add(kind="half_open")
    shaky.move(3)
    assert await opens(stream, 1) == [0]
    with pytest.raises(asyncio.TimeoutError):
        await stream.receive(timeout=0.2)
    again = await shaky.dial(CANDLES)
    shaky.move()
    assert await opens(again, 1) == [0]
    assert "connected again" in (await shaky.injected())[0]["became"][0]


async def test_private_events_are_doubled_swapped_and_lost(shaky):
    """Executions of four orders: told twice, in the wrong order, not at all."""
    key = (await shaky.ask("POST", "/fapi/v1/listenKey"))[1]["listenKey"]
    stream = await shaky.dial(f"/ws/{key}")
    await shaky.add(kind="executions_duplicate")
    await shaky.buy("a")
    await shaky.add(kind="executions_out_of_order")
    await shaky.buy("b")
    await shaky.add(kind="executions_lost")
    await shaky.buy("c")
    heard = []
    while len(heard) < 6:
        told = await stream.receive_json(timeout=30)
        if told["e"] == "ORDER_TRADE_UPDATE":
            heard.append((told["o"]["c"], told["o"]["x"]))
    new, trade = "NEW", "TRADE"
    assert heard == [("a", new), ("a", new), ("a", trade), ("b", trade), ("b", new), ("c", trade)]


async def test_a_user_stream_is_lost_and_a_listen_key_ends(shaky):
    """Deaf, then cut; and told that the key expired."""
    key = (await shaky.ask("POST", "/fapi/v1/listenKey"))[1]["listenKey"]
    stream = await shaky.dial(f"/ws/{key}")
    await shaky.add(kind="user_stream_lost", seconds=0.1)
    shaky.move()
    await asyncio.sleep(0.02)
    await shaky.buy("a")
    assert (await stream.receive(timeout=30)).data is None or stream.closed
    stream = await shaky.dial(f"/ws/{key}")
    await shaky.add(kind="listen_key_expired")
    shaky.move()
    assert (await stream.receive_json(timeout=30))["e"] == "listenKeyExpired"


async def test_a_difference_of_the_book_is_missing(shaky):
    """Its successor does not follow the one before."""
    stream = await shaky.dial("/ws/btcusdt@depth")
    shaky.move()
    before = (await stream.receive_json(timeout=30))["u"]
    await shaky.add(kind="depth_break")
    shaky.move(2)
    assert (await stream.receive_json(timeout=30))["pu"] > before
