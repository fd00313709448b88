r"""A market: per symbol one past and one future of 1m candles, and the path of the price within a candle.

           high                    low -> high when the candle closes at or above its open,
            /\                     high -> low otherwise
    open   /  \                    position 0 is the open; every tick between the waypoints
       \  /    close               is visited, so position counts ticks walked
        \/
        low

A minute that the source lacks has no candle: time passes, nothing trades.
"""

from itertools import pairwise
from typing import Protocol

import numpy as np

from engine.venue.embedded.listing import Listing

MINUTE_NS = 60_000_000_000
CANDLE = np.dtype(
    [
        ("open_ns", "<i8"),
        ("open", "<i8"),  # ticks
        ("high", "<i8"),
        ("low", "<i8"),
        ("close", "<i8"),
        ("volume_e8", "<i8"),
        ("quote_e4", "<i8"),
        ("trades", "<i8"),
        ("taker_volume_e8", "<i8"),
        ("taker_quote_e4", "<i8"),
    ]
)
INTERVALS_NS = {
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": 60 * MINUTE_NS,
    "2h": 120 * MINUTE_NS,
    "4h": 240 * MINUTE_NS,
    "6h": 360 * MINUTE_NS,
    "8h": 480 * MINUTE_NS,
    "12h": 720 * MINUTE_NS,
    "1d": 1440 * MINUTE_NS,
}


class Market(Protocol):
    """Where candles come from; it never ends for a synthetic one."""

    listings: tuple[Listing, ...]
    start_ns: int  # open of the first minute that is played
    end_ns: int  # open of the first minute that is not there any more; 2**62 when it never ends

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Every 1m CANDLE of ``row`` with an open before ``until_ns``, in order; grows, never changes."""
        ...

    def past(self, row: int) -> np.ndarray:
        """Hourly CANDLEs that end where ``minutes`` begins; empty when there are none."""
        ...


def waypoints(candle: np.void) -> tuple[int, int, int, int]:
    """The four prices of the path, in order."""
    first, second = ("low", "high") if candle["close"] >= candle["open"] else ("high", "low")
    return int(candle["open"]), int(candle[first]), int(candle[second]), int(candle["close"])


def path_ticks(points: tuple[int, ...]) -> int:
    """Length of the path: ticks walked from the open to the close."""
    return sum(abs(there - here) for here, there in pairwise(points))


def legs(points: tuple[int, ...], begin: int, end: int) -> list[tuple[int, int, int]]:
    """Straight pieces (position, from, to) of the path between two positions."""
    pieces = []
    position = 0
    for here, there in pairwise(points):
        length = abs(there - here)
        step = 1 if there >= here else -1
        low, high = max(begin, position), min(end, position + length)
        if low < high:
            pieces.append((low, here + step * (low - position), here + step * (high - position)))
        position += length
    return pieces


def aggregate(candles: np.ndarray, interval_ns: int) -> np.ndarray:
    """Candles of ``interval_ns`` made of finer ones; an interval without any is left out."""
    if len(candles) == 0 or interval_ns == MINUTE_NS:
        return candles
    bucket = candles["open_ns"] // interval_ns
    begins = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
    ends = np.append(begins[1:], len(candles)) - 1
    out = np.zeros(len(begins), CANDLE)
    out["open_ns"] = bucket[begins] * interval_ns
    out["open"], out["close"] = candles["open"][begins], candles["close"][ends]
    out["high"] = np.maximum.reduceat(candles["high"], begins)
    out["low"] = np.minimum.reduceat(candles["low"], begins)
    for name in ("volume_e8", "quote_e4", "trades", "taker_volume_e8", "taker_quote_e4"):
        out[name] = np.add.reduceat(candles[name], begins)
    return out
