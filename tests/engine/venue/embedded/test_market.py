"""The path within a candle and coarser candles from finer ones."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.venue.embedded.market import CANDLE, INTERVALS_NS, MINUTE_NS, aggregate, legs, path_ticks, waypoints

POINTS = st.tuples(*[st.integers(90, 110)] * 4)


def candle(opened: int, high: int, low: int, closed: int) -> np.void:
    """One CANDLE."""
    out = np.zeros(1, CANDLE)
    out["open"], out["high"], out["low"], out["close"] = opened, high, low, closed
    return out[0]


def test_a_rising_candle_falls_first() -> None:
    """Close at or above the open: low before high; below: high before low."""
    assert waypoints(candle(100, 110, 90, 100)) == (100, 90, 110, 100)
    assert waypoints(candle(100, 110, 90, 99)) == (100, 110, 90, 99)


@given(points=POINTS, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_pieces_join_to_the_whole_path(points: tuple[int, int, int, int], cuts: list[int]) -> None:
    """However it is cut, every tick is walked once and the positions follow on."""
    length = path_ticks(points)
    stops = sorted({min(cut, length) for cut in cuts} | {0, length})
    pieces = [piece for begin, end in itertools.pairwise(stops) for piece in legs(points, begin, end)]
    here, position = points[0], 0
    for begin, start, end in pieces:
        assert (begin, start) == (position, here)
        position, here = position + abs(end - start), end
    assert (position, here) == (length, points[3])


def test_an_hour_is_what_its_minutes_were() -> None:
    """Open of the first, close of the last, extremes and sums; an interval without minutes is left out."""
    minutes = np.zeros(61, CANDLE)
    minutes["open_ns"] = [*(np.arange(60) * MINUTE_NS), 120 * MINUTE_NS]
    minutes["open"], minutes["close"] = np.arange(61), np.arange(61) + 1
    minutes["high"], minutes["low"] = np.arange(61) + 5, np.arange(61) - 5
    minutes["volume_e8"] = 2
    hours = aggregate(minutes, INTERVALS_NS["1h"])
    assert hours["open_ns"].tolist() == [0, 2 * INTERVALS_NS["1h"]]
    assert hours[["open", "high", "low", "close", "volume_e8"]][0].item() == (0, 64, -5, 60, 120)
