"""Both floors of an exchange as facts: asked over TLS through ccxt, and read from recorded answers."""

import gzip
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import orjson
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.synthetic import SyntheticMarket
from feed.market import PERPETUAL, SPOT
from feed.registry import ATTEMPTS, facts, listed, recorded
from feed.settings import FeedSettings
from feed.source import SourceRefusedError, SourceUnreachableError
from orchestrator import dialling
from tests.recordings import DATA

SYMBOLS = ("BTC/USDT:USDT", "1000PEPE/USDT:USDT", "ETH/USDT:USDT")
METADATA = DATA / "market_metadata"


def info(name: str) -> dict:
    """A recorded answer."""
    path = METADATA / name
    if not path.exists():
        pytest.skip(f"no recorded {name} under {METADATA}")
    raw = path.read_bytes()
    return orjson.loads(gzip.decompress(raw) if name.endswith("gz") else raw)


@pytest.fixture
async def embedded() -> AsyncIterator[dialling.Endpoint]:
    """The embedded exchange, behind the real one's names."""
    market = SyntheticMarket(1, 1_763_683_200 * 10**9, SYMBOLS)
    server = Server(Exchange(market, Settings()), Plan(keys={}, speed=Speed.parse("1")))
    ports = await server.start()
    yield dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem)
    await server.close()


async def test_both_floors_are_listed_with_their_day(embedded):
    """Three contracts and three spots, each with ticks, lots, a price and a volume, in order of symbols."""
    found = await listed("binanceusdm", lambda: dialling.session(embedded), FeedSettings())
    names = sorted([*SYMBOLS, *(symbol.partition(":")[0] for symbol in SYMBOLS)])
    assert [one.symbol for one in found] == names
    assert Counter(one.kind for one in found) == {SPOT: 3, PERPETUAL: 3}
    for one in found:
        assert one.is_trading
        assert min(one.last, one.volume, one.tick, one.lot, one.quantity_min, one.notional_min) > 0
        assert (one.settle, one.listed_ms is None) == (("", True) if one.kind == SPOT else ("USDT", False))


async def test_an_exchange_that_cannot_be_reached_is_tried_and_then_told(unused_tcp_port):
    """As often as there are attempts; then in the feed's own words."""
    dialled = []

    def nobody() -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()

        async def begins(*_):
            dialled.append(1)

        trace.on_request_start.append(begins)
        connector = aiohttp.TCPConnector(resolver=dialling.LoopbackResolver(unused_tcp_port))
        return aiohttp.ClientSession(connector=connector, trace_configs=[trace])

    with pytest.raises(SourceUnreachableError):
        await listed("binanceusdm", nobody, FeedSettings(connect_timeout_ms=500, read_timeout_ms=500))
    assert len(dialled) >= ATTEMPTS


def test_recorded_answers_of_both_floors_are_read():
    """1695 spots and 122 contracts of 2021; ccxt's own markets of the same year hold their answers too."""
    spot = recorded(info("binance_spot_exchangeInfo_2021-10-12.json.gz"))
    assert Counter((one.kind, one.status) for one in spot) == {(SPOT, "TRADING"): 1262, (SPOT, "BREAK"): 433}
    assert sum(one.is_leveraged for one in spot) == 40
    contracts = recorded(info("binance_usdm_exchangeInfo_2021-07-21.json.gz"))
    assert len(contracts) == 122
    shib = next(one for one in contracts if one.base == "1000SHIB")
    assert (shib.symbol, shib.tick, shib.lot) == ("1000SHIB/USDT:USDT", Decimal("0.000001"), 1)
    assert len(recorded(info("ccxt_binance_markets_2021-01.json.gz"))) == 1234


def test_of_two_contracts_that_ccxt_names_alike_the_one_that_trades_counts():
    """IDOL was replaced by IDOLUSDT in 2025: 647 rows, 646 symbols."""
    found = recorded(info("binance_usdm_exchangeInfo_2025-11-26.json.gz"))
    assert len(found) == 646
    idol = next(one for one in found if one.base == "IDOL")
    assert (idol.id, idol.is_trading) == ("IDOLUSDT", True)


@pytest.mark.parametrize("answer", [{"symbols": [{"symbol": "BTCUSDT"}]}, {"symbols": 5}, {"a": 1}, {"a": {"info": 5}}])
def test_what_is_no_exchangeinfo_is_refused(answer):
    """In one line."""
    with pytest.raises(SourceRefusedError, match=r"no exchangeInfo|unreadable"):
        recorded(answer)


def test_a_market_that_cannot_be_read_is_the_exchanges_fault():
    """Not a crash of ours."""
    with pytest.raises(SourceRefusedError, match="market X/Y: unreadable"):
        facts([{"symbol": "X/Y"}])
