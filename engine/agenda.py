"""When an instrument is looked at next: what waits for its time, and what is left alone after a failure.

    failure ---> held for retry_ms, 2 retry_ms, 4 retry_ms ... 30 s   (nothing is sent meanwhile;
                 of an entry: entries wait, stops and exits go on)
    success ---> the next failure starts anew

Machine time, monotonic.
"""

from collections.abc import Iterable

from engine.settings import ExecutorSettings

PAUSE_MS_MAX = 30_000  # after failure on failure
NS_OF_MS = 1_000_000


class Agenda:
    """Instruments by symbol, and when to plan for them again."""

    def __init__(self, settings: ExecutorSettings) -> None:
        """Nothing is due."""
        self._settings = settings
        self._due: dict[str, int] = {}
        self._held_until: dict[str, int] = {}
        self._entries_until: dict[str, int] = {}
        self._failures: dict[str, int] = {}  # orders in a row that did not happen

    @property
    def is_empty(self) -> bool:
        """Nothing waits for its time."""
        return not self._due

    def look_at(self, symbol: str, at_ns: int) -> None:
        """Plan for ``symbol`` at ``at_ns``."""
        self._due[symbol] = at_ns

    def due(self, now_ns: int) -> list[str]:
        """Whose time has come."""
        return [symbol for symbol, due_ns in self._due.items() if due_ns <= now_ns]

    def begin(self, symbol: str, now_ns: int) -> bool:
        """Whether ``symbol`` may be planned for now; what is held is due when it is free again."""
        self._due.pop(symbol, None)
        held_until_ns = self._held_until.get(symbol, 0)
        if now_ns < held_until_ns:
            self._due[symbol] = held_until_ns
            return False
        return True

    def entries_wait_ns(self, symbol: str, now_ns: int) -> int:
        """Until when nothing is added to ``symbol``, which comes up again then; 0: now is well."""
        until_ns = self._entries_until.get(symbol, 0)
        if now_ns >= until_ns:
            return 0
        self._due.setdefault(symbol, until_ns)
        return until_ns

    def free(self) -> None:
        """Somebody wants out: whatever is held may be tried once more at once."""
        self._held_until.clear()

    def fail(
        self, symbol: str, held: Iterable[str], now_ns: int, retry_after_ms: int, *, is_entry: bool = False
    ) -> None:
        """An order of ``symbol`` did not happen: leave ``held`` alone, longer each time."""
        failures = self._failures[symbol] = self._failures.get(symbol, 0) + 1
        pause_ms = min(self._settings.retry_ms << min(failures - 1, 16), PAUSE_MS_MAX)
        until_ns = now_ns + max(pause_ms, retry_after_ms) * NS_OF_MS
        (self._entries_until if is_entry else self._held_until).update(dict.fromkeys(held, until_ns))

    def succeed(self, symbol: str) -> None:
        """An order of ``symbol`` happened."""
        self._failures.pop(symbol, None)
