"""A live session: the same wiring on a real exchange, after the doctor, and after a person has typed its name.

keys (0600 or environment) --> doctor: permissions, modes, positions, symbols --> typed confirmation --> session
                                |  one failed: exit 1, nothing was sent           (--yes, --observe, --demo: none)
"""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from engine.switch import NAME as SWITCH
from engine.venue.facts import FACTS, venue_of
from orchestrator import keys as keys_of
from orchestrator import observed, wiring
from orchestrator import session as sessions
from orchestrator import settings as settings_of
from orchestrator.discovery import Discovered, Place, discovered
from orchestrator.examination import Examined, Patient, books_of, examine, held
from orchestrator.keys import Keys
from orchestrator.killswitch import level_of
from orchestrator.lifetime import check_strategies, live, shared_memory
from orchestrator.paper import options_of
from orchestrator.screen import Screen
from orchestrator.session import Holder, Session, StateLock
from orchestrator.settings import MIRRORED, BadInputError, NotStartedError, Settings
from orchestrator.supervisor import Wish
from shm import segment
from shm.clock import SystemClock
from shm.memory import Memory
from shm.records import Kill

EXCHANGES = tuple(FACTS)
LIMITS = {
    "bybit": (
        "bybit was never traded on for real by this program: what could not be verified stands in docs/exchanges.md",
        "bybit has no dead-man timer of ours: if this machine dies, resting entries stay until somebody cancels them",
        "bybit's candles do not tell who took: half of each volume counts as bought, so that flow reads neutral",
    ),
    "krakenfutures": (
        "krakenfutures was never traded on for real by this program: docs/exchanges.md has what could not be verified",
        "krakenfutures streams no candles: a list is read a second after each minute; it tells no turnover, no takers",
        "krakenfutures' dead-man timer is the account's: if this machine dies, it cancels the orders of others as well",
        "krakenfutures does not tell what a key may do: look yourself whether it may withdraw",
    ),
}
ALIASES = {"binance": "binanceusdm", "kraken": "krakenfutures"}
HORIZON_MS_MIN = 40_000  # window, the exchange's own delay and its replicas' lag: tests/engine/venue/test_client.py
LOOPBACK = "RINGMASTER_LOOPBACK"  # for tests: PORT:CERTIFICATE of what plays the exchange on this machine


def trade(typed: argparse.Namespace) -> int:
    """Run a live session; returns the exit code."""
    exchange = exchange_named(typed.exchange)
    keys = keys_of.found(typed.keys, os.environ)
    port, certificate = loopback_of(os.environ)
    settings = suited(assembled(typed, is_real=not certificate), exchange)
    check_strategies(settings)
    screen = Screen(sys.stderr if typed.json == "-" else sys.stdout)
    if certificate:
        screen.line(f"!! {LOOPBACK} is set: {exchange} is played by port {port} of this machine, NOT THE REAL EXCHANGE")
    screen.lines(f"!! {limit}" for limit in LIMITS.get(exchange, ()))
    wish = Wish()
    wish.listen()
    now_ns = SystemClock().wall_ns()
    now = datetime.fromtimestamp(now_ns / 1e9, UTC)
    state = typed.state.resolve()
    with StateLock(state) as lock:
        session = Session(
            name="",
            mode="live",
            exchange=exchange,
            observes=typed.observe,
            is_demo=typed.demo,
            loopback=certificate,
            folder="",
            state=str(state),
            run_id=secrets.token_hex(6),
            seed=0,
            venue=venue_of(exchange, is_demo=typed.demo),
            account=settings.engine.account,
            port=port,
            market_start_ns=now_ns,
            instruments=(),
            strategies=tuple(Path(which).stem for which in settings.brain.strategies),
            settings=settings,
            versions=sessions.versions(),
            code_hash=sessions.code_hash(),
            started=now.isoformat(timespec="seconds"),
        )
        found = universe_of(session)
        session = replace(session, settings=found.settings, spots=found.spots, watches_spots=found.watches_spots)
        screen.lines(found.lines())
        health = asyncio.run(examine(Patient(session, keys, Random()), screen.check))  # noqa: S311 - jitter
        if not health.is_fit:
            screen.line("not started: nothing was sent")
            return 1
        confirm(session, keys, health, asks=not (typed.yes or typed.observe or typed.demo))
        segment.sweep()
        folder = sessions.new_folder(state, now)
        found.save(folder)
        begun = replace(
            session, name=folder.name, folder=str(folder), instruments=health.instruments, opening=health.wallet
        )
        return _run(begun, keys, (lock, screen, wish), typed)


