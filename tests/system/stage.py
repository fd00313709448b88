"""A stage for whole sessions: starts them as a user does, reads what they leave behind."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED_MEMORY = Path("/dev/shm")


def answer(*words: str) -> dict[str, Any]:
    """What ``run.py`` with these words and ``--json -`` writes."""
    command = [sys.executable, str(ROOT / "run.py"), *words, "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def replayed(state: Path) -> dict[str, Any]:
    """What ``run.py replay`` says of the newest session."""
    return answer("replay", "--state", str(state))


@dataclass
class Running:
    """A session that was started and is not awaited yet."""

    process: subprocess.Popen[str]
    state: Path
    told: list[str] = field(default_factory=list)

    def pid_of(self, role: str) -> int | None:
        """The child with ``role`` in its command line, as ``ps`` shows it, no standby; None while there is none."""
        return self._child(role, waits=False)

    def standby_of(self, role: str) -> int | None:
        """The child that waits to take the place of ``role``."""
        return self._child(role, waits=True)

    def _child(self, role: str, *, waits: bool) -> int | None:
        for pid, words in _children(self.process.pid):
            if "agent" in words and words[words.index("agent") + 1] == role and _waits(pid, words) is waits:
                return pid
        return None

    def kill(self, role: str, within_s: float = 10.0) -> bool:
        """SIGKILL the process of ``role`` as soon as there is one."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            pid = self.pid_of(role)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return True
            time.sleep(0.05)
        return False

    def wait_for_another(self, role: str, before: int | None, within_s: float = 30.0) -> None:
        """Wait until another process than ``before`` has ``role``, and a moment for it to trade."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None and self.pid_of(role) in (None, before):
            time.sleep(0.02)
        time.sleep(2.0)

    def ready(self, within_s: float = 60.0) -> None:
        """Wait until the engine's process trades: the session says that its processes are green."""
        until = time.monotonic() + within_s
        assert self.process.stderr is not None
        while time.monotonic() < until:
            line = self.process.stderr.readline()
            self.told.append(line)
            if "green" in line or not line:
                return

    def finish(self, within_s: float = 180.0) -> dict[str, Any]:
        """Wait for the end; the summary.  Fails with the session's own words."""
        out, err = self.process.communicate(timeout=within_s)
        self.told.append(err)
        assert self.process.returncode == 0, "".join(self.told)
        return dict(json.loads(out))


def start(state: Path, *options: str) -> Running:
    """Start ``python run.py --paper`` with ``options``."""
    command = [sys.executable, str(ROOT / "run.py"), "--paper", "--state", str(state), "--json", "-", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGMASTER_RUN")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    return Running(process, state)


def _waits(pid: int, words: list[str]) -> bool | None:
    """Whether it is a standby: one that was cued is named as its role; None when it is gone."""
    try:
        return "--cue" in words and Path(f"/proc/{pid}/comm").read_text().strip() not in words
    except OSError:
        return None


def _children(parent: int) -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text()
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if int(status.rpartition(")")[2].split()[1]) == parent:
            yield int(entry.name), words


def traces(state: Path) -> list[str]:
    """What a session left behind: shared memory of its run, processes that still name its folder."""
    runs = [json.loads(path.read_text())["run_id"] for path in state.glob("sessions/*/session.json")]
    left = [path.name for path in SHARED_MEMORY.iterdir() if any(run in path.name for run in runs)]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(state).encode() in line:
                left.append(f"process {entry.name}")
    return left


def journal(state: Path, question: str) -> list[Sequence[Any]]:
    """What the account's journal answers."""
    (path,) = state.glob("accounts/*/journal.db")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def session_of(state: Path) -> dict[str, Any]:
    """The session's own record of what it was."""
    (path,) = state.glob("sessions/*/session.json")
    return dict(json.loads(path.read_text()))


def check(summary: dict[str, Any]) -> None:
    """What every session has to show."""
    assert summary["mismatches"] == 0
    assert summary["records_lost"] == 0
    assert summary["unknown_orders"] == 0
    exchange = summary["exchange"]
    assert summary["decisions"] == exchange["candles"] + exchange["gaps"]
    attendance = summary["attendance"]
    assert (attendance["undecided"], attendance["strays"]) == ([], [])
    assert attendance["expected"] == attendance["decided"] == exchange["candles"]
    assert summary["fills"] == exchange["fills"]
    wallet = Decimal(summary["equity_end"]) - Decimal(summary["unrealised"])
    assert wallet == Decimal(exchange["wallet"])
    assert Decimal(summary["realised"]) == Decimal(exchange["realised"])
    assert Decimal(summary["fees"]) == Decimal(exchange["fees"])
    assert Decimal(summary["funding"]) == Decimal(exchange["funding"])
