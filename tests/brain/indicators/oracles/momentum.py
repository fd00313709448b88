"""Slow, obvious twins of brain/indicators/momentum.py and oscillators.py."""

import itertools
import math

from tests.brain.indicators.oracles.plain import (
    column,
    exponential,
    mean,
    minus,
    rolling,
    share,
    smoothed,
    typical,
)  # fmt: skip


def strength(close, period):
    """Return Wilder's RSI of ``close``."""
    changes = [math.nan] + [b - a for a, b in itertools.pairwise(close)]
    up = smoothed([max(change, 0.0) if change == change else change for change in changes], period)
    down = smoothed([max(-change, 0.0) if change == change else change for change in changes], period)
    return [
        math.nan if math.isnan(u) else (50.0 if u + d == 0.0 else 100.0 * u / (u + d))
        for u, d in zip(up, down, strict=True)
    ]


def rsi(candles, period):
    """Gains' share of the changes."""
    return strength(column(candles, "close"), period)


def roc(candles, period):
    """Per cent of the older close."""
    return rolling(
        column(candles, "close"), period + 1, lambda window: 100.0 * share(window[-1] - window[0], window[0])
    )


def cci(candles, period):
    """Distance from the mean in 0.015 mean deviations."""

    def measure(window):
        middle = mean(window)
        return share(window[-1] - middle, 0.015 * mean([abs(x - middle) for x in window]))

    return rolling(typical(candles), period, measure)


def tsi(candles, long_period, short_period):
    """Changes smoothed twice over their sizes smoothed twice."""
    close = column(candles, "close")
    changes = [math.nan] + [b - a for a, b in itertools.pairwise(close)]
    moves = exponential(exponential(changes, long_period), short_period)
    sizes = exponential(exponential([abs(change) for change in changes], long_period), short_period)
    return [100.0 * share(m, s) if not math.isnan(s) else math.nan for m, s in zip(moves, sizes, strict=True)]


def awesome(candles, fast_period, slow_period):
    """Two means of the middles."""
    middle = [float(each["high"] + each["low"]) / 2.0 for each in candles]
    return minus(rolling(middle, fast_period, mean), rolling(middle, slow_period, mean))


def place(window):
    """Return where the last close lies in the range of (high, low, close) triples, in per cent."""
    highest, lowest = max(h for h, _, _ in window), min(lo for _, lo, _ in window)
    return 100.0 * share(window[-1][2] - lowest, highest - lowest)


def triples(candles):
    """Return (high, low, close) of each candle."""
    return list(zip(*(column(candles, name) for name in ("high", "low", "close")), strict=True))


def stochastic(candles, fast_period, slow_period, signal_period):
    """The place of the close, averaged once and twice."""
    k = rolling(rolling(triples(candles), fast_period, place), slow_period, mean)
    return k, rolling(k, signal_period, mean)


def stochastic_rsi(candles, period, fast_period, signal_period):
    """The place of the RSI in its own range."""

    def measure(window):
        return place(window) if max(window)[0] - min(window)[0] > 1e-9 else 0.0

    k = rolling([(x, x, x) for x in rsi(candles, period)], fast_period, measure)
    return k, rolling(k, signal_period, mean)


def williams(candles, period):
    """The place of the close, counted down from the top."""

    def measure(window):
        highest, lowest = max(h for h, _, _ in window), min(lo for _, lo, _ in window)
        return -100.0 * share(highest - window[-1][2], highest - lowest)

    return rolling(triples(candles), period, measure)


def mfi(candles, period):
    """The share of money that moved up."""
    prices = typical(candles)
    flows = [(math.nan, math.nan)]
    for n in range(1, len(prices)):
        money = prices[n] * float(candles["volume"][n])
        up = money if prices[n] > prices[n - 1] * (1.0 + 1e-13) else 0.0
        flows.append((up, money if prices[n] < prices[n - 1] * (1.0 - 1e-13) else 0.0))

    def measure(window):
        up, down = math.fsum(u for u, _ in window), math.fsum(d for _, d in window)
        return 100.0 * share(up, up + down, 0.5)

    return rolling(flows, period, measure)


ORACLES = {
    "rsi": rsi,
    "roc": roc,
    "cci": cci,
    "tsi": tsi,
    "awesome": awesome,
    "stochastic": stochastic,
    "stochastic_rsi": stochastic_rsi,
    "williams": williams,
    "mfi": mfi,
}
