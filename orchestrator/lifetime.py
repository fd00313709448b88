"""A session lived, whatever its mode: shared memory, compiled kernels, the crew, and the summary at the end.

memory, doorbells --> compiled kernels --> crew, supervisor --> summary
(gone afterwards)     (in a child)         the session          from journal, exchange and counters
"""

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from brain.strategies.loader import StrategyError, check, names
from engine.journal import JournalError
from orchestrator import observed, result
from orchestrator import session as sessions
from orchestrator.alarms import Alarms
from orchestrator.attendance import words
from orchestrator.bulletin import Bulletin
from orchestrator.child import environment
from orchestrator.commentary import Commentary
from orchestrator.crew import Crew, Launch
from orchestrator.gauges import SessionGauges, latency, totals
from orchestrator.keys import Handed
from orchestrator.oracle import ask
from orchestrator.policy import LIVE_TRADERS, TRADERS, patient
from orchestrator.reconciler import AGREES
from orchestrator.recorder import keep_past
from orchestrator.rollcall import without_record
from orchestrator.screen import Screen
from orchestrator.session import ROOT, Session
from orchestrator.settings import MIRRORED, BadInputError, MarketSettings, NotStartedError, Settings
from orchestrator.summary import Measured, conclude
from orchestrator.supervisor import Equipment, Limits, Supervisor, Wish
from shm import segment
from shm.agent import Pulse
from shm.build import fingerprint
from shm.jit import cache_home, processor
from shm.memory import Memory
from shm.records import Kill, Life
from shm.segment import SegmentError

LOOPED = ("feed", "engine", "reconciler", "recorder", "monitor", "exchange")  # sleep in an event loop


def check_strategies(settings: Settings) -> None:
    """Refuse in one line what can be refused without running it."""
    try:
        for which in settings.brain.strategies:
            check(which)
    except StrategyError as error:
        raise BadInputError(f"--strategy {error}") from None


@contextmanager
def shared_memory(session: Session) -> Iterator[tuple[Memory, dict[str, int]]]:
    """Make the session's memory and doorbells; both are gone afterwards, whatever happens."""
    bells = {role: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for role in LOOPED}
    try:
        memory = Memory.create(session.run_id, observed.rows_of(session), bells)
    except SegmentError as error:
        raise BadInputError(str(error)) from None
    try:
        table = memory.table_writer("INSTRUMENTS")
        for instrument in session.instruments:
            table.write(instrument.row, instrument.to_record())
        yield memory, bells
    finally:
        memory.unlink()
        memory.close()
        for number in bells.values():
            os.close(number)


def live(
    session: Session,
    shared: tuple[Memory, dict[str, int]],
    face: tuple[Screen, Wish],
    typed: argparse.Namespace,
    handed: Handed | None = None,
) -> int:
    """Live the session and conclude it; returns the exit code."""
    (memory, bells), (screen, wish) = shared, face
    told = environment(cache_home(), bells) | {"RINGMASTER_PARENT": str(os.getpid())}
    if handed is not None:
        told |= handed.environment
    values, timeframes_s, counted = compiled(session, told, (screen, wish))
    screen.check("memory", f"{segment.directory()}/ringmaster-{session.run_id}-*")
    screen.check("compiled", f"{', '.join(session.strategies)}; loop, exchange{counted}")
    shown = tuple(values[name] for name in session.strategies)
    session = replace(session, values=shown, timeframes_s=timeframes_s)
    sessions.save(session)
    watcher, pulse = Memory.attach(session.run_id, "monitor", {}), Pulse(memory)
    equipment = equipped(
        session,
        (memory, watcher, pulse),
        face,
        Launch(
            arguments=["--session", session.folder],
            environment=told,
            files=list(bells.values()),
            files_of=handed.files_of if handed is not None else {},
        ),
    )
    there: dict[str, Any] = {}

    def ask_exchange() -> None:
        if session.mode == "paper":
            there.update(grid=ask(session, "grid"), ledger=ask(session, "ledger"))

    supervisor = Supervisor(equipment, Limits(seconds=typed.seconds, candles=typed.max_candles), ask_exchange)
    ended = supervisor.run()
    pulse.tell(life=Life.STOPPED)
    if not session.path.is_dir():
        screen.line(f"no summary: {session.path} is gone, and with it what this session wrote")
        return 1
    session = replace(session, ended=ended)
    sessions.save(session)
    return concluded(session, supervisor, (watcher, there), (screen, typed.json))


