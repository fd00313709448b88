"""Bands around the price: Bollinger, Donchian, Keltner, Ichimoku.  One candle in, O(1)."""

import math

from brain.indicators.indicator import LIMIT, RANGE, Indicator, state_of
from brain.indicators.trend import EMA, FADE, ema
from brain.indicators.volatility import ATR, atr
from brain.indicators.windows import DELAY, EXTREMES, MOMENTS, count, delayed, extremes, moments
from shm.jit import inlined, kernel
from shm.lanes import root

BOLLINGER = MOMENTS
DONCHIAN = EXTREMES
KELTNER = state_of(("middle", EMA), ("reach", ATR))
ICHIMOKU = state_of(
    ("short", EXTREMES), ("medium", EXTREMES), ("long", EXTREMES), ("lead_one", DELAY), ("lead_two", DELAY)
)


@inlined
def bollinger(state, close, period, width):
    """Mean of the last ``period`` and ``width`` standard deviations around it: (upper, middle, lower); NaN before."""
    mean, variance = moments(state, close, period)
    return bands_of(mean, variance, width)


@inlined
def bands_of(mean, variance, width):
    """``width`` deviations around the mean: (upper, middle, lower)."""
    reach = width * root(variance)
    return mean + reach, mean, mean - reach


@inlined
def donchian(state, candle, period):
    """Highest high and lowest low of the last ``period``: (upper, middle, lower); NaN before."""
    upper, lower = extremes(state, candle.high, candle.low, period)
    return upper, 0.5 * (upper + lower), lower


@kernel
def keltner(state, candle, period, range_period, width):
    """Exponential average of the typical price and ``width`` average true ranges around it: (upper, middle, lower)."""
    sound = abs(candle.high) < LIMIT and abs(candle.low) < LIMIT and abs(candle.close) < LIMIT
    typical = (candle.high + candle.low + candle.close) / 3.0
    middle = ema(state.middle, typical if sound else math.nan, period)
    reach = width * atr(state.reach, candle, range_period)
    count(state, sound, max(FADE * period, 21 * range_period + 1))
    return middle + reach, middle + 0.0 * reach, middle - reach


@kernel
def ichimoku(state, candle, spans, displacement):
    """What a chart shows under this candle: (conversion, base, leading one, leading two); NaN before each.

    ``spans`` are the three periods.  The leading pair was computed ``displacement`` candles ago.
    """
    high, low = candle.high, candle.low
    sound = abs(high) < LIMIT and abs(low) < LIMIT
    high = high if sound else math.nan
    conversion = _middle(state.short, high, low, spans[0])
    base = _middle(state.medium, high, low, spans[1])
    wide = _middle(state.long, high, low, spans[2])
    one = delayed(state.lead_one, 0.5 * (conversion + base), displacement)
    two = delayed(state.lead_two, wide, displacement)
    count(state, sound, max(spans[0], spans[1], spans[2]) + displacement)
    return conversion, base, one, two


@kernel
def _middle(state, high, low, period):
    top, bottom = extremes(state, high, low, period)
    return 0.5 * (top + bottom)


@inlined
def _bollinger_step(state, settings, candle, out):
    out.upper, out.middle, out.lower = bollinger(state, candle.close, settings.period, settings.width)


@inlined
def _donchian_step(state, settings, candle, out):
    out.upper, out.middle, out.lower = donchian(state, candle, settings.period)


@inlined
def _keltner_step(state, settings, candle, out):
    out.upper, out.middle, out.lower = keltner(state, candle, settings.period, settings.range_period, settings.width)


@inlined
def _ichimoku_step(state, settings, candle, out):
    spans = (settings.short_period, settings.medium_period, settings.long_period)
    out.conversion, out.base, out.leading_one, out.leading_two = ichimoku(state, candle, spans, settings.displacement)


BANDS = ("upper", "middle", "lower")

BOLLINGER_INDICATOR = Indicator(
    name="bollinger",
    title="mean and standard deviations around it",
    state=BOLLINGER,
    step=_bollinger_step,
    steady=True,
    outputs=BANDS,
    parameters={"period": 20, "width": 2.0},
    first=lambda period, width: period - 1,
    settled=lambda period, width: period - 1,
    origin="TA-Lib BBANDS",
    difference="exact to 1e-9 of the price after any number of candles; TA-Lib's variance drifts",
)

DONCHIAN_INDICATOR = Indicator(
    name="donchian",
    title="highest high and lowest low",
    state=DONCHIAN,
    step=_donchian_step,
    inputs=("high", "low"),
    outputs=BANDS,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib DONCHIAN",
)

KELTNER_INDICATOR = Indicator(
    name="keltner",
    title="exponential average of the typical price and average ranges around it",
    state=KELTNER,
    step=_keltner_step,
    inputs=RANGE,
    outputs=BANDS,
    parameters={"period": 20, "range_period": 10, "width": 2.0},
    first=lambda period, range_period, width: max(period - 1, range_period),
    settled=lambda period, range_period, width: max(FADE * period - 1, 21 * range_period),
    origin="TA-Lib KC",
)

ICHIMOKU_INDICATOR = Indicator(
    name="ichimoku",
    title="middles of three ranges, two of them led",
    state=ICHIMOKU,
    step=_ichimoku_step,
    inputs=("high", "low"),
    outputs=("conversion", "base", "leading_one", "leading_two"),
    parameters={"short_period": 9, "medium_period": 26, "long_period": 52, "displacement": 26},
    first=lambda short_period, medium_period, long_period, displacement: (
        short_period - 1,
        medium_period - 1,
        max(short_period, medium_period) - 1 + displacement,
        long_period - 1 + displacement,
    ),
    settled=lambda short_period, medium_period, long_period, displacement: (
        max(short_period, medium_period, long_period) + displacement - 1
    ),
    origin="Hosoda's, as charts draw it",
    difference="no lagging line: it is the close, drawn where it was not yet known",
)
