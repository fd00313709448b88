"""The default strategy: turns, band, heat, the hour's consent; often enough for a demonstration."""

import numpy as np
import pytest

from brain.strategies.base import WORKING
from brain.strategies.loader import load
from brain.strategies.trend import STATE, decide
from shm.records import MARKET, POSITION, Reason
from tests.brain.market import START_NS, Market, recorded, walk


def decided(candles, warm=900, **chosen):
    """Return the decisions over ``candles`` after ``warm`` of them were history."""
    market = Market(capacity=1 << 15)
    market.remember(candles[:warm])
    brain = market.think([load("trend", chosen)])
    for first in range(warm, len(candles), 50):
        market.publish(candles[first : first + 50])
        brain.think()
    return market.everything("DECISIONS")


def one(close, side=0.0, stopped=0, **chosen):
    """Return reason and amount after one candle in a made-up state: averages at 100, range 1, heat 50."""
    state, target, position = np.zeros(1, STATE), np.zeros(1, WORKING), np.zeros(1, POSITION)
    for name, period in (("fast", 5), ("slow", 13), ("hour_fast", 6), ("hour_slow", 18)):
        state[name]["value"], state[name]["seen"], state[name]["settles"] = 100.0, 10_000, 1
        state[name]["rate"], state[name]["keep"] = 2.0 / (period + 1), 1.0 - 2.0 / (period + 1)
    for name in ("reach", "heat"):
        state[name]["share"], state[name]["keep"] = 1.0 / 14.0, 13.0 / 14.0
    state["reach"]["value"], state["reach"]["close_last"], state["reach"]["seen"] = 1.0, 100.0, 10_000
    state["heat"]["gain"], state["heat"]["loss"], state["heat"]["close_last"] = 1.0, 1.0, 100.0
    state["heat"]["seen"] = 10_000
    for name in ("fast", "slow", "hour_fast", "hour_slow", "reach", "heat"):
        state[name]["warm"] = 1
    state["hour_fast"]["value"] += chosen.pop("hour", 0.0)
    candle = np.zeros(1, MARKET)
    candle["timeframe_s"], candle["open_ns"] = 60, START_NS
    candle["close"], candle["high"], candle["low"] = close, max(close, 100.0), min(close, 100.0)
    target["amount"], position["stopped_side"] = side, stopped
    reason = decide(state[0], load("trend", chosen).settings[0], candle[0], position[0], target[0])
    return Reason(reason), float(target["amount"][0]), float(target["stop"][0])


@pytest.mark.parametrize(
    ("close", "side", "stopped", "chosen", "reason", "amount"),
    [
        # close, held, stopped; a move of d opens the averages by d * (2/6 - 2/14) = 0.19 d
        (100.2, 0.0, 0, {}, Reason.FLAT, 0.0),
        (103.0, 0.0, 0, {}, Reason.LONG, 1.0),
        (97.0, 0.0, 0, {}, Reason.SHORT, -1.0),
        (100.2, 1.0, 0, {}, Reason.HELD, 1.0),
        (103.0, 1.0, 0, {}, Reason.HELD, 1.0),
        (97.0, 1.0, 0, {}, Reason.SHORT, -1.0),
        (103.0, 1.0, 1, {}, Reason.STOPPED, 1.0),
        (100.2, -1.0, -1, {}, Reason.STOPPED, -1.0),
        (97.0, 1.0, 1, {}, Reason.SHORT, -1.0),
        (103.0, 0.0, 0, {"heat_max": 55.0}, Reason.HEATED, 0.0),
        (103.0, -1.0, 0, {"heat_max": 55.0}, Reason.EXIT, 0.0),
        (97.0, 1.0, 0, {"heat_max": 55.0}, Reason.EXIT, 0.0),
        (101.0, 0.0, 0, {}, Reason.LONG, 1.0),
        (101.0, 0.0, 0, {"hour": -5.0}, Reason.FLAT, 0.0),
        (101.0, 0.0, 0, {"hour": 5.0}, Reason.LONG, 1.0),
    ],
)
def test_each_situation_has_its_answer(close, side, stopped, chosen, reason, amount):
    """Band, turn, heat, hour and stop, one by one."""
    answered, wanted, _ = one(close, side, stopped, **chosen)
    assert (answered, wanted) == (reason, amount)


def test_the_stop_stands_three_ranges_away():
    """Below a long, above a short; a range of 3 after 1s in 14 candles is an average of 1.142857."""
    _, _, below = one(103.0)
    _, _, above = one(97.0)
    assert below == pytest.approx(103.0 - 3.0 * (1.0 + 2.0 / 14.0))
    assert above == pytest.approx(97.0 + 3.0 * (1.0 + 2.0 / 14.0))


def test_a_market_that_stands_still_is_not_traded():
    """No range, no risk to size: FLAT for ever, and nothing is malformed."""
    candles = walk(1100)
    for field in ("open", "high", "low", "close"):
        candles[field] = 100.0
    assert set(decided(candles)["reason"].tolist()) == {int(Reason.FLAT)}


@pytest.mark.parametrize("name", ["binance_spot/BTCUSDT-1m.parquet", "binance_usdm/ETHUSDT-1m.parquet"])
def test_it_trades_several_times_an_hour_and_soon(name):
    """On recorded minutes: two to eight changes of mind an hour, a side within half an hour of the start."""
    decisions = decided(recorded(name, count=12_000))
    changes = np.count_nonzero(np.diff(decisions["target_id"]))
    assert 2.0 < changes / (len(decisions) / 60.0) < 8.0
    assert (decisions["target_id"][:30] > 0).any()
    assert Reason.MALFORMED not in decisions["reason"]


def test_a_later_start_decides_the_same_once_it_has_taken_a_side():
    """Where the data began is forgotten: after the first common turn every decision agrees."""
    candles = walk(3000)
    long, short = decided(candles, 1000), decided(candles[300:], 900)
    both = min(len(long), len(short)) - 400
    assert (long["amount"][-both:] == short["amount"][-both:]).all()
    assert (long["stop_ticks"][-both:] == short["stop_ticks"][-both:]).all()


def test_the_future_changes_nothing():
    """Rewriting what comes later leaves every earlier decision as it was, hash and all."""
    candles = walk(1500)
    other = candles.copy()
    for field in ("open", "high", "low", "close"):
        other[field][1200:] *= 1.7
    one_way, other_way = decided(candles), decided(other)
    for field in ("reason", "amount", "stop_ticks", "target_id", "inputs_hash"):
        assert (one_way[field][:300] == other_way[field][:300]).all()
    assert (one_way["inputs_hash"][300:] != other_way["inputs_hash"][300:]).all()
