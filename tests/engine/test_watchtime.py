"""Our clock against the venue's: a drift that is sure forbids entries, one that the way explains does not."""

import asyncio

import pytest

from engine.risk import Refusal
from tests.engine.test_account import Stage

MS = 1_000_000


@pytest.mark.asyncio
async def test_a_clock_that_drifted_enters_nothing_and_is_looked_at_again(tmp_path):
    """1.2 s ahead: refused by name; back in time at the next look: entered."""
    stage = Stage(tmp_path)
    stage.drift_ns = 1_200 * MS
    await stage.begin()
    assert stage.account.core.clock_drift_ms == 1_200
    stage.target(3)
    await stage.quiet()
    assert [refused.refusal for refused in stage.witness.refusals] == [Refusal.CLOCK_DRIFT]
    assert "1200 ms off the venue's; clock_drift_ms_max is 1000" in stage.witness.refusals[0].words
    stage.drift_ns = 0
    stage.account.want_recovery("a look at the clock")
    await stage.quiet()
    stage.target(3)
    await stage.quiet()
    assert stage.exchange.lots["BTC/USDT:USDT"] == 3
    await stage.end()


@pytest.mark.asyncio
async def test_what_the_way_there_and_back_may_explain_is_no_drift(tmp_path):
    """An answer that took four seconds and says 1.2 s behind proves nothing; one of half a second proves 950 ms."""
    stage = Stage(tmp_path)
    await stage.begin()
    told = []
    for took_ms in (4_000, 500):

        async def slow(took_ms=took_ms):
            stage.clocks.ns += took_ms * MS
            await asyncio.sleep(0)
            return stage.clocks.ns - took_ms * MS // 2 + 1_200 * MS

        stage.venue.server_ns = slow
        await stage.account._set_watch()
        told.append(stage.account.core.clock_drift_ms)
    assert told == [0, -950]
    await stage.end()
