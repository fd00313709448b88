"""Four numbers at once: each lane is what a number alone would be, to the last bit."""

import math

import numpy as np
import pytest

from shm.jit import PLAIN, fused, kernel, shaped
from shm.lanes import (
    LANES,
    chained,
    chosen,
    delayed_by_one,
    lanes_of,
    numbers_of,
    root,
    three_and_one,
    turned,
)
from shm.rows import row_at, rows_at, table_of

NONE = shaped(np.zeros(1, [("none", "<f8")]))
OUTS = shaped(np.zeros(1, [(name, "<f8") for name in ("sum", "part", "root", "pick", "same")]))
NUMBERS = np.array([0.0, -0.0, 1.0, 3.0, -7.5, 1e-310, 1e300, -1e300, 0.1, 2.0, 1 / 3, 4e15])


@kernel
def _alone(where, count):
    for n in range(count):
        row = row_at(where, n, NONE[0], OUTS[0])
        _reckon(row)


@kernel
def _four(where, count):
    for n in range(0, count, LANES):
        _reckon(rows_at(where, n, NONE[0], OUTS[0]))


@kernel
def _reckon(row):
    x, y = row.high, row.low
    row.sum = 2.0 * x + (y - row.before.high * 3.0)
    row.part = 100.0 * x / y
    row.root = root(abs(x))
    row.pick = chosen(x > y, x, 50.0)
    row.same = chosen(x == y, math.nan, y)


@kernel
def _chains(out):
    value, keep = lanes_of(1.0, 0.1, -2.0, 3e10), lanes_of(0.9, 1.0, 1 / 3, 0.0)
    steps = chained(value, keep, (keep, value, three_and_one(0.7, 1e-9), value - keep))
    for n, step in enumerate((*turned(steps), delayed_by_one(value, keep))):
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = numbers_of(step)


@pytest.mark.skipif(PLAIN, reason="Python's own numbers are not divided by zero")
def test_lanes_reckon_as_numbers_do():
    """Signed zeros, the smallest numbers, what overflows and what is not a number: the same bits."""
    pairs = np.array(np.meshgrid(NUMBERS, NUMBERS)).reshape(2, -1)
    columns = tuple(np.concatenate([[1.0], pairs[k % 2]]) for k in range(8))
    answers = []
    for over in (_alone, _four):
        out = np.zeros((5, columns[0].size))
        with np.errstate(all="ignore"):
            over((columns, table_of(1), out, 1), pairs.shape[1])
        answers.append(out)
    assert pairs.shape[1] % LANES == 0
    # a NaN made by a division has no sign that anybody promises
    assert np.array_equal(np.isnan(answers[0]), np.isnan(answers[1]))
    assert np.nan_to_num(answers[0], nan=1.0).tobytes() == np.nan_to_num(answers[1], nan=1.0).tobytes()


def test_four_chains_are_four_times_one_chain():
    """Turned, each column is one chain after each of four steps."""
    out = np.zeros((5, 4))
    _chains(out)
    values, keeps = (1.0, 0.1, -2.0, 3e10), (0.9, 1.0, 1 / 3, 0.0)
    for n, (value, keep) in enumerate(zip(values, keeps, strict=True)):
        found = [value]
        for share in (keep, value, 1e-9 if n == LANES - 1 else 0.7, value - keep):
            found.append(_fused(found[-1], keep, share))
        assert out[n].tolist() == found[1:]
    assert out[4].tolist() == [3e10, 0.9, 1.0, 1 / 3]


@kernel
def _fused(a, b, c):
    return fused(a, b, c)
