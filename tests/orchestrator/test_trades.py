"""What was traded, on the terminal and for programs."""

import json
import time

import pytest

from engine.events import Deposited, Filled, Listed, Started
from engine.journal import Journal
from orchestrator import cli

NOON_NS = 1_763_640_000 * 10**9  # 2025-11-20T12:00
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


def traded(number: int, symbol: str, lots: int, ticks: int) -> Filled:
    """A trade ``number`` minutes after noon."""
    return Filled(
        account="main",
        venue="v",
        instrument=symbol,
        trade_id=number,
        intent_id=0,
        venue_order_id="",
        side=1 if lots > 0 else -1,
        lots=abs(lots),
        price_ticks=ticks,
        fee=5_000,
        is_maker=False,
        market_ns=NOON_NS + number * 60 * 10**9,
        wall_ns=1,
    )


@pytest.fixture
def state(tmp_path):
    """An account with a trade that is over and one that is open."""
    journal = Journal(tmp_path / "accounts" / "v-main", time.monotonic_ns)
    listed = [Listed(instrument=one, venue="v", tick_e8=10**7, lot_e8=10**5, unit=10_000) for one in (BTC, ETH)]
    started = Started(run="r", account="main", venue="v", wall_ns=1)
    deposit = Deposited(account="main", venue="v", amount=10**12, reference="opening", wall_ns=1)
    trades = [
        traded(1, BTC, 2, 1_000),
        traded(2, BTC, -2, 1_010),
        traded(3, ETH, -5, 30_000),
        traded(4, ETH, 1, 29_000),
    ]
    journal.write([started, *listed, deposit, *trades]).result()
    journal.close()
    return tmp_path


def told(state, capsys, *words: str) -> dict:
    """What the command writes for programs."""
    assert cli.main(["trades", "--state", str(state), "--json", "-", *words]) == 0
    (account,) = json.loads(capsys.readouterr().out)["accounts"]
    return account


def test_trades_that_are_over_and_open_are_told_apart(state, capsys):
    """Prices are averages of what was filled, amounts are exact; an open trade has no profit yet."""
    account = told(state, capsys)
    (done,), (still,) = account["trades"], account["open"]
    assert done == {
        "symbol": BTC,
        "strategy": "external",
        "side": "long",
        "quantity": "0.002",
        "entry_time": "2025-11-20T12:01",
        "entry_price": "100.00000000",
        "exit_time": "2025-11-20T12:02",
        "exit_price": "101.00000000",
        "fees": "0.00010000",
        "funding": "0.00000000",
        "profit": "0.00190000",
        "exit_reason": "not ours",
    }
    assert account["profit"] == "0.00190000"
    assert (still["side"], still["quantity"], still["exit_price"], still["profit"]) == (
        "short",
        "0.005",
        "2900.00000000",
        "",
    )


def test_positions_are_told_step_by_step(state, capsys):
    """Signed quantities before and after, and what each step realised."""
    steps = told(state, capsys, "--symbol", ETH)["positions"]
    assert [(one["before"], one["after"], one["price"], one["realised"]) for one in steps] == [
        ("0", "-0.005", "3000.00000000", "0.00000000"),
        ("-0.005", "-0.004", "2900.00000000", "0.10000000"),
    ]


def test_people_read_a_table(state, capsys):
    """A head, a line each, and the sum; another strategy's is empty."""
    assert cli.main(["trades", "--state", str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "account v-main"
    assert lines[1].startswith("symbol         strategy  side   quantity  entry time")
    assert lines[-1] == "1 trades are over, 1 open, profit 0.00190000"
    assert cli.main(["trades", "--state", str(state), "--positions"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 1 + 4
    assert cli.main(["trades", "--state", str(state), "--strategy", "trend"]) == 0
    assert "nothing was traded" in capsys.readouterr().out


def test_an_unknown_symbol_is_named_beside_those_there_are(state, capsys):
    """One line, exit code 2."""
    assert cli.main(["trades", "--state", str(state), "--symbol", "XRP"]) == 2
    assert "--symbol XRP: v-main has traded BTC/USDT:USDT, ETH/USDT:USDT" in capsys.readouterr().err
