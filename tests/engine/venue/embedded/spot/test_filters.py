"""Every filter refuses with the exchange's own code and name."""

import pytest

from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.spot.filters import described

LIMIT = {"quantity": "0.010", "price": "99000.0", "time_in_force": "GTC"}


@pytest.mark.parametrize(
    ("kind", "given", "code", "words"),
    [
        ("LIMIT", LIMIT | {"price": "99000.05"}, -1013, "PRICE_FILTER"),
        ("LIMIT", LIMIT | {"quantity": "0.0105"}, -1013, "LOT_SIZE"),
        ("LIMIT", LIMIT | {"quantity": "1001"}, -1013, "LOT_SIZE"),
        ("LIMIT", LIMIT | {"price": "510000.0"}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ("LIMIT", LIMIT | {"price": "19000.0"}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ("LIMIT", LIMIT | {"quantity": "0.000000001"}, -1111, "precision"),
        ("LIMIT", LIMIT | {"time_in_force": ""}, -1102, "timeInForce"),
        ("LIMIT", LIMIT | {"time_in_force": "GTX"}, -1115, "timeInForce"),
        ("LIMIT", LIMIT | {"stop_price": "1"}, -1106, "stopPrice"),
        ("LIMIT", {"quantity": "0.010", "time_in_force": "GTC"}, -1102, "price"),
        ("MARKET", {"quantity": "121"}, -1013, "MARKET_LOT_SIZE"),
        ("MARKET", {"quote_quantity": "4.99"}, -1013, "NOTIONAL"),
        ("MARKET", {"quantity": "0.010", "price": "1.0"}, -1106, "price"),
        ("MARKET", {}, -1102, "quantity"),
        ("STOP_LOSS", {"quantity": "0.010"}, -1102, "stopPrice"),
        ("TRAILING", {"quantity": "0.010"}, -1116, "orderType"),
    ],
)
def test_the_first_objection_wins(opened, refused, kind, given, code, words):
    """Missing, superfluous, off the grid, out of bounds: each has its code."""
    told = refused(opened(), 1, kind, **given)
    assert told[0] == code
    assert words in told[1]


def test_a_sixth_stop_is_one_too_many(opened, placed, refused):
    """MAX_NUM_ALGO_ORDERS counts orders with a stop price."""
    spot = opened()
    for _ in range(5):
        placed(spot, -1, "STOP_LOSS", quantity="0.010", stop_price="90000.0")
    told = refused(spot, -1, "STOP_LOSS", quantity="0.010", stop_price="90000.0")
    assert told == (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")


def test_exchange_info_names_every_filter():
    """What is checked is what is published."""
    names = [one["filterType"] for one in described(listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]))]
    assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE"} <= set(names)
