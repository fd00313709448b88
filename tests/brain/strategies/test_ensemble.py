"""Ensemble: its score is the weighted mean that a slow look gives; regime and agreement decide."""

import numpy as np
import pytest

from brain.indicators.indicator import catalogue, over
from brain.strategies import loader
from shm.records import Reason
from tests.brain.market import recorded, walk
from tests.brain.strategies.trading import WARM, decided


def opinions(candles):
    """Return the five opinions and the strength of each candle, from whole arrays."""

    def one(name, **parameters):
        return over(catalogue()[name], candles, parameters)

    close = candles["close"]
    spread = one("ema", period=8)["value"] - one("ema", period=21)["value"]
    channel, strength = one("donchian", period=30), one("adx", period=14)["value"]
    views = (
        np.clip(spread / one("atr", period=14)["value"], -1.0, 1.0),
        2.0 * (close - channel["lower"]) / (channel["upper"] - channel["lower"]) - 1.0,
        one("structure", before=4, after=4)["trend"],
        np.clip(-one("zscore", period=20)["value"] / 2.0, -1.0, 1.0),
        np.clip((50.0 - one("rsi", period=14)["value"]) / 25.0, -1.0, 1.0),
    )
    return np.array(views)[:, WARM:], strength[WARM:]


def test_score_and_agreement_equal_the_slow_ones():
    """Followers by the share of trend, contrarians by the rest; agreement is the weight on the score's side."""
    candles = walk(2500)
    found = decided("ensemble", candles)
    views, strength = opinions(candles)
    share = np.clip((strength - 15.0) / 15.0, 0.0, 1.0)
    weights = np.array([share * 0.5, share * 0.25, share * 0.25, (1 - share) * 2 / 3, (1 - share) / 3])
    score = (weights * views).sum(axis=0)
    agreement = (weights * (views * score > 0.0)).sum(axis=0) / (weights * (views != 0.0)).sum(axis=0)
    assert np.allclose(found["values"][:, 0], score, rtol=0.0, atol=1e-9)
    assert np.allclose(found["values"][:, 1], agreement, rtol=0.0, atol=1e-9)


def test_the_regime_turns_it_round():
    """On the same candles followers alone and contrarians alone mostly want opposite sides."""
    candles = walk(3000)
    followers = decided("ensemble", candles, strength_calm=0.0, strength_trend=0.001)["values"][:, 0]
    contrarians = decided("ensemble", candles, strength_calm=998.0, strength_trend=999.0)["values"][:, 0]
    assert np.corrcoef(followers, contrarians)[0, 1] < -0.5


def test_opinions_that_contradict_are_no_trade():
    """With an agreement of nine tenths asked for, SPLIT is given where the score was enough and they were not."""
    found = decided("ensemble", recorded("binance_spot/BTCUSDT-1m.parquet", count=5000), agreement_min=0.9)
    split = found[found["reason"] == Reason.SPLIT]
    assert len(split) > 5
    assert (np.abs(split["values"][:, 0]) >= 0.4).all()
    assert (split["values"][:, 1] < 0.9).all()
    assert (split["amount"] == 0).all()


def test_what_is_said_follows_from_the_score():
    """A side from 0.4 on; WEAK below it, QUIET below half of it."""
    found = decided("ensemble", walk(6000))
    score = {reason: np.abs(found["values"][found["reason"] == reason, 0]) for reason in Reason}
    assert min(score[Reason.LONG].min(), score[Reason.SHORT].min()) >= 0.4
    assert score[Reason.WEAK].max() < 0.4
    assert score[Reason.QUIET].max() < 0.2


@pytest.mark.parametrize(
    "chosen",
    [{"fast_period": 21}, {"strength_calm": 40.0}, {"agreement_min": 1.5}, {"stretch_full": 0.0}, {"swing": 31}],
)
def test_settings_that_make_no_sense_are_refused(chosen):
    """With one line that names them."""
    with pytest.raises(loader.StrategyError, match=min(chosen)):
        loader.load("ensemble", chosen)
