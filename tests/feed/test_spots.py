"""The spots' prices: asked over TLS, told per contract in the contract's own unit, and missed aloud."""

import aiohttp
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.synthetic import SyntheticMarket
from feed.settings import FeedSettings
from feed.spots import SpotPlan, SpotWatch
from orchestrator import dialling

SETTINGS = FeedSettings(connect_timeout_ms=500, read_timeout_ms=2_000)
SPOTS = {0: ("BTCUSDT", 1.0), 2: ("ETHUSDT", 1000.0), 3: ("XYZUSDT", 1.0)}


class Ear:
    """Who is told."""

    def __init__(self):
        self.prices, self.failures = {}, []

    def watch(self, dial):
        """A watch that tells it."""
        plan = SpotPlan(spots=SPOTS, dial=dial)
        return SpotWatch(plan, SETTINGS, self.prices.__setitem__, self.failures.append)


@pytest.fixture
async def embedded():
    """The embedded exchange with two contracts, and the spots of the same names."""
    market = SyntheticMarket(1, 1_763_683_200 * 10**9, ("BTC/USDT:USDT", "ETH/USDT:USDT"))
    server = Server(Exchange(market, Settings()), Plan(keys={}, speed=Speed.parse("1")))
    ports = await server.start()
    yield server, dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem)
    await server.close()


async def test_every_contract_is_told_its_spots_price_in_its_own_unit(embedded):
    """A contract of a thousand coins costs a thousand of the spot; a spot that is not there is named."""
    server, endpoint = embedded
    ear = Ear()
    watch = ear.watch(lambda: dialling.session(endpoint))
    try:
        await watch.look()
    finally:
        await watch.close()
    exchange = server.pace._exchange
    prices = {one.id: exchange.last_ticks(one.id) * one.tick_e8 / 1e8 for one in exchange.listings}
    assert ear.prices == pytest.approx({0: prices["BTCUSDT"], 2: 1000 * prices["ETHUSDT"]})
    assert ear.failures == ["spot prices: none of XYZUSDT"]


async def test_all_spots_are_one_question(embedded):
    """However many contracts there are, a look at their spots is one request."""
    _, endpoint = embedded
    asked, traces = [], aiohttp.TraceConfig()

    async def begin(_session, _context, sent):
        asked.append(sent.url.path)

    traces.on_request_start.append(begin)
    watch = Ear().watch(lambda: dialling.session(endpoint, [traces]))
    try:
        await watch.look()
        await watch.look()
    finally:
        await watch.close()
    assert asked == ["/api/v3/ticker/price"] * 2


async def test_no_answer_leaves_the_old_prices_and_says_why(embedded, unused_tcp_port):
    """Nobody listens, and an answer that is none: told, not raised; closing twice harms nobody."""
    ear = Ear()
    connector = aiohttp.TCPConnector
    watch = ear.watch(
        lambda: aiohttp.ClientSession(connector=connector(resolver=dialling.LoopbackResolver(unused_tcp_port)))
    )
    await watch.look()
    assert len(ear.failures) == 1
    assert ear.failures[0].startswith("spot prices: ")

    async def nonsense():
        return [{"symbol": "BTCUSDT", "price": "much"}]

    watch._client.public_get_ticker_price = nonsense
    await watch.look()
    assert "unreadable" in ear.failures[1]
    assert ear.prices == {}
    await watch.close()
    await watch.close()
