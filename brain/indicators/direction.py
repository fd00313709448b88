"""Which way, and how firmly: ADX, Aroon, parabolic SAR, SuperTrend.  One candle in, O(1).

What these two carry from candle to candle is chosen by the market, so it is the market that says
when they have forgotten the start:

    SAR          two of it run, one begun long and one short; when they have shared AGREED turns,
                 nothing is left of the guess
    SuperTrend   a band is known once a fresh one replaces whatever it was:

       upper  -----.            any band from before stands above every close since the start,
       closes  /\\   '----.      or it would have been replaced: one at or below the highest close
              /  \\_ /\\    '--   is fresh, and is the band whatever came before
"""

import math

from brain.indicators.indicator import LIMIT, NEVER, RANGE, WINDOW, Indicator, state_of
from brain.indicators.trend import FADE_WILDER
from brain.indicators.volatility import ATR, atr, range_of
from brain.indicators.windows import is_any_odd, restart
from shm.jit import fused, inlined, kernel
from shm.lanes import chosen
from shm.registers import outlined, rarely, unsettled

# Turns that both must share: of 400 starts in recorded minutes 149 were still wrong after 2, 5 after 8, none after 16.
AGREED = 24
_UPPER, _LOWER = 1, 2

ADX = state_of(
    *("plus", "minus", "reach", "share", "keep", "value", "high_last", "low_last", "close_last"), ("counted", "<i8")
)
_AGED = [(name, kind, (WINDOW,)) for name, kind in (("highs", "<f8"), ("lows", "<f8"))]
_AGES = [(name, "<i8", (WINDOW,)) for name in ("highs_at", "lows_at")]
AROON = state_of("top", "bottom", ("top_at", "<i8"), ("bottom_at", "<i8"), ("slot", "<i8"), *_AGED, *_AGES)
_SAR = state_of("stop", "extreme", "pace", "side")
SAR = state_of("high_last", "low_last", ("one", _SAR), ("two", _SAR), ("agreed", "<i8"), "side_last")
SUPERTREND = state_of(
    "upper", "lower", "side", "close_last", "close_top", "close_bottom", ("known", "<i8"), ("reach", ATR)
)


@inlined
def adx(state, candle, period):
    """Wilder's directional movement: (ADX, +DI, -DI), 0 to 100; NaN until defined.

    The index is NaN for 2 ``period`` - 1 candles, the two directions for ``period``.  As TA-Lib's.
    """
    high, low, close = candle.high, candle.low, candle.close
    if unsettled(state, (state.warm == 0) | is_any_odd(high, low, close)):
        return _begin_adx(state, high, low, close, period)
    plus, minus, reach = _move(state, high, low, close, state.keep)
    strength, scale = direct(plus, minus, reach)
    return index(state, strength), plus * scale, minus * scale


@inlined
def _move(state, high, low, close, keep):
    plus, minus = steps(high, low, state.high_last, state.low_last)
    reach = range_of(high, low, state.close_last)
    state.high_last, state.low_last, state.close_last = high, low, close
    state.seen += 1
    return fade_steps(state, (plus, minus, reach), keep)


@inlined
def steps(high, low, high_last, low_last):
    """How far it reached out above and below the candle before: only the longer of the two counts."""
    up, down = high - high_last, low_last - low
    return max(up, 0.0) if up > down else 0.0, max(down, 0.0) if down > up else 0.0


@inlined
def fade_steps(state, newest, keep):
    """What went up, what went down, and the true range, each summed and fading."""
    plus, minus, reach = fused(state.plus, keep, newest[0]), fused(state.minus, keep, newest[1]), newest[2]
    reach = fused(state.reach, keep, reach)
    state.plus, state.minus, state.reach = plus, minus, reach
    return plus, minus, reach


@inlined
def direct(plus, minus, reach):
    """How one-sided the steps are, 0 to 100, and what makes shares of the range of them; NaN and 0 if nothing moved."""
    both = plus + minus
    # one division for two quotients
    area = both * reach
    share = 100.0 / area
    moved = area > 0.0
    return chosen(moved, abs(plus - minus) * reach * share, math.nan), chosen(moved, both * share, 0.0)


@inlined
def index(state, strength):
    """The average of all strengths; where nothing moved there is no direction, and it stays."""
    strength = state.value if rarely(strength != strength) else strength
    value = fused(state.value, state.keep, strength * state.share)
    state.value = value
    return value


