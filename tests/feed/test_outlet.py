"""What the feed publishes, read back by the others."""

import os

import numpy as np
import pytest

from feed.candle import Candle
from feed.dialect import Quote, Trade
from feed.outlet import MINUTE_NS, Outlet
from shm import records, topology
from shm.clock import ManualClock, MarketClock
from shm.memory import Memory
from shm.records import MarketKind, Provenance, TickKind


def minute(number, close=100.0):
    """A plain candle with every field set."""
    return Candle(number * MINUTE_NS, close, close + 1, close - 1, close, 5.0, 500.0, 2.0, 200.0, 9)


@pytest.fixture
def memory():
    """A session's memory, seen by the feed."""
    created = Memory.create(f"outlet{os.getpid()}", 2)
    mine = Memory.attach(created.run_id, "feed")
    yield mine
    mine.close()
    created.unlink()
    created.close()


def opened(memory, epoch=1):
    """An outlet, and what it told the pulse."""
    told = []
    return Outlet(memory, ManualClock(0, 1_000), told.append, epoch=epoch, speed=300.0), told


def test_a_candle_is_on_the_ring_and_in_history_with_every_field(memory):
    """Both hold the same record, and the pulse hears of the next sequence."""
    outlet, told = opened(memory)
    assert outlet.publish(1, minute(7), Provenance.OBSERVED, missing=2, received_ns=900) == 0
    assert told == [1]
    batch, row = np.zeros(1, records.MARKET), np.zeros(1, records.MARKET)
    assert memory.ring_reader("MARKET").read_into(batch) == 1
    assert memory.table_reader("HISTORY").read(topology.history_row(1, 0, 7 * MINUTE_NS), row)
    assert batch.tobytes() == row.tobytes()
    expected = (MarketKind.CANDLE, Provenance.OBSERVED, 0, 1, 60, 1, 7 * MINUTE_NS, 900, 1_000, *minute(7)[1:], 2, -1)
    assert batch[0].item() == expected


def test_a_missing_candle_has_no_price(memory):
    """NaN, so that nobody can trade on it by accident."""
    outlet, _ = opened(memory)
    outlet.publish_missing(0, MINUTE_NS, missing=3)
    batch = np.zeros(1, records.MARKET)
    memory.ring_reader("MARKET").read_into(batch)
    assert int(batch["provenance"][0]) == Provenance.MISSING
    assert int(batch["missing"][0]) == 3
    assert all(np.isnan(batch[name][0]) for name in ("open", "high", "low", "close"))


def test_a_successor_recalls_what_was_published(memory):
    """Candles and holes come back in order with their sequences; hydrated minutes are known apart."""
    outlet, _ = opened(memory, epoch=2)
    outlet.keep(0, 0, [minute(3)])
    outlet.publish(0, minute(4), Provenance.OBSERVED)
    outlet.publish_missing(1, 5 * MINUTE_NS)
    recalled = outlet.recall()
    assert [(each["row"], each["sequence"], each["is_missing"]) for each in recalled] == [(0, 0, False), (1, 1, True)]
    assert recalled[0]["candle"] == minute(4)
    assert outlet.recall_history(0) == 3 * MINUTE_NS
    assert outlet.recall_history(1) is None


def test_the_first_life_has_nothing_to_recall(memory):
    """Nobody was before it, so the history of hundreds of symbols is not searched."""
    outlet, _ = opened(memory)
    outlet.keep(0, 0, [minute(3)])
    assert outlet.recall_history(0) is None


def test_a_page_of_candles_is_kept_with_every_field(memory):
    """Written column by column, each record holds what its candle says."""
    outlet, _ = opened(memory, epoch=4)
    outlet.keep(1, 2, [minute(15), minute(30)._replace(trades=1 << 40)])
    row = np.zeros(1, records.MARKET)
    for one, trades in ((15, minute(15).trades), (30, 0xFFFF_FFFF)):
        assert memory.table_reader("HISTORY").read(topology.history_row(1, 2, one * MINUTE_NS), row)
        values = (*minute(one)[1:-1], trades)
        expected = (MarketKind.CANDLE, Provenance.BACKFILLED, 1, 1, 900, 4, one * MINUTE_NS, 1_000, 1_000)
        assert row[0].item() == (*expected, *values, 0, -1)


def test_market_time_is_told(memory):
    """CLOCK carries the market's time on at its speed."""
    outlet, _ = opened(memory)
    outlet.tell_time(10**18)
    later = ManualClock(0, 1_000 + 10**9)
    assert MarketClock(memory.table_reader("CLOCK"), later).now_ns() == 10**18 + 300 * 10**9


def test_trades_and_quotes_are_ticks_and_the_newest_row(memory):
    """Each is a TICKS record; QUOTES holds the newest of all of them together."""
    outlet, _ = opened(memory)
    outlet.trade(1, Trade(7, -1, 10.5, 2.0, 50, 60))
    outlet.quote(1, Quote(10.0, 1.0, 11.0, 2.0, 51, 61))
    outlet.mark(1, 10.7, (52, 62))
    batch, row = np.zeros(4, records.TICK), np.zeros(1, records.QUOTE)
    assert memory.ring_reader("TICKS").read_into(batch) == 2
    assert batch[0].item()[:9] == (TickKind.TRADE, -1, 0, 1, 7, 50, 60, 10.5, 2.0)
    assert batch[1].item()[9:13] == (10.0, 1.0, 11.0, 2.0)
    assert memory.table_reader("QUOTES").read(1, row)
    assert row[0].item()[:8] == (10.0, 1.0, 11.0, 2.0, 10.5, 10.7, 52, 62)
