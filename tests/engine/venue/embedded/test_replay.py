"""A recorded day, played and read back: what went in comes out, at every speed, by REST and by stream."""

import asyncio
from dataclasses import replace

import aiohttp
import pyarrow.parquet as pq
import pytest

from engine.venue.embedded.candles import RecordedMarket, read_recording
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from tests.recordings import DATA as RECORDED

FILE = RECORDED / "candles" / "binance_usdm" / "BTCUSDT-1m.parquet"
MINUTES = 1440
FIELDS = ("open", "high", "low", "close", "volume")
WIRE = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")  # of a kline event, in the order of a klines row


@pytest.fixture(scope="module")
def recording():
    """The file as the exchange reads it, its first day whole."""
    if not FILE.exists():
        pytest.skip(f"no recorded candles at {FILE}")
    return read_recording(FILE)


def day_of(recording, first_ns: int) -> list[tuple]:
    """The day's candles as the file has them, floats and all, read apart from the exchange."""
    table = pq.read_table(FILE).to_pydict()
    rows = zip(*(table[name] for name in ("open_time", *FIELDS)), strict=True)
    stamped = [(int(row[0].timestamp() * 1000), *row[1:]) for row in rows]
    first_ms = first_ns // 10**6
    return [row for row in stamped if first_ms <= row[0] < first_ms + MINUTES * 60_000]


class Reader:
    """A stream's closed candles, as they came."""

    def __init__(self) -> None:
        self.rows: list[list] = []
        self.settled_ns = 0
        self.is_there = asyncio.Event()

    async def read(self, address: str, count: int) -> None:
        """Hear ``count`` closed candles."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/market/ws/btcusdt@kline_1m") as stream,
        ):
            await stream.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert (await stream.receive_json(timeout=10))["result"] == ["btcusdt@kline_1m"]
            self.is_there.set()
            while len(self.rows) < count:
                candle = (await stream.receive_json(timeout=10))["k"]
                if candle["x"]:
                    self.rows.append([candle[name] for name in WIRE])
                    self.settled_ns = (candle["T"] + 1) * 10**6


@pytest.mark.parametrize(
    ("speed", "points"),
    [("max", 1), ("max", 4), ("step", 1), pytest.param("3000", 1, marks=pytest.mark.stress)],
)
async def test_a_recorded_day_comes_back_candle_for_candle(recording, speed, points):
    """
    1440 recorded minutes: the stream's closed candles and the klines endpoint both equal the file, exactly.
    """
    day_ns = 1440 * MINUTE_NS
    first_ns = -(-int(recording.minutes["open_ns"][0]) // day_ns) * day_ns
    until = int((recording.minutes["open_ns"] < first_ns + MINUTES * MINUTE_NS).sum())
    market = RecordedMarket([replace(recording, minutes=recording.minutes[:until])], start_ns=first_ns)
    reader = Reader()
    plan = Plan(keys={}, speed=Speed.parse(speed), settled_ns=lambda: reader.settled_ns)
    server = Server(Exchange(market, Settings(points_per_candle=points)), plan)
    address = f"http://127.0.0.1:{(await server.start()).plain}"
    try:
        reading = asyncio.create_task(reader.read(address, MINUTES))
        await asyncio.wait_for(reader.is_there.wait(), 10)
        server.pace.run()
        await asyncio.wait_for(reading, 60)
        async with aiohttp.ClientSession() as session:
            asked = {"symbol": "BTCUSDT", "interval": "1m", "startTime": str(first_ns // 10**6), "limit": str(MINUTES)}
            answer = await (await session.get(f"{address}/fapi/v1/klines", params=asked)).json()
    finally:
        await server.close()
    wanted = day_of(recording, first_ns)
    assert len(wanted) == MINUTES
    assert [(row[0], *map(float, row[1:6])) for row in reader.rows] == wanted
    assert [row[: len(WIRE)] for row in answer] == reader.rows