@outlined
def _begin_adx(state, high, low, close, period):
    if not (abs(high) < LIMIT and abs(low) < LIMIT and abs(close) < LIMIT) or period < 1:
        return restart(state, period >= 1), math.nan, math.nan
    if state.seen <= 0:
        state.plus, state.minus, state.reach, state.value, state.counted = 0.0, 0.0, 0.0, 0.0, 0
        state.high_last, state.low_last, state.close_last = high, low, close
        state.share, state.keep, state.seen = 1.0 / period, 1.0 - 1.0 / period, 1
        # two of Wilder's averages, one of the other: n/p * exp(-n/p) is below 1e-9 from 24 on
        state.settles = 26 * period + 1
        return math.nan, math.nan, math.nan
    seen = state.seen
    plus, minus, reach = _move(state, high, low, close, state.keep if seen >= period else 1.0)
    if seen < period:
        return math.nan, math.nan, math.nan
    strength, scale = direct(plus, minus, reach)
    state.counted += 1
    state.value += ((strength if strength == strength else 0.0) - state.value) / state.counted
    state.warm = state.seen // (2 * period)
    return state.value if state.warm else math.nan, plus * scale, minus * scale


@kernel
def aroon(state, candle, period):
    """How long since the lowest and the highest of ``period`` + 1 candles: (down, up), 100 is now; NaN before."""
    high, low, span = candle.high, candle.low, period + 1
    if not (abs(high) < LIMIT and abs(low) < LIMIT and 1 < span <= state.highs.size):
        return restart(state, 1 < span <= state.highs.size), math.nan
    if state.seen == 0:
        state.slot, state.settles = 0, span
    seen, slot = state.seen + 1, state.slot
    state.seen = seen
    # of equals the newest counts
    if slot == 0 or high >= state.top:
        state.top, state.top_at = high, seen
    if slot == 0 or low <= state.bottom:
        state.bottom, state.bottom_at = low, seen
    state.highs[slot], state.lows[slot], state.highs_at[slot], state.lows_at[slot] = high, low, seen, seen
    slot += 1
    top_at, bottom_at = state.top_at, state.bottom_at
    if slot == span:
        slot = 0
        _look_back_aged(state, span)
    elif seen >= span:
        top_at = state.highs_at[slot] if state.highs[slot] > state.top else top_at
        bottom_at = state.lows_at[slot] if state.lows[slot] < state.bottom else bottom_at
    state.slot = slot
    if seen < span:
        return math.nan, math.nan
    scale = 100.0 / period
    return (period - (seen - bottom_at)) * scale, (period - (seen - top_at)) * scale


@kernel
def _look_back_aged(state, span):
    for n in range(span - 2, -1, -1):
        if state.highs[n + 1] >= state.highs[n]:
            state.highs[n], state.highs_at[n] = state.highs[n + 1], state.highs_at[n + 1]
        if state.lows[n + 1] <= state.lows[n]:
            state.lows[n], state.lows_at[n] = state.lows[n + 1], state.lows_at[n + 1]


@kernel
def sar(state, candle, step, step_max):
    """Wilder's parabolic stop and reverse: (stop, side); NaN for the first candle.  As TA-Lib's.

    ``step`` is how much nearer the stop comes with each new extreme, ``step_max`` its limit.
    """
    high, low = candle.high, candle.low
    if not (abs(high) < LIMIT and abs(low) < LIMIT):
        return restart(state, True), math.nan
    state.seen += 1
    if state.seen == 1:
        state.high_last, state.low_last, state.agreed, state.settles = high, low, 0, NEVER
        return math.nan, math.nan
    step = min(step, step_max)
    if state.seen == 2:
        fell = state.low_last - low
        rose = high - state.high_last
        side = -1.0 if fell > 0.0 and fell > rose else 1.0
        _begin_sar(state.one, candle, state, side, step)
        _begin_sar(state.two, candle, state, -side, step)
        state.high_last, state.low_last = high, low
    stop = _follow(state.one, candle, state, step, step_max)
    _follow(state.two, candle, state, step, step_max)
    state.high_last, state.low_last = high, low
    one, two = state.one, state.two
    if state.settles == NEVER:
        if one.side != two.side or one.stop != two.stop or one.extreme != two.extreme or one.pace != two.pace:
            state.agreed, state.side_last = 0, one.side
        elif state.agreed < AGREED:
            state.agreed += 1 if one.side != state.side_last else 0
            state.side_last = one.side
        else:
            state.settles = state.seen
    return stop, one.side


@kernel
def _begin_sar(this, candle, state, side, step):
    this.side, this.pace = side, step
    this.extreme = candle.high if side > 0.0 else candle.low
    this.stop = state.low_last if side > 0.0 else state.high_last


@kernel
def _follow(this, candle, state, step, step_max):
    high, low = candle.high, candle.low
    # the stop never lies within this candle or the one before
    high_last, low_last = (high, low) if state.seen == 2 else (state.high_last, state.low_last)
    turned = low <= this.stop if this.side > 0.0 else high >= this.stop
    if turned:
        this.side = -this.side
        limit = max(high, high_last) if this.side < 0.0 else min(low, low_last)
        stop = max(this.extreme, limit) if this.side < 0.0 else min(this.extreme, limit)
        this.extreme = low if this.side < 0.0 else high
        this.pace = step
        nearer = stop + step * (this.extreme - stop)
        this.stop = max(nearer, limit) if this.side < 0.0 else min(nearer, limit)
        return stop
    stop = this.stop
    if (high > this.extreme) if this.side > 0.0 else (low < this.extreme):
        this.extreme = high if this.side > 0.0 else low
        this.pace = min(this.pace + step, step_max)
    nearer = stop + this.pace * (this.extreme - stop)
    if this.side > 0.0:
        this.stop = min(nearer, low, low_last)
    else:
        this.stop = max(nearer, high, high_last)
    return stop


