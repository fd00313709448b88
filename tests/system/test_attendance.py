"""A feed that loses a minute without a word: the session's own tapes agree, the exchange's list of minutes does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system import stage
from tests.system.test_paper import SYMBOLS, write_market

pytestmark = pytest.mark.system

# python reads it before anything else: the feed's outlet forgets the eighth minute of the first symbol
SABOTAGE = """
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder


class Sabotage(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "feed.outlet":
            return None
        spec = PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            told, publish = set(), module.Outlet.publish

            def forgetful(self, row, candle, provenance, **more):
                if row == 0:
                    told.add(candle.open_ns)
                if row == 0 and sorted(told).index(candle.open_ns) == 7:
                    return self.sequence
                return publish(self, row, candle, provenance, **more)

            module.Outlet.publish = forgetful

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Sabotage())
"""


@pytest.mark.timeout(240)
def test_a_candle_that_the_feed_loses_without_a_word_is_missed(tmp_path: Path):
    """Neither ring, history nor tape has it, nobody counted a gap; the summary and the last lines name it."""
    market, state, place = tmp_path / "market", tmp_path / "state", tmp_path / "sabotage"
    market.mkdir()
    place.mkdir()
    write_market(market, SYMBOLS, 1_500)
    (place / "sitecustomize.py").write_text(SABOTAGE)
    words = ["--paper", "--state", str(state), "--json", "-", "--symbols", ",".join(SYMBOLS), "--market", str(market)]
    words += ["--speed", "200", "--max-candles", "60", "--set", "supervisor.drain_within_s=10"]
    done = subprocess.run(
        [sys.executable, str(stage.ROOT / "run.py"), *words],
        env=dict(os.environ) | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=220,
    )
    assert done.stdout, done.stderr
    summary = json.loads(done.stdout)
    attendance = summary["attendance"]
    assert len(attendance["undecided"]) == 1, done.stderr
    assert attendance["undecided"][0].startswith("BTC/USDT:USDT trend ")
    assert attendance["decided"] == attendance["expected"] - 1
    assert attendance["strays"] == []
    assert attendance["gaps"] == []
    assert f"1 candles of the exchange undecided, the first {attendance['undecided'][0]}" in done.stderr
    assert stage.traces(state) == []
