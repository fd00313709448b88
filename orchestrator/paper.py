"""A paper session, from what was typed to its summary.

settings, market   refused in one line before anything exists
lock, folder, shared memory, keys, compiled kernels
crew, supervisor   the session
summary            from the journal, the exchange's own books and the counters
"""

import argparse
import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from brain.strategies.loader import StrategyError, check, names
from engine.journal import JournalError
from orchestrator import mirroring, wiring
from orchestrator import session as sessions
from orchestrator import settings as settings_of
from orchestrator.child import environment
from orchestrator.commentary import Commentary
from orchestrator.crew import Crew, Launch
from orchestrator.gauges import SessionGauges, latency, totals
from orchestrator.oracle import ask
from orchestrator.screen import Screen
from orchestrator.session import ROOT, Holder, Session, StateLock
from orchestrator.settings import BadInputError, Settings
from orchestrator.summary import Measured, conclude
from orchestrator.supervisor import Equipment, Limits, Supervisor, Wish
from shm import segment
from shm.agent import Pulse
from shm.build import fingerprint
from shm.clock import SystemClock
from shm.jit import cache_home
from shm.memory import Memory
from shm.records import Kill, Life
from shm.segment import SegmentError

VENUE = "paper"
LOOPED = ("feed", "engine", "reconciler", "recorder", "monitor", "exchange")  # sleep in an event loop
BANNER = "play money, {market}, no keys; profit here means nothing"


def trade(typed: argparse.Namespace) -> int:
    """Run a paper session; returns the exit code."""
    profile = "mirror" if typed.market == [settings_of.MIRRORED] else "paper"
    settings = settings_of.assemble(profile, typed.config, typed.set, _options(typed))
    seed = secrets.randbelow(2**31) if typed.seed is None else typed.seed
    _check_strategies(settings)
    start_ns = SystemClock().wall_ns()
    now = datetime.fromtimestamp(start_ns / 1e9, UTC)
    schedule = wiring.scheduled(typed.faults, seed)
    market = (
        mirroring.catalogue(settings.market)
        if settings.market.is_mirror
        else wiring.market_of(settings.market, seed, start_ns)
    )
    screen = Screen(sys.stderr if typed.json == "-" else sys.stdout)
    wish = Wish()
    wish.listen()
    for line in wiring.defects_of(market):
        screen.line(line)
    state = typed.state.resolve()
    with StateLock(state) as lock:
        if (state / "kill-switch").exists():
            raise BadInputError(
                f"the kill switch is on ({state}/kill-switch); take it off with: python run.py kill-switch off"
            )
        segment.sweep()
        folder = sessions.new_folder(state, now)
        # Play money begins anew with every session, and so does its account.
        account = folder.name.replace("-", "")[-16:]
        settings = replace(settings, engine=replace(settings.engine, account=account))
        session = Session(
            name=folder.name,
            mode="paper",
            folder=str(folder),
            state=str(state),
            run_id=secrets.token_hex(6),
            seed=seed,
            venue=VENUE,
            account=account,
            port=wiring.free_port(),
            market_start_ns=start_ns,
            instruments=wiring.instruments_of(market, VENUE, account),
            strategies=tuple(Path(which).stem for which in settings.brain.strategies),
            settings=settings,
            versions=sessions.versions(),
            code_hash=sessions.code_hash(),
            started=now.isoformat(timespec="seconds"),
        )
        try:
            sessions.save(session)
            wiring.make_keys(session)
            if schedule.faults:
                (session.path / wiring.SCHEDULE).write_bytes(schedule.to_json())
            lock.say(Holder(pid=os.getpid(), run_id=session.run_id, folder=session.folder))
            with shared_memory(session) as (memory, bells):
                if (state / "kill-switch").exists():  # turned on while there was no word to raise yet
                    memory.words.raise_kill(Kill.EXITS_ONLY)
                    screen.line("the kill switch was turned on: this session trades nothing")
                return _live(session, (memory, bells), (screen, wish), typed)
        except BadInputError:
            sessions.discard(folder)
            raise


def _check_strategies(settings: Settings) -> None:
    """Refuse in one line what can be refused without running it."""
    try:
        for which in settings.brain.strategies:
            check(which)
    except StrategyError as error:
        raise BadInputError(f"--strategy {error}") from None


