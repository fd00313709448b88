"""The engine's process in one piece: rings of shared memory in front, a real exchange behind."""

import asyncio
import os
import time
from random import Random

import numpy as np
import pytest

from engine.account import Plan
from engine.agent import EngineAgent
from engine.petition import Deed, Petition
from engine.settings import EngineSettings, ExecutorSettings
from engine.spool import Answer, Spool
from engine.venue.client import Login, Surroundings
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan as ServerPlan
from engine.venue.embedded.server import Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm import records
from shm.agent import Body, Pulse, Stopping
from shm.clock import SystemClock
from shm.instruments import Instrument
from shm.memory import Memory
from shm.records import Kill, Life, MarketKind, Order, Unit
from shm.topology import position_row, role_row
from tests.engine.venue.embedded.conftest import WaveMarket

SYMBOL = "BTC/USDT:USDT"
BITCOIN = Instrument(
    row=0, symbol=SYMBOL, venue="binanceusdm", account="main", tick_e8=10**7, lot_e8=10**5, market_lots_max=120_000
)
DEPOSIT = 10_000 * 10**8
MINUTE_NS = 60 * 10**9


class Log:
    """Keeps what is logged."""

    def __init__(self):
        """Nothing yet."""
        self.lines = []

    def warning(self, event, **context):
        """Keep one line."""
        self.lines.append((event, context))

    info = warning


class Floor:
    """An exchange, shared memory, and one engine after the other."""

    def __init__(self, folder):
        """Make the memory of a session."""
        self.folder = folder
        self.bells = {"engine": os.eventfd(0, os.EFD_NONBLOCK)}
        self.memory = Memory.create(f"agent{os.getpid()}", 1, self.bells, directory=folder)
        self.memories = [self.memory]
        self.roles = {role: self.attach(role) for role in ("feed", "brain")}
        self.market = self.roles["feed"].ring_writer("MARKET")
        self.targets = self.roles["brain"].ring_writer("TARGETS")
        self.pulse = Pulse(self.roles["brain"])
        self.version = 0
        api_key, secret = fresh_key()
        self.login = Login(key=api_key, secret=secret)
        self.exchange = Exchange(WaveMarket(), Settings())
        self.exchange.deposit("paper", DEPOSIT)
        self.exchange.drain()
        plan = ServerPlan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step"))
        self.server = Server(self.exchange, plan)
        self.engine = self.body = self.working = None
        # A busy machine may let an approved order wait; none is planned anew for that here.
        self.settings = EngineSettings(executor=ExecutorSettings(unknown_horizon_ms=1_000, send_age_ms=60_000))

    def attach(self, role):
        """The memory as ``role`` sees it."""
        self.memories.append(Memory.attach(self.memory.run_id, role, self.bells, directory=self.folder))
        return self.memories[-1]

    async def open(self):
        """Let the exchange listen."""
        ports = await self.server.start()
        self.endpoint = dialling.Endpoint(port=ports.tls, certificate_pem=self.server.certificate.pem)
        self.server.pace.step(1)

    async def begin(self):
        """Start an engine."""
        memory = self.attach("engine")
        self.body = Body(memory=memory, pulse=Pulse(memory), log=Log(), stopping=Stopping())
        around = Surroundings(
            dial=lambda: dialling.session(self.endpoint), clock=SystemClock(), generator=Random(1), limits_rate=False
        )
        plan = Plan(
            run_id="run1",
            folder=self.folder / "account",
            settings=self.settings,
            instruments=(BITCOIN,),
            strategies=("trend",),
        )
        self.engine = EngineAgent(plan, self.body, LiveVenue(self.login, around), SystemClock())
        await self.engine.start()

    async def kill(self):
        """As SIGKILL would: no good-bye of the engine's own, only what the system closes."""
        await self.rest()
        account = self.engine._account
        account.dispatch._act = lambda *_: None
        await self.engine.close()

    async def close(self):
        """Close everything."""
        await self.server.close()
        for memory in reversed(self.memories):
            memory.close()
        self.memory.unlink()
        os.close(self.bells["engine"])

    async def rest(self):
        """End the duty cycle that is under way."""
        if self.working is not None:
            await self.working
            self.working = None

    def command(self, order, flatten=False):
        """The supervisor commands."""
        self.version += 1
        record = np.zeros(1, records.COMMAND)
        record["order"], record["flatten"], record["version"] = order, flatten, self.version
        self.memory.table_writer("COMMANDS").write(role_row("engine"), record)

    def candle(self):
        """The market moves a minute; the feed publishes it. Its close time."""
        self.server.pace.step(1)
        now_ns = self.exchange.now_ns
        clock = np.zeros(1, records.CLOCK)
        clock["market_ns"], clock["monotonic_ns"] = now_ns, time.monotonic_ns()
        self.roles["feed"].table_writer("CLOCK").write(0, clock)
        record = np.zeros(1, records.MARKET)
        record["kind"], record["timeframe_s"], record["open_ns"] = MarketKind.CANDLE, 60, now_ns - MINUTE_NS
        price = self.exchange.last_ticks("BTCUSDT") / 10
        for name in ("open", "high", "low", "close"):
            record[name] = price
        self.market.publish(record)
        return now_ns

    def decide(self, lots=None, target_id=1, stop_ticks=0):
        """The brain publishes a target, or none, and says that it is done with all candles."""
        if lots is not None:
            record = np.zeros(1, records.TARGET)
            record["kind"], record["unit"], record["target_id"], record["amount"] = 1, Unit.LOTS, target_id, lots
            record["stop_ticks"], record["reference_ticks"] = stop_ticks, self.exchange.last_ticks("BTCUSDT")
            record["open_ns"], record["valid_until_ns"] = self.exchange.now_ns, self.exchange.now_ns + 5 * MINUTE_NS
            record["decided_ns"] = record["received_ns"] = time.monotonic_ns()
            self.targets.publish(record)
        self.pulse.tell(market_seq=self.market.sequence)

    def quote(self, spot):
        """The feed heard a quote at the last price, and this price of the spot."""
        row, price = np.zeros(1, records.QUOTE), self.exchange.last_ticks("BTCUSDT") / 10
        row["bid"], row["ask"], row["event_ns"] = price, price, self.exchange.now_ns
        row["spot"], row["spot_ns"] = spot * price, time.monotonic_ns()
        self.roles["feed"].table_writer("QUOTES").write(0, row)

    def row(self, table, number, record):
        """A row as the supervisor reads it."""
        out = np.zeros(1, record)
        self.memory.table_reader(table).read(number, out)
        return out[0]

    async def settled(self, close_ns, seconds=60.0):
        """Work until the engine says that it is done with the candle closed at ``close_ns``."""
        async with asyncio.timeout(seconds):
            while self.row("PULSES", role_row("engine"), records.PULSE)["settled_ns"] < close_ns:
                if self.working is None or self.working.done():
                    self.working = asyncio.create_task(self.engine.work())
                await asyncio.sleep(0.0002)
                if self.working.done():
                    self.working.result()

    async def life(self, life, seconds=60.0):
        """Work until the engine's pulse says ``life``."""
        async with asyncio.timeout(seconds):
            await self.rest()
            while self.body.pulse.life is not life:
                await self.engine.work()


