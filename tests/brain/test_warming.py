"""Warming up: the past is walked as it was lived, and nothing of it leaves the brain."""

import numpy as np
import pytest

from brain.strategies.loader import load
from tests.brain.market import MINUTE_NS, WARM, Market, walk


@pytest.fixture
def pair():
    """Return minutes of two instruments, row by row."""
    candles = np.stack([walk(WARM + 40, 3), walk(WARM + 40, 4, price=3_000.0)])
    candles["instrument"] = np.arange(2)[:, None]
    return candles


def warmed(candles, at, *, late=0):
    """Return a market whose two lanes were warmed up for minute ``at``; the partner's last ``late`` are not there."""
    market = Market(instruments=2)
    market.remember(candles[0, :at])
    market.remember(candles[1, : at - late])
    brain = market.think([load("pairs")])
    market.publish(candles[0, at : at + 1])
    brain.think()
    return market, brain


def test_the_partners_last_two_minutes_are_kept(pair):
    """The lane that walked has the minute just decided, its partner those before it: nobody has heard its newest."""
    _, brain = warmed(pair, WARM)
    own, other = brain.routes.lanes
    assert [own["newest"]["open_ns"], own["before"]["open_ns"]] == pair["open_ns"][0, [WARM, WARM - 1]].tolist()
    assert [other["newest"]["open_ns"], other["before"]["open_ns"]] == pair["open_ns"][1, [WARM - 1, WARM - 2]].tolist()
    assert other["newest"]["close"] == pair["close"][1, WARM - 1]


def test_a_past_that_ends_too_early_is_none(pair):
    """The partner's minute before is not in HISTORY: no run, so the state has seen no partner at all."""
    market, brain = warmed(pair, WARM, late=1)
    assert brain.routes.lanes[1]["newest"]["kind"] == 0
    assert market.everything("DECISIONS")["reason"].tolist() == [1]


def test_warming_says_nothing_and_moves_nothing(pair):
    """One candle, one decision; 700 minutes of history leave no target of their own and no side."""
    market, brain = warmed(pair, WARM)
    assert len(market.everything("DECISIONS")) == 1
    assert brain.routes.working["amount"][1] == 0.0
    assert brain.routes.lanes["open_ns_last"].tolist() == [int(pair["open_ns"][0, WARM]), 0]


def test_a_walked_lane_and_a_warmed_one_are_in_the_same_state(pair):
    """Thirty minutes lived, or read from HISTORY by a brain that starts after them: the same bytes, but the unread."""
    lived, brain = warmed(pair, WARM)
    for n in range(WARM + 1, WARM + 30):
        lived.publish(pair[1, n - 1 : n])
        lived.publish(pair[0, n : n + 1])
        brain.think()
    _, other = warmed(pair, WARM + 29)
    one, two = (each.routes.lanes["newest"][0].copy() for each in (brain, other))
    one["published_ns"] = two["published_ns"]
    assert one == two
    states = [next(iter(each.routes._kept)).view(np.uint8) for each in (brain, other)]
    state = load("pairs").state
    for name in ("close_before", "open_ns_before"):
        values = [each[: state.itemsize].view(state)[name][0] for each in states]
        assert values[0] == values[1]
    assert states[0][: state.itemsize].view(state)["other"]["open_ns"][0] == pair["open_ns"][0, WARM + 29] - MINUTE_NS
