"""A strategy is found, checked, hashed, compiled and tried; what is wrong with it is one line."""

import sys
import time
from pathlib import Path

import numba
import pytest

from brain.strategies import loader
from brain.strategies.loader import StrategyError, load, names

EXAMPLE = '''"""EMA cross: long while the fast average is above the slow one, else short."""
from dataclasses import dataclass
import numpy as np
from brain.indicators.trend import EMA, ema
from brain.indicators.volatility import ATR, atr
from brain.strategies.base import WARMING, hold, kernel

@dataclass(frozen=True)
class Settings:
    fast_period: int = 12
    slow_period: int = 26
    stop_atr: float = 2.0

STATE = np.dtype([("fast", EMA), ("slow", EMA), ("reach", ATR)], align=True)

@kernel
def decide(state, settings, candle, position, target):
    fast = ema(state.fast, candle.close, settings.fast_period)
    slow = ema(state.slow, candle.close, settings.slow_period)
    reach = settings.stop_atr * atr(state.reach, candle, settings.slow_period)
    if fast != fast or slow != slow or reach != reach:
        return WARMING
    side = 1.0 if fast > slow else -1.0
    return hold(target, side, candle.close - side * reach)
'''


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a user's strategy and returns its path."""

    def _write(text: str) -> str:
        path = tmp_path / "mine.py"
        path.write_text(text)
        return str(path)

    return _write


def test_the_documented_example_loads_as_it_stands(write):
    """Twenty-five lines in a file anywhere: settled after 21 slow periods, on minutes."""
    strategy = load(write(EXAMPLE))
    assert strategy.name == "mine"
    assert strategy.settles == 21 * 26 + 1
    assert strategy.timeframes_s == (60,)
    assert len(strategy.waits) == 3
    assert strategy.settings[0].tolist() == (12, 26, 2.0)


def test_settings_are_chosen_by_name(write):
    """What is chosen goes over the defaults; a whole number is good for a float."""
    strategy = load(write(EXAMPLE), {"fast_period": 5, "stop_atr": 3})
    assert strategy.settings[0].tolist() == (5, 26, 3.0)


