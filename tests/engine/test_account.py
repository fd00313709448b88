"""No order twice and no fill lost, whatever the network does and wherever the process dies."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from engine.account import Account, Plan
from engine.journal import read_books
from engine.messages import Draining, Moment, Target, Tick
from engine.settings import EngineSettings, ExecutorSettings
from shm.instruments import Instrument
from shm.records import OrderState, Purpose, Unit
from tests.engine.fake_venue import Exchange, FakeVenue, Fate

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
INSTRUMENTS = tuple(
    Instrument(row=row, symbol=symbol, venue="fake", account="main", tick_e8=10**7, lot_e8=10**5, lots_max=10**6)
    for row, symbol in enumerate((BTC, ETH))
)
SETTINGS = EngineSettings(executor=ExecutorSettings(unknown_horizon_ms=1_000, retry_ms=100, ask_first_ms=50))
STEP_NS = 25_000_000


class Clocks:
    """Three clocks that move when told to."""

    def __init__(self):
        """Begin somewhere after 1970."""
        self.ns = 1_700_000_000 * 10**9

    def __call__(self):
        """Read them."""
        return Moment(market_ns=self.ns, wall_ns=self.ns, monotonic_ns=self.ns)


class Witness:
    """Remembers what was shown."""

    def __init__(self):
        """Nothing yet."""
        self.events, self.sends, self.refusals, self.repeats = [], [], [], 0
        self.durable_intents = set()

    def answered(self, answer, now):
        """Not durable yet: not remembered."""

    def told_again(self, message):
        """Count."""
        self.repeats += 1

    def durable(self, events, durable_ns):
        """Remember."""
        self.events += events

    def sent(self, intent, acknowledged, durable_ns):
        """Remember."""
        self.sends.append(intent)

    def refused(self, refused):
        """Remember."""
        self.refusals.append(refused)

    def rested(self):
        """Ignore."""

    def warned(self, event, text):
        """Ignore."""


class Stage:
    """An exchange, and one life of the engine after the other."""

    def __init__(self, folder, settings=SETTINGS):
        """Nothing runs yet."""
        self.exchange = Exchange(INSTRUMENTS)
        self.clocks, self.folder, self.settings = Clocks(), folder, settings
        self.exchange.clock_ns = lambda: self.clocks.ns - self.drift_ns
        self.drift_ns = 0  # of our clock from the exchange's
        self.account = self.venue = self.witness = None
        self.plan = {}

    async def begin(self):
        """Start a life."""
        self.witness, self.venue = Witness(), FakeVenue(self.exchange)
        plan = Plan(
            run_id="r1",
            folder=self.folder,
            settings=self.settings,
            instruments=INSTRUMENTS,
            strategies=("trend",),
            **self.plan,
        )
        self.account = Account(plan, self.venue, self.witness, self.clocks)
        await self.account.open(lambda text: None)

    async def kill(self):
        """End a life as SIGKILL would: nothing more is sent, heard or said."""
        account = self.account
        self.venue.drop()
        for task in [account._listening, account._recovering, *account.dispatch._tasks.values()]:
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)
        account._journal.close()

    async def end(self):
        """End a life in order."""
        await self.account.close()

    async def turn(self):
        """One duty cycle, and some time, of which the disk takes none: it is a real one and may be slow."""
        self.account.keep()
        self.account.tell(Tick())
        while not self.account.dispatch.is_durable:  # noqa: ASYNC110 - a thread writes, and sets no event
            await asyncio.sleep(0.0005)
        self.clocks.ns += STEP_NS
        await asyncio.sleep(0.001)

    async def done(self):
        """Until nothing waits for disk or venue; no time passes."""
        while not self.account.dispatch.is_idle:  # noqa: ASYNC110 - a thread writes, and sets no event
            await asyncio.sleep(0.0005)

    async def quiet(self, seconds=60.0):
        """Turn until nothing is pending."""
        try:
            async with asyncio.timeout(seconds):
                await self.turn()
                while not self.account.is_quiet:
                    await self.turn()
        except TimeoutError:
            working = [o for s in (BTC, ETH) for o in self.account.books.working_of(s)]
            pytest.fail(f"still busy: {[(o.intent.purpose.name, o.state.name) for o in working]}")

    def target(self, lots, target_id=1, symbol=BTC, stop_ticks=290_000):
        """The brain wants ``lots``."""
        stop = stop_ticks if lots >= 0 else 600_000 - stop_ticks
        self.account.tell(
            Target(
                instrument=symbol,
                strategy="trend",
                unit=Unit.LOTS,
                target_id=target_id,
                amount=lots,
                stop_ticks=stop if lots else 0,
                reference_ticks=self.exchange.price[symbol],
                valid_until_ns=self.clocks.ns + 600 * 10**9,
                open_ns=self.clocks.ns,
            )
        )

    def agrees(self):
        """Books and exchange are the same to the last unit, and no intent left twice."""
        books = self.account.books
        for symbol in (BTC, ETH):
            assert books.position(symbol).lots == self.exchange.lots[symbol]
            assert {t.trade_id for t in self.exchange.trades[symbol]} == {
                number for _, name, number in books.ledger.trades if name == symbol
            }
        assert books.ledger.wallet("main", "fake") == self.exchange.cash
        assert all(count == 1 for count in self.exchange.sends.values()), "an intent was sent twice"

    def covered(self, symbol=BTC):
        """One stop rests and covers exactly what is held."""
        resting = [seen for seen in self.exchange.open_orders(symbol) if seen.is_conditional]
        held = self.exchange.lots[symbol]
        assert [seen.lots for seen in resting] == ([abs(held)] if held else [])
        assert all(seen.side * held < 0 and seen.reduce_only for seen in resting)


@pytest.fixture
async def stage(tmp_path):
    """A stage on which a life has begun."""
    stage = Stage(tmp_path)
    await stage.begin()
    yield stage
    await stage.end()


async def test_a_target_becomes_one_order_and_a_stop_that_covers_it(stage):
    """Entry, fill, protective stop; repeating the target does nothing."""
    stage.target(10)
    await stage.quiet()
    stage.target(10)
    await stage.quiet()
    stage.agrees()
    stage.covered()
    assert [intent.purpose for intent in stage.witness.sends] == [Purpose.ENTRY, Purpose.STOP]
    assert stage.account.books.resting_stop_ticks(BTC, "trend") == 290_000


async def test_an_intent_is_durable_before_it_is_sent(stage):
    """At the moment of sending, another reader finds the intent on the disk."""
    place, found = stage.venue.place, []

    async def watched(approved, objection):
        """Look into the file first."""
        found.append(approved.intent.intent_id in read_books(stage.folder).orders)
        return await place(approved, objection)

    stage.venue.place = watched
    stage.target(10)
    await stage.quiet()
    assert found == [True, True]


@pytest.mark.parametrize("fate", list(Fate), ids=lambda fate: fate.name)
async def test_every_fate_of_an_entry_is_one_send_and_ends_in_agreement(tmp_path, fate, monkeypatch):
    """Whatever becomes of the request, it left at most once, and the books end up as the exchange's."""
    monkeypatch.setattr("engine.dispatch.PATIENCE_S", 0.01)  # machine time is short here
    settings = replace(SETTINGS, executor=replace(SETTINGS.executor, answer_timeout_ms=200, unanswered_ms=200))
    stage = Stage(tmp_path, settings)
    await stage.begin()
    stage.exchange.fates.append(fate)
    stage.target(10)
    for _ in range(60):
        await stage.turn()
    if fate is not Fate.HANGS:
        await stage.quiet()
    stage.agrees()
    stage.covered()
    assert stage.exchange.lots[BTC] in (0, 10)
    await stage.end()


