"""Files are read as they are: what is wrong is counted by row and kind, and never used."""

import csv
import gzip
from datetime import UTC, datetime

import pytest

from feed import recording
from feed.candle import Candle
from feed.recording import RecordingError
from tests.recordings import DATA

SECONDS = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "1d": 86_400}
MINUTE = 60_000_000_000
FIRST = 1_700_000_040
HEADER = "open_time,open,high,low,close,volume\n"


def written(path, *lines):
    """A CSV file with ``lines``."""
    path.write_text(HEADER + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_each_defect_is_named_with_its_row(tmp_path):
    """NaN, duplicate, correction, unordered, off grid and gap are each counted; only good rows remain."""
    start = FIRST * 1000
    path = written(
        tmp_path / "X-1m.csv",
        f"{start},10,11,9,10,5",  # 0
        f"{start + 60_000},10,11,9,nan,5",  # 1
        f"{start + 60_000},10,11,9,10.5,5",  # 2
        f"{start + 60_000},10,11,9,10.5,5",  # 3
        f"{start},10,11,9,10.9,5",  # 4
        f"{start - 60_000},10,11,9,10,5",  # 5
        f"{start + 120_001},10,11,9,10,5",  # 6
        f"{start + 240_000},10,11,9,10,5",  # 7
        f"{start + 300_000},10,9,11,10,5",  # 8
        f"{start + 300_000},10,11,9,,5",  # 9
        "soon,10,11,9,10,5",  # 10
    )
    found = recording.read(path, 60)
    assert [(each.row, each.kind) for each in found.defects] == [
        (1, "MALFORMED"),
        (3, "DUPLICATE"),
        (4, "CORRECTED"),
        (5, "UNORDERED"),
        (6, "OFF_GRID"),
        (8, "MALFORMED"),
        (9, "MALFORMED"),
        (10, "MALFORMED"),
    ]
    assert found.gaps == [((FIRST + 60) * 10**9, 2)]
    assert [each.open_ns // 10**9 - FIRST for each in found.candles] == [0, 60, 240]
    assert found.rows_count == len(found.candles) + len(found.defects) == 11


def test_what_is_written_is_read(tmp_path):
    """Candles survive a Parquet file bit by bit."""
    candles = [Candle(FIRST * 10**9 + i * MINUTE, 0.1, 0.3, 0.1, 0.2, 1 / 3, 2.5, 0.1, 0.2, i) for i in range(50)]
    path = tmp_path / "X-1m.parquet"
    assert recording.write(path, candles) == 50
    found = recording.read(path, 60)
    assert found.candles == candles
    assert not found.counts
    assert [each.name for each in tmp_path.iterdir()] == ["X-1m.parquet"]


@pytest.mark.parametrize("scale", [1, 1000, 10**6, 10**9])
def test_the_unit_of_time_is_told_by_its_size(tmp_path, scale):
    """Seconds, ms, us and ns since 1970 give the same candles."""
    path = tmp_path / "X-1m.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(HEADER + "".join(f"{(FIRST + 60 * i) * scale},1,1,1,1,1\n" for i in range(3)))
    assert [each.open_ns for each in recording.read(path, 60).candles] == [(FIRST + 60 * i) * 10**9 for i in range(3)]


@pytest.mark.parametrize("spelled", ["{}", "{}.000000", "{}Z", "{}+00:00"])
def test_a_time_may_be_spelled_out(tmp_path, spelled):
    """With and without a fraction or a zone; without one it is UTC."""
    path = tmp_path / "X-1m.csv"
    times = [spelled.format(f"2025-11-21 00:0{i}:00") for i in range(3)]
    path.write_text(HEADER + "".join(f"{each},1,1,1,1,1\n" for each in times))
    midnight_ns = 1_763_683_200 * 10**9
    assert [each.open_ns for each in recording.read(path, 60).candles] == [
        midnight_ns + i * 60 * 10**9 for i in range(3)
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.parquet", None, "no such file"),
        ("torn.parquet", b"PAR1 and then nothing", "cannot be read"),
        ("torn.csv.gz", gzip.compress(HEADER.encode() * 100)[:-20], "cannot be read"),
        ("not.csv.gz", b"hello", "cannot be read"),
        ("binary.csv", b"\xff\xfe\x00\x01", "cannot be read"),
        ("columns.csv", b"open_time,open,high\n1,2,3\n", "no column low"),
        ("timeless.csv", b"when,open,high,low,close,volume\n", "no column open_time"),
        ("empty.csv", HEADER.encode(), "no candles"),
        ("candles.xlsx", b"", "not a candle file"),
    ],
)
def test_an_unusable_file_is_one_clear_line(tmp_path, name, content, words):
    """The error names the file and the reason, in one line."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        recording.read(path, 60)
    line = str(caught.value)
    assert words in line
    assert str(path) in line
    assert "\n" not in line


def real(pattern):
    """Recorded files, or a reason to skip."""
    found = sorted((DATA / "candles").glob(pattern))
    if not found:
        pytest.skip(f"no market data in {DATA}")
    return found


@pytest.mark.parametrize("folder", ["binance_spot_gappy", "freqtrade_testdata"])
def test_real_gaps_are_those_that_were_itemised_independently(folder):
    """Every gap of the real files, its place and length, agrees with the data set's own list."""
    listed: dict[str, list[tuple[str, int]]] = {}
    if not (DATA / "gaps.csv").exists():
        pytest.skip(f"no market data in {DATA}")
    with (DATA / "gaps.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            listed.setdefault(row["file"], []).append((row["last_bar_before_gap_utc"], int(row["missing_bars"])))
    for path in real(f"{folder}/*.parquet"):
        timeframe_s = next(SECONDS[part] for part in path.stem.split("-") if part in SECONDS)
        found = recording.read(path, timeframe_s)
        gaps = [
            (datetime.fromtimestamp(open_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M"), missing)
            for open_ns, missing in found.gaps
        ]
        assert gaps == listed.get(path.relative_to(DATA).as_posix(), []), path.name
        refused = found.rows_count - len(found.candles)
        assert refused == sum(found.counts.values()) - found.counts["GAP"], path.name


def test_real_duplicate_rows_are_refused():
    """Each gappy file has as many duplicates as its manifest says, counted under their name, and nothing worse."""
    paths = real("binance_spot_gappy/*.parquet")
    with (DATA / "manifest.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["file"]: int(row["dup"] or 0) for row in csv.DictReader(file)}
    for path in paths:
        counts = recording.read(path, 60 if "-1m" in path.name else 300).counts
        assert counts["DUPLICATE"] == listed[path.relative_to(DATA).as_posix()], path.name
        assert set(counts) <= {"DUPLICATE", "GAP"}
