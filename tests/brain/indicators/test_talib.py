"""Where TA-Lib has it we are TA-Lib, on recorded candles, from where we have settled."""

import numpy as np
import pytest

from tests.brain.indicators.sweep import ALL, walked
from tests.brain.market import recorded

talib = pytest.importorskip("talib", reason="TA-Lib is in the test extra")

FILES = [
    "binance_spot/BTCUSDT-1m.parquet",
    "binance_usdm/LAYERUSDT-1m.parquet",  # a collapse
    "binance_usdm/ADAUSDT-1m.parquet",
    "binance_spot_gappy/NEOBTC-1m.parquet",  # thousands of minutes in which nothing moved
    "binance_spot/ETHUSDT-5m.parquet",
]
CALLS = {
    "sma": lambda c: talib.SMA(c.close, 20),
    "ema": lambda c: talib.EMA(c.close, 20),
    "wma": lambda c: talib.WMA(c.close, 20),
    "dema": lambda c: talib.DEMA(c.close, 20),
    "tema": lambda c: talib.TEMA(c.close, 20),
    "kama": lambda c: talib.KAMA(c.close, 10),
    "macd": lambda c: talib.MACD(c.close, 12, 26, 9),
    "adx": lambda c: (talib.ADX(*c.range, 14), talib.PLUS_DI(*c.range, 14), talib.MINUS_DI(*c.range, 14)),
    "aroon": lambda c: (*talib.AROON(c.high, c.low, 14), talib.AROONOSC(c.high, c.low, 14)),
    "sar": lambda c: talib.SAR(c.high, c.low, 0.02, 0.2),
    "supertrend": lambda c: talib.SUPERTREND(*c.range, 10, 3.0),
    "donchian": lambda c: talib.DONCHIAN(c.high, c.low, 20),
    "keltner": lambda c: talib.KC(*c.range, 20, 10, 2.0),
    "slope": lambda c: talib.LINEARREG_SLOPE(c.close, 14),
    "rsi": lambda c: talib.RSI(c.close, 14),
    "stochastic": lambda c: talib.STOCH(*c.range, 14, 3, 0, 3, 0),
    "stochastic_rsi": lambda c: talib.STOCHRSI(c.close, 14, 14, 3, 0),
    "cci": lambda c: talib.CCI(*c.range, 14),
    "roc": lambda c: talib.ROC(c.close, 10),
    "williams": lambda c: talib.WILLR(*c.range, 14),
    "mfi": lambda c: talib.MFI(*c.range, c.volume, 14),
    "tsi": lambda c: talib.TSI(c.close, 25, 13),
    "awesome": lambda c: talib.AO(c.high, c.low, 5, 34),
    "true_range": lambda c: talib.TRANGE(*c.range),
    "atr": lambda c: talib.ATR(*c.range, 14),
    "bollinger": lambda c: talib.BBANDS(c.close, 20, 2.0, 2.0),
    "deviation": lambda c: talib.STDDEV(c.close, 20),
    "correlation": lambda c: talib.CORREL(c.close, c.volume, 30),
    "quantile": lambda c: talib.PERCENTILE(c.close, 30, 50.0),
    "obv": lambda c: talib.OBV(c.close, c.volume),
    "accumulation": lambda c: talib.AD(*c.range, c.volume),
    "cmf": lambda c: talib.CMF(*c.range, c.volume, 20),
    "vwap": lambda c: talib.VWMA(talib.TYPPRICE(*c.range), c.volume, 20),
}


class Columns:
    """The candles as TA-Lib takes them."""

    def __init__(self, candles: np.ndarray) -> None:
        self.high, self.low, self.close, self.volume = (
            np.ascontiguousarray(candles[name]) for name in ("high", "low", "close", "volume")
        )
        self.range = (self.high, self.low, self.close)


def test_every_indicator_that_says_talib_is_compared():
    """A kernel that names a TA-Lib function is held to it, but for the session VWAP, which has sessions."""
    claims = {name for name, one in ALL.items() if one.origin.startswith("TA-Lib")}
    assert claims == {*CALLS, "session_vwap"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", CALLS)
def test_it_is_talib(name, file):
    """Within 1e-9 of the scale, settled, once what ``difference`` says and where nothing moved is left out."""
    candles = recorded(file, count=6000)
    columns = Columns(candles)
    values, settled = walked(ALL[name], candles, {}, bridged=True)
    theirs = CALLS[name](columns)
    compared = 0
    theirs = theirs if isinstance(theirs, tuple) else (theirs,)
    for output, column in zip(values.dtype.names, (np.asarray(each, float) for each in theirs), strict=False):
        use = settled & ~excused(name, columns)
        compared += int(use.sum())
        scale = max(float(np.nanmax(np.abs(column))), float(columns.close.mean()))
        worst = np.abs(values[output] - column)[use].max()
        assert worst <= 1e-9 * scale
    assert compared > 1000


def excused(name, columns):
    """Return where the stated difference to TA-Lib applies."""
    none = np.zeros(len(columns.close), bool)
    typical = talib.TYPPRICE(*columns.range)
    if name == "mfi":
        moved = np.abs(np.diff(typical, prepend=typical[0])) > 1e-13 * typical
        money = np.where(moved, typical * columns.volume, 0.0)
        return np.asarray(talib.SUM(money, 14) < 1.0)
    if name == "vwap":
        return ~(talib.MAX(columns.volume, 20) > 0.0)
    if name == "stochastic_rsi":
        strength = talib.RSI(columns.close, 14)
        still = talib.MAX(strength, 14) - talib.MIN(strength, 14) <= 1e-9
        return np.convolve(still, np.ones(3))[: len(still)] > 0.0  # and the average of three
    return none


def test_session_vwap_is_talib_from_each_session_on():
    """TA-Lib's runs from its first candle: given one day at a time the two agree."""
    candles = recorded("binance_spot/BTCUSDT-1m.parquet", count=4 * 1440)
    values, settled = walked(ALL["session_vwap"], candles, {})
    days = candles["open_ns"] // (86_400 * 10**9)
    assert settled.any()
    for day in np.unique(days)[1:]:
        columns = Columns(candles[days == day])
        theirs = talib.VWAP(*columns.range, columns.volume)
        assert np.abs(values["value"][days == day] - theirs).max() <= 1e-9 * columns.close.mean()
