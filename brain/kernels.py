"""Everything that the brain compiles, compiled once: in a child before the processes start, which then only load it.

Numba compiles for the types that it meets, so the loop is walked over a small market of
our own: what a session would compile is what is compiled here.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from brain.loop import FRAMES
from brain.settings import BrainSettings
from brain.stage import Stage
from brain.strategies import loader
from brain.strategies.loader import Strategy
from shm.records import MARKET, POSITION, MarketKind, Provenance
from shm.wait import sleep_until_news

CAPACITY = 64
OURS = ("shm.", "brain.", "engine.", "strategy_")
COUNTED = ("cache_hits", "cache_misses")

Progress = Callable[[int, int, str], None]


def compile_all(settings: BrainSettings, progress: Progress) -> list[Strategy]:
    """Compile the strategies of ``settings`` and the loop; ``progress`` is told (n, of, name) before each."""
    pieces = len(settings.strategies) + 1
    strategies = load_all(settings, lambda done, _, name: progress(done, pieces, name))
    progress(pieces, pieces, "loop")
    rehearse(strategies)
    return strategies


def load_all(settings: BrainSettings, progress: Progress) -> list[Strategy]:
    """Return the strategies of ``settings``, compiled and tried; ``progress`` is told (n, of, name) before each."""
    for name in settings.strategy:
        if name not in [which.rsplit("/", 1)[-1].removesuffix(".py") for which in settings.strategies]:
            raise loader.StrategyError(f"brain.strategy.{name}: that strategy is not in brain.strategies")
    loaded = []
    for n, which in enumerate(settings.strategies, 1):
        progress(n, len(settings.strategies), which)
        chosen = settings.strategy.get(which.rsplit("/", 1)[-1].removesuffix(".py"), {})
        loaded.append(loader.load(which, chosen))
    together = {60, *(seconds for one in loaded for seconds in one.timeframes_s)}
    if len(together) > FRAMES:
        raise loader.StrategyError(
            f"brain.strategies: {len(together)} timeframes together; a session holds {FRAMES}, the minute included"
        )
    return loaded


def cache_counts() -> tuple[int, int]:
    """Return how many kernels this process found in the cache, and how many it had to compile."""
    found: dict[int, Any] = {}
    ours = [module for name, module in sys.modules.items() if name.startswith(OURS)]
    for one in (each for module in ours for each in vars(module).values()):
        if hasattr(one, "py_func") and hasattr(one, "stats"):
            found[id(one)] = one.stats
    hits, misses = (sum(sum(getattr(each, name).values()) for each in found.values()) for name in COUNTED)
    return hits, misses


def rehearse(strategies: Sequence[Strategy]) -> None:
    """Walk every path of the loop once in private rings, so that nothing is compiled or loaded later."""
    stage = Stage(2, CAPACITY)
    stage.positions.write(0, np.zeros(1, POSITION))
    thinking = stage.brain(strategies, [1_000_000])
    candle = np.zeros(1, MARKET)
    candle["kind"], candle["provenance"] = int(MarketKind.CANDLE), int(Provenance.OBSERVED)
    candle["timeframe_s"], candle["open_ns"] = 60, 86_400_000_000_000
    for field in ("open", "high", "low", "close"):
        candle[field] = 100.0
    stage.market.publish(candle)
    passed = thinking.think()
    assert passed == 1, "the loop decides what it is given"
    sleep_until_news(stage.listener, 0, 1)
    for _ in range(2 * CAPACITY):
        candle["open_ns"] += 60_000_000_000
        stage.market.publish(candle)
    thinking.think()
    assert thinking.counts.lost > 0, "a lap is compiled too"
