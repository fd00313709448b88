"""The engine's own account, journal and all, on a Kraken Futures of our own: as on Bybit, and what is its own."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.venue.client import Login
from shm.instruments import minor
from shm.records import Purpose
from tests.engine.venue import test_bybit_account as bybit
from tests.engine.venue.kraken_door import KEY, LOST, SECRET, Door, now_ms
from tests.engine.venue.kraken_floor import Floor

BTC, NAME, SEND = "BTC/USD:USD", "PF_XBTUSD", "sendorder"


class Life(bybit.Life):
    """One Kraken Futures, and one life of the engine after the other."""

    login = Login(exchange="krakenfutures", key=KEY, secret=SECRET)
    symbol, name, asset = BTC, NAME, "USD"
    ticks_of_one, lots_of_one = 2, 10_000

    @staticmethod
    def exchange():
        """What is traded on, and the way to it."""
        floor = Floor(now_ms)
        return floor, Door(floor)

    def stops(self):
        """The stops that rest at the exchange: side, lots, price."""
        rows = [one for one in self.floor.orders.values() if one.status == "TRIGGER_PLACED"]
        return [(row.side, int(row.left * self.lots_of_one), row.stop) for row in rows]

    def trades_count(self):
        """How many trades the exchange made."""
        return len(self.floor.fills)

    def names(self):
        """Our ids of every order that was sent."""
        return [asked["cliOrdId"] for asked in self.door.sent(SEND)]


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
    life.target(10, 98_000)
    await life.turning(lambda: life.there() == 4 and life.stops() == [(-1, 4, Decimal(49_000))])
    life.floor.go_on()
    await life.until(lambda: life.lots() == 10 and life.stops() == [(-1, 10, Decimal(49_000))])
    life.agrees()
    life.floor.paused = False
    life.floor.price[NAME] = Decimal("50500.0")
    life.mark()
    life.target(-5, 103_000)
    await life.until(lambda: life.lots() == -5 and life.stops() == [(1, 5, Decimal(51_500))])
    life.agrees()
    life.target(0)
    await life.until(lambda: life.lots() == 0 and not life.stops())
    life.agrees()
    assert life.account.core.differs == ""


@pytest.mark.parametrize("renames", ["same", "another", "nameless"])
async def test_a_stop_that_triggers_ends_the_trade(life, renames):
    """Whatever it becomes: the same order, another of its name, or one of no name, which the position then explains."""
    life.floor.renames = renames
    life.target(10, 98_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.move(NAME, "48999.0")
    life.mark()
    if renames == "nameless":
        await life.turning(lambda: life.lots() == 0)
        return
    await life.until(lambda: life.lots() == 0)
    life.agrees()
    (stop,) = [order for order in life.account.books.orders.values() if order.intent.purpose == Purpose.STOP]
    assert stop.state.name == "FILLED"
    assert life.account.books.position(BTC, "trend").lots == 0


@pytest.mark.parametrize("forgets_ms", [5_000, 0])
async def test_an_order_whose_answer_was_lost_is_adopted_and_not_sent_again(life, forgets_ms):
    """It landed: asked for by our id, found, filled, protected; one order stands at the exchange."""
    life.door.forgets_ms = forgets_ms
    life.door.fates[SEND].append(LOST)
    life.target(10, 98_000)
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()
    assert len([one for one in life.floor.orders.values() if not one.reduces]) == 1


async def test_a_lost_answer_that_no_question_finds_yet_is_asked_for_again(life):
    """Nobody tells it, no list has it for a second: found later, and never sent twice."""
    told, life.floor.told = life.floor.told, lambda frame: None
    life.door.fates[SEND].append(LOST)
    real = life.floor.send

    def hidden(asked):
        life.door.hidden.add(asked["cliOrdId"])
        life.floor.send = real
        asyncio.get_running_loop().call_later(1.0, life.door.hidden.clear)
        asyncio.get_running_loop().call_later(1.0, lambda: setattr(life.floor, "told", told))
        return real(asked)

    life.floor.send = hidden
    life.target(10, 98_000)
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()


async def test_an_order_that_never_landed_is_absent_after_the_horizon_alone(life):
    """Every list is silent: until the horizon is over that is no proof; then the entry may be made anew."""
    real, begun_ms = life.floor.send, now_ms()
    sent = []

    def lost(asked):
        sent.append(asked["cliOrdId"])
        life.floor.send = real
        raise AssertionError("the exchange broke before it took anything")

    life.floor.send = lost
    life.target(10, 98_000)
    await life.turning(lambda: bool(sent))
    (order,) = life.account.books.working_of(BTC)
    assert order.intent.client_id == sent[0]
    await life.turning(lambda: not life.account.books.working_of(BTC) or life.there())
    assert now_ms() - begun_ms >= life.settings.executor.unknown_horizon_ms
    await life.until(lambda: life.lots() == life.there() and len(life.stops()) == bool(life.lots()))
    assert life.names().count(sent[0]) == 1
    life.agrees()


async def test_a_trade_that_is_listed_after_a_later_one_is_booked(life):
    """Nobody told it and the list was late: the next look begins a minute before the newest, and finds it."""
    told, life.floor.told = life.floor.told, lambda frame: None
    life.floor.slices, life.floor.paused, life.door.unlisted = (Decimal("0.4"), Decimal("0.6")), True, {0}
    life.target(10, 98_000)
    await life.turning(lambda: life.there() == 4)
    life.floor.go_on()
    await life.turning(lambda: life.lots() == 6)
    life.door.unlisted, life.floor.told = set(), told
    await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
    life.agrees()


async def test_a_second_life_finds_position_stop_and_trades(life):
    """Killed with a position: nothing is placed twice, what filled meanwhile is booked at its fee, the stop stays."""
    life.target(10, 98_000)
    await life.until(lambda: len(life.stops()) == 1)
    await life.end()
    life.floor.by_hand(NAME, "0.0002")
    sent = len(life.door.sent(SEND))
    await life.begin()
    await life.until(lambda: life.lots() == 12)
    assert life.account.books.position(BTC, "trend").lots == 10
    assert life.account.books.position(BTC, "external").lots == 2
    assert len(life.door.sent(SEND)) == sent
    assert len(life.stops()) == 1
    life.agrees()


async def test_a_first_life_on_an_account_with_a_past(tmp_path):
    """What was held before is not ours, older trades are never booked, and the wallet is taken as it is."""
    life = Life(tmp_path)
    await life.door.open()
    try:
        life.floor.by_hand(NAME, "0.0003")
        await asyncio.sleep(0.01)
        await life.begin()
        assert life.account.books.position(BTC, "external").lots == 3
        assert life.account.books.ledger.trades == {}
        assert life.account.books.ledger.wallet("main", "krakenfutures") == minor(life.floor.cash)
        life.floor.by_hand(NAME, "0.0002")
        await life.until(lambda: life.lots() == 5)
    finally:
        await life.end()
        await life.door.close()


async def test_a_liquidation_is_booked_by_name_and_pauses(life):
    """The exchange's own order closes what is ours at its price; the stop goes; entries wait for a person."""
    life.target(10, 98_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.price[NAME] = Decimal("49500.0")
    life.floor.by_hand(NAME, "-0.0010", "liquidation")
    await life.until(lambda: life.lots() == 0 and not life.stops() and BTC in life.account.books.hands.paused)
    life.agrees()


async def test_funding_and_transfers_keep_the_cash_equal(life):
    """Both are told by the account log and looked up there, in dollars."""
    life.target(10, 98_000)
    await life.until(lambda: len(life.stops()) == 1)
    life.floor.fund(NAME, "-0.75")
    life.floor.transfer("250")
    life.floor.transfer("-0.5", "interest payment")
    cash = minor(life.floor.cash.quantize(Decimal("1e-8")))
    await life.until(lambda: abs(life.account.books.ledger.wallet("main", "krakenfutures") - cash) <= 3)
    assert life.account.core.differs == ""


async def test_the_timer_of_the_account_is_taken_back_before_a_stop_rests(tmp_path):
    """Armed over an entry that rests; one position anywhere keeps it off, for it would take the stop."""
    life = Life(tmp_path)
    life.settings = replace(
        life.settings,
        executor=replace(life.settings.executor, dead_man_ms=60_000, entry_style="limit"),
    )
    await life.door.open()
    try:
        await life.begin()
        life.target(10, 98_000)
        life.floor.price[NAME] += 20  # above what the engine bids
        await life.turning(lambda: 60 in life.door.dead_man_s and bool(life.floor.orders))
        (entry,) = [one for one in life.floor.orders.values() if one.is_open]
        life.floor._fill(entry, entry.left, entry.limit, "maker")
        await life.until(lambda: life.lots() == 10 and len(life.stops()) == 1)
        await life.turning(lambda: life.door.dead_man_s[-1] == 0)
    finally:
        await life.end()
        await life.door.close()