def _options(typed: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that have an option of their own."""
    chosen: dict[str, Any] = {}
    if typed.market:
        chosen["market.source"] = [
            str(Path(text).resolve()) if Path(text).exists() else text
            for word in typed.market
            for text in word.split(",")
        ]
    if typed.symbols:
        chosen["market.symbols"] = [text.strip() for text in typed.symbols.split(",") if text.strip()]
    if typed.speed:
        chosen["market.speed"] = typed.speed
    if typed.strategy:
        path = Path(typed.strategy)
        chosen["brain.strategies"] = [str(path.resolve()) if path.suffix == ".py" else typed.strategy]
    return chosen


@contextmanager
def shared_memory(session: Session) -> Iterator[tuple[Memory, dict[str, int]]]:
    """Make the session's memory and doorbells; both are gone afterwards, whatever happens."""
    bells = {role: os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for role in LOOPED}
    try:
        memory = Memory.create(session.run_id, len(session.instruments), bells)
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


def _live(
    session: Session, shared: tuple[Memory, dict[str, int]], face: tuple[Screen, Wish], typed: argparse.Namespace
) -> int:
    """Live the session and conclude it."""
    (memory, bells), (screen, wish) = shared, face
    settings = session.settings
    told = environment(cache_home(), bells) | {"RINGMASTER_PARENT": str(os.getpid())}
    values, timeframes_s = compiled(session, told, (screen, wish))
    screen.check("memory", f"{segment.directory()}/ringmaster-{session.run_id}-*")
    screen.check("compiled", f"{', '.join(session.strategies)}; loop, exchange")
    shown = tuple(values[name] for name in session.strategies)
    session = replace(session, values=shown, timeframes_s=timeframes_s)
    sessions.save(session)
    watcher = Memory.attach(session.run_id, "monitor", {})
    launch = Launch(arguments=["--session", session.folder], environment=told, files=list(bells.values()))
    crew = Crew(memory, launch, settings.supervisor, Random())  # noqa: S311 - jitter, not secrets
    commentary = Commentary(watcher, session.instruments, session.values)
    gauges = SessionGauges(watcher, crew, session.account_path)
    pulse = Pulse(memory)
    equipment = Equipment(
        crew=crew,
        commentary=commentary,
        gauges=gauges,
        screen=screen,
        wish=wish,
        settings=settings.supervisor,
        deposit=int(settings.market.deposit * 10**8),
        beat=lambda life: pulse.tell(life=life),
        stop_trading=lambda: memory.words.raise_kill(Kill.NO_ENTRIES),
    )
    there: dict[str, Any] = {}

    def ask_exchange() -> None:
        there.update(grid=ask(session, "grid"), ledger=ask(session, "ledger"))

    supervisor = Supervisor(equipment, Limits(seconds=typed.seconds, candles=typed.max_candles), ask_exchange)
    ended = supervisor.run()
    pulse.tell(life=Life.STOPPED)
    session = replace(session, ended=ended)
    sessions.save(session)
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
    _write(session, summary, typed.json)
    for line in closing(session, summary, supervisor.difference):
        screen.line(line)
    watcher.close()
    return 1 if ended.startswith("failed") else 0


def opening(session: Session) -> Iterator[str]:
    """Yield the first lines: what this is and where it lives."""
    market = session.settings.market
    if market.is_mirror:
        yield BANNER.format(market=mirroring.banner_of(market))
    else:
        yield BANNER.format(market=f"{'synthetic' if market.is_synthetic else 'recorded'} market, no network")
    yield f"session {session.folder}   seed {session.seed}   speed {market.speed}"


def compiled(
    session: Session, told: dict[str, str], face: tuple[Screen, Wish]
) -> tuple[dict[str, tuple[str, ...]], tuple[int, ...]]:
    """Open the show and compile what is not compiled yet, in a child.

    Returns the names of each strategy's values and the timeframes, in seconds, that they decide on.

    A strategy that may yet be refused holds the first lines back: the refusal is then the only line.
    """
    screen, wish = face
    mark = cache_home() / f"compiled-{mark_of(session.settings)}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{mark.parent}: no folder for compiled kernels can be made: {error.strerror}") from None
    brain, first_lines = session.settings.brain, opening(session)
    if set(brain.strategies) <= set(names()) and not brain.strategy:
        screen.lines(first_lines)
    if not mark.exists():
        command = [sys.executable, str(ROOT / "run.py"), "agent", "compile", "--session", session.folder]
        with subprocess.Popen(  # noqa: S603 - ourselves
            command, env=told, stdout=subprocess.PIPE, text=True, process_group=0, stdin=subprocess.DEVNULL
        ) as child:
            assert child.stdout is not None
            wish.also = child.terminate
            lines = []
            for line in child.stdout:
                lines.append(line.strip())
                if line.startswith("compiling"):
                    if line.endswith(": loop\n"):
                        screen.lines(first_lines)
                    screen.live(line.strip())
        wish.also = int
        if wish.is_asked:
            raise BadInputError("interrupted while compiling; the next start goes on")
        refused = [line.removeprefix("refused ") for line in lines if line.startswith("refused ")]
        if refused:
            raise BadInputError(f"--strategy {refused[0]}")
        if child.returncode:
            raise BadInputError(f"compiling failed (exit {child.returncode})")
        mark.write_text("\n".join(line for line in lines if line.startswith(("values ", "needs "))))
    found = [line.split() for line in mark.read_text().splitlines()]
    screen.lines(first_lines)
    screen.settle()
    values = {name: tuple(shown) for kind, name, *shown in found if kind == "values"}
    return values, tuple(int(word) for kind, *words in found if kind == "needs" for word in words)


def mark_of(settings: Settings) -> str:
    """Return a name for these strategies, their files and our kernels."""
    digest = hashlib.sha256(f"{fingerprint()} {sys.version_info[:2]} {settings.brain}".encode())
    for which in settings.brain.strategies:
        if Path(which).is_file():
            digest.update(Path(which).read_bytes())
    return digest.hexdigest()[:24]


def _write(session: Session, summary: dict[str, Any], place: str | None) -> None:
    text = json.dumps(summary, indent=2) + "\n"
    (session.path / "summary.json").write_text(text)
    if place == "-":
        sys.stdout.write(text)
    elif place:
        Path(place).write_text(text)


def closing(session: Session, summary: dict[str, Any], difference: str) -> list[str]:
    """Return the last lines: what happened, what remains, what to try next."""
    remains = summary["remains"] or ["no position"]
    counted = ", ".join(
        f"{summary[name]} {name.replace('_', ' ')}"
        for name in ("candles", "decisions", "orders", "fills", "records_lost")
    )
    money = f"(realised {summary['realised']}, fees {summary['fees']}, unrealised {summary['unrealised']})"
    why = f"python run.py why {session.instruments[0].symbol} {summary['last_candle']} --session {session.folder}"
    return [
        f"{session.ended} after {summary['seconds']:.1f} s: {counted}",
        f"equity {summary['equity_start']} -> {summary['equity_end']}  {money}",
        f"remains at the exchange: {'; '.join(remains)}",
        difference or "the last comparison with the exchange was not reached",
        f"next: {why}",
    ]