def _run(session: Session, keys: Keys, face: tuple[StateLock, Screen, Wish], typed: argparse.Namespace) -> int:
    lock, screen, wish = face
    handed = keys_of.handed(keys)
    try:
        sessions.save(session)
        lock.say(Holder(pid=os.getpid(), run_id=session.run_id, folder=session.folder))
        with shared_memory(session) as (memory, bells):
            begin_at(memory, Path(session.state), screen, observes=session.observes)
            return live(session, (memory, bells), (screen, wish), typed, handed)
    except (BadInputError, NotStartedError):
        sessions.discard(session.path)
        raise
    finally:
        handed.close()


def begin_at(memory: Memory, state: Path, screen: Screen, *, observes: bool) -> None:
    """Start at the level that lies in the state: positions want an engine, also under a switch that is on."""
    level = Kill.HALT if observes else level_of(state)
    memory.words.raise_kill(level)
    if level is not Kill.NORMAL and not observes:
        screen.line(f"!! the kill switch is on ({level.name}, {state / SWITCH}): the session starts at that level")


def universe_of(session: Session) -> Discovered:
    """What is traded; where rules say so, what our journal holds stays among it, whatever the rules say."""
    settings = session.settings
    place = Place(
        start_ns=session.market_start_ns,
        exchange=session.exchange,
        dial=wiring.dialler(session),
        is_demo=session.is_demo,
        held=held(books_of(session)) if settings.market.universe else [],
    )
    return discovered(settings, place)


def exchange_named(text: str | None) -> str:
    """Return the exchange of that name."""
    if not text:
        raise BadInputError(f"--live needs --exchange NAME; there are {', '.join(EXCHANGES)}")
    name = ALIASES.get(text, text)
    if name not in EXCHANGES:
        raise BadInputError(f"--exchange {text}: unknown; there are {', '.join(EXCHANGES)}")
    return name


def assembled(typed: argparse.Namespace, *, is_real: bool) -> Settings:
    """Return the settings over the live profile; what only play money has is refused."""
    if typed.market or typed.faults or typed.seed is not None:
        raise BadInputError("--live: --market, --faults and --seed belong to the embedded exchange")
    if is_real and typed.speed:
        raise BadInputError("--live: a real market has its own speed")
    settings = settings_of.assemble("live", typed.config, typed.set, options_of(typed))
    horizon_ms = settings.engine.executor.unknown_horizon_ms
    if is_real and horizon_ms < HORIZON_MS_MIN:
        raise BadInputError(
            f"engine.executor.unknown_horizon_ms {horizon_ms}: a real exchange may show an order later than that; "
            f"{HORIZON_MS_MIN} or more"
        )
    return settings


def suited(settings: Settings, exchange: str) -> Settings:
    """Return the settings as the exchange is: no dead-man timer where there is none, patience with polled candles.

    What is not read there is refused.
    """
    if exchange != MIRRORED and (settings.market.universe or settings.engine.risk.basis_ppm_max):
        words = "its lists are not read: name the symbols, without market.universe and engine.risk.basis_ppm_max"
        raise BadInputError(f"--exchange {exchange}: {words}")
    observed.refuse_exchange(observed.lookers(settings), exchange)
    facts = FACTS[exchange]
    if settings.feed.late_ms_max < facts.candles_late_ms:
        settings = replace(settings, feed=replace(settings.feed, late_ms_max=facts.candles_late_ms))
    if facts.dead_man != "none":
        return settings
    executor = replace(settings.engine.executor, dead_man_ms=0)
    return replace(settings, engine=replace(settings.engine, executor=executor))


def loopback_of(environment: Mapping[str, str]) -> tuple[int, str]:
    """Return port and certificate of what plays the exchange in a test; 0 and nothing otherwise."""
    text = environment.get(LOOPBACK, "")
    if not text:
        return 0, ""
    port, _, certificate = text.partition(":")
    if not port.isdecimal() or not Path(certificate).is_file():
        raise BadInputError(f"{LOOPBACK}={text}: expected PORT:CERTIFICATE")
    return int(port), str(Path(certificate).resolve())


def confirm(session: Session, keys: Keys, found: Examined, *, asks: bool) -> None:
    """Have a person type the exchange's name; without a terminal, --yes must have been given."""
    if not asks:
        return
    risk = session.settings.engine.risk
    if not sys.stdin.isatty():
        raise BadInputError("--live asks for a typed confirmation; without a terminal give --yes")
    symbols = ", ".join(one.symbol for one in found.instruments)
    print(f"real money on {session.exchange}, account {session.account}, key {keys.fingerprint}")
    print(f"{symbols} with {', '.join(session.strategies)}; at most {risk.position_notional_max} a position")
    if input(f"type {session.exchange} to trade: ").strip() != session.exchange:
        raise BadInputError("not confirmed: nothing was sent")
