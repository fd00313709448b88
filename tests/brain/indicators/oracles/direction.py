"""Slow, obvious twins of brain/indicators/direction.py."""

import math

from tests.brain.indicators.oracles.plain import column, ranges, smoothed


def adx(candles, period):
    """Wilder's sums: of ``period`` - 1 moves, then a ``period``-th is taken out before each is added."""
    high, low = column(candles, "high"), column(candles, "low")
    reach = ranges(candles)
    plus = minus = total = 0.0
    index, up_out, down_out, strengths = [math.nan], [math.nan], [math.nan], []
    for n in range(1, len(high)):
        up, down = high[n] - high[n - 1], low[n - 1] - low[n]
        keep = 1.0 - 1.0 / period if n >= period else 1.0
        plus = plus * keep + (up if up > max(down, 0.0) else 0.0)
        minus = minus * keep + (down if down > max(up, 0.0) else 0.0)
        total = total * keep + reach[n]
        if n < period:
            up_out.append(math.nan)
            down_out.append(math.nan)
            index.append(math.nan)
            continue
        up_out.append(100.0 * plus / total if total else 0.0)
        down_out.append(100.0 * minus / total if total else 0.0)
        moved = plus + minus > 0.0
        if len(strengths) < period:
            strengths.append(100.0 * abs(plus - minus) / (plus + minus) if moved else 0.0)
            index.append(math.fsum(strengths) / period if len(strengths) == period else math.nan)
        else:
            before = index[-1]
            strength = 100.0 * abs(plus - minus) / (plus + minus) if moved else before
            index.append(before + (strength - before) / period)
    return index, up_out, down_out


def aroon(candles, period):
    """Count back from the end of each window to its newest extreme."""
    high, low = column(candles, "high"), column(candles, "low")
    down, up = [math.nan] * min(period, len(high)), [math.nan] * min(period, len(high))
    for n in range(period, len(high)):
        newest_first = range(n, n - period - 1, -1)
        since_high = min(newest_first, key=lambda k: (-high[k], n - k))
        since_low = min(newest_first, key=lambda k: (low[k], n - k))
        up.append(100.0 * (period - (n - since_high)) / period)
        down.append(100.0 * (period - (n - since_low)) / period)
    return down, up, [a - b for a, b in zip(up, down, strict=True)]


def sar(candles, step, step_max):
    """The stop comes nearer by a growing share of its distance to the extreme, and never into the last two candles."""
    high, low = column(candles, "high"), column(candles, "low")
    if len(high) < 2:
        return [math.nan] * len(high), [math.nan] * len(high)
    step = min(step, step_max)
    fell, rose = low[0] - low[1], high[1] - high[0]
    is_long = not (fell > 0.0 and fell > rose)
    stop, extreme, pace = (low[0], high[1], step) if is_long else (high[0], low[1], step)
    stops, sides = [math.nan], [math.nan]
    for n in range(1, len(high)):
        before = max(n - 1, 1)
        floor, ceiling = min(low[n], low[before]), max(high[n], high[before])
        if low[n] <= stop if is_long else high[n] >= stop:
            is_long = not is_long
            stop = min(extreme, floor) if is_long else max(extreme, ceiling)
            extreme, pace = (high[n] if is_long else low[n]), step
            stops.append(stop)
        else:
            stops.append(stop)
            if high[n] > extreme if is_long else low[n] < extreme:
                extreme, pace = (high[n] if is_long else low[n]), min(pace + step, step_max)
        stop += pace * (extreme - stop)
        stop = min(stop, floor) if is_long else max(stop, ceiling)
        sides.append(1.0 if is_long else -1.0)
    return stops, sides


def supertrend(candles, period, multiplier):
    """Bands that only come nearer, until the close before has passed them."""
    close = column(candles, "close")
    reach = [math.nan, *smoothed(ranges(candles)[1:], period)][: len(close)]
    values, sides, upper, lower, side = [], [], math.nan, math.nan, 0.0
    for n, each in enumerate(candles):
        if math.isnan(reach[n]):
            values.append(math.nan)
            sides.append(math.nan)
            continue
        middle = float(each["high"] + each["low"]) / 2.0
        upper_now, lower_now = middle + multiplier * reach[n], middle - multiplier * reach[n]
        if side == 0.0:
            upper, lower, side = upper_now, lower_now, 1.0 if close[n] >= middle else -1.0
        else:
            if upper_now < upper or close[n - 1] > upper:
                upper = upper_now
            if lower_now > lower or close[n - 1] < lower:
                lower = lower_now
        if close[n] > upper:
            side = 1.0
        elif close[n] < lower:
            side = -1.0
        values.append(lower if side > 0.0 else upper)
        sides.append(side)
    return values, sides


ORACLES = {"adx": adx, "aroon": aroon, "sar": sar, "supertrend": supertrend}
