"""What the engine holds against the exchange by itself: its holdings, and whether the private stream tells anything."""

from dataclasses import replace

import pytest

from engine.messages import Tick
from tests.engine.test_account import BTC, SETTINGS, Stage


@pytest.fixture
async def stage(tmp_path):
    """An engine's life in a made-up world."""
    one = Stage(tmp_path)
    yield one
    if one.account is not None:
        await one.end()


async def recover(stage):
    """Everything is asked for, and answered."""
    stage.account.want_recovery("the test says so")
    stage.clocks.ns += 2 * 10**9
    await stage.quiet()


async def test_a_position_that_nothing_explains_forbids_entries_from_the_start(stage):
    """No trade tells of the lots: the engine is up, says so, and buys nothing until they are gone."""
    stage.exchange.lots[BTC] = 7
    await stage.begin()
    assert "POSITION_DIFFERS" in stage.account.core.differs
    stage.target(5)
    await stage.turn()
    assert not stage.exchange.sends
    stage.exchange.lots[BTC] = 0
    await recover(stage)
    assert stage.account.core.differs == ""
    stage.account.tell(Tick())
    stage.target(5)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == 5


async def test_a_difference_is_believed_when_a_second_look_agrees(stage):
    """Cash that moved between two looks was a race; cash that stays away stops entries; a cent does not."""
    await stage.begin()
    stage.exchange.cash -= 10**6
    await recover(stage)
    assert stage.account.core.differs == ""
    stage.exchange.cash -= 500 * 10**8
    await stage.account._recover()
    assert stage.account.core.differs == ""
    await recover(stage)
    assert "CASH_DIFFERS" in stage.account.core.differs


async def test_a_silent_private_stream_is_dialled_anew_once(stage):
    """Its age is looked at in every duty cycle."""
    await stage.begin()
    stage.venue.age_ns = 46 * 10**9
    await stage.turn()
    await stage.quiet()
    assert stage.venue.hangups == ["the private stream is silent"]


async def test_how_long_a_stream_may_be_silent_is_a_setting(tmp_path):
    """``reconcile.stream_silent_s`` of a minute: 46 s of silence are nothing yet."""
    stage = Stage(tmp_path, replace(SETTINGS, reconcile=replace(SETTINGS.reconcile, stream_silent_s=60)))
    await stage.begin()
    for age_s, hangups in ((46, 0), (61, 1)):
        stage.venue.age_ns = age_s * 10**9
        await stage.turn()
        assert len(stage.venue.hangups) == hangups
    await stage.end()


async def test_a_stream_whose_trades_only_questions_bring_is_dialled_anew(stage):
    """Pongs are no news: three answers with untold trades in a row end it, though it is not silent."""
    await stage.begin()
    stage.exchange.deaf = True
    for number, lots in enumerate((1, 2, 3, 4), 1):
        stage.target(lots, target_id=number)
        await stage.quiet()
        if stage.venue.hangups:
            break
        await recover(stage)
    assert stage.venue.hangups == ["the private stream tells no trades"]
