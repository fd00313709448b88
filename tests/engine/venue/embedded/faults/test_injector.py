"""Faults while they happen: maintenance, storms, and what may be asked about them."""

import asyncio
import time

import orjson

from engine.venue.embedded.faults.injector import Faults
from engine.venue.embedded.faults.schedule import Schedule

CANDLES = "/ws/btcusdt@kline_1m"


async def test_maintenance_answers_503_and_cuts_everybody(shaky):
    """The market moves on, the control path answers, afterwards all is well."""
    stream = await shaky.dial(CANDLES)
    await shaky.add(kind="maintenance", seconds=0.2)
    shaky.move()
    assert (await shaky.buy("a"))[0] == 503
    await stream.receive(timeout=30)
    assert (await shaky.injected())[0]["kind"] == "maintenance"
    await asyncio.sleep(0.25)
    assert (await shaky.buy("a"))[0] == 200


async def test_a_storm_cuts_again_and_again(shaky):
    """Every connection, also those made meanwhile; the ledger counts them."""
    kept = [await shaky.dial(CANDLES)]
    await shaky.add(kind="reconnect_storm", seconds=0.2, value="0.05")
    shaky.move()
    for _ in range(3):
        await asyncio.sleep(0.06)
        kept.append(await shaky.dial(CANDLES))
    became = []
    for _ in range(50):
        became = (await shaky.injected())[0]["became"]
        if any("over;" in line for line in became):
            break
        await asyncio.sleep(0.05)
    assert any("over;" in line and int(line.split()[1]) >= 2 for line in became)


async def test_nonsense_is_refused_by_the_control_path(shaky):
    """400 with a line that says why; nothing is scheduled."""
    assert await shaky.add(kind="gab") == 400
    assert await shaky.injected() == []


def test_an_exchange_without_faults_pays_nothing():
    """Ten thousand frames through an idle injector: less than 2 microseconds of the processor more for each."""
    faults, message = Faults(Schedule()), {"e": "kline", "k": {"x": True, "t": 1}}
    assert not faults.is_armed

    def seconds(work):
        began = time.thread_time()  # what others take of the machine does not count
        for _ in range(10_000):
            work()
        return time.thread_time() - began

    bare = min(seconds(lambda: (orjson.dumps(message).decode(),)) for _ in range(7))
    idle = min(seconds(lambda: faults.frames("btcusdt@kline_1m", message)) for _ in range(7))
    assert (idle - bare) / 10_000 < 2e-6
