"""A session's shared memory, as one process may use it: topology decides who gets what."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shm import segment, topology
from shm.counters import AREA_WORDS, COUNTERS_BYTES, Counters, CountersView
from shm.ring import RingReader, RingWriter, ring_size
from shm.segment import Segment, SegmentError
from shm.table import SLOT, TableReader, TableWriter, table_size
from shm.topology import ROLES, Ring, Table
from shm.words import WORDS_BYTES, Words

_RINGS = {ring.name: ring for ring in topology.RINGS}
_TABLES = {table.name: table for table in topology.TABLES}
_ALL_BUT_RECORDS = {"COUNTERS": (COUNTERS_BYTES, AREA_WORDS), "WORDS": (WORDS_BYTES, len(topology.WORDS))}


class MemoryRefusedError(Exception):
    """A process asked for what the topology does not give its role."""


class Memory:
    """The segments of run ``run_id``, seen by ``role``."""

    def __init__(
        self, run_id: str, role: str, bells: Mapping[str, int] | None = None, *, directory: Path | None = None
    ) -> None:
        """Attach to a session; ``bells`` are the eventfds of the roles that sleep in an event loop."""
        if role not in ROLES:
            raise MemoryRefusedError(f"{role} is not a role: {', '.join(ROLES)}")
        self.run_id, self.role, self.bells = run_id, role, dict(bells or {})
        self._directory = directory
        self._segments: dict[str, Segment] = {}
        self._owned = False
        self._writers: set[str] = set()

    @classmethod
    def create(
        cls, run_id: str, instruments: int, bells: Mapping[str, int] | None = None, *, directory: Path | None = None
    ) -> "Memory":
        """Make every segment of a session, as its supervisor; all of them or none."""
        memory = cls(run_id, "supervisor", bells, directory=directory)
        memory._owned = True
        try:
            for name, size, record in _plan(instruments):
                memory._segments[name] = segment.create(
                    run_id, name, size, record_fingerprint=record, directory=directory
                )
        except SegmentError:
            memory.unlink()
            raise
        memory._open_counters()
        return memory

    @classmethod
    def attach(
        cls, run_id: str, role: str, bells: Mapping[str, int] | None = None, *, directory: Path | None = None
    ) -> "Memory":
        """The memory of a session that a supervisor made, for ``role``."""
        memory = cls(run_id, role, bells, directory=directory)
        memory._open_counters()
        return memory

    def _open_counters(self) -> None:
        counters, words = self._map("COUNTERS"), self._map("WORDS")
        self.counters = Counters(counters.address, self.role, retain=counters)
        self.words = Words(words.address, retain=words)

    def _map(self, name: str) -> Segment:
        if name not in self._segments:
            record = _fingerprint(name)
            self._segments[name] = segment.attach(
                self.run_id, name, record_fingerprint=record, directory=self._directory
            )
        return self._segments[name]

    def ring_writer(self, name: str) -> RingWriter:
        """The one writer of ring ``name``; refused to every role but the topology's."""
        ring = _ring(name)
        if ring.writer != self.role:
            raise MemoryRefusedError(f"{self.role} may not write ring {name}: {ring.writer} does")
        if name in self._writers:
            raise MemoryRefusedError(f"ring {name} has its one writer in this process already")
        self._writers.add(name)
        mapped = self._map(name)
        descriptors = [self.bells.get(reader, -1) for reader in ring.readers]
        return RingWriter(mapped.address, ring.capacity, ring.record, descriptors, retain=mapped)

    def ring_reader(self, name: str) -> RingReader:
        """A reader of ring ``name``; its writer may read back what it (or its predecessor) published."""
        ring = _ring(name)
        if self.role not in (*ring.readers, ring.writer):
            raise MemoryRefusedError(f"{self.role} may not read ring {name}: {', '.join(ring.readers)} do")
        doorbell = ring.readers.index(self.role) if self.role in ring.readers else -1
        mapped = self._map(name)
        return RingReader(mapped.address, ring.capacity, ring.record, doorbell, retain=mapped)

    def table_writer(self, name: str) -> TableWriter:
        """A writer of table ``name``; where every role has its own row, of that row alone."""
        table = _table(name)
        if self.role not in table.writers:
            raise MemoryRefusedError(f"{self.role} may not write table {name}: {', '.join(table.writers)} do")
        mapped = self._map(name)
        rows = (0, mapped.size // (SLOT * table.copies))
        if len(table.writers) > 1:
            row = topology.role_row(self.role)
            rows = (row, row + 1)
        return TableWriter(mapped.address, table.record, rows, table.copies, retain=mapped)

    def table_reader(self, name: str) -> TableReader:
        """A reader of table ``name``; writers may read back their own rows."""
        table = _table(name)
        if self.role not in (*table.readers, *table.writers):
            raise MemoryRefusedError(f"{self.role} may not read table {name}: {', '.join(table.readers)} do")
        mapped = self._map(name)
        rows = mapped.size // (SLOT * table.copies)
        return TableReader(mapped.address, table.record, rows, table.copies, retain=mapped)

    def counters_view(self) -> CountersView:
        """What every role has counted."""
        counters = self._map("COUNTERS")
        return CountersView(counters.address, retain=counters)

    @property
    def bell(self) -> int:
        """The eventfd of this role, -1 when it has none."""
        return self.bells.get(self.role, -1)

    def close(self) -> None:
        """Unmap everything; no writer, reader or counter of it may be used afterwards."""
        for mapped in self._segments.values():
            mapped.close()
        self._segments.clear()
        self._writers.clear()

    def unlink(self) -> None:
        """Take the names away, as their creator."""
        assert self._owned, "only the supervisor unlinks the session's memory"
        for mapped in self._segments.values():
            mapped.unlink()


def _ring(name: str) -> Ring:
    if name not in _RINGS:
        raise MemoryRefusedError(f"{name} is not a ring: {', '.join(_RINGS)}")
    return _RINGS[name]


def _table(name: str) -> Table:
    if name not in _TABLES:
        raise MemoryRefusedError(f"{name} is not a table: {', '.join(_TABLES)}")
    return _TABLES[name]


def _plan(instruments: int) -> list[tuple[str, int, int]]:
    sizes = {ring.name: ring_size(ring.capacity) for ring in topology.RINGS}
    # A table of no instruments still has a page, so that everybody can map it.
    sizes |= {table.name: table_size(max(1, table.rows(instruments)), table.copies) for table in topology.TABLES}
    sizes |= {name: size for name, (size, _) in _ALL_BUT_RECORDS.items()}
    return [(name, size, _fingerprint(name)) for name, size in sizes.items()]


def _fingerprint(name: str) -> int:
    if name in _RINGS:
        return segment.record_fingerprint(_RINGS[name].record, _RINGS[name].capacity)
    if name in _TABLES:
        return segment.record_fingerprint(_TABLES[name].record, _TABLES[name].copies)
    return segment.record_fingerprint(np.dtype("<i8"), *_ALL_BUT_RECORDS[name])
