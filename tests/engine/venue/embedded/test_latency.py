"""Latency: an order meets the market of the moment in which it arrives, and a seed tells when that is."""

import time

import aiohttp
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.latency import MILLISECOND_NS, Delay, Journey
from engine.venue.embedded.orders import Order, PlaceOrder, Refusal
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from tests.engine.venue.embedded.conftest import FLAT, Played

RISE = (1_000_000, 1_006_000, 1_000_000, 1_006_000)  # 6,000 ticks in 60,000 ms: a tick every ten


def opened(points: int = 1, **settings: int) -> Exchange:
    """An exchange before a minute that rises a tick every ten milliseconds."""
    exchange = Exchange(Played([FLAT, RISE, FLAT]), Settings(points_per_candle=points, **settings))
    exchange.deposit("me", 10**13)
    exchange.drain()
    return exchange


def bought(exchange: Exchange, quantity: str = "0.010") -> Order:
    """A market buy of 10 lots."""
    answer = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity=quantity))
    assert isinstance(answer, Order), answer
    return answer


def test_without_latency_an_order_arrives_at_once() -> None:
    """It pays the ask of the price that was shown, and time stands still."""
    exchange = opened()
    order = bought(exchange)
    assert order.cost // order.lots_filled == 1_000_001
    assert order.created_ns == exchange.now_ns


def test_the_market_moves_while_an_order_travels() -> None:
    """250 ms are 25 ticks of this minute: the order pays 1,000,025 and one of spread."""
    exchange = opened(order_latency_ms=250)
    order = bought(exchange)
    assert order.cost // order.lots_filled == 1_000_025 + 1
    assert order.created_ns == exchange.now_ns + 250 * MILLISECOND_NS


def test_fills_do_not_depend_on_how_often_the_market_is_asked() -> None:
    """A resting order and one that travels get the same prices in one point a minute or in eight."""

    def played(points: int) -> list[tuple[int, int, int]]:
        exchange = opened(points, order_latency_ms=300, order_jitter_ms=200, latency_seed=5)
        exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="LIMIT", quantity="0.2", price="100300"))
        bought(exchange)
        while not exchange.is_over:
            exchange.advance()
        return [(fill.price_ticks, fill.lots, fill.at_ns) for fill in exchange.user_trades("me", "BTCUSDT")]

    assert played(1) == played(8)
    assert len(played(1)) > 1


def test_a_stop_that_was_passed_on_the_way_is_refused() -> None:
    """Above the price when it was sent, below when it arrives: -2021; without latency it waits."""
    request = PlaceOrder(symbol="BTCUSDT", side=1, type="STOP_MARKET", quantity="0.01", trigger_price="100001.0")
    assert not isinstance(opened().place("me", request), Refusal)
    answer = opened(order_latency_ms=500).place("me", request)
    assert isinstance(answer, Refusal)
    assert answer.code == -2021


def test_a_cancel_may_come_too_late() -> None:
    """The price goes through the order while its cancel travels: -2011, and it is filled."""
    exchange = opened(order_latency_ms=1000)
    order = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="LIMIT", quantity="0.1", price="100011"))
    assert isinstance(order, Order)
    assert order.status == "NEW"
    other = opened(order_latency_ms=1000)
    other.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="LIMIT", quantity="0.1", price="100011"))
    other.advance()
    assert exchange.cancel("me", "BTCUSDT", order.order_id) != Refusal(-2011, "Unknown order sent.")
    late = other.cancel("me", "BTCUSDT", order.order_id)
    assert isinstance(late, Refusal)
    assert late.code == -2011


def test_the_candle_is_the_recorded_one_all_the_same() -> None:
    """Orders that run ahead of the pace change nothing about the minute that is told."""
    quiet, busy = opened(), opened(order_latency_ms=900)
    bought(busy)
    told = [[one for one in exchange.advance() if hasattr(one, "closed") and one.closed] for exchange in (quiet, busy)]
    assert told[0] == told[1]
    assert told[0][0].candle.close == 1_006_000


def test_a_seed_draws_the_same_delays_and_nobody_overtakes() -> None:
    """Between least and least plus jitter, equal for equal seeds; arrivals never fall."""
    delay = Delay(20, 100)
    one, same, other = (Journey(delay, seed) for seed in (1, 1, 2))
    times = [[each.arrival_ns(at * MILLISECOND_NS) for at in range(0, 4000, 40)] for each in (one, same, other)]
    assert times[0] == times[1] != times[2]
    assert times[0] == sorted(times[0])
    taken = [arrival // MILLISECOND_NS - at for arrival, at in zip(times[0], range(0, 4000, 40), strict=True)]
    assert min(taken) >= 20
    assert 100 <= max(taken) <= 120


@pytest.mark.parametrize("terms", [{"least_ms": -1}, {"jitter_ms": 10_001}])
def test_a_latency_is_bounded(terms: dict[str, int]) -> None:
    """Nothing below zero, nothing beyond ten seconds."""
    with pytest.raises(ValueError, match="latency"):
        Delay(**terms)


@pytest.mark.parametrize(("speed", "least_s"), [("20", 0.1), ("step", 0.0)])
async def test_news_reaches_a_client_later_and_in_order(speed: str, least_s: float) -> None:
    """Two seconds of a market at speed 20 are a tenth of ours; a market without a pace delays nothing."""
    exchange = Exchange(Played([FLAT, *[RISE] * 30]), Settings(feed_latency_ms=2000, feed_jitter_ms=1000))
    server = Server(exchange, Plan(keys={}, speed=Speed.parse(speed)))
    ports = await server.start()
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"http://127.0.0.1:{ports.plain}/ws/btcusdt@kline_1m")
        began_s = time.monotonic()
        server.pace.step(20)
        told = [(await socket.receive_json(timeout=30))["k"] for _ in range(20)]
        took_s = time.monotonic() - began_s
        await server.close()
    opens = [row["t"] for row in told]
    assert opens == sorted(opens)
    assert took_s >= least_s
