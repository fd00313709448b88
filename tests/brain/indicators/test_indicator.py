"""Every indicator, found by walking the package: equal to a slow oracle, blind to tomorrow, free of its start."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from brain.diagnosis import KernelError
from brain.indicators.indicator import (
    LIMIT,
    NEVER,
    WINDOW,
    ParameterError,
    array_form,
    catalogue,
    columns_of,
    holes,
    over,
    record_of,
    walked,
    widen,
)  # fmt: skip
from brain.indicators.trend import SMA
from shm.jit import kernel
from shm.records import MARKET
from tests.brain.indicators.sweep import (
    ALL,
    CASES,
    CUTS,
    CUTS_ALL,
    ORACLES,
    PRICES,
    another,
    depends_on_the_start,
    expected,
    flowing,
    indicator_of,
    looped,
    sees_the_future,
    size,
)  # fmt: skip
from tests.brain.market import walk

MARKETS = 500


def test_every_indicator_has_an_oracle():
    """A new one cannot land without its slow, obvious twin, nor stay behind one that is gone."""
    assert ALL.keys() == ORACLES.keys()
    assert len(ALL) >= 44


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_it_equals_its_oracle(name, parameters):
    """Within 1e-9 of the scale, and undefined exactly until ``first``."""
    candles = flowing(walk(MARKETS))
    candles["high"][100:130] = candles["low"][100:130] = candles["close"][100:130] = candles["open"][100:130] = 50_000.0
    candles["volume"][110:140] = candles["taker_volume"][110:140] = candles["trades"][110:140] = 0
    values, _ = walked(ALL[name], candles, dict(parameters))
    firsts = ALL[name].firsts(dict(parameters))
    for output, first, column in zip(ALL[name].outputs, firsts, expected(name, candles, dict(parameters)), strict=True):
        mine = values[output]
        if first is not None:
            assert np.isnan(mine[:first]).all()
            assert first >= MARKETS or np.isfinite(mine[first])
        assert np.array_equal(np.isnan(mine), np.isnan(column))
        worst = np.nanmax(np.abs(mine - column), initial=0.0)
        assert worst <= 1e-9 * size(column)


@pytest.mark.parametrize("name", ALL)
def test_the_future_changes_nothing(name):
    """Other candles from anywhere on, or none at all, leave every value before bit for bit."""
    candles = flowing(walk(600))
    function = indicator_of(name, tuple(CASES_SHORT[name].items()))
    assert sees_the_future(function, candles, CUTS, [another]) == -1
    assert sees_the_future(function, candles, CUTS_ALL) == -1
    other = candles.copy()
    another(other, 300)
    assert function(candles)[0][301:].tobytes() != function(other)[0][301:].tobytes()


@pytest.mark.parametrize("name", ALL)
def test_it_streams(name):
    """Given one candle at a time, as in a session, it says bit for bit what it says of all of them at once."""
    candles, one = flowing(walk(400)), ALL[name]
    whole, whole_settled = walked(one, candles, {})
    loop, settings, state = looped(one), record_of(one.parameters), np.zeros(1, one.state)
    settled = np.zeros(len(candles), np.bool_)
    columns, parts = columns_of(candles), [*range(300), 307, 350, len(candles)]
    for start, end in pairwise(parts):
        lines = np.zeros((len(one.outputs), end - start))
        loop(state, settings, tuple(column[start:end] for column in columns), lines, settled[start:end])
        for name_of_output, line in zip(one.outputs, lines, strict=True):
            assert line.tobytes() == whole[name_of_output][start:end].tobytes()
    assert np.array_equal(settled, whole_settled)


@pytest.mark.parametrize("name", ALL)
def test_the_start_is_forgotten_when_it_says_so(name):
    """Data that began later gives the same values from where the state says that it has settled, and it does settle."""
    candles = flowing(walk(3000, seed=3))
    one = ALL[name]
    for parameters in (dict(one.parameters), CASES_SHORT[name]):
        function = indicator_of(name, tuple(parameters.items()))
        begins = [17, 100, 237, 391, 500, 777]
        assert depends_on_the_start(function, candles, begins, one.accumulates) == -1
        settled = function(candles)[1]
        assert settled[-1]
        first = int(np.flatnonzero(settled)[0])
        assert settled[first:].all()
        if one.settled is not None:
            assert first == one.settled(**parameters)


CASES_SHORT = {name: dict(parameters) for name, parameters in reversed(CASES) if ("period", 1) not in parameters}


@pytest.mark.parametrize("name", ALL)
def test_a_hole_makes_it_cold(name):
    """NaN or an infinity in any input gives NaN, and what follows is what a fresh start gives."""
    candles = flowing(walk(400))
    for field in ALL[name].inputs:
        if field == "trades":
            continue
        for odd in (np.nan, np.inf, -np.inf, 10.0 * LIMIT):
            holed = candles.copy()
            holed[field][200] = odd
            values, settled = walked(ALL[name], holed, {})
            fresh, fresh_settled = walked(ALL[name], candles[201:], {})
            assert all(np.isnan(values[output][200]) for output in values.dtype.names)
            assert values[201:].tobytes() == fresh.tobytes()
            assert np.array_equal(settled[201:], fresh_settled)


@pytest.mark.parametrize("name", ALL)
def test_a_gap_makes_it_cold(name):
    """A candle that does not follow on the one before is a fresh start."""
    candles = flowing(walk(400))
    gapped = np.concatenate([candles[:150], candles[190:]])
    assert holes(gapped) == [150]
    values, _ = walked(ALL[name], gapped, {})
    assert values[150:].tobytes() == over(ALL[name], candles[190:], {}).tobytes()
    bridged, _ = walked(ALL[name], gapped, {}, bridged=True)
    assert len(bridged) == len(gapped)


@pytest.mark.parametrize("name", ALL)
def test_odd_input_has_a_defined_answer(name):
    """Nothing, one candle, a flat market, zeros, huge and tiny prices: what the oracle says, and never an infinity."""
    one = ALL[name]
    assert len(over(one, np.zeros(0, MARKET), {})) == 0
    assert len(over(one, flowing(walk(1)), {})) == 1
    flat = flowing(walk(200))
    for field in PRICES:
        flat[field] = 7.1
    flat["volume"][100:] = flat["taker_volume"][100:] = flat["trades"][100:] = 0
    values = over(one, flat, {})
    for output, column in zip(one.outputs, expected(name, flat, dict(one.parameters)), strict=True):
        assert np.array_equal(np.isnan(values[output]), np.isnan(column))
        assert np.nanmax(np.abs(values[output] - column), initial=0.0) <= 1e-9 * size(column)
    for scale in (0.0, 1e-200, 1e80, 1e295):
        odd = flowing(walk(200))
        for field in PRICES:
            odd[field] *= scale
        values = over(one, odd, {})
        assert not any(np.isinf(values[output]).any() for output in one.outputs)


def test_a_period_that_does_not_fit_never_settles():
    """The kernel gives NaN and NEVER, and writes nowhere; ``widen`` makes room."""
    one, candles = ALL["sma"], walk(2 * WINDOW)
    loop, out = array_form(one), np.zeros((1, 2 * WINDOW))
    for period, slots, known in (
        (WINDOW + 1, WINDOW, False),
        (0, WINDOW, False),
        (-3, WINDOW, False),
        (300, 512, True),
    ):
        state, settled = np.zeros(1, widen(SMA, slots)), np.zeros(2 * WINDOW, np.bool_)
        loop(state, record_of({"period": period}), columns_of(candles), out, settled)
        assert np.isfinite(out[0, -1]) == settled[-1] == known
        assert (state["settles"][0] == NEVER) == (not known)


def test_a_parameter_that_makes_no_sense_is_refused():
    """With what would be right."""
    for chosen, why in (
        ({"periods": 3}, "ema has no parameter periods; it has period"),
        ({"period": 0}, "period must be from 1 to"),
        ({"period": 2.5}, "period must be a whole number, not 2.5"),
    ):
        with pytest.raises(ParameterError, match=why):
            over(ALL["ema"], walk(3), chosen)
    with pytest.raises(ParameterError, match="finite number of 0 or more, not nan"):
        over(ALL["bollinger"], walk(3), {"width": float("nan")})


def test_a_kernel_that_does_not_compile_is_named_with_its_line():
    """The deepest line, in this file, and the cause; before the first candle is looked at."""
    broken = replace(ALL["sma"], name="broken", step=_broken)
    line = _inner.py_func.__code__.co_firstlineno + 2
    with pytest.raises(
        KernelError, match=rf"broken does not compile: tests/brain/indicators/test_indicator.py:{line}: "
    ):
        over(broken, walk(3), {})


@kernel
def _inner(value):
    return value.nothing_of_that_name


@kernel
def _broken(state, settings, candle, out):
    out.value = _inner(candle.close)


def test_the_catalogue_is_what_the_package_holds():
    """Every indicator by its own name."""
    assert all(name == one.name for name, one in catalogue().items())


def fields(state):
    """Yield the names of a record's fields, nested ones too."""
    for name, (inner, *_) in state.fields.items():
        yield name
        if inner.names:
            yield from fields(inner)


@pytest.mark.parametrize("name", ALL)
def test_no_field_is_an_attribute_of_arrays(name):
    """Run as plain Python, for coverage, a record would answer with its method instead."""
    assert not [field for field in fields(ALL[name].state) if hasattr(np.recarray, field)]


def kinds(state):
    """Yield the type of every number in a record, nested ones too."""
    for inner, *_ in state.fields.values():
        base = inner.base
        if base.names:
            yield from kinds(base)
        else:
            yield base.str


@pytest.mark.parametrize("name", ALL)
def test_all_numbers_are_whole_or_doubles(name):
    """C6: nothing of single precision is kept, given out or taken: candles of another type do not get in."""
    values, _ = walked(ALL[name], flowing(walk(3)), {})
    assert {*kinds(ALL[name].state), *kinds(values.dtype)} <= {"<f8", "<i8"}
    single = np.dtype([(field, "<f4") for field in MARKET.names])
    with pytest.raises(AssertionError, match="MARKET records"):
        walked(ALL[name], np.zeros(3, single), {})
