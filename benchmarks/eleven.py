"""The eleven indicators of benchmarks/kernels.py, fused: one record of state, one kernel, one candle at a time."""

import numpy as np

from brain.indicators import direction, momentum, oscillators, trend, volatility, volume
from brain.indicators.channels import BOLLINGER, bands_of, bollinger
from brain.indicators.loops import Fusion, Stages, Whole, line_record
from brain.indicators.runs import extremes_over, moments_over, totals_over
from brain.indicators.windows import is_any_odd, is_odd, slide_shares
from shm.jit import call5, inlined, kernel
from shm.lanes import LANES, chained, delayed_by_one, lanes_of, numbers_of, three_and_one, turned
from shm.records import MARKET
from shm.registers import in_registers, outlined, rarely
from shm.rows import COLUMNS, row_at, rows_at

NAMES = ("sma", "ema", "rsi", "macd", "atr", "bollinger", "vwap", "adx", "stochastic", "obv", "supertrend")

STATE = np.dtype(
    [
        ("ema", trend.EMA),
        ("rsi", momentum.RSI),
        ("macd", trend.MACD),
        ("atr", volatility.ATR),
        ("bollinger", BOLLINGER),
        ("vwap", volume.VWAP),
        ("adx", direction.ADX),
        ("stochastic", oscillators.STOCHASTIC),
        ("obv", volume.OBV),
        ("supertrend", direction.SUPERTREND),
    ],
    align=True,
)
SETTINGS = np.dtype(
    [
        *[(name, "<i8") for name in ("average", "strength", "fast", "slow", "signal", "reach", "stop")],
        *[(name, "<i8") for name in ("window", "smooth")],
        ("width", "<f8"),
        ("multiplier", "<f8"),
    ],
    align=True,
)
USUAL = (20, 14, 12, 26, 9, 14, 10, 14, 3, 2.0, 3.0)
OUT = np.dtype(
    [
        (name, "<f8")
        for name in (
            *("sma_value", "ema_value", "rsi_value", "macd_line", "macd_signal", "macd_histogram", "atr_value"),
            *("bollinger_upper", "bollinger_middle", "bollinger_lower", "vwap_value"),
            *("adx_value", "adx_plus", "adx_minus", "stochastic_k", "stochastic_d"),
            *("obv_value", "supertrend_value", "supertrend_side"),
        )
    ]
)


FIELDS = (
    *("gain", "loss", "reach", "plus", "minus", "signed", "money"),
    *("mean", "variance", "paid", "traded", "top", "bottom", "strength", "upper", "lower", "place"),
    *("spare", "spare_two", "spare_three", "spare_four"),
)
_MEAN, _VARIANCE, _MONEY, _PAID, _TRADED, _TOP, _BOTTOM, _SPARE = (
    FIELDS.index(name) for name in ("mean", "variance", "money", "paid", "traded", "top", "bottom", "spare")
)
_LINES, _ANSWERS = line_record(FIELDS), line_record(OUT.names)
_HIGH, _LOW, _CLOSE, _VOLUME = (COLUMNS.index(name) for name in ("high", "low", "close", "volume"))


@inlined
def step(state, settings, candle, out):
    """All eleven, of one candle: looked at once, so that none of the eleven has to look again."""
    high, low, close = candle.high, candle.low, candle.close
    if rarely(is_any_odd(high, low, close) | is_odd(close) | is_odd(candle.volume)):
        _step_by_step(state, settings, candle, out)
    else:
        _step(state, settings, candle, out)


