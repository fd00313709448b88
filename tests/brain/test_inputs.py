"""The hash of what was shown: each number of each candle counts, and a candle that is not there is told from one."""

import numpy as np
import pytest

from brain.inputs import hash_inputs
from shm.jit import address_of, kernel, record_at
from shm.records import MARKET, POSITION, Provenance


@kernel
def _hashed(places):
    return hash_inputs(np.uint64(7), places[0], record_at(places[1], POSITION), places[2], places[3])


def hashed(candle, position, other=None, spot=None):
    """Return the hash; a place without a record is 0."""
    records = [candle, position, other, spot]
    return int(_hashed(np.array([0 if each is None else address_of(each) for each in records], np.int64)))


def candle(**changes):
    """Return one candle with these fields."""
    one = np.zeros(1, MARKET)
    one["kind"], one["provenance"], one["close"] = 1, int(Provenance.OBSERVED), 5.0
    for name, value in changes.items():
        one[name] = value
    return one


@pytest.mark.parametrize("place", ["other", "spot"])
def test_a_candle_beside_counts_as_itself_as_absent_and_as_not_wanted(place):
    """Three answers, and a fourth for another volume."""
    own, position = candle(), np.zeros(1, POSITION)
    found = {hashed(own, position, **{place: each}) for each in (None, candle(), candle(kind=0), candle(volume=1.0))}
    assert len(found) == 4


def test_a_partner_is_not_a_spot():
    """Two candles that change places are another input, and so is which of the two is not there."""
    own, position, gone = candle(), np.zeros(1, POSITION), candle(kind=0)
    for one, other in ((candle(), candle(volume=1.0)), (candle(), gone), (None, gone)):
        assert hashed(own, position, one, other) != hashed(own, position, other, one)


def test_a_hole_hides_what_stands_beside_it():
    """Nobody is asked at a missing minute, so nothing beside it was looked at."""
    hole, position = candle(provenance=int(Provenance.MISSING)), np.zeros(1, POSITION)
    assert hashed(hole, position, candle(), candle()) == hashed(hole, position)
