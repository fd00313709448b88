"""What the feed says of its data, in its log: the 1st, 2nd, 4th, 8th ... time of each kind; a storm fills no disk."""

from collections.abc import Callable
from typing import Any

from feed.continuity import ROUTINE


class Reports:
    """One line a kind and symbol, and again whenever it has come twice as often."""

    def __init__(self, log: Any, symbol: Callable[[int], str]) -> None:
        """``symbol`` names a row."""
        self._log, self._symbol = log, symbol
        self._counts: dict[tuple[int | None, str], int] = {}

    def tell(self, row: int | None, what: str, open_ns: int) -> None:
        """Take note of it."""
        key = (row, what.split(":", 1)[0][:40])
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if count & (count - 1) == 0:
            say = self._log.info if what in ROUTINE else self._log.warning
            symbol = "" if row is None else self._symbol(row)
            say("market data", symbol=symbol, what=what, open_ns=open_ns, times=count)
