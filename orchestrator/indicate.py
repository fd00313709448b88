"""One indicator over a candle file: CSV with open_time and a column per output, a row per candle.

    open_time,upper,middle,lower
    1747699200000,,,                     empty while it warms up
    1747700340000,106012.1,105870.4,...

A hole in the file makes it start again; rows that cannot be used are counted and named on stderr.
"""

import argparse
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brain.diagnosis import KernelError
from brain.indicators.indicator import Indicator, ParameterError, catalogue, holes, is_seconds, walked
from feed.recording import Recording, RecordingError, read
from orchestrator import result
from orchestrator.settings import BadInputError
from shm.records import MARKET, MarketKind, Provenance

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
TIMEFRAME = re.compile(r"(\d{1,5})([smhdw])")
NS_PER_MS = 1_000_000
ROWS_NAMED = 5
FLOW = {"taker_volume", "trades"}  # not in every file

Parser = type[argparse.ArgumentParser]


def parser(kind: Parser, place: Callable[[str], str]) -> argparse.ArgumentParser:
    """Return the command's own command line: a subcommand for each indicator, its parameters as options."""
    top = kind(
        prog="run.py indicator",
        description="One indicator over a candle file, as CSV.",
        epilog="python run.py indicator NAME --help shows its options.",
    )
    names = top.add_subparsers(dest="name", metavar="NAME", required=True, parser_class=kind)
    for name, one in sorted(catalogue().items()):
        title, outputs = one.title.replace("%", "%%"), ", ".join(one.outputs)
        sub = names.add_parser(name, help=f"{title} ({outputs})", description=f"{title}. Columns: {outputs}.")
        add = sub.add_argument
        add("--data", type=Path, required=True, metavar="FILE", help="candles: .parquet, .csv, .csv.gz")
        add("--out", type=place, required=True, metavar="FILE", help="CSV to write; - is standard output")
        add("--timeframe", metavar="T", help="e.g. 1m, 4h; that of the file's name SYMBOL-TIMEFRAME when left out")
        add("--bridge-gaps", action="store_true", help="go on over holes in the file instead of starting again")
        add("--json", type=place, metavar="PATH", help="write what was done there; - is standard output")
        for parameter, usual in one.parameters.items():
            unit = "seconds" if is_seconds(parameter) else "candles" if isinstance(usual, int) else "a number"
            option = "--" + parameter.replace("_", "-")
            add(option, dest=f"set_{parameter}", type=type(usual), metavar="N", help=f"{unit} ({usual})")
    return top


def compute(argv: Sequence[str], kind: Parser, place: Callable[[str], str]) -> int:
    """Do what ``argv`` (after the word indicator) says."""
    typed = parser(kind, place).parse_args(argv)
    if typed.out == typed.json == "-":
        raise BadInputError("--out and --json cannot both be standard output")
    one = catalogue()[typed.name]
    chosen = {name: value for name in one.parameters if (value := getattr(typed, f"set_{name}")) is not None}
    if not typed.data.is_file():
        raise BadInputError(f"--data {typed.data}: no such file")
    timeframe_s = duration_s(typed.timeframe) if typed.timeframe else duration_of(typed.data)
    try:
        recording = read(typed.data, timeframe_s)
    except RecordingError as error:
        raise BadInputError(str(error)) from None
    if not recording.candles:
        first = recording.defects[0]
        why = f"row {first.row}: {first.kind}, {first.why}"
        raise BadInputError(f"{typed.data}: none of its {recording.rows_count} rows can be used; {why}")
    candles = records(recording, timeframe_s)
    lacks_nothing(one, candles, typed.data)
    try:
        values, settled = walked(one, candles, chosen, bridged=typed.bridge_gaps)
    except (ParameterError, KernelError) as error:
        raise BadInputError(str(error)) from None
    write(typed.out, candles["open_ns"], values)
    found = {
        "indicator": one.name,
        "parameters": {**one.parameters, **chosen},
        "outputs": list(one.outputs),
        "candles": len(candles),
        "rows_not_used": recording.rows_count - len(candles),
        "defects": {kind: count for kind, count in recording.counts.items() if kind != "GAP"},
        "gaps": len(holes(candles)),
        "candles_missing": sum(missing for _, missing in recording.gaps),
        "settled": int(settled.sum()),
    }
    complain(recording, found, typed)
    result.write(found, typed.json)
    return 0


def duration_s(text: str) -> int:
    """Return the seconds of a timeframe like 15m."""
    found = TIMEFRAME.fullmatch(text)
    if found is None or int(found[1]) < 1:
        raise BadInputError(f"--timeframe {text} is no timeframe; write it like 1m, 15m, 4h or 1d")
    return int(found[1]) * UNITS_S[found[2]]


def duration_of(path: Path) -> int:
    """Return the seconds of the timeframe that the file's name tells."""
    for part in path.name.split(".")[0].split("-")[1:]:
        if TIMEFRAME.fullmatch(part):
            return duration_s(part)
    raise BadInputError(f"{path}: its name is not SYMBOL-TIMEFRAME (e.g. BTCUSDT-1m); give --timeframe")


def records(recording: Recording, timeframe_s: int) -> np.ndarray[Any, np.dtype[np.void]]:
    """Return the good candles as MARKET records."""
    candles = np.zeros(len(recording.candles), MARKET)
    candles["kind"], candles["provenance"] = int(MarketKind.CANDLE), int(Provenance.OBSERVED)
    candles["timeframe_s"], candles["revises"] = timeframe_s, -1
    if recording.candles:
        for name, column in zip(type(recording.candles[0])._fields, zip(*recording.candles, strict=True), strict=True):
            candles[name] = column
    return candles


def lacks_nothing(one: Indicator, candles: np.ndarray[Any, np.dtype[np.void]], path: Path) -> None:
    """Refuse a file without the columns that the indicator reads: zeros in their place would look like an answer."""
    for name in sorted(FLOW.intersection(one.inputs)):
        if candles["volume"].any() and not candles[name].any():
            raise BadInputError(
                f"{path}: {one.name} needs the columns quote_volume, taker_volume, taker_quote_volume and trades"
            )


def write(out: str, open_ns: np.ndarray[Any, Any], values: np.ndarray[Any, np.dtype[np.void]]) -> None:
    """Write the CSV, whole or not at all."""
    names = values.dtype.names or ()
    columns = [["" if math.isnan(x) else repr(x) for x in values[name].tolist()] for name in names]
    times = (open_ns // NS_PER_MS).tolist()
    lines = [",".join(("open_time", *names))]
    lines += [f"{time},{','.join(row)}" for time, *row in zip(times, *columns, strict=True)]
    text = "\n".join(lines) + "\n"
    if out == "-":
        sys.stdout.write(text)
        return
    partial = Path(out + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def complain(recording: Recording, found: dict[str, Any], typed: argparse.Namespace) -> None:
    """Say on stderr what of the file was not used, by kind and row, and where it has holes."""
    for kind, count in found["defects"].items():
        rows = [str(each.row) for each in recording.defects if each.kind == kind][:ROWS_NAMED]
        more = ", ..." if count > len(rows) else ""
        print(f"{typed.data}: {count} rows not used: {kind} (rows {', '.join(rows)}{more})", file=sys.stderr)
    if found["gaps"]:
        then = "gone on over" if typed.bridge_gaps else "it starts again after each"
        print(
            f"{typed.data}: {found['gaps']} gaps, {found['candles_missing']} candles missing: {then}",
            file=sys.stderr,
        )
    if not found["settled"]:
        print(
            f"{typed.data}: {found['candles']} candles are too few for {found['indicator']} to settle", file=sys.stderr
        )
