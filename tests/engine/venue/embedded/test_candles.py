"""Candle files: read exactly, judged row by row, refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.venue.embedded.candles import DAY_NS, CandleFileError, open_market, read_recording
from engine.venue.embedded.market import MINUTE_NS
from tests.recordings import DATA as RECORDED

HEADER = "open_time,open,high,low,close,volume\n"


def write(place: Path, rows: list[str], name: str = "BTCUSDT-1m.csv") -> Path:
    """A CSV file of ``rows``."""
    path = place / name
    text = HEADER + "".join(row + "\n" for row in rows)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def steady(count: int, first: int = 1_700_000_040_000) -> list[str]:
    """``count`` good minutes."""
    return [f"{first + 60_000 * n},100.0,101.0,99.0,100.5,2.5" for n in range(count)]


@pytest.mark.parametrize("name", ["BTCUSDT-1m.csv", "BTC_USDT-1m.csv.gz", "btc-perp-20211231-20220201_1m.csv.gz"])
def test_plain_and_compressed_names_are_read(tmp_path: Path, name: str) -> None:
    """The name says the symbol, the suffix the format."""
    recording = read_recording(write(tmp_path, steady(3), name))
    assert recording.listing.symbol == "BTC/USDT:USDT"
    assert recording.minutes["close"].tolist() == [1005] * 3
    assert recording.minutes["open_ns"][1] == 1_700_000_100 * 10**9


def test_bad_rows_are_counted_by_kind_and_left_out(tmp_path: Path) -> None:
    """NaN, upside down, negative, twice, backwards, between minutes: none is used, each is counted."""
    good = steady(4)
    rows = [
        good[0],
        "1700000100000,nan,101,99,100,1",
        "1700000100000,100,99,101,100,1",
        "1700000100000,100,101,99,100,-1",
        good[1],
        good[1],
        good[0],
        "1700000100500,100,101,99,100,1",
        good[3],
    ]
    recording = read_recording(write(tmp_path, rows))
    rejected = recording.rejected
    assert (rejected.malformed, rejected.duplicate, rejected.unordered, rejected.off_grid) == (3, 1, 1, 1)
    assert rejected.count == 6
    assert np.diff(recording.minutes["open_ns"]).tolist() == [MINUTE_NS, 2 * MINUTE_NS]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("BTCUSDT-1m.parquet", b"PAR1 but not really", "unreadable"),
        ("BTCUSDT-1m.csv.gz", b"not compressed", "unreadable"),
        ("BTCUSDT-1m.csv", b"", "unreadable"),
        ("BTCUSDT-1m.csv", b"a,b\n1,2\n", "no column"),
        ("BTCUSDT-1m.csv", HEADER.encode() + b"1700000040000,x,1,1,1,1\n", "not a number"),
        ("BTCUSDT-1m.csv", HEADER.encode() + b"1700000040000,nan,1,1,1,1\n", "no usable candle"),
        ("notes.txt", b"", "no 1m candle files"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    """The line names the file and the fault."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CandleFileError, match=word) as refusal:
        open_market(tmp_path)
    assert "\n" not in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_a_folder_gives_what_was_asked_for(tmp_path: Path) -> None:
    """Symbols in the order of the request; an absent one is refused with what there is."""
    for name in ("BTCUSDT-1m.csv", "ETHUSDT-1m.csv", "ETHUSDT-5m.csv"):
        write(tmp_path, steady(8), name)
    assert [one.id for one in open_market(tmp_path).listings] == ["BTCUSDT", "ETHUSDT"]
    asked = open_market(tmp_path, ["ETH/USDT:USDT", "BTC/USDT:USDT"]).listings
    assert [(one.row, one.id) for one in asked] == [(0, "ETHUSDT"), (1, "BTCUSDT")]
    with pytest.raises(CandleFileError, match="no 1m candles of SOLUSDT; there are BTCUSDT, ETHUSDT"):
        open_market(tmp_path, ["SOL/USDT:USDT"])


def test_files_without_a_common_time_are_refused(tmp_path: Path) -> None:
    """Two recordings that never overlap are no market."""
    write(tmp_path, steady(8), "BTCUSDT-1m.csv")
    write(tmp_path, steady(8, 1_800_000_000_000), "ETHUSDT-1m.csv")
    with pytest.raises(CandleFileError, match="no time in common"):
        open_market(tmp_path)


@pytest.mark.parametrize(("count", "before"), [(8, 2), (2000, 500), (6000, 1024)])
def test_history_is_left_before_the_start(tmp_path: Path, count: int, before: int) -> None:
    """1024 minutes, or a quarter of a short file."""
    market = open_market(write(tmp_path, steady(count)))
    assert len(market.minutes(0, market.start_ns)) == before
    assert len(market.minutes(0, market.end_ns)) == count


def test_recorded_candles_can_be_moved_to_now(tmp_path: Path) -> None:
    """All times move by whole days, and the last candle is less than a day old."""
    path, now_ns = write(tmp_path, steady(50)), 1_763_720_123 * 10**9
    plain, moved = open_market(path), open_market(path, rebase_to_ns=now_ns)
    shift = moved.start_ns - plain.start_ns
    assert shift % DAY_NS == 0
    assert now_ns - DAY_NS < moved.end_ns <= now_ns
    assert (moved.minutes(0, now_ns)["open_ns"] == plain.minutes(0, now_ns)["open_ns"] + shift).all()


def test_a_published_contract_gives_way_to_finer_prices(tmp_path: Path) -> None:
    """Prices off the published tick are not rounded: the contract gets the tick that they need."""
    rows = [row.replace("100.5", "100.53") for row in steady(4)]
    recording = read_recording(write(tmp_path, rows))
    assert recording.listing.price_text(int(recording.minutes["close"][0])) == "100.53"


def test_real_candles_come_out_as_they_were_recorded() -> None:
    """Every price and volume of a real file, to the last digit."""
    path = RECORDED / "candles" / "binance_usdm" / "SOLUSDT-1m.parquet"
    if not path.exists():
        pytest.skip("the shared recordings are not here")
    table, recording = pq.read_table(path), read_recording(path)
    assert recording.rejected.count == 0
    assert (
        recording.minutes["open_ns"] == table["open_time"].cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
    ).all()
    tick = recording.listing.tick_e8 / 1e8
    for name in ("open", "high", "low", "close"):
        assert np.allclose(recording.minutes[name] * tick, table[name].to_numpy(), rtol=1e-12, atol=0)
    assert np.allclose(recording.minutes["volume_e8"] / 1e8, table["volume"].to_numpy(), rtol=1e-12, atol=1e-9)


def test_a_real_gappy_file_keeps_its_gaps() -> None:
    """Binance's outages of 2020 stay outages, and the one duplicate row is left out."""
    path = RECORDED / "candles" / "binance_spot_gappy" / "NEOBTC-1m.parquet"
    if not path.exists():
        pytest.skip("the shared recordings are not here")
    recording = read_recording(path)
    holes = np.diff(recording.minutes["open_ns"]) // MINUTE_NS - 1
    assert sorted(int(hole) for hole in holes[holes > 0])[-3:] == [60, 128, 354]
    assert recording.listing.id == "NEOBTC"
