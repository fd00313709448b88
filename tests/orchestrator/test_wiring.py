"""Wiring: markets by name, instruments by row, keys that only we can read."""

import json
import stat
from pathlib import Path

import pytest

from orchestrator import wiring
from orchestrator.settings import BadInputError, MarketSettings
from tests.orchestrator.sessions import session_in


def test_a_seed_is_a_market():
    """The same seed and start give the same contracts and candles."""
    markets = [wiring.market_of(MarketSettings(symbols=("BTC/USDT:USDT",)), 7, 10**18) for _ in range(2)]
    first, second = (market.minutes(0, market.start_ns) for market in markets)
    assert (first == second).all()
    assert wiring.instruments_of(markets[0], "paper", "main")[0].symbol == "BTC/USDT:USDT"


def test_a_symbol_that_is_none_is_refused():
    """One line, with an example."""
    with pytest.raises(BadInputError, match="FOO: not a symbol like"):
        wiring.market_of(MarketSettings(symbols=("FOO",)), 1, 10**18)


def test_keys_are_for_us_alone(tmp_path: Path):
    """Mode 0600, random, and not twice the same."""
    session = session_in(tmp_path)
    wiring.make_keys(session)
    path = session.path / "keys.json"
    keys = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(keys["key"]) == len(keys["secret"]) == 64
    assert keys["key"] != keys["secret"]


def test_a_free_port_is_a_port():
    """Somewhere above the reserved ones."""
    assert 1024 < wiring.free_port() < 65536


def candle_file(folder: Path, name: str, *, spoiled: bool = False) -> Path:
    """Write twenty flat minutes, one of them twice and one not a number when ``spoiled``."""
    rows = [f"{1_741_219_200_000 + 60_000 * n},10,11,9,10,5" for n in range(20)]
    if spoiled:
        rows[3] = rows[2]
        rows[7] = rows[7].replace("11", "nan")
    path = folder / name
    path.write_text("open_time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


def test_rows_that_are_not_used_are_told(tmp_path: Path):
    """How many, of which kind, and where the first one stands."""
    path = candle_file(tmp_path, "ETHUSDT-1m.csv", spoiled=True)
    market = wiring.market_of(MarketSettings(source=(str(path),)), 1, 10**18)
    assert wiring.defects_of(market) == [
        "ETHUSDT: 2 rows left out: 1 malformed (first: row 8), 1 duplicate (first: row 4)"
    ]
    clean = candle_file(tmp_path, "SOLUSDT-1m.csv")
    assert wiring.defects_of(wiring.market_of(MarketSettings(source=(str(clean),)), 1, 10**18)) == []


def test_a_market_in_another_currency_is_refused(tmp_path: Path):
    """The paper account holds one asset, and could not pay in another."""
    path = candle_file(tmp_path, "NEOBTC-1m.csv")
    with pytest.raises(BadInputError, match="NEO/BTC:BTC is quoted in BTC"):
        wiring.market_of(MarketSettings(source=(str(path),)), 1, 10**18)
