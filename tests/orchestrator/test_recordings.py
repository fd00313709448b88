"""Files that a market is played from: a contract's candles, and beside them its spot's."""

from pathlib import Path

import pytest

from orchestrator.recordings import opened
from orchestrator.settings import BadInputError
from tests.system.test_paper import write_market, write_spots

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Minutes of two contracts and of their spots."""
    write_market(tmp_path, SYMBOLS, 40)
    write_spots(tmp_path)
    return tmp_path


def test_a_folders_spots_are_no_contracts(folder: Path):
    """They stand beside those that are played, under their names."""
    market = opened([folder], ())
    assert [one.symbol for one in market.listings] == list(SYMBOLS)
    assert market.spots.keys() == {"BTCUSDT", "ETHUSDT"}
    assert opened([folder], SYMBOLS[1:]).spots.keys() == {"ETHUSDT"}
    assert market.spots["BTCUSDT"].minutes["close"][0] != market.minutes(0, 1 << 62)["close"][0]


def test_files_are_sorted_by_their_names(folder: Path):
    """In any order, also those of which only one has a spot."""
    names = ("ETHUSDT-spot-1m.csv", "BTCUSDT-1m.csv", "ETHUSDT-1m.csv")
    market = opened([folder / name for name in names], ())
    assert [one.symbol for one in market.listings] == list(SYMBOLS)
    assert market.spots.keys() == {"ETHUSDT"}


def test_a_spot_alone_is_no_market(folder: Path):
    """One line."""
    with pytest.raises(BadInputError, match="no 1m candle files"):
        opened([folder / "BTCUSDT-spot-1m.csv"], ())
    with pytest.raises(BadInputError, match="no candle files to play"):
        opened([folder / "BTCUSDT-spot-1m.csv", folder / "ETHUSDT-spot-1m.csv"], ())


def test_rows_of_a_spot_that_are_not_used_are_counted_too(folder: Path):
    """Under the spot's name."""
    with (folder / "BTCUSDT-spot-1m.csv").open("a") as file:
        file.write("1741221600000,1,1,1,-1,1\n")
    rejected = opened([folder], ()).rejected
    assert {name: one.count for name, one in rejected.items() if one.count} == {"BTCUSDT spot": 1}
