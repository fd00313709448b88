"""What a running session shows of itself: candles, latency, losses; read from shared memory, never asked for."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.doubts import doubled
from engine.journal import JournalError, JournalReader
from orchestrator.crew import Crew
from shm.counters import Counter, Hop
from shm.memory import Memory
from shm.records import POSITION

LATENCY_FIELDS = {"count": "count", "p50": "p50_ns", "p99": "p99_ns", "p999": "p999_ns", "max": "max_ns"}


class SessionGauges:
    """The counters of every role, totalled."""

    def __init__(self, memory: Memory, crew: Crew, account: Path) -> None:
        """``account``: the folder of the journal, which alone knows what was doubled."""
        self._view = memory.counters_view()
        self._positions = memory.table_reader("POSITIONS")
        self._crew = crew
        self._journal = JournalReader(account)

    def candles(self) -> int:
        """Candles published so far."""
        return self._view.total(Counter.CANDLES_PUBLISHED)

    def decision_latency_ns(self) -> tuple[int, int]:
        """p50 and p99 of the brain's hop."""
        hop = self._view.read("brain")["hops"].get(Hop.RING_TO_DECISION.name)
        return (hop["p50_ns"], hop["p99_ns"]) if hop else (0, 0)

    def lost_and_doubled(self) -> tuple[int, int | None]:
        """Records lost, and intents that the exchange carried out more than once; None: the journal cannot say."""
        lost = self._view.total(Counter.RECORDS_LOST)
        if not self._journal.path.exists():
            return lost, 0  # nothing was ever intended
        try:
            self._journal.refresh()
        except JournalError:
            return lost, None  # just being made, or broken: then the engine says so
        return lost, doubled(self._journal.books)

    def protection(self) -> str:
        """Whether every open position has its stop at the exchange, in words."""
        row, held, bare = np.zeros(1, POSITION), 0, 0
        for number in range(self._positions.rows):
            if self._positions.read(number, row) and row["lots"][0]:
                held += 1
                bare += int(not row["stop_ticks"][0])
        if not held:
            return "no position was open"
        return f"{bare} of {held} positions WITHOUT stop" if bare else "stop stayed"


def latency(memory: Memory) -> dict[str, dict[str, int]]:
    """Return count and percentiles of every hop that was taken, worst role first where several take it."""
    hops: dict[str, dict[str, int]] = {}
    for role, shown in memory.counters_view().read_all().items():
        for name, hop in shown["hops"].items():
            key = name.lower() if name.lower() not in hops else f"{name.lower()}_{role}"
            hops[key] = {ours: int(hop[theirs]) for ours, theirs in LATENCY_FIELDS.items()}
    return hops


def totals(memory: Memory) -> dict[str, Any]:
    """Return every counter that is not zero, over all roles, by name."""
    view = memory.counters_view()
    return {counter.name.lower(): view.total(counter) for counter in Counter if view.total(counter)}
