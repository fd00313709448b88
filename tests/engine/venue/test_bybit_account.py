"""The engine's own account, journal and all, on a Bybit of our own: entry, parts, stop, flip, doubt, restart."""

import asyncio
import time
from decimal import Decimal
from random import Random

import pytest

from engine.account import Account, Plan
from engine.messages import Candle, Moment, Target, Tick
from engine.settings import EngineSettings, ExecutorSettings, ReconcileSettings
from engine.venue.client import Login, Surroundings
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm.clock import SystemClock
from shm.instruments import minor
from shm.records import Purpose, Unit
from tests.engine.test_account import Witness
from tests.engine.venue.bybit_door import KEY, LOST, SECRET, Door, now_ms
from tests.engine.venue.bybit_floor import Floor

BTC = "BTC/USDT:USDT"
CREATE = "/v5/order/create"
SETTINGS = EngineSettings(
    executor=ExecutorSettings(
        unknown_horizon_ms=3_000, retry_ms=100, ask_first_ms=100, send_age_ms=60_000, dead_man_ms=0
    ),
    reconcile=ReconcileSettings(interval_s=3600),
)


def moment():
    """The three clocks as they are."""
    return Moment(market_ns=time.time_ns(), wall_ns=time.time_ns(), monotonic_ns=time.monotonic_ns())


