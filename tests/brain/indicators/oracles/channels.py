"""Slow, obvious twins of brain/indicators/channels.py."""

import math

from tests.brain.indicators.oracles.plain import column, exponential, mean, rolling, spread, typical
from tests.brain.indicators.oracles.volatility import atr


def bands(middle, reach):
    """Return what lies ``reach`` above and below."""
    pairs = list(zip(middle, reach, strict=True))
    middle = [m if not math.isnan(r) else math.nan for m, r in pairs]
    return [m + r for m, r in pairs], middle, [m - r for m, r in pairs]


def bollinger(candles, period, width):
    """The mean and ``width`` deviations."""
    close = column(candles, "close")
    deviations = rolling(close, period, lambda window: width * math.sqrt(spread(window)))
    return bands(rolling(close, period, mean), deviations)


def middle_of(candles, period):
    """Return the middle of the range of each window."""
    high, low = rolling(column(candles, "high"), period, max), rolling(column(candles, "low"), period, min)
    return [(h + lo) / 2.0 for h, lo in zip(high, low, strict=True)]


def donchian(candles, period):
    """Highest, middle, lowest."""
    high, low = rolling(column(candles, "high"), period, max), rolling(column(candles, "low"), period, min)
    return high, middle_of(candles, period), low


def keltner(candles, period, range_period, width):
    """Exponential average of the typical price, and average ranges."""
    return bands(exponential(typical(candles), period), [width * reach for reach in atr(candles, range_period)])


def ichimoku(candles, short_period, medium_period, long_period, displacement):
    """Three middles; the leading pair as it was ``displacement`` candles ago."""
    short, medium = middle_of(candles, short_period), middle_of(candles, medium_period)
    long = middle_of(candles, long_period)
    one = [(a + b) / 2.0 for a, b in zip(short, medium, strict=True)]
    late = [math.nan] * displacement
    return short, medium, [*late, *one][: len(short)], [*late, *long][: len(short)]


ORACLES = {"bollinger": bollinger, "donchian": donchian, "keltner": keltner, "ichimoku": ichimoku}
