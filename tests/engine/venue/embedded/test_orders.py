"""Orders as values."""

import pytest

from engine.venue.embedded.orders import Order


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("NEW", True), ("PARTIALLY_FILLED", True), ("FILLED", False), ("CANCELED", False), ("EXPIRED", False)],
)
def test_an_order_is_open_until_it_ends(status: str, is_open: bool) -> None:
    """Only NEW and PARTIALLY_FILLED can still trade."""
    order = Order(
        account="me",
        symbol="X",
        order_id=1,
        client_id="a",
        side=1,
        type="LIMIT",
        time_in_force="GTC",
        lots=9,
        lots_filled=4,
        status=status,
    )
    assert (order.is_open, order.lots_left) == (is_open, 5)
