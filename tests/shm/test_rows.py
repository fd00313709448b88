"""Columns seen as rows: what is read and written, and where."""

import numpy as np
import pytest

from shm.jit import PLAIN, kernel, shaped
from shm.rows import BLOCK, COLUMNS, INPUTS, fetch, row_at, table_of

FIELDS = shaped(np.zeros(1, [("rise", "<f8"), ("twice", "<f8")]))
OUTS = shaped(np.zeros(1, [("one", "<f8"), ("two", "<f8")]))


@kernel
def _rise(where, count):
    for n in range(count):
        row = row_at(where, n, FIELDS[0], OUTS[0])
        row.rise = row.close - row.before.close
        row.one = row.high


@kernel
def _double(where, count):
    for n in range(count):
        row = row_at(where, n, FIELDS[0], OUTS[0])
        row.twice = 2 * row.rise
        row.two = row.twice + row.open


@kernel
def _fetch(where, start, end):
    for n in range(start, end):
        fetch(where, n, FIELDS[0], OUTS[0])


def market(count):
    """Return the eight columns of a market, each number of its own."""
    return tuple(np.arange(count) + 1000 * k if k in (0, 7) else np.arange(count) ** 2.0 + k for k in range(8))


def test_a_row_is_the_same_place_of_all_columns():
    """Inputs are read at ``start`` and on, answers written there, and nothing is written elsewhere."""
    columns, out, table = market(700), np.full((2, 700), -1.0), table_of(2)
    where = columns, table, out, 100
    _rise(where, 300)
    _double(where, 300)
    at = slice(100, 400)
    named = dict(zip(COLUMNS, columns, strict=True))
    assert np.array_equal(out[0, at], named["high"][at])
    assert np.array_equal(out[1, at], 2 * (named["close"][at] - named["close"][99:399]) + named["open"][at])
    assert (out[:, :100] == -1.0).all()
    assert (out[:, 400:] == -1.0).all()
    assert all(np.array_equal(column, same) for column, same in zip(columns, market(700), strict=True))


def test_a_table_has_room_for_a_block_of_each_field():
    """Its lines do not overlap."""
    table = table_of(3)
    assert table.shape[0] == 3
    assert table.shape[1] >= BLOCK
    assert INPUTS == ("open", "high", "low", "close", "volume", "taker_volume")


def test_what_is_fetched_stays_as_it_is():
    """Beyond the end too, where there is nothing of ours."""
    out = np.full((2, 700), -1.0)
    _fetch((market(700), table_of(2), out, 600), 0, 1 << 20)
    assert (out == -1.0).all()


@pytest.mark.skipif(PLAIN, reason="only compiled functions have types")
def test_inputs_are_not_written():
    """Nor is there a field that nobody has named."""

    @kernel
    def wrong(where):
        row_at(where, 0, FIELDS[0], OUTS[0]).close = 1.0

    @kernel
    def unknown(where):
        return row_at(where, 0, FIELDS[0], OUTS[0]).nothing

    for broken, why in ((wrong, "close is read, not written"), (unknown, "Unknown attribute 'nothing'")):
        with pytest.raises(Exception, match=why):
            broken((market(9), table_of(2), np.zeros((2, 9)), 0))
