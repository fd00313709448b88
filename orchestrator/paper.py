"""A paper session, from what was typed to its summary.

settings, market   refused in one line before anything exists
lock, folder, shared memory, keys, compiled kernels
crew, supervisor   the session
summary            from the journal, the exchange's own books and the counters
"""

import argparse
import os
import secrets
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator import session as sessions
from orchestrator import settings as settings_of
from orchestrator import wiring
from orchestrator.discovery import Place, discovered
from orchestrator.killswitch import level_of
from orchestrator.lifetime import check_strategies, live, shared_memory
from orchestrator.screen import Screen
from orchestrator.session import Holder, Session, StateLock
from orchestrator.settings import MIRRORED, BadInputError, NotStartedError
from orchestrator.supervisor import Wish
from orchestrator.universe import named
from shm import segment
from shm.clock import SystemClock
from shm.records import Kill

VENUE = "paper"


def trade(typed: argparse.Namespace) -> int:
    """Run a paper session; returns the exit code."""
    profile = "mirror" if typed.market == [MIRRORED] else "paper"
    settings = settings_of.assemble(profile, typed.config, typed.set, options_of(typed))
    seed = secrets.randbelow(2**31) if typed.seed is None else typed.seed
    check_strategies(settings)
    start_ns = SystemClock().wall_ns()
    now = datetime.fromtimestamp(start_ns / 1e9, UTC)
    schedule = wiring.scheduled(typed.faults, seed)
    found = discovered(settings, Place(start_ns=start_ns, seed=seed))
    settings = found.settings
    market = wiring.listed(settings.market, seed, start_ns)
    screen = Screen(sys.stderr if typed.json == "-" else sys.stdout)
    wish = Wish()
    wish.listen()
    screen.lines([*wiring.defects_of(market), *found.lines()])
    state = typed.state.resolve()
    with StateLock(state) as lock:
        check_switch(state)
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
            spots=found.spots,
            watches_spots=found.watches_spots,
            strategies=tuple(Path(which).stem for which in settings.brain.strategies),
            settings=settings,
            versions=sessions.versions(),
            code_hash=sessions.code_hash(),
            started=now.isoformat(timespec="seconds"),
        )
        try:
            sessions.save(session)
            found.save(session.path)
            wiring.make_keys(session)
            if schedule.faults:
                (session.path / wiring.SCHEDULE).write_bytes(schedule.to_json())
            lock.say(Holder(pid=os.getpid(), run_id=session.run_id, folder=session.folder))
            with shared_memory(session) as (memory, bells):
                if (level := level_of(state)) is not Kill.NORMAL:  # turned on while there was no word to raise yet
                    memory.words.raise_kill(level)
                    screen.line(f"the kill switch was turned on: {level.name}")
                return live(session, (memory, bells), (screen, wish), typed)
        except (BadInputError, NotStartedError):
            sessions.discard(folder)
            raise


def check_switch(state: Path) -> None:
    """Refuse to start under a kill switch: play money has no positions to look after."""
    if (level := level_of(state)) is not Kill.NORMAL:
        raise BadInputError(
            f"the kill switch is on ({level.name}, {state}/kill-switch); "
            "take it off with: python run.py kill-switch off"
        )


def options_of(typed: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that have an option of their own."""
    chosen: dict[str, Any] = {}
    if typed.market:
        chosen["market.source"] = [
            str(Path(text).resolve()) if Path(text).exists() else text
            for word in typed.market
            for text in word.split(",")
        ]
    if typed.symbols:
        chosen["market.symbols"] = list(named(typed.symbols)[0])
    if typed.speed:
        chosen["market.speed"] = typed.speed
    if typed.strategy:
        chosen["brain.strategies"] = [str(Path(n).resolve()) if n.endswith(".py") else n for n in typed.strategy]
    return chosen
