"""At which prices it was traded: a rolling volume profile, its point of control and value area.

price     |  volume of the window          bins are ``width`` (a share of the price) high,
value     |  ##                            on one grid for all markets and all times:
area high |  ######                        bin k reaches from (1 + width)^k to (1 + width)^(k+1)
control   |  ##########
value     |  ########                      the area grows from the control bin, always to the
area low  |  ####                          heavier neighbour (the lower of equals), until it
          |  #                             holds ``share`` of the volume
"""

import math

from brain.indicators.indicator import LIMIT, TRADED, WINDOW, Indicator, state_of
from brain.indicators.windows import ln, restart
from shm.jit import inlined, kernel

BINS = 1024  # that a window may span; beyond it the width is too small for the market

PROFILE = state_of(
    *[(name, "<i8") for name in ("slot", "low", "high")],
    ("volumes", "<f8", (WINDOW,)),
    ("places", "<i8", (WINDOW,)),
    ("bins", "<f8", (BINS,)),
    ("counts", "<i8", (BINS,)),
)


@kernel
def profile(state, candle, period, width, share):
    """Return (control, area high, area low) of the last ``period`` candles, each at its typical price.

    NaN before, where nothing was traded, and where the window spans more than BINS bins.
    """
    typical = (candle.high + candle.low + candle.close) / 3.0
    volume = candle.volume
    fits = 0 < period <= state.volumes.size and 1e-6 <= width <= 1.0 and 0.0 < share <= 1.0
    if not (1e-100 < typical < LIMIT and 0.0 <= volume < LIMIT and fits):
        return restart(state, fits), math.nan, math.nan
    if state.seen == 0:
        _empty(state, period)
    slot = state.slot
    if state.seen >= period:
        _take_out(state, state.places[slot], state.volumes[slot])
    place = math.floor(ln(typical) / ln(1.0 + width))
    _put_in(state, place, volume)
    state.places[slot], state.volumes[slot] = place, volume
    state.slot = slot + 1 if slot + 1 < period else 0
    state.seen += 1
    if state.seen < period:
        return math.nan, math.nan, math.nan
    if state.slot == 0:
        _recount(state, period)
    low, high = _span(state, period)
    if high - low >= BINS:
        return math.nan, math.nan, math.nan
    return _measure(state, low, high, width, share)


@kernel
def _empty(state, period):
    state.slot, state.settles = 0, period
    for n in range(BINS):
        state.bins[n], state.counts[n] = 0.0, 0


@kernel
def _put_in(state, place, volume):
    if volume > 0.0:
        state.counts[place & (BINS - 1)] += 1
        state.bins[place & (BINS - 1)] += volume


@kernel
def _take_out(state, place, volume):
    if volume > 0.0:
        n = place & (BINS - 1)
        state.counts[n] -= 1
        # an empty bin is empty, whatever rounding left in it
        state.bins[n] = state.bins[n] - volume if state.counts[n] > 0 else 0.0


@kernel
def _recount(state, period):
    # once a window: rounding does not add up
    for n in range(period):
        state.bins[state.places[n] & (BINS - 1)] = 0.0
    for n in range(period):
        state.bins[state.places[n] & (BINS - 1)] += state.volumes[n]


@kernel
def _span(state, period):
    low, high = state.places[0], state.places[0]
    for n in range(1, period):
        low, high = min(low, state.places[n]), max(high, state.places[n])
    return low, high


@kernel
def _measure(state, low, high, width, share):
    control, traded = low, 0.0
    for place in range(low, high + 1):
        volume = state.bins[place & (BINS - 1)]
        traded += volume
        # a whisker: equals that were summed in another order are equal
        if volume > state.bins[control & (BINS - 1)] * (1.0 + 1e-12):
            control = place
    if not traded > 0.0:
        return math.nan, math.nan, math.nan
    bottom, top, held = control, control, state.bins[control & (BINS - 1)]
    while held < share * traded * (1.0 - 1e-12) and (bottom > low or top < high):
        below = state.bins[(bottom - 1) & (BINS - 1)] if bottom > low else -1.0
        above = state.bins[(top + 1) & (BINS - 1)] if top < high else -1.0
        if (above > below * (1.0 + 1e-12) and above >= 0.0) or below < 0.0:
            top += 1
            held += above
        else:
            bottom -= 1
            held += below
    ratio = 1.0 + width
    return _power(ratio, control) * math.sqrt(ratio), _power(ratio, top + 1), _power(ratio, bottom)


@kernel
def _power(base, exponent):
    value, left = 1.0, abs(exponent)
    while left > 0:
        if left & 1:
            value *= base
        base *= base
        left >>= 1
    return value if exponent >= 0 else 1.0 / value


@inlined
def _profile_step(state, settings, candle, out):
    out.control, out.area_high, out.area_low = profile(state, candle, settings.period, settings.width, settings.share)


PROFILE_INDICATOR = Indicator(
    name="volume_profile",
    title="rolling volume profile: point of control and value area",
    state=PROFILE,
    step=_profile_step,
    inputs=TRADED,
    outputs=("control", "area_high", "area_low"),
    parameters={"period": 120, "width": 0.0005, "share": 0.7},
    first=lambda period, width, share: period - 1,
    settled=lambda period, width, share: period - 1,
    origin="Steidlmayer's, each candle at its typical price",
)