def concluded(
    session: Session,
    supervisor: Supervisor,
    left: tuple[Memory, dict[str, Any]],
    face: tuple[Screen, str | None],
) -> int:
    """Write and show the summary of what ``left`` and the journal hold; returns the exit code."""
    (watcher, there), (screen, place) = left, face
    measured = Measured(
        seconds=supervisor.seconds(),
        restarts=supervisor.restarts,
        counters=totals(watcher),
        latency=latency(watcher),
        difference=supervisor.difference,
        **there,
    )
    try:
        summary = conclude(session, measured)
    except JournalError as error:
        screen.line(f"no summary, the journal cannot be read: {error}")
        return 1
    written(session, summary, place)
    for line in closing(session, summary, supervisor.difference):
        screen.line(line)
    watcher.close()
    return 1 if session.ended.startswith("failed") or differs(supervisor.difference) else 0


def differs(difference: str) -> bool:
    """Whether the last comparison found something, or could not be made; one that was not reached says nothing."""
    return bool(difference) and difference != AGREES


def equipped(
    session: Session, shared: tuple[Memory, Memory, Pulse], face: tuple[Screen, Wish], launch: Launch
) -> Equipment:
    """Return what the supervisor works with; ``shared``: the memory as supervisor and as monitor, and the pulse."""
    (memory, watcher, pulse), (screen, wish), settings = shared, face, session.settings
    limits = patient(settings.supervisor, len(session.instruments))
    crew = Crew(memory, launch, limits, Random())  # noqa: S311 - jitter, not secrets
    commentary = Commentary(watcher, session.instruments, session.values)
    history, symbols = watcher.table_reader("HISTORY"), [one.symbol for one in session.instruments]
    alarms, bulletin = Alarms(watcher, Path(session.state), session.path), Bulletin(session.log_path)
    return Equipment(
        crew=crew,
        commentary=commentary,
        gauges=SessionGauges(watcher, crew, session.account_path),
        screen=screen,
        wish=wish,
        settings=settings.supervisor,
        deposit=session.opening if session.mode == "live" else int(settings.market.deposit * 10**8),
        beat=lambda life: pulse.tell(life=life),
        stop_trading=lambda: memory.words.raise_kill(Kill.NO_ENTRIES),
        traders=TRADERS if session.mode == "paper" else LIVE_TRADERS,
        keep_past=lambda: keep_past(watcher, session.path),
        silent=lambda: without_record(history, symbols, commentary.market_ns()),
        refuses_silent=settings.market.without_data == "refuse",
        alarms=lambda now_ns: chain(alarms.lines(now_ns), bulletin.lines(now_ns)),
    )


def opening(session: Session) -> Iterator[str]:
    """Yield the first lines: what this is and where it lives."""
    market = session.settings.market
    if session.mode == "live":
        stake = "DEMO, play money" if session.is_demo else "REAL MONEY"
        yield f"{'OBSERVING, nothing is sent' if session.observes else stake} on {session.venue}"
        yield f"session {session.folder}"
        return
    yield f"play money, {described(market)}; profit here means nothing"
    yield f"session {session.folder}   seed {session.seed}   speed {market.speed}"


def described(market: MarketSettings) -> str:
    """Return what a paper session's market is, so that nobody takes a stand-in for the real one."""
    if market.stand_in:
        return f"NOT {MIRRORED}: 127.0.0.1:{market.stand_in.partition(':')[0]} plays it (market.stand_in), no keys"
    if market.is_mirror:
        return f"the public market of {MIRRORED}, mirrored, no keys"
    return f"{'synthetic' if market.is_synthetic else 'recorded'} market, no keys, no network"