@inlined
def _step(state, settings, candle, out):
    close = candle.close
    out.ema_value = trend.ema(state.ema, close, settings.average)
    out.rsi_value = momentum.rsi(state.rsi, close, settings.strength)
    out.macd_line, out.macd_signal, out.macd_histogram = trend.macd(
        state.macd, close, settings.fast, settings.slow, settings.signal
    )
    out.atr_value = volatility.atr(state.atr, candle, settings.reach)
    out.bollinger_upper, out.bollinger_middle, out.bollinger_lower = bollinger(
        state.bollinger, close, settings.average, settings.width
    )
    # the middle band is the simple average of the same closes
    out.sma_value = out.bollinger_middle
    out.vwap_value = volume.vwap(state.vwap, candle, settings.average)
    out.adx_value, out.adx_plus, out.adx_minus = direction.adx(state.adx, candle, settings.reach)
    out.stochastic_k, out.stochastic_d = oscillators.stochastic(
        state.stochastic, candle, settings.window, settings.smooth, settings.smooth
    )
    out.obv_value = volume.obv(state.obv, close, candle.volume)
    out.supertrend_value, out.supertrend_side = direction.supertrend(
        state.supertrend, candle, settings.stop, settings.multiplier
    )


@inlined
def _prepare(state, _settings, row):
    last, high, low, close = row.before, row.high, row.low, row.close
    row.gain, row.loss = momentum.moves(close, last.close, state.rsi.share)
    row.reach = volatility.range_of(high, low, last.close)
    row.plus, row.minus = direction.steps(high, low, last.high, last.low)
    row.signed = volume.signed_by(row.volume, close, last.close)
    row.money = (high + low + close) * row.volume


@inlined
def _averages(state, settings, where, count):
    # what was traded up less what was traded down is a chain that keeps all; divisions take their time beside chains
    average, fast, slow, balance = state.ema, state.macd.fast, state.macd.slow, state.obv
    values = lanes_of(average.value, fast.value, slow.value, balance.value)
    keep = lanes_of(average.keep, fast.keep, slow.keep, 1.0)
    rate = lanes_of(average.rate, fast.rate, slow.rate, 1.0)
    balances, rest = values, balance.rest
    for n in range(0, count, LANES):
        shares = (
            _average_shares(where, n, rate),
            _average_shares(where, n + 1, rate),
            _average_shares(where, n + 2, rate),
            _average_shares(where, n + 3, rate),
        )
        steps = chained(values, keep, shares)
        values, before = steps[3], balances
        averages, fasts, slows, balances = turned(steps)
        rows = rows_at(where, n, _LINES[0], _ANSWERS[0])
        rows.ema_value, rows.macd_line = averages, fasts - slows
        one, two, three, four = numbers_of(volume.lost(delayed_by_one(before, balances), rows.signed, balances))
        one += rest
        two += one
        three += two
        rest = three + four
        rows.obv_value = balances + lanes_of(one, two, three, rest)
        rows.bollinger_upper, middle, rows.bollinger_lower = bands_of(rows.mean, rows.variance, settings.width)
        rows.bollinger_middle, rows.sma_value = middle, middle
        rows.vwap_value = volume.mean_price(rows.paid, rows.traded)
        rows.place = oscillators.place_of(rows.close, rows.top, rows.bottom)
    average.value, fast.value, slow.value, balance.value = numbers_of(values)
    balance.rest = rest


@inlined
def _average_shares(where, n, rate):
    row = row_at(where, n, _LINES[0], _ANSWERS[0])
    return three_and_one(row.close, row.signed) * rate


@inlined
def _ranges(state, settings, where, count):
    reach, stop, signal = state.atr, state.supertrend.reach, state.macd.signal
    steps, moves = state.adx, state.rsi
    values = lanes_of(reach.value, stop.value, steps.reach, signal.value)
    keep = lanes_of(reach.keep, stop.keep, steps.keep, signal.keep)
    rate = lanes_of(reach.share, stop.share, 1.0, signal.rate)
    ways = lanes_of(steps.plus, steps.minus, moves.gain, moves.loss)
    ways_keep = lanes_of(steps.keep, steps.keep, moves.keep, moves.keep)
    for n in range(0, count, LANES):
        shares = (
            _range_shares(where, n, rate),
            _range_shares(where, n + 1, rate),
            _range_shares(where, n + 2, rate),
            _range_shares(where, n + 3, rate),
        )
        each = chained(values, keep, shares)
        values = each[3]
        rows = rows_at(where, n, _LINES[0], _ANSWERS[0])
        ranges, stops, reaches, signals = turned(each)
        rows.atr_value, rows.macd_signal, rows.macd_histogram = ranges, signals, rows.macd_line - signals
        far, middle = settings.multiplier * stops, 0.5 * (rows.high + rows.low)
        rows.upper, rows.lower = middle + far, middle - far
        each = chained(ways, ways_keep, turned((rows.plus, rows.minus, rows.gain, rows.loss)))
        ways = each[3]
        plus, minus, gain, loss = turned(each)
        rows.rsi_value = momentum.strength(gain, loss)
        rows.strength, scale = direction.direct(plus, minus, reaches)
        rows.adx_plus, rows.adx_minus = plus * scale, minus * scale
    reach.value, stop.value, steps.reach, signal.value = numbers_of(values)
    steps.plus, steps.minus, moves.gain, moves.loss = numbers_of(ways)


