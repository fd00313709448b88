"""What the oracles share: definitions over lists, slow and obvious, sums by math.fsum."""

import math

ORACLES = {}


def column(candles, name):
    """Return one field as a list of floats."""
    return [float(value) for value in candles[name]]


def is_absent(value):
    """Return True where a value, or one of several, is NaN."""
    return any(each != each for each in value) if isinstance(value, tuple) else value != value


def rolling(values, period, measure):
    """Return ``measure`` of each window of ``period`` values; NaN where one is not there yet or is NaN."""
    out = []
    for end in range(1, len(values) + 1):
        window = values[max(end - period, 0) : end]
        whole = len(window) == period and not any(is_absent(value) for value in window)
        out.append(measure(window) if whole else math.nan)
    return out


def mean(window):
    """Return the mean, correctly rounded."""
    return math.fsum(window) / len(window)


def spread(window):
    """Return the variance of the population."""
    middle = mean(window)
    return math.fsum((value - middle) ** 2 for value in window) / len(window)


def follow(values, period, rate):
    """Return the mean of the first ``period``, then a share ``rate`` of each step; NaN until then."""
    out, seed, value = [], [], math.nan
    for x in values:
        if math.isnan(x):
            out.append(math.nan)
        elif len(seed) < period:
            seed.append(x)
            value = mean(seed)
            out.append(value if len(seed) == period else math.nan)
        else:
            value += (x - value) * rate
            out.append(value)
    return out


def exponential(values, period):
    """Return the exponential average."""
    return follow(values, period, 2.0 / (period + 1))


def smoothed(values, period):
    """Return Wilder's average."""
    return follow(values, period, 1.0 / period)


def ranges(candles):
    """Return the true ranges; the first is NaN."""
    high, low, close = (column(candles, name) for name in ("high", "low", "close"))
    return [math.nan] + [
        max(high[n] - low[n], abs(high[n] - close[n - 1]), abs(low[n] - close[n - 1])) for n in range(1, len(close))
    ]


def typical(candles):
    """Return the mean of high, low and close."""
    return [float(each["high"] + each["low"] + each["close"]) / 3.0 for each in candles]


def minus(one, two):
    """Return the differences, in order."""
    return [a - b for a, b in zip(one, two, strict=True)]


def share(above, below, otherwise=0.0):
    """Return a quotient, ``otherwise`` where there is nothing to divide by."""
    return above / below if below != 0.0 else otherwise
