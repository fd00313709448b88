"""The brain's process: reads MARKET, decides, publishes, tells how far it is.

start   strategies compiled or loaded, then tried; lanes laid; what stood is restored
work    commands; drain MARKET until it is empty; pulse; counters
wait    spin a little, then sleep on the futex of ring MARKET
"""

from dataclasses import dataclass

import numpy as np

from brain.kernels import compile_all
from brain.loop import WAITS_KEPT
from brain.routes import Ports
from brain.settings import BrainSettings
from brain.thinking import Counts, Thinking
from shm.agent import Body, read_command
from shm.counters import Counter, Gauge, Hop
from shm.memory import Memory
from shm.records import INSTRUMENT, Life, Order
from shm.wait import sleep_until_news

COUNTED = {
    Counter.DECISIONS: "decisions",
    Counter.DECISIONS_COLD: "cold",
    Counter.TARGETS: "targets",
    Counter.RECORDS_LOST: "lost",
    Counter.RECORDS_GAP: "gaps",
}


def ticks_e8(memory: Memory) -> list[int]:
    """Return the tick of each instrument in table INSTRUMENTS, in the order of its rows."""
    table, record, found = memory.table_reader("INSTRUMENTS"), np.zeros(1, INSTRUMENT), []
    for row in range(table.rows):
        if not table.read(row, record):
            break
        found.append(int(record["tick_e8"][0]))
    return found


@dataclass(slots=True)
class _Told:
    """What was counted when the counters were written last."""

    counts: dict[str, int]
    decisions_seq: int


class BrainAgent:
    """What shm.agent.run drives."""

    def __init__(self, body: Body, settings: BrainSettings) -> None:
        """Decide with ``settings`` for the session of ``body``."""
        self._body, self._settings = body, settings

    def start(self) -> None:
        """Load, restore, be READY; HISTORY is read at the first candle of each instrument."""
        body, memory = self._body, self._body.memory

        def progress(done: int, of: int, name: str) -> None:
            body.pulse.tell(detail=f"compiling {done} of {of}: {name.rsplit('/', 1)[-1]}")
            memory.counters.set(Gauge.COMPILED, done)
            memory.counters.set(Gauge.COMPILED_OF, of)

        strategies = compile_all(self._settings, progress)
        self.market = memory.ring_reader("MARKET")
        ports = Ports(
            market=self.market,
            targets=memory.ring_writer("TARGETS"),
            decisions=memory.ring_writer("DECISIONS"),
            positions=memory.table_reader("POSITIONS"),
        )
        history = memory.table_reader("HISTORY")
        self.thinking = Thinking(ports, history, strategies, ticks_e8(memory), self._settings.valid_candles)
        restored, routes = self.thinking.start(body.pulse.epoch), len(self.thinking.routes.routes)
        self._told = _Told(dict.fromkeys(COUNTED.values(), 0), ports.decisions.sequence)
        body.pulse.tell(
            life=Life.READY,
            market_seq=self.thinking.market_seq,
            detail=f"{routes} routes, {restored} of them as they stood" if restored else f"{routes} routes, all new",
        )

    def work(self) -> int:
        """Obey, then decide what is there; the number of MARKET records passed."""
        order = self._obey()
        if order is Order.PREPARE:
            return 0
        done = self.thinking.think()
        if done:
            # only now: every decision and target of the earlier records is out
            self._body.pulse.tell(market_seq=self.thinking.market_seq)
            self._count(self.thinking.counts)
        return done

    def _obey(self) -> Order:
        pulse, command = self._body.pulse, read_command(self._body.memory)
        if command.order is Order.STOP:
            self._body.stopping.tell()
        life = _LIFE[command.order]
        if life is not None and pulse.life is not life:
            pulse.tell(life=life, obeyed=command.version, detail="")
        return command.order

    def _count(self, counts: Counts) -> None:
        counters, told = self._body.memory.counters, self._told
        for counter, name in COUNTED.items():
            now = getattr(counts, name)
            counters.add(counter, now - told.counts[name])
            told.counts[name] = now
        decisions_seq = int(self.thinking.routes.context["decisions_seq"][0])
        for sequence in range(max(told.decisions_seq, decisions_seq - WAITS_KEPT), decisions_seq):
            counters.record(Hop.RING_TO_DECISION, int(self.thinking.routes.waits_ns[sequence % WAITS_KEPT]))
        told.decisions_seq = decisions_seq

    def wait(self, count: int) -> None:
        """Sleep until there is news, when there was nothing to do."""
        if count == 0:
            sleep_until_news(self.market, self._settings.spin_us * 1000, self._settings.sleep_ms * 1_000_000)

    def close(self) -> None:
        """Nothing of ours outlives the memory, which its owner closes."""


_LIFE: dict[Order, Life | None] = {
    Order.PREPARE: None,
    Order.RUN: Life.RUNNING,
    Order.DRAIN: Life.DRAINED,
    Order.STOP: None,
}
