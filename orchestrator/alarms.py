"""What the operator must be told of a running session, once each: kill word, lost ground, counters too high.

    kill word rises ------------------------> "!! trading: EXITS_ONLY"
    STATE or the session's folder is gone --> "!! ... is gone", and the kill word rises to NO_ENTRIES
    a counter passes its alert_above -------> "!! records overwritten before this process read them: 3"
    a gauge does, and again after it fell --> "!! machine seconds since the private stream showed life: 46"

The supervisor looks as well as the engine does, so that a stuck engine is no reason for silence.
"""

from collections.abc import Iterator
from pathlib import Path

from engine.switch import Ground
from shm.counters import GAUGE_META, META, Gauge
from shm.memory import Memory
from shm.records import Kill

INTERVAL_NS = 500_000_000  # machine time between two looks


class Alarms:
    """Looks at what can go wrong; each alarm is told when it begins."""

    def __init__(self, memory: Memory, *places: Path) -> None:
        """``memory``: of the session, attached by any role; ``places``: what must stay where it is."""
        self._words = memory.words
        self._view = memory.counters_view()
        self._ground = Ground(*places)
        self._kill = Kill.NORMAL
        self._gone = ""
        self._told: dict[int, bool] = {}
        self._high: dict[Gauge, bool] = {}
        self._due_ns = 0

    def lines(self, now_ns: int) -> Iterator[str]:
        """Yield what is new at monotonic time ``now_ns``."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + INTERVAL_NS
        gone = self._ground.gone()
        if gone and gone != self._gone:
            self._words.raise_kill(Kill.NO_ENTRIES)
            yield f"!! {gone}: no entries; nothing of this session is kept unless it comes back"
        self._gone = gone
        level = self._words.kill_level()
        if level is not self._kill:
            self._kill = level
            yield f"!! trading: {level.name.lower().replace('_', ' ')}"
        for counter, meta in META.items():
            if meta.alert_above is None or counter in self._told:
                continue
            total = self._view.total(counter)
            if total > meta.alert_above:
                self._told[counter] = True
                yield f"!! {meta.help}: {total}"
        yield from self._gauges()

    def _gauges(self) -> Iterator[str]:
        for gauge, meta in GAUGE_META.items():
            if meta.alert_above is None:
                continue
            value = self._view.highest(gauge)
            if value > meta.alert_above and not self._high.get(gauge):
                yield f"!! {meta.help}: {value:.0f}"
            self._high[gauge] = value > meta.alert_above
