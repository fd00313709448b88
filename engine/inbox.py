"""What other processes tell the engine, row numbers turned into names.

MARKET ----> Candle      read after TARGETS: the candle behind every target that we
TARGETS ---> Target      hold is then among those that we have read
KILL ------> Kill
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from engine.messages import Candle, Target
from shm import records
from shm.instruments import Instrument
from shm.records import MarketKind, Unit

BATCH = 512
MINUTE_S = 60
NS = 1_000_000_000


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
            for offset, record in enumerate(self._candle_batch[:count]):
                if record["kind"] == MarketKind.CANDLE and record["timeframe_s"] == MINUTE_S:
                    candles += self._candle(record, first + offset)
            if count < BATCH:
                return candles

    def _candle(self, record: np.void, sequence: int) -> list[Candle]:
        """The candle in ticks; none for a stranger, and none that is missing and has no prices."""
        row = int(record["instrument"])
        if row >= len(self._instruments):
            self.strangers += 1
            return []
        open_ns = int(record["open_ns"])
        close_ns = open_ns + MINUTE_S * NS
        self._close_ns[row] = max(self._close_ns[row], close_ns)
        self._close_seq[row] = max(self._close_seq[row], sequence)
        if not 0.0 < float(record["close"]) < float("inf"):
            return []
        instrument = self._instruments[row]
        close, high, low = (instrument.ticks(float(record[name])) for name in ("close", "high", "low"))
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
            for record in self._target_batch[:count]:
                target = self._target(record)
                if target is not None:
                    targets.append(target)
            if count < BATCH:
                return targets

    def _target(self, record: np.void) -> Target | None:
        if record["kind"] == records.GAP:
            return None
        if record["instrument"] >= len(self._instruments) or record["strategy"] >= len(self._strategies):
            self.strangers += 1
            return None
        return Target(
            instrument=self._instruments[record["instrument"]].symbol,
            strategy=self._strategies[record["strategy"]],
            unit=Unit(int(record["unit"])),
            target_id=int(record["target_id"]),
            amount=int(record["amount"]),
            stop_ticks=int(record["stop_ticks"]),
            reference_ticks=int(record["reference_ticks"]),
            valid_until_ns=int(record["valid_until_ns"]),
            open_ns=int(record["open_ns"]),
            trail_ticks=int(record["trail_ticks"]),
            received_ns=int(record["received_ns"]),
            decided_ns=int(record["decided_ns"]),
        )