async def test_a_timeout_that_landed_is_adopted_not_sent_again(stage):
    """The order is found by its client id; its fills are booked; nothing else is sent for it."""
    stage.exchange.deaf = True
    stage.exchange.fates.append(Fate.LOST_ANSWER)
    stage.target(10)
    await stage.quiet()
    stage.agrees()
    entries = [o for o in stage.account.books.orders.values() if o.intent.purpose is Purpose.ENTRY]
    assert [order.state for order in entries] == [OrderState.FILLED]


async def test_a_request_that_never_landed_is_proved_absent_first(stage):
    """Entries wait for the proof; then the target is pursued by another intent."""
    stage.exchange.fates.append(Fate.LOST_REQUEST)
    stage.target(10)
    for _ in range(20):
        await stage.turn()
    assert stage.exchange.lots[BTC] == 0, "half the horizon is over: nothing is sent yet"
    await stage.quiet()
    entries = [o.state for o in stage.account.books.orders.values() if o.intent.purpose is Purpose.ENTRY]
    assert entries == [OrderState.NOT_SENT, OrderState.FILLED]
    stage.agrees()
    stage.covered()


async def test_news_that_is_told_twice_changes_nothing(stage):
    """Duplicate frames are no-ops, counted."""
    stage.exchange.doubling, stage.exchange.slices = True, 5
    stage.target(10)
    await stage.quiet()
    stage.agrees()
    stage.covered()
    assert stage.witness.repeats >= 5


async def test_what_a_deaf_stream_lost_is_fetched_when_it_is_back(stage):
    """A stop that filled while the stream was down is booked after the reconnect."""
    stage.target(10)
    await stage.quiet()
    stage.exchange.deaf = True
    stage.exchange.move(BTC, 289_990)
    await stage.quiet()
    assert stage.account.books.position(BTC).lots == 10
    stage.exchange.deaf = False
    stage.venue.reconnect()
    await stage.quiet()
    stage.agrees()
    assert stage.account.books.position(BTC).lots == 0
    assert stage.account.books.stopped_sides[BTC, "trend"] == 1


