"""Hundreds of symbols whose minutes close together: every candle decided, and how soon; checked before it is timed.

    this process, as feed          brain's own process, as it trades     recorder's own process
    one minute of every symbol ==> MARKET ==> loop ==> DECISIONS ==> ... ==> tapes
    HISTORY                        and a process that is only busy (--busy), as the rest of a session is

All records go through the session's real rings.  The brain sleeps between two minutes, so each burst meets a sleeper.
A candle's wait is from its publication to its decision; a minute's is from its first candle to its last decision.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from brain.agent import BrainAgent
from brain.settings import BrainSettings
from brain.stage import Stage
from brain.strategies import loader
from brain.timeframes import resample
from orchestrator.process import idle
from orchestrator.recorder import Recorder
from shm.agent import Body, Pulse, Stopping, die_with_parent, run
from shm.clock import SystemClock
from shm.instruments import Instrument
from shm.log import log
from shm.memory import Memory
from shm.records import COMMAND, DECISION, PULSE, Life, Order, Reason
from shm.ring import RingWriter
from shm.table import TableWriter
from shm.topology import HISTORY_DEPTH, RINGS, TIMEFRAMES_S, history_row, role_row
from tests.brain.market import walk

PATIENCE_S = 180.0  # compiling included
PAUSE_S = 0.05  # between two minutes: long enough for the brain to fall asleep
CHECKED = 3  # symbols that a brain of our own decides again
LIMIT_MS = 20.0
CONTENT = ("reason", "open_ns", "inputs_hash", "amount", "stop_ticks", "values")
TICK_E8 = 1_000_000


class Feed:
    """Writes HISTORY and MARKET as the feed does."""

    def __init__(self, history: TableWriter, market: RingWriter) -> None:
        self._history, self._market, self._clock = history, market, SystemClock()

    def remember(self, candles: np.ndarray) -> None:
        """Put ``candles`` into HISTORY."""
        for one in candles:
            frame = TIMEFRAMES_S.index(int(one["timeframe_s"]))
            self._history.write(history_row(int(one["instrument"]), frame, int(one["open_ns"])), one)

    def publish(self, minute: np.ndarray) -> np.ndarray:
        """Publish a candle of each symbol, as fast as we can; when each was published."""
        published_ns = np.zeros(len(minute), np.int64)
        for n, one in enumerate(minute):
            self.remember(minute[n : n + 1])
            one["received_ns"] = one["published_ns"] = published_ns[n] = self._clock.monotonic_ns()
            self._market.publish(minute[n : n + 1])
        return published_ns


def candles_of(symbols: int, minutes: int) -> np.ndarray:
    """Return for each symbol HISTORY_DEPTH minutes of history and ``minutes`` to be decided."""
    found = np.stack(
        [walk(HISTORY_DEPTH + minutes, seed=row + 1, price=20_000.0 + 100.0 * row) for row in range(symbols)]
    )
    found["instrument"] = np.arange(symbols)[:, None]
    return found


def higher(minutes: np.ndarray) -> np.ndarray:
    """Return the closed longer candles of one symbol's ``minutes``."""
    made = [resample(minutes, timeframe_s) for timeframe_s in TIMEFRAMES_S[1:]]
    whole = np.concatenate(made)
    return whole[whole["missing"] == 0]


def live(role: str, run_id: str, folder: Path, strategy: str) -> int:
    """Be the process of ``role``."""
    die_with_parent(os.getppid())
    memory = Memory.attach(run_id, role)
    body = Body(memory, Pulse(memory), log(role, folder / "log.jsonl"), Stopping(os.getppid()))
    if role == "recorder":
        return run(Recorder(body, folder), body, idle)
    brain = BrainAgent(body, BrainSettings(strategies=(strategy,)))
    return run(brain, body, brain.wait)


def be_busy() -> int:
    """Keep a core occupied, as the rest of a session would at its worst."""
    die_with_parent(os.getppid())
    while True:
        sum(range(10_000))


@contextmanager
def children(run_id: str, folder: Path, typed: argparse.Namespace) -> Iterator[int]:
    """Start the other processes; the brain's pid."""
    plans = [["brain", run_id, str(folder), typed.strategy], ["recorder", run_id, str(folder), typed.strategy]]
    plans += [["busy"]] * typed.busy
    started = [subprocess.Popen([sys.executable, __file__, "be", *plan]) for plan in plans]
    try:
        yield started[0].pid
    finally:
        for child in started:
            child.terminate()
        for child in started:
            child.wait(30)


def await_life(memory: Memory, role: str) -> None:
    """Wait until ``role`` is ready."""
    pulses, pulse, end_s = memory.table_reader("PULSES"), np.zeros(1, PULSE), time.monotonic() + PATIENCE_S
    while not (pulses.read(role_row(role), pulse) and pulse["life"][0] >= Life.READY):
        if time.monotonic() > end_s or pulse["life"][0] == Life.FAILED:
            sys.exit(f"universe.py: {role} did not come up: {pulse['detail'][0].decode()}")
        time.sleep(0.02)


