"""Why: a recorded decision, found by symbol and time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brain.words import WORDS
from orchestrator import session as sessions
from orchestrator import why
from orchestrator.settings import BadInputError
from orchestrator.tape import Tape
from shm.records import DECISION, Reason
from tests.orchestrator.sessions import session_in

MINUTE = 60 * 10**9


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with one session of one decision: BTC, candle of 00:01."""
    session = session_in(tmp_path)
    sessions.save(session)
    record = np.zeros(1, DECISION)
    record["kind"], record["reason"], record["open_ns"], record["timeframe_s"] = 1, Reason.FLAT, MINUTE, 60
    tape = Tape(session.path / "decisions", DECISION)
    tape.append(0, record)
    tape.rotate()
    return tmp_path


def test_the_decision_of_the_candle_that_covers_the_time(state: Path, capsys: pytest.CaptureFixture[str]):
    """Any second of the minute finds it."""
    assert why.explain(state, None, ("BTC/USDT:USDT", "1970-01-01T00:01:59")) == 0
    assert "BTC: no trade, trend flat" in capsys.readouterr().out
    assert why.explain(state, None, ("BTC/USDT:USDT", "1970-01-01T00:01:59"), "-") == 0
    (one,) = json.loads(capsys.readouterr().out)["decisions"]
    assert (one["symbol"], one["time"], one["amount"]) == ("BTC/USDT:USDT", "1970-01-01T00:01", 0)
    assert "no trade, trend flat" in one["words"]


@pytest.mark.parametrize(
    ("symbol", "time", "line"),
    [
        ("FOO/USDT:USDT", "1970-01-01T00:01", "FOO/USDT:USDT was not traded"),
        ("BTC/USDT:USDT", "noon", "noon is no time"),
        ("BTC/USDT:USDT", "1970-01-01T00:02", "recorded are 1970-01-01T00:01 to 1970-01-01T00:01"),
        ("ETH/USDT:USDT", "1970-01-01T00:01", "nothing was recorded"),
    ],
)
def test_what_is_not_there_is_said(state: Path, symbol: str, time: str, line: str):
    """The line says what there is instead."""
    with pytest.raises(BadInputError, match=line):
        why.explain(state, None, (symbol, time))


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.name)
def test_every_reason_is_answered_in_its_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], reason: Reason):
    """The closed list, walked: a sentence that no other reason has, the values that mattered, the inputs' hash."""
    session = replace(session_in(tmp_path), values=(("fast", "slow", "band"),))
    sessions.save(session)
    record = np.zeros(1, DECISION)
    record["kind"], record["reason"], record["open_ns"], record["timeframe_s"] = 1, reason, MINUTE, 60
    record["values"], record["inputs_hash"] = [1.5, 2.5, 0.25], 0xABCDEF
    tape = Tape(session.path / "decisions", DECISION)
    tape.append(0, record)
    tape.rotate()
    assert why.explain(tmp_path, None, ("BTC/USDT:USDT", "1970-01-01T00:01")) == 0
    said = capsys.readouterr().out
    assert f"BTC: {WORDS[reason]}" in said
    assert list(WORDS.values()).count(WORDS[reason]) == 1
    assert ("fast 1.5" in said) == (reason not in (Reason.COLD, Reason.HOLE))
    assert "inputs 0000000000abcdef" in said


def test_every_refusal_to_trade_says_so():
    """Whatever takes no side begins with the words for it, and nothing else does."""
    sides = {Reason.LONG, Reason.SHORT, Reason.HELD, Reason.EXIT, Reason.REACHED}
    for reason, words in WORDS.items():
        assert words.startswith(("no trade", "no opinion")) == (reason not in sides)
