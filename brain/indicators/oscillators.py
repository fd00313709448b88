"""Where it stands in its range, 0 to 100: Stochastic, StochRSI, Williams %R, MFI.  One candle in, O(1)."""

import math

from brain.indicators.indicator import CLOSE, LIMIT, RANGE, TRADED, Indicator, state_of
from brain.indicators.momentum import RSI, rsi
from brain.indicators.trend import FADE_WILDER, SMA, sma
from brain.indicators.windows import (
    EXTREMES,
    TOTALS,
    count,
    extremes,
    is_any_odd,
    restart,
    slide_extremes,
    slide_shares,
    totals,
)  # fmt: skip
from shm.jit import inlined, kernel
from shm.lanes import chosen
from shm.registers import outlined, unsettled

# A market that stands still moves in the last bits: of the mean of three prices, and of an RSI.
STILL, STILL_RSI = 1e-13, 1e-9

STOCHASTIC = state_of(("span", EXTREMES), ("k", SMA), ("d", SMA))
STOCHASTIC_RSI = state_of(("strength", RSI), ("span", EXTREMES), ("d", SMA))
WILLIAMS = EXTREMES
MFI = state_of("typical_last", ("money", TOTALS))


@inlined
def place_of(x, highest, lowest):
    """Where ``x`` lies from the lowest (0) to the highest (100); 0 where there is no range, as TA-Lib says."""
    span = highest - lowest
    return chosen(span == 0.0, 0.0, 100.0 * ((x - lowest) / span))


@inlined
def stochastic(state, candle, fast_period, slow_period, signal_period):
    """Place of the close in the range of ``fast_period``, averaged: (k, d), 0 to 100; NaN before each."""
    high, low, close = candle.high, candle.low, candle.close
    if unsettled(state, (state.d.warm == 0) | is_any_odd(high, low, close)):
        return _begin_stochastic(state, high, low, close, (fast_period, slow_period, signal_period))
    # the last of the three windows is full; they are not counted any further
    highest, lowest = slide_extremes(state.span, high, low, fast_period)
    k = slide_shares(state.k, place_of(close, highest, lowest), slow_period) * state.k.share
    d = slide_shares(state.d, k, signal_period) * state.d.share
    state.seen += 1
    return k, d


@outlined
def _begin_stochastic(state, high, low, close, periods):
    high = high if abs(close) < LIMIT else math.nan
    highest, lowest = extremes(state.span, high, low, periods[0])
    k = sma(state.k, place_of(close, highest, lowest), periods[1])
    d = sma(state.d, k, periods[2])
    count(state, state.span.seen > 0, periods[0] + periods[1] + periods[2] - 2)
    return k, d


@kernel
def stochastic_rsi(state, close, period, fast_period, signal_period):
    """Place of the RSI in its own range of ``fast_period``, and its average: (k, d), 0 to 100; NaN before each."""
    strength = rsi(state.strength, close, period)
    highest, lowest = extremes(state.span, strength, strength, fast_period)
    k = 0.0 if highest - lowest <= STILL_RSI else place_of(strength, highest, lowest)
    d = sma(state.d, k, signal_period)
    count(state, abs(close) < LIMIT, FADE_WILDER * period + fast_period + signal_period)
    return k, d


@inlined
def williams(state, candle, period):
    """Place of the close below the highest of ``period``, -100 to 0; NaN before."""
    close = candle.close
    highest, lowest = extremes(state, candle.high if abs(close) < LIMIT else math.nan, candle.low, period)
    span = highest - lowest
    if span == 0.0:
        return 0.0
    return -100.0 * ((highest - close) / span)


@kernel
def mfi(state, candle, period):
    """Share of the money that moved up in what moved over ``period`` changes, 0 to 100, 50 if none did; NaN before."""
    typical = (candle.high + candle.low + candle.close) / 3.0
    money = typical * candle.volume
    if not (abs(typical) < LIMIT and abs(money) < LIMIT):
        totals(state.money, math.nan, math.nan, period)
        return restart(state, True)
    before, seen = state.typical_last, state.seen
    state.typical_last = typical
    count(state, True, period + 1)
    if seen == 0:
        return math.nan
    moved = abs(typical - before) > STILL * typical
    up, both = totals(state.money, money if moved and typical > before else 0.0, money if moved else 0.0, period)
    if both != both:
        return math.nan
    # both sums round alike, but not the same
    return min(max(100.0 * up / both, 0.0), 100.0) if both > 0.0 else 50.0


@inlined
def _stochastic_step(state, settings, candle, out):
    out.k, out.d = stochastic(state, candle, settings.fast_period, settings.slow_period, settings.signal_period)


@inlined
def _stochastic_rsi_step(state, settings, candle, out):
    out.k, out.d = stochastic_rsi(state, candle.close, settings.period, settings.fast_period, settings.signal_period)


@inlined
def _williams_step(state, settings, candle, out):
    out.value = williams(state, candle, settings.period)


@inlined
def _mfi_step(state, settings, candle, out):
    out.value = mfi(state, candle, settings.period)


STOCHASTIC_INDICATOR = Indicator(
    name="stochastic",
    title="place of the close in its range",
    state=STOCHASTIC,
    step=_stochastic_step,
    steady=True,
    inputs=RANGE,
    outputs=("k", "d"),
    parameters={"fast_period": 14, "slow_period": 3, "signal_period": 3},
    first=lambda fast_period, slow_period, signal_period: (
        fast_period + slow_period - 2,
        fast_period + slow_period + signal_period - 3,
    ),
    settled=lambda fast_period, slow_period, signal_period: fast_period + slow_period + signal_period - 3,
    origin="TA-Lib STOCH",
    difference="the k line is given as soon as it is defined; TA-Lib waits for d",
)

STOCHASTIC_RSI_INDICATOR = Indicator(
    name="stochastic_rsi",
    title="place of the RSI in its range",
    state=STOCHASTIC_RSI,
    step=_stochastic_rsi_step,
    inputs=CLOSE,
    outputs=("k", "d"),
    parameters={"period": 14, "fast_period": 14, "signal_period": 3},
    first=lambda period, fast_period, signal_period: (
        period + fast_period - 1,
        period + fast_period + signal_period - 2,
    ),
    settled=lambda period, fast_period, signal_period: FADE_WILDER * period + fast_period + signal_period - 1,
    origin="TA-Lib STOCHRSI",
    difference="k is given as soon as it is defined; 0 where the RSI stood still to 1e-9: TA-Lib divides rounding",
)

WILLIAMS_INDICATOR = Indicator(
    name="williams",
    title="Williams %R",
    state=WILLIAMS,
    step=_williams_step,
    inputs=RANGE,
    parameters={"period": 14},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib WILLR",
)

MFI_INDICATOR = Indicator(
    name="mfi",
    title="money flow index",
    state=MFI,
    step=_mfi_step,
    inputs=TRADED,
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: period,
    origin="TA-Lib MFI",
    difference="50 where no money moved (TA-Lib: 0 where less than 1 did); prices within 1e-13 are equal",
)
