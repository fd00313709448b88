"""A mirrored market: what is heard of another exchange is what paper orders meet."""

from pathlib import Path

import numpy as np
import pytest

from engine.venue.embedded.chronicle import Chronicle
from engine.venue.embedded.events import CandleUpdate, Trade
from engine.venue.embedded.exchange import Settings
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from engine.venue.embedded.mirror import MirrorExchange, MirrorMarket, Step, listing_of
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder
from engine.venue.embedded.spot.exchange import SpotExchange
from shm.instruments import Instrument
from tests.engine.venue.embedded.conftest import FIRST_NS, VOLUME_E8

SECOND_NS = 10**9
BEGIN_NS = FIRST_NS + MINUTE_NS  # the first minute that is not past
CONTRACTS = (listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]), listing(1, "ETH", "USDT", PUBLISHED["ETHUSDT"]))


def mirrored(contracts: int = 1) -> MirrorExchange:
    """A mirroring exchange after one flat minute at 100,000.0, with an account of 100,000 USDT."""
    past = np.zeros(1, CANDLE)
    past["open_ns"], past["volume_e8"] = FIRST_NS, VOLUME_E8
    for name in ("open", "high", "low", "close"):
        past[name] = 1_000_000
    return MirrorExchange(MirrorMarket(CONTRACTS[:contracts], [past] * contracts), Settings())


@pytest.fixture
def exchange() -> MirrorExchange:
    """One contract, one account."""
    opened = mirrored()
    opened.deposit("me", 100_000 * 10**8)
    opened.drain()
    return opened


def test_a_contract_without_a_past_keeps_nobody_waiting():
    """Minutes pass for the other one, funding and all; its first candle brings it up, at its own price."""
    one = mirrored()._incoming.minutes(0, 1 << 62)
    market = MirrorMarket(CONTRACTS, [one, one[:0]])
    assert market.silent == {1}
    assert market.start_ns == BEGIN_NS
    exchange = MirrorExchange(market, Settings())
    for minute in range(3):
        exchange.close(0, candle(minute, 1_000_000, 1_000_100, 999_900, 1_000_050))
    assert exchange.minutes_count == 3
    exchange.close(1, candle(3, 300_000, 300_100, 299_900, 300_050))
    assert exchange.last_ticks("ETHUSDT") == 300_050
    assert 299_900 <= exchange.pit_of(1).mark_ticks <= 300_100, "nothing is smoothed towards a price that never was"
    exchange.close(0, candle(3, 1_000_000, 1_000_100, 999_900, 1_000_050))
    exchange.close(0, candle(4, 1_000_000, 1_000_100, 999_900, 1_000_050))
    assert exchange.minutes_count == 4, "from then on it is waited for like the other"


def test_the_first_trade_of_a_contract_without_a_past_is_its_price():
    """Mark and index begin with it; a quote alone, which may be wide, is no price."""
    one = mirrored()._incoming.minutes(0, 1 << 62)
    exchange = MirrorExchange(MirrorMarket(CONTRACTS, [one, one[:0]]), Settings())
    pit = exchange.pit_of(1)
    exchange.hear([tuple(Step(1, BEGIN_NS + SECOND_NS, pit.last_ticks, 0, 0, 4))])
    assert (pit.last_ticks, pit.mark_ticks) == (1, 1)
    exchange.hear([tuple(Step(1, BEGIN_NS + 2 * SECOND_NS, 300_000, 10**8, 1, 0))])
    assert (pit.last_ticks, pit.mark_ticks, pit.index.ticks) == (300_000, 300_000, 300_000)


def trade(second: float, ticks: int, *, spread: int = 0) -> tuple[int, ...]:
    """One coin bought at ``ticks``, so long after the market's begin."""
    return tuple(Step(0, BEGIN_NS + int(second * SECOND_NS), ticks, 10**8, 1, spread))


