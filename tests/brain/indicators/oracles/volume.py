"""Slow, obvious twins of brain/indicators/volume.py, flow.py and profile.py."""

import itertools
import math

from tests.brain.indicators.oracles.plain import column, rolling, share, typical
from tests.brain.indicators.oracles.statistics import standing


def sums(values):
    """Return the sum up to each value, correctly rounded."""
    return [math.fsum(values[: n + 1]) for n in range(len(values))]


def obv(candles):
    """The first volume, then signed ones."""
    close, volume = column(candles, "close"), column(candles, "volume")
    signs = [1.0] + [float((b > a) - (b < a)) for a, b in itertools.pairwise(close)]
    return sums([s * v for s, v in zip(signs, volume, strict=False)])


def leaning(candles):
    """Return the volume, weighted by where the candle closed in its range."""
    return [
        float(share((c["close"] - c["low"]) - (c["high"] - c["close"]), c["high"] - c["low"]) * c["volume"])
        for c in candles
    ]


def accumulation(candles):
    """Leaning volumes, summed."""
    return sums(leaning(candles))


def price(window):
    """Return the mean price of (price, volume) pairs."""
    return share(math.fsum(p * v for p, v in window), math.fsum(v for _, v in window), math.nan)


def vwap(candles, period):
    """Money over volume of each window."""
    return rolling(list(zip(typical(candles), column(candles, "volume"), strict=True)), period, price)


def session_vwap(candles, session_s):
    """Money over volume since the session began."""
    pairs, out, session = [], [], None
    for at, pair in zip(candles["open_ns"], zip(typical(candles), column(candles, "volume"), strict=True), strict=True):
        if int(at) // (session_s * 10**9) != session:
            session, pairs = int(at) // (session_s * 10**9), []
        pairs.append(pair)
        out.append(price(pairs))
    return out


def ratio(window):
    """Return the sum of the first of each pair over the sum of the second."""
    return share(math.fsum(a for a, _ in window), math.fsum(b for _, b in window))


def cmf(candles, period):
    """Leaning volume over volume."""
    return rolling(list(zip(leaning(candles), column(candles, "volume"), strict=True)), period, ratio)


def volume_zscore(candles, period):
    """The volume, in deviations."""
    return rolling(column(candles, "volume"), period, standing)


def delta(candles):
    """Bought less sold."""
    return [float(each["taker_volume"] - (each["volume"] - each["taker_volume"])) for each in candles]


def cumulative_delta(candles):
    """Deltas, summed."""
    return sums(delta(candles))


def imbalance(candles, period):
    """Deltas over volumes."""
    return rolling(list(zip(delta(candles), column(candles, "volume"), strict=True)), period, ratio)


def toxicity(candles, period):
    """Sizes of deltas over volumes."""
    sizes = [abs(each) for each in delta(candles)]
    return rolling(list(zip(sizes, column(candles, "volume"), strict=True)), period, ratio)


def trade_size(candles, period):
    """Volumes over trades."""
    return rolling(list(zip(column(candles, "volume"), column(candles, "trades"), strict=True)), period, ratio)


def volume_profile(candles, period, width, share):
    """Count each window's volume into a dictionary of bins, and grow the area from the heaviest."""

    def measure(window):
        bins = {}
        for at, volume in window:
            place = math.floor(math.log(at) / math.log(1.0 + width))
            bins.setdefault(place, []).append(volume)
        held = {place: math.fsum(bins.get(place, [0.0])) for place in range(min(bins), max(bins) + 1)}
        if sum(held.values()) == 0.0:
            return (math.nan,) * 3
        control = max(held, key=lambda place: (round(held[place], 9), -place))
        inside = [control]
        while math.fsum(held[place] for place in inside) < share * math.fsum(held.values()) * (1.0 - 1e-12):
            below, above = min(inside) - 1, max(inside) + 1
            inside.append(above if held.get(above, -1.0) > held.get(below, -1.0) + 1e-9 else below)
        ratio = 1.0 + width
        return ratio ** (control + 0.5), ratio ** (max(inside) + 1), ratio ** min(inside)

    pairs = list(zip(typical(candles), column(candles, "volume"), strict=True))
    found = rolling(pairs, period, measure)
    return tuple([each if isinstance(each, float) else each[n] for each in found] for n in range(3))


ORACLES = {
    "obv": obv,
    "accumulation": accumulation,
    "vwap": vwap,
    "session_vwap": session_vwap,
    "cmf": cmf,
    "volume_zscore": volume_zscore,
    "delta": delta,
    "cumulative_delta": cumulative_delta,
    "imbalance": imbalance,
    "toxicity": toxicity,
    "trade_size": trade_size,
    "volume_profile": volume_profile,
}
