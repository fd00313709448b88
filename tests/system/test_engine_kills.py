"""The engine SIGKILLed right after an intent appears: before the send, between send and answer, after the answer."""

import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.system import stage

pytestmark = pytest.mark.system
STUBBORN = (
    *("--set", "supervisor.restarts_max=1000", "--set", "supervisor.stuck_after_s=30"),
    *("--set", "engine.executor.unknown_horizon_ms=3000"),  # a killed order may never have left: proof takes this long
)


def newest_intent(connection: sqlite3.Connection) -> int:
    """The number of the last intent on the disk."""
    return int(connection.execute("SELECT coalesce(max(intent_id), 0) FROM intents").fetchone()[0])


def kill_at(state: Path, running: stage.Running, offset_ms: float, within_s: float = 30.0) -> bool:
    """SIGKILL the engine ``offset_ms`` after its next intent; False when none came."""
    (path,) = state.glob("accounts/*/journal.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        pid, before, until = running.pid_of("engine"), newest_intent(connection), time.monotonic() + within_s
        while newest_intent(connection) == before:
            if time.monotonic() > until or running.process.poll() is not None:
                return False
            time.sleep(0.0002)
        time.sleep(offset_ms / 1000)
    finally:
        connection.close()
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    return True


def wait_for_engine(running: stage.Running, before: int | None, within_s: float = 30.0) -> None:
    """Wait until another engine than ``before`` is there."""
    until = time.monotonic() + within_s
    while time.monotonic() < until and running.pid_of("engine") in (None, before):
        time.sleep(0.02)


def awaited(running: stage.Running, within_s: float = 60.0) -> int:
    """The engine's standby, once there is one."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if pid := running.standby_of("engine"):
            return pid
        time.sleep(0.1)
    raise AssertionError("no standby came")


def survive(state: Path, kills: int, seed: int) -> None:
    """Kill the engine ``kills`` times after an intent, then compare everything with the exchange."""
    running = stage.start(state, "--seed", str(seed), "--speed", "300", *STUBBORN)
    try:
        running.ready(within_s=200.0)
        generator = np.random.default_rng(seed)
        killed = 0
        for _ in range(kills):
            before = running.pid_of("engine")
            killed += kill_at(state, running, float(generator.exponential(4.0)))
            wait_for_engine(running, before)
        os.kill(running.process.pid, signal.SIGINT)
        examine(state, running.finish(), killed)
    finally:
        running.process.kill()
    assert killed >= kills - 1


def examine(state: Path, summary: dict[str, Any], killed: int) -> None:
    """Fail where an intent happened twice, a trade is nobody's, or a position and its stop differ."""
    stage.check(summary)
    assert summary["restarts"]["engine"] >= killed
    doubled = stage.journal(
        state,
        "SELECT f.intent_id FROM fills f JOIN intents i USING (intent_id) GROUP BY 1 "
        "HAVING sum(f.lots) > i.lots OR count(DISTINCT f.venue_order_id) > 1",
    )
    assert doubled == []
    assert stage.journal(state, "SELECT trade_id FROM fills WHERE intent_id = 0") == []
    held = stage.journal(state, "SELECT instrument, lots FROM positions WHERE strategy = '' AND lots != 0")
    stops = stage.journal(
        state,
        "SELECT i.instrument, -i.side * i.lots FROM intents i JOIN orders o USING (intent_id) "
        "WHERE i.purpose = 'STOP' AND o.state = 'OPEN'",
    )
    assert sorted(stops) == sorted(held), "exactly one stop for exactly the lots of every position"
    assert stage.traces(state) == []


def test_an_engine_killed_after_its_intent_neither_repeats_nor_loses_it(tmp_path: Path):
    """Four kills at random milliseconds; ledgers, positions and stops agree with the exchange."""
    survive(tmp_path, kills=4, seed=21)


@pytest.mark.stress
def test_twenty_kills_between_intent_and_answer(tmp_path: Path):
    """The long form."""
    survive(tmp_path, kills=20, seed=22)


def test_a_standby_takes_over_and_another_follows(tmp_path: Path):
    """Who waited is the next engine; killed before another waits, it is followed by a fresh one; none is left."""
    running = stage.start(tmp_path, "--speed", "60", *STUBBORN)
    try:
        running.ready(within_s=200.0)
        standby, engine = awaited(running), running.pid_of("engine")
        assert engine is not None
        os.kill(engine, signal.SIGKILL)
        wait_for_engine(running, engine)
        assert running.pid_of("engine") == standby
        os.kill(standby, signal.SIGKILL)  # at once: no other waits yet
        wait_for_engine(running, standby)
        fresh = running.pid_of("engine")
        assert fresh not in (None, engine, standby)
        assert awaited(running) not in (standby, fresh)
        os.kill(running.process.pid, signal.SIGINT)
        summary = running.finish()
    finally:
        running.process.kill()
    stage.check(summary)
    assert summary["restarts"]["engine"] == 2
    assert stage.traces(tmp_path) == []
