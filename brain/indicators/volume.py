"""What was traded: OBV, VWAP, money flow, accumulation and distribution.  One candle in, O(1)."""

import math

from brain.indicators.indicator import LIMIT, NEVER, TRADED, Indicator, state_of
from brain.indicators.statistics import ZSCORE, zscore
from brain.indicators.windows import TALLY, TOTALS, is_odd, restart, tally, totals
from shm.jit import inlined, kernel
from shm.lanes import chosen
from shm.registers import outlined, unsettled

OBV = state_of("close_last", "value", "rest")
ACCUMULATION = TALLY
VWAP = TOTALS
SESSION_VWAP = state_of("money", "volume", ("session", "<i8"))
CMF = VWAP
VOLUME_ZSCORE = ZSCORE

DAY_S = 86_400
_SECOND_NS = 1_000_000_000


@inlined
def obv(state, close, volume):
    """On-balance volume: added where the close rose, taken away where it fell; begins with the first volume."""
    if unsettled(state, (state.warm == 0) | is_odd(close) | is_odd(volume)):
        return _begin_obv(state, close, volume)
    signed = signed_by(volume, close, state.close_last)
    state.close_last = close
    state.seen += 1
    return add_exactly(state, signed)


@inlined
def signed_by(volume, close, before):
    """The volume of a candle that rose, less that of one that fell."""
    return (volume if close > before else 0.0) - (volume if close < before else 0.0)


@inlined
def add_exactly(state, signed):
    """The sum once ``signed`` is in; what rounding takes is kept beside it."""
    before = state.value
    after = before + signed
    rest = state.rest + lost(before, signed, after)
    state.value, state.rest = after, rest
    return after + rest


@inlined
def lost(before, added, after):
    """What rounding took of ``before`` and ``added``, whose sum is ``after``."""
    seen = after - before
    return (before - (after - seen)) + (added - seen)


@outlined
def _begin_obv(state, close, volume):
    if not (abs(close) < LIMIT and abs(volume) < LIMIT):
        return restart(state, True)
    state.warm, state.seen, state.settles, state.close_last, state.value, state.rest = 1, 1, 1, close, volume, 0.0
    return volume


@inlined
def _leaning(candle):
    # where the close lies between low (-1) and high (+1); 0 where there is no range
    high, low, close = candle.high, candle.low, candle.close
    if not (abs(high) < LIMIT and abs(low) < LIMIT and abs(close) < LIMIT):
        return math.nan
    span = high - low
    return ((close - low) - (high - close)) / span if span != 0.0 else 0.0


@kernel
def accumulation(state, candle):
    """Volume, weighted by where in its range each candle closed, summed from the start."""
    return tally(state, _leaning(candle) * candle.volume)


@inlined
def vwap(state, candle, period):
    """Mean typical price of the last ``period``, weighted by volume; NaN before, and where nothing was traded."""
    volume = candle.volume
    money = (candle.high + candle.low + candle.close) * volume
    paid, traded = totals(state, money, volume, period)
    return mean_price(paid, traded)


@inlined
def mean_price(paid, traded):
    """Mean typical price of what was ``paid``, three prices for each candle; NaN where nothing was traded."""
    return chosen(traded > 0.0, paid / (3.0 * traded), math.nan)


@kernel
def session_vwap(state, candle, session_s):
    """Mean typical price, weighted by volume, since the session began (UTC, every ``session_s``); NaN if no volume.

    It has settled when a session began before our eyes.
    """
    money = (candle.high + candle.low + candle.close) * candle.volume
    if not (abs(money) < LIMIT and abs(candle.volume) < LIMIT and session_s > 0):
        return restart(state, session_s > 0)
    session = candle.open_ns // (session_s * _SECOND_NS)
    begins = candle.open_ns == session * (session_s * _SECOND_NS)
    if state.seen == 0:
        state.settles = NEVER
    state.seen += 1
    if ((session != state.session or begins) and state.seen > 1) or begins:
        state.settles = min(state.settles, state.seen)
    if session != state.session or begins or state.seen == 1:
        state.session, state.money, state.volume = session, 0.0, 0.0
    state.money += money
    state.volume += candle.volume
    return state.money / (3.0 * state.volume) if state.volume > 0.0 else math.nan


@kernel
def cmf(state, candle, period):
    """Chaikin's money flow: leaning volume over volume of the last ``period``, -1 to 1, 0 if none; NaN before."""
    leaning = _leaning(candle) * candle.volume
    moved, traded = totals(state, leaning, candle.volume, period)
    if traded == 0.0:
        return 0.0
    return moved / traded


@inlined
def _obv_step(state, settings, candle, out):
    out.value = obv(state, candle.close, candle.volume)


@inlined
def _accumulation_step(state, settings, candle, out):
    out.value = accumulation(state, candle)


@inlined
def _vwap_step(state, settings, candle, out):
    out.value = vwap(state, candle, settings.period)


@inlined
def _session_vwap_step(state, settings, candle, out):
    out.value = session_vwap(state, candle, settings.session_s)


@inlined
def _cmf_step(state, settings, candle, out):
    out.value = cmf(state, candle, settings.period)


@inlined
def _volume_zscore_step(state, settings, candle, out):
    out.value = zscore(state, candle.volume, settings.period)


OBV_INDICATOR = Indicator(
    name="obv",
    title="on-balance volume",
    state=OBV,
    step=_obv_step,
    steady=True,
    inputs=("close", "volume"),
    parameters={},
    first=lambda: 0,
    settled=lambda: 0,
    accumulates=True,
    origin="TA-Lib OBV",
)

ACCUMULATION_INDICATOR = Indicator(
    name="accumulation",
    title="accumulation and distribution line",
    state=ACCUMULATION,
    step=_accumulation_step,
    inputs=TRADED,
    parameters={},
    first=lambda: 0,
    settled=lambda: 0,
    accumulates=True,
    origin="TA-Lib AD",
)

VWAP_INDICATOR = Indicator(
    name="vwap",
    title="rolling volume-weighted average price",
    state=VWAP,
    step=_vwap_step,
    steady=True,
    inputs=TRADED,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib VWMA of TYPPRICE",
    difference="empty where nothing was traded",
)

SESSION_VWAP_INDICATOR = Indicator(
    name="session_vwap",
    title="volume-weighted average price since the session began",
    state=SESSION_VWAP,
    step=_session_vwap_step,
    inputs=TRADED,
    parameters={"session_s": DAY_S},
    first=lambda session_s: 0,
    settled=None,
    origin="TA-Lib VWAP of each session",
    difference="begins again each session; empty until something was traded in it",
)

CMF_INDICATOR = Indicator(
    name="cmf",
    title="Chaikin's money flow",
    state=CMF,
    step=_cmf_step,
    inputs=TRADED,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="TA-Lib CMF",
)

VOLUME_ZSCORE_INDICATOR = Indicator(
    name="volume_zscore",
    title="volume in standard deviations from its mean",
    state=VOLUME_ZSCORE,
    step=_volume_zscore_step,
    inputs=("volume",),
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="of the population",
)
