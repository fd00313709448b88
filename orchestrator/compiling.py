"""Compiling before trading: in a child of its own, whose results every other process only loads.

stdout: "compiling 2 of 4: loop", "values trend fast slow band", "needs 60 3600", "cache 214 3", "refused why"
"""

import asyncio
import sys
from pathlib import Path

import numpy as np

from brain.kernels import Progress, cache_counts, compile_all
from brain.strategies.loader import StrategyError
from brain.timeframes import base_of
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.exchange import Settings as Play
from engine.venue.embedded.orders import BUY, SELL, PlaceOrder
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator.session import Session
from shm.jit import address_of
from shm.memory import Memory
from shm.records import MARKET, Kill
from shm.wait import LoopWait
from shm.words import WORDS_BYTES, Words

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
    compile_exchange(progress, len(loaded) + 1)
    asyncio.run(compile_waits(Memory.attach(session.run_id, "monitor")))
    compile_words()
    tell("cache {} {}".format(*cache_counts()))
    for strategy in loaded:
        tell(f"values {strategy.name} {' '.join(strategy.values)}")
    needed = sorted({base_of(timeframe_s) for strategy in loaded for timeframe_s in strategy.timeframes_s})
    tell(f"needs {' '.join(map(str, needed))}")
    return 0


def compile_exchange(progress: Progress, before: int) -> None:
    """Play a made-up market for a few minutes, with an order of every kind in it."""
    progress(before + 1, before, "exchange")
    played = Exchange(SyntheticMarket(1, 1_700_000_000 * 10**9, ["BTC/USDT:USDT"]), Play())
    played.deposit("paper", 10**13)
    played.advance()
    price = played.last_ticks("BTCUSDT") // 10
    orders = (
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.100"),
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="LIMIT", quantity="0.100", price=f"{price - 5}"),
        PlaceOrder(
            symbol="BTCUSDT",
            side=SELL,
            type="STOP_MARKET",
            quantity="0.100",
            trigger_price=f"{price - 9}",
            reduce_only=True,
        ),
        PlaceOrder(
            symbol="BTCUSDT",
            side=SELL,
            type="STOP_MARKET",
            quantity="0.100",
            trigger_price=f"{price // 2}",
            by_mark=True,
        ),
    )
    for order in orders:
        played.place("paper", order)
    for _ in range(played.settings.points_per_candle):  # a minute has to close: what rests is looked at then
        played.advance()


async def compile_waits(memory: Memory) -> None:
    """Read and wait as every process does."""
    reader = memory.ring_reader("MARKET")
    reader.read_into(np.zeros(1, MARKET))
    wait = LoopWait([reader])
    await wait.wait(0.001)
    wait.close()
    memory.table_reader("PULSES").read_all()  # as the monitor does
    memory.close()


def compile_words() -> None:
    """Do to words that are nobody's what a session does to its own: the kill switch waits for no compiler."""
    place = np.zeros(WORDS_BYTES, np.uint8)
    words = Words(address_of(place), retain=place)
    words.raise_kill(Kill.NO_ENTRIES)
    words.kill_level()
    words.spend_weight(1, 2, 1)
    words.learn_weight(2, 1)


def tell(line: str) -> None:
    """Say a line to whoever started us."""
    print(line, flush=True, file=sys.stdout)
