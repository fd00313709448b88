"""The recorder: copies rings to tapes, so that a session can be asked and replayed after its memory is gone.

MARKET, DECISIONS, TARGETS, ORDER_EVENTS   every record, as it comes
HISTORY                                    whole, at the start and at the end: what a brain warms up with
"""

from pathlib import Path

import numpy as np

from orchestrator.tape import Tape
from shm.agent import Body, read_command
from shm.counters import Counter
from shm.memory import Memory
from shm.records import Life, Order
from shm.topology import RINGS, TABLES

RECORDED = {"MARKET": "market", "DECISIONS": "decisions", "TARGETS": "targets", "ORDER_EVENTS": "orders"}
PAST = "history"  # the tape of table HISTORY
(PAST_RECORD,) = (table.record for table in TABLES if table.name == "HISTORY")
BATCH = 1024


def keep_past(memory: Memory, folder: Path) -> None:
    """Write table HISTORY to its tape as it stands before the first minute moves.

    A brain warms up with all of it.  The recorder starts after the first decision: in a fast session the oldest rows
    are overwritten by then, and a replay would warm up from a later candle: not the same to the last bit.
    """
    tape = Tape(folder / PAST, PAST_RECORD)
    tape.append(tape.sequence, memory.table_reader("HISTORY").read_all())
    tape.close()


class Recorder:
    """The agent of role ``recorder``."""

    def __init__(self, body: Body, folder: Path) -> None:
        self._body = body
        self._memory = body.memory
        self._folder = folder
        self._tapes: dict[str, Tape] = {}
        self._lost = 0

    def start(self) -> None:
        """Go on where the tapes end."""
        records = {ring.name: ring.record for ring in RINGS}
        self._readers = {name: self._memory.ring_reader(name) for name in RECORDED}
        self._batches = {name: np.zeros(BATCH, records[name]) for name in RECORDED}
        for name, place in RECORDED.items():
            self._tapes[name] = tape = Tape(self._folder / place, records[name])
            if tape.sequence:
                self._readers[name].seek(tape.sequence)
            else:
                self._readers[name].seek_oldest()
        self._past = Tape(self._folder / PAST, PAST_RECORD)
        if not self._past.sequence:
            self._copy_history()
        self._body.pulse.tell(life=Life.READY)

    def work(self) -> int:
        """Obey, then copy what is new; returns how many records."""
        command = read_command(self._memory)
        if command.order == Order.STOP:
            self._body.stopping.tell()
        elif command.order == Order.RUN and self._body.pulse.life is Life.READY:
            self._body.pulse.tell(life=Life.RUNNING, obeyed=command.version)
        return sum(self._copy(name) for name in RECORDED)

    def close(self) -> None:
        """Copy what is left and turn the tapes into Parquet."""
        while self.work():
            pass
        self._copy_history()
        for tape in (*self._tapes.values(), self._past):
            tape.rotate()

    def _copy_history(self) -> None:
        self._past.append(self._past.sequence, self._memory.table_reader("HISTORY").read_all())

    def _copy(self, name: str) -> int:
        reader, batch = self._readers[name], self._batches[name]
        count = reader.read_into(batch)
        if count:
            # After a lap the reader stands behind the loss: the batch ends at its next sequence.
            self._tapes[name].append(reader.sequence - count, batch[:count])
            self._memory.counters.add(Counter.RECORDS_WRITTEN, count)
        lost = sum(each.lost for each in self._readers.values())
        if lost > self._lost:
            self._memory.counters.add(Counter.RECORDS_LOST, lost - self._lost)
            self._lost = lost
        return count
