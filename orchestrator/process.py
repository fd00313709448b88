"""A child's way in: ``run.py agent ROLE --session DIR``; from the session's file to an agent at work.

die with the parent -> attach memory -> first pulse -> import -> wait for whom it needs -> build -> run
a standby:  import -> wait for the cue -> attach memory -> ... as above

What takes processor time comes before the wait, so that all processes start side by side.
"""

import gc
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from orchestrator import session as sessions
from orchestrator.narrowing import fetch, narrow
from orchestrator.policy import MIRROR_NEEDS, NEEDS, may_start
from orchestrator.session import Session
from shm.agent import AsyncAgent, Body, Pulse, Stopping, die_with_parent, run, settle_memory
from shm.jit import address_of
from shm.log import log
from shm.memory import Memory
from shm.records import PULSE, Life
from shm.segment import SegmentError
from shm.table import TableReader, TableWriter, table_size
from shm.topology import role_row

COMM = Path("/proc/self/comm")
LOOK_S = 0.01
IDLE_S = 0.02

# What each role is made of; wiring and agents import it where they use it, so nobody pays for another's ccxt.
MODULES: Mapping[str, tuple[str, ...]] = {
    "exchange": ("orchestrator.wiring", "engine.venue.embedded.agent", "uvloop"),
    "feed": ("orchestrator.wiring", "orchestrator.dialling", "feed.agent", "uvloop"),
    "brain": ("brain.agent",),
    "engine": ("orchestrator.wiring", "orchestrator.dialling", "engine.agent", "engine.venue.live", "uvloop"),
    "reconciler": ("orchestrator.reconciler", "orchestrator.dialling", "engine.venue.live", "uvloop"),
    "recorder": ("orchestrator.recorder",),
}


def enter(argv: Sequence[str]) -> int:
    """Live the life of the role named in ``argv``; returns the exit code."""
    role, folder = argv[0], Path(argv[argv.index("--session") + 1])
    parent = int(os.environ["RINGMASTER_PARENT"])
    die_with_parent(parent)
    gc.disable()  # imports make no garbage; an agent decides about collecting once it has started
    session = sessions.load(folder)
    if role == "compile":
        from orchestrator.compiling import compile_session

        return compile_session(session)
    if "--cue" not in argv:
        _be_called(role)
    elif not await_cue(role, session.exchange, int(argv[argv.index("--cue") + 1])):
        return 0
    try:
        memory = Memory.attach(session.run_id, role, bells())
    except SegmentError as error:
        print(f"{role}: {error}", file=sys.stderr)
        return 1
    stopping = Stopping(parent)
    body = Body(memory, Pulse(memory), log(role, session.log_path, pid=os.getpid()), stopping)
    load(role, session.exchange)  # a standby has it already
    there = {} if session.mode == "paper" else {"exchange": Life.READY}
    if not await_needs(body, role, there, MIRROR_NEEDS if session.settings.market.is_mirror else NEEDS):
        return 0
    return ENTRIES[role](body, session)


def load(role: str, exchange: str) -> None:
    """Import what ``role`` is made of, and ccxt's ``exchange`` for who dials it."""
    is_dialling = "orchestrator.dialling" in MODULES[role]
    if is_dialling:
        narrow()
    for name in MODULES[role]:
        importlib.import_module(name)
    if is_dialling:
        fetch(exchange)


def await_cue(role: str, exchange: str, line_fd: int) -> bool:
    """Load all that ``role`` needs, say so down the line and wait; whether the cue came. Until then it is a standby."""
    _be_called("standby")
    load(role, exchange)
    rehearse()
    settle_memory()  # what was imported need not be looked at again
    is_cued = False
    with socket.socket(fileno=line_fd) as line, suppress(ConnectionResetError):  # nobody read that we wait
        with suppress(BrokenPipeError):  # nobody is there any more; a cue of before is still to be read
            line.send(b"\n")
        is_cued = line.recv(1) != b""
    _be_called(role)
    return is_cued


def _be_called(name: str) -> None:
    """What ``ps -o comm`` and ``top`` show."""
    with suppress(OSError):  # a name is no reason to die
        COMM.write_text(name)


def rehearse() -> None:
    """Write and read a row that is nobody's: a kernel is loaded when it is called first."""
    place = np.zeros(table_size(1, 2), np.uint8)
    TableWriter(address_of(place), PULSE, (0, 1)).write(0, np.zeros(1, PULSE))
    TableReader(address_of(place), PULSE, 1).read(0, np.zeros(1, PULSE))


def bells() -> dict[str, int]:
    """Return the eventfds that the supervisor handed down, by role."""
    pairs = (pair.partition("=") for pair in os.environ.get("RINGMASTER_BELLS", "").split(",") if pair)
    return {role: int(number) for role, _, number in pairs}


def await_needs(body: Body, role: str, there: Mapping[str, Life], needs: Mapping[str, tuple[str, ...]] = NEEDS) -> bool:
    """Wait, beating, until everyone that ``role`` needs is ready, ``there`` without us; False when told to stop."""
    pulses, pulse = body.memory.table_reader("PULSES"), np.zeros(1, PULSE)
    while not body.stopping():
        lives = dict(there)
        lives |= {other: Life(int(pulse["life"][0])) for other in needs[role] if pulses.read(role_row(other), pulse)}
        if may_start(role, lives, needs):
            return True
        body.pulse.beat()
        time.sleep(LOOK_S)
    return False


def _brain(body: Body, session: Session) -> int:
    from brain.agent import BrainAgent

    agent = BrainAgent(body, session.settings.brain)
    return run(agent, body, agent.wait)


def _recorder(body: Body, session: Session) -> int:
    from orchestrator.recorder import Recorder

    return run(Recorder(body, session.path), body, idle)


def idle(count: int) -> None:
    """Sleep a moment when there was nothing to do."""
    if count == 0:
        time.sleep(IDLE_S)


def on_loop(body: Body, session: Session) -> int:
    """Live the life of a role that wiring builds and an event loop drives."""
    from orchestrator import wiring

    builds: Mapping[str, Callable[[Body, Session], AsyncAgent]] = {
        "exchange": wiring.exchange,
        "feed": wiring.feed,
        "engine": wiring.engine,
        "reconciler": wiring.reconciler,
    }
    return wiring.run_on_loop(builds[body.memory.role], body, session)


ENTRIES: Mapping[str, Callable[[Body, Session], int]] = {
    "exchange": on_loop,
    "feed": on_loop,
    "brain": _brain,
    "engine": on_loop,
    "reconciler": on_loop,
    "recorder": _recorder,
}
