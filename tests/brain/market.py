"""Rings, tables and candles in this process's memory: what a brain needs around it in a test."""

from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
import pytest

from brain.routes import Ports
from brain.strategies import loader
from brain.thinking import Thinking
from shm.jit import address_of
from shm.records import DECISION, MARKET, POSITION, TARGET, MarketKind, Provenance
from shm.ring import RingReader, RingWriter, ring_size
from shm.table import TableReader, TableWriter, table_size
from shm.topology import HISTORY_DEPTH, STRATEGIES_MAX, TIMEFRAMES_S, history_row, position_row
from tests.recordings import DATA

MINUTE_NS = 60_000_000_000
START_NS = 1_747_699_200_000_000_000  # 2025-05-20 00:00 UTC
TICK_E8 = 1_000_000  # 0.01
WARM = 700


def recorded(name: str, timeframe_s: int = 60, count: int | None = None) -> np.ndarray:
    """Return recorded candles as MARKET records; the test is skipped without them."""
    path = DATA / "candles" / name
    if not path.is_file():
        pytest.skip(f"no recorded candles: {name} is not under RINGMASTER_DATA")
    table = pq.read_table(path).slice(0, count)
    candles = np.zeros(table.num_rows, MARKET)
    candles["open_ns"] = table["open_time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    for field in ("open", "high", "low", "close", "volume"):
        candles[field] = table[field].to_numpy()
    return marked(candles, timeframe_s)


def walk(count: int, seed: int = 7, price: float = 50_000.0) -> np.ndarray:
    """Return ``count`` minutes of a seeded walk with turns in it, on the tick grid."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0.0, 0.0006, count) + 0.0005 * np.sin(np.arange(count) / 9.0)
    close = np.round(price * np.exp(np.cumsum(steps)), 2)
    candles = np.zeros(count, MARKET)
    candles["open_ns"] = START_NS + MINUTE_NS * np.arange(count)
    candles["open"] = np.concatenate([[price], close[:-1]])
    candles["close"] = close
    spread = np.round(price * 0.0003 * generator.random((2, count)), 2)
    candles["high"] = np.maximum(candles["open"], close) + spread[0]
    candles["low"] = np.minimum(candles["open"], close) - spread[1]
    candles["volume"] = np.round(generator.random(count) * 10.0, 3)
    return marked(candles, 60)


def marked(candles: np.ndarray, timeframe_s: int) -> np.ndarray:
    """Return ``candles`` marked as observed ones of ``timeframe_s``."""
    candles["kind"], candles["provenance"] = int(MarketKind.CANDLE), int(Provenance.OBSERVED)
    candles["timeframe_s"], candles["revises"] = timeframe_s, -1
    return candles


def missing(candle: np.void) -> np.ndarray:
    """Return the record that says that ``candle`` never came."""
    gone = np.array([candle], MARKET)
    for field in ("open", "high", "low", "close", "volume"):
        gone[field] = np.nan
    gone["provenance"] = int(Provenance.MISSING)
    return gone


class Market:
    """The shared memory of one session, without the sharing."""

    def __init__(self, instruments: int = 1, capacity: int = 1 << 14, *, spots: bool = False) -> None:
        self.instruments, self.capacity = instruments, capacity
        self._memory = {}
        for name, record in (("MARKET", MARKET), ("TARGETS", TARGET), ("DECISIONS", DECISION)):
            self._memory[name] = (_zeros(ring_size(capacity)), record)
        self.rows = (2 if spots else 1) * instruments * len(TIMEFRAMES_S) * HISTORY_DEPTH
        self._history, self._positions = _zeros(table_size(self.rows, 1)), _zeros(table_size(instruments * 8, 2))
        self.feed = self.writer("MARKET")
        self.history = TableWriter(address_of(self._history), MARKET, (0, self.rows), 1)
        self.positions = TableWriter(address_of(self._positions), POSITION, (0, instruments * STRATEGIES_MAX), 2)

    def writer(self, name: str) -> RingWriter:
        """Return a writer of ring ``name``, as a new process gets it."""
        memory, record = self._memory[name]
        return RingWriter(address_of(memory), self.capacity, record)

    def everything(self, name: str) -> np.ndarray:
        """Return all records of ring ``name``."""
        memory, record = self._memory[name]
        out = np.zeros(self.capacity, record)
        return out[: RingReader(address_of(memory), self.capacity, record).read_into(out)].copy()

    def think(self, strategies: Sequence[loader.Strategy], epoch: int = 1) -> Thinking:
        """Return a brain that was just started, cold or again."""
        memory, record = self._memory["MARKET"]
        ports = Ports(
            market=RingReader(address_of(memory), self.capacity, record),
            targets=self.writer("TARGETS"),
            decisions=self.writer("DECISIONS"),
            positions=TableReader(address_of(self._positions), POSITION, self.instruments * STRATEGIES_MAX, 2),
        )
        history = TableReader(address_of(self._history), MARKET, self.rows, 1)
        brain = Thinking(ports, history, strategies, [TICK_E8] * self.instruments)
        brain.start(epoch)
        return brain

    def remember(self, candles: np.ndarray) -> None:
        """Put ``candles`` of any timeframe into HISTORY."""
        for one in candles:
            frame = TIMEFRAMES_S.index(int(one["timeframe_s"]))
            self.history.write(history_row(int(one["instrument"]), frame, int(one["open_ns"])), one)

    def publish(self, candles: np.ndarray, *, remember: bool = True) -> None:
        """Put ``candles`` into HISTORY and then on MARKET, as the feed does."""
        for one in candles:
            if remember:
                self.remember(np.array([one], MARKET))
            self.feed.publish(one)


def lived(strategies, candles, stops=(), positions=()):
    """Return the market after ``candles``: the first WARM are history, the brain dies and starts again at ``stops``."""
    market = Market()
    market.remember(candles[:WARM])
    brain, epoch = market.think(strategies), 1
    for n, one in enumerate(candles[WARM:]):
        if n in stops:
            epoch += 1
            brain = market.think(strategies, epoch)
        for row, position in positions:
            if row == n:
                market.positions.write(position_row(0, 0), position)
        market.publish(one.reshape(1))
        brain.think()
    return market, brain


def _zeros(size: int) -> np.ndarray:
    # aligned like a page
    memory = np.zeros(size // 8 + 512, np.int64)
    skip = -address_of(memory) % 4096 // 8
    return memory[skip : skip + size // 8]
