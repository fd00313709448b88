"""From the settings to a session's symbols: named, ruled, made up, recorded and asked for."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.listing import PUBLISHED
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator import discovery
from orchestrator.dialling import Endpoint
from orchestrator.discovery import Place, discovered, on_contracts
from orchestrator.settings import BadInputError, assemble
from orchestrator.spots import Spot, paired
from orchestrator.universe import Choice, Taken
from orchestrator.wiring import free_port
from tests.orchestrator.test_universe import perpetual, spot

START_NS = 1_763_683_200 * 10**9
HERE = Place(start_ns=START_NS, seed=1)
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "1000PEPE/USDT:USDT")


def ruled(profile: str = "paper", *sets: str, **options: object):
    """Settings with a universe of all defaults, and more."""
    return assemble(profile, None, ["market.universe={}", *sets], options)


def test_without_rules_nobody_is_asked(monkeypatch: pytest.MonkeyPatch):
    """The settings come back as they are: a start costs what it did."""
    monkeypatch.setattr(discovery, "markets_of", lambda *_: pytest.fail("asked"))
    settings = assemble("paper", None, [], {})
    found = discovered(settings, HERE)
    assert (found.settings, found.spots, found.lines()) == (settings, {}, [])


def test_named_symbols_win_over_rules(monkeypatch: pytest.MonkeyPatch):
    """And that is said; the profile's own symbols do not count as named."""
    monkeypatch.setattr(discovery, "markets_of", lambda *_: pytest.fail("asked"))
    settings = ruled("paper", "market.symbols=['BTC/USDT:USDT']")
    found = discovered(settings, HERE)
    assert found.settings is settings
    assert found.lines() == ["symbols are named: market.universe is not asked"]
    assert assemble("live", None, [], {}).market.symbols == ("BTC/USDT:USDT",)
    assert ruled("live").market.symbols == ()


def test_a_made_up_market_offers_every_contract_whose_rules_are_published():
    """By what it usually trades a day, so that the choice is known before the market is made."""
    found = discovered(ruled(), HERE)
    assert set(found.settings.market.symbols) == {f"{name.removesuffix('USDT')}/USDT:USDT" for name in PUBLISHED}
    assert found.settings.market.symbols[:3] == ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
    assert found.spots["BTC/USDT:USDT"] == Spot(symbol="BTC/USDT", id="BTCUSDT")
    assert found.lines() == ["universe: 11 of 22 markets (left out: kind 11); 11 with a spot"]
    fewer = discovered(ruled("paper", "market.universe.rank_max=2", "market.universe.deny=['ETH']"), HERE)
    assert fewer.settings.market.symbols == ("BTC/USDT:USDT",)


def test_what_was_chosen_and_why_is_kept_in_the_session(tmp_path: Path):
    """Every market with its rank and spot, or with the rule that left it out."""
    discovered(ruled("paper", "market.universe.rank_max=1"), HERE).save(tmp_path)
    told = json.loads((tmp_path / discovery.NAME).read_text())
    (btc,) = told["taken"]
    assert (btc["symbol"], btc["rank"], btc["spot"], btc["factor"]) == ("BTC/USDT:USDT", 1, "BTC/USDT", "1")
    assert told["removed"] == {"kind": 11, "rank_max": 10}
    assert {"symbol": "ETH/USDT:USDT", "rule": "rank_max", "words": "rank 2"} in told["left_out"]
    discovered(assemble("paper", None, [], {}), HERE).save(tmp_path / "nowhere")


def test_nothing_left_is_refused_with_the_rule_that_removed_the_most():
    """One line, and where it looked."""
    with pytest.raises(BadInputError, match=r"none of the 22 markets of synthetic is left; kind removed the most \(11"):
        discovered(ruled("paper", "market.universe.volume_min=1e15"), HERE)
    with pytest.raises(BadInputError, match=r"quotes EUR: no perpetual market is quoted in it; there are USDT"):
        discovered(ruled("paper", "market.universe.quotes=['EUR']"), HERE)
    with pytest.raises(BadInputError, match=r"market.spots X/USDT:USDT: not listed"):
        discovered(ruled("paper", "market.spots.X/USDT:USDT=X/USDT"), HERE)


