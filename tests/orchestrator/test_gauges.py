"""Gauges: counters of every role become a session's figures."""

from pathlib import Path
from random import Random

import numpy as np

from engine.events import Filled, Intended, Listed, Started
from engine.journal import Journal
from orchestrator.crew import Crew, Launch
from orchestrator.gauges import SessionGauges, latency, totals
from orchestrator.settings import SupervisorSettings
from shm.counters import Counter, Hop
from shm.memory import Memory
from shm.records import POSITION
from tests.engine.test_exits import SYMBOL, stop_of


def test_figures_are_summed_over_roles(memory: Memory):
    """Losses of two roles are one number; a hop of two roles is two lines."""
    for role in ("brain", "engine"):
        counters = Memory.attach("test", role).counters
        counters.add(Counter.RECORDS_LOST, 2)
        counters.record(Hop.LOOP_LAG, 1000)
    watcher = Memory.attach("test", "monitor")
    assert totals(watcher)["records_lost"] == 4
    assert {name: hop["count"] for name, hop in latency(watcher).items()} == {"loop_lag": 1, "loop_lag_engine": 1}


def test_a_position_without_a_stop_is_said(memory: Memory, tmp_path: Path):
    """Nothing claims that a stop stayed where there is none."""
    crew = Crew(memory, Launch(arguments=[], environment={}, files=[]), SupervisorSettings(), Random(1))
    gauges = SessionGauges(Memory.attach("test", "monitor"), crew, tmp_path)
    assert gauges.protection() == "no position was open"
    row, table = np.zeros(1, POSITION), Memory.attach("test", "engine").table_writer("POSITIONS")
    row["lots"], row["stop_ticks"] = 3, 100
    table.write(0, row)
    assert gauges.protection() == "stop stayed"
    row["stop_ticks"] = 0
    table.write(1, row)
    assert gauges.protection() == "1 of 2 positions WITHOUT stop"


def test_doubled_is_what_the_journal_says_and_not_a_counter(memory: Memory, tmp_path: Path):
    """Strangers' orders do not count; an intent that two of the exchange's orders filled does."""
    crew = Crew(memory, Launch(arguments=[], environment={}, files=[]), SupervisorSettings(), Random(1))
    gauges = SessionGauges(Memory.attach("test", "monitor"), crew, tmp_path)
    Memory.attach("test", "engine").counters.add(Counter.ORDERS_UNKNOWN, 3)
    assert gauges.lost_and_doubled() == (0, 0)
    journal = Journal(tmp_path, lambda: 0)
    rule = Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000)
    events = [Started(run="r", account="main", venue="paper", wall_ns=1), rule, Intended(intent=stop_of(1, 3))]
    journal.write([*events, trade(1, "a")]).result(10)
    assert gauges.lost_and_doubled() == (0, 0)
    journal.write([trade(2, "b")]).result(10)
    assert gauges.lost_and_doubled() == (0, 1)
    journal.close()
    (tmp_path / "journal.db").write_bytes(b"torn")
    assert gauges.lost_and_doubled() == (0, None)


def trade(trade_id: int, number: str) -> Filled:
    """Return one lot of intent 1, filled by the exchange's order ``number``."""
    return Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=trade_id, intent_id=1, venue_order_id=number,
        side=-1, lots=1, price_ticks=100, fee=0, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip
