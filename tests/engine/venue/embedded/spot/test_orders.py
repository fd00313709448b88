"""Spot orders as values."""

from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.spot.orders import STOP_LOSS, TAKE_PROFIT, SpotOrder


def order(side: int, kind: str) -> SpotOrder:
    """An order of 5 lots."""
    return SpotOrder(
        account="me", symbol="BTCUSDT", order_id=1, client_id="a", side=side, type=kind, time_in_force="GTC", lots=5
    )


def test_a_buyer_pays_quote_and_a_seller_base():
    """What an order locks is what it gives."""
    contract = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])
    assert (order(1, STOP_LOSS).pays(contract), order(-1, STOP_LOSS).pays(contract)) == ("USDT", "BTC")


def test_stops_and_takes_trigger_from_opposite_sides():
    """A buy stop waits above the price, a sell stop below, take-profits the other way round."""
    assert [order(1, STOP_LOSS).rises, order(-1, STOP_LOSS).rises] == [True, False]
    assert [order(1, TAKE_PROFIT).rises, order(-1, TAKE_PROFIT).rises] == [False, True]
