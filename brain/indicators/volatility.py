"""How far it moves: true range, its average, and realised volatility.  One candle in, O(1)."""

import math

from brain.indicators.indicator import LIMIT, RANGE, Indicator, state_of
from brain.indicators.trend import fade
from brain.indicators.windows import TOTAL, count, is_any_odd, ln, restart, total, volatility_of
from shm.jit import inlined, kernel
from shm.registers import outlined, unsettled

TRUE_RANGE = state_of("close_last")
ATR = state_of("value", "share", "keep", "close_last")
CLOSE_VOLATILITY = state_of("close_last", ("squares", TOTAL))
PARKINSON = state_of(("squares", TOTAL))
GARMAN_KLASS = PARKINSON

_LN_4 = 1.3862943611198906


@inlined
def true_range(state, candle):
    """From the highest to the lowest of this candle and the close before; NaN for the first."""
    high, low, close = candle.high, candle.low, candle.close
    if not (abs(high) < LIMIT and abs(low) < LIMIT and abs(close) < LIMIT):
        return restart(state, True)
    before = state.close_last
    state.close_last, state.settles = close, 2
    state.seen += 1
    return range_of(high, low, before) if state.seen > 1 else math.nan


@inlined
def atr(state, candle, period):
    """Wilder's average true range; NaN until ``period`` ranges were seen.

    As TA-Lib's: the first candle has no close before it, so its range does not count.
    """
    high, low, close = candle.high, candle.low, candle.close
    if unsettled(state, (state.warm == 0) | is_any_odd(high, low, close)):
        return _seed_atr(state, high, low, close, period)
    value = fade(state, range_of(high, low, state.close_last) * state.share)
    state.close_last = close
    state.seen += 1
    return value


@inlined
def range_of(high, low, before):
    """From the highest to the lowest of a candle and the close before it."""
    return max(high, before) - min(low, before)


@outlined
def _seed_atr(state, high, low, close, period):
    if not (abs(high) < LIMIT and abs(low) < LIMIT and abs(close) < LIMIT) or period < 1:
        return restart(state, period >= 1)
    if state.seen <= 0:
        # each range keeps (period-1)/period of an error: 21 periods leave 8e-10 of it
        state.seen, state.value, state.settles = 0, 0.0, 21 * period + 1
        state.share, state.keep = 1.0 / period, 1.0 - 1.0 / period
    else:
        state.value += (range_of(high, low, state.close_last) - state.value) / state.seen
    state.close_last = close
    state.seen += 1
    state.warm = state.seen // (period + 1)
    return state.value if state.warm else math.nan


@kernel
def close_volatility(state, close, period):
    """Root mean square of the last ``period`` logarithmic returns from close to close; NaN before."""
    if not 0.0 < close < LIMIT:
        total(state.squares, math.nan, period)
        return restart(state, True)
    move = ln(close / state.close_last) if state.seen > 0 else math.nan
    state.close_last = close
    count(state, True, period + 1)
    return volatility_of(total(state.squares, move * move, period) / period)


@kernel
def parkinson(state, candle, period):
    """Volatility from the logarithm of high over low, over ``period`` candles; NaN before."""
    sound = 0.0 < candle.low <= candle.high < LIMIT
    span = ln(candle.high / candle.low) if sound else math.nan
    count(state, sound, period)
    return volatility_of(total(state.squares, span * span, period) / (2.0 * _LN_4 * period))


@kernel
def garman_klass(state, candle, period):
    """Volatility from high over low and close over open, over ``period`` candles; NaN before."""
    sound = 0.0 < candle.low <= candle.high < LIMIT and 0.0 < candle.open < LIMIT and 0.0 < candle.close < LIMIT
    square = math.nan
    if sound:
        span, move = ln(candle.high / candle.low), ln(candle.close / candle.open)
        square = 0.5 * span * span - (_LN_4 - 1.0) * move * move
    count(state, sound, period)
    return volatility_of(total(state.squares, square, period) / period)


@inlined
def _true_range_step(state, settings, candle, out):
    out.value = true_range(state, candle)


@inlined
def _atr_step(state, settings, candle, out):
    out.value = atr(state, candle, settings.period)


@inlined
def _close_volatility_step(state, settings, candle, out):
    out.value = close_volatility(state, candle.close, settings.period)


@inlined
def _parkinson_step(state, settings, candle, out):
    out.value = parkinson(state, candle, settings.period)


@inlined
def _garman_klass_step(state, settings, candle, out):
    out.value = garman_klass(state, candle, settings.period)


TRUE_RANGE_INDICATOR = Indicator(
    name="true_range",
    title="true range",
    state=TRUE_RANGE,
    step=_true_range_step,
    inputs=RANGE,
    parameters={},
    first=lambda: 1,
    settled=lambda: 1,
    origin="TA-Lib TRANGE",
)

ATR_INDICATOR = Indicator(
    name="atr",
    title="average true range",
    state=ATR,
    step=_atr_step,
    steady=True,
    inputs=RANGE,
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: 21 * period,
    origin="TA-Lib ATR",
)

CLOSE_VOLATILITY_INDICATOR = Indicator(
    name="close_volatility",
    title="realised volatility a candle, close to close",
    state=CLOSE_VOLATILITY,
    step=_close_volatility_step,
    parameters={"period": 20},
    first=lambda period: period,
    settled=lambda period: period,
    origin="root mean square of logarithmic returns, about zero",
)

PARKINSON_INDICATOR = Indicator(
    name="parkinson",
    title="realised volatility a candle, from its range",
    state=PARKINSON,
    step=_parkinson_step,
    inputs=("high", "low"),
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="Parkinson 1980",
)

GARMAN_KLASS_INDICATOR = Indicator(
    name="garman_klass",
    title="realised volatility a candle, from its range and body",
    state=GARMAN_KLASS,
    step=_garman_klass_step,
    inputs=("open", "high", "low", "close"),
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="Garman and Klass 1980",
    difference="a sum below zero, which a run of bodies without wicks can give, counts as zero",
)
