"""From the matching model to the ledger to the outbox."""

from collections.abc import Callable

from engine.venue.embedded.events import AccountUpdate, OrderUpdate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import Order, PlaceOrder


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
