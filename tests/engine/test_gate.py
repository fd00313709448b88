"""The last look: what was right when it was approved may be wrong when the bytes leave."""

from dataclasses import replace

import pytest

from engine.gate import Gate, Stance, objection
from engine.order import OrderType
from shm.records import Kill, OrderState
from tests.engine.fake_venue import Exchange, FakeVenue
from tests.engine.test_account import BTC, INSTRUMENTS, SETTINGS, Stage
from tests.engine.venue.test_round_trip import approved

MS = 1_000_000


@pytest.mark.parametrize(
    ("age_ms", "stance", "entry", "stop"),
    [
        (5, Stance(), "", ""),
        (1_001, Stance(), "too old", "too old"),
        (5, Stance(kill=Kill.NO_ENTRIES), "no entries", ""),
        (5, Stance(kill=Kill.FLATTEN), "no entries", ""),
        (5, Stance(kill=Kill.HALT), "HALT", "HALT"),
        (5, Stance(may_enter=False), "not running", ""),
        (5, Stance(is_current=False), "another engine", "another engine"),
    ],
)
def test_what_waited_is_held_against_the_session_as_it_is_now(age_ms, stance, entry, stop):
    """Entries fall to every word; what reduces falls to age, HALT and a successor only."""
    words = objection(approved(1).intent, age_ms * MS, 1_000 * MS, stance)
    assert (entry in words) if entry else not words
    words = objection(approved(2, OrderType.STOP_MARKET, reduce_only=True).intent, age_ms * MS, 1_000 * MS, stance)
    assert (stop in words) if stop else not words


async def test_a_gate_asks_at_the_venue_and_cancels_freely():
    """The objection travels with the order."""
    exchange = Exchange(INSTRUMENTS)
    gate = Gate(FakeVenue(exchange), lambda intent: "" if intent.intent_id == 1 else "no")
    await gate.place(approved(1))
    with pytest.raises(Exception, match="no"):
        await gate.place(approved(2))
    assert len(exchange.sends) == 1


async def test_how_old_an_approval_may_be_is_a_setting(tmp_path):
    """``executor.send_age_ms`` of a minute: after a second of standing still the order leaves."""
    stage = Stage(tmp_path, replace(SETTINGS, executor=replace(SETTINGS.executor, send_age_ms=60_000)))
    await stage.begin()
    stage.target(5)
    stage.clocks.ns += 10**9 + 1
    await stage.quiet()
    assert stage.account.books.orders[1].state == OrderState.FILLED
    await stage.end()


@pytest.mark.parametrize("asleep_s", [1, 60])
async def test_a_process_that_was_stopped_before_the_send_plans_anew(tmp_path, asleep_s):
    """Durable, then SIGSTOP: the old intent is never sent, and a new one takes its place."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(5)
    stage.clocks.ns += asleep_s * 10**9 + 1
    await stage.quiet()
    orders = stage.account.books.orders
    assert orders[1].state == OrderState.NOT_SENT
    assert stage.exchange.lots[BTC] == 5
    assert sorted(stage.exchange.sends.values()) == [1, 1]
    await stage.end()


async def test_a_kill_word_raised_between_disk_and_send_wins(tmp_path):
    """The word is read at the send, not when the duty cycle next looks."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(5)
    stage.account.stance = lambda: Stance(kill=Kill.EXITS_ONLY)
    await stage.done()
    assert not stage.exchange.sends
    assert stage.account.books.orders[1].state == OrderState.NOT_SENT
    await stage.end()


async def test_a_target_that_expired_meanwhile_is_not_entered(tmp_path):
    """Not too old by the machine's time, but by the market's, which runs faster."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(5)
    moment = stage.clocks()
    stage.account._moment = lambda: replace(moment, market_ns=moment.market_ns + 10**12)
    await stage.done()
    assert not stage.exchange.sends
    assert stage.account.books.orders[1].state == OrderState.NOT_SENT
    await stage.end()