def test_an_edit_changes_the_digest_and_the_behaviour(write, monkeypatch):
    """The file's own hash names its cache and no bytecode is kept: an edit of the same length and second counts."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    one = load(write(EXAMPLE))
    two = load(write(EXAMPLE.replace("settings.slow_period)\n    if", "settings.fast_period)\n    if")))
    assert one.digest != two.digest
    assert (one.settles, two.settles) == (547, 286)


def test_the_cache_of_our_own_kernels_is_left_alone(write):
    """The cache folder is changed for the user's file only."""
    before = numba.config.CACHE_DIR
    strategy = load(write(EXAMPLE))
    assert before == numba.config.CACHE_DIR
    assert (Path(before) / strategy.digest[:16]).is_dir()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("import numpy as np", "import numpy as np\nimport os"), r"mine.py:4: a strategy imports .*, not os"),
        (("import numpy as np", "import numpy as np\nfrom . import x"), r"mine.py:4: a strategy imports .*, not \."),
        (("return WARMING", "return WARMING +"), r"mine.py:22: invalid syntax"),
        (("fast > slow", "fast > slwo"), r"mine.py:\d+: decide does not compile: .*slwo"),
        (("candle.close - side", "candle.closing - side"), r"mine.py:24: decide does not compile: .*closing"),
        (("candle.close - side", "candle.received_ns - side"), r"mine.py:24: decide may not look at received_ns"),
        (("candle.close - side", "position.stop_ticks - side"), r"mine.py:24: decide may not look at stop_ticks"),
        (("import numpy as np", "import numpy as np\nfrom numpy import random"), r"mine.py:4: .*, not numpy.random"),
        (("fast > slow else", "fast > slow * np.random.rand() else"), r"mine.py:23: .* not numpy.random"),
        (("import numpy as np", "import numpy as np\nfrom brain.loop import monotonic_ns"), r"mine.py:4: .*brain.loop"),
        (("    return hold(", "    hold("), r"mine.py:16: decide must answer a reason on every way out"),
        (("return WARMING", "return 77"), r"mine.py: decide answered 77, which is not a reason"),
        (("class Settings", "class Sittings"), r"mine.py: Settings must be a frozen dataclass"),
        (("stop_atr: float", "stop_atr: str"), r"mine.py: Settings.stop_atr must be an int, a float or a bool"),
        (("STATE =", "STATES ="), r"mine.py: STATE must be a numpy record dtype"),
        (("@kernel\n", ""), r"mine.py: decide must be a @kernel function"),
        (("STATE =", 'TIMEFRAMES = ("7m",)\nSTATE ='), r"mine.py: TIMEFRAMES has '7m'; write 1m, 15m, 2h"),
        (("STATE =", 'TIMEFRAMES = ("1w",)\nSTATE ='), r"mine.py: TIMEFRAMES has '1w'; write 1m, 15m, 2h"),
        (("STATE =", "TIMEFRAMES = (60,)\nSTATE ="), r"mine.py: TIMEFRAMES has 60; write 1m, 15m, 2h"),
        (
            ("STATE =", 'TIMEFRAMES = ("30m",)\nSTATE ='),
            r"STATE.fast settles after 253 candles|settles after 547 .* 512",
        ),
        (("STATE =", 'LATE = ("x",)\nSTATE ='), r"mine.py: LATE names x, which is not a field of STATE"),
        (("STATE =", 'VALUES = tuple("abcd")\nSTATE ='), r"mine.py: VALUES has room for 3 names, not 4"),
        (('("reach", ATR)', '("reach", ATR), ("more", EMA)'), r"mine.py: STATE.more is never stepped"),
        (
            ("slow_period: int = 26", "slow_period: int = 99"),
            r"STATE.slow settles after 1089 candles, but 1024 are kept",
        ),
        (("candle.close - side", "0.0 / 0.0 * side - side"), r"mine.py: decide wrote NaN or infinity"),
        (("np.dtype([", "np.dtyp(["), r"mine.py:14: AttributeError: module 'numpy' has no attribute 'dtyp'"),
    ],
)
def test_what_is_wrong_is_one_line(write, change, said):
    """The file, the line where there is one, and the cause."""
    text = EXAMPLE.replace(*change)
    assert text != EXAMPLE
    with pytest.raises(StrategyError, match=said) as caught:
        load(write(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("which", "chosen", "said"),
    [
        ("./nowhere.py", {}, r"^./nowhere.py: there is no such strategy file$"),
        ("trent", {}, r"^trent is not a strategy; did you mean trend\?$"),
        ("zzz", {}, r"^zzz is not a strategy; there are .*trend"),
        ("trend", {"fast_perod": 3}, r"^trend.fast_perod is not a setting; did you mean fast_period\?$"),
        ("trend", {"fast_period": 3.5}, r"^trend.fast_period must be an int, not 3.5$"),
        ("trend", {"stop_atr": "wide"}, r"^trend.stop_atr must be a float, not 'wide'$"),
        ("trend", {"fast_period": 50}, r"^trend: fast_period must be at least 1 and below slow_period$"),
    ],
)
def test_bad_input_is_one_line(which, chosen, said):
    """A name or a setting that does not exist comes with a hint."""
    with pytest.raises(StrategyError, match=said):
        load(which, chosen)


def test_our_strategies_are_found_by_name():
    """The modules beside the loader that are strategies."""
    assert "trend" in names()
    assert not {"base", "loader"} & set(names())
    assert loader.load("trend").values == ("fast", "slow", "band")


def test_what_was_compiled_is_loaded_and_an_edit_is_compiled_again(write):
    """C15, C16: hits and misses are counted: a miss, a hit that is quicker, and an edit is a miss again."""

    def taken(text):
        began = time.perf_counter()
        strategy = load(write(text))
        seconds = time.perf_counter() - began
        stats = strategy.module.decide.stats
        del sys.modules[strategy.module.__name__]
        return sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), seconds

    text = EXAMPLE.replace("EMA cross", f"EMA cross of {time.time_ns()}")  # a digest that nobody has seen
    cold, warm = taken(text), taken(text)
    assert (cold[:2], warm[:2]) == ((0, 1), (1, 0))
    assert warm[2] < cold[2]
    assert taken(text.replace("> slow else", ">= slow else"))[:2] == (0, 1)
    assert taken(text)[:2] == (1, 0)
