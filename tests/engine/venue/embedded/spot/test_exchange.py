"""Spot beside the futures."""

from itertools import pairwise

import numpy as np
import pytest

from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.spot.orders import PlaceSpot, SpotOrder

E8 = 10**8


@pytest.mark.parametrize("seed", range(3))
def test_no_unit_appears_or_vanishes_in_a_storm_of_orders(opened, seed):
    """Hundreds of random orders on a random path: the vault proves itself after every event, and so do the totals."""
    draw = np.random.default_rng(seed)
    turns = 1_000_000 + np.cumsum(draw.integers(-80, 81, 101))
    candles = [(int(a), int(max(a, b)) + 20, int(min(a, b)) - 20, int(b)) for a, b in pairwise(turns)]
    spot = opened(*candles)
    for _ in candles:
        last = spot.market.last_ticks("BTCUSDT")
        for _ in range(4):
            kind = str(draw.choice(["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "TAKE_PROFIT_LIMIT"]))
            price = f"{(last + int(draw.integers(-60, 61))) / 10:.1f}"
            given = {"quantity": f"{int(draw.integers(1, 4000)) / 1000:.3f}"}
            if kind not in ("MARKET", "STOP_LOSS"):
                given["price"] = price
            if kind in ("STOP_LOSS", "TAKE_PROFIT_LIMIT"):
                given["stop_price"] = price
            if kind in ("LIMIT", "TAKE_PROFIT_LIMIT"):
                given["time_in_force"] = str(draw.choice(["GTC", "IOC", "FOK"]))
            spot.place("me", PlaceSpot(symbol="BTCUSDT", side=int(draw.choice([1, -1])), type=kind, **given))
        for order in spot.open_orders("me")[:1]:
            spot.cancel("me", "BTCUSDT", order.order_id)
        spot.market.advance()
    assert len(spot.fills("me", "BTCUSDT")) > 50
    assert (spot.vault.total("USDT"), spot.vault.total("BTC")) == (1_000_000 * E8, 10 * E8)
    assert all(isinstance(one, SpotOrder) for one in spot.all_orders("me", "BTCUSDT"))


def test_the_average_price_weighs_by_volume(opened):
    """50,000,000 USDT for 500 BTC are 100000.0."""
    assert opened().average_ticks("BTCUSDT") == 1_000_000


def test_unknown_orders_and_symbols_are_refused(opened, refused):
    """-2013 for a query, -2011 for a cancel, -1121 for a symbol."""
    spot = opened()
    assert isinstance(spot.order("me", "BTCUSDT", 5), Refusal)
    assert spot.order("me", "BTCUSDT", 5).code == -2013
    assert spot.cancel("me", "BTCUSDT", 5).code == -2011