def test_recorded_markets_are_ranked_by_the_day_before_their_start(tmp_path: Path):
    """Not by what comes after it: that is tomorrow."""
    for name, before, after in (("BTCUSDT", 1.0, 900.0), ("ETHUSDT", 3.0, 1.0)):
        with (tmp_path / f"{name}-1m.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["open_time", "open", "high", "low", "close", "volume"])
            for minute in range(2000):
                volume = before if minute < 500 else after
                rows.writerow([START_NS // 10**6 + 60_000 * minute, 100.5, 101, 100, 100.5, volume])
    found = discovered(ruled("paper", **{"market.source": [str(tmp_path)]}), HERE)
    assert found.settings.market.symbols == ("ETH/USDT:USDT", "BTC/USDT:USDT")
    assert found.choice is not None
    eth, btc = found.choice.taken
    assert btc.market.last == Decimal("100.5")
    assert eth.market.volume == 3 * btc.market.volume


def test_a_limit_on_the_basis_maps_named_symbols_too():
    """What has no spot is not among them."""
    sets = ["engine.risk.basis_ppm_max=2000", "market.symbols=['BTC/USDT:USDT']", "market.spots.BTC/USDT:USDT="]
    assert discovered(assemble("paper", None, sets[:2], {}), HERE).spots.keys() == {"BTC/USDT:USDT"}
    assert discovered(assemble("paper", None, sets, {}), HERE).spots == {}


def test_a_universe_of_spots_is_traded_on_their_contracts():
    """In the spots' order; a spot whose contract does not trade, or that has none, is left out and says so."""
    contracts = [
        perpetual("1000PEPE", 1, last=None),
        perpetual("BTC", 9, last=None),
        perpetual("OLD", 5, last=None, status="SETTLING"),
        perpetual("SOL", 3, last=None, symbol="SOL/USDC:USDC", quote="USDC", settle="USDC"),
    ]
    spots = [spot(base, last=None) for base in ("PEPE", "BTC", "OLD", "SOL", "XYZ")]
    choice = Choice(tuple(Taken(one, rank) for rank, one in enumerate(spots, 1)), ())
    found = on_contracts(choice, [*contracts, *spots], paired([*contracts, *spots]))
    assert [(one.market.symbol, one.rank) for one in found.taken] == [("1000PEPE/USDT:USDT", 1), ("BTC/USDT:USDT", 2)]
    assert [(one.symbol, one.rule, one.words) for one in found.left] == [
        ("OLD/USDT", "contract", "no contract settled in USDT trades: OLD/USDT:USDT SETTLING"),
        ("SOL/USDT", "contract", "no contract settled in USDT trades: SOL/USDC:USDC TRADING"),
        ("XYZ/USDT", "contract", "no contract of XYZ"),
    ]
    assert discovered(ruled("paper", "market.universe.kind=spot"), HERE).settings.market.symbols[0] == "BTC/USDT:USDT"


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[tuple[int, Path]]:
    """Somebody plays the real exchange: port and certificate."""
    server = Server(Exchange(SyntheticMarket(1, START_NS, SYMBOLS), Settings()), Plan(keys={}, speed=Speed.parse("1")))
    ports = await server.start()
    (tmp_path / "pem").write_text(server.certificate.pem)
    yield ports.tls, tmp_path / "pem"
    await server.close()


async def test_a_mirrored_market_is_asked_for_what_it_lists(real: tuple[int, Path]):
    """Through ccxt, on both floors, without keys."""
    port, pem = real
    settings = ruled("mirror", f"market.stand_in={port}:{pem}", "market.universe.deny=['ETHUSDT']")
    found = await asyncio.to_thread(discovered, settings, HERE)
    assert found.settings.market.symbols == ("BTC/USDT:USDT", "1000PEPE/USDT:USDT")
    assert found.spots["1000PEPE/USDT:USDT"].symbol == "1000PEPE/USDT"


async def test_a_live_market_keeps_what_is_held(real: tuple[int, Path]):
    """ETH is denied, and the journal holds some: it stays among what is looked after."""
    port, pem = real
    endpoint = Endpoint(port=port, certificate_pem=pem.read_text())
    place = replace(HERE, exchange="binanceusdm", dial=discovery.dial_to(endpoint), held=("ETH/USDT:USDT",))
    settings = ruled("live", "market.universe.deny=['ETH*']", "market.universe.rank_max=1")
    found = await asyncio.to_thread(discovered, settings, place)
    assert set(found.settings.market.symbols) == {"BTC/USDT:USDT", "ETH/USDT:USDT"}


def test_an_exchange_that_cannot_be_asked_is_one_line(tmp_path: Path, real: tuple[int, Path]):
    """Its name, and why."""
    stand_in = f"market.stand_in={free_port()}:{real[1]}"
    sets = ["feed.connect_timeout_ms=200", "feed.read_timeout_ms=200", stand_in]
    with pytest.raises(BadInputError, match=r"the markets of binanceusdm cannot be listed \("):
        discovered(ruled("mirror", *sets), HERE)
