"""A contract's minute follows its spot's on the ring, or goes without it when that is too late; never for ever."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from engine.venue.embedded.candles import RecordedMarket, Recording, Rejected
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from feed.agent import FeedAgent, MarketPlan
from feed.candle import Candle
from feed.company import LEAD_MINUTES, Company, CompanyPlan, in_units
from feed.horizon import Horizon
from feed.settings import FeedSettings
from feed.track import Surroundings, Track
from orchestrator import dialling
from shm.agent import Body, Pulse, Stopping
from shm.clock import ManualClock
from shm.counters import Counter
from shm.memory import Memory
from shm.records import Order, Provenance
from tests.feed.test_agent import HISTORY, QUICK, START_NS, Office, WaveMarket, move, opens

SPOT = 2  # row of the spot of BTC, behind two contracts


def minute(number, close=100.0):
    """The candle of minute ``number``."""
    return Candle(number * MINUTE_NS, close, close, close, close, 1.0, trades=1)


class Pair:
    """A contract (row 0) and its spot (row 1), with a clock that only moves when told; REST knows ``has`` by row."""

    def __init__(self, has=(), **chosen):
        self.told, self.counts, self.sequence = [], {}, 0
        self.clock, self.horizon, self.has = ManualClock(), Horizon(), dict(has)
        around = Surroundings(
            outlet=self,
            counters=SimpleNamespace(add=self.add),
            horizon=self.horizon,
            clock=self.clock,
            settings=FeedSettings(**{"missing_after_ms": 1, "late_machine_ms_max": 60_000} | chosen),
            fetch=self.fetch,
            report=lambda *_: None,
        )
        plan = CompanyPlan(spots=[("X/USDT", 1.0)], dial=lambda: None)
        self.contract = Track(0, around)
        company = Company(plan, around.settings, SimpleNamespace(), self.clock, adaptive=False)
        (self.spot,) = company.tracks_beside([self.contract], around)

    def add(self, counter, count=1):
        """Count."""
        self.counts[counter] = self.counts.get(counter, 0) + count

    def publish(self, row, candle, provenance, **_):
        """Keep what was told, in order."""
        self.told.append(("contract" if row == 0 else "spot", candle.open_ns // MINUTE_NS))
        self.sequence += 1
        return self.sequence - 1

    def publish_missing(self, row, open_ns, **_):
        """Keep a hole."""
        return self.publish(row, minute(open_ns // MINUTE_NS, 1.0), Provenance.MISSING)

    async def fetch(self, row, start_ns, count):
        """What REST knows."""
        await asyncio.sleep(0)
        return [one for one in self.has.get(row, []) if one.open_ns >= start_ns]

    def offer(self, track, *numbers):
        """The stream brings these minutes, each at its end."""
        for number in numbers:
            self.horizon.advance((number + 1) * MINUTE_NS)
            track.offer(minute(number), (number + 1) * MINUTE_NS, 1)

    async def settle(self):
        """Let everything happen that happens by itself."""
        for track in (self.contract, self.spot):
            if track._repair is not None:
                await track._repair
                assert track.failure() is None
        for _ in range(200):
            await asyncio.sleep(0)


@pytest.fixture
async def pair():
    """A contract and its spot, both up to minute 0."""
    pair = Pair()
    for track in (pair.spot, pair.contract):
        track.series.admit(minute(0))
    return pair


async def test_a_contract_that_is_first_waits_for_its_spot(pair):
    """It is told in the same moment, right behind it."""
    pair.offer(pair.contract, 1)
    assert pair.told == []
    assert pair.contract.is_pending  # nobody may think that all is told
    pair.offer(pair.spot, 1)
    await pair.settle()
    assert pair.told == [("spot", 1), ("contract", 1)]
    assert not pair.contract.is_pending
    assert pair.counts == {Counter.SPOT_CANDLES_PUBLISHED: 1, Counter.CANDLES_PUBLISHED: 1}


async def test_a_spot_that_is_too_late_is_not_waited_for(pair):
    """After a second the contract goes alone; the spot follows, and the next minute has its order again."""
    pair.offer(pair.contract, 1)
    pair.clock.advance(999_000_000)
    pair.contract.check_lateness(0.0)
    assert pair.told == []
    pair.clock.advance(1_000_000)
    pair.contract.check_lateness(0.0)
    assert pair.told == [("contract", 1)]
    pair.offer(pair.spot, 1)
    pair.offer(pair.contract, 2)
    pair.offer(pair.spot, 2)
    await pair.settle()
    assert pair.told == [("contract", 1), ("spot", 1), ("spot", 2), ("contract", 2)]


async def test_a_spot_that_is_gone_costs_one_wait(pair):
    """The second minute of its silence does not wait: what is two minutes behind is not on its way."""
    pair.offer(pair.contract, 1)
    pair.clock.advance(2_000_000_000)
    pair.contract.check_lateness(0.0)
    pair.offer(pair.contract, 2, 3)
    assert pair.told == [("contract", 1), ("contract", 2), ("contract", 3)]


async def test_a_burst_is_told_in_pairs(pair):
    """Forty minutes of the one and then of the other: each contract's right behind its spot's, and nothing is lost."""
    numbers = range(1, 41)
    pair.offer(pair.contract, *numbers)
    pair.offer(pair.spot, *numbers)
    await pair.settle()
    assert [number for who, number in pair.told if who == "contract"] == list(numbers)
    assert [number for who, number in pair.told if who == "spot"] == list(numbers)
    places = {one: place for place, one in enumerate(pair.told)}
    assert all(places["spot", number] < places["contract", number] for number in numbers)


async def test_a_spot_runs_so_far_ahead_and_no_further(pair):
    """The brain keeps sixteen of its minutes: eight ahead of its contract it waits, for a second."""
    pair.offer(pair.spot, *range(1, 30))
    assert pair.told == [("spot", number) for number in range(1, LEAD_MINUTES + 1)]
    pair.offer(pair.contract, 1)
    await pair.settle()
    assert pair.told[-2:] == [("contract", 1), ("spot", LEAD_MINUTES + 1)]


async def test_what_rest_brings_is_in_order_too():
    """A feed that was away for thirty minutes: both are filled from REST, each contract's minute behind its spot's."""
    minutes = [minute(number) for number in range(1, 31)]
    pair = Pair({0: minutes, 1: minutes})
    for track in (pair.spot, pair.contract):
        track.series.admit(minute(0))
    pair.horizon.advance(31 * MINUTE_NS)
    for track in (pair.contract, pair.spot):
        track.suspect()
    await pair.settle()
    places = {one: place for place, one in enumerate(pair.told)}
    assert len(pair.told) == len(places) == 60
    assert all(places["spot", number] < places["contract", number] for number in range(1, 31))


def test_a_candle_of_a_coin_is_told_in_the_contracts_unit():
    """A contract of a thousand coins: a thousand times the prices, a thousandth of the volume, the same money."""
    coin = Candle(0, 1.0, 2.0, 0.5, 1.5, 3000.0, 7.0, 2000.0, 5.0, 9)
    assert in_units(coin, 1000.0) == Candle(0, 1000.0, 2000.0, 500.0, 1500.0, 3.0, 7.0, 2.0, 5.0, 9)
    assert in_units(coin, 1.0) is coin


def spotted(holes=()):
    """The market of two contracts, and beside them spots a tenth below; that of BTC lacks ``holes``."""
    wave = WaveMarket()
    contracts = [Recording(one, wave.minutes(one.row, 1 << 62), Rejected()) for one in wave.listings]
    spots = []
    for one in contracts:
        minutes = one.minutes.copy()
        for name in ("open", "high", "low", "close"):
            minutes[name] = minutes[name] * 9 // 10
        number = (minutes["open_ns"] - START_NS) // MINUTE_NS
        gone = np.isin(number, list(holes)) & (one.listing.base == "BTC")
        spots.append(replace(one, minutes=minutes[~gone]))
    return RecordedMarket(contracts, spots=spots, start_ns=START_NS)


@asynccontextmanager
async def company(market, settings=QUICK):
    """A feed that listens to contracts and spots of ``market``, and its house."""
    server = Server(Exchange(market, Settings()), Plan(keys={}, speed=Speed.parse("step")))
    ports = await server.start()
    memory = Memory.create(f"company{os.getpid()}", 4)
    house = Office(server, memory, dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem))
    mine = Memory.attach(memory.run_id, "feed")
    body = Body(mine, Pulse(mine), house.log, Stopping())

    def dial():
        return dialling.session(house.endpoint)

    plan = MarketPlan(
        house.instruments,
        dial,
        0.0,
        company=CompanyPlan(spots=[("BTC/USDT", 1.0), ("ETH/USDT", 1.0)], dial=dial, limits_rate=False),
    )
    agent = FeedAgent(body, plan, settings)

    async def duty():
        while True:
            await agent.work()
            body.pulse.beat()

    work = None
    try:
        await asyncio.wait_for(agent.start(), 60)
        work = asyncio.create_task(duty())
        house.command(Order.RUN, 1)
        await asyncio.sleep(0.2)
        yield house
    finally:
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await agent.close()
        mine.close()
        await server.close()
        memory.unlink()
        memory.close()


async def test_spots_are_on_the_ring_before_their_contracts():
    """Thirty minutes of two contracts and two spots over real sockets; the spots' past is in HISTORY."""
    async with company(spotted(), replace(QUICK, spot_wait_ms=20_000)) as house:
        await move(house, 30)
        await house.until(lambda: len(house.candles()) == 120)
        found = house.candles()
        for row in (0, 1):
            assert opens(found, row) == opens(found, row + SPOT) == list(range(30))
            own, spot = (np.flatnonzero(found["instrument"] == each) for each in (row, row + SPOT))
            assert (spot < own).all()
            assert found["close"][spot] == pytest.approx(0.9 * found["close"][own], abs=0.1)
        history, kept = house.memory_reader().table_reader("HISTORY").read_all(), min(HISTORY, 1000)
        assert (history["instrument"] == SPOT).sum() >= kept
        assert set(history["timeframe_s"][history["instrument"] >= SPOT].tolist()) == {60}


async def test_a_minute_that_a_spot_lacks_is_named_and_holds_up_nobody():
    """The contract goes without it; the spot's minute is MISSING, by REST's own word, and the next ones are there."""
    async with company(spotted(holes=(5,)), replace(QUICK, spot_wait_ms=200)) as house:
        await move(house, 5)
        for _ in range(6):
            await move(house, 1)
            await asyncio.sleep(0.3)
        await house.until(lambda: len(house.candles()) == 44)
        found = house.candles()
        assert opens(found, 0) == opens(found, SPOT) == list(range(11))
        gone = found[(found["instrument"] == SPOT) & (found["provenance"] == Provenance.MISSING)]
        assert ((gone["open_ns"] - START_NS) // MINUTE_NS).tolist() == [5]
        assert not (found["provenance"][found["instrument"] == 0] == Provenance.MISSING).any()
