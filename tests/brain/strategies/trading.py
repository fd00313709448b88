"""A strategy over candles through the loop that lives in the brain, and what it decided."""

import numpy as np

from brain.strategies.loader import load
from shm.records import POSITION
from shm.topology import position_row
from tests.brain.market import Market

WARM = 1000


def decided(name, candles, warm=WARM, stopped=None, **chosen):
    """Return the decisions of ``name`` over ``candles`` after ``warm`` of them were history.

    ``stopped`` says (index of a candle, side): from there on a stop has ended that side, for one candle.
    """
    market = Market(capacity=1 << 15)
    market.remember(candles[:warm])
    brain = market.think([load(name, chosen)])
    if stopped is None:
        for first in range(warm, len(candles), 64):
            market.publish(candles[first : first + 64])
            brain.think()
        return market.everything("DECISIONS")
    for n in range(warm, len(candles)):
        position = np.zeros(1, POSITION)
        position["stopped_side"] = stopped[1] if n == stopped[0] else 0
        market.positions.write(position_row(0, 0), position)
        market.publish(candles[n : n + 1])
        brain.think()
    return market.everything("DECISIONS")


def same_from(one, two):
    """Return from which decision on both runs agree in reason, amount and stop; their length when they never do."""
    count = min(len(one), len(two))
    one, two = one[-count:], two[-count:]
    assert (one["open_ns"] == two["open_ns"]).all()
    differs = (one["reason"] != two["reason"]) | (one["amount"] != two["amount"])
    differs |= one["stop_ticks"] != two["stop_ticks"]
    found = np.flatnonzero(differs)
    return int(found[-1]) + 1 if len(found) else 0
