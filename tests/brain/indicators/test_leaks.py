"""Planted kernels that look at tomorrow, or never forget their start: the detectors that clear ours catch each."""

import importlib
import pkgutil

import numpy as np
import pytest

import brain.indicators
from brain.indicators import runs
from brain.indicators.indicator import array_form
from brain.strategies import loader
from shm.jit import kernel
from tests.brain.indicators.sweep import ALL, CUTS, CUTS_ALL, another, depends_on_the_start, flowing, sees_the_future
from tests.brain.market import walk

BEGINS = (17, 100, 237, 391)


@kernel
def _centred(candles, out):
    for n in range(1, candles.size - 1):
        out[n] = (candles[n - 1].close + candles[n].close + candles[n + 1].close) / 3.0


@kernel
def _standardised(candles, out):
    # the mean of all, tomorrow's too
    total = 0.0
    for candle in candles:
        total += candle.close
    for n in range(candles.size):
        out[n] = candles[n].close - total / candles.size


@kernel
def _of_the_most(candles, out):
    most = 0.0
    for candle in candles:
        most = max(most, candle.high)
    for n in range(candles.size):
        out[n] = candles[n].close / most


@kernel
def _of_the_length(candles, out):
    for n in range(candles.size):
        out[n] = n / candles.size


@kernel
def _opened_tomorrow(candles, out):
    for n in range(candles.size - 1):
        out[n] = candles[n + 1].open - candles[n].close


@kernel
def _turned_tomorrow(candles, out):
    # a sign: no price of tomorrow shows through
    for n in range(candles.size - 1):
        out[n] = 1.0 if candles[n + 1].close > candles[n + 1].open else -1.0


@kernel
def _traded_tomorrow(candles, out):
    for n in range(candles.size - 1):
        out[n] = candles[n + 1].taker_volume > 0.5 * candles[n + 1].volume


@kernel
def _peaks(candles, out):
    # stamped on the peak, not on the candle that confirms it
    for n in range(1, candles.size - 1):
        out[n] = candles[n].close if candles[n - 1].close < candles[n].close > candles[n + 1].close else 0.0


@kernel
def _swings(candles, out):
    # five candles on either side, stamped on its own
    for n in range(5, candles.size - 5):
        out[n] = 1.0
        for near in range(n - 5, n + 6):
            if candles[near].high > candles[n].high:
                out[n] = 0.0


@kernel
def _longer(candles, out):
    # the quarter hour's close, read before it has closed
    for n in range(candles.size):
        out[n] = candles[min(n - n % 15 + 14, candles.size - 1)].close


@kernel
def _backwards(candles, out):
    # an exponential average that was run from the end
    value = candles[candles.size - 1].close
    for n in range(candles.size - 1, -1, -1):
        value += 0.1 * (candles[n].close - value)
        out[n] = value


@kernel
def _filled(candles, out):
    # what is not known yet is filled in from behind
    for n in range(candles.size):
        out[n] = candles[max(n, candles.size // 2 + 7)].close


@kernel
def _rarely(candles, out):
    # only where much was traded: one candle in fifty
    for n in range(candles.size - 1):
        out[n] = candles[n + 1].close if candles[n].volume > 9.8 else candles[n].close


LEAKS = (_centred, _standardised, _of_the_most, _of_the_length, _opened_tomorrow, _turned_tomorrow, _traded_tomorrow)
LEAKS += (_peaks, _swings, _longer, _backwards, _filled, _rarely)


@kernel
def _cumulative(candles, out):
    # the mean since the data began: blind to tomorrow, but it never forgets its start
    total = 0.0
    for n in range(candles.size):
        total += candles[n].close
        out[n] = total / (n + 1)


@kernel
def _highest(candles, out):
    # the highest ever seen: a later start may not have seen it
    most = 0.0
    for n in range(candles.size):
        most = max(most, candles[n].high)
        out[n] = most


@kernel
def _hasty(candles, out):
    # an average over a thousand that claims to have settled after twenty
    value = candles[0].close
    for n in range(candles.size):
        value += (candles[n].close - value) * 0.001
        out[n] = value


@kernel
def _counting(candles, out):
    # every third candle since the start
    for n in range(candles.size):
        out[n] = n % 3


STARTS = (_cumulative, _highest, _hasty, _counting)


def planted(loop):
    """Return a leaking array kernel in the shape of an indicator; it claims to settle after 20."""

    def function(candles):
        out = np.zeros(len(candles), [("value", "<f8")])
        loop(np.ascontiguousarray(candles), out["value"])
        return out, np.arange(len(candles)) >= 20

    return function


@pytest.mark.parametrize("loop", LEAKS, ids=lambda loop: loop.__name__)
def test_a_planted_leak_is_seen(loop):
    """Kernels that look at tomorrow are caught by the very sweep that clears ours."""
    candles = flowing(walk(600))
    caught = sees_the_future(planted(loop), candles, CUTS, [another]), sees_the_future(planted(loop), candles, CUTS_ALL)
    assert caught != (-1, -1)


@pytest.mark.parametrize("loop", STARTS, ids=lambda loop: loop.__name__)
def test_a_planted_start_is_seen(loop):
    """A kernel that claims to have settled and has not is caught by the detector that clears ours, and only by it."""
    candles = flowing(walk(600))
    assert sees_the_future(planted(loop), candles, CUTS_ALL) == -1
    assert depends_on_the_start(planted(loop), candles, BEGINS) >= 20


def called(function):
    """Yield the kernels that ``function`` names."""
    codes = [function.py_func.__code__]
    while codes:
        code = codes.pop()
        codes += [inner for inner in code.co_consts if hasattr(inner, "co_names")]
        yield from (
            found for name in code.co_names if hasattr(found := function.py_func.__globals__.get(name), "py_func")
        )


def reached(roots):
    """Return every kernel that a call of ``roots`` may come to, by module and name."""
    found, left = set(), list(roots)
    while left:
        function = left.pop()
        name = (function.py_func.__module__, function.py_func.__name__)
        if name not in found:
            found.add(name)
            left += called(function)
    return found


def kernels(package):
    """Return every kernel of ``package``, found by walking it, by module and name."""
    modules = [
        importlib.import_module(f"{package.__name__}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    return {
        (module.__name__, each.py_func.__name__)
        for module in modules
        for each in vars(module).values()
        if hasattr(each, "py_func") and each.py_func.__module__ == module.__name__
    }


def test_no_kernel_escapes_the_sweep():
    """Each kernel of the package, private ones too, runs inside an indicator that is swept, or inside a strategy."""
    swept = reached(form for one in ALL.values() for form in (one.step, array_form(one)))
    decided = reached(loader.load(name).module.decide for name in loader.names())
    everything = kernels(brain.indicators)
    assert len(everything) > 150
    # the strategies' own tests rewrite their future too (test_every.py); wilder is for users' files (test_trend.py)
    # what goes through whole blocks says what the same windows say one by one, to the last bit (test_runs.py)
    whole = reached([runs.totals_over, runs.moments_over, runs.extremes_over])
    assert everything - swept - decided - whole == {("brain.indicators.trend", "wilder")}
    assert everything & (decided - swept) == {("brain.indicators.zones", "comes_back")}
