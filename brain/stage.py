"""A brain's surroundings in private memory: rings and tables as in a session, without the sharing.

    candle --> HISTORY, MARKET --> Thinking --> DECISIONS, TARGETS
               POSITIONS ------------^

Compiling walks the loop over one, replay proves a recording on one, backtests run on one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brain.routes import Ports
from brain.strategies.loader import Strategy
from brain.thinking import Thinking
from shm.jit import address_of
from shm.records import DECISION, MARKET, POSITION, TARGET
from shm.ring import RingReader, RingWriter, ring_size
from shm.table import TableReader, TableWriter, table_size
from shm.topology import HISTORY_DEPTH, STRATEGIES_MAX, TIMEFRAMES_S, history_row

Records = np.ndarray[Any, np.dtype[np.void]]


class Stage:
    """Memory for ``instruments``; every ring holds ``capacity`` records, a power of two."""

    def __init__(self, instruments: int, capacity: int = 64) -> None:
        self.capacity = capacity
        self._rows = {
            "history": instruments * len(TIMEFRAMES_S) * HISTORY_DEPTH,
            "positions": instruments * STRATEGIES_MAX,
        }
        self._history = np.zeros(table_size(self._rows["history"], 1) // 8, np.int64)
        self._positions = np.zeros(table_size(self._rows["positions"], 2) // 8, np.int64)
        self._market = self._ring()
        self._said: list[Records] = [self._ring(), self._ring()]
        self.market = RingWriter(address_of(self._market), capacity, MARKET)
        self.listener = RingReader(address_of(self._market), capacity, MARKET)
        self.history = TableWriter(address_of(self._history), MARKET, (0, self._rows["history"]), 1)
        self.positions = TableWriter(address_of(self._positions), POSITION, (0, self._rows["positions"]))

    def brain(
        self,
        strategies: Sequence[Strategy],
        ticks_e8: Sequence[int],
        valid_candles: int = 2,
        *,
        said: Sequence[np.void] = (),
        epoch: int = 1,
    ) -> Thinking:
        """Return a brain of ``epoch`` that was just started; ``said`` are DECISIONs of those before it, in order."""
        self._said = [self._ring(), self._ring()]
        decisions, targets = (address_of(each) for each in self._said)
        before = RingWriter(decisions, self.capacity, DECISION)
        for one in said:
            before.publish(one)
        ports = Ports(
            market=self.listener,
            targets=RingWriter(targets, self.capacity, TARGET),
            decisions=RingWriter(decisions, self.capacity, DECISION),
            positions=TableReader(address_of(self._positions), POSITION, self._rows["positions"]),
        )
        history = TableReader(address_of(self._history), MARKET, self._rows["history"], 1)
        thinking = Thinking(ports, history, strategies, ticks_e8, valid_candles)
        thinking.start(epoch)
        return thinking

    def decisions(self) -> RingReader:
        """Return a reader of what the newest brain decides, from now on."""
        reader = RingReader(address_of(self._said[0]), self.capacity, DECISION)
        reader.seek_newest()
        return reader

    def targets(self) -> RingReader:
        """Return a reader of what the newest brain wants, from now on."""
        reader = RingReader(address_of(self._said[1]), self.capacity, TARGET)
        reader.seek_newest()
        return reader

    def candles(self) -> RingReader:
        """Return a reader of MARKET, from now on."""
        reader = RingReader(address_of(self._market), self.capacity, MARKET)
        reader.seek_newest()
        return reader

    def remember(self, candle: np.void) -> None:
        """Put ``candle``, a MARKET record of any timeframe, into HISTORY."""
        frame = TIMEFRAMES_S.index(int(candle["timeframe_s"]))
        self.history.write(history_row(int(candle["instrument"]), frame, int(candle["open_ns"])), candle)

    def _ring(self) -> Records:
        return np.zeros(ring_size(self.capacity) // 8, np.int64)
