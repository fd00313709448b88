"""Every strategy of ours, found by walking the package: trades, forgets its start, cannot see tomorrow, survives."""

import ast
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from brain.strategies import loader
from brain.words import explain
from shm.records import Reason
from tests.brain.market import WARM, lived, recorded, walk
from tests.brain.strategies.trading import decided, same_from

# they look at more than one market: test_pairs.py, test_basis.py
NAMES = [name for name in loader.names() if name not in ("pairs", "basis")]


def test_there_are_six():
    """Trend, breakout, mean reversion, smart money, ensemble; and pairs, which has two instruments."""
    assert NAMES == ["breakout", "ensemble", "reversion", "smc", "trend"]


@pytest.mark.parametrize("name", NAMES)
def test_it_trades_on_recorded_minutes(name):
    """Both sides, at least once in two hours; never malformed, never cold once it is warm."""
    found = decided(name, recorded("binance_spot/BTCUSDT-1m.parquet", count=6000))
    reasons = set(found["reason"].tolist())
    assert {Reason.LONG, Reason.SHORT, Reason.HELD} <= reasons
    assert not {Reason.MALFORMED, Reason.COLD, Reason.HOLE} & reasons
    assert np.count_nonzero(np.diff(found["target_id"])) > len(found) / 120


@pytest.mark.parametrize("name", NAMES)
def test_a_later_start_decides_the_same(name):
    """Where the data began is forgotten: from the first position in common on, every decision agrees."""
    candles = walk(4200)
    early, late = decided(name, candles), decided(name, candles[300:])
    assert same_from(early, late) < 600
    assert np.count_nonzero(np.diff(late["target_id"][600:])) > 10


@pytest.mark.parametrize("name", NAMES)
def test_the_future_changes_nothing(name):
    """Rewriting what comes later leaves every earlier decision as it was, hash and all."""
    candles = walk(1500)
    other = candles.copy()
    for field in ("open", "high", "low", "close"):
        other[field][1300:] *= 1.7
    one_way, other_way = decided(name, candles), decided(name, other)
    for field in ("reason", "amount", "stop_ticks", "target_id", "inputs_hash", "values"):
        assert (one_way[field][:300] == other_way[field][:300]).all()
    assert (one_way["inputs_hash"][300:] != other_way["inputs_hash"][300:]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_brain_that_died_goes_on_as_if_it_had_not(name):
    """Killed three times, it decides what one that lived decides: the side is in the target, the rest in HISTORY."""
    candles = walk(WARM + 900, seed=11)
    strategies = [loader.load(name)]
    through, _ = lived(strategies, candles)
    killed, _ = lived(strategies, candles, stops=(450, 600, 777))
    one, two = through.everything("DECISIONS"), killed.everything("DECISIONS")
    for field in ("reason", "amount", "stop_ticks", "target_id", "inputs_hash"):
        assert (one[field][400:] == two[field][400:]).all(), field


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", [np.nan, np.inf, 0.0])
def test_a_candle_that_is_no_candle_is_no_signal(name, odd):
    """C4: NaN, infinity or nothing for prices, though no feed lets it pass: nobody turns on it or is infected."""
    candles = walk(2600)
    for field in ("open", "high", "low", "close", "volume"):
        candles[field][1500] = odd
    found, sound = decided(name, candles), decided(name, walk(2600))
    assert np.isfinite(found["amount"]).all()
    if odd != 0.0:
        assert found["amount"][500] == found["amount"][499]
        assert found["target_id"][500] == found["target_id"][499]
        assert found["reason"][500] == Reason.COLD
    assert (found["reason"][-100:] != Reason.COLD).all()
    late = slice(-300, None)
    assert np.count_nonzero(found["values"][late] != sound["values"][late]) < found["values"][late].size
    assert np.isfinite(found["values"][-300:]).all()


# nothing, one whole side or share, its half and its double; the middle of an oscillator; a minute
NO_SETTINGS = {0, 1, 2, 3, 0.5, 50.0, 60, 60_000_000_000}


@pytest.mark.parametrize("name", loader.names())
def test_no_number_is_buried_in_the_code(name):
    """D5: what a kernel compares with or multiplies by is a setting with a default and its unit said."""
    source = Path(loader.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found |= {
                each.value
                for part in node.body
                for each in ast.walk(part)
                if isinstance(each, ast.Constant) and isinstance(each.value, int | float)
            }
    assert found <= NO_SETTINGS, f"{name}: {sorted(found - NO_SETTINGS)} should be settings"
    (settings,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    fields = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
    assert all(field.value is not None for field in fields)
    assert "count" in (ast.get_docstring(settings) or "")
    assert len(source.splitlines()) < 400


@pytest.mark.parametrize("name", NAMES)
def test_every_decision_has_its_words(name):
    """Each reason that it gives is a sentence with its three values, named."""
    strategy = loader.load(name)
    assert len(strategy.values) == 3
    found = decided(name, walk(2600))
    for reason in set(found["reason"].tolist()):
        decision = found[found["reason"] == reason][0]
        words = explain(decision, "BTC/USDT:USDT", strategy.values, Decimal("0.01"))
        assert words.startswith("BTC: ")
        assert all(f"{value} " in words for value in strategy.values)


@pytest.mark.parametrize("name", NAMES)
def test_no_target_leaves_without_its_decision(name):
    """Each target has the decision of the same candle on record, with the same amount and stop: no trade before it."""
    market, _ = lived([loader.load(name)], walk(WARM + 600, seed=5))
    decisions = {int(one["market_seq"]): one for one in market.everything("DECISIONS")}
    targets = market.everything("TARGETS")
    assert len(targets) > 50
    for target in targets:
        decision = decisions[int(target["market_seq"])]
        for field in ("instrument", "strategy", "amount", "stop_ticks", "target_id", "inputs_hash", "reason"):
            assert decision[field] == target[field], field
