"""Alarms: told once, when they begin."""

import shutil
from pathlib import Path

from orchestrator.alarms import INTERVAL_NS, Alarms
from shm.counters import Counter, Gauge
from shm.memory import Memory
from shm.records import Kill


def looked(alarms: Alarms, times: list[int]) -> list[str]:
    """Look once more, an interval later."""
    times.append(len(times) * INTERVAL_NS)
    return list(alarms.lines(times[-1]))


def test_a_raised_kill_word_is_told_once(memory: Memory, tmp_path: Path):
    """And again when it rises further."""
    alarms, times = Alarms(memory, tmp_path), [0]
    assert looked(alarms, times) == []
    memory.words.raise_kill(Kill.NO_ENTRIES)
    assert looked(alarms, times) == ["!! trading: no entries"]
    assert looked(alarms, times) == []
    memory.words.raise_kill(Kill.HALT)
    assert looked(alarms, times) == ["!! trading: halt"]


def test_a_state_that_is_deleted_stops_entries(memory: Memory, tmp_path: Path):
    """The kill word rises, and the operator hears why."""
    state = tmp_path / "state"
    state.mkdir()
    alarms, times = Alarms(memory, state), [0]
    assert looked(alarms, times) == []
    shutil.rmtree(state)
    first, second = looked(alarms, times)
    assert first.startswith(f"!! {state} is gone: no entries")
    assert second == "!! trading: no entries"
    assert memory.words.kill_level() is Kill.NO_ENTRIES
    assert looked(alarms, times) == []


def test_a_counter_above_its_mark_is_told_in_words(memory: Memory, tmp_path: Path):
    """By the help of its own table, so that a new counter needs no line here."""
    alarms, times = Alarms(memory, tmp_path), [0]
    assert looked(alarms, times) == []
    memory.counters.add(Counter.CRASHES, 2)
    memory.counters.add(Counter.FILLS, 5)
    assert looked(alarms, times) == ["!! processes that ended with an exception: 2"]


def test_a_gauge_above_its_mark_is_told_each_time_that_it_rises(memory: Memory, tmp_path: Path):
    """The age of a stream that was silent, came back and is silent again; other gauges are nobody's alarm."""
    alarms, times = Alarms(memory, tmp_path), [0]
    told = []
    for age_s in (44.0, 46.2, 50.0, 0.1, 46.0):
        memory.counters.set(Gauge.STREAM_AGE_S, age_s)
        memory.counters.set(Gauge.WALLET, 1e9)
        told.append(looked(alarms, times))
    line = "!! machine seconds since the private stream showed life: 46"
    assert told == [[], [line], [], [], [line]]


def test_it_does_not_look_all_the_time(memory: Memory, tmp_path: Path):
    """Between two looks nothing is read."""
    alarms = Alarms(memory, tmp_path)
    assert list(alarms.lines(10**12)) == []
    memory.words.raise_kill(Kill.HALT)
    assert list(alarms.lines(10**12 + 1)) == []
