"""The best prices as the feed last heard them, in ticks: what a limit entry is priced by.

QUOTES row --fresh, not crossed--> Quote;  else the last close has to do
           --its spot, fresh-----> basis;  else nobody knows it
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from engine.executor import Quote
from shm import records
from shm.instruments import Instrument

FRESH_NS = 10 * 1_000_000_000  # market time
SPOT_FRESH_NS = 10 * 1_000_000_000  # machine time: it is asked for, not streamed
PPM = 1_000_000


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

    def bases(self, market_ns: int, monotonic_ns: int) -> dict[str, int]:
        """How far each contract is from its spot, in millionths of that, where both are to be trusted.

        The contract's price is the middle of its quote, else its mark.
        """
        bases = {}
        for instrument in self._instruments:
            if not self._rows.read(instrument.row, self._row):
                continue
            bid, ask, mark, spot = (float(self._row[name][0]) for name in ("bid", "ask", "mark", "spot"))
            event_ns, spot_ns = (int(self._row[name][0]) for name in ("event_ns", "spot_ns"))
            price = (bid + ask) / 2 if 0.0 < bid <= ask < float("inf") else mark
            is_fresh = abs(market_ns - event_ns) <= FRESH_NS and 0 <= monotonic_ns - spot_ns <= SPOT_FRESH_NS
            if spot_ns and is_fresh and 0.0 < price < float("inf") and 0.0 < spot < float("inf"):
                bases[instrument.symbol] = round(abs(price - spot) / spot * PPM)
        return bases
