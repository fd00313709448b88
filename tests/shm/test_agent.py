"""The life of a process, also where it ends badly."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shm import records, topology
from shm.agent import Body, Command, Pulse, Stopping, read_command, run, run_async
from shm.clock import ManualClock
from shm.counters import Counter, Hop
from shm.log import log
from shm.memory import Memory
from shm.records import Life, Order


@pytest.fixture
def memory(tmp_path):
    """The brain's memory of a session, and the garbage collection of before."""
    made = Memory.create("r1", 1, directory=tmp_path)
    yield Memory.attach("r1", "brain", directory=tmp_path)
    made.unlink()
    gc.unfreeze()
    gc.enable()


@pytest.fixture
def body(memory, tmp_path):
    """What a process has; the signals of before come back."""
    answers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Body(memory, Pulse(memory), log("brain", tmp_path / "log.jsonl"), Stopping())
    for number, answer in answers.items():
        signal.signal(number, answer)


def pulse_of(memory: Memory) -> np.void:
    """The brain's row of PULSES."""
    out = np.zeros(1, records.PULSE)
    assert memory.table_reader("PULSES").read(topology.role_row("brain"), out)
    return out[0]


class Counting:
    """An agent that works three times and then sends itself a signal, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.done, self.trace = error, 0, ["made"]

    def start(self) -> None:
        """Open nothing."""
        self.trace.append("start")

    def work(self) -> int:
        """One duty cycle."""
        self.done += 1
        if self.error:
            raise self.error
        if self.done == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.done

    def close(self) -> None:
        """Close nothing."""
        self.trace.append("close")


class CountingAsync(Counting):
    """The same on an event loop."""

    async def start(self) -> None:
        """Open nothing."""
        super().start()

    async def work(self) -> int:
        """One duty cycle, long enough for the loop's lag to be taken."""
        await asyncio.sleep(0.11)
        return super().work()

    async def close(self) -> None:
        """Close nothing."""
        super().close()


def test_a_pulse_beats_and_tells(memory):
    """Beats and times follow the duty cycles; epoch counts lives; progress outlives them."""
    clock = ManualClock(0, 1000)
    pulse = Pulse(memory, clock)
    pulse.tell(life=Life.RUNNING, market_seq=7, detail="compiling 3 of 5")
    clock.advance(50)
    pulse.beat()
    row = pulse_of(memory)
    assert (row["pid"], row["started_ns"], row["beat_ns"], row["epoch"]) == (os.getpid(), 1000, 1050, 1)
    assert (row["life"], row["market_seq"], row["detail"]) == (Life.RUNNING, 7, b"compiling 3 of 5")
    assert pulse.life == Life.RUNNING
    Pulse(memory, clock)
    row = pulse_of(memory)
    assert (row["epoch"], row["life"], row["market_seq"], row["detail"]) == (2, Life.STARTING, 7, b"")


def test_a_command_is_a_level(memory, tmp_path):
    """PREPARE before anything was said; then the newest, as long as it stands."""
    assert read_command(memory) == Command(Order.PREPARE, False, 0)
    command = np.zeros(1, records.COMMAND)
    command["order"], command["flatten"], command["version"] = Order.DRAIN, 1, 4
    supervisor = Memory.attach("r1", "supervisor", directory=tmp_path)
    supervisor.table_writer("COMMANDS").write(topology.role_row("brain"), command)
    assert read_command(memory) == read_command(memory) == Command(Order.DRAIN, True, 4)
    assert read_command(memory, "engine").order == Order.PREPARE


def test_an_agent_runs_until_it_is_told_to_stop(body, memory):
    """Started, worked, closed; each cycle beat; zero collections after the start."""
    agent, idled = Counting(), []
    assert run(agent, body, idled.append) == 0
    assert (agent.trace, idled) == (["made", "start", "close"], [1, 2, 3])
    assert pulse_of(memory)["life"] == Life.STOPPED
    assert not gc.isenabled()


def test_a_crash_is_one_line_a_count_and_exit_code_1(body, memory, tmp_path):
    """The agent is closed, the pulse says why, and the process ends with 1."""
    agent = Counting(ValueError("7 lots"))
    with pytest.raises(SystemExit, match="1"):
        run(agent, body, lambda _: None)
    assert agent.trace[-1] == "close"
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["error"] == "ValueError: 7 lots"
    assert (pulse_of(memory)["life"], pulse_of(memory)["detail"]) == (Life.FAILED, b"ValueError: 7 lots")
    assert memory.counters.value(Counter.CRASHES) == 1


def test_an_agent_on_an_event_loop_runs_until_it_is_told_to_stop(body, memory):
    """The same life, and the loop's lag is taken while it runs."""
    agent = CountingAsync()
    assert asyncio.run(run_async(agent, body)) == 0
    assert agent.trace == ["made", "start", "close"]
    assert agent.done in (3, 4)  # the loop hears of the signal a turn later
    assert pulse_of(memory)["life"] == Life.STOPPED
    assert Hop.LOOP_LAG.name in memory.counters_view().read("brain")["hops"]


def test_a_crash_on_an_event_loop_ends_the_process_too(body, memory):
    """Exit code 1, one crash counted."""
    with pytest.raises(SystemExit, match="1"):
        asyncio.run(run_async(CountingAsync(KeyError("x")), body))
    assert memory.counters.value(Counter.CRASHES) == 1


def test_an_orphan_stops():
    """Another parent than the one at the start means that it is gone."""
    assert not Stopping(os.getppid())()
    assert Stopping(os.getppid() + 1)()


def test_a_child_dies_with_its_parent():
    """The parent is killed, and the child, asleep for a minute, is gone at once."""
    child = (
        "import os, time\nfrom shm.agent import die_with_parent\n"
        "die_with_parent(os.getppid())\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    )
    parent = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)\n"
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    end = time.monotonic() + 10.0
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    """Does the process run? A zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
