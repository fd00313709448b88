"""What an account asks changes nothing and finds what is there."""

from collections.abc import Callable

from engine.venue.embedded.enquiries import NO_SUCH_ORDER
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import PlaceOrder


def test_an_open_order_is_listed_until_it_ends(opened: Callable[..., Exchange]) -> None:
    """By id, among the open and among all; cancelled, only among all."""
    exchange = opened()
    placed = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.1", price="99000"))
    order = exchange.order("me", "BTCUSDT", placed.order_id)
    assert exchange.open_orders("me") == exchange.all_orders("me", "BTCUSDT") == [order]
    exchange.cancel("me", "BTCUSDT", placed.order_id)
    assert exchange.open_orders("me") == []
    assert [one.status for one in exchange.all_orders("me", "BTCUSDT")] == ["CANCELED"]
    assert exchange.order("me", "BTCUSDT", 1) == NO_SUCH_ORDER


def test_a_fresh_account_is_one_way_and_cross(opened: Callable[..., Exchange]) -> None:
    """What it is set to, and the deposit as its one payment."""
    exchange = opened()
    assert (exchange.is_hedged("me"), exchange.is_isolated("me", "BTCUSDT")) == (False, False)
    assert exchange.leverage("me", "BTCUSDT") == 20
    assert [row.kind for row in exchange.payments("me")] == ["TRANSFER"]
    assert exchange.accounts == ("me",)
