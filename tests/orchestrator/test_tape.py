"""Tapes: what was written is read back, through rotations, torn tails and kills."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from orchestrator.tape import Tape, TapeError, read_folder, read_tape
from shm.records import CORRECTION, DECISION, MARKET


def decisions(first: int, count: int) -> np.ndarray:
    """Return records that say their number."""
    batch = np.zeros(count, DECISION)
    batch["open_ns"] = np.arange(first, first + count)
    batch["values"] = np.arange(3 * count).reshape(count, 3)
    return batch


def test_records_come_back_from_parquet_and_from_the_open_segment(tmp_path: Path):
    """Two full segments and a half one read as one run."""
    tape = Tape(tmp_path, DECISION, records_max=100)
    batch = decisions(0, 250)
    tape.append(7, batch)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".parquet", ".parquet", ".tape"]
    slots = read_folder(tmp_path, DECISION)
    assert slots["sequence"].tolist() == list(range(7, 257))
    assert (slots["record"] == batch).all()
    tape.close()


def test_a_torn_tail_is_cut_off_and_written_again(tmp_path: Path):
    """The next writer goes on after the last whole record."""
    first = Tape(tmp_path, DECISION)
    first.append(0, decisions(0, 10))
    first.close()
    segment = next(tmp_path.glob("*.tape"))
    os.truncate(segment, segment.stat().st_size - 17)
    second = Tape(tmp_path, DECISION)
    assert second.sequence == 9
    second.append(9, decisions(9, 3))
    second.rotate()
    assert read_folder(tmp_path, DECISION)["record"]["open_ns"].tolist() == list(range(12))


def test_text_and_subarrays_survive(tmp_path: Path):
    """A client id comes back as the bytes it was."""
    tape, batch = Tape(tmp_path, CORRECTION), np.zeros(2, CORRECTION)
    batch["client_id"] = [b"abc-1", b""]
    tape.append(0, batch)
    tape.rotate()
    assert (read_folder(tmp_path, CORRECTION)["record"] == batch).all()


def test_another_record_is_refused(tmp_path: Path):
    """A tape of decisions is no tape of candles."""
    tape = Tape(tmp_path, DECISION)
    tape.append(0, decisions(0, 1))
    tape.close()
    with pytest.raises(TapeError, match="no tape of this record"):
        read_tape(next(tmp_path.glob("*.tape")), MARKET)


def test_a_rotation_that_died_half_way_is_finished(tmp_path: Path):
    """A segment whose Parquet is complete is not counted twice."""
    tape = Tape(tmp_path, DECISION)
    tape.append(0, decisions(0, 5))
    tape.close()
    segment = next(tmp_path.glob("*.tape"))
    content = segment.read_bytes()
    tape.rotate()
    segment.write_bytes(content)
    assert len(read_folder(tmp_path, DECISION)) == 5
    assert Tape(tmp_path, DECISION).sequence == 5
    assert not segment.exists()


WRITER = """
    import sys
    from pathlib import Path
    import numpy as np
    from orchestrator.tape import Tape
    from shm.records import DECISION
    tape = Tape(Path(sys.argv[1]), DECISION, records_max=64)
    while True:
        batch = np.zeros(5, DECISION)
        batch["open_ns"] = np.arange(tape.sequence, tape.sequence + 5)
        tape.append(tape.sequence, batch)
        print(tape.sequence, flush=True)
"""


@pytest.mark.stress
def test_a_killed_writer_loses_nothing_that_it_had_written(tmp_path: Path):
    """After three SIGKILLs, also within rotations, the run has no hole, no repeat and no wrong record."""
    told = 0
    for lines in (3, 40, 7):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(lines):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    slots = read_folder(tmp_path, DECISION)
    assert slots["sequence"].tolist() == list(range(len(slots)))
    assert (slots["record"]["open_ns"] == slots["sequence"]).all()
    assert len(slots) >= told
