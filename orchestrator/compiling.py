"""Compiling before trading: in a child of its own, whose results every other process only loads.

    a mark in the cache, named by our sources and the strategies' files, says that it was done
"""

import hashlib
import sys
from pathlib import Path

import numba

from brain.agent import Progress
from brain.kernels import compile_all
from brain.settings import BrainSettings
from brain.strategies.loader import StrategyError
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.exchange import Settings as Play
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator.session import Session

REFUSED = 2


def mark_of(settings: BrainSettings, code_hash: str) -> str:
    """Return the name of the mark for these strategies and our sources."""
    digest = hashlib.sha256(f"{code_hash} {numba.__version__} {settings}".encode())
    for which in settings.strategies:
        path = Path(which)
        if path.is_file():
            digest.update(path.read_bytes())
    return f"compiled-{digest.hexdigest()[:24]}"


def compile_session(session: Session) -> int:
    """Compile what the session runs; tells its progress line by line, and what is wrong with a strategy."""

    def progress(done: int, of: int, name: str) -> None:
        tell(f"compiling {done} of {of + 1}: {Path(name).name}")

    try:
        loaded = compile_all(session.settings.brain, progress)
    except StrategyError as error:
        tell(f"refused {error}")
        return REFUSED
    _compile_exchange(progress, len(loaded) + 1)
    for strategy in loaded:
        tell(f"values {strategy.name} {' '.join(strategy.values)}")
    return 0


def _compile_exchange(progress: Progress, before: int) -> None:
    progress(before + 1, before, "exchange")
    played = Exchange(SyntheticMarket(1, 1_700_000_000 * 10**9, ["BTC/USDT:USDT"]), Play())
    played.deposit("paper", 10**12)
    for _ in range(3):
        played.advance()


def tell(line: str) -> None:
    """Say a line to whoever started us."""
    print(line, flush=True, file=sys.stdout)
