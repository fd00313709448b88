"""Who was in a hurry: takers' buying against takers' selling, from the exchange's own taker volumes.  O(1).

volume          all that was traded
taker_volume    the part of it that a buyer took; the rest a seller took
delta           bought less sold = 2 taker_volume - volume
"""

from brain.indicators.indicator import FLOW, LIMIT, Indicator, state_of
from brain.indicators.windows import TALLY, TOTALS, count, restart, tally, totals
from shm.jit import inlined, kernel

DELTA = state_of("value")
CUMULATIVE_DELTA = TALLY
IMBALANCE = TOTALS
TOXICITY = IMBALANCE
TRADE_SIZE = TOTALS


@kernel
def delta(state, candle):
    """What takers bought less what takers sold, in the base asset."""
    value = 2.0 * candle.taker_volume - candle.volume
    if not abs(value) < LIMIT:
        return restart(state, True)
    count(state, True, 1)
    state.value = value
    return value


@kernel
def cumulative_delta(state, candle):
    """The sum of all deltas since the start."""
    return tally(state, 2.0 * candle.taker_volume - candle.volume)


@kernel
def _share(state, moved, volume, period):
    # moved / volume over the window; 0 where nothing was traded
    above, below = totals(state, moved, volume, period)
    if below == 0.0:
        return 0.0
    return above / below


@kernel
def imbalance(state, candle, period):
    """Delta over volume of the last ``period``, -1 (all sold) to 1 (all bought), 0 if nothing was; NaN before."""
    return _share(state, 2.0 * candle.taker_volume - candle.volume, candle.volume, period)


@kernel
def toxicity(state, candle, period):
    """Sizes of the deltas over volume of the last ``period``, 0 (balanced) to 1 (one-sided); NaN before.

    VPIN with candles for buckets: buckets of equal volume would depend on where the data begins.
    """
    return _share(state, abs(2.0 * candle.taker_volume - candle.volume), candle.volume, period)


@kernel
def trade_size(state, candle, period):
    """Volume of an average trade of the last ``period``, 0 if there was none; NaN before."""
    made, traded = totals(state, float(candle.trades), candle.volume, period)
    if made == 0.0:
        return 0.0
    return traded / made


@inlined
def _delta_step(state, settings, candle, out):
    out.value = delta(state, candle)


@inlined
def _cumulative_delta_step(state, settings, candle, out):
    out.value = cumulative_delta(state, candle)


@inlined
def _imbalance_step(state, settings, candle, out):
    out.value = imbalance(state, candle, settings.period)


@inlined
def _toxicity_step(state, settings, candle, out):
    out.value = toxicity(state, candle, settings.period)


@inlined
def _trade_size_step(state, settings, candle, out):
    out.value = trade_size(state, candle, settings.period)


DELTA_INDICATOR = Indicator(
    name="delta",
    title="taker bought less taker sold",
    state=DELTA,
    step=_delta_step,
    inputs=FLOW,
    parameters={},
    first=lambda: 0,
    settled=lambda: 0,
)

CUMULATIVE_DELTA_INDICATOR = Indicator(
    name="cumulative_delta",
    title="sum of all deltas",
    state=CUMULATIVE_DELTA,
    step=_cumulative_delta_step,
    inputs=FLOW,
    parameters={},
    first=lambda: 0,
    settled=lambda: 0,
    accumulates=True,
)

IMBALANCE_INDICATOR = Indicator(
    name="imbalance",
    title="share of the volume that pushed one way",
    state=IMBALANCE,
    step=_imbalance_step,
    inputs=FLOW,
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
)

TOXICITY_INDICATOR = Indicator(
    name="toxicity",
    title="one-sidedness of the flow, VPIN-like",
    state=TOXICITY,
    step=_toxicity_step,
    inputs=FLOW,
    parameters={"period": 50},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
    origin="Easley, Lopez de Prado and O'Hara 2012",
    difference="buckets are candles, not equal volumes, and the exchange's taker sides, not a guess",
)

TRADE_SIZE_INDICATOR = Indicator(
    name="trade_size",
    title="volume of an average trade",
    state=TRADE_SIZE,
    step=_trade_size_step,
    inputs=("volume", "trades"),
    parameters={"period": 20},
    first=lambda period: period - 1,
    settled=lambda period: period - 1,
)
