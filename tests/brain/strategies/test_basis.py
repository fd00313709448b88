"""The basis: the spot of the same minute is looked at, never a later one, and what has not come is no opinion."""

import re

import numpy as np
import pytest

from brain.strategies import loader
from brain.strategies.loader import StrategyError, load, looks_at_spot
from shm.records import Reason
from shm.topology import spot_row
from tests.brain.market import WARM, Market, missing, walk

COUNT = 900
FIELDS = ("reason", "amount", "stop_ticks", "inputs_hash")


def two(count=WARM + COUNT, seed=3):
    """Return minutes of a contract and, in the second row, of its spot, from which the contract strays and returns."""
    own = walk(count, seed)
    spot = own.copy()
    basis = 0.0004 * np.sin(np.arange(count) / 40.0) + np.random.default_rng(seed).normal(0.0, 0.0001, count)
    for name in ("open", "high", "low", "close"):
        spot[name] = np.round(own[name] / (1.0 + basis), 2)
    spot["high"] = np.maximum(spot["high"], np.maximum(spot["open"], spot["close"]))
    spot["low"] = np.minimum(spot["low"], np.minimum(spot["open"], spot["close"]))
    spot["instrument"] = spot_row(0, 1)
    return np.stack([own, spot])


def traded(candles, *, order=(1, 0), stops=(), **chosen):
    """Return the decisions, in order of time; the brain dies at ``stops``."""
    market = Market(spots=True)
    for each in candles:
        market.remember(each[:WARM])
    brain, epoch = market.think([load("basis", chosen)]), 1
    for n in range(WARM, candles.shape[1]):
        if n - WARM in stops:
            epoch += 1
            brain = market.think([load("basis", chosen)], epoch)
        for row in order:
            market.publish(candles[row, n : n + 1])
        brain.think()
    return market.everything("DECISIONS")


def test_only_the_contract_is_decided():
    """One decision a minute, all of the contract's row; it trades both ways and comes back."""
    said = traded(two())
    assert len(said) == COUNT
    assert set(said["instrument"].tolist()) == {0}
    assert {Reason.LONG, Reason.SHORT, Reason.HELD, Reason.REACHED, Reason.QUIET, Reason.WEAK} <= set(said["reason"])
    assert not {Reason.COLD, Reason.HOLE, Reason.MALFORMED} & set(said["reason"].tolist())


def test_it_equals_the_slow_one():
    """The basis is that of the very minute, its score by numpy over the last ``period`` of them."""
    candles = two()
    said = traded(candles, period=50)
    basis = candles["close"][0] / candles["close"][1] - 1.0
    for n in range(COUNT):
        window = basis[WARM + n - 49 : WARM + n + 1]
        score = (window[-1] - window.mean()) / window.std()
        assert said["values"][n][0] == pytest.approx(score, abs=1e-6)
        assert said["values"][n][1] == pytest.approx(1e6 * window[-1], abs=1e-6)


def test_the_future_of_the_spot_changes_nothing():
    """What the spot does from minute 500 on is seen at minute 500 and not before."""
    candles = two()
    other = candles.copy()
    for name in ("open", "high", "low", "close"):
        other[name][1, WARM + 500 :] *= 1.01
    before, after = traded(candles), traded(other)
    same = (before["values"][:, 1] == after["values"][:, 1]) & (before["inputs_hash"] == after["inputs_hash"])
    assert same[:500].all()
    assert not same[500]


def test_a_spot_that_comes_after_its_contract_is_not_there():
    """Never a later one: each minute's spot stands on the ring behind the contract's, so none is ever seen."""
    said = traded(two(), order=(0, 1))
    assert set(said["reason"].tolist()) == {Reason.COLD}


def test_a_spot_that_is_ahead_is_found():
    """A spot may be some minutes further: the contract's own minute is what is shown."""
    candles = two()
    ahead = [*candles[1, WARM:]]
    market = Market(spots=True)
    for each in candles:
        market.remember(each[:WARM])
    brain = market.think([load("basis")])
    for n in range(0, COUNT, 10):
        market.publish(np.array(ahead[n : n + 10]))
        market.publish(candles[0, WARM + n : WARM + n + 10])
        brain.think()
    one, other = traded(candles), market.everything("DECISIONS")
    for field in FIELDS:
        assert (one[field] == other[field]).all(), field


def test_a_brain_that_died_goes_on_as_if_it_had_not():
    """Killed three times: it is warmed up with the spot's past, and hears the minute it stood in again."""
    candles = two()
    one, other = traded(candles), traded(candles, stops=(1, 300, 777))
    for field in FIELDS:
        assert (one[field] == other[field]).all(), field


def test_a_minute_that_the_spot_lacks_is_no_opinion():
    """Cold at that very minute, what is held stays, and it decides again when the score has settled."""
    candles = two()
    candles[1, WARM + 400 : WARM + 401] = missing(candles[1, WARM + 400])
    said = traded(candles, period=50)
    cold = np.flatnonzero(said["reason"] == Reason.COLD)
    assert cold[0] == 400
    assert 49 <= len(cold) <= 51
    assert (np.diff(cold) == 1).all()
    assert (said["amount"][cold] == said["amount"][399]).all()


def test_the_spots_candle_is_in_the_hash():
    """Another volume of the spot, which the strategy does not use: every hash from there on is another."""
    candles = two()
    other = candles.copy()
    other["volume"][1, WARM + 10] += 1.0
    same = traded(candles)["inputs_hash"] == traded(other)["inputs_hash"]
    assert same[:10].all()
    assert not same[10:].any()


def test_a_basis_that_strays_too_little_is_let_be():
    """With a floor above everything nothing is entered, and the answer is still one of the closed list."""
    said = traded(two(), stray_ppm_min=1e6)
    assert not said["amount"].any()
    assert set(said["reason"].tolist()) == {Reason.QUIET, Reason.WEAK}


def test_who_looks_at_spots_is_known_before_it_runs(tmp_path):
    """By its name in the file alone; a file that is no Python looks at nothing."""
    assert [name for name in loader.names() if looks_at_spot(name)] == ["basis"]
    mine = tmp_path / "mine.py"
    mine.write_text('SPOT: str = "spot"\nraise SystemExit\n')
    assert looks_at_spot(str(mine))
    mine.write_text('def decide(:\nSPOT = "spot"\n')
    assert not looks_at_spot(str(mine))


def test_a_spot_that_is_no_candle_in_its_state_is_refused(tmp_path):
    """In one line that names the file."""
    source = (loader.HERE / "basis.py").read_text(encoding="utf-8")
    mine = tmp_path / "mine.py"
    mine.write_text(source.replace('SPOT = "spot"', 'SPOT = "reach"'))
    with pytest.raises(StrategyError, match=re.escape("mine.py: SPOT names 'reach', which is not a MARKET record")):
        load(str(mine))


@pytest.mark.parametrize("chosen", [{"period": 1}, {"leave": 3.0}, {"stop_atr": 0.0}, {"stray_ppm_min": -1.0}])
def test_settings_that_make_no_sense_are_refused(chosen):
    """In words."""
    with pytest.raises(StrategyError, match="must be"):
        load("basis", chosen)
