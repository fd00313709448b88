"""Candles drawn by hand."""

import numpy as np

from shm.records import MARKET
from tests.brain.market import MINUTE_NS, START_NS, marked


def made(*rows):
    """Return candles of (open, high, low, close)."""
    candles = np.zeros(len(rows), MARKET)
    candles["open_ns"] = START_NS + MINUTE_NS * np.arange(len(rows))
    for n, name in enumerate(("open", "high", "low", "close")):
        candles[name] = [row[n] for row in rows]
    return marked(candles, 60)


def flat_top(*mids, wide=0.5):
    """Return candles that stand around ``mids``: open and close there, ``wide`` to both sides."""
    return made(*((mid, mid + wide, mid - wide, mid) for mid in mids))
