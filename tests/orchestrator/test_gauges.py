"""Gauges: counters of every role become a session's figures."""

from random import Random

import numpy as np

from orchestrator.crew import Crew, Launch
from orchestrator.gauges import SessionGauges, latency, totals
from orchestrator.settings import SupervisorSettings
from shm.counters import Counter, Hop
from shm.memory import Memory
from shm.records import POSITION


def test_figures_are_summed_over_roles(memory: Memory):
    """Losses of two roles are one number; a hop of two roles is two lines."""
    for role in ("brain", "engine"):
        counters = Memory.attach("test", role).counters
        counters.add(Counter.RECORDS_LOST, 2)
        counters.record(Hop.LOOP_LAG, 1000)
    watcher = Memory.attach("test", "monitor")
    assert totals(watcher)["records_lost"] == 4
    assert {name: hop["count"] for name, hop in latency(watcher).items()} == {"loop_lag": 1, "loop_lag_engine": 1}


def test_a_position_without_a_stop_is_said(memory: Memory):
    """Nothing claims that a stop stayed where there is none."""
    crew = Crew(memory, Launch(arguments=[], environment={}, files=[]), SupervisorSettings(), Random(1))
    gauges = SessionGauges(Memory.attach("test", "monitor"), crew)
    assert gauges.protection() == "no position was open"
    row, table = np.zeros(1, POSITION), Memory.attach("test", "engine").table_writer("POSITIONS")
    row["lots"], row["stop_ticks"] = 3, 100
    table.write(0, row)
    assert gauges.protection() == "stop stayed"
    row["stop_ticks"] = 0
    table.write(1, row)
    assert gauges.protection() == "1 of 2 positions WITHOUT stop"
