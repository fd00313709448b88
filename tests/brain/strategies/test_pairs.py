"""Pairs: two legs that see the same, decide the opposite in the same minute, and survive one another's holes."""

import numpy as np
import pytest

from brain.routes import partner_of
from brain.strategies import loader
from brain.strategies.loader import StrategyError, load
from shm.records import POSITION, Reason
from shm.topology import position_row
from tests.brain.market import WARM, Market, missing, walk

COUNT = 900


def two(count=WARM + COUNT, seed=3):
    """Return minutes of two instruments that share their walk and stray from one another, row by row."""
    own, other = walk(count, seed), walk(count, seed, price=3_000.0)
    stray = np.cumsum(np.random.default_rng(seed).normal(0.0, 0.0004, count))
    for name in ("open", "high", "low", "close"):
        other[name] = np.round(other[name] * (1.0 + 0.002 * np.sin(np.arange(count) / 40.0) + 0.1 * stray), 2)
    other["high"] = np.maximum(other["high"], np.maximum(other["open"], other["close"]))
    other["low"] = np.minimum(other["low"], np.minimum(other["open"], other["close"]))
    other["instrument"] = 1
    return np.stack([own, other])


def traded(candles, *, order=(0, 1), stops=(), **chosen):
    """Return the decisions of both instruments, each in order of time; the brain dies at ``stops``."""
    market = Market(instruments=2)
    for each in candles:
        market.remember(each[:WARM])
    brain, epoch = market.think([load("pairs", chosen)]), 1
    for n in range(WARM, candles.shape[1]):
        if n - WARM in stops:
            epoch += 1
            brain = market.think([load("pairs", chosen)], epoch)
        for row in order:
            market.publish(candles[row, n : n + 1])
        brain.think()
    everything = market.everything("DECISIONS")
    return [everything[everything["instrument"] == row] for row in (0, 1)]


def test_two_legs_are_each_others_negative():
    """Same reasons but for the side, amounts that add up to nothing, scores and tilts that do so bit for bit."""
    one, other = traded(two())
    assert len(one) == len(other) == COUNT
    assert (one["open_ns"] == other["open_ns"]).all()
    assert (one["amount"] == -other["amount"]).all()
    assert (one["values"][:, :2] == -other["values"][:, :2]).all()
    reasons = set(one["reason"].tolist())
    assert {Reason.LONG, Reason.SHORT, Reason.HELD, Reason.REACHED, Reason.QUIET, Reason.WEAK} <= reasons
    assert not {Reason.COLD, Reason.HOLE, Reason.MALFORMED} & reasons


def test_it_equals_the_slow_one():
    """The score is that of the minute before, by numpy, over the last ``period`` of them."""
    candles = two()
    one, _ = traded(candles, period=50)
    own, other = candles["close"]
    tilt = (own - other) / (own + other)
    for n in range(COUNT):
        window = tilt[WARM + n - 50 : WARM + n]
        score = (window[-1] - window.mean()) / window.std()
        assert one["values"][n][0] == pytest.approx(score, abs=1e-6)


def test_the_order_within_a_minute_changes_nothing():
    """Which of the two candles comes first depends on the network; no decision does."""
    candles = two()
    for one, other in zip(traded(candles), traded(candles, order=(1, 0)), strict=True):
        for field in ("reason", "amount", "stop_ticks", "inputs_hash", "values"):
            assert (one[field] == other[field]).all(), field


def test_a_brain_that_died_goes_on_as_if_it_had_not():
    """Killed three times: both legs are warmed up with the partner's past."""
    candles = two()
    for one, other in zip(traded(candles), traded(candles, stops=(1, 300, 777)), strict=True):
        for field in ("reason", "amount", "stop_ticks", "inputs_hash"):
            assert (one[field] == other[field]).all(), field


def test_the_future_of_the_partner_changes_nothing():
    """What the partner does from minute 500 on is seen from minute 501 on."""
    candles = two()
    other = candles.copy()
    for name in ("open", "high", "low", "close"):
        other[name][1, WARM + 500 :] *= 1.01
    before, after = traded(candles)[0], traded(other)[0]
    same = (before["values"][:, 0] == after["values"][:, 0]) & (before["reason"] == after["reason"])
    assert same[:501].all()
    assert not same[501]


def test_a_minute_that_the_partner_lacks_is_no_opinion():
    """The leg goes cold at the next minute, keeps what it holds, and decides again when the score has settled."""
    candles = two()
    candles[1, WARM + 400 : WARM + 401] = missing(candles[1, WARM + 400])
    candles["instrument"][1] = 1
    one, other = traded(candles, period=50)
    assert other["reason"][400] == Reason.HOLE
    cold = np.flatnonzero(one["reason"] == Reason.COLD)
    assert cold[0] == 401
    assert 50 <= len(cold) <= 52
    assert (np.diff(cold) == 1).all()
    assert (one["amount"][cold] == one["amount"][400]).all()


def test_one_instrument_alone_never_decides():
    """Without a partner there is nothing to compare: cold for good."""
    market = Market()
    candles = walk(WARM + 300)
    market.remember(candles[:WARM])
    brain = market.think([load("pairs")])
    market.publish(candles[WARM:])
    brain.think()
    assert set(market.everything("DECISIONS")["reason"].tolist()) == {Reason.COLD}


def test_a_leg_that_was_stopped_waits_for_the_return():
    """It says so, and the other leg does not hear of it."""
    candles, market = two(), Market(instruments=2)
    for each in candles:
        market.remember(each[:WARM])
    brain, position = market.think([load("pairs")]), np.zeros(1, POSITION)
    for n in range(WARM, candles.shape[1]):
        for row in (0, 1):
            market.publish(candles[row, n : n + 1])
        brain.think()
        newest = market.everything("DECISIONS")[-2:]
        position["stopped_side"] = np.sign(newest["amount"][0])
        market.positions.write(position_row(0, 0), position)
    decisions = market.everything("DECISIONS")
    one, other = (decisions[decisions["instrument"] == row] for row in (0, 1))
    stopped = one["reason"] == Reason.STOPPED
    assert stopped.sum() > 10
    assert (other["reason"][stopped] == Reason.HELD).all()


def test_the_first_two_are_partners_and_the_rest_has_the_first():
    """By row: 0 and 1 have each other, 2 and 9 have 0."""
    assert [partner_of(row) for row in (0, 1, 2, 9)] == [1, 0, 0, 0]


def test_a_partner_that_is_no_candle_is_refused(tmp_path):
    """One line that names the file and what PARTNER has to name."""
    source = (
        (loader.HERE / "pairs.py")
        .read_text()
        .replace('("other", MARKET)', '("other", ATR)')
        .replace("other.kind == 0 or ", "")
    )
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(StrategyError, match="PARTNER names 'other', which is not a MARKET record in STATE"):
        load(str(path))