def measure(memory: Memory, run_id: str, candles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Publish minute after minute; (DECISIONs, when each candle was published), both minute by symbol."""
    symbols, minutes = len(candles), candles.shape[1] - HISTORY_DEPTH
    listener = Memory.attach(run_id, "monitor")
    feeding = Memory.attach(run_id, "feed")
    feed = Feed(feeding.table_writer("HISTORY"), feeding.ring_writer("MARKET"))
    for row in range(symbols):
        past = candles[row, :HISTORY_DEPTH]
        feed.remember(np.concatenate([past, higher(past)]))
    await_life(memory, "brain")
    await_life(memory, "recorder")
    order = np.zeros(1, COMMAND)
    order["order"], order["version"] = int(Order.RUN), 1
    for role in ("brain", "recorder"):
        memory.table_writer("COMMANDS").write(role_row(role), order)
    decisions = listener.ring_reader("DECISIONS")
    said, published_ns = np.zeros((minutes, symbols), DECISION), np.zeros((minutes, symbols), np.int64)
    for minute in range(minutes):
        published_ns[minute] = feed.publish(candles[:, HISTORY_DEPTH + minute].copy())
        have, end_s = 0, time.monotonic() + PATIENCE_S
        while have < symbols:
            have += decisions.read_into(said[minute, have:])
            if time.monotonic() > end_s:
                sys.exit(f"universe.py: {have} of {symbols} candles of minute {minute} were decided")
            time.sleep(0.001)
        time.sleep(PAUSE_S)
    feeding.close()
    listener.close()
    return said, published_ns


def check(said: np.ndarray, candles: np.ndarray, strategy: str) -> str:
    """Return what is wrong with the decisions, or an empty string."""
    if not (said["instrument"] == np.arange(said.shape[1])).all():
        return "a candle was decided twice, or out of turn"
    if (said["reason"] == Reason.COLD).any() or (said["reason"] == Reason.HOLE).any():
        return "a decision was cold"
    for row in range(min(CHECKED, len(candles))):
        if again := alone(candles[row], strategy):
            different = [name for name in CONTENT if not np.array_equal(again_of(again, name), said[:, row][name])]
            if different:
                return f"symbol {row} decided otherwise alone: {', '.join(different)}"
    return ""


def again_of(decisions: Sequence[np.ndarray], name: str) -> np.ndarray:
    """Return field ``name`` of ``decisions``."""
    return np.concatenate([each[name] for each in decisions])


def alone(candles: np.ndarray, strategy: str) -> list[np.ndarray]:
    """Return what a brain of our own, which has this symbol only, decides on it."""
    stage, candles = Stage(1), candles.copy()
    candles["instrument"] = 0
    past = candles[:HISTORY_DEPTH]
    for one in np.concatenate([past, higher(past)]):
        stage.remember(one)
    thinking = stage.brain([loader.load(strategy)], [TICK_E8])
    reader, found = stage.decisions(), []
    for n in range(HISTORY_DEPTH, len(candles)):
        stage.remember(candles[n])
        stage.market.publish(candles[n])
        thinking.think()
        one = np.zeros(1, DECISION)
        assert reader.read_into(one) == 1, "a candle is a decision"
        found.append(one)
    return found


def resident(pid: int) -> dict[str, int]:
    """Return the memory of a process in MiB: its own, and what it has touched of the shared."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")}
    return {"own": kib["RssAnon"] // 1024, "shared": kib["RssShmem"] // 1024}


def show(said: np.ndarray, published_ns: np.ndarray) -> float:
    """Print the waits; the p99 in milliseconds without the first minute."""
    waits_ms = (said["decided_ns"] - published_ns) / 1e6
    spans_ms = (said["decided_ns"].max(axis=1) - published_ns[:, 0]) / 1e6
    print(f"{'':44}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for words, found in (
        ("candle published -> decided", waits_ms[1:]),
        ("minute: first candle -> last decision", spans_ms[1:]),
        ("the first minute, which reads HISTORY", waits_ms[:1]),
    ):
        p50, p99 = np.percentile(found, [50, 99])
        print(f"{words:44}{p50:9.2f}{p99:9.2f}{found.max():9.2f}")
    return float(np.percentile(waits_ms[1:], 99))


def main(argv: Sequence[str]) -> int:
    """Publish, check, time; exit 1 when a decision or the limit is missed."""
    if argv[:1] == ["be"]:
        return be_busy() if argv[1] == "busy" else live(argv[1], argv[2], Path(argv[3]), argv[4])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=300)
    parser.add_argument("--minutes", type=int, default=120)
    parser.add_argument("--strategy", default="trend")
    parser.add_argument("--busy", type=int, default=1, help="processes that only take processor time")
    typed = parser.parse_args(argv)
    candles = candles_of(typed.symbols, typed.minutes)
    run_id = f"universe{os.getpid()}"
    memory = Memory.create(run_id, typed.symbols)
    try:
        table = memory.table_writer("INSTRUMENTS")
        for row in range(typed.symbols):
            one = Instrument(
                row=row, symbol=f"C{row}/USDT:USDT", venue="binance", account="main", tick_e8=TICK_E8, lot_e8=100
            )
            table.write(row, one.to_record())
        with (
            tempfile.TemporaryDirectory(prefix="ringmaster-universe-") as folder,
            children(run_id, Path(folder), typed) as pid,
        ):
            said, published_ns = measure(memory, run_id, candles)
            has = resident(pid)
    finally:
        memory.unlink()
        memory.close()
    print(f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores,")
    print(
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, numba {version('numba')}, {typed.strategy}"
    )
    if wrong := check(said, candles, typed.strategy):
        print(f"universe.py: {wrong}", file=sys.stderr)
        return 1
    print(f"checked: {said.size:,} of {said.size:,} candles decided, {min(CHECKED, typed.symbols)} symbols again alone")
    p99_ms = show(said, published_ns)
    history = typed.symbols * len(TIMEFRAMES_S) * HISTORY_DEPTH * 128 >> 20
    rings = sum(each.capacity * 128 for each in RINGS) >> 20
    print(f"memory: brain {has['own']} MiB of its own, {has['shared']} MiB touched of the shared")
    print(f"        shared: HISTORY {history} MiB ({history / typed.symbols:.2f} a symbol), rings {rings} MiB")
    print(f"p99 {p99_ms:.2f} ms, at most {LIMIT_MS:.0f}")
    return 0 if p99_ms <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