class Life:
    """One Bybit, and one life of the engine after the other."""

    def __init__(self, folder):
        """Nothing runs yet."""
        self.folder, self.floor = folder, Floor(now_ms)
        self.door = Door(self.floor)
        self.account = self.venue = None
        self.numbers = 0

    async def begin(self):
        """Start a life: shared account, as live."""
        endpoint = self.door.endpoint()
        around = Surroundings(
            dial=lambda: dialling.session(endpoint),
            clock=SystemClock(),
            generator=Random(1),
            limits_rate=False,
        )
        login = Login(exchange="bybit", key=KEY, secret=SECRET)
        rules = LiveVenue(login, around)
        await rules.open()
        instruments = await rules.instruments([BTC])
        await rules.close()
        self.venue = LiveVenue(login, around)
        plan = Plan(
            run_id="r1",
            folder=self.folder,
            settings=SETTINGS,
            instruments=instruments,
            strategies=("trend",),
            is_shared=True,
        )
        self.account = Account(plan, self.venue, Witness(), moment)
        await self.account.open(lambda text: None)
        self.mark()

    def mark(self):
        """A candle closes at the last price."""
        ticks, now_ns = int(self.floor.price["BTCUSDT"] * 10), time.time_ns()
        self.account.tell(
            Candle(
                instrument=BTC,
                open_ns=now_ns - 60 * 10**9,
                close_ns=now_ns,
                high_ticks=ticks,
                low_ticks=ticks,
                close_ticks=ticks,
            )
        )

    async def end(self):
        """End a life."""
        account, self.account = self.account, None
        if account is not None:
            await account.close()

    def target(self, lots, stop_ticks=0):
        """The brain wants ``lots``."""
        self.numbers += 1
        self.account.tell(
            Target(
                instrument=BTC,
                strategy="trend",
                unit=Unit.LOTS,
                target_id=self.numbers,
                amount=lots,
                stop_ticks=stop_ticks,
                reference_ticks=int(self.floor.price["BTCUSDT"] * 10),
                valid_until_ns=time.time_ns() + 600 * 10**9,
                open_ns=time.time_ns(),
            )
        )

    async def until(self, wanted, seconds=30.0):
        """Turn until ``wanted`` holds and nothing is pending."""
        await self.turning(lambda: wanted() and self.account.is_quiet, seconds)

    async def turning(self, wanted, seconds=30.0):
        """Turn until ``wanted`` holds."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.account.keep()
                    self.account.tell(Tick())
                    await asyncio.sleep(0.005)
                    if wanted():
                        return
        except TimeoutError:
            working = [(o.intent.purpose.name, o.state.name) for o in self.account.books.working_of(BTC)]
            pytest.fail(f"still not: {self.lots()} here, {self.there()} there, {working}")

    def lots(self):
        """What the books hold."""
        return self.account.books.position(BTC).lots

    def there(self):
        """What the exchange holds, in lots."""
        return int(self.floor.held["BTCUSDT"].size * 1000)

    def stops(self):
        """The stops that rest at the exchange."""
        rows = [row for row in self.floor.orders.values() if row["orderStatus"] == "Untriggered"]
        return [(row["side"], row["qty"], Decimal(row["triggerPrice"])) for row in rows]

    def agrees(self):
        """Lots, trades and cash are the same here and there; no id was sent twice."""
        books = self.account.books
        assert self.lots() == self.there()
        trades = [row for row in self.floor.executions if row["execType"] != "Funding"]
        ours = [fill for fill in books.ledger.trades.values() if fill.instrument == BTC]
        assert len(ours) == len(trades)
        assert abs(books.ledger.wallet("main", "bybit") - minor(self.floor.cash.quantize(Decimal("1e-8")))) <= len(ours)
        assert books.ledger.fee_mismatches == 0
        names = [asked["orderLinkId"] for asked in self.door.sent(CREATE)]
        assert len(names) == len(set(names)), "an intent was sent twice"


@pytest.fixture
async def life(tmp_path):
    """A first life on an empty account."""
    made = Life(tmp_path)
    await made.door.open()
    await made.begin()
    yield made
    await made.end()
    await made.door.close()


async def test_entry_in_parts_then_stop_flip_and_exit(life):
    """Each part is protected, the flip closes and opens, the exit leaves nothing behind; cash to the last digit."""
    life.floor.slices, life.floor.paused = (Decimal("0.4"), Decimal("0.6")), True
    life.target(10, 490_000)
    await life.turning(lambda: life.there() == 4 and life.stops() == [("Sell", "0.004", Decimal("49000.0"))])
    life.floor.go_on()
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    assert life.stops() == [("Sell", "0.01", Decimal("49000.0"))]
    life.agrees()
    life.floor.paused = False
    life.floor.price["BTCUSDT"] = Decimal("50500.0")
    life.mark()
    life.target(-5, 515_000)
    await life.until(lambda: life.lots() == -5 and life.stops() == [("Buy", "0.005", Decimal("51500.0"))])
    life.agrees()
    life.target(0)
    await life.until(lambda: life.lots() == 0 and not life.stops())
    life.agrees()
    assert life.account.core.differs == ""


async def test_a_stop_that_triggers_ends_the_trade(life):
    """It fills under its own name; nothing is entered again by the same target."""
    life.target(10, 490_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.move("BTCUSDT", "48999.0")
    life.mark()
    await life.until(lambda: life.lots() == 0)
    life.agrees()
    (stop,) = [order for order in life.account.books.orders.values() if order.intent.purpose == Purpose.STOP]
    assert stop.state.name == "FILLED"
    assert life.there() == 0


async def test_an_order_whose_answer_was_lost_is_adopted_and_not_sent_again(life):
    """It landed: asked for by our id, found, filled, protected; one order stands at the exchange."""
    life.door.fates[CREATE].append(LOST)
    life.target(10, 490_000)
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()
    entries = [row for row in life.floor.orders.values() if not row["reduceOnly"]]
    assert len(entries) == 1


async def test_a_lost_answer_that_no_question_finds_yet_is_asked_for_again(life):
    """Not found so soon is no proof: it is found later, and was never sent twice."""
    life.door.fates[CREATE].append(LOST)
    life.target(10, 490_000)
    await asyncio.sleep(0)
    real = life.floor.create

    def hidden(asked):
        order = real(asked)
        life.door.hidden.add(order["orderLinkId"])
        life.floor.create = real
        asyncio.get_running_loop().call_later(1.0, life.door.hidden.clear)
        return order

    life.floor.create = hidden
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()


async def test_a_trade_that_is_listed_after_a_later_one_is_booked(life):
    """Nobody told it and the list was late: the next look begins a minute before the newest, and finds it."""
    told, life.floor.told = life.floor.told, lambda topic, rows: None
    life.floor.slices, life.floor.paused, life.door.unlisted = (Decimal("0.4"), Decimal("0.6")), True, {0}
    life.target(10, 490_000)
    await life.turning(lambda: life.there() == 4)
    life.floor.go_on()
    await life.turning(lambda: life.lots() == 6)
    life.door.unlisted, life.floor.told = set(), told
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()


async def test_a_second_life_finds_position_stop_and_trades(life):
    """Killed with a position: nothing is placed twice, what filled meanwhile is booked, the stop stays."""
    life.target(10, 490_000)
    await life.until(lambda: len(life.stops()) == 1)
    await life.end()
    life.floor.by_hand("BTCUSDT", "0.002")
    sent = len(life.door.sent(CREATE))
    await life.begin()
    await life.until(lambda: life.lots() == 12)
    assert life.account.books.position(BTC, "trend").lots == 10
    assert life.account.books.position(BTC, "external").lots == 2
    assert len(life.door.sent(CREATE)) == sent
    assert len(life.stops()) == 1
    life.agrees()


async def test_a_first_life_on_an_account_with_a_past(tmp_path):
    """What was held before is not ours, older trades are never booked, and the wallet is taken as it is."""
    life = Life(tmp_path)
    await life.door.open()
    try:
        life.floor.by_hand("BTCUSDT", "0.003")
        await asyncio.sleep(0.01)
        await life.begin()
        assert life.account.books.position(BTC, "external").lots == 3
        assert life.account.books.ledger.trades == {}
        assert life.account.books.ledger.wallet("main", "bybit") == minor(life.floor.cash)
        life.floor.by_hand("BTCUSDT", "0.002")
        await life.until(lambda: life.lots() == 5)
    finally:
        await life.end()
        await life.door.close()


async def test_a_liquidation_is_booked_by_name_and_pauses(life):
    """The exchange's own order closes what is ours at its price; the stop goes; entries wait for a person."""
    life.target(10, 490_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.price["BTCUSDT"] = Decimal("49500.0")
    life.floor.by_hand("BTCUSDT", "-0.010", "BustTrade")
    await life.until(lambda: life.lots() == 0 and not life.stops() and BTC in life.account.books.hands.paused)
    life.agrees()


async def test_funding_and_transfers_keep_the_cash_equal(life):
    """Funding is told and asked for; transfers and interest are found by the difference they make."""
    life.target(10, 490_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.fund("BTCUSDT", "-0.75")
    life.floor.transfer("250")
    life.floor.transfer("-0.5", "INTEREST")
    life.account.want_recovery("periodic")
    cash = minor(life.floor.cash.quantize(Decimal("1e-8")))
    await life.until(lambda: abs(life.account.books.ledger.wallet("main", "bybit") - cash) <= 3)
    assert life.account.core.differs == ""
