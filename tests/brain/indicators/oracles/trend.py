"""Slow, obvious twins of brain/indicators/trend.py."""

import math

from tests.brain.indicators.oracles.plain import column, exponential, mean, minus, rolling


def sma(candles, period):
    """The mean of each window."""
    return rolling(column(candles, "close"), period, mean)


def ema(candles, period):
    """The exponential average."""
    return exponential(column(candles, "close"), period)


def wma(candles, period):
    """Weights 1, 2, 3 and so on."""
    weights = range(1, period + 1)
    return rolling(
        column(candles, "close"),
        period,
        lambda window: math.fsum(w * x for w, x in zip(weights, window, strict=True)) / sum(weights),
    )


def dema(candles, period):
    """2 E - E(E)."""
    one = ema(candles, period)
    return [2.0 * a - b for a, b in zip(one, exponential(one, period), strict=True)]


def tema(candles, period):
    """3 E - 3 E(E) + E(E(E))."""
    one = ema(candles, period)
    two = exponential(one, period)
    return [3.0 * a - 3.0 * b + c for a, b, c in zip(one, two, exponential(two, period), strict=True)]


def kama(candles, period):
    """Kaufman's rule, from the close before the first efficiency ratio."""
    close = column(candles, "close")
    out, value = [math.nan] * min(period, len(close)), math.nan
    for n in range(period, len(close)):
        way = abs(close[n] - close[n - period])
        path = math.fsum(abs(close[k] - close[k - 1]) for k in range(n - period + 1, n + 1))
        straight = min(way / path, 1.0) if path > 0.0 else 1.0
        value = close[n - 1] if n == period else value
        value += (straight * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0) ** 2 * (close[n] - value)
        out.append(value)
    return out


def macd(candles, fast_period, slow_period, signal_period):
    """The fast average begins where its seed ends on the slow one's candle."""
    close = column(candles, "close")
    fast_period, slow_period = sorted((fast_period, slow_period))
    late = slow_period - fast_period
    fast = [math.nan] * late + exponential(close[late:], fast_period)
    line = minus(fast[: len(close)], exponential(close, slow_period))
    signal = exponential(line, signal_period)
    return line, signal, minus(line, signal)


ORACLES = {"sma": sma, "ema": ema, "wma": wma, "dema": dema, "tema": tema, "kama": kama, "macd": macd}
