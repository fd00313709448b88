"""All strategies together, some over two instruments or over a spot: streamed through processes, replayed, looped."""

import json
from pathlib import Path

import numpy as np
import pytest

from brain.strategies import loader
from orchestrator.tape import read_folder
from shm.records import DECISION, Reason
from tests.system import stage
from tests.system.test_paper import SYMBOLS, write_market, write_spots

pytestmark = pytest.mark.system

MINUTES = 100
OWN = '''"""A file of a user's own: it looks at everything that a strategy is shown."""

from dataclasses import dataclass
import numpy as np
from brain.indicators.flow import IMBALANCE, imbalance
from brain.indicators.trend import EMA, ema
from brain.strategies.base import HELD, MARKET, WARMING, hold, kernel, note

TIMEFRAMES = ("1m", "3m", "30m")
VALUES = ("push", "other", "spot")
PARTNER = "other"
SPOT = "spot"


@dataclass(frozen=True)
class Settings:
    period: int = 9


STATE = np.dtype([("push", IMBALANCE), ("slow", EMA), ("other", MARKET), ("spot", MARKET)], align=True)


@kernel
def decide(state, settings, candle, position, target):
    if candle.timeframe_s == 1800:
        return HELD
    if candle.timeframe_s != 60:
        ema(state.slow, candle.close + candle.trades, settings.period)
        return HELD
    push = imbalance(state.push, candle, settings.period)
    if push != push:
        return WARMING
    other = state.other.close if state.other.kind != 0 else 0.0
    spot = state.spot.close if state.spot.kind != 0 else 0.0
    note(target, push, other, spot)
    side = 1.0 if candle.close + push > state.slow.value else -1.0
    if position.stopped_side * side > 0.0:
        side *= 0.5
    return hold(target, side, candle.close - side * 0.2 * candle.close)
'''


def decisions_of(state: Path) -> np.ndarray:
    """Return the decisions on the newest session's tape."""
    (folder,) = state.glob("sessions/*")
    return read_folder(folder / "decisions", DECISION)["record"]


def shown(folder: Path, names: list[str], minutes: int, *options: str) -> dict[str, object]:
    """Stream ``names`` through processes, replay what was recorded, loop them over the file: one and the same."""
    market, state = folder / "market", folder / "state"
    market.mkdir()
    write_market(market, SYMBOLS, 4_000)  # a quarter of it is past: the slowest settles after 631 minutes
    write_spots(market)
    chosen = ("--symbols", ",".join(SYMBOLS), "--set", f"brain.strategies={json.dumps(names)}", *options)
    live = ("--market", str(market), "--speed", "step", "--max-candles", str(2 * minutes))
    summary = stage.start(state, *live, *chosen).finish(400.0)
    attendance = summary["attendance"]
    assert (attendance["undecided"], attendance["strays"]) == ([], [])
    assert attendance["expected"] == attendance["decided"] == summary["decisions"] == len(names) * summary["candles"]
    assert summary["candles"] >= 2 * minutes
    said = decisions_of(state)
    for row, name in enumerate(names):
        mine = said[said["strategy"] == row]
        assert not {Reason.COLD, Reason.HOLE, Reason.MALFORMED} & set(mine["reason"].tolist()), name
        assert len(np.unique(mine["target_id"])) > 1, f"{name} never wanted anything"
        assert len(np.unique(mine["inputs_hash"])) == len(mine)
    again = stage.replayed(state)
    assert again["differences"] == 0, again["first_difference"]
    looped = stage.answer("backtest", "--data", str(market), "--max-candles", str(summary["candles"]), *chosen)
    assert looped["decision_hash"] == again["decision_hash"]
    assert looped["difference"] == "0.00000000"
    for name in ("candles", "decisions", "fills", "equity_end", "unrealised", "funding"):
        assert looped[name] == summary[name], name
    assert stage.traces(state) == []
    if "basis" in names:
        _spots_were_there(said[said["strategy"] == names.index("basis")], market)
    return summary


def _spots_were_there(said: np.ndarray, market: Path) -> None:
    """Every decision was taken on the spot's very minute, to the ppm."""
    for row, symbol in enumerate(SYMBOLS):
        files = [market / f"{symbol.partition('/')[0]}USDT{kind}-1m.csv" for kind in ("", "-spot")]
        own, spot = ({int(one[0]) * 1_000_000: float(one[4]) for one in rows_of(file)} for file in files)
        mine = said[said["instrument"] == row]
        assert len(mine)
        for one in mine:
            at_ns = int(one["open_ns"])
            assert one["values"][1] == pytest.approx(1e6 * (own[at_ns] / spot[at_ns] - 1.0), abs=1e-6)


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a candle file."""
    return [line.split(",") for line in path.read_text().splitlines()[1:]]


@pytest.mark.timeout(600)
def test_every_strategy_decides_the_same_live_replayed_and_looped(tmp_path: Path):
    """Ours, found by walking, and a user's own file: hash for hash, unit for unit; none of them is cold.

    Their stops are far away.  Where a stop is hit while strategies hold opposite sides of an instrument, it may only
    reduce what is held net, and an order for the rest follows: that takes a moment in a session and none in a backtest.
    """
    own = tmp_path / "own.py"
    own.write_text(OWN)
    names = [*loader.names(), str(own)]
    assert len(names) == 8
    stops = [f"brain.strategy.{name}.stop_atr=200" for name in loader.names() if name != "smc"]
    stops += ["brain.strategy.smc.stop_atr_min=200", "brain.strategy.smc.stop_atr_max=300"]
    options = [word for each in (*stops, "engine.risk.orders_per_minute_max=1000") for word in ("--set", each)]
    assert shown(tmp_path, names, MINUTES, *options)["fills"] > 20


@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", loader.names())
def test_each_alone_does_too_with_its_own_stops(tmp_path: Path, name: str):
    """As it is set, for two hours and a half: its stops are hit where it has any."""
    shown(tmp_path, [name], 150)