def candle(minute: int, *prices: int) -> tuple[int, ...]:
    """A minute's candle: open, high, low, close."""
    return (BEGIN_NS + minute * MINUTE_NS, *prices, VOLUME_E8, 5 * 10**9, 40, VOLUME_E8 // 2, 25 * 10**8)


def buy(exchange: MirrorExchange, kind: str = "MARKET", **terms: object) -> Order:
    """Place an order to buy 0.05; it must be taken."""
    order = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type=kind, quantity="0.050", **terms))  # type: ignore[arg-type]
    assert isinstance(order, Order), order
    return order


def stop(exchange: MirrorExchange, trigger: str) -> AlgoOrder:
    """A stop to sell 0.05."""
    terms = {"quantity": "0.050", "trigger_price": trigger, "reduce_only": True}
    order = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="STOP_MARKET", **terms))  # type: ignore[arg-type]
    assert isinstance(order, AlgoOrder), order
    return order


def fills(exchange: MirrorExchange) -> list[tuple[int, bool]]:
    """Price and whether maker, of every fill."""
    return [(fill.price_ticks, fill.maker) for fill in exchange.user_trades("me", "BTCUSDT")]


def test_an_order_meets_the_newest_price_and_spread_that_were_heard(exchange: MirrorExchange) -> None:
    """At 100,050.0 with five ticks between bid and ask it pays 100,050.3, at the trade's own time."""
    exchange.hear([trade(5, 1_000_200), trade(6, 1_000_500, spread=5)])
    order = buy(exchange)
    assert fills(exchange) == [(1_000_503, False)]
    assert order.created_ns == exchange.now_ns == BEGIN_NS + 6 * SECOND_NS


def test_a_trade_fills_what_it_went_through(exchange: MirrorExchange) -> None:
    """A stop that was jumped over sells where the trade was; a bid that was gets its own price."""
    buy(exchange)
    stop(exchange, "99980")
    buy(exchange, "LIMIT", price="99960")
    exchange.hear([trade(1, 999_950), trade(2, 999_700), trade(3, 999_500)])
    assert fills(exchange)[1:] == [(999_700, False), (999_600, True)]


