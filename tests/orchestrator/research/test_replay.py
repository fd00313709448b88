"""Replay: what was recorded comes out again, and what was tampered with does not."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brain.strategies import loader
from brain.timeframes import resample
from orchestrator import session as sessions
from orchestrator.recorder import PAST
from orchestrator.research.replay import decision_hash, replay
from orchestrator.session import Session
from orchestrator.settings import BadInputError, build
from orchestrator.tape import Tape
from shm.records import DECISION, MARKET, POSITION
from tests.brain.market import WARM, Market, lived, missing, walk
from tests.orchestrator.sessions import session_in

Tamper = Callable[[np.ndarray, np.ndarray], None]


def record(state: Path, stops: tuple[int, ...] = (), tamper: Tamper | None = None) -> Session:
    """Return a session whose brain died at ``stops``; ``tamper`` changes what is then saved."""
    candles = walk(1000)
    stopped = np.zeros(1, POSITION)
    stopped["stopped_side"], stopped["lots"] = 1, 3
    market, _ = lived([loader.load("trend")], candles, stops, [(120, stopped)])
    minutes, decisions = market.everything("MARKET"), market.everything("DECISIONS")
    if tamper:
        tamper(minutes, decisions)
    session = session_in(state)
    session = replace(session, instruments=(replace(session.instruments[0], tick_e8=1_000_000),))
    sessions.save(session)
    for place, dtype, records in (
        ("market", MARKET, minutes),
        ("decisions", DECISION, decisions),
        (PAST, MARKET, candles[:WARM]),
    ):
        tape = Tape(session.path / place, dtype)
        tape.append(0, records)
        tape.rotate()
    return session


@pytest.mark.parametrize("stops", [(), (1,), (150, 151, 200)])
def test_a_recorded_session_decides_the_same_again(tmp_path, capsys, stops):
    """Three hundred decisions in as many lives as the brain had, with a stop on the way: identical."""
    session = record(tmp_path, stops)
    assert replay(tmp_path, session.path, None) == 0
    lives = f"{1 + len(stops)} {'epochs' if stops else 'epoch'} of the brain"
    assert capsys.readouterr().out.startswith(f"300 candles, 300 decisions, {lives}: every decision identical")


def raise_a_close(candles, _):
    """One candle closes elsewhere than the brain saw."""
    candles["close"][100] *= 1.001


def turn_a_decision(_, decisions):
    """One decision says another amount."""
    decisions["amount"][50] *= -1


def hide_a_stop(_, decisions):
    """A decision claims another position than its inputs' hash has."""
    decisions["position_lots"][130] = 7


@pytest.mark.parametrize(
    ("tamper", "names"),
    [(raise_a_close, "inputs_hash"), (turn_a_decision, "amount"), (hide_a_stop, "inputs_hash")],
)
def test_what_was_changed_afterwards_is_found(tmp_path, capsys, tamper, names):
    """The first difference is told in words, with the fields; the exit code is 1."""
    session = record(tmp_path, (), tamper)
    assert replay(tmp_path, session.path, str(tmp_path / "out.json")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("first difference: ")
    assert names in lines[1].rsplit(";", 1)[1]
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["differences"] >= 1
    assert found["first_difference"] == lines[1].removeprefix("first difference: ")


def test_a_lost_candle_is_not_passed_over(tmp_path, capsys):
    """A decision about a candle that is not on the tape cannot be proved, and that is a difference."""

    def lose(candles, _):
        candles["kind"][10] = 9

    session = record(tmp_path, (), lose)
    assert replay(tmp_path, session.path, None) == 1
    assert "difference" in capsys.readouterr().out


HOURS = '''"""Hours: how many it was shown since it was warmed up."""
from dataclasses import dataclass
import numpy as np
from brain.strategies.base import HELD, QUIET, kernel, note
TIMEFRAMES = ("1m", "1h")
VALUES = ("hours", "minutes")
@dataclass(frozen=True)
class Settings:
    nothing: int = 0
STATE = np.dtype([("hours", "<i8"), ("minutes", "<i8")])
@kernel
def decide(state, settings, candle, position, target):
    if candle.timeframe_s != 60:
        state.hours += 1
        return HELD
    state.minutes += 1
    note(target, 1.0 * state.hours, 1.0 * state.minutes, 0.0)
    return QUIET
'''


@pytest.mark.parametrize(("fetched_after", "hours"), [(0, 13), (6, 0)])
def test_an_hour_is_there_from_when_the_feed_had_fetched_it(tmp_path, capsys, fetched_after, hours):
    """A hole over an hour's end: the brain was warmed up with that hour, or a few minutes before REST brought it.

    In both cases the replay shows what the brain was shown then, and not what is on the tape by now.
    """
    own = tmp_path / "hours.py"
    own.write_text(HOURS)
    market, minutes = Market(), walk(1000)
    past = resample(minutes, 3600)
    past["provenance"] = minutes["provenance"][0]
    hole, end = 776, 782  # minute 780 ends the hour
    market.remember(minutes[:WARM])
    market.remember(past[:11])
    brain = market.think([loader.load(str(own))])
    for n in range(WARM, 800):
        if n == end + fetched_after:
            past["published_ns"][11:13] = time.monotonic_ns()
            market.remember(past[11:13])
        one = minutes[n : n + 1].copy()
        one["published_ns"] = time.monotonic_ns()
        market.publish(missing(one[0]) if hole <= n < end else one)
        brain.think()
    said = market.everything("DECISIONS")
    assert said["values"][said["open_ns"] == minutes["open_ns"][end], 0].tolist() == [hours]
    session = session_in(tmp_path)
    session = replace(
        session,
        instruments=(replace(session.instruments[0], tick_e8=1_000_000),),
        settings=build({"brain": {"strategies": [str(own)]}}),
        strategies=("hours",),
        values=(("hours", "minutes"),),
    )
    sessions.save(session)
    tapes = (
        ("market", market.everything("MARKET")),
        ("decisions", said),
        (PAST, np.concatenate([minutes[:WARM], past])),
    )
    for place, records in tapes:
        tape = Tape(session.path / place, records.dtype)
        tape.append(0, records)
        tape.rotate()
    assert replay(tmp_path, session.path, None) == 0, capsys.readouterr().out


def test_an_empty_recording_is_refused(tmp_path):
    """There is nothing to prove; the line says so."""
    session = session_in(tmp_path)
    sessions.save(session)
    with pytest.raises(BadInputError, match="no decision was recorded"):
        replay(tmp_path, session.path, None)


def test_the_hash_of_what_was_decided_ignores_sequences_epochs_and_clocks():
    """The same decisions under other numbers have the same hash; another amount has another."""
    one = np.zeros(3, DECISION)
    one["open_ns"] = [1, 2, 3]
    other = one.copy()
    other["market_seq"], other["epoch"], other["decided_ns"], other["target_id"] = 5, 2, 7, 9
    assert decision_hash(one) == decision_hash(other[::-1])
    other["amount"][0] = 1
    assert decision_hash(one) != decision_hash(other)
