"""Backtests: bad input is one line, the result is reproducible, the exchange's books agree."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from brain.kernels import load_all
from orchestrator import cli, wiring
from orchestrator.research.backtest import Backtest
from orchestrator.settings import assemble
from tests.orchestrator.research.test_replay import HOURS
from tests.system.test_paper import write_market


@pytest.fixture(scope="module")
def market(tmp_path_factory) -> Path:
    """A folder with minutes of one contract."""
    folder = tmp_path_factory.mktemp("market")
    write_market(folder, ("BTC/USDT:USDT",), 1_300)
    return folder


def test_a_backtest_reports_trades_equity_and_agreement_with_the_exchange(market, tmp_path, capsys):
    """Every field that the command promises; what the trades made and what is open is what equity changed by."""
    out = tmp_path / "out"
    words = ["backtest", "--data", str(market), "--max-candles", "250", "--json", str(tmp_path / "b.json")]
    assert cli.main([*words, "--out", str(out)]) == 0
    found = json.loads((tmp_path / "b.json").read_text())
    promised = (
        "strategy settings candles orders trades equity_start equity_end return sharpe sortino max_drawdown "
        "profit_factor win_rate exposure decision_hash candles_per_second"
    )
    assert set(promised.split()) <= found.keys()
    assert (found["candles"], found["decisions"], found["difference"]) == (250, 250, "0.00000000")
    assert len(found["trades"]) >= 3
    assert {"symbol", "side", "quantity", "entry_time", "exit_reason", "funding"} <= found["trades"][0].keys()
    earned = sum(Decimal(trade["profit"]) for trade in found["trades"])
    gone = Decimal(found["equity_end"]) - Decimal(found["equity_start"]) - earned
    # the open trade's entry fee is in neither
    assert abs(gone - Decimal(found["unrealised"])) <= Decimal(found["fees"])
    assert json.loads((out / "report.json").read_text()) == found
    with (out / "trades.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found["trades"])
    assert len((out / "equity.csv").read_text().splitlines()) == 251
    assert "difference to the exchange's wallet" in capsys.readouterr().out


def test_a_backtest_is_the_same_every_time(market, tmp_path):
    """Nothing but the clock's own figures differs between two runs."""
    reports = []
    for name in ("one", "two"):
        place = tmp_path / f"{name}.json"
        assert cli.main(["backtest", "--data", str(market), "--max-candles", "120", "--json", str(place)]) == 0
        reports.append(json.loads(place.read_text()))
    for found in reports:
        del found["seconds"], found["candles_per_second"]
    assert reports[0] == reports[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--data", "nowhere"], "--data nowhere: there is no such file or folder"),
        (["--data", "MARKET", "--strategy", "trnd"], "did you mean trend"),
        (["--data", "MARKET", "--symbols", "ETH/USDT:USDT"], "--data {market}: no 1m candles of ETHUSDT"),
        (["--data", "MARKET", "--set", "brain.nothing=1"], "nothing"),
        (["--data", "MARKET", "--set", "market.universe.deny=['BTC']"], "is left; deny removed the most (2, e.g. BTC/"),
        (["--data", "MARKET", "--max-candles", "0"], "whole number of 1 or more"),
        (["--data", "MARKET", "--out", "/dev/null"], "--out /dev/null: not a writable folder: File exists"),
        (["--data", "MARKET", "--out", "/proc/nowhere"], "--out /proc/nowhere: not a writable folder"),
    ],
)
def test_bad_input_is_one_line_and_two(market, capsys, words, line):
    """The line names what is wrong; exit code 2."""
    words = [str(market) if word == "MARKET" else word for word in words]
    assert cli.main(["backtest", *words]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert line.format(market=market) in told


def test_after_a_hole_the_hours_before_it_are_there(tmp_path):
    """As in a session, where the feed fetches each when it closes: only minutes start again after a hole."""
    write_market(tmp_path, ("BTC/USDT:USDT",), 1_200)
    file, own = tmp_path / "BTCUSDT-1m.csv", tmp_path / "hours.py"
    rows = file.read_text().splitlines()
    file.write_text("\n".join(rows[:701] + rows[706:]) + "\n")  # minutes 700 to 704
    own.write_text(HOURS)
    settings = assemble("paper", None, [], {"market.source": [str(tmp_path)], "brain.strategies": [str(own)]})
    strategies = load_all(settings.brain, lambda *_: None)
    course = Backtest(wiring.market_of(settings.market, 0, 0), settings, strategies).run(None, lambda _: None)
    said = np.concatenate(course.decisions)
    first_ns = int(rows[1].split(",")[0]) * 1_000_000
    shown = {(int(one["open_ns"]) - first_ns) // 60_000_000_000: one["values"][:2].tolist() for one in said}
    assert shown[699] == [11.0, 700.0]
    assert shown[705] == [11.0, 1.0]
    assert shown[719] == [11.0, 15.0]  # the hour that holds the hole is not whole
    assert shown[779][0] == 13.0  # by now it was fetched, as the exchange has it, and the one that just closed as well