@pytest.fixture
async def floor(tmp_path):
    """A floor with a running engine."""
    floor = Floor(tmp_path)
    await floor.open()
    await floor.begin()
    floor.command(Order.RUN)
    yield floor
    await floor.rest()
    await floor.engine.close()
    await floor.close()


def held(floor):
    """Lots at the exchange, and the triggers that rest there."""
    (position, *_) = floor.exchange.account("paper").positions
    return position.lots, [order.trigger_ticks for order in floor.exchange.open_algo_orders("paper")]


async def test_a_target_goes_through_to_the_exchange_and_back(floor):
    """Ring to order to fill to stop to POSITIONS, and only then the candle is settled."""
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (10, [250_000])
    row = floor.row("POSITIONS", position_row(0, 0), records.POSITION)
    assert (row["lots"], row["net_lots"], row["stop_ticks"], row["target_id"]) == (10, 10, 250_000, 1)
    wallet = floor.exchange.account("paper").wallet
    assert floor.engine._account.books.ledger.wallet("main", "binanceusdm") == wallet
    view = floor.memory.counters_view().read("engine")
    assert view["counters"]["INTENTS"] == view["counters"]["ORDERS_SENT"] == 2
    assert view["hops"]["FRAME_TO_SENT"]["count"] == 1


def close(floor):
    """One candle without an opinion."""
    close_ns = floor.candle()
    floor.decide()
    return close_ns


async def test_a_candle_without_orders_waits_for_no_timer(floor):
    """Stepping runs as fast as the machine can: below 10 ms a candle, whenever the machine lets it."""
    await floor.settled(close(floor))
    times = []
    for _ in range(30):
        began_ns = time.monotonic_ns()
        await floor.settled(close(floor))
        times.append(time.monotonic_ns() - began_ns)
    assert min(times) < 10_000_000, sorted(times)


