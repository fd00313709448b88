"""Spots that strategies look at: who does, and who is refused, by name and before anything runs."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator import cli, discovery, live, observed
from orchestrator.discovery import Place, discovered
from orchestrator.settings import BadInputError, assemble
from orchestrator.spots import Spot
from tests.orchestrator.sessions import session_in
from tests.system.test_paper import write_market, write_spots

HERE = Place(start_ns=1_763_683_200 * 10**9, seed=1)
LOOKS = 'brain.strategies=["trend", "basis"]'


def settings(*sets, **options):
    """Settings of a paper session with a strategy that looks at spots."""
    return assemble("paper", None, [LOOKS, *sets], options)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A folder with minutes of two contracts."""
    write_market(tmp_path, ("BTC/USDT:USDT", "ETH/USDT:USDT"), 40)
    return tmp_path


def test_who_looks_is_named():
    """Of those that are set, by their names; a strategy that is not there is one line."""
    assert observed.lookers(settings()) == ["basis"]
    assert observed.lookers(assemble("paper", None, [], {})) == []
    with pytest.raises(BadInputError, match="--strategy bsis is not a strategy; did you mean basis"):
        observed.lookers(assemble("paper", None, ['brain.strategies=["bsis"]'], {}))


def test_a_made_up_market_has_a_spot_beside_each_contract():
    """Named, by default, counted or by rules."""
    for sets in ((), ("market.symbols=['ETH/USDT:USDT']",), ("market.universe.rank_max=2",)):
        found = discovered(settings(*sets), HERE)
        assert found.watches_spots
        assert found.spots["ETH/USDT:USDT"] == Spot(symbol="ETH/USDT", id="ETHUSDT")
    many = settings()
    many = replace(many, market=replace(many.market, symbols=(), symbols_count=20))
    assert len(discovered(many, HERE).spots) == 20


def test_nobody_is_asked_where_nobody_looks(monkeypatch: pytest.MonkeyPatch):
    """A session without such a strategy listens to no spot, and reads no list of markets."""
    monkeypatch.setattr(discovery, "markets_of", None)
    assert not discovered(assemble("paper", None, [], {}), HERE).watches_spots


def test_a_contract_without_a_spot_is_refused_by_name():
    """Also among what rules chose."""
    with pytest.raises(BadInputError, match=r"basis looks at spots, and BTC/USDT:USDT has none: market.spots says"):
        discovered(settings("market.spots.BTC/USDT:USDT="), HERE)
    with pytest.raises(BadInputError, match="BTC/USDT:USDT has none"):
        discovered(settings("market.spots.BTC/USDT:USDT=", "market.universe.rank_max=2"), HERE)


def test_a_recording_without_the_spots_candles_is_refused_by_name(market: Path):
    """Until the last contract has them."""
    told = settings(**{"market.source": [str(market)]})
    with pytest.raises(BadInputError, match="BTC/USDT:USDT has none: no candles of it were given; name a file"):
        discovered(told, HERE)
    write_spots(market)
    assert discovered(told, HERE).spots.keys() == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    (market / "ETHUSDT-spot-1m.csv").unlink()
    with pytest.raises(BadInputError, match="ETH/USDT:USDT has none"):
        discovered(told, HERE)


def test_a_backtest_refuses_it_too(market: Path, capsys: pytest.CaptureFixture[str]):
    """In one line, exit 2."""
    assert cli.main(["backtest", "--data", str(market), "--strategy", "basis"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--strategy basis looks at spots, and BTC/USDT:USDT has none" in line


def test_an_exchange_whose_spots_are_not_heard_is_refused_by_name():
    """Whoever does not look may trade there."""
    bybit = assemble("live", None, [LOOKS], {})
    with pytest.raises(BadInputError, match="--strategy basis looks at spots: those of bybit are not listened to"):
        live.suited(bybit, "bybit")
    assert live.suited(assemble("live", None, [], {}), "bybit") is not None
    assert live.suited(bybit, "binanceusdm") is bybit


def test_the_feed_is_told_what_goes_with_each_contract(tmp_path: Path):
    """In the order of the rows, with the coins that a contract is; nothing where nobody looks."""
    session = session_in(tmp_path)
    assert observed.plan_of(session, lambda: None) is None
    assert observed.rows_of(session) == len(session.instruments)
    spots = {one.symbol: Spot(symbol=f"{one.symbol[:3]}/USDT", id="X") for one in session.instruments}
    session = replace(session, watches_spots=True, spots=spots)
    plan = observed.plan_of(session, lambda: None)
    assert plan is not None
    assert plan.spots == [(f"{one.symbol[:3]}/USDT", 1.0) for one in session.instruments]
    assert observed.rows_of(session) == 2 * len(session.instruments)


def test_recorded_trades_have_no_spot_and_say_so():
    """Another file beside them would not help: candles would."""
    listings = (SimpleNamespace(symbol="BTC/USDT:USDT", id="BTCUSDT"),)
    for market, words in ((SimpleNamespace(listings=listings), "play candles"),
                          (SimpleNamespace(listings=listings, spots={}), "name a file like")):  # fmt: skip
        with pytest.raises(BadInputError, match=f"BTC/USDT:USDT has none: .*{words}"):
            observed.refuse_recording(["basis"], market)
