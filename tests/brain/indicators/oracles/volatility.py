"""Slow, obvious twins of brain/indicators/volatility.py."""

import itertools
import math

from tests.brain.indicators.oracles.plain import column, mean, ranges, rolling, smoothed


def atr(candles, period):
    """Wilder's average of the true ranges."""
    return smoothed(ranges(candles), period)


def root(values):
    """Square roots; what is below 0 counts as 0."""
    return [math.sqrt(max(value, 0.0)) if not math.isnan(value) else math.nan for value in values]


def close_volatility(candles, period):
    """Root mean square of log returns."""
    close = column(candles, "close")
    squares = [math.nan] + [math.log(b / a) ** 2 for a, b in itertools.pairwise(close)]
    return root(rolling(squares, period, mean))


def parkinson(candles, period):
    """Mean squared log range over 4 ln 2."""
    squares = [math.log(each["high"] / each["low"]) ** 2 / (4.0 * math.log(2.0)) for each in candles]
    return root(rolling(squares, period, mean))


def garman_klass(candles, period):
    """Half the squared log range less 2 ln 2 - 1 of the squared log body."""
    squares = [
        0.5 * math.log(each["high"] / each["low"]) ** 2
        - (2.0 * math.log(2.0) - 1.0) * math.log(each["close"] / each["open"]) ** 2
        for each in candles
    ]
    return root(rolling(squares, period, mean))


ORACLES = {
    "true_range": ranges,
    "atr": atr,
    "close_volatility": close_volatility,
    "parkinson": parkinson,
    "garman_klass": garman_klass,
}
