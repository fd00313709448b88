"""A market known to its last tick, and the exchange that plays it."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, MINUTE_NS

DEPOSIT = 10_000 * 10**8
MINUTES = 5_000
HISTORY = 300
START_NS = 1_700_000_040 * 10**9 // MINUTE_NS * MINUTE_NS
FIRST_NS = 1_700_000_040 * 10**9  # a whole minute
DEPTH_LOTS = 100
VOLUME_E8 = 50 * DEPTH_LOTS * 100_000  # at 2 % a level: DEPTH_LOTS of 0.001
FLAT = (1_000_000, 1_000_000, 1_000_000, 1_000_000)


class WaveMarket:
    """A triangle wave of a thousand ticks around 30000.0, every minute traded, known to its last tick."""

    def __init__(self) -> None:
        self.listings = (
            listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]),
            listing(1, "ETH", "USDT", PUBLISHED["ETHUSDT"]),
        )
        number = np.arange(MINUTES)
        level = 300_000 + 100 * np.abs(number % 20 - 10)
        rows = np.zeros(MINUTES, CANDLE)
        rows["open_ns"] = START_NS + (number - HISTORY) * MINUTE_NS
        rows["close"] = level
        rows["open"] = np.concatenate(([level[0]], level[:-1]))
        rows["high"] = np.maximum(rows["open"], rows["close"]) + 20
        rows["low"] = np.minimum(rows["open"], rows["close"]) - 20
        rows["volume_e8"], rows["trades"] = 100 * 10**8, 40
        rows["quote_e4"] = 3_000_000 * 10**4
        rows["taker_volume_e8"], rows["taker_quote_e4"] = 60 * 10**8, 1_800_000 * 10**4
        self._rows = rows
        self.start_ns = START_NS
        self.end_ns = int(rows["open_ns"][-1]) + MINUTE_NS

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Every minute before ``until_ns``."""
        return self._rows[: np.searchsorted(self._rows["open_ns"], until_ns)]

    def past(self, row: int) -> np.ndarray:
        """No hourly past."""
        return self._rows[:0]


@pytest.fixture(scope="session")
def make_exchange():
    """Make a fresh exchange with one funded account, ``paper``."""

    def make(points: int = 1) -> Exchange:
        exchange = Exchange(WaveMarket(), Settings(points_per_candle=points))
        exchange.deposit("paper", DEPOSIT)
        exchange.drain()
        return exchange

    return make


class Played:
    """A market of given candles (open, high, low, close in ticks; None: no candle), one of them history."""

    def __init__(self, candles: list[tuple[int, int, int, int] | None], volume_e8: int = VOLUME_E8) -> None:
        self.listings = (listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]),)
        self.start_ns = FIRST_NS + MINUTE_NS
        self.end_ns = FIRST_NS + len(candles) * MINUTE_NS
        rows = [(FIRST_NS + n * MINUTE_NS, *one) for n, one in enumerate(candles) if one]
        self._all = np.zeros(len(rows), CANDLE)
        for name, values in zip(("open_ns", "open", "high", "low", "close"), np.array(rows).T, strict=True):
            self._all[name] = values
        self._all["volume_e8"] = volume_e8

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Candles before ``until_ns``."""
        return self._all[self._all["open_ns"] < until_ns]

    def past(self, row: int) -> np.ndarray:
        """None."""
        return self._all[:0]


@pytest.fixture
def opened() -> Callable[..., Exchange]:
    """Open an exchange with one account of 10,000 USDT, at the close of a flat candle at 100,000.0."""

    def build(*candles: tuple[int, int, int, int] | None) -> Exchange:
        exchange = Exchange(Played([FLAT, *candles]), Settings())
        exchange.deposit("me", 10_000 * 10**8)
        exchange.drain()
        return exchange

    return build
