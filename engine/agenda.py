"""When an instrument is looked at next: what waits for its time, and what is left alone after a failure.

    failure of a stop or an exit --> all of it held for retry_ms, then 1 s each time; where the venue asks us to slow
                                     down, or has nothing to reduce: 2 retry_ms, 4 retry_ms ... 30 s
    ... of an entry, or a target --> entries, or targets, wait so long; stops and exits go on
    success -----------------------> the next failure starts anew

Machine time, monotonic.
"""

from collections.abc import Iterable
from enum import Enum, auto

from engine.order import Intent
from engine.settings import ExecutorSettings
from shm.records import Purpose

PAUSE_MS_MAX = 30_000  # after failure on failure
EXIT_PAUSE_MS_MAX = 1_000  # ... of what protects
# Refused for a reason that a quick second try does not change.
PATIENT = ("RateLimited", "ReduceOnlyRejected", "NotPermitted")
NS_OF_MS = 1_000_000


class Kind(Enum):
    """What an order is to a position."""

    EXIT = auto()  # it closes or protects: a stop, too
    ENTRY = auto()
    TARGET = auto()  # a take-profit


class Agenda:
    """Instruments by symbol, and when to plan for them again."""

    def __init__(self, settings: ExecutorSettings) -> None:
        """Nothing is due."""
        self._settings = settings
        self._due: dict[str, int] = {}
        self._until: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
        self._failures: dict[tuple[str, Kind], int] = {}  # orders in a row that did not happen

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
        held_until_ns = self._until[Kind.EXIT].get(symbol, 0)
        if now_ns < held_until_ns:
            self._due[symbol] = held_until_ns
            return False
        return True

    def waits_ns(self, kind: Kind, symbol: str, now_ns: int) -> int:
        """Until when no entry, or target, of ``symbol`` is sent, which comes up again then; 0: now is well."""
        until_ns = self._until[kind].get(symbol, 0)
        if now_ns >= until_ns:
            return 0
        self._due.setdefault(symbol, until_ns)
        return until_ns

    def free(self, symbol: str = "") -> None:
        """Somebody wants out, of ``symbol`` or of everything: what is held may be tried once more at once."""
        held = self._until[Kind.EXIT]
        for name in [symbol] if symbol else list(held):
            held.pop(name, None)

    def fail(self, failed: tuple[str, Kind], held: Iterable[str], now_ns: int, pause_ms_min: int, refusal: str) -> None:
        """An order (symbol, kind) did not happen: leave ``held`` alone, longer each time."""
        failures = self._failures[failed] = self._failures.get(failed, 0) + 1
        is_quick = failed[1] is Kind.EXIT and refusal not in PATIENT
        most_ms = max(EXIT_PAUSE_MS_MAX, self._settings.retry_ms) if is_quick else PAUSE_MS_MAX
        pause_ms = min(self._settings.retry_ms << min(failures - 1, 16), most_ms)
        until_ns = now_ns + max(pause_ms, pause_ms_min) * NS_OF_MS
        self._until[failed[1]].update(dict.fromkeys(held, until_ns))

    def succeed(self, symbol: str) -> None:
        """An order of ``symbol`` happened."""
        for kind in Kind:
            self._failures.pop((symbol, kind), None)


def kind_of(intent: Intent) -> Kind:
    """What an order is to a position."""
    if intent.purpose == Purpose.TAKE_PROFIT:
        return Kind.TARGET
    return Kind.EXIT if intent.reduce_only else Kind.ENTRY