@inlined
def supertrend(state, candle, period, multiplier):
    """A stop of ``multiplier`` average ranges that only comes nearer: (stop, side); NaN until the range is defined."""
    reach = multiplier * atr(state.reach, candle, period)
    middle, close = 0.5 * (candle.high + candle.low), candle.close
    if unsettled(state, (state.side == 0.0) | (reach != reach)):
        return _begin_supertrend(state, middle, close, reach)
    lower, upper, side = follow_bands(state, middle - reach, middle + reach, (close, state.close_last))
    state.close_last = close
    state.seen += 1
    if unsettled(state, state.settles == NEVER):
        _learn(state, middle, reach)
    return lower if side > 0.0 else upper, side


@inlined
def follow_bands(state, lower, upper, closes):
    """Both bands and the side: each only comes nearer until the close before broke it."""
    close, before = closes
    nearer_upper, nearer_lower = min(upper, state.upper), max(lower, state.lower)
    upper = upper if before > state.upper else nearer_upper
    lower = lower if before < state.lower else nearer_lower
    side = -1.0 if close < lower else state.side
    side = 1.0 if close > upper else side
    state.upper, state.lower, state.side = upper, lower, side
    return lower, upper, side


@outlined
def _begin_supertrend(state, middle, close, reach):
    state.settles, state.known, state.side = NEVER, 0, 0.0
    if reach != reach:
        state.seen = state.reach.seen
        return math.nan, math.nan
    state.seen += 1
    state.upper, state.lower, state.close_last = middle + reach, middle - reach, close
    state.close_top, state.close_bottom = -LIMIT, LIMIT
    side = 1.0 if close >= middle else -1.0
    side = -1.0 if close < state.lower else side
    state.side = 1.0 if close > state.upper else side
    return state.lower if state.side > 0.0 else state.upper, state.side


@outlined
def _learn(state, middle, reach):
    # what of the bands and the side no longer hangs on where the data began
    if state.reach.seen < state.reach.settles:
        return
    state.known |= _UPPER if middle + reach <= state.close_top else 0
    state.known |= _LOWER if middle - reach >= state.close_bottom else 0
    state.close_top, state.close_bottom = (
        max(state.close_top, state.close_last),
        min(state.close_bottom, state.close_last),
    )
    broken = state.close_last > state.upper or state.close_last < state.lower
    if state.known == _UPPER | _LOWER and broken:
        state.settles = state.seen


@inlined
def _adx_step(state, settings, candle, out):
    out.value, out.plus, out.minus = adx(state, candle, settings.period)


@inlined
def _aroon_step(state, settings, candle, out):
    out.down, out.up = aroon(state, candle, settings.period)
    out.oscillator = out.up - out.down


@inlined
def _sar_step(state, settings, candle, out):
    out.value, out.side = sar(state, candle, settings.step, settings.step_max)


@inlined
def _supertrend_step(state, settings, candle, out):
    out.value, out.side = supertrend(state, candle, settings.period, settings.multiplier)


ADX_INDICATOR = Indicator(
    name="adx",
    title="directional movement: strength and both directions",
    state=ADX,
    step=_adx_step,
    steady=True,
    inputs=RANGE,
    outputs=("value", "plus", "minus"),
    parameters={"period": 14},
    first=lambda period: (2 * period - 1, period, period),
    settled=lambda period: 26 * period,
    origin="TA-Lib ADX, PLUS_DI, MINUS_DI",
)

AROON_INDICATOR = Indicator(
    name="aroon",
    title="time since the last extremes",
    state=AROON,
    step=_aroon_step,
    inputs=("high", "low"),
    outputs=("down", "up", "oscillator"),
    parameters={"period": 14},
    first=lambda period: period,
    settled=lambda period: period,
    origin="TA-Lib AROON, AROONOSC",
)

SAR_INDICATOR = Indicator(
    name="sar",
    title="parabolic stop and reverse",
    state=SAR,
    step=_sar_step,
    inputs=("high", "low"),
    outputs=("value", "side"),
    parameters={"step": 0.02, "step_max": 0.2},
    first=lambda step, step_max: 1,
    settled=None,
    origin="TA-Lib SAR",
)

SUPERTREND_INDICATOR = Indicator(
    name="supertrend",
    title="a stop of average ranges that only comes nearer",
    state=SUPERTREND,
    step=_supertrend_step,
    steady=True,
    inputs=RANGE,
    outputs=("value", "side"),
    parameters={"period": 10, "multiplier": 3.0},
    first=lambda period, multiplier: period,
    settled=None,
    origin="TA-Lib SUPERTREND",
)

assert FADE_WILDER < 26, "the index is one average deeper than the range"
