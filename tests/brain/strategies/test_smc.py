"""Smart money: its score is the points that a slow look at all candles gives; regime, bias and stop, one by one."""

import numpy as np
import pytest

from brain.strategies import loader
from brain.timeframes import resample
from shm.records import Reason
from tests.brain.indicators.oracles.structure import Zones, sides, slow_breaks, slow_structure, slow_sweeps
from tests.brain.market import TICK_E8, Market, recorded, walk
from tests.brain.strategies.trading import WARM, decided

AGE = 240
WEIGHTS = {"structure": 3.0, "sweep": 2.0, "block": 2.0, "gap": 1.0, "premium": 1.0}


def reactions(candles, size):
    """For each candle: the sum of sides whose newest block, and gap, it came back to."""
    blocks, gaps, rows = (Zones(AGE), Zones(AGE)), (Zones(AGE), Zones(AGE)), []
    ways = [slow_breaks(*side, size, size) for side in sides(candles)]
    bars = candles[["open", "high", "low", "close"]].tolist()
    for i, (_, high, low, _) in enumerate(bars):
        seen = {}
        for n, (_, y, c) in enumerate(sides(candles[i : i + 1])):
            for zones in (blocks[n], gaps[n]):
                zones.visit(y[0], i)
            broke, pit, _ = ways[n][i]
            if broke and (not blocks[n].alive or blocks[n].alive[-1][1] < pit[1]):
                blocks[n].leave(*pit, i)
            if i >= 2:
                before, middle = bars[i - 2], bars[i - 1]
                body = (middle[3] - middle[0]) * (1 - 2 * n)
                near, far = (low, before[1]) if n == 0 else (-high, -before[2])
                if body > 0.0 and near > far:
                    gaps[n].leave(near, far, i)
            for kind, zones in (("block", blocks[n]), ("gap", gaps[n])):
                back = zones.alive and y[0] <= zones.alive[-1][0] and c[0] > zones.alive[-1][1]
                seen[kind] = seen.get(kind, 0) + (1 - 2 * n) * bool(back)
        rows.append((seen["block"], seen["gap"]))
    return rows


def slow_score(candles, size, fresh):
    """The score of each candle, without bias."""
    _, trend, share = slow_structure(candles, size, size)
    swept, came = slow_sweeps(candles, size, size, AGE)[0], reactions(candles, size)
    scores, side, age = [], 0, 0
    for i in range(len(candles)):
        age += 1
        if swept[i] > 0 or swept[i] < 0:
            side, age = np.sign(swept[i]), 0
        elif age >= fresh:
            side = 0
        points = WEIGHTS["structure"] * trend[i] + WEIGHTS["sweep"] * side + WEIGHTS["block"] * came[i][0]
        points += WEIGHTS["gap"] * came[i][1] + WEIGHTS["premium"] * (1.0 - 2.0 * share[i])
        scores.append(points / sum(WEIGHTS.values()))
    return scores


@pytest.mark.parametrize(("regime", "size"), [(1000.0, 3), (0.0, 9)])
def test_the_score_equals_the_slow_one(regime, size):
    """Calm: the tight structure's points; trending: the wide one's; on every candle."""
    candles = walk(1800)
    found = decided("smc", candles, strength_trend=regime, weight_bias=0.0)
    expected = slow_score(candles, size, 10)[WARM:]
    assert np.allclose(found["values"][:, 0], expected, rtol=0.0, atol=1e-12)
    assert len(set(np.round(expected, 3))) > 50


def test_the_regime_chooses_the_structure():
    """Each candle's score is the tight one's where the strength is low, and the wide one's where it is high."""
    candles = recorded("binance_spot/BTCUSDT-1m.parquet", count=4000)
    both, tight, wide = (decided("smc", candles, **chosen) for chosen in ({}, TIGHT, WIDE))
    trending = both["values"][:, 1] >= 25.0
    assert 0.1 < trending.mean() < 0.9
    assert (both["values"][~trending, 0] == tight["values"][~trending, 0]).all()
    assert (both["values"][trending, 0] == wide["values"][trending, 0]).all()
    # D2: it changes what is done, not only what is counted
    for one, other in ((both, tight), (both, wide), (tight, wide)):
        assert np.count_nonzero(one["amount"] != other["amount"]) > len(one) / 50


