"""The roll-calls: has every symbol its first record before trading starts, and after that its first decision?

    ready   BTC x   ETH x   SOL x   XYZ .    x  a closed minute in HISTORY
            -> XYZ has none: left out until its data comes, or the start is refused (``market.without_data``)
    09:00   BTC x   ETH x   SOL .            x  a decision, of whatever reason
    09:01   BTC x   ETH x   SOL .
    09:02   -> SOL has none: said once, by name; and again when it has come

No symbol is traded before its first decision: a target leaves the brain together with its decision, and without
one there is none.  What the roll-calls add is that a symbol which stays silent does not stay unnoticed.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from shm.records import MARKET, Provenance
from shm.topology import HISTORY_DEPTH, history_row

MINUTE_NS = 60 * 1_000_000_000
NAMED_MAX = 10
PATIENCE_NS = 120 * 1_000_000_000  # two minutes: one candle may be late


class Rows(Protocol):
    """What is needed of table HISTORY."""

    def read(self, row: int, out: np.ndarray[Any, Any]) -> bool:
        """Copy the row; False when there is none."""
        ...


def without_record(history: Rows, symbols: Sequence[str], market_ns: int) -> list[str]:
    """Return the symbols of which no closed minute is known at ``market_ns``."""
    record = np.zeros(1, MARKET)
    newest_ns = market_ns // MINUTE_NS * MINUTE_NS

    def is_known(row: int) -> bool:
        # From the newest back: who trades is found at once.
        places = (history_row(row, 0, newest_ns - back * MINUTE_NS) for back in range(HISTORY_DEPTH))
        return any(history.read(place, record) and record["provenance"][0] != Provenance.MISSING for place in places)

    return [symbol for row, symbol in enumerate(symbols) if not is_known(row)]


def some(names: Sequence[str]) -> str:
    """Return names for a line: all, or the first and how many there are."""
    shown = ", ".join(names[:NAMED_MAX])
    return shown if len(names) <= NAMED_MAX else f"{shown}, ... ({len(names)} in all)"


class RollCall:
    """Hears every decision; speaks when all have come, and when one stays away."""

    def __init__(self, symbols: Sequence[str], strategies: int) -> None:
        """Expect a first decision of each of ``strategies`` on each of ``symbols``."""
        self._symbols = tuple(symbols)
        self._missing = {(row, strategy) for row in range(len(symbols)) for strategy in range(strategies)}
        self._began_ns: int | None = None
        self._has_warned = False

    @property
    def missing(self) -> list[str]:
        """Return the symbols that lack a first decision, in their order."""
        rows = {row for row, _ in self._missing}
        return [symbol for row, symbol in enumerate(self._symbols) if row in rows]

    def hear(self, instrument: int, strategy: int, open_ns: int) -> str:
        """Note a decision on the candle of ``open_ns``; what there is to say, or an empty string."""
        if not self._missing:
            return ""
        self._began_ns = open_ns if self._began_ns is None else self._began_ns
        self._missing.discard((instrument, strategy))
        if not self._missing:
            return f"every symbol has its first decision ({len(self._symbols)} of {len(self._symbols)})"
        if open_ns - self._began_ns >= PATIENCE_NS and not self._has_warned:
            self._has_warned = True
            return f"no decision yet on {some(self.missing)}: not traded; is its market open?"
        return ""
