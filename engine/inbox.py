"""What other processes tell the engine, row numbers turned into names.

MARKET ----> Candle      read after TARGETS: the candle behind every target that we
TARGETS ---> Target      hold is then among those that we have read
KILL ------> Kill
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from engine.messages import Candle, Target
from shm import records
from shm.instruments import Instrument
from shm.records import MarketKind, Unit

BATCH = 512
MINUTE_S = 60
NS = 1_000_000_000


class MarketRecord(NamedTuple):
    """What the engine reads of a MARKET record, by its field names."""

    kind: int
    timeframe_s: int
    instrument: int
    open_ns: int
    high: float
    low: float
    close: float


class TargetRecord(NamedTuple):
    """What the engine reads of a TARGETS record."""

    kind: int
    instrument: int
    strategy: int
    unit: int
    target_id: int
    amount: int
    stop_ticks: int
    reference_ticks: int
    valid_until_ns: int
    open_ns: int
    trail_ticks: int
    received_ns: int
    decided_ns: int


MARKET_READ, TARGET_READ = list(MarketRecord._fields), list(TargetRecord._fields)


class Reader(Protocol):
    """A ring's reader, as shm.ring has it."""

    @property
    def sequence(self) -> int:
        """The next record to read."""
        ...

    @property
    def lost(self) -> int:
        """Records that were overwritten before we read them."""
        ...

    def read_into(self, batch: np.ndarray[Any, Any]) -> int:
        """Fill the front of ``batch``; how many."""
        ...


class Inbox:
    """The engine's rings, read in the order that keeps cause before effect."""

    def __init__(self, market: Reader, targets: Reader, names: tuple[Sequence[Instrument], Sequence[str]]) -> None:
        """``names``: the instruments and the strategies, both by row."""
        self._market = market
        self._targets = targets
        self._instruments, self._strategies = names
        self._candle_batch = np.zeros(BATCH, records.MARKET)
        self._target_batch = np.zeros(BATCH, records.TARGET)
        self._close_ns = [0] * len(self._instruments)  # newest closed minute, by row
        self._close_seq = [-1] * len(self._instruments)  # and its record's sequence
        self.strangers = 0  # records of rows that we do not know

    @property
    def closes(self) -> list[tuple[int, int]]:
        """Close time and sequence of the newest minute of each instrument; sequence -1 before the first."""
        return list(zip(self._close_ns, self._close_seq, strict=True))

    @property
    def market_seq(self) -> int:
        """All MARKET records before this one are read."""
        return self._market.sequence

    def read(self) -> list[Candle | Target]:
        """Everything new, candles first."""
        targets = self._new_targets()
        return [*self._new_candles(), *targets]

    def _new_candles(self) -> list[Candle]:
        candles: list[Candle] = []
        while True:
            count = self._market.read_into(self._candle_batch)
            first = self._market.sequence - count
            # As plain tuples, all at once: a field of a numpy record costs as much as all else about a candle.
            for offset, row in enumerate(self._candle_batch[MARKET_READ][:count].tolist()):
                record = MarketRecord._make(row)
                if record.kind == MarketKind.CANDLE and record.timeframe_s == MINUTE_S:
                    candles += self._candle(record, first + offset)
            if count < BATCH:
                return candles

    def _candle(self, record: MarketRecord, sequence: int) -> list[Candle]:
        """The candle in ticks; none for a stranger, and none that is missing and has no prices."""
        row = record.instrument
        if row >= len(self._instruments):
            self.strangers += 1
            return []
        open_ns = record.open_ns
        close_ns = open_ns + MINUTE_S * NS
        self._close_ns[row] = max(self._close_ns[row], close_ns)
        self._close_seq[row] = max(self._close_seq[row], sequence)
        if not 0.0 < record.close < float("inf"):
            return []
        instrument = self._instruments[row]
        close, high, low = (instrument.ticks(price) for price in (record.close, record.high, record.low))
        return [
            Candle(
                instrument=instrument.symbol,
                open_ns=open_ns,
                close_ns=close_ns,
                high_ticks=high,
                low_ticks=low,
                close_ticks=close,
            )
        ]

    def _new_targets(self) -> list[Target]:
        targets: list[Target] = []
        while True:
            count = self._targets.read_into(self._target_batch)
            for row in self._target_batch[TARGET_READ][:count].tolist():
                target = self._target(TargetRecord._make(row))
                if target is not None:
                    targets.append(target)
            if count < BATCH:
                return targets

    def _target(self, record: TargetRecord) -> Target | None:
        if record.kind == records.GAP:
            return None
        if record.instrument >= len(self._instruments) or record.strategy >= len(self._strategies):
            self.strangers += 1
            return None
        return Target(
            instrument=self._instruments[record.instrument].symbol,
            strategy=self._strategies[record.strategy],
            unit=Unit(record.unit),
            target_id=record.target_id,
            amount=record.amount,
            stop_ticks=record.stop_ticks,
            reference_ticks=record.reference_ticks,
            valid_until_ns=record.valid_until_ns,
            open_ns=record.open_ns,
            trail_ticks=record.trail_ticks,
            received_ns=record.received_ns,
            decided_ns=record.decided_ns,
        )
