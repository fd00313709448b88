"""The dead-man timer: over resting entries only, never over a stop."""

from dataclasses import replace

import pytest

from engine import errors
from engine.books import Books
from engine.deadman import DeadMan, dead_man_of
from engine.events import Filled, Intended, Listed, Observed, Started
from engine.messages import KillRaised
from engine.order import Event, Intent, OrderType, client_id_of
from shm.instruments import Instrument
from shm.records import Kill, Purpose
from tests.engine.test_account import BTC, ETH, SETTINGS, Stage

S = 10**9


class Account:
    """Books in which orders rest as the test says."""

    def __init__(self):
        """Nothing rests."""
        self.books, self.last = Books(), 0
        self.books.apply(Started(run="r", account="main", venue="v", wall_ns=0))
        for symbol in (BTC, ETH):
            self.books.apply(Listed(instrument=symbol, venue="v", tick_e8=10**7, lot_e8=10**5, unit=10_000))

    def rest(self, symbol=BTC, *, stop=False):
        """An entry, or a stop, rests."""
        self.last += 1
        more = {"stop_ticks": 90, "reduce_only": True} if stop else {"price_ticks": 100}
        self.books.apply(
            Intended(
                intent=Intent(
                    intent_id=self.last, client_id=client_id_of("r", self.last), account="main", venue="v",
                    instrument=symbol, allocation=(("trend", 3),), lots=3, side=-1 if stop else 1,
                    purpose=Purpose.STOP if stop else Purpose.ENTRY,
                    type=OrderType.STOP_MARKET if stop else OrderType.LIMIT,
                    created_market_ns=0, created_wall_ns=0, **more,
                )
            )
        )  # fmt: skip
        self.books.apply(Observed(intent_id=self.last, event=Event.ACK, venue_order_id=str(self.last)))
        return self.last

    def fill(self, intent_id, lots, symbol=BTC):
        """A trade of a resting entry."""
        self.books.apply(
            Filled(
                account="main", venue="v", instrument=symbol, trade_id=intent_id * 10 + lots, intent_id=intent_id,
                venue_order_id="1", side=1, lots=lots, price_ticks=100, fee=0, is_maker=True, market_ns=0, wall_ns=0,
            )
        )  # fmt: skip


def test_armed_over_an_entry_and_told_again_every_third():
    """Not more often, so that it costs a few requests a minute."""
    account, timer = Account(), DeadMan((BTC, ETH), 60_000)
    assert timer.due(account.books, 0) == []
    account.rest()
    assert timer.due(account.books, 1 * S) == [(BTC, 60_000)]
    assert timer.due(account.books, 20 * S) == []
    assert timer.due(account.books, 21 * S) == [(BTC, 60_000)]


def test_the_first_fill_disarms():
    """From then on the venue must not take anything away: a stop is about to rest."""
    account, timer = Account(), DeadMan((BTC,), 60_000)
    entry = account.rest()
    timer.due(account.books, 0)
    account.fill(entry, 1)
    assert timer.due(account.books, 1) == [(BTC, 0)]
    assert timer.due(account.books, 2) == []


def test_a_stop_keeps_it_off():
    """Whatever else rests there."""
    account, timer = Account(), DeadMan((BTC,), 60_000)
    account.rest(stop=True)
    account.rest()
    assert timer.due(account.books, 0) == []


def test_a_timer_of_the_whole_account_minds_every_instrument():
    """An entry in one, a stop in another: off."""
    account, timer = Account(), DeadMan((BTC, ETH), 60_000, by_symbol=False)
    account.rest()
    assert timer.due(account.books, 0) == [(BTC, 60_000)]
    account.rest(ETH, stop=True)
    assert timer.due(account.books, 1) == [(BTC, 0)]


@pytest.mark.parametrize(
    ("venue", "armed"),
    [("binanceusdm", [(BTC, 60_000)]), ("krakenfutures", []), ("kraken-demo", []), ("v", [(BTC, 60_000)])],
)
def test_whose_orders_a_timer_takes_is_a_fact_of_the_exchange(venue, armed):
    """On Kraken the account's: a stop in another instrument keeps it off."""
    rules = [
        Instrument(row=row, symbol=name, venue=venue, account="main", tick_e8=1, lot_e8=10**8)
        for row, name in enumerate((BTC, ETH))
    ]
    account, timer = Account(), dead_man_of(rules, 60_000)
    account.rest()
    account.rest(ETH, stop=True)
    assert timer.due(account.books, 0) == armed


def test_a_venue_that_was_not_told_is_told_again():
    """After two seconds, whether it is to be armed or disarmed; not in every duty cycle."""
    account, timer = Account(), DeadMan((BTC,), 60_000)
    entry = account.rest()
    timer.due(account.books, 0)
    timer.failed(BTC, 60_000, 0)
    assert timer.due(account.books, 2 * S - 1) == []
    assert timer.due(account.books, 2 * S) == [(BTC, 60_000)]
    account.fill(entry, 1)
    assert timer.due(account.books, 3 * S) == [(BTC, 0)]
    timer.failed(BTC, 0, 3 * S)
    assert timer.due(account.books, 4 * S) == []
    assert timer.due(account.books, 5 * S) == [(BTC, 0)]
    assert timer.due(account.books, 6 * S) == []


