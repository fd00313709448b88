"""Asking and telling a running session from outside: status and stop.

STATE/lock --who runs--> pid, run id, folder
status       reads its shared memory        stop   signals its supervisor
"""

import json
import os
import select
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine.petition import Deed, Petition
from orchestrator import result
from orchestrator import session as sessions
from orchestrator.killswitch import level_of
from orchestrator.session import Holder
from orchestrator.settings import BadInputError
from shm.records import CLOCK, POSITION, PULSE, Life
from shm.topology import ROLES, STRATEGIES_MAX, role_row

STOP_WITHIN_S = 60.0


def running(state: Path) -> Holder:
    """Return who runs on ``state``."""
    who = sessions.holder(state.resolve())
    if who is None:
        raise BadInputError(f"no session runs on {state}; start one with: python run.py --paper")
    return who


def show(state: Path, place: str | None) -> int:
    """Print one page about the running session."""
    page = read(running(state))
    if not result.write(page, place):
        return 0
    market_time = page["market_time"] or "not begun"
    print(f"session {page['session']}   pid {page['pid']}   market time {market_time}   trading {page['kill']}")
    if page["kill_file"] != "normal":
        print(f"  kill switch {page['kill_file']}: kept for the next start; off with: python run.py kill-switch off")
    for process in page["processes"]:
        ago = f"{process['beat_ago_s']:.1f} s ago"
        print(f"  {process['role']:<12}{process['pid']:>8}  {process['life']:<9}{ago:>10}  {process['detail']}")
    for line in page["positions"] or ["no position"]:
        print(f"  {line}")
    counts = page["counters"]
    names = ("candles_published", "decisions", "orders_sent", "fills", "reconciliations", "mismatches", "records_lost")
    print("  " + "  ".join(f"{name.replace('_', ' ')} {counts.get(name, 0)}" for name in names))
    return 0


def read(who: Holder) -> dict[str, Any]:
    """Return what the session's shared memory shows."""
    from orchestrator.gauges import totals
    from shm.memory import Memory
    from shm.segment import SegmentError

    session = sessions.load(Path(who.folder))
    try:
        memory = Memory.attach(who.run_id, "monitor", {})
    except SegmentError as error:
        raise BadInputError(f"the session is starting or ending: {error}") from None
    clock, market_time = np.zeros(1, CLOCK), None
    if memory.table_reader("CLOCK").read(0, clock):
        market_time = datetime.fromtimestamp(int(clock["market_ns"][0]) / 1e9, UTC).isoformat(timespec="seconds")
    page = {
        "session": who.folder,
        "pid": who.pid,
        "market_time": market_time,
        "kill": memory.words.kill_level().name.lower(),
        "kill_file": level_of(Path(session.state)).name.lower(),
        "processes": _processes(memory.table_reader("PULSES")),
        "positions": _positions(memory.table_reader("POSITIONS"), session),
        "counters": totals(memory),
    }
    memory.close()
    return page


def _processes(pulses: Any) -> list[dict[str, Any]]:
    pulse, found = np.zeros(1, PULSE), []
    for role in ROLES:
        if pulses.read(role_row(role), pulse):
            one = pulse[0]
            found.append(
                {
                    "role": role,
                    "pid": int(one["pid"]),
                    "life": Life(int(one["life"])).name.lower(),
                    "beat_ago_s": round((time.monotonic_ns() - int(one["beat_ns"])) / 1e9, 3),
                    "detail": one["detail"].decode(errors="replace"),
                }
            )
    return found


def _positions(table: Any, session: sessions.Session) -> list[str]:
    row, lines = np.zeros(1, POSITION), []
    for number in range(len(session.instruments) * STRATEGIES_MAX):
        if table.read(number, row) and row["lots"][0]:
            one, instrument = row[0], session.instruments[int(row["instrument"][0])]
            stop = f"stop {instrument.price(int(one['stop_ticks']))}" if one["stop_ticks"] else "NO STOP"
            entry = instrument.price(int(one["entry_ticks"]))
            lines.append(f"{instrument.symbol} {instrument.quantity(int(one['lots']))} @ {entry}  {stop}")
    return lines


def write_down(state: Path, *, flatten: bool) -> None:
    """Have the engine's journal say who ended the session, if an engine still listens."""
    from orchestrator.petitions import hand_in

    asked = Petition(petition_id="", deed=Deed.STOP, subject="flatten" if flatten else "leave")
    try:
        hand_in(state, asked)
    except BadInputError:
        return  # a session that is ending, or whose state is gone, ends all the same


def stop(state: Path, *, flatten: bool) -> int:
    """Have the running session end in order, and wait for it."""
    who = running(state)
    supervisor = os.pidfd_open(who.pid)
    try:
        # The lock was held a moment ago by this pid, and the pidfd cannot come to mean another process.
        if sessions.holder(state.resolve()) != who:
            raise BadInputError(f"the session on {state} has just ended")
        write_down(state, flatten=flatten)
        signal.pidfd_send_signal(supervisor, signal.SIGUSR1 if flatten else signal.SIGTERM)
        ended, _, _ = select.select([supervisor], [], [], STOP_WITHIN_S)
    finally:
        os.close(supervisor)
    if not ended:
        print(f"run.py: the session (pid {who.pid}) has not ended within {STOP_WITHIN_S:.0f} s", file=sys.stderr)
        return 1
    return _ended(Path(who.folder), flatten=flatten)


def _ended(folder: Path, *, flatten: bool) -> int:
    """Print how the session ended; 0 only if it ended as it was told to."""
    try:
        summary = json.loads((folder / "summary.json").read_text())
    except (OSError, ValueError):
        print(f"run.py: the session ended without a summary: {folder}; see log.jsonl there", file=sys.stderr)
        return 1
    print(f"ended: {folder / 'summary.json'}")
    left = summary["remains"] if flatten else []
    if left:
        print(f"run.py: not flat, this remains at the exchange: {'; '.join(left)}", file=sys.stderr)
    return 1 if left or summary["ended"].startswith("failed") else 0
