"""Conditional orders beyond the plain two, and queues: what becomes of them on a path known to its last tick."""

from collections.abc import Callable

import pytest

from engine.venue.embedded.account import Book
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from tests.engine.venue.embedded.conftest import DEPTH_LOTS, FLAT, Played

Opened = Callable[..., Exchange]


def conditional(exchange: Exchange, kind: str, **terms: object) -> AlgoOrder:
    """Place one for 0.3 BTC at 5x the displayed depth or less; it must be taken."""
    answer = exchange.place("me", PlaceOrder(symbol="BTCUSDT", type=kind, quantity="0.3", **terms))  # type: ignore[arg-type]
    assert isinstance(answer, AlgoOrder), answer
    return answer


def test_a_stop_limit_takes_up_to_its_price_and_rests_the_rest(opened: Opened) -> None:
    """Triggered at 100,050.0, limit 100,050.2: 100 lots at each of two levels, the last 100 as maker one tick later."""
    exchange = opened((1_000_000, 1_000_700, 1_000_000, 1_000_700))
    algo = conditional(exchange, "STOP", side=1, trigger_price="100050.0", price="100050.2")
    exchange.advance()
    order = exchange.order("me", "BTCUSDT", client_id=algo.client_id)
    assert isinstance(order, Order)
    assert (order.type, order.status, order.price_ticks) == ("LIMIT", "FILLED", 1_000_502)
    fills = exchange.user_trades("me", "BTCUSDT")
    assert [(fill.maker, fill.price_ticks, fill.lots) for fill in fills] == [
        (False, 1_000_501, DEPTH_LOTS),
        (False, 1_000_502, DEPTH_LOTS),
        (True, 1_000_502, 300 - 2 * DEPTH_LOTS),
    ]
    assert exchange.open_orders("me") == []
    done = exchange.algo_order("me", algo.algo_id)
    assert isinstance(done, AlgoOrder)
    assert (done.status, done.lots_filled) == ("FINISHED", 300)


def test_a_take_profit_limit_whose_price_is_away_waits_for_it(opened: Opened) -> None:
    """A sell triggered at 100,050.0 with a limit of 100,100.0 takes nothing until the price goes through it."""
    exchange = opened((1_000_000, 1_000_700, 1_000_000, 1_000_700), (1_000_700, 1_001_200, 1_000_700, 1_001_200))
    algo = conditional(exchange, "TAKE_PROFIT", side=-1, trigger_price="100050.0", price="100100.0")
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT") == []
    assert [one.client_id for one in exchange.open_orders("me")] == [algo.client_id]
    exchange.advance()
    fills = exchange.user_trades("me", "BTCUSDT")
    assert sum(fill.lots for fill in fills) == 300
    assert {(fill.maker, fill.price_ticks) for fill in fills} == {(True, 1_001_000)}


def test_a_trailing_stop_follows_and_sells_on_the_way_back(opened: Opened) -> None:
    """One percent below the highest price of 102,000.0 is 100,980.0: there, and not before."""
    exchange = opened((1_000_000, 1_020_000, 1_000_000, 1_012_000), (1_012_000, 1_012_000, 1_005_000, 1_006_000))
    conditional(exchange, "TRAILING_STOP_MARKET", side=-1, callback_rate="1")
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT") == []
    exchange.advance()
    fills = exchange.user_trades("me", "BTCUSDT")
    assert fills[0].price_ticks == 1_020_000 - 10_200
    assert sum(fill.lots for fill in fills) == 300


def test_a_trailing_stop_begins_at_its_activation_price(opened: Opened) -> None:
    """A fall of two percent before 101,000.0 sells nothing; after it, one percent below 102,000.0 does."""
    exchange = opened((1_000_000, 1_000_000, 980_000, 1_000_000), (1_000_000, 1_020_000, 1_000_000, 1_005_000))
    conditional(exchange, "TRAILING_STOP_MARKET", side=-1, callback_rate="1", trigger_price="101000")
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT") == []
    assert len(exchange.open_algo_orders("me")) == 1
    exchange.advance()
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT")[0].price_ticks == 1_020_000 - 10_200


@pytest.mark.parametrize(("side", "price"), [(-1, "99000"), (-1, "100000"), (1, "101000")])
def test_an_activation_price_that_is_behind_is_refused(opened: Opened, side: int, price: str) -> None:
    """A sell begins above the last price, a buy below it; else -2021, and a price that is none is -4001."""
    kind = {"symbol": "BTCUSDT", "type": "TRAILING_STOP_MARKET", "quantity": "0.3", "callback_rate": "1"}
    exchange = opened()
    refused = [exchange.place("me", PlaceOrder(side=side, trigger_price=one, **kind)) for one in (price, "0")]
    assert [one.code for one in refused if isinstance(one, Refusal)] == [-2021, -4001]


@pytest.mark.parametrize("rate", ["0.05", "11", "NaN", "0.15"])
def test_a_callback_rate_is_a_tenth_to_ten_percent(opened: Opened, rate: str) -> None:
    """Anything else is refused with -2007."""
    request = PlaceOrder(symbol="BTCUSDT", type="TRAILING_STOP_MARKET", side=-1, quantity="0.3", callback_rate=rate)
    answer = opened().place("me", request)
    assert isinstance(answer, Refusal)
    assert answer.code == -2007


def test_a_stop_on_the_mark_does_not_see_a_spike(opened: Opened) -> None:
    """The path touches the trigger, the close does not: nothing; then a close beyond it triggers at the close."""
    exchange = opened((1_000_000, 1_000_000, 990_000, 1_000_000), (1_000_000, 1_000_000, 994_000, 994_000))
    conditional(exchange, "STOP_MARKET", side=-1, trigger_price="99500.0", by_mark=True)
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT") == []
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT")[0].price_ticks == 994_000


def played(fills: str, *candles: tuple[int, int, int, int]) -> int:
    """Lots that a bid of 150 at 99,950.0 gets while ``candles`` are played; 100 lots are displayed at each price."""
    exchange = Exchange(Played([FLAT, *candles]), Settings(fills=fills))
    exchange.deposit("me", 10**13)
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.15", price="99950.0"))
    for _ in candles:
        exchange.advance()
    return sum(fill.lots for fill in exchange.user_trades("me", "BTCUSDT"))


def test_a_queue_lets_others_go_first() -> None:
    """5,000 lots over 1,001 ticks trade 4 at a touch: nothing for us; traded through, all of it."""
    touch, through = (1_000_000, 1_000_000, 999_500, 1_000_000), (1_000_000, 1_000_000, 999_499, 1_000_000)
    assert played("candle", touch) == 100
    assert played("queue", touch) == 0
    assert played("queue", through) == played("candle", through) == 150


def test_a_queue_that_is_traded_away_reaches_us() -> None:
    """A minute that stands still at our price trades 5,000 lots there: 100 ahead of us, then all of ours."""
    still = (999_500, 999_500, 999_500, 999_500)
    assert played("queue", still) == 150


def test_ours_queue_behind_ours() -> None:
    """A second order at the same price stands behind the first and behind what is displayed."""
    book = Book()
    for number in range(2):
        order = Order(
            account="me",
            symbol="BTCUSDT",
            order_id=number + 1,
            client_id="",
            side=1,
            type="LIMIT",
            time_in_force="GTC",
            lots=7,
            price_ticks=5,
        )
        book.rest(order, ahead_lots=100)
    assert book.records["ahead_lots"].tolist() == [100, 107]


def test_fills_are_of_two_kinds() -> None:
    """A third name is refused."""
    with pytest.raises(ValueError, match="candle or queue"):
        Settings(fills="magic")
