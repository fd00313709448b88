"""Recorded trades and quotes, played: what comes out is what was recorded."""

from pathlib import Path

import numpy as np
import pytest

from engine.venue.embedded.events import CandleUpdate, OrderUpdate, Quote, Trade
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import PlaceOrder
from engine.venue.embedded.ticks import TickMarket, open_ticks
from tests.recordings import DATA as RECORDED

FRAMES = RECORDED / "raw_frames" / "binance_hft" / "usdm_btcusdt_20240719.gz"
FIRST_MS = 1_700_000_040_000
PRICES = (100.0, 100.1, 100.1, 99.9, 100.3)  # of the second minute: 1 + 0 + 2 + 4 ticks


@pytest.fixture
def market(tmp_path: Path) -> TickMarket:
    """A minute of one trade, a minute of five, ten seconds apart, and one more."""
    rows = [(0, 99.0), *((60_000 + 10_000 * n, price) for n, price in enumerate(PRICES)), (120_000, 100.0)]
    lines = [f"{FIRST_MS + ms},{number + 1},sell,{price},2.0" for number, (ms, price) in enumerate(rows)]
    path = tmp_path / "BTCUSDT.csv"
    path.write_text("timestamp,id,side,price,amount\n" + "\n".join(lines) + "\n")
    made = open_ticks([path])
    made.start_ns = (FIRST_MS + 60_000) * 10**6
    return made


def test_trades_are_told_at_their_own_time(market: TickMarket) -> None:
    """In four points: two trades in the first quarter of a minute, and so on; the candle comes last."""
    exchange = Exchange(market, Settings(points_per_candle=4))
    told = [
        [one.at_ns // 10**6 - FIRST_MS - 60_000 for one in exchange.advance() if isinstance(one, Trade)]
        for _ in range(4)
    ]
    assert told == [[0, 10_000], [20_000], [30_000, 40_000], []]
    assert [trade.price_ticks for trade in exchange.recent_trades("BTCUSDT", 9)] == [round(10 * p) for p in PRICES]
    assert [trade.trade_id for trade in exchange.recent_trades("BTCUSDT", 9)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("points", [1, 2, 3, 8])
def test_orders_meet_the_recorded_prices(market: TickMarket, points: int) -> None:
    """A limit to sell at 100.2 fills when the price rises through it to 100.3, at second 40, however it is played."""
    exchange = Exchange(market, Settings(points_per_candle=points))
    exchange.deposit("me", 10**14)
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="2"))
    exchange.place(
        "me", PlaceOrder(symbol="BTCUSDT", side=-1, type="LIMIT", quantity="2", price="100.2", time_in_force="GTC")
    )
    events = exchange.drain() + [one for _ in range(points) for one in exchange.advance()]
    fills = [one.fill for one in events if isinstance(one, OrderUpdate) and one.fill and one.fill.maker]
    assert {fill.price_ticks for fill in fills} == {1_002}
    assert sum(fill.lots for fill in fills) == 2_000
    assert {fill.at_ns // 10**6 - FIRST_MS - 60_000 for fill in fills} == {40_000}


@pytest.mark.skipif(not FRAMES.exists(), reason="no recorded frames beside the checkout")
@pytest.mark.parametrize("points", [1, 8])
def test_a_real_recording_comes_back_as_it_was(points: int) -> None:
    """Every trade and quote after the start, in order, with price, size and time; candles are sums of the trades."""
    market = open_ticks([FRAMES])
    exchange, events = Exchange(market, Settings(points_per_candle=points)), []
    while not exchange.is_over:
        events += exchange.advance()
    trades = [one for one in events if isinstance(one, Trade)]
    quotes = [one for one in events if isinstance(one, Quote)]
    tape = market.tape(0)
    played = tape.trades[tape.trades["at_ns"] >= market.start_ns]
    assert [(one.at_ns, one.trade_id, one.price_ticks, one.taker_side) for one in trades] == [
        (row["at_ns"], row["id"], round(row["price"] * 10), row["side"]) for row in played
    ]
    assert np.allclose([one.volume_e8 / 1e8 for one in trades], played["quantity"])
    shown = tape.quotes[(tape.quotes["at_ns"] >= market.start_ns) & (tape.quotes["at_ns"] < exchange.now_ns)]
    assert [(one.at_ns, one.bid_ticks, one.ask_ticks) for one in quotes] == [
        (row["at_ns"], round(row["bid"] * 10), round(row["ask"] * 10)) for row in shown
    ]
    closed = [one.candle for one in events if isinstance(one, CandleUpdate) and one.closed]
    assert len(closed) >= 4
    for candle in closed:
        within = [one for one in trades if candle.open_ns <= one.at_ns < candle.open_ns + 60 * 10**9]
        prices = [one.price_ticks for one in within]
        assert (candle.open, candle.high, candle.low, candle.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert candle.volume_e8 == sum(one.volume_e8 for one in within)
        assert candle.trades == len(within)