def test_a_candle_tells_what_no_trade_did(exchange: MirrorExchange) -> None:
    """Trades were heard between 100,000.0 and 100,010.0 only; the candle's low fills the bid below."""
    buy(exchange, "LIMIT", price="99950")
    exchange.hear([trade(1, 1_000_000), trade(2, 1_000_100)])
    assert fills(exchange) == []
    exchange.close(0, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    assert fills(exchange) == [(999_500, True)]
    assert exchange.last_ticks("BTCUSDT") == 1_000_050


def test_a_minute_of_which_nothing_was_heard_is_walked(exchange: MirrorExchange) -> None:
    """Its stop sells at the stop price, as on a continuous path."""
    buy(exchange)
    stop(exchange, "99950")
    exchange.close(0, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    assert fills(exchange)[1:] == [(999_500, False)]


def test_a_trade_that_overtakes_the_candle_before_keeps_its_price(exchange: MirrorExchange) -> None:
    """The next minute trades at 100,300.0 before this minute's candle, closed at 100,050.0, comes."""
    exchange.hear([trade(1, 1_000_000), trade(60.1, 1_003_000)])
    exchange.close(0, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    assert exchange.last_ticks("BTCUSDT") == 1_003_000
    assert exchange.forming("BTCUSDT", "1m") is not None
    exchange.close(0, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    exchange.hear([trade(2, 900_000)])
    assert exchange.last_ticks("BTCUSDT") == 1_003_000, "a candle that is known, a trade that is late: no news"
    assert exchange.grid()[0].candles_count == 1


def test_minutes_without_a_candle_are_gaps(exchange: MirrorExchange) -> None:
    """One that was skipped and two that a later candle shows to be missing."""
    exchange.skip(0, BEGIN_NS)
    exchange.close(0, candle(3, 1_000_000, 1_000_100, 999_400, 1_000_050))
    (grid,) = exchange.grid()
    assert grid.gaps_ns == tuple(BEGIN_NS + n * MINUTE_NS for n in range(3))
    assert (grid.candles_count, exchange.minutes_count) == (1, 4)


def test_a_minute_is_over_when_every_contract_is_past_it() -> None:
    """Funding and liquidation wait for the slower one."""
    exchange = mirrored(2)
    exchange.close(0, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    assert exchange.minutes_count == 0
    exchange.close(1, candle(0, 1_000_000, 1_000_100, 999_400, 1_000_050))
    assert exchange.minutes_count == 1


def test_the_public_sees_trades_candles_and_the_minute_as_far_as_it_is(exchange: MirrorExchange) -> None:
    """Trades as they were heard, a forming candle from them, and the closed one as it came."""
    exchange.hear([trade(1, 1_000_200), trade(2, 999_900)])
    told = exchange.drain()
    assert [event.price_ticks for event in told if isinstance(event, Trade)] == [1_000_200, 999_900]
    (forming,) = exchange.klines("BTCUSDT", "1m", BEGIN_NS, None, 5)
    assert [int(forming[name]) for name in ("open", "high", "low", "close")] == [1_000_200, 1_000_200, 999_900, 999_900]
    whole = candle(0, 1_000_000, 1_000_300, 999_400, 1_000_050)
    exchange.close(0, whole)
    closed = [event.candle for event in exchange.drain() if isinstance(event, CandleUpdate) and event.closed]
    assert [tuple(one) for one in closed] == [whole]
    assert exchange.klines("BTCUSDT", "1m", BEGIN_NS, None, 5)[0].item() == whole


def test_what_was_good_till_then_expires_as_the_market_passes(exchange: MirrorExchange) -> None:
    """Its date is eleven minutes ahead; the candle of the twelfth ends it, unfilled although its price is touched."""
    till_ms = (BEGIN_NS + 11 * MINUTE_NS) // 10**6
    order = buy(exchange, "LIMIT", price="99950", time_in_force="GTD", good_till_ms=till_ms)
    exchange.close(0, candle(10, 1_000_000, 1_000_000, 1_000_000, 1_000_000))
    exchange.close(0, candle(11, 1_000_000, 1_000_100, 999_400, 1_000_050))
    after = exchange.order("me", "BTCUSDT", order.order_id)
    assert isinstance(after, Order)
    assert (after.status, fills(exchange)) == ("EXPIRED", [])


def test_a_killed_one_knows_what_it_heard(tmp_path: Path) -> None:
    """Played back from its chronicle it has the same price, orders, fills and money, and goes on the same."""
    lives = []
    for _ in range(2):
        exchange = mirrored()
        chronicle = Chronicle(tmp_path, exchange.character(1))
        is_new = chronicle.is_new
        chronicle.play(exchange, SpotExchange(exchange))
        if is_new:
            exchange.deposit("me", 10**13)
            buy(exchange, "LIMIT", price="99950")
            buy(exchange)
            exchange.hear([trade(5, 1_000_200), trade(6, 999_000, spread=3)])
            exchange.close(0, candle(0, 1_000_000, 1_000_300, 998_000, 1_000_050))
            exchange.hear([trade(61, 1_000_400)])
        state = (
            exchange.account("me"),
            fills(exchange),
            exchange.last_ticks("BTCUSDT"),
            exchange.now_ns,
            exchange.grid(),
        )
        lives.append((state, exchange.klines("BTCUSDT", "1m", None, None, 9).tolist(), exchange.book_ticker("BTCUSDT")))
    assert lives[0] == lives[1]
    assert len(lives[0][0][1]) == 2


def test_it_moves_only_when_the_market_does(exchange: MirrorExchange) -> None:
    """Nothing is played by hand."""
    assert exchange.advance() == []
    assert exchange.now_ns == BEGIN_NS


def test_a_contract_is_named_as_the_exchange_does() -> None:
    """BTC/USDT:USDT is BTCUSDT, with the ticks and lots of its instrument."""
    instrument = Instrument(row=3, symbol="BTC/USDT:USDT", venue="paper", account="main", tick_e8=10**7, lot_e8=10**5)
    contract = listing_of(instrument)
    assert (contract.id, contract.row, contract.tick_e8, contract.lot_e8) == ("BTCUSDT", 3, 10**7, 10**5)
