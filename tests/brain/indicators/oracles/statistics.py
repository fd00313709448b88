"""Slow, obvious twins of brain/indicators/statistics.py."""

import math

from tests.brain.indicators.oracles.plain import column, mean, rolling, share, spread


def deviation(candles, period):
    """Root of the variance."""
    return rolling(column(candles, "close"), period, lambda window: math.sqrt(spread(window)))


def standing(window):
    """Return how many deviations the last is from the mean."""
    return share(window[-1] - mean(window), math.sqrt(spread(window)))


def zscore(candles, period):
    """The last of each window, in deviations."""
    return rolling(column(candles, "close"), period, standing)


def slope(candles, period):
    """Least squares over 0, 1, 2 and so on."""

    def measure(window):
        middle_x, middle_y = (period - 1) / 2.0, mean(window)
        above = math.fsum((x - middle_x) * (y - middle_y) for x, y in enumerate(window))
        return share(above, math.fsum((x - middle_x) ** 2 for x in range(period)))

    return rolling(column(candles, "close"), period, measure)


def quantile(candles, period, share):
    """Sort and look."""
    rank = max(math.ceil(share * period - 1e-9), 1)
    return rolling(column(candles, "close"), period, lambda window: sorted(window)[rank - 1])


def correlation(candles, period):
    """Covariance over both deviations."""

    def measure(window):
        x, y = [a for a, _ in window], [b for _, b in window]
        middle_x, middle_y = mean(x), mean(y)
        together = math.fsum((a - middle_x) * (b - middle_y) for a, b in window) / period
        return share(together, math.sqrt(spread(x)) * math.sqrt(spread(y)))

    return rolling(list(zip(column(candles, "close"), column(candles, "volume"), strict=True)), period, measure)


ORACLES = {
    "deviation": deviation,
    "zscore": zscore,
    "slope": slope,
    "quantile": quantile,
    "correlation": correlation,
}
