"""A spot account on a market known to its last tick: flat at 100,000.0, ticks of 0.1, 10 BTC a level."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.orders import PlaceSpot, SpotOrder

E8 = 10**8
START_NS = 1_700_000_040 * 10**9
FLAT = (1_000_000, 1_000_000, 1_000_000, 1_000_000)
VOLUME_E8 = 500 * E8  # at 2 % a level: 10 BTC of 0.001


class Played:
    """Given candles (open, high, low, close in ticks), the first of them history."""

    def __init__(self, candles: list[tuple[int, int, int, int]]) -> None:
        self.listings = (listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]),)
        self.start_ns = START_NS + MINUTE_NS
        self.end_ns = START_NS + len(candles) * MINUTE_NS
        self._all = np.zeros(len(candles), CANDLE)
        self._all["open_ns"] = START_NS + np.arange(len(candles)) * MINUTE_NS
        for name, values in zip(("open", "high", "low", "close"), np.array(candles).T, strict=True):
            self._all[name] = values
        self._all["volume_e8"] = VOLUME_E8
        self._all["quote_e4"] = 500 * 100_000 * 10**4

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Candles before ``until_ns``."""
        return self._all[self._all["open_ns"] < until_ns]

    def past(self, row: int) -> np.ndarray:
        """None."""
        return self._all[:0]


@pytest.fixture
def opened() -> Callable[..., SpotExchange]:
    """Open spot with one account of 1,000,000 USDT and 10 BTC."""

    def build(*candles: tuple[int, int, int, int]) -> SpotExchange:
        spot = SpotExchange(Exchange(Played([FLAT, *candles]), Settings()))
        spot.deposit("me", "USDT", 1_000_000 * E8)
        spot.deposit("me", "BTC", 10 * E8)
        spot.drain()
        return spot

    return build


@pytest.fixture
def placed() -> Callable[..., SpotOrder]:
    """Place an order that must be accepted: side, type and the rest of PlaceSpot."""

    def place(spot: SpotExchange, side: int, kind: str, **given: str) -> SpotOrder:
        order = spot.place("me", PlaceSpot(symbol="BTCUSDT", side=side, type=kind, **given))
        assert isinstance(order, SpotOrder), order
        return order

    return place


@pytest.fixture
def refused() -> Callable[..., tuple[int, str]]:
    """Place an order that must be refused, and return code and message."""

    def place(spot: SpotExchange, side: int, kind: str, **given: str) -> tuple[int, str]:
        refusal = spot.place("me", PlaceSpot(symbol="BTCUSDT", side=side, type=kind, **given))
        assert isinstance(refusal, Refusal), refusal
        return refusal.code, refusal.message

    return place