TIGHT, WIDE = {"strength_trend": 1000.0}, {"strength_trend": 0.0}


def biased(way, **chosen):
    """Return the decisions of an hour after quarter hours that only rose (1.0) or fell (-1.0)."""
    candles, market = walk(WARM + 60, seed=5), Market()
    market.remember(candles[:WARM])
    quarters = resample(candles[: WARM // 15 * 15], 900)
    middle = quarters["close"][-1]
    for field in ("open", "high", "low", "close"):
        # a staircase that goes five steps on and three back: its swings are two candles wide, its structure the trend's
        stairs = np.cumsum(np.where(np.arange(len(quarters)) % 8 < 5, 1.0, -1.0))
        stairs -= stairs[-1]
        quarters[field] = middle * (1.0 + way * 0.01 * stairs) + {"high": 20.0, "low": -20.0}.get(field, 0.0)
    market.remember(quarters)
    brain = market.think([loader.load("smc", {"score_enter": 0.3, **chosen})])
    market.publish(candles[WARM:])
    brain.think()
    return market.everything("DECISIONS")


def test_the_longer_timeframe_changes_what_is_done():
    """D3: the same minutes are a long after quarter hours that rose, and nothing or refused after such that fell."""
    rising, falling = biased(1.0), biased(-1.0)
    assert (rising["reason"] == Reason.LONG).any()
    assert (falling["amount"] == 0).all()
    # without a weight of its own the longer timeframe still has the last word
    for way, taken, refused in ((1.0, True, False), (-1.0, False, True)):
        reasons = biased(way, weight_bias=0.0)["reason"]
        assert (reasons == Reason.LONG).any() == taken
        assert (reasons == Reason.BIAS).any() == refused


def test_what_is_said_follows_from_the_score():
    """Sides are taken at half the points and more, refused as QUIET or WEAK below; BIAS only against the hour."""
    found = decided("smc", recorded("binance_spot/BTCUSDT-1m.parquet", count=9000))
    score = {reason: np.abs(found["values"][found["reason"] == reason, 0]) for reason in Reason}
    assert score[Reason.LONG].min() >= 0.5
    assert score[Reason.SHORT].min() >= 0.5
    assert score[Reason.WEAK].max() < 0.5
    assert score[Reason.QUIET].max() < 0.25
    assert len(score[Reason.BIAS]) > 0
    assert score[Reason.BIAS].min() >= 0.5
    without = decided("smc", recorded("binance_spot/BTCUSDT-1m.parquet", count=3000), score_enter=0.3, weight_bias=5.0)
    assert (np.sign(without["amount"]) == 1).any()


def test_the_stop_stands_between_its_limits():
    """From 1.5 to 4 ranges away, on the side that loses, and not always at a limit."""
    candles = walk(4000)
    found = decided("smc", candles)
    ranges = []
    for at in np.flatnonzero((found["reason"] == Reason.LONG) | (found["reason"] == Reason.SHORT)):
        side = np.sign(found["amount"][at])
        away = side * (candles["close"][WARM + at] - found["stop_ticks"][at] * TICK_E8 / 1e8)
        high, low, close = (candles[name][: WARM + at + 1] for name in ("high", "low", "close"))
        true = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
        reach = true[:14].mean()
        for value in true[14:]:
            reach += (value - reach) / 14
        ranges.append(away / reach)
    assert min(ranges) > 1.49
    assert max(ranges) < 4.01
    assert len({round(value, 1) for value in ranges}) > 3


@pytest.mark.parametrize("chosen", [{"tight": 0}, {"age": 601}, {"score_enter": 0.0}, {"stop_atr_min": 5.0}])
def test_settings_that_make_no_sense_are_refused(chosen):
    """With one line that names them."""
    with pytest.raises(loader.StrategyError, match=min(chosen)):
        loader.load("smc", chosen)
