"""When stops go to work."""

from dataclasses import replace

import pytest

from engine.venue.embedded.spot import triggers
from engine.venue.embedded.spot.orders import SpotOrder

SELL = SpotOrder(
    account="me",
    symbol="BTCUSDT",
    order_id=1,
    client_id="c",
    side=-1,
    type="STOP_LOSS",
    time_in_force="GTC",
    lots=1,
)


@pytest.mark.parametrize(
    ("side", "kind", "rises"),
    [(1, "STOP_LOSS", True), (-1, "STOP_LOSS", False), (1, "TAKE_PROFIT", False), (-1, "TAKE_PROFIT", True)],
)
def test_a_stop_price_is_reached_from_one_side(side, kind, rises):
    """Touched is reached; a tick short is not."""
    order = replace(SELL, side=side, type=kind, stop_ticks=100)
    assert triggers.is_reached(order, 100)
    assert triggers.is_reached(order, 101) == rises
    assert triggers.is_reached(order, 99) != rises


def test_a_trailing_sell_triggers_where_the_price_has_fallen_far_enough():
    """7 % under the best of 45,500 is 42,315, as the exchange's own example has it."""
    order = replace(SELL, trailing=700, peak_ticks=40_000)
    for ticks in (42_000, 39_500, 45_500):
        order = triggers.follow(order, ticks, 5)
    assert (order.peak_ticks, triggers.awaited_ticks(order)) == (45_500, 42_315)
    assert triggers.reached_on_the_way(order, 43_000, 42_000) == 42_315
    assert triggers.reached_on_the_way(order, 43_000, 42_316) is None


def test_a_trailing_buy_begins_at_its_stop_price():
    """5 % over the lowest of 42,000 since 44,000 was reached is 44,100; what was before does not count."""
    order = replace(SELL, side=1, trailing=500, stop_ticks=44_000)
    order = triggers.follow(order, 37_000, 1)
    assert not triggers.trails(order)
    order = triggers.follow(order, 44_000, 2)
    assert (triggers.awaited_ticks(order), order.trailing_ns) == (46_200, 2)
    assert triggers.awaited_ticks(triggers.follow(order, 42_000, 3)) == 44_100
