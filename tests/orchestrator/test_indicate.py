"""run.py indicator: a column per output, a row per candle, and one clear line for what is wrong."""

import csv
import gzip
import json
import math
from itertools import islice

import pytest
from pyarrow import parquet

from brain.indicators.indicator import catalogue, over
from feed.candle import Candle
from feed.recording import write
from orchestrator.cli import main
from orchestrator.indicate import FLOW
from tests.brain.market import MINUTE_NS, START_NS, walk
from tests.recordings import DATA

NAMES = ("open_ns", "open", "high", "low", "close", "volume")


def candle_file(folder, candles, name="BTCUSDT-1m.parquet"):
    """Write ``candles`` to a file; its path."""
    path = folder / name
    write(path, [Candle(*(each[field].item() for field in NAMES)) for each in candles])
    return path


def table(path):
    """Return the rows of a CSV."""
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_row_per_candle_and_a_column_per_output(tmp_path):
    """Empty while it warms up, then the kernel's values to the last bit."""
    candles = walk(60)
    out = tmp_path / "out.csv"
    code = main(
        ["indicator", "bollinger", "--data", str(candle_file(tmp_path, candles)), "--out", str(out), "--period", "9"]
    )
    rows, values = table(out), over(catalogue()["bollinger"], candles, {"period": 9})
    assert code == 0
    assert list(rows[0]) == ["open_time", "upper", "middle", "lower"]
    assert [row["open_time"] for row in rows] == [str(START_NS // 10**6 + 60_000 * n) for n in range(60)]
    assert [row["upper"] for row in rows[:8]] == [""] * 8
    assert [float(row["lower"]) for row in rows[8:]] == values["lower"][8:].tolist()


def test_every_indicator_is_offered(tmp_path, capsys):
    """By name, with its parameters as options."""
    for name, one in catalogue().items():
        with pytest.raises(SystemExit) as left:
            main(["indicator", name, "--help"])
        said = capsys.readouterr().out
        assert left.value.code == 0
        assert all("--" + parameter.replace("_", "-") in said for parameter in one.parameters)
    with pytest.raises(SystemExit):
        main(["indicator", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in catalogue())


def test_what_is_wrong_with_a_file_is_said(tmp_path, capsys):
    """Bad rows by number and kind, holes by count; what is after a hole starts again, unless it is bridged."""
    candles = walk(80)
    candles["low"][30] = candles["high"][30] + 1.0
    path = candle_file(tmp_path, candles)
    out, told = tmp_path / "out.csv", tmp_path / "told.json"
    options = ["indicator", "sma", "--data", str(path), "--out", str(out), "--json", str(told), "--period", "10"]
    assert main(options) == 0
    said = capsys.readouterr().err
    assert "1 rows not used: MALFORMED (rows 30)" in said
    assert "1 gaps, 1 candles missing: it starts again after each" in said
    assert [row["value"] for row in table(out)[30:39]] == [""] * 9
    found = json.loads(told.read_text())
    assert (found["candles"], found["gaps"], found["settled"]) == (79, 1, 21 + 40)
    assert main([*options, "--bridge-gaps"]) == 0
    assert all(row["value"] for row in table(out)[9:])


def test_a_longer_window_than_usual_is_made_room_for(tmp_path):
    """A period of 300 on a record that usually holds 256."""
    out = tmp_path / "out.csv"
    path = candle_file(tmp_path, walk(400))
    assert main(["indicator", "sma", "--data", str(path), "--out", str(out), "--period", "300"]) == 0
    assert sum(1 for row in table(out) if row["value"]) == 101


def test_bad_input_is_one_line(tmp_path, capsys):
    """Exit 2, naming the offending thing; nothing is written."""
    path, out = str(candle_file(tmp_path, walk(30))), tmp_path / "out.csv"
    odd = candle_file(tmp_path, walk(30), "candles.parquet")
    for options, why in (
        (["smaa", "--data", path, "--out", str(out)], "smaa"),
        (["sma", "--data", path, "--out", str(out), "--period", "0"], "period must be from 1 to 65534, not 0"),
        (["sma", "--data", path, "--out", str(out), "--periods", "9"], "--periods"),
        (["sma", "--data", str(tmp_path / "ETH-1m.csv"), "--out", str(out)], "no such file"),
        (["sma", "--data", str(odd), "--out", str(out)], "give --timeframe"),
        (["sma", "--data", path, "--out", str(out), "--timeframe", "1x"], "--timeframe 1x is no timeframe"),
        (["delta", "--data", path, "--out", str(out)], "delta needs the columns"),
        (["sma", "--data", path, "--out", "-", "--json", "-"], "cannot both be standard output"),
        ([], "NAME"),
    ):
        assert main(["indicator", *options]) == 2
        said = capsys.readouterr().err
        assert why in said
        assert said.count("\n") == 1
        assert not out.exists()


def test_a_file_of_which_no_row_is_good_is_refused(tmp_path, capsys):
    """One line with the first row's defect and exit 2: no empty table that looks like an answer."""
    path, out = tmp_path / "BTCUSDT-1m.csv", tmp_path / "out.csv"
    path.write_text("open_time,open,high,low,close,volume\nnoon,1,2,1,2,1\nlater,1,2,1,2,1\n")
    assert main(["indicator", "sma", "--data", str(path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "none of its 2 rows can be used; row 0: MALFORMED, 'noon' is not a time" in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_a_file_of_another_timeframe_is_named_by_option(tmp_path):
    """An hour a candle, told by --timeframe."""
    candles = walk(30)
    candles["open_ns"] = [START_NS + 60 * MINUTE_NS * n for n in range(30)]
    out = tmp_path / "out.csv"
    path = candle_file(tmp_path, candles, "candles.parquet")
    assert main(["indicator", "sma", "--data", str(path), "--out", str(out), "--timeframe", "1h", "--period", "5"]) == 0
    assert sum(1 for row in table(out) if row["value"]) == 26


RECORDED = (
    ("binance_usdm/LAYERUSDT-1m.parquet", "1m"),  # a collapse
    ("binance_spot_gappy/NEOBTC-1m.parquet", "1m"),  # holes, and thousands of minutes in which nothing moved
    ("btc-perp-20211231-20220201_1m.csv.gz", "1m"),
)


def beginning(folder, name):
    """Return a copy of the first 3,000 rows of a recorded file, in its own format; skips without it."""
    source = DATA / "candles" / name
    if not source.is_file():
        pytest.skip(f"no recorded candles: {name} is not under RINGMASTER_DATA")
    copy = folder / source.name
    if source.suffix == ".parquet":
        parquet.write_table(parquet.read_table(source).slice(0, 3000), copy)
    else:
        with gzip.open(source, "rt") as lines:
            copy.write_bytes(gzip.compress("".join(islice(lines, 3001)).encode()))
    return copy


@pytest.mark.parametrize(("name", "timeframe"), RECORDED)
def test_every_indicator_over_recorded_files(tmp_path, capsys, name, timeframe):
    """A row per candle, numbers or nothing, with unusual periods; order flow is refused without takers."""
    path, out, told = beginning(tmp_path, name), tmp_path / "out.csv", tmp_path / "told.json"
    for one in catalogue().values():
        periods = {
            each: max(2, usual // 2 + 1)
            for each, usual in one.parameters.items()
            if isinstance(usual, int) and usual < 86_400
        }
        options = [word for each, usual in periods.items() for word in ("--" + each.replace("_", "-"), str(usual))]
        command = ["indicator", one.name, "--data", str(path), "--timeframe", timeframe]
        code = main([*command, "--out", str(out), "--json", str(told), *options])
        said = capsys.readouterr().err
        if FLOW.intersection(one.inputs):
            assert (code, "needs the columns" in said) == (2, True)
            continue
        assert code == 0, said
        found, rows = json.loads(told.read_text()), table(out)
        assert len(rows) == found["candles"] > 2000
        assert found["parameters"] == {**one.parameters, **periods}
        assert list(rows[0]) == ["open_time", *one.outputs]
        assert all(math.isfinite(float(cell)) for row in rows for cell in row.values() if cell)
        assert ("gaps, " in said) == (found["gaps"] > 0)
