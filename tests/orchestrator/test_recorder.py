"""The recorder: every record of a ring reaches its tape once, also when it is started again."""

from pathlib import Path

import numpy as np

from orchestrator.recorder import PAST, Recorder, keep_past
from orchestrator.tape import read_folder
from shm.agent import Body, Pulse, Stopping
from shm.log import log
from shm.memory import Memory
from shm.records import DECISION, MARKET
from shm.topology import HISTORY_DEPTH, history_row


def recorder_in(folder: Path) -> Recorder:
    """Return a recorder of run ``test``."""
    memory = Memory.attach("test", "recorder")
    return Recorder(Body(memory, Pulse(memory), log("recorder", folder / "log.jsonl"), Stopping()), folder)


def test_a_recorder_goes_on_where_the_last_one_ended(memory: Memory, tmp_path: Path):
    """The first one is dropped without a word, as by SIGKILL; nothing is missing and nothing twice."""
    assert memory.role == "supervisor"
    decisions = Memory.attach("test", "brain").ring_writer("DECISIONS")
    record = np.zeros(1, DECISION)

    def decide(count: int) -> None:
        for _ in range(count):
            record["kind"] = 1
            record["open_ns"] += 1
            decisions.publish(record)

    first = recorder_in(tmp_path)
    first.start()
    decide(3000)
    assert first.work() > 0
    decide(10)
    second = recorder_in(tmp_path)
    second.start()
    second.close()
    slots = read_folder(tmp_path / "decisions", DECISION)
    assert slots["record"]["open_ns"].tolist() == list(range(1, 3011))
    assert not list((tmp_path / "decisions").glob("*.tape"))


def test_the_past_is_kept_whole_however_late_the_recorder_comes(memory: Memory, tmp_path: Path):
    """Minutes that were overwritten before it started are on the tape: a replay warms up from the same first candle."""
    assert memory.role == "supervisor"
    history = Memory.attach("test", "feed").table_writer("HISTORY")
    minute = np.zeros(1, MARKET)
    minute["kind"], minute["timeframe_s"] = 1, 60

    def remember(first: int, end: int) -> None:
        for n in range(first, end):
            minute["open_ns"] = n * 60_000_000_000
            history.write(history_row(0, 0, int(minute["open_ns"][0])), minute)

    remember(0, 1000)
    keep_past(Memory.attach("test", "monitor"), tmp_path)
    remember(1000, 1200)
    late = recorder_in(tmp_path)
    late.start()
    late.close()
    opens = read_folder(tmp_path / PAST, MARKET)["record"]["open_ns"] // 60_000_000_000
    assert len(opens) == 1000 + HISTORY_DEPTH
    assert sorted(set(opens.tolist())) == list(range(1200))
