"""How fast it moves: RSI, rate of change, CCI, TSI, awesome oscillator.  One candle in, O(1)."""

import math

from brain.indicators.indicator import LIMIT, RANGE, WINDOW, Indicator, state_of
from brain.indicators.trend import EMA, FADE, FADE_WILDER, SMA, ema, sma
from brain.indicators.windows import DELAY, TOTAL, count, delayed, is_odd, restart
from shm.jit import fused, inlined, kernel
from shm.lanes import chosen
from shm.registers import outlined, unsettled

RSI = state_of("gain", "loss", "share", "keep", "close_last")
ROC = DELAY
CCI = state_of("last", ("same", "<i8"), ("slot", "<i8"), ("past", "<f8", (WINDOW,)), ("average", TOTAL))
TSI = state_of("close_last", *[(name, EMA) for name in ("move", "move_smooth", "reach", "reach_smooth")])
AO = state_of(("fast", SMA), ("slow", SMA))


@inlined
def rsi(state, close, period):
    """Wilder's relative strength index, 0 to 100; NaN until ``period`` changes were seen.

    As TA-Lib's, except in a market that has not moved at all: there it says 0, we say 50.
    """
    if unsettled(state, (state.warm == 0) | is_odd(close)):
        return _seed_rsi(state, close, period)
    gain, loss = moves(close, state.close_last, state.share)
    gain, loss = fade_moves(state, gain, loss)
    state.close_last = close
    state.seen += 1
    return strength(gain, loss)


@inlined
def moves(close, before, share):
    """How far it went up and how far down, ``share`` of each; one of them is 0."""
    change = close - before
    up = max(change, 0.0)
    return up * share, (up - change) * share


@inlined
def fade_moves(state, gain, loss):
    """Both averages of an RSI once the newest shares are in."""
    gain, loss = fused(state.gain, state.keep, gain), fused(state.loss, state.keep, loss)
    state.gain, state.loss = gain, loss
    return gain, loss


@inlined
def strength(gain, loss):
    """Share of the gain in both, 0 to 100."""
    # A flat market has neither: call it neutral rather than divide by zero.
    both = gain + loss
    share = 100.0 * gain / both
    return chosen(both > 0.0, share, 50.0)


@outlined
def _seed_rsi(state, close, period):
    if not abs(close) < LIMIT or period < 1:
        return restart(state, period >= 1)
    if state.seen <= 0:
        # each change keeps (period-1)/period of an error: 21 periods leave 8e-10 of it
        state.seen, state.gain, state.loss, state.settles = 0, 0.0, 0.0, FADE_WILDER * period + 1
        state.share, state.keep = 1.0 / period, 1.0 - 1.0 / period
    else:
        change = close - state.close_last
        state.gain += (max(change, 0.0) - state.gain) / state.seen
        state.loss += (max(-change, 0.0) - state.loss) / state.seen
    state.close_last = close
    state.seen += 1
    state.warm = state.seen // (period + 1)
    return strength(state.gain, state.loss) if state.warm else math.nan


@kernel
def roc(state, close, period):
    """Change over ``period`` candles in per cent of the older close, 0 where that is 0; NaN before."""
    past = delayed(state, close, period)
    if past == 0.0:
        return 0.0
    return 100.0 * (close / past - 1.0)


@kernel
def cci(state, candle, period):
    """Typical price against its mean, in 0.015 mean deviations, 0 where there is none; NaN before.

    The mean deviation looks at all ``period`` candles each time, as TA-Lib's does.
    """
    typical = (candle.high + candle.low + candle.close) / 3.0
    mean = sma(state.average, typical, period)
    state.seen, state.settles = state.average.seen, state.average.settles
    if state.seen < 1:
        return math.nan
    if state.seen == 1:
        state.slot, state.same = 0, 0
    state.same = state.same + 1 if typical == state.last else 1
    state.last, state.past[state.slot] = typical, typical
    state.slot = state.slot + 1 if state.slot + 1 < period else 0
    if mean != mean:
        return math.nan
    deviation = 0.0
    for n in range(period):
        deviation += abs(state.past[n] - mean)
    # what has not moved at all has no deviation, whatever the rounding says
    return (typical - mean) / (0.015 * deviation / period) if deviation > 0.0 and state.same < period else 0.0


@kernel
def tsi(state, close, long_period, short_period):
    """True strength: the change smoothed twice over its size smoothed twice, -100 to 100; NaN before."""
    sound = abs(close) < LIMIT
    change = close - state.close_last if sound and state.seen > 0 else math.nan
    state.close_last = close
    count(state, sound, 13 * (long_period + short_period) + 1)
    if not sound or change == change:
        move = ema(state.move_smooth, ema(state.move, change, long_period), short_period)
        size = ema(state.reach_smooth, ema(state.reach, abs(change), long_period), short_period)
        if size == size:
            return 100.0 * (move / size) if size > 0.0 else 0.0
    return math.nan


@kernel
def awesome(state, candle, fast_period, slow_period):
    """Mean of the last ``fast_period`` middles less that of the last ``slow_period``; NaN before."""
    middle = 0.5 * (candle.high + candle.low)
    count(state, abs(middle) < LIMIT, max(fast_period, slow_period))
    return sma(state.fast, middle, fast_period) - sma(state.slow, middle, slow_period)


@inlined
def _rsi_step(state, settings, candle, out):
    out.value = rsi(state, candle.close, settings.period)


@inlined
def _roc_step(state, settings, candle, out):
    out.value = roc(state, candle.close, settings.period)


@inlined
def _cci_step(state, settings, candle, out):
    out.value = cci(state, candle, settings.period)


@inlined
def _tsi_step(state, settings, candle, out):
    out.value = tsi(state, candle.close, settings.long_period, settings.short_period)


@inlined
def _awesome_step(state, settings, candle, out):
    out.value = awesome(state, candle, settings.fast_period, settings.slow_period)


RSI_INDICATOR = Indicator(
    name="rsi",
    title="relative strength index",
    state=RSI,
    step=_rsi_step,
    steady=True,
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: FADE_WILDER * period,
    origin="TA-Lib RSI",
    difference="50, not 0, in a market that has never moved",
)

ROC_INDICATOR = Indicator(
    name="roc",
    title="rate of change in per cent",
    state=ROC,
    step=_roc_step,
    parameters={"period": 10},
    first=lambda period: period,
    settled=lambda period: period,
    origin="TA-Lib ROC",
)

CCI_INDICATOR = Indicator(
    name="cci",
    title="commodity channel index",
    state=CCI,
    step=_cci_step,
    inputs=RANGE,
    parameters={"period": 14},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib CCI",
)

TSI_INDICATOR = Indicator(
    name="tsi",
    title="true strength index",
    state=TSI,
    step=_tsi_step,
    parameters={"long_period": 25, "short_period": 13},
    first=lambda long_period, short_period: long_period + short_period - 1,
    settled=lambda long_period, short_period: 13 * (long_period + short_period),
    origin="TA-Lib TSI",
)

AO_INDICATOR = Indicator(
    name="awesome",
    title="awesome oscillator",
    state=AO,
    step=_awesome_step,
    inputs=("high", "low"),
    parameters={"fast_period": 5, "slow_period": 34},
    first=lambda fast_period, slow_period: max(fast_period, slow_period) - 1,
    settled=lambda fast_period, slow_period: max(fast_period, slow_period) - 1,
    origin="TA-Lib AO",
)

assert FADE < 13, "an average of averages is slower to forget than one"
