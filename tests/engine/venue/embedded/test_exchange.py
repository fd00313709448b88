"""The exchange as a whole: the market moves, candles close, books balance."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venue.embedded.events import CandleUpdate, Trade
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.market import INTERVALS_NS, MINUTE_NS
from engine.venue.embedded.orders import PlaceOrder
from engine.venue.embedded.synthetic import SyntheticMarket

FIRST_NS = 1_700_000_040 * 10**9
FLAT = (1_000_000, 1_000_000, 1_000_000, 1_000_000)
Opened = Callable[..., Exchange]


def test_a_missing_minute_has_no_candle_and_stands_in_the_grid(opened: Opened) -> None:
    """Time passes, nothing trades, the gap is itemised; then the market is over."""
    exchange = opened(FLAT, None, FLAT)
    closed = [event for _ in range(4) for event in exchange.advance() if isinstance(event, CandleUpdate)]
    assert [event.candle.open_ns for event in closed] == [FIRST_NS + MINUTE_NS, FIRST_NS + 3 * MINUTE_NS]
    grid = exchange.grid()[0]
    assert (grid.candles_count, grid.gaps_ns) == (2, (FIRST_NS + 2 * MINUTE_NS,))
    assert exchange.is_over
    assert exchange.now_ns == FIRST_NS + 4 * MINUTE_NS


@pytest.mark.parametrize("points", [1, 2, 3, 7, 8])
def test_candles_close_on_the_minute_exactly_as_they_are(points: int) -> None:
    """Stream, klines and the tape all give the source's candle back, for every number of points."""
    market = SyntheticMarket(5, FIRST_NS)
    exchange = Exchange(market, Settings(points_per_candle=points))
    events = [event for _ in range(30 * points) for event in exchange.advance()]
    expected = market.minutes(1, exchange.now_ns)[-30:]
    closed = [
        event for event in events if isinstance(event, CandleUpdate) and event.closed and event.symbol == "ETHUSDT"
    ]
    assert [event.candle for event in closed] == [tuple(one.item()) for one in expected]
    assert [event.at_ns for event in closed] == [int(one["open_ns"]) + MINUTE_NS for one in expected]
    assert (exchange.klines("ETHUSDT", "1m", None, None, 30) == expected).all()
    trades = [event for event in events if isinstance(event, Trade) and event.symbol == "ETHUSDT"]
    for candle in expected[expected["volume_e8"] > 0]:
        inside = [one for one in trades if candle["open_ns"] <= one.at_ns < candle["open_ns"] + MINUTE_NS]
        prices = [one.price_ticks for one in inside]
        assert (prices[0], max(prices), min(prices), prices[-1]) == candle[["open", "high", "low", "close"]].item()
        assert sum(one.volume_e8 for one in inside) == candle["volume_e8"]
    ids = [one.trade_id for one in trades]
    assert ids == sorted(set(ids))


def test_what_is_forming_grows_to_what_closes() -> None:
    """Between points the 1m and the 5m candle hold what was traded so far and nothing more."""
    exchange = Exchange(SyntheticMarket(5, FIRST_NS), Settings(points_per_candle=4))
    volume = 0
    for _ in range(4):
        updates = [event for event in exchange.advance() if isinstance(event, CandleUpdate)]
        assert updates[0].candle.volume_e8 > volume
        assert updates[0].candle.low <= updates[0].candle.close <= updates[0].candle.high
        volume = updates[0].candle.volume_e8
    five = exchange.forming("BTCUSDT", "5m")
    assert five is not None
    assert five.volume_e8 >= volume
    assert five.open_ns == FIRST_NS // INTERVALS_NS["5m"] * INTERVALS_NS["5m"]


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "4h", "1d"])
def test_a_thousand_candles_of_every_interval_are_there_at_once(interval: str) -> None:
    """What a brain asks for at its start, newest last, without a hole, from a start or up to now."""
    exchange = Exchange(SyntheticMarket(5, FIRST_NS), Settings())
    candles = exchange.klines("BTCUSDT", interval, None, None, 1000)
    step = INTERVALS_NS[interval]
    assert len(candles) == 1000
    assert (np.diff(candles["open_ns"]) == step).all()
    assert candles["open_ns"][-1] == (exchange.now_ns - 1) // step * step
    again = exchange.klines("BTCUSDT", interval, int(candles["open_ns"][10]), int(candles["open_ns"][19]), 1000)
    assert (again == candles[10:20]).all()


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 12),  # minute before which it is sent
        st.sampled_from(["MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET"]),
        st.sampled_from([1, -1]),
        st.integers(1, 400),  # lots
        st.integers(-300, 300),  # ticks from the last price
        st.booleans(),
        st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
    ),
    max_size=25,
)


def session(seed: int, requests: list[tuple[int, str, int, int, int, bool, str]], points: int) -> Exchange:
    """Thirteen minutes of a synthetic market with ``requests`` sent between the minutes."""
    exchange = Exchange(SyntheticMarket(seed, FIRST_NS), Settings(points_per_candle=points, tells_ticks=False))
    exchange.deposit("me", 10_000 * 10**8)
    contract = exchange.by_id["BTCUSDT"]
    for minute in range(13):
        for when, kind, side, lots, away, reduces, force in requests:
            if when == minute:
                price = contract.price_text(exchange.last_ticks("BTCUSDT") + away)
                request = PlaceOrder(
                    symbol="BTCUSDT",
                    side=side,
                    type=kind,
                    quantity=contract.quantity_text(lots),
                    price=price,
                    trigger_price=price,
                    reduce_only=reduces,
                    time_in_force=force,
                )
                exchange.place("me", request)
        for _ in range(points):
            exchange.advance()
    return exchange


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, seed=st.integers(0, 3), points=st.integers(2, 8))
def test_fills_do_not_depend_on_how_the_market_is_paced(
    requests: list[tuple[int, str, int, int, int, bool, str]], seed: int, points: int
) -> None:
    """The same orders at the same minutes: the same fills, ids, prices, times and money, whatever K."""
    one, many = session(seed, requests, 1), session(seed, requests, points)
    assert many.user_trades("me", "BTCUSDT") == one.user_trades("me", "BTCUSDT")
    assert many.all_orders("me", "BTCUSDT") == one.all_orders("me", "BTCUSDT")
    assert many.all_algo_orders("me", "BTCUSDT") == one.all_algo_orders("me", "BTCUSDT")
    assert many.account("me") == one.account("me")


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, seed=st.integers(0, 3))
def test_every_unit_is_accounted_for(requests: list[tuple[int, str, int, int, int, bool, str]], seed: int) -> None:
    """Wallet = deposit + realised - fees, recomputed from the fills alone; no order fills more than it asked for."""
    exchange = session(seed, requests, 1)
    state = exchange.account("me")
    fills = exchange.user_trades("me", "BTCUSDT", limit=10_000)
    assert state.wallet == state.deposit + sum(one.realised for one in fills) - sum(one.fee for one in fills)
    assert state.positions[0].lots == sum(one.side * one.lots for one in fills)
    for order in exchange.all_orders("me", "BTCUSDT", limit=10_000):
        mine = [one for one in fills if one.order_id == order.order_id]
        assert order.lots_filled == sum(one.lots for one in mine) <= order.lots
        assert order.cost == sum(one.lots * one.price_ticks for one in mine)
        assert (order.status == "FILLED") == (order.lots_left == 0)
        assert all(order.created_ns <= one.at_ns <= order.updated_ns for one in mine)
