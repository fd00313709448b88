"""The best prices as the feed last heard them, in ticks: what a limit entry is priced by.

QUOTES row --fresh, not crossed--> Quote;  else the last close has to do
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from engine.executor import Quote
from shm import records
from shm.instruments import Instrument

FRESH_NS = 10 * 1_000_000_000  # market time


class Rows(Protocol):
    """A table's reader, as shm.table has it."""

    def read(self, row: int, out: np.ndarray[Any, Any]) -> bool:
        """Copy the row; False when there is none yet."""
        ...


class Quotes:
    """Table QUOTES for the instruments of a session."""

    def __init__(self, rows: Rows, instruments: Sequence[Instrument]) -> None:
        """Read nothing yet."""
        self._rows, self._instruments = rows, instruments
        self._row: np.ndarray[Any, Any] = np.zeros(1, records.QUOTE)

    def read(self, market_ns: int) -> dict[str, Quote]:
        """Every instrument's quote, where there is one to be trusted at ``market_ns``."""
        quotes = {}
        for instrument in self._instruments:
            if not self._rows.read(instrument.row, self._row):
                continue
            bid, ask, event_ns = (self._row[name][0] for name in ("bid", "ask", "event_ns"))
            # A comparison with NaN is false, so NaN is no quote.
            if 0.0 < bid <= ask < float("inf") and abs(market_ns - int(event_ns)) <= FRESH_NS:
                quotes[instrument.symbol] = Quote(instrument.ticks(float(bid)), instrument.ticks(float(ask)))
        return quotes
