"""What positions and orders bind."""

from collections.abc import Callable

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import PlaceOrder


def rest(exchange: Exchange, side: int, quantity: str, price: str) -> None:
    """A limit order that rests."""
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=side, type="LIMIT", quantity=quantity, price=price))


def test_orders_bind_what_they_could_add(opened: Callable[..., Exchange]) -> None:
    """The worse side counts, at the mark, over the leverage; the other side is covered by it."""
    exchange = opened()
    rest(exchange, 1, "0.200", "99000")
    assert exchange.account("me").order_margin == 200 * 1_000_000 * 10_000 // 20
    rest(exchange, -1, "0.100", "101000")
    assert exchange.account("me").order_margin == 200 * 1_000_000 * 10_000 // 20
    rest(exchange, -1, "0.200", "101000")
    assert exchange.account("me").order_margin == 300 * 1_000_000 * 10_000 // 20


def test_what_closes_a_position_binds_nothing(opened: Callable[..., Exchange]) -> None:
    """A sell of what is held adds no exposure."""
    exchange = opened()
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.100"))
    rest(exchange, -1, "0.100", "101000")
    state = exchange.account("me")
    assert state.order_margin == 0
    assert state.available == state.wallet + state.unrealised - state.position_margin
