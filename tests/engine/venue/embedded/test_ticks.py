"""Recorded trades and quotes, read and made into candles."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from engine.venue.embedded.candles import CandleFileError
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.ticks import open_ticks, tick_files
from tests.recordings import DATA as RECORDED

FRAMES = RECORDED / "raw_frames" / "binance_hft" / "usdm_btcusdt_20240718.gz"
FIRST_MS = 1_700_000_040_000  # a whole minute


def table(folder: Path, *rows: str, name: str = "BTCUSDT-trades.csv") -> Path:
    """A file of trades."""
    path = folder / name
    path.write_text("timestamp,id,side,price,amount\n" + "\n".join(rows) + "\n")
    return path


def test_trades_become_the_candles_that_they_are(tmp_path: Path) -> None:
    """First, highest, lowest and last price of the minute; its volume, what takers bought, how many trades."""
    path = table(
        tmp_path,
        f"{FIRST_MS},1,buy,100.0,1.0",
        f"{FIRST_MS + 1},2,sell,99.5,2.5",
        f"{FIRST_MS + 59_999},3,buy,100.2,0.5",
        f"{FIRST_MS + 120_000},4,sell,100.1,4.0",
    )
    assert tick_files([path]) == [path]
    market = open_ticks([path])
    minutes = market.minutes(0, 1 << 62)
    assert minutes["open_ns"].tolist() == [FIRST_MS * 10**6, FIRST_MS * 10**6 + 2 * MINUTE_NS]
    first = minutes[0]
    assert first[["open", "high", "low", "close"]].item() == (1_000, 1_002, 995, 1_002)
    assert (first["volume_e8"], first["taker_volume_e8"], first["trades"]) == (4 * 10**8, 150_000_000, 3)
    assert first["quote_e4"] == round((100.0 + 99.5 * 2.5 + 100.2 * 0.5) * 10**4)
    assert market.listings[0].symbol == "BTC/USDT:USDT"


def test_rows_that_are_no_trades_are_left_out_and_counted(tmp_path: Path) -> None:
    """Not a number, without quantity, twice, out of order: four rows of six."""
    path = table(
        tmp_path,
        f"{FIRST_MS + 5},1,buy,100.0,1.0",
        f"{FIRST_MS + 6},2,buy,nan,1.0",
        f"{FIRST_MS + 7},3,buy,100.0,0",
        f"{FIRST_MS + 8},1,buy,100.0,1.0",
        f"{FIRST_MS + 2},4,buy,100.0,1.0",
        f"{FIRST_MS + 9},5,buy,101.0,1.0",
    )
    market = open_ticks([path])
    assert market.tape(0).trades["price"].tolist() == [100.0, 101.0]
    assert market.rejected["BTCUSDT"].count == 4
    assert market.rejected["BTCUSDT"].words == (
        "2 malformed (first: row 2), 1 duplicate (first: row 4), 1 unordered (first: row 5)"
    )


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_times_are_read_in_any_unit(tmp_path: Path, unit: str, scale: int) -> None:
    """Seconds to nanoseconds since 1970 are told by their size."""
    path = table(tmp_path, f"{FIRST_MS // 1000 * scale},1,buy,100.0,1.0", name=f"BTCUSDT-{unit}.csv")
    assert open_ticks([path]).tape(0).trades["at_ns"].tolist() == [FIRST_MS * 10**6]


def test_captured_frames_are_trades_and_quotes(tmp_path: Path) -> None:
    """A quote without a time of its own has the time of its arrival; a line cut short is the capture's end."""
    trade = {"stream": "ethusdt@trade", "data": {"s": "ETHUSDT", "t": 7, "T": FIRST_MS, "p": "3", "q": "2", "m": True}}
    quote = {"stream": "ethusdt@bookTicker", "data": {"s": "ETHUSDT", "b": "2", "B": "5", "a": "4", "A": "6"}}
    path = tmp_path / "capture.gz"
    lines = [f"{FIRST_MS * 1000 + number} {json.dumps(frame)}" for number, frame in enumerate((trade, quote))]
    path.write_bytes(gzip.compress("\n".join([*lines, '17 {"stream"']).encode()))
    tape = open_ticks(tick_files([tmp_path])).tape(0)
    assert tape.trades[["at_ns", "id", "price", "quantity", "side"]].tolist() == [(FIRST_MS * 10**6, 7, 3.0, 2.0, -1)]
    assert tape.quotes.tolist() == [(FIRST_MS * 10**6 + 1000, 2.0, 5.0, 4.0, 6.0)]


def test_what_is_no_tape_is_refused_or_left_to_others(tmp_path: Path) -> None:
    """Candle files are not tapes; a symbol that is not there, or two recordings a year apart, is one line."""
    path = table(tmp_path, f"{FIRST_MS},1,buy,1.0,1.0", f"{FIRST_MS + 10**9},2,buy,1.0,1.0")
    with pytest.raises(CandleFileError, match="more than a day without a trade of BTCUSDT"):
        open_ticks([path])
    with pytest.raises(CandleFileError, match="no trades of ETHUSDT; there are BTCUSDT"):
        open_ticks([path], ["ETH/USDT:USDT"])
    (tmp_path / "BTCUSDT-1m.csv").write_text("open_time,open,high,low,close,volume\n")
    assert tick_files([tmp_path]) == []


@pytest.mark.skipif(not FRAMES.exists(), reason="no recorded frames beside the checkout")
def test_real_frames_are_read_whole() -> None:
    """974 trades and 7,113 quotes of BTCUSDT over three minutes, none left out."""
    market = open_ticks([FRAMES])
    tape = market.tape(0)
    assert (len(tape.trades), len(tape.quotes), market.rejected["BTCUSDT"].count) == (974, 7_113, 0)
    assert int(market.minutes(0, 1 << 62)["trades"].sum()) == 974
    assert (np.diff(tape.trades["at_ns"]) >= 0).all()
    assert market.listings[0].tick_e8 == 10**7
