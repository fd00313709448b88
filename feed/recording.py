"""Market data files: candles written and read in one place, defects counted by kind and row.

    .parquet  .csv  .csv.gz     columns: open_time (or timestamp, time, date) open high low close volume
                                times in seconds, ms, us or ns since 1970, Parquet timestamps, or spelled out
                                (2025-05-20 00:01; without a zone it is UTC)

Reading never repairs: a bad row is named and left out, a hole stays a hole.
"""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feed.candle import Candle, MalformedFrameError, number
from feed.continuity import Series, Verdict

TIME_NAMES = ("open_time", "timestamp", "open_ns", "time", "date")
VALUE_NAMES = ("open", "high", "low", "close", "volume")
OPTIONAL_NAMES = ("quote_volume", "taker_volume", "taker_quote_volume", "trades")
DEFECTS_LISTED_MAX = 1000
END_OF_TIME_NS = 1 << 62
# A time since 1970 tells its unit by its size, from 1973 to 5138.
UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (1 << 62, 1))


class RecordingError(Exception):
    """A file that cannot be used; one line says which and why."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One row that was not used; ``row`` counts data rows from 0."""

    row: int
    kind: str  # name of a Verdict
    why: str


@dataclass(slots=True)
class Recording:
    """The good candles of a file, and what was wrong with the rest."""

    candles: list[Candle] = field(default_factory=list)
    rows_count: int = 0
    counts: Counter[str] = field(default_factory=Counter)  # by kind, GAP included
    defects: list[Defect] = field(default_factory=list)  # the first thousand
    gaps: list[tuple[int, int]] = field(default_factory=list)  # last open_ns before, candles missing

    def refuse(self, row: int, kind: str, why: str) -> None:
        """Count a row that is not used."""
        self.counts[kind] += 1
        if len(self.defects) < DEFECTS_LISTED_MAX:
            self.defects.append(Defect(row, kind, why))


def read(path: Path, timeframe_s: int) -> Recording:
    """Every candle of ``path`` that continues the ones before it; RecordingError when the file cannot be read."""
    series = Series(timeframe_s * 1_000_000_000, 0.5)
    recording = Recording()
    for row, values in enumerate(_rows(path)):
        recording.rows_count += 1
        try:
            candle = _candle(values)
        except MalformedFrameError as error:
            recording.refuse(row, Verdict.MALFORMED.name, str(error))
            continue
        # The file is the last word there is: nobody can be asked about its band.
        verdict = series.judge(candle, END_OF_TIME_NS, confirmed=True)
        if verdict is Verdict.GAP and series.open_ns_last is not None:
            missing = (candle.open_ns - series.open_ns_last) // series.step_ns - 1
            recording.counts[verdict.name] += 1
            recording.gaps.append((series.open_ns_last, missing))
        elif verdict is not Verdict.NEXT:
            kind = "UNORDERED" if verdict is Verdict.LATE else verdict.name
            recording.refuse(row, kind, f"open time {candle.open_ns}")
            continue
        series.admit(candle)
        recording.candles.append(candle)
    if not recording.rows_count:
        raise RecordingError(f"{path}: no candles in it")
    return recording


def write(path: Path, candles: Iterable[Candle]) -> int:
    """Write candles as Parquet, whole or not at all; how many."""
    columns = list(zip(*candles, strict=True)) or [()] * len(Candle._fields)
    names = (*TIME_NAMES[:1], *Candle._fields[1:])
    arrays = [pa.array([t // 1_000_000 for t in columns[0]], pa.timestamp("ms", tz="UTC"))]
    arrays += [pa.array(column, pa.float64()) for column in columns[1:-1]]
    arrays.append(pa.array(columns[-1], pa.int64()))
    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(pa.Table.from_arrays(arrays, names=list(names)), partial, compression="zstd")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(columns[0])


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Time, five values and four optional ones of each row."""
    try:
        if path.suffix == ".parquet":
            yield from _parquet_rows(path)
        elif path.name.endswith((".csv", ".csv.gz")):
            yield from _csv_rows(path)
        else:
            raise RecordingError(f"{path}: not a candle file (.parquet, .csv, .csv.gz)")
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordingError(f"{path}: cannot be read: {reason}") from None


def _parquet_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        time_name = _time_name(path, names)
        for batch in file.iter_batches(columns=[time_name, *VALUE_NAMES, *_optional(names)]):
            times = batch.column(time_name)
            if pa.types.is_timestamp(times.type):
                times = times.cast(pa.timestamp("ns", tz=times.type.tz)).cast(pa.int64())
            optional = [batch.column(name).to_pylist() for name in _optional(names)]
            required = [batch.column(name).to_pylist() for name in VALUE_NAMES]
            yield from zip(times.to_pylist(), *required, *optional, strict=True)


def _csv_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        time_name = _time_name(path, names)
        for row in reader:
            yield tuple(row[name] for name in (time_name, *VALUE_NAMES, *_optional(names)))


def _time_name(path: Path, names: list[str]) -> str:
    missing = [name for name in VALUE_NAMES if name not in names]
    found = [name for name in TIME_NAMES if name in names]
    if missing or not found:
        raise RecordingError(f"{path}: no column {(missing or ['open_time'])[0]}; it has {', '.join(names) or 'none'}")
    return found[0]


def _optional(names: list[str]) -> list[str]:
    # All of them or none: a row is read by position.
    return list(OPTIONAL_NAMES) if all(name in names for name in OPTIONAL_NAMES) else []


def _candle(values: tuple[Any, ...]) -> Candle:
    numbers = [number(value) for value in values[1:]]
    trades = int(numbers.pop()) if len(numbers) == len(VALUE_NAMES) + len(OPTIONAL_NAMES) else 0
    return Candle._make((_open_ns(values[0]), *numbers, *[0.0] * (8 - len(numbers)), trades))


def _open_ns(value: Any) -> int:
    try:
        found = int(value)
    except (TypeError, ValueError):
        return _spelled_ns(value)
    if found <= 0:
        raise MalformedFrameError(f"{value!r} is not a time")
    return found * next(scale for limit, scale in UNITS if found < limit)


def _spelled_ns(value: Any) -> int:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise MalformedFrameError(f"{value!r} is not a time") from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
