"""The roll-call at the start: has every symbol its first decision on record?

    09:00   BTC x   ETH x   SOL .        x  a decision, of whatever reason
    09:01   BTC x   ETH x   SOL .
    09:02   -> SOL has none: said once, by name; and again when it has come

No symbol is traded before its first decision: a target leaves the brain together with its decision, and without
one there is none.  What the roll-call adds is that a symbol which stays silent does not stay unnoticed.
"""

from collections.abc import Sequence

PATIENCE_NS = 120 * 1_000_000_000  # two minutes: one candle may be late


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
            return f"no decision yet on {', '.join(self.missing)}: not traded; is its market open?"
        return ""
