"""What is compiled before a session is what a session needs."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from brain.kernels import cache_counts, compile_all, load_all
from brain.loop import drain
from brain.settings import BrainSettings
from brain.strategies.loader import StrategyError
from brain.warming import prepare


def test_every_piece_is_named_before_it_is_compiled():
    """Progress counts up to the number of pieces, and the strategies come back."""
    said = []
    strategies = compile_all(BrainSettings(strategies=("trend",)), lambda *told: said.append(told))
    assert said == [(1, 2, "trend"), (2, 2, "loop")]
    assert [strategy.name for strategy in strategies] == ["trend"]


def test_the_cache_is_counted():
    """A strategy that nobody has compiled is a miss; what we bring has been met before in this process or on disk."""
    before = cache_counts()
    assert sum(before) > 0
    assert cache_counts() == before
    with TemporaryDirectory() as folder:
        mine = Path(folder) / "fresh.py"
        mine.write_text(FRAMED.replace("(NAMES)", f'("1m",)  # {time.time_ns()}'))
        load_all(BrainSettings(strategies=(str(mine),)), lambda *_: None)
    hits, misses = cache_counts()
    assert (hits, misses) == (before[0], before[1] + 1)


def test_a_session_holds_twelve_timeframes(tmp_path):
    """Thirteen of several files are refused in one line."""
    (tmp_path / "one.py").write_text(FRAMED.replace("NAMES", '"1m", "2m", "3m", "4m", "5m", "6m", "8m"'))
    (tmp_path / "two.py").write_text(FRAMED.replace("NAMES", '"9m", "10m", "12m", "15m", "16m", "18m"'))
    both = tuple(str(tmp_path / name) for name in ("one.py", "two.py"))
    with pytest.raises(StrategyError, match="13 timeframes together; a session holds 12"):
        load_all(BrainSettings(strategies=both), lambda *_: None)
    (fits,) = load_all(BrainSettings(strategies=both[:1]), lambda *_: None)
    assert fits.timeframes_s == (60, 120, 180, 240, 300, 360, 480)


FRAMED = '''"""Timeframes, and no more."""
from dataclasses import dataclass
import numpy as np
from brain.strategies.base import FLAT, kernel
TIMEFRAMES = (NAMES)
@dataclass(frozen=True)
class Settings:
    nothing: int = 0
STATE = np.dtype([("nothing", "<i8")])
@kernel
def decide(state, settings, candle, position, target):
    return FLAT
'''


def test_the_loop_is_compiled_for_one_signature():
    """A second strategy or instrument never recompiles it."""
    compile_all(BrainSettings(strategies=("trend", "trend")), lambda *_: None)
    assert len(drain.signatures) == len(prepare.signatures) == 1