def compiled(
    session: Session, told: dict[str, str], face: tuple[Screen, Wish]
) -> tuple[dict[str, tuple[str, ...]], tuple[int, ...], str]:
    """Open the show and compile what is not compiled yet, in a child.

    Returns the names of each strategy's values, the timeframes, in seconds, that they decide on, and
    what was found in the cache, where that was asked.

    A strategy that may yet be refused holds the first lines back: the refusal is then the only line.
    """
    screen, wish = face
    mark = cache_home() / fingerprint() / f"compiled-{mark_of(session.settings)}"  # beside what it speaks of
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{cache_home()}: no folder for compiled kernels can be made: {error.strerror}") from None
    brain, first_lines = session.settings.brain, opening(session)
    if set(brain.strategies) <= set(names()) and not brain.strategy:
        screen.lines(first_lines)
    lines: list[str] = []
    if not mark.exists():
        command = [sys.executable, str(ROOT / "run.py"), "agent", "compile", "--session", session.folder]
        with subprocess.Popen(  # noqa: S603 - ourselves
            command, env=told, stdout=subprocess.PIPE, text=True, process_group=0, stdin=subprocess.DEVNULL
        ) as child:
            assert child.stdout is not None
            wish.also = child.terminate
            for line in child.stdout:
                lines.append(line.strip())
                if line.startswith("compiling"):
                    if line.endswith(": loop\n"):
                        screen.lines(first_lines)
                    screen.live(line.strip())
        wish.also = int
        if wish.is_asked:
            raise NotStartedError("interrupted while compiling; the next start goes on")
        refused = [line.removeprefix("refused ") for line in lines if line.startswith("refused ")]
        if refused:
            raise BadInputError(f"--strategy {refused[0]}")
        if child.returncode:
            raise NotStartedError(f"compiling failed (exit {child.returncode})")
        mark.write_text("\n".join(line for line in lines if line.startswith(("values ", "needs "))))
    found = [line.split() for line in mark.read_text().splitlines()]
    screen.lines(first_lines)
    screen.settle()
    values = {name: tuple(shown) for kind, name, *shown in found if kind == "values"}
    counts = [line.split()[1:] for line in lines if line.startswith("cache ")]
    counted = ": {} kernels loaded, {} compiled".format(*counts[-1]) if counts else ""
    return values, tuple(int(word) for kind, *words in found if kind == "needs" for word in words), counted


def mark_of(settings: Settings) -> str:
    """Return a name for these strategies, their files and our kernels, where they lie and what they run on.

    numba keeps what it compiled by the place of the source and by the processor: a copy of the same build elsewhere,
    or the same disk in another machine, has none of it, and would compile at its first candle and its first order.
    """
    here = f"{ROOT} {processor()}"
    digest = hashlib.sha256(f"{fingerprint()} {sys.version_info[:2]} {here} {settings.brain}".encode())
    for which in settings.brain.strategies:
        if Path(which).is_file():
            digest.update(str(Path(which).resolve()).encode() + Path(which).read_bytes())
    return digest.hexdigest()[:24]


def written(session: Session, summary: dict[str, Any], place: str | None) -> None:
    """Write the summary into the session, and to ``place``."""
    result.write(summary, str(session.path / "summary.json"))
    result.write(summary, place)


def closing(session: Session, summary: dict[str, Any], difference: str) -> list[str]:
    """Return the last lines: what happened, what remains, what to try next."""
    remains = summary["remains"] or ["no position"]
    counted = ", ".join(
        f"{summary[name]} {name.replace('_', ' ')}"
        for name in ("candles", "decisions", "orders", "fills", "records_lost")
    )
    money = f"(realised {summary['realised']}, fees {summary['fees']}, unrealised {summary['unrealised']})"
    why = f"next: python run.py why {session.instruments[0].symbol} {summary['last_candle']} --session {session.folder}"
    undecided = words(summary.get("attendance", {}))
    return [
        f"{session.ended} after {summary['seconds']:.1f} s: {counted}",
        *([undecided] if undecided else []),
        f"equity {summary['equity_start']} -> {summary['equity_end']}  {money}",
        f"remains at the exchange: {'; '.join(remains)}",
        difference or "the last comparison with the exchange was not reached",
        *([why] if summary["last_candle"] else []),
    ]