async def test_a_stop_that_fills_ends_its_target(stage):
    """The position is closed by the exchange; the same target is not entered again, the next one is."""
    stage.target(10)
    await stage.quiet()
    stage.exchange.move(BTC, 290_000)
    await stage.quiet()
    stage.target(10)
    await stage.quiet()
    stage.agrees()
    assert stage.exchange.lots[BTC] == 0
    stage.target(-7, target_id=2)
    await stage.quiet()
    stage.agrees()
    stage.covered()
    assert stage.exchange.lots[BTC] == -7


async def test_a_flip_moves_the_stop_to_the_other_side(stage):
    """The old stop is cancelled, the new one covers what is held now."""
    stage.target(10)
    await stage.quiet()
    stage.target(-10, target_id=2)
    await stage.quiet()
    stage.agrees()
    stage.covered()
    assert stage.exchange.lots[BTC] == -10


async def test_draining_leaves_the_stops(stage):
    """Entries are refused, positions and stops stay."""
    stage.target(10)
    await stage.quiet()
    stage.account.tell(Draining(flatten=False))
    stage.target(10, target_id=2, symbol=ETH)
    await stage.quiet()
    stage.covered()
    assert stage.exchange.lots == {BTC: 10, ETH: 0} or stage.exchange.lots[ETH] == 0


async def test_flattening_leaves_nothing(stage):
    """Positions are closed, then their stops are cancelled."""
    stage.target(10)
    stage.target(-4, symbol=ETH)
    await stage.quiet()
    stage.account.tell(Draining(flatten=True))
    await stage.quiet()
    stage.agrees()
    assert stage.exchange.open_orders() == []
    assert set(stage.exchange.lots.values()) == {0}


async def test_instruments_do_not_wait_for_one_another(stage):
    """A request that hangs on one instrument does not delay the other's."""
    stage.exchange.fates.append(Fate.HANGS)
    stage.exchange.hang_s = 60.0
    stage.target(10)
    stage.target(5, symbol=ETH)
    async with asyncio.timeout(60):
        while not stage.exchange.open_orders(ETH):
            await stage.turn()
    assert stage.exchange.lots[ETH] == 5
    stage.covered(ETH)


@pytest.mark.parametrize("steps", range(0, 60, 2))
async def test_a_life_that_ends_anywhere_loses_and_doubles_nothing(tmp_path, steps):
    """Killed after ``steps`` turns of the loop, a new life on the same journal ends up in agreement."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(10)
    stage.target(-4, symbol=ETH)
    for step in range(steps):
        if step % 8 == 4:
            stage.account.tell(Tick())
            await asyncio.sleep(0.0005)  # the disk's turn
        await asyncio.sleep(0)
    await stage.kill()
    await stage.begin()
    stage.target(10)
    stage.target(-4, symbol=ETH)
    await stage.quiet()
    stage.agrees()
    stage.covered(BTC)
    stage.covered(ETH)
    assert (stage.exchange.lots[BTC], stage.exchange.lots[ETH]) == (10, -4)
    await stage.end()


@pytest.mark.parametrize("seed", range(25))
async def test_a_storm_of_faults_kills_and_targets_ends_in_agreement(tmp_path, seed, monkeypatch):
    """Random fates, lost and doubled frames, moving prices and deaths; afterwards books and exchange agree."""
    monkeypatch.setattr("engine.dispatch.PATIENCE_S", 0.01)
    chance = Random(seed)
    stage = Stage(
        tmp_path, replace(SETTINGS, executor=replace(SETTINGS.executor, answer_timeout_ms=200, unanswered_ms=200))
    )
    await stage.begin()
    wanted = {}
    for round_number in range(1, 9):
        stage.exchange.fates += chance.choices(list(Fate), weights=(8, 3, 1, 1, 1, 1, 1), k=2)
        stage.exchange.slices, stage.exchange.doubling = chance.randint(1, 4), chance.random() < 0.3
        stage.exchange.deaf = chance.random() < 0.3
        for symbol in (BTC, ETH):
            if chance.random() < 0.7:
                wanted[symbol] = (chance.randint(-12, 12), round_number)
            lots, target_id = wanted.get(symbol, (0, round_number))
            stage.target(lots, target_id, symbol, stop_ticks=stage.exchange.price[symbol] - 10_000)
        for _ in range(chance.randint(0, 30)):
            await stage.turn() if chance.random() < 0.5 else await asyncio.sleep(0)
        if chance.random() < 0.5:
            stage.exchange.move(chance.choice((BTC, ETH)), 300_000 + chance.randint(-12_000, 12_000))
        if chance.random() < 0.5:
            await stage.kill()
            await stage.begin()
    stage.exchange.fates.clear()
    stage.exchange.deaf = stage.exchange.doubling = False
    stage.venue.reconnect()
    await stage.quiet()
    stage.agrees()
    for symbol in (BTC, ETH):
        stage.covered(symbol)
    await stage.end()
