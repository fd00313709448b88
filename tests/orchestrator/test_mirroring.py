"""A session on another exchange's public market: reaching it, reading its contracts and its past."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator import mirroring, wiring
from orchestrator.settings import BadInputError, MarketSettings
from shm import topology
from shm.memory import Memory
from shm.records import MARKET, Provenance
from tests.orchestrator.sessions import session_in

MIRROR = MarketSettings(source=("binanceusdm",), speed="1")
START_NS = 1_763_683_200 * 10**9


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[MarketSettings]:
    """Somebody plays the real exchange: another embedded one, behind its host names, over TLS."""
    market = SyntheticMarket(1, START_NS, ("BTC/USDT:USDT", "ETH/USDT:USDT"))
    server = Server(Exchange(market, Settings()), Plan(keys={}, speed=Speed.parse("1")))
    ports = await server.start()
    (tmp_path / "pem").write_text(server.certificate.pem)
    yield replace(MIRROR, stand_in=f"{ports.tls}:{tmp_path / 'pem'}", symbols=("ETH/USDT:USDT", "BTC/USDT:USDT"))
    await server.close()


async def test_the_contracts_are_those_of_the_other_exchange(stand_in: MarketSettings) -> None:
    """Asked under its own name: rows in the order of --symbols, with its ticks, lots and bounds."""
    found = await asyncio.to_thread(mirroring.catalogue, stand_in)
    theirs = {one.symbol: one for one in SyntheticMarket(1, START_NS, stand_in.symbols).listings}
    assert [one.symbol for one in found.listings] == ["ETH/USDT:USDT", "BTC/USDT:USDT"]
    for row, one in enumerate(found.listings):
        assert one.row == row
        for name in ("id", "tick_e8", "lot_e8", "lots_min", "lots_max", "market_lots_max", "notional_min"):
            assert getattr(one, name) == getattr(theirs[one.symbol], name), name
    assert [one.symbol for one in wiring.instruments_of(found, "paper", "main")] == list(stand_in.symbols)


async def test_a_symbol_that_is_not_listed_there_is_refused(stand_in: MarketSettings) -> None:
    """One line that names it and some that are there."""
    with pytest.raises(BadInputError, match=r"--symbols DOGE/USDT:USDT: not listed at binanceusdm; there are BTC/USDT"):
        await asyncio.to_thread(mirroring.catalogue, replace(stand_in, symbols=("DOGE/USDT:USDT",)))


def test_a_market_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    """Nobody listens: the line says what was wanted and why it failed."""
    (tmp_path / "pem").write_text(certificate_pem())
    unreachable = replace(MIRROR, stand_in=f"{wiring.free_port()}:{tmp_path / 'pem'}")
    with pytest.raises(BadInputError, match="--market binanceusdm: its public market cannot be reached") as caught:
        mirroring.catalogue(unreachable)
    assert "\n" not in str(caught.value)


def certificate_pem() -> str:
    """Of nobody."""
    server = Server(Exchange(SyntheticMarket(1, START_NS, ()), Settings()), Plan(keys={}, speed=Speed.parse("1")))
    return server.certificate.pem


def contract(**changes: Any) -> dict[str, Any]:
    """An exchangeInfo of one contract."""
    bounds = {"stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"}
    one = {
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", **bounds},
            {"filterType": "MARKET_LOT_SIZE", **bounds},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    }
    return {"symbols": [one | changes]}


@pytest.mark.parametrize(
    ("answer", "symbol", "line"),
    [
        (contract(status="SETTLING"), "BTC/USDT:USDT", "SETTLING at binanceusdm, not TRADING"),
        (contract(marginAsset="USDC"), "BTC/USDT:USDC", "the paper account holds USDT"),
        (contract(contractType="CURRENT_QUARTER"), "BTC/USDT:USDT", "not listed at binanceusdm"),
        (contract(filters=[]), "BTC/USDT:USDT", "its list of contracts is unreadable"),
        ({"code": -1}, "BTC/USDT:USDT", "its list of contracts is unreadable"),
        ([], "BTC/USDT:USDT", "its list of contracts is unreadable"),
    ],
)
def test_a_contract_that_cannot_be_traded_is_refused(answer: Any, symbol: str, line: str) -> None:
    """Each with its reason, whatever the answer is made of."""
    with pytest.raises(BadInputError, match=line):
        mirroring.listings_of(answer, [symbol])


@pytest.mark.parametrize("text", ["here", "x:/nowhere", "443:/nowhere"])
def test_a_stand_in_is_a_port_and_a_certificate(text: str) -> None:
    """Anything else is refused in one line."""
    with pytest.raises(BadInputError, match="expected PORT:CERTIFICATE"):
        mirroring.endpoint_of(replace(MIRROR, stand_in=text))


def test_without_a_stand_in_the_world_is_dialled() -> None:
    """No endpoint: names lead where they lead."""
    assert mirroring.endpoint_of(MIRROR) is None


def test_the_past_is_what_the_feed_had_when_the_session_began(tmp_path: Path) -> None:
    """Closed candles in their order, without the missing; kept, so that a killed exchange begins with the same."""
    memory = Memory.create("past", 2, directory=tmp_path)
    feed, exchange = (Memory.attach("past", role, directory=tmp_path) for role in ("feed", "exchange"))
    try:
        session, folder = session_in(tmp_path), tmp_path / "exchange"
        with pytest.raises(BadInputError, match="the feed has no candle of BTC/USDT:USDT or any other symbol yet"):
            mirroring.market_of(exchange, session, folder)
        history = feed.table_writer("HISTORY")
        for row in range(2):
            for minute in (3, 1, 2, 4):
                history.write(topology.history_row(row, 0, START_NS + minute * MINUTE_NS), candle(row, minute))
        first = mirroring.market_of(exchange, session, folder)
        history.write(topology.history_row(0, 0, START_NS + 5 * MINUTE_NS), candle(0, 5))
        again = mirroring.market_of(exchange, session, folder)
    finally:
        for one in (feed, exchange, memory):
            one.close()
        memory.unlink()
    for market in (first, again):
        assert market.minutes(0, 1 << 62)["open_ns"].tolist() == [START_NS + n * MINUTE_NS for n in (1, 3, 4)]
        assert market.start_ns == START_NS + 5 * MINUTE_NS


def test_a_symbol_that_never_answered_has_no_past(tmp_path: Path) -> None:
    """The other one begins; it is known which, also after a restart."""
    memory = Memory.create("past", 2, directory=tmp_path)
    feed, exchange = (Memory.attach("past", role, directory=tmp_path) for role in ("feed", "exchange"))
    try:
        session, folder = session_in(tmp_path), tmp_path / "exchange"
        feed.table_writer("HISTORY").write(topology.history_row(0, 0, START_NS), candle(0, 0))
        found = [mirroring.market_of(exchange, session, folder) for _ in range(2)]
    finally:
        for one in (feed, exchange, memory):
            one.close()
        memory.unlink()
    assert [market.silent for market in found] == [frozenset({1})] * 2
    assert found[1].start_ns == START_NS + MINUTE_NS


def candle(row: int, minute: int) -> np.ndarray:
    """A record of HISTORY; the second minute is missing."""
    record = np.zeros(1, MARKET)
    record["instrument"], record["open_ns"] = row, START_NS + minute * MINUTE_NS
    record["provenance"] = Provenance.MISSING if minute == 2 else Provenance.OBSERVED
    for name in ("open", "high", "low", "close"):
        record[name] = 100.0
    return record
