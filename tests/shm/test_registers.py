"""Records in registers: a copy of the scalars, the arrays where they are, and detours that see one truth."""

import numpy as np
import pytest

from shm.jit import PLAIN, kernel, shaped
from shm.registers import (
    in_registers,
    in_settled_registers,
    is_all_copied,
    is_settled,
    outlined,
    put_back,
    rarely,
    unsettled,
)  # fmt: skip

INNER = np.dtype([("hits", "<i8"), ("past", "<f8", (4,))], align=True)
STATE = np.dtype([("count", "<i8"), ("inner", INNER), ("ready", "?"), ("value", "<f8")], align=True)


@outlined
def _double(inner, more):
    inner.hits = 2 * inner.hits + more
    inner.past[1] = inner.hits
    return inner.hits, more


@kernel
def _step(state, n):
    # the same source for a record and for what is in registers
    state.count += 1
    state.inner.hits += n
    state.inner.past[0] += 1.5
    state.ready = n > 2
    if rarely(state.inner.hits > 100):
        hits, more = _double(state.inner, 1)
        state.value += hits + more


@kernel
def _loop(records, outside, times):
    state = in_registers(records[0])
    for n in range(times):
        _step(state, n)
        outside[n] = records[0].count
    put_back(state)


@kernel
def _loop_in_memory(records, times):
    for n in range(times):
        _step(records[0], n)


def test_what_is_in_registers_ends_up_in_the_record():
    """Scalars, nested ones and arrays are what they are when the record is worked on where it is."""
    one, two = np.zeros(1, STATE), np.zeros(1, STATE)
    _loop(shaped(one), np.zeros(30, np.int64), 30)
    _loop_in_memory(shaped(two), 30)
    assert one.tobytes() == two.tobytes()
    assert one["count"][0] == 30
    assert one["inner"]["past"][0, 0] == 45.0
    assert one["value"][0] > 0.0


@pytest.mark.skipif(PLAIN, reason="run as plain Python there is but one record")
def test_scalars_are_a_copy_until_they_are_put_back():
    """Nothing outside sees them before."""
    outside = np.full(5, -1)
    _loop(np.zeros(1, STATE), outside, 5)
    assert not outside.any()


@pytest.mark.skipif(PLAIN, reason="only compiled functions have types")
def test_a_field_that_is_not_there_is_refused():
    """With its name, when it is compiled."""

    @kernel
    def wrong(records):
        return in_registers(records[0]).nothing

    with pytest.raises(Exception, match="Unknown attribute 'nothing'"):
        wrong(np.zeros(1, STATE))


WORDS = [("seen", "<i8"), ("settles", "<i8")]
TWO = np.dtype([("one", np.dtype([("value", "<f8"), *WORDS])), ("two", np.dtype(WORDS)), ("more", "<f8")], align=True)


@kernel
def _settled_are(records, answers):
    for n in range(records.size):
        answers[n] = is_settled(records[n])
        answers[n] &= is_settled(in_registers(records[n])) == is_settled(records[n])


def test_what_is_made_of_others_has_settled_when_all_have():
    """Each must have seen something, and as much as it takes."""
    records, answers = np.zeros(4, TWO), np.zeros(4, np.bool_)
    records["one"]["seen"], records["two"]["seen"] = (3, 2, 0, 3), (9, 9, 9, 8)
    records["one"]["settles"], records["two"]["settles"] = (3, 3, 0, 3), 9
    _settled_are(shaped(records), answers)
    assert answers.tolist() == [True, False, False, False]


@kernel
def _are_copied(one, two):
    return is_all_copied(in_settled_registers(one[0])), is_all_copied(in_settled_registers(two[0])), is_all_copied(one)


@pytest.mark.skipif(PLAIN, reason="run as plain Python nothing is copied")
def test_arrays_are_not_copied():
    """Nor are those of nested records; and what is no copy is at home altogether."""
    inner = np.dtype([("past", "<f8", (4,)), *WORDS])
    assert _are_copied(np.zeros(1, TWO), np.zeros(1, [("inner", inner), ("more", "<f8")])) == (True, False, False)


@kernel
def _guarded(state):
    if unsettled(state, state.count > 3):
        return -1
    return state.count


@kernel
def _ask(records):
    return _guarded(in_registers(records[0])), _guarded(in_settled_registers(records[0]))


@pytest.mark.skipif(PLAIN, reason="run as plain Python nothing is left out")
def test_what_is_unsettled_is_not_asked_in_settled_registers():
    """A promise that does not hold is not noticed: the branch is not there."""
    records = np.zeros(1, STATE)
    records["count"] = 7
    assert _ask(records) == (-1, 7)