def test_disarming_does_not_wait_for_an_arming_that_failed():
    """The timer of before runs on at the venue, and what has filled meanwhile has a stop that it would take."""
    account, timer = Account(), DeadMan((BTC,), 5_000)
    entry = account.rest()
    timer.due(account.books, 0)
    assert timer.due(account.books, 4 * S) == [(BTC, 5_000)]
    timer.failed(BTC, 5_000, 4 * S)
    account.fill(entry, 1)
    assert timer.due(account.books, 4 * S + 1) == [(BTC, 0)]


def test_a_timer_of_the_whole_account_minds_what_is_not_followed_any_more():
    """A stop that an earlier session left there would go with it; what that session armed is disarmed."""
    account, timer = Account(), DeadMan((ETH,), 60_000, by_symbol=False)
    account.rest(ETH)
    account.rest(BTC, stop=True)
    assert timer.due(account.books, 0) == []
    timer.inherit([BTC])
    assert timer.due(account.books, 1) == [(ETH, 0)]


async def test_what_has_filled_while_another_was_told_is_not_armed_any_more(tmp_path, monkeypatch):
    """The venue takes its time for the first instrument; by then a stop rests in the second."""
    stage = Stage(tmp_path, replace(SETTINGS))
    stage.plan = {"is_shared": True}
    await stage.begin()
    wanted, told = {BTC, ETH}, []

    async def slow(symbol, timeout_ms):
        told.append((symbol, timeout_ms))
        wanted.discard(ETH)

    monkeypatch.setattr(stage.venue, "arm", slow)
    monkeypatch.setattr("engine.deadman.wants_timer", lambda books, symbol: symbol in wanted)
    for _ in range(20):
        await stage.turn()
    assert told == [(BTC, 60_000), (ETH, 0)]
    await stage.end()


async def test_a_venue_that_refuses_the_timer_is_not_stormed(tmp_path, monkeypatch):
    """Ten seconds of refusals cost six requests, not one in each duty cycle: the weight is for stops."""
    stage = Stage(tmp_path, replace(SETTINGS))
    stage.plan = {"is_shared": True}
    await stage.begin()
    told = []

    async def refuse(symbol, timeout_ms):
        told.append(symbol)
        raise errors.Rejected("not for this account")

    monkeypatch.setattr(stage.venue, "arm", refuse)
    monkeypatch.setattr("engine.deadman.wants_timer", lambda books, symbol: symbol == ETH)
    begun_ns = stage.clocks.ns
    while stage.clocks.ns - begun_ns < 10 * S:
        await stage.turn()
    assert 5 <= len(told) <= 6
    await stage.end()


def test_a_timer_that_an_earlier_life_may_have_armed_is_disarmed_or_told_again():
    """It would take the stop that this life has placed; what was never posted on was never armed."""
    account, timer = Account(), DeadMan((BTC, ETH), 60_000)
    timer.inherit([BTC, "DOGE/USDT:USDT"])
    assert timer.due(account.books, 0) == [(BTC, 0)]
    assert timer.due(account.books, 1) == []
    account.rest()
    again = DeadMan((BTC, ETH), 60_000)
    again.inherit([BTC])
    assert again.due(account.books, 0) == [(BTC, 60_000)]
    whole = DeadMan((ETH, BTC), 60_000, by_symbol=False)
    whole.inherit([BTC])
    assert whole.due(Account().books, 0) == [(ETH, 0)]


async def test_at_halt_it_is_not_told_again(tmp_path, monkeypatch):
    """Nobody would protect what a resting entry buys: the exchange takes it back. Disarming over a stop goes on."""
    stage = Stage(tmp_path, replace(SETTINGS))
    stage.plan = {"is_shared": True}
    await stage.begin()
    stage.account.tell(KillRaised(Kill.HALT))
    stage.account._dead_man.inherit([BTC])
    monkeypatch.setattr("engine.deadman.wants_timer", lambda books, symbol: symbol == ETH)
    for _ in range(20):
        await stage.turn()
    assert stage.exchange.armed == [(BTC, 0)]
    await stage.end()


async def test_the_engine_arms_it_and_survives_a_venue_that_refuses(tmp_path, monkeypatch):
    """Over a position nothing is armed; a refusal is told and tried again, and nothing dies of it."""
    stage = Stage(tmp_path, replace(SETTINGS))
    stage.plan = {"is_shared": True}
    await stage.begin()
    stage.target(10)
    await stage.quiet()
    stage.covered()
    assert stage.exchange.armed == []
    told = []

    async def refuse(symbol, timeout_ms):
        told.append((symbol, timeout_ms))
        if len(told) == 1:
            raise errors.Unknown("timeout")

    monkeypatch.setattr(stage.venue, "arm", refuse)
    monkeypatch.setattr("engine.deadman.wants_timer", lambda books, symbol: symbol == ETH)
    for _ in range(120):
        await stage.turn()
    assert told == [(ETH, 60_000), (ETH, 60_000)]
    await stage.end()


def test_a_timer_too_short_to_be_told_in_time_is_refused():
    """Zero turns it off."""
    with pytest.raises(ValueError, match="dead_man_ms below 5000"):
        replace(SETTINGS.executor, dead_man_ms=100)
