"""The eleven indicators of benchmarks/kernels.py, fused: one record of state, one kernel, one candle at a time."""

import numpy as np

from brain.indicators import direction, momentum, oscillators, trend, volatility, volume
from brain.indicators.channels import BOLLINGER, bollinger
from brain.indicators.windows import is_any_odd, is_odd
from shm.jit import call5, inlined, kernel
from shm.records import MARKET
from shm.registers import in_registers, outlined, rarely

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
        ("seen", "<i8"),
        ("settles", "<i8"),
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


@outlined
def _step_by_step(state, settings, candle, out):
    _step(state, settings, candle, out)


@kernel
def decide(state, settings, candle, _position, out):
    """The same in the shape of a strategy's decide."""
    step(state, in_registers(settings), in_registers(candle), out)
    return 0


_CANDLE_BYTES, _OUT_BYTES = MARKET.itemsize, OUT.itemsize


@kernel
def drive(address, state, settings, candle, position, out, count):
    """Call ``address`` once for each of ``count`` candles."""
    for _ in range(count):
        call5(address, state, settings, candle, position, out)
        candle += _CANDLE_BYTES
        out += _OUT_BYTES
    return count
