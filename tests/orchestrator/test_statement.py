"""The statement on the terminal."""

import json
import time
from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.events import Deposited, Filled, Found, Listed, Started
from engine.journal import Journal
from orchestrator import cli, statement
from shm.records import Finding

NOON_NS = 1_763_640_000 * 10**9  # 2025-11-20T12:00


@pytest.fixture
def state(tmp_path):
    """One account with a deposit and a round trip."""
    journal = Journal(tmp_path / "accounts" / "binanceusdm-main", time.monotonic_ns)
    trades = [
        Filled(
            account="main", venue="binanceusdm", instrument="BTC/USDT:USDT", trade_id=number, intent_id=0,
            venue_order_id=str(number), side=side, lots=2, price_ticks=ticks, fee=5_000, is_maker=False,
            market_ns=NOON_NS + number * 10**9, wall_ns=1,
        )
        for number, side, ticks in ((7, 1, 1_000), (9, -1, 1_010))
    ]  # fmt: skip
    listed = Listed(instrument="BTC/USDT:USDT", venue="binanceusdm", tick_e8=10**7, lot_e8=10**5, unit=10_000)
    deposit = Deposited(account="main", venue="binanceusdm", amount=10**12, reference="opening", wall_ns=1)
    started = Started(run="r", account="main", venue="binanceusdm", wall_ns=1)
    journal.write([started, listed, deposit, *trades]).result()
    journal.close()
    return tmp_path


def test_the_statement_of_the_last_day_or_of_one_that_is_named(state, capsys):
    """Balances, lines and sums, exact to the last unit."""
    assert cli.main(["statement", "--state", str(state)]) == 0
    told = capsys.readouterr().out
    assert "account binanceusdm-main" in told
    assert "statement of 2025-11-20" in told
    assert "REALIZED_PNL BTC/USDT:USDT     9                                   0.00200000" in told
    assert "closing balance                                                        10000.00190000" in told
    assert cli.main(["statement", "--state", str(state), "--day", "2025-11-21"]) == 0
    assert "0 lines" in capsys.readouterr().out
    assert cli.main(["statement", "--state", str(state), "--day", "1969-12-31"]) == 0
    assert (
        "opening balance                                                            0.00000000"
        in capsys.readouterr().out
    )
    assert cli.main(["statement", "--state", str(state), "--day", "1970-01-01", "--account", "binanceusdm-main"]) == 0
    assert "TRANSFER" in capsys.readouterr().out


def test_a_statement_for_programs_is_one_object(state, capsys):
    """Lines with decimal text; opening, lines and closing add up."""
    assert cli.main(["statement", "--state", str(state), "--json", "-"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["accounts"]
    assert (account["account"], account["day"]) == ("binanceusdm-main", "2025-11-20")
    total = sum(Decimal(line["amount"]) for line in account["lines"])
    assert Decimal(account["opening"]) + total == Decimal(account["closing"]) == Decimal("10000.00190000")


@pytest.mark.parametrize(
    ("words", "line"), [(["--day", "today"], "today is no day"), (["--account", "other"], "no journal of other")]
)
def test_what_cannot_be_stated_is_said_in_a_line(state, capsys, words, line):
    """One line, exit code 2."""
    assert cli.main(["statement", "--state", str(state), *words]) == 2
    assert line in capsys.readouterr().err


def test_a_changed_journal_is_refused(state):
    """The chain of hashes is checked before anything is added up."""
    (path,) = state.glob("accounts/*/journal.db")
    path.write_bytes(b"")
    with pytest.raises(statement.BadInputError):
        statement.show(state, None, None)


def test_cash_that_no_line_explains_is_named(state, capsys):
    """How much, since when, and what a person can do; nothing once it agrees again."""
    journal = Journal(state / "accounts" / "binanceusdm-main", time.monotonic_ns)
    differs = Found(
        finding=Finding.CASH_DIFFERS, instrument="", intent_id=0, expected=10**12, found=10**12 - 5 * 10**8, text="",
        wall_ns=NOON_NS,
    )  # fmt: skip
    journal.write([differs]).result()
    assert cli.main(["statement", "--state", str(state)]) == 0
    told = capsys.readouterr().out
    assert "NOT EXPLAINED: on 2025-11-20 at 12:00:00 the exchange held 9995.00000000, 5.00000000 less" in told
    assert "adopt CASH --why" in told
    assert cli.main(["statement", "--state", str(state), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["accounts"][0]["unexplained"] == "-5.00000000"
    journal.write([replace(differs, finding=Finding.MATCH)]).result()
    journal.close()
    assert cli.main(["statement", "--state", str(state)]) == 0
    assert "NOT EXPLAINED" not in capsys.readouterr().out
