"""From the matching model to the ledger to the outbox."""

from collections.abc import Callable

import pytest

from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, OrderUpdate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder


def test_a_fill_tells_the_account_and_then_the_order(opened: Callable[..., Exchange]) -> None:
    """Both carry the market time of the fill, and the wallet has paid the maker's fee."""
    exchange = opened((1_000_000, 1_000_000, 999_000, 1_000_000))
    request = PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.050", price="99950")
    exchange.place("me", request)
    exchange.drain()
    account, order = (event for event in exchange.advance() if isinstance(event, AccountUpdate | OrderUpdate))
    assert isinstance(account, AccountUpdate)
    assert isinstance(order, OrderUpdate)
    assert order.fill is not None
    assert account.at_ns == order.at_ns == order.fill.at_ns == order.order.updated_ns
    assert order.fill.fee == order.fill.notional * 200 // 1_000_000
    assert account.wallet == 10_000 * 10**8 - order.fill.fee
    assert account.position is not None
    assert account.position.lots == 50


def test_a_reduce_only_limit_ends_when_nothing_is_left_to_reduce(opened: Callable[..., Exchange]) -> None:
    """The stop closes the position first; the limit that is then traded through expires."""
    exchange = opened((1_000_000, 1_000_000, 999_000, 999_000), (999_000, 1_001_000, 999_000, 1_001_000))
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.050"))
    common = {"symbol": "BTCUSDT", "side": -1, "quantity": "0.050", "reduce_only": True}
    exchange.place("me", PlaceOrder(type="STOP_MARKET", trigger_price="99950", **common))
    limit = exchange.place("me", PlaceOrder(type="LIMIT", price="100050", **common))
    assert isinstance(limit, Order)
    exchange.advance()
    assert exchange.open_orders("me") == [limit]
    exchange.advance()
    ended = exchange.order("me", "BTCUSDT", limit.order_id)
    assert isinstance(ended, Order)
    assert (ended.status, ended.lots_filled, exchange.account("me").positions[0].lots) == ("EXPIRED", 0, 0)


def awaited(exchange: Exchange, quantity: str, trigger: str, **terms: object) -> AlgoOrder:
    """A stop to buy that waits."""
    request = PlaceOrder(
        symbol="BTCUSDT",
        side=1,
        type="STOP_MARKET",
        quantity=quantity,
        trigger_price=trigger,
        **terms,  # type: ignore[arg-type]
    )
    order = exchange.place("me", request)
    assert isinstance(order, AlgoOrder), order
    return order


RISES = (1_000_000, 1_001_000, 1_000_000, 1_001_000)
JUMPS = (1_001_000, 1_001_000, 1_001_000, 1_001_000)


@pytest.mark.parametrize(
    ("candle", "terms"),
    [(RISES, {}), (JUMPS, {}), (RISES, {"by_mark": True}), (RISES, {"price": "100060"})],
    ids=["walked to", "jumped over", "by the mark", "as a limit"],
)
def test_a_stop_that_the_margin_does_not_bear_is_rejected_when_it_triggers(
    opened: Callable[..., Exchange], candle: tuple[int, int, int, int], terms: dict[str, object]
) -> None:
    """10,000 USDT at 20x bear 2 BTC less a little: taken in unweighed, rejected at the trigger, and nothing is held."""
    exchange = opened(candle)
    kind = {"type": "STOP"} if "price" in terms else {"type": "STOP_MARKET"}
    request = PlaceOrder(symbol="BTCUSDT", side=1, quantity="2.100", trigger_price="100050", **kind, **terms)  # type: ignore[arg-type]
    order = exchange.place("me", request)
    assert isinstance(order, AlgoOrder), order
    exchange.drain()
    told = [event.order for event in exchange.advance() if isinstance(event, AlgoUpdate)]
    assert [(one.status, one.reason) for one in told] == [("TRIGGERING", ""), ("REJECTED", "Margin is insufficient.")]
    assert told[-1].triggered_ns == told[-1].updated_ns >= order.created_ns
    assert exchange.open_algo_orders("me") == exchange.open_orders("me") == exchange.user_trades("me", "BTCUSDT") == []


def test_a_stop_is_weighed_where_it_triggers_not_where_the_candle_ends(opened: Callable[..., Exchange]) -> None:
    """A short's loss at the candle's end would leave no margin; at the trigger, earlier, there is enough."""
    exchange = opened((1_000_000, 1_060_000, 1_000_000, 1_060_000))
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="1.000"))
    stop = awaited(exchange, "2.700", "100050")
    exchange.advance()
    after = exchange.algo_order("me", stop.algo_id)
    assert isinstance(after, AlgoOrder)
    assert (after.status, exchange.account("me").positions[0].lots) == ("FINISHED", 1_700)


def test_stops_that_trigger_together_are_weighed_together(opened: Callable[..., Exchange]) -> None:
    """Each of three would be borne alone; the second finds the first's margin taken, the third is small enough."""
    exchange = opened(JUMPS)
    stops = [awaited(exchange, quantity, "100050") for quantity in ("1.200", "1.100", "0.500")]
    exchange.advance()
    after = [exchange.algo_order("me", stop.algo_id) for stop in stops]
    assert [one.status for one in after if isinstance(one, AlgoOrder)] == ["FINISHED", "REJECTED", "FINISHED"]
    assert exchange.account("me").positions[0].lots == 1_700


def test_what_closes_is_never_too_dear(opened: Callable[..., Exchange]) -> None:
    """An account without a free unit of margin still gets its stop, reduce-only or not."""
    exchange = opened((1_000_000, 1_030_000, 1_000_000, 1_030_000))
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="1.900"))
    one, other = awaited(exchange, "1.000", "102000", reduce_only=True), awaited(exchange, "0.900", "102500")
    exchange.advance()
    after = [exchange.algo_order("me", stop.algo_id) for stop in (one, other)]
    assert [stop.status for stop in after if isinstance(stop, AlgoOrder)] == ["FINISHED", "FINISHED"]
    assert exchange.account("me").positions[0].lots == 0
