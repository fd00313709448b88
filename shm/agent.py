"""The life of a process: start, work, pulse, close, signals, crash report.

    STARTING --start()--> READY / RUNNING --work(), beat, wait--> ... --SIGTERM--> close() --> STOPPED
                                     an exception anywhere: one line in the log --> FAILED, exit code 1

The pulse is written by the duty cycle itself, never by a side thread: a process that is
alive but stuck must look dead to the supervisor.
"""

import asyncio
import ctypes
import gc
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

import numpy as np

from shm import records
from shm.clock import Clock, SystemClock
from shm.counters import Counter, Hop
from shm.memory import Memory
from shm.records import Life, Order
from shm.topology import role_row

_PR_SET_PDEATHSIG = 1
BEAT_INTERVAL_S = 0.25  # an event loop beats at least so often


class Pulse:
    """This role's row of table PULSES: that it lives, and how far it is."""

    def __init__(self, memory: Memory, clock: Clock | None = None) -> None:
        """Begin a life: epoch is one more than the last life's, if there was one."""
        self._clock = clock or SystemClock()
        self._table = memory.table_writer("PULSES")
        self._row = role_row(memory.role)
        self._record: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.PULSE)
        memory.table_reader("PULSES").read(self._row, self._record)
        self.epoch = int(self._record["epoch"][0]) + 1
        self._beats = 0
        # market_seq and settled_ns stay those of the last life until this one knows better.
        self.tell(
            pid=os.getpid(),
            started_ns=self._clock.monotonic_ns(),
            epoch=self.epoch,
            life=Life.STARTING,
            detail="",
            obeyed=0,
        )

    def beat(self) -> None:
        """Say that another duty cycle is done."""
        self._beats += 1
        self._record["beat"] = self._beats
        self._record["beat_ns"] = self._clock.monotonic_ns()
        self._table.write(self._row, self._record)

    def tell(self, **fields: int | str) -> None:
        """Change life, market_seq, settled_ns, detail or obeyed, and beat."""
        for name, value in fields.items():
            self._record[name] = value.encode()[:56] if isinstance(value, str) else int(value)
        self.beat()

    @property
    def life(self) -> Life:
        """How far this process is, as told last."""
        return Life(int(self._record["life"][0]))


@dataclass(frozen=True, slots=True)
class Command:
    """What the supervisor wants of a role: a level, valid until it changes."""

    order: Order = Order.PREPARE
    flatten: bool = False
    version: int = 0


def read_command(memory: Memory, role: str | None = None) -> Command:
    """The newest command for this role (or ``role``); PREPARE when none was given yet."""
    out: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.COMMAND)
    if not memory.table_reader("COMMANDS").read(role_row(role or memory.role), out):
        return Command()
    return Command(Order(int(out["order"][0])), bool(out["flatten"][0]), int(out["version"][0]))


class Agent(Protocol):
    """What a synchronous process does."""

    def start(self) -> None:
        """Open what it needs; may take long, and tells the pulse so."""

    def work(self) -> int:
        """One bounded duty cycle; how much was done."""

    def close(self) -> None:
        """Close everything, on every way out."""


class AsyncAgent(Protocol):
    """What a process on an event loop does."""

    async def start(self) -> None:
        """Open what it needs; may take long, and tells the pulse so."""

    async def work(self) -> int:
        """One bounded duty cycle, its own waiting included; how much was done."""

    async def close(self) -> None:
        """Close everything, on every way out."""


class Log(Protocol):
    """Where lines go, by who has to read them: a structlog logger."""

    def info(self, event: str, **context: Any) -> Any:
        """Write one line of what was dealt with."""

    def warning(self, event: str, **context: Any) -> Any:
        """Write one line of what a person should know."""

    def error(self, event: str, **context: Any) -> Any:
        """Write one line of what must not be."""


class Stopping:
    """Becomes true at SIGTERM, SIGINT, or when the parent is gone."""

    def __init__(self, parent_pid: int | None = None) -> None:
        self._parent_pid = parent_pid
        self._told = False

    def __call__(self) -> bool:
        """Is it time to stop?"""
        return self._told or (self._parent_pid is not None and os.getppid() != self._parent_pid)

    def tell(self, *_: int | FrameType | None) -> None:
        """Stop at the end of this duty cycle; fit to be a signal's answer."""
        self._told = True


def die_with_parent(parent_pid: int) -> None:
    """Be killed when the parent dies; end at once where it is dead already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # It may have died before the call: then nobody is left to send the signal.
    if os.getppid() != parent_pid:
        raise SystemExit("the parent is gone")


def settle_memory() -> None:
    """After the start: what lives now lives on, so collections need not look at it, nor happen."""
    gc.collect()
    gc.freeze()
    gc.disable()


@dataclass(frozen=True, slots=True)
class Body:
    """What every process has: its memory, pulse and log, and when to stop."""

    memory: Memory
    pulse: Pulse
    log: Log
    stopping: Stopping


def _report(body: Body, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    body.memory.counters.add(Counter.CRASHES)
    body.log.error("crashed", error=text, exc_info=error)
    body.pulse.tell(life=Life.FAILED, detail=text)


def run(agent: Agent, body: Body, wait: Callable[[int], None]) -> int:
    """Drive ``agent`` until told to stop; exit code 0, or SystemExit(1) after a crash.

    ``wait`` is told how much the duty cycle did; a zero is its to wait out, in bounded time.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, body.stopping.tell)
    try:
        try:
            agent.start()
            settle_memory()
            while not body.stopping():
                count = agent.work()
                body.pulse.beat()
                wait(count)
        finally:
            agent.close()
    except Exception as error:
        _report(body, error)
        raise SystemExit(1) from error
    body.pulse.tell(life=Life.STOPPED)
    return 0


async def run_async(agent: AsyncAgent, body: Body) -> int:
    """Drive ``agent`` on the running event loop until told to stop; as ``run`` does.

    ``work`` waits by itself, in bounded time (shm.wait.LoopWait), and beats between.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, body.stopping.tell)
    lag = asyncio.create_task(_measure_lag(body), name="loop lag")
    try:
        try:
            await agent.start()
            settle_memory()
            while not body.stopping():
                await agent.work()
                body.pulse.beat()
        finally:
            lag.cancel()
            await agent.close()
    except Exception as error:
        _report(body, error)
        raise SystemExit(1) from error
    body.pulse.tell(life=Life.STOPPED)
    return 0


async def _measure_lag(body: Body) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + BEAT_INTERVAL_S
        await asyncio.sleep(BEAT_INTERVAL_S)
        body.memory.counters.record(Hop.LOOP_LAG, int(max(0.0, loop.time() - due_s) * 1e9))
