"""A ring on disk: fixed records in segment files, turned into Parquet when a segment is full or the session ends.

    market/00000000000000000000.tape      name: sequence of its first record
    +----------------+----------------------+-- - -
    | header, 128 B  | sequence 8 | record 120 |   ...      appended whole batches; a torn tail is cut off
    +----------------+----------------------+-- - -
    market/00000000000000000000.parquet   the same, once complete; written aside and renamed

A SIGKILL costs nothing that was written: the next writer goes on after the last whole record.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"RINGTAPE"
HEADER = 128
RECORDS_MAX = 1 << 17  # of one file: 16 MiB


class TapeError(Exception):
    """A file is no tape of this record: one clear line."""


class Tape:
    """The one writer of a folder of segment files."""

    def __init__(self, folder: Path, record: "np.dtype[np.void]", records_max: int = RECORDS_MAX) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._record = record
        self._slot = slot_of(record)
        self._records_max = records_max
        self._file = -1
        self._count = 0
        self.sequence = 0  # the first one not yet on the tape
        self._resume()

    def append(self, sequence: int, batch: np.ndarray) -> None:
        """Write the records ``sequence``, ``sequence + 1``, ..."""
        while len(batch):
            if self._file < 0:
                self._open(sequence)
            room = min(self._records_max - self._count, len(batch))
            slots = np.zeros(room, self._slot)
            slots["sequence"] = np.arange(sequence, sequence + room)
            slots["record"] = batch[:room]
            os.write(self._file, slots.tobytes())
            self._count += room
            sequence += room
            self.sequence = sequence
            batch = batch[room:]
            if self._count == self._records_max:
                self.rotate()

    def rotate(self) -> None:
        """Turn the open segment into Parquet."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        for path in sorted(self._folder.glob("*.tape")):
            to_parquet(path, self._record)

    def close(self) -> None:
        """Leave the segment as it is; the next writer goes on."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _resume(self) -> None:
        for done in self._folder.glob("*.parquet"):
            done.with_suffix(".tape").unlink(missing_ok=True)
            self.sequence = max(self.sequence, _last_sequence(done) + 1)
        tapes = sorted(self._folder.glob("*.tape"))
        for path in tapes:
            size = path.stat().st_size
            whole = HEADER + max(0, size - HEADER) // self._slot.itemsize * self._slot.itemsize
            if size < HEADER:
                path.unlink()
                continue
            os.truncate(path, whole)
            slots = read_tape(path, self._record)
            if len(slots):
                self.sequence = max(self.sequence, int(slots["sequence"][-1]) + 1)
            if path == tapes[-1]:
                self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
                self._count = len(slots)

    def _open(self, sequence: int) -> None:
        path = self._folder / f"{sequence:020d}.tape"
        header = MAGIC + fingerprint(self._record) + sequence.to_bytes(8, "little")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.write(self._file, header.ljust(HEADER, b"\0"))
        self._count = 0


def slot_of(record: "np.dtype[np.void]") -> "np.dtype[np.void]":
    """Return a record with its sequence before it, as it lies on the tape."""
    return np.dtype([("sequence", "<i8"), ("record", record)])


def fingerprint(record: "np.dtype[np.void]") -> bytes:
    """Return eight bytes that change with the record's layout."""
    return hashlib.sha256(repr(record.descr).encode()).digest()[:8]


def read_tape(path: Path, record: "np.dtype[np.void]") -> np.ndarray:
    """Return the whole slots of one segment file; a torn tail is left out."""
    content = path.read_bytes()
    if content[:8] != MAGIC or content[8:16] != fingerprint(record):
        raise TapeError(f"{path}: no tape of this record, or of another version")
    slot = slot_of(record)
    count = (len(content) - HEADER) // slot.itemsize
    return np.frombuffer(content, slot, count, HEADER)


def read_folder(folder: Path, record: "np.dtype[np.void]") -> np.ndarray:
    """Return every slot of a folder, Parquet and open segments, in order."""
    parts = [_from_parquet(path, record) for path in sorted(folder.glob("*.parquet"))]
    parts += [
        read_tape(path, record) for path in sorted(folder.glob("*.tape")) if not path.with_suffix(".parquet").exists()
    ]
    return np.concatenate(parts) if parts else np.zeros(0, slot_of(record))


def to_parquet(path: Path, record: "np.dtype[np.void]") -> None:
    """Replace a segment file by a Parquet file of the same rows."""
    import pyarrow as pa
    from pyarrow import parquet

    slots = read_tape(path, record)
    if len(slots):
        columns: dict[str, Any] = {"sequence": slots["sequence"]}
        columns |= dict(_columns(slots["record"]))
        aside = path.with_suffix(".parquet.part")
        parquet.write_table(pa.table(columns), aside, compression="zstd")
        aside.replace(path.with_suffix(".parquet"))
    path.unlink()


def _columns(records: np.ndarray) -> Any:
    for name in records.dtype.names or ():
        values = records[name]
        if values.ndim == 1:
            yield name, np.ascontiguousarray(values)
            continue
        for number in range(values.shape[1]):
            yield f"{name}_{number}", np.ascontiguousarray(values[:, number])


def _from_parquet(path: Path, record: "np.dtype[np.void]") -> np.ndarray:
    from pyarrow import parquet

    table = parquet.read_table(path)
    slots = np.zeros(table.num_rows, slot_of(record))
    slots["sequence"] = table["sequence"].to_numpy()
    records = slots["record"]
    for name in record.names or ():
        if records[name].ndim == 1:
            records[name] = table[name].to_numpy()
            continue
        for number in range(records[name].shape[1]):
            records[name][:, number] = table[f"{name}_{number}"].to_numpy()
    return slots


def _last_sequence(path: Path) -> int:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    column = file.schema_arrow.get_field_index("sequence")
    last = file.metadata.row_group(file.metadata.num_row_groups - 1).column(column).statistics
    return int(last.max)