async def test_a_restarted_engine_goes_on_with_what_it_finds(floor):
    """Killed in the middle of an order: nothing is doubled, nothing lost, the newest target is pursued."""
    await floor.settled(close(floor))
    floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.rest()
    await floor.engine.work()
    await floor.kill()
    floor.candle()
    floor.decide(lots=-6, target_id=2, stop_ticks=350_000)
    await floor.begin()
    assert floor.body.pulse.life is Life.READY
    await floor.settled(close(floor))
    assert held(floor) == (-6, [350_000])
    wallet = floor.exchange.account("paper").wallet
    assert floor.engine._account.books.ledger.wallet("main", "binanceusdm") == wallet


async def test_draining_leaves_stops_and_flattening_leaves_nothing(floor):
    """DRAINED only when what was asked for is done."""
    await floor.settled(close(floor))
    floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.rest()
    await floor.engine.work()
    floor.command(Order.DRAIN)
    await floor.life(Life.DRAINED)
    assert held(floor) == (10, [250_000])
    floor.command(Order.DRAIN, flatten=True)
    async with asyncio.timeout(60):
        while held(floor) != (0, []):
            await floor.engine.work()


async def test_the_kill_word_stops_entries(floor):
    """Raised by anybody, obeyed in the next duty cycle."""
    await floor.settled(close(floor))
    floor.memory.words.raise_kill(Kill.NO_ENTRIES)
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    assert floor.row("PULSES", role_row("engine"), records.PULSE)["life"] == Life.RUNNING


async def test_a_kill_word_raised_while_the_engine_was_dead_is_heeded_before_the_rings(floor):
    """A restarted engine finds word and target together, and does not enter."""
    await floor.settled(close(floor))
    await floor.kill()
    floor.memory.words.raise_kill(Kill.NO_ENTRIES)
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.begin()
    await floor.settled(close_ns)
    assert held(floor) == (0, [])


@pytest.mark.parametrize("path", ["file", "journal"])
async def test_what_the_disk_says_stops_entries_with_nobody_else_alive(floor, path):
    """A file that appears, or a journal that is deleted, raises the word within a duty cycle, and is told."""
    await floor.settled(close(floor))
    if path == "file":
        (floor.folder / "account" / "kill-switch").write_text("no_entries\n")
    else:
        (floor.folder / "account" / "journal.db").unlink()
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    assert floor.memory.words.kill_level() is Kill.NO_ENTRIES
    assert any(event == "kill switch raised to NO_ENTRIES" for event, _ in floor.body.log.lines)


async def test_an_order_approved_before_the_file_came_does_not_leave(floor):
    """The gate reads the disk itself: the duty cycle need not have come round."""
    await floor.settled(close(floor))
    await floor.rest()
    (floor.folder / "account" / "kill-switch").write_text("halt\n")
    assert floor.engine._stance().kill is Kill.HALT
    assert floor.memory.words.kill_level() is Kill.NORMAL


async def test_a_position_is_closed_by_hand_and_the_answer_comes_when_it_is_on_the_disk(floor):
    """A file from another process: journaled with who and why, closed at the exchange, not opened again."""
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    spool = Spool(floor.folder / "account")
    spool.hand_in(Petition(petition_id="1", deed=Deed.CLOSE, subject="BTC", who="ann", why="news"))
    async with asyncio.timeout(60):
        await floor.rest()
        while held(floor) != (0, []) or (answer := spool.answer_to("1")) is None:
            await floor.engine.work()
    assert answer == Answer(granted=True, words=f"closing 0.010 {SYMBOL}; no re-entry on this target")
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    row = floor.row("POSITIONS", position_row(0, 0), records.POSITION)
    assert (row["lots"], row["stopped_side"]) == (0, 1)


async def test_a_trade_by_hand_at_the_exchange_is_noticed_within_seconds(floor):
    """The stream tells it: what it closes of ours is closed, the target is spent, the stop goes."""
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    venue = LiveVenue(floor.login, floor.engine._account._venue._around)
    await venue.open()
    try:
        await venue._client.create_order(SYMBOL, "market", "sell", "0.010", None, {"reduceOnly": True})
    finally:
        await venue.close()
    async with asyncio.timeout(60):
        await floor.rest()
        while floor.engine._account.books.position(SYMBOL).lots or held(floor) != (0, []):
            await floor.engine.work()
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    wallet = floor.exchange.account("paper").wallet
    assert floor.engine._account.books.ledger.wallet("main", "binanceusdm") == wallet


async def test_no_socket_and_no_lock_remains(tmp_path):
    """After close the account can be opened again, and no connection is left."""
    floor = Floor(tmp_path)
    await floor.open()
    for _ in range(2):
        await floor.begin()
        await floor.engine.close()
    assert not floor.engine._account._venue._session
    await floor.close()
