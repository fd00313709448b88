"""How fast a session obeys, remembers and comes back: checked, then timed, and held against its aims.

kill switch -> last order byte at the exchange      20 ms p99.9    gate, TLS client, two other processes
intent -> durable in the journal                     5 ms p99      one fsync on the disk that you name
engine SIGKILLed -> reconciled and gate open         2 s p99       a whole paper session, its standby loaded
the same again before another standby is loaded      (no aim)      a session without standbys
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from switchboard import trials

from engine.events import Intended, Listed, Started
from engine.journal import Journal
from engine.order import Intent, OrderType, client_id_of
from orchestrator.settings import SupervisorSettings
from shm.memory import Memory
from shm.records import PULSE, Life, Purpose
from shm.topology import role_row

ROOT = Path(__file__).resolve().parent.parent
MS, S = 1e6, 1e9
READY_S, BACK_S = 180.0, 60.0
COLD_S = 1.5
LOADED_S = SupervisorSettings().standby_after_s + 4.0  # a standby is spawned so long after its engine ran, and loads


@dataclass(frozen=True, slots=True)
class Aim:
    """A quantile that is to stay below a limit."""

    quantile: float
    limit_ns: float

    def words(self, found_ns: float) -> str:
        """Held against ``found_ns``."""
        verdict = "met" if found_ns <= self.limit_ns else "MISSED"
        return f"p{100 * self.quantile:g} {_plain(found_ns)}, aim {_plain(self.limit_ns)}: {verdict}"


def durables(folder: Path, count: int) -> list[int]:
    """Nanoseconds from an intent to its being on the disk, one after the other."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-journal-", dir=folder) as home:
        journal = Journal(Path(home), time.monotonic_ns)
        started = Started(run="r", account="main", venue="paper", wall_ns=1)
        listed = Listed(instrument="BTC/USDT:USDT", venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000)
        journal.write([started, listed]).result()
        found = []
        for number in range(1, count + 1):
            intent = Intent(
                intent_id=number, client_id=client_id_of("benchmark", number), account="main", venue="paper",
                instrument="BTC/USDT:USDT", allocation=(("trend", 3),), purpose=Purpose.ENTRY, type=OrderType.MARKET,
                side=1, lots=3, created_market_ns=1, created_wall_ns=1,
            )  # fmt: skip
            begun_ns = time.monotonic_ns()
            found.append(journal.write([Intended(intent=intent)]).result() - begun_ns)
            time.sleep(0.002)  # one at a time, as orders come
        journal.close()
    return found


def returns(kills: int, *, has_standby: bool) -> list[int]:
    """Nanoseconds from SIGKILL of the engine to its successor's gate being open, in one paper session."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-reflexes-") as folder:
        state = Path(folder)
        command = [sys.executable, str(ROOT / "run.py"), "--paper", "--state", folder, "--json", "-"]
        command += ["--speed", "60", "--set", "supervisor.restart_window_s=0.5"]
        command += [] if has_standby else ["--set", "supervisor.standby_after_s=0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as session:
            try:
                memory = _memory(session, state)
                found = [_killed(memory, LOADED_S if has_standby else COLD_S) for _ in range(kills)]
                memory.close()
                session.send_signal(signal.SIGINT)
                out, err = session.communicate(timeout=120)
            finally:
                session.kill()
    if session.returncode:
        sys.exit(f"reflexes: the session ended with {session.returncode}:\n{err}")
    _check(json.loads(out), kills)
    return found


def _check(summary: dict[str, Any], kills: int) -> None:
    wrong = [name for name in ("mismatches", "records_lost", "unknown_orders") if summary[name]]
    if wrong or summary["restarts"]["engine"] != kills or not summary["fills"]:
        sys.exit(f"reflexes: the session is not right: {wrong}, {summary['restarts']}, {summary['fills']} fills")


def _memory(session: "subprocess.Popen[str]", state: Path) -> Memory:
    """The session's memory, once all of it trades."""
    assert session.stderr is not None
    for line in session.stderr:
        if "first fill" in line:
            (path,) = state.glob("sessions/*/session.json")
            return Memory.attach(json.loads(path.read_text())["run_id"], "monitor", {})
    sys.exit("reflexes: the session has not traded")


def _killed(memory: Memory, after_s: float) -> int:
    """Kill the engine that has run for ``after_s``, and wait for the next one to run."""
    pulses, row = memory.table_reader("PULSES"), np.zeros(1, PULSE)

    def running(but: int) -> int:
        """The engine's pid when its gate is open and it is another process than ``but``, else 0."""
        is_there = pulses.read(role_row("engine"), row) and int(row["life"][0]) == Life.RUNNING
        return int(row["pid"][0]) if is_there and int(row["pid"][0]) != but else 0

    until = time.monotonic() + READY_S
    while not (pid := running(0)):
        if time.monotonic() > until:
            sys.exit("reflexes: no engine runs")
        time.sleep(0.01)
    time.sleep(after_s)
    begun_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    while not running(pid):
        if time.monotonic_ns() - begun_ns > BACK_S * S:
            sys.exit(f"reflexes: no engine within {BACK_S:.0f} s")
        time.sleep(0.001)
    return time.monotonic_ns() - begun_ns


def _plain(nanoseconds: float) -> str:
    return f"{nanoseconds / S:.2f} s" if nanoseconds >= S else f"{nanoseconds / MS:.2f} ms"


def show(what: str, found: list[int], aim: Aim | None) -> bool:
    """Print one line; whether the aim, if there is one, is met."""
    at = np.quantile(np.array(found), [0.5, 0.99, aim.quantile if aim else 1.0])
    print(
        f"{what:<46}{len(found):>7}  p50 {_plain(at[0]):>9}  p99 {_plain(at[1]):>9}  max {_plain(max(found)):>9}  "
        f"{aim.words(float(at[2])) if aim else ''}",
        flush=True,
    )
    return aim is None or bool(at[2] <= aim.limit_ns)


def main() -> int:
    """Measure, print, and say by the exit code whether every aim is met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=1000, help="of the kill word (default 1000); a fifth by the file")
    parser.add_argument("--intents", type=int, default=1000, help="written one by one (default 1000)")
    parser.add_argument("--kills", type=int, default=20, help="of the engine, in each of two sessions (default 20)")
    parser.add_argument("--folder", type=Path, default=ROOT, help="on the disk that is measured (default: here)")
    typed = parser.parse_args()
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"{platform.platform()}, {os.cpu_count()} processors, load {load}, Python {platform.python_version()}")
    met = []
    for what, found in trials(typed.turns, max(1, typed.turns // 5)):
        met.append(show(what, found, Aim(0.999, 20 * MS)))
    met.append(show("intent -> durable", durables(typed.folder, typed.intents), Aim(0.99, 5 * MS)))
    if typed.kills:
        found = returns(typed.kills, has_standby=True)
        met.append(show("engine killed -> reconciled, gate open", found, Aim(0.99, 2 * S)))
        show("... with no standby loaded", returns(typed.kills, has_standby=False), None)
    print(f"load at the end {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
