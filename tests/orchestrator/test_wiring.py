"""Wiring: markets by name, instruments by row, keys that only we can read."""

import json
import stat
from pathlib import Path

import pytest

from engine.venue.embedded.pace import Speed
from orchestrator import wiring
from orchestrator.settings import BadInputError, MarketSettings, assemble
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


def test_prices_fills_and_costs_are_settings():
    """Paper charges funding and smooths its mark; the synthetic market's spread widens, a recorded one's does not."""
    speed = Speed.parse("60")
    made_up = wiring.play_of(MarketSettings(), speed)
    recorded = wiring.play_of(MarketSettings(source=("BTCUSDT-1m.csv",)), speed)
    assert (made_up.pays_funding, made_up.mark_minutes, made_up.fills, made_up.depth_ppm) == (True, 5, "candle", 20_000)
    assert (made_up.spread_ppm, recorded.spread_ppm, recorded.spread_ticks) == (20_000, 0, 1)
    told = MarketSettings(
        funding=False, mark_minutes=0, fills="queue", spread_ticks=3, spread_ppm=0, depth_ppm=7, speed="step"
    )
    play = wiring.play_of(told, Speed.parse("step"))
    assert (play.pays_funding, play.mark_minutes, play.fills) == (False, 0, "queue")
    assert (play.spread_ticks, play.spread_ppm, play.depth_ppm, play.points_per_candle) == (3, 0, 7, 1)


def test_the_distance_of_the_exchange_is_a_setting():
    """Each of the five reaches the exchange under its own name, and none is any by default."""
    names = ("order_latency_ms", "order_jitter_ms", "feed_latency_ms", "feed_jitter_ms", "latency_seed")
    sets = [f"exchange.{name}={number}" for number, name in enumerate(names, 1)]
    told = assemble("paper", None, sets, {})
    play = wiring.play_of(told.market, Speed.parse("60"), told.exchange)
    assert [getattr(play, name) for name in names] == [1, 2, 3, 4, 5]
    near = wiring.play_of(told.market, Speed.parse("60"))
    assert {getattr(near, name) for name in names} == {0}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("market.fills='fast'", "market: fills 'fast' is neither candle nor queue"),
        ("market.spread_ticks=0", "spread_ticks 0 is not between 1 and 1000000"),
        ("market.mark_minutes=-1", "mark_minutes -1 is not between 0 and 1000000"),
        ("market.fundng=true", "market.fundng is not a setting; did you mean funding"),
    ],
)
def test_a_market_that_cannot_be_played_is_refused(setting: str, words: str):
    """One line that names the setting."""
    with pytest.raises(BadInputError, match=words):
        assemble("paper", None, [setting], {})


def test_recorded_trades_are_a_market_too(tmp_path: Path):
    """A file or a folder of trades is recognised by what is in it; what is left out of it is told."""
    path = tmp_path / "ETHUSDT-trades.csv"
    rows = [f"{1_741_219_200_000 + 20_000 * n},{n + 1},buy,{2000 + n},1.5" for n in range(30)]
    path.write_text("timestamp,id,side,price,amount\n" + "\n".join([*rows, rows[3]]) + "\n")
    for place in (path, tmp_path):
        market = wiring.market_of(MarketSettings(source=(str(place),)), 1, 10**18)
        assert [one.symbol for one in market.listings] == ["ETH/USDT:USDT"]
        assert len(market.minutes(0, 1 << 62)) == 10
        assert wiring.defects_of(market) == ["ETHUSDT: 1 rows left out: 1 unordered (first: row 31)"]


@pytest.mark.parametrize("name", ["bybit", "binanceusdm"])
def test_a_real_exchange_as_a_market_is_refused_by_name(name: str):
    """Not taken for a file that is missing: the line says which can be mirrored, where, and what there is instead."""
    with pytest.raises(BadInputError, match=f"{name}: only binanceusdm can be mirrored, by a paper session; played"):
        wiring.market_of(MarketSettings(source=(name,), speed="1"), 1, 10**18)
