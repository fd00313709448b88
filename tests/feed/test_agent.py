"""The feed against the embedded exchange, over real sockets and real shared memory."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from feed.agent import FeedAgent, MarketPlan
from feed.continuity import ROUTINE
from feed.settings import FeedSettings
from feed.source import Source, SourceUnreachableError
from orchestrator import dialling
from shm import records, topology
from shm.agent import Body, Pulse, Stopping
from shm.instruments import Instrument
from shm.memory import Memory
from shm.records import Life, Order, Provenance

START_NS = 1_700_006_400 * 10**9 // (86_400 * 10**9) * 86_400 * 10**9
HISTORY = 2_000
MINUTES = 4_000
QUICK = FeedSettings(late_machine_ms_max=50, reconnect_base_ms=10, silence_ms_min=300, silence_ms_max=600)


class WaveMarket:
    """A triangle wave; ``holes`` are minutes after the start that instrument 0 lacks."""

    def __init__(self, holes=()):
        self.listings = tuple(
            listing(row, base, "USDT", PUBLISHED[f"{base}USDT"]) for row, base in enumerate(("BTC", "ETH"))
        )
        number = np.arange(MINUTES)
        level = 300_000 + 100 * np.abs(number % 20 - 10)
        rows = np.zeros(MINUTES, CANDLE)
        rows["open_ns"] = START_NS + (number - HISTORY) * MINUTE_NS
        rows["close"] = level
        rows["open"] = np.concatenate(([level[0]], level[:-1]))
        rows["high"] = np.maximum(rows["open"], rows["close"]) + 20
        rows["low"] = np.minimum(rows["open"], rows["close"]) - 20
        rows["volume_e8"], rows["trades"] = 100 * 10**8, 40
        rows["quote_e4"] = 3_000_000 * 10**4
        keep = ~np.isin(number - HISTORY, list(holes))
        self._rows = (rows[keep], rows)
        self.start_ns, self.end_ns = START_NS, START_NS + (MINUTES - HISTORY) * MINUTE_NS

    def minutes(self, row, until_ns):
        """Every minute before ``until_ns``."""
        return self._rows[row][: np.searchsorted(self._rows[row]["open_ns"], until_ns)]

    def past(self, row):
        """No hourly past."""
        return self._rows[row][:0]


class Lines:
    """A log that keeps its lines."""

    def __init__(self):
        self.lines, self.routine = [], []

    def warning(self, event, **context):
        """Keep one."""
        self.lines.append((event, context))

    def info(self, event, **context):
        """Keep one that nobody has to read."""
        self.routine.append((event, context))


class Office:
    """An exchange, a memory, and what it takes to start feeds on them."""

    def __init__(self, server, memory, endpoint):
        self.server, self.memory, self.endpoint = server, memory, endpoint
        self.log = Lines()
        self.instruments = [
            Instrument.from_filters(row, (f"{base}/USDT:USDT", "binance", "paper"), tick="0.1", lot="0.001")
            for row, base in enumerate(("BTC", "ETH"))
        ]

    def command(self, order, version):
        """Tell the feed what to do."""
        record = np.zeros(1, records.COMMAND)
        record["order"], record["version"] = order, version
        self.memory.table_writer("COMMANDS").write(topology.role_row("feed"), record)

    @asynccontextmanager
    async def feed(self, settings=QUICK, speed=0.0):
        """A started feed, working until the end of the block."""
        mine = Memory.attach(self.memory.run_id, "feed")
        body = Body(mine, Pulse(mine), self.log, Stopping())
        plan = MarketPlan(self.instruments, lambda: dialling.session(self.endpoint), speed)
        agent = FeedAgent(body, plan, settings)

        async def duty():
            while True:
                await agent.work()
                body.pulse.beat()

        work = None
        try:
            await asyncio.wait_for(agent.start(), 60)
            work = asyncio.create_task(duty())
            yield agent
        finally:
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            await agent.close()
            mine.close()

    def candles(self):
        """Every record on MARKET."""
        reader = self.memory_reader().ring_reader("MARKET")
        reader.seek_oldest()
        batch = np.zeros(8192, records.MARKET)
        return batch[: reader.read_into(batch)].copy()

    def memory_reader(self):
        """The memory as the recorder sees it."""
        return Memory.attach(self.memory.run_id, "recorder")

    async def until(self, claim, seconds=60.0):
        """Wait until ``claim()`` is true."""
        async with asyncio.timeout(seconds):
            while not claim():  # noqa: ASYNC110 - what is awaited is in shared memory
                await asyncio.sleep(0.01)


@asynccontextmanager
async def office(holes=()):
    """An exchange that stands still, and an empty memory."""
    api_key, secret = fresh_key()
    server = Server(
        Exchange(WaveMarket(holes), Settings()), Plan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step"))
    )
    ports = await server.start()
    memory = Memory.create(f"feed{os.getpid()}", 2)
    try:
        yield Office(server, memory, dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem))
    finally:
        await server.close()
        memory.unlink()
        memory.close()


async def move(house, minutes):
    """Play whole minutes, as a client sees them: one after the other."""
    for _ in range(minutes):
        house.server.pace.step(1)
        await asyncio.sleep(0.005)


def opens(candles, row):
    """Minutes after the start of the candles of ``row``."""
    return ((candles["open_ns"][candles["instrument"] == row] - START_NS) // MINUTE_NS).tolist()


async def test_every_minute_reaches_the_ring_once_in_order_and_history_before_it():
    """
    Thirty minutes of two contracts are sixty records, nothing older than the start, and HISTORY holds the past.
    """
    async with office() as house, house.feed() as agent:
        assert agent._body.pulse.life is Life.READY
        assert len(house.candles()) == 0
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 30)
        await house.until(lambda: len(house.candles()) == 60)
        found = house.candles()
        assert opens(found, 0) == opens(found, 1) == list(range(30))
        assert set(found["provenance"].tolist()) <= {Provenance.OBSERVED, Provenance.BACKFILLED}
        assert agent._body.pulse.life is Life.RUNNING

        history = house.memory_reader().table_reader("HISTORY")
        row = np.zeros(1, records.MARKET)
        for timeframe, timeframe_s in enumerate(topology.TIMEFRAMES_S):
            step_ns = timeframe_s * 10**9
            newest = START_NS // step_ns * step_ns - step_ns
            assert history.read(topology.history_row(1, timeframe, newest), row)
            assert int(row["open_ns"][0]) == newest
            assert int(row["timeframe_s"][0]) == timeframe_s

        def refreshed():
            history.read(topology.history_row(1, 2, START_NS + 15 * MINUTE_NS), row)
            return int(row["open_ns"][0]) == START_NS + 15 * MINUTE_NS

        await house.until(refreshed)
        assert row["open"][0] == found["open"][found["instrument"] == 1][15]
        assert row["close"][0] == found["close"][found["instrument"] == 1][29]


async def test_a_minute_that_exists_nowhere_is_one_missing_record():
    """
    Three minutes that the exchange lacks are three MISSING records in their places, and the next candle says 3.
    """
    async with office(holes=(4, 5, 6)) as house, house.feed():
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 10)
        await house.until(lambda: len(house.candles()) == 20)
        found = house.candles()
        assert opens(found, 0) == list(range(10))
        mine = found[found["instrument"] == 0]
        assert [int(o) for o in np.flatnonzero(mine["provenance"] == Provenance.MISSING)] == [4, 5, 6]
        assert np.isnan(mine["close"][4:7]).all()
        assert mine["missing"].tolist() == [0, 0, 0, 0, 0, 1, 2, 3, 0, 0]
        told = [{context["what"] for _, context in lines} for lines in (house.log.lines, house.log.routine)]
        assert any(what.endswith("MISSING") for what in told[0]), "somebody should read this"
        assert not told[0] & ROUTINE
        assert told[1] <= ROUTINE


async def test_a_restarted_feed_goes_on_where_the_ring_ends():
    """
    What closed while no feed lived is backfilled after the last published minute, none lost, none doubled.
    """
    async with office() as house:
        async with house.feed():
            house.command(Order.RUN, 1)
            await asyncio.sleep(0.4)
            await move(house, 5)
            await house.until(lambda: len(house.candles()) == 10)
        await move(house, 7)
        async with house.feed() as agent:
            await house.until(lambda: len(house.candles()) == 24)
            await asyncio.sleep(0.3)
            await move(house, 3)
            await house.until(lambda: len(house.candles()) == 30)
            found = house.candles()
            assert opens(found, 0) == opens(found, 1) == list(range(15))
            assert (found["provenance"][10:24] == Provenance.BACKFILLED).all()
            assert set(found["epoch"].tolist()) == {1, 2}
            assert agent._body.pulse.epoch == 2


async def test_a_cut_connection_loses_no_minute():
    """
    All sockets of the streams are cut in the middle; the feed dials again and fetches what it missed.
    """
    async with office() as house, house.feed() as agent:
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 3)
        await house.until(lambda: len(house.candles()) == 6)
        await house.server.streams.close()
        await move(house, 4)
        await house.until(lambda: len(house.candles()) == 14)
        assert opens(house.candles(), 0) == list(range(7))
        assert agent.counts()["NEXT"] >= 14


async def test_a_stream_that_goes_silent_is_dropped_and_loses_no_minute():
    """
    The sockets stay open and answer pings, but bring nothing: the watchdog drops them and REST fills in.
    """
    async with office() as house, house.feed(speed=300.0):
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 20)
        await house.until(lambda: len(house.candles()) == 40)
        publish, house.server.streams.publish = house.server.streams.publish, lambda events: None
        await move(house, 5)
        await house.until(lambda: len(house.candles()) == 50)
        house.server.streams.publish = publish
        await asyncio.sleep(0.5)
        await move(house, 5)
        await house.until(lambda: len(house.candles()) == 60)
        assert opens(house.candles(), 0) == opens(house.candles(), 1) == list(range(30))
        assert any(context["what"].startswith("silence: candles") for _, context in house.log.lines)


async def test_a_symbol_whose_history_never_comes_is_named_and_joins_when_it_does(monkeypatch):
    """
    One of two has no answer by REST: the start does not wait for ever, says which, and plays the other; its minutes
    come by stream, and its past as soon as it can be had.
    """
    down, real = [True], Source.candles

    async def candles(self, row, *question):
        if down and row == 1:
            raise SourceUnreachableError("RequestTimeout: klines")
        return await real(self, row, *question)

    monkeypatch.setattr(Source, "candles", candles)
    async with office() as house, house.feed(replace(QUICK, hydration_wait_ms=100)) as agent:
        pulse = np.zeros(1, records.PULSE)
        house.memory_reader().table_reader("PULSES").read(topology.role_row("feed"), pulse)
        assert pulse["detail"][0].startswith(b"history of 1 of 2 instruments loaded")
        said = [context for _, context in house.log.lines if "no history" in context["what"]]
        assert [(one["symbol"], one["what"]) for one in said] == [
            ("ETH/USDT:USDT", "no history: RequestTimeout: klines")
        ]
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 5)
        await house.until(lambda: opens(house.candles(), 0) == list(range(5)))
        await house.until(lambda: opens(house.candles(), 1) == list(range(5)))

        history, row = house.memory_reader().table_reader("HISTORY"), np.zeros(1, records.MARKET)
        place = topology.history_row(1, 0, START_NS - MINUTE_NS)
        assert not history.read(place, row)
        down.clear()
        await house.until(lambda: history.read(place, row))
        assert int(row["open_ns"][0]) == START_NS - MINUTE_NS
        await move(house, 1)
        await house.until(lambda: opens(house.candles(), 1) == list(range(6)))
        assert agent._body.pulse.life is Life.RUNNING


async def test_a_symbol_that_only_rest_knows_begins_with_its_past(monkeypatch):
    """
    No minute of it comes by stream, and none by REST at the start: once REST answers, what is over is its past.
    """
    down, real, ear = [True], Source.candles, FeedAgent.candle

    async def candles(self, row, *question):
        if down and row == 1:
            return []
        return await real(self, row, *question)

    monkeypatch.setattr(Source, "candles", candles)
    monkeypatch.setattr(FeedAgent, "candle", lambda self, row, *heard: row or ear(self, row, *heard))
    async with office() as house, house.feed() as agent:
        assert agent._silent == {1: "no closed candle"}
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.4)
        await move(house, 3)
        await house.until(lambda: opens(house.candles(), 0) == list(range(3)))
        assert opens(house.candles(), 1) == []
        down.clear()
        history, row = house.memory_reader().table_reader("HISTORY"), np.zeros(1, records.MARKET)
        await house.until(lambda: history.read(topology.history_row(1, 0, START_NS + 2 * MINUTE_NS), row))
        await move(house, 2)
        await house.until(lambda: opens(house.candles(), 1) == [3, 4])
