"""Compiling before trading: in a child of its own, whose results every other process only loads.

stdout: "compiling 2 of 4: loop", "values trend fast slow band", "refused why"
"""

import sys
from pathlib import Path

from brain.agent import Progress
from brain.kernels import compile_all
from brain.strategies.loader import StrategyError
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.exchange import Settings as Play
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator.session import Session

REFUSED = 2


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
