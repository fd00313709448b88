"""Everything that the brain compiles, compiled once: in a child before the processes start, which then only load it.

Numba compiles for the types that it meets, so the loop is walked over a small market of
our own: what a session would compile is what is compiled here.
"""

from collections.abc import Callable, Sequence

import numpy as np

from brain.routes import Ports
from brain.settings import BrainSettings
from brain.strategies import loader
from brain.strategies.loader import Strategy
from brain.thinking import Thinking
from shm.jit import address_of
from shm.records import DECISION, MARKET, POSITION, TARGET, MarketKind, Provenance
from shm.ring import RingReader, RingWriter, ring_size
from shm.table import TableReader, TableWriter, table_size
from shm.topology import HISTORY_DEPTH, STRATEGIES_MAX, TIMEFRAMES_S
from shm.wait import sleep_until_news

CAPACITY = 64

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
    return loaded


def rehearse(strategies: Sequence[Strategy]) -> None:
    """Walk every path of the loop once in private rings, so that nothing is compiled or loaded later."""
    rings = {name: np.zeros(ring_size(CAPACITY) // 8, np.int64) for name in ("MARKET", "TARGETS", "DECISIONS")}
    positions = np.zeros(table_size(STRATEGIES_MAX, 2) // 8, np.int64)
    history = np.zeros(table_size(_EVERY_ROW, 1) // 8, np.int64)
    feed = RingWriter(address_of(rings["MARKET"]), CAPACITY, MARKET)
    TableWriter(address_of(positions), POSITION, (0, STRATEGIES_MAX)).write(0, np.zeros(1, POSITION))
    ports = Ports(
        market=(reader := RingReader(address_of(rings["MARKET"]), CAPACITY, MARKET)),
        targets=RingWriter(address_of(rings["TARGETS"]), CAPACITY, TARGET),
        decisions=RingWriter(address_of(rings["DECISIONS"]), CAPACITY, DECISION),
        positions=TableReader(address_of(positions), POSITION, STRATEGIES_MAX),
    )
    thinking = Thinking(ports, TableReader(address_of(history), MARKET, _EVERY_ROW, 1), strategies, [1_000_000])
    thinking.start(1)
    candle = np.zeros(1, MARKET)
    candle["kind"], candle["provenance"] = int(MarketKind.CANDLE), int(Provenance.OBSERVED)
    candle["timeframe_s"], candle["open_ns"] = 60, 86_400_000_000_000
    for field in ("open", "high", "low", "close"):
        candle[field] = 100.0
    feed.publish(candle)
    passed = thinking.think()
    assert passed == 1, "the loop decides what it is given"
    sleep_until_news(reader, 0, 1)
    for _ in range(2 * CAPACITY):
        candle["open_ns"] += 60_000_000_000
        feed.publish(candle)
    thinking.think()
    assert thinking.counts.lost > 0, "a lap is compiled too"


_EVERY_ROW = len(TIMEFRAMES_S) * HISTORY_DEPTH