@inlined
def _range_shares(where, n, rate):
    row = row_at(where, n, _LINES[0], _ANSWERS[0])
    return three_and_one(row.reach, row.macd_line) * rate


@inlined
def _windows(state, settings, where, count):
    columns, table, _, start = where
    closes, volumes = columns[_CLOSE][start : start + count], columns[_VOLUME][start : start + count]
    money, spare = table[_MONEY][:count], table[_SPARE:]
    moments_over(state.bollinger, closes, settings.average, (table[_MEAN], table[_VARIANCE]), spare)
    totals_over(state.vwap, (money, volumes), settings.average, (table[_PAID], table[_TRADED]), spare)


@inlined
def _spans(state, settings, where, count):
    columns, table, _, start = where
    inputs, spans, block = (
        (columns[_HIGH], columns[_LOW]),
        (table[_TOP], table[_BOTTOM]),
        (start, count, settings.window),
    )
    extremes_over(state.stochastic.span, inputs, block, spans, table[_SPARE:])


@inlined
def _followers(state, settings, row):
    row.adx_value = direction.index(state.adx, row.strength)
    lower, upper, side = direction.follow_bands(state.supertrend, row.lower, row.upper, (row.close, row.before.close))
    row.supertrend_value, row.supertrend_side = lower if side > 0.0 else upper, side
    k = slide_shares(state.stochastic.k, row.place, settings.smooth) * state.stochastic.k.share
    row.stochastic_k = k
    row.stochastic_d = slide_shares(state.stochastic.d, k, settings.smooth) * state.stochastic.d.share


@inlined
def _close(state, _settings, row, count):
    state.rsi.close_last = row.close
    state.rsi.seen += count
    state.atr.close_last = row.close
    state.atr.seen += count
    state.supertrend.close_last = row.close
    state.supertrend.seen += count
    state.supertrend.reach.close_last = row.close
    state.supertrend.reach.seen += count
    state.adx.close_last = row.close
    state.adx.seen += count
    state.obv.close_last = row.close
    state.obv.seen += count
    state.adx.high_last, state.adx.low_last = row.high, row.low
    state.ema.seen += count
    state.bollinger.seen += count
    state.vwap.seen += count
    state.macd.seen += count
    state.stochastic.seen += count


@outlined
def _step_by_step(state, settings, candle, out):
    _step(state, settings, candle, out)


@kernel
def decide(state, settings, candle, _position, out):
    """The same in the shape of a strategy's decide."""
    step(state, in_registers(settings), in_registers(candle), out)
    return 0


FUSION = Fusion(
    name="eleven",
    step=step,
    inputs=("high", "low", "close", "volume"),
    outputs=tuple(OUT.names or ()),
    stages=Stages(
        (_prepare, Whole(_windows), Whole(_spans), Whole(_averages), Whole(_ranges), _followers),
        _close,
        FIELDS,
    ),
)

_CANDLE_BYTES, _OUT_BYTES = MARKET.itemsize, OUT.itemsize


@kernel
def drive(address, state, settings, candle, position, out, count):
    """Call ``address`` once for each of ``count`` candles."""
    for _ in range(count):
        call5(address, state, settings, candle, position, out)
        candle += _CANDLE_BYTES
        out += _OUT_BYTES
    return count
