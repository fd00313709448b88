"""Commentary: each first thing is said once, in words."""

from pathlib import Path

import numpy as np

from orchestrator.commentary import Commentary, clock_text, duration, money
from shm.memory import Memory
from shm.records import DECISION, ORDER_EVENT, OrderEventKind, OrderState, Purpose, Reason
from tests.orchestrator.sessions import session_in


def test_first_things_are_said_once(memory: Memory, tmp_path: Path):
    """Decision, order, stop and fill, each with its numbers."""
    assert memory.role == "supervisor"
    session = session_in(tmp_path)
    commentary = Commentary(Memory.attach("test", "monitor"), session.instruments, session.values)
    decisions = Memory.attach("test", "brain").ring_writer("DECISIONS")
    events = Memory.attach("test", "engine").ring_writer("ORDER_EVENTS")
    decision, event = np.zeros(1, DECISION), np.zeros(1, ORDER_EVENT)
    decision["kind"], decision["reason"] = 1, Reason.FLAT
    event["side"], event["lots"], event["price_ticks"] = 1, 5, 1_000_000
    for _ in range(2):
        decisions.publish(decision)
        for kind, purpose, state in (
            (OrderEventKind.INTENT, Purpose.ENTRY, OrderState.NEW),
            (OrderEventKind.FILL, Purpose.ENTRY, OrderState.FILLED),
            (OrderEventKind.STATE, Purpose.STOP, OrderState.OPEN),
        ):
            event["kind"], event["purpose"], event["state"] = kind, purpose, state
            events.publish(event)
    lines = commentary.lines()
    assert lines[0].startswith("first decision  BTC: no trade, trend flat")
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "first order buy 0.005 BTC at 100000.0",
        "first fill buy 0.005 BTC at 100000.0",
        "first stop buy 0.005 BTC at 100000.0",
    ]
    assert commentary.has_told == {"decision", "order", "fill", "stop"}
    assert commentary.lines() == []


def test_the_roll_is_called_in_the_commentary(memory: Memory, tmp_path: Path):
    """When the last symbol has decided for the first time, that is said."""
    assert memory.role == "supervisor"
    session = session_in(tmp_path)
    commentary = Commentary(Memory.attach("test", "monitor"), session.instruments, session.values)
    decisions, decision = Memory.attach("test", "brain").ring_writer("DECISIONS"), np.zeros(1, DECISION)
    decision["kind"], decision["reason"] = 1, Reason.FLAT
    for row in range(len(session.instruments)):
        for strategy in range(len(session.values)):
            decision["instrument"], decision["strategy"] = row, strategy
            decisions.publish(decision)
    count = len(session.instruments)
    assert commentary.lines()[-1] == f"every symbol has its first decision ({count} of {count})"


def test_money_and_time_read_like_a_person_writes_them():
    """Minor units become amounts, nanoseconds hours and minutes."""
    assert money(10_000_012_345_678) == "100,000.12"
    assert clock_text(45_060 * 10**9) == "12:31"


def test_a_duration_is_read_by_people():
    """Microseconds up to a millisecond, milliseconds above, a dash before the first."""
    assert [duration(ns) for ns in (0, 31_400, 999_000, 1_409_000_000)] == ["-", "31 us", "999 us", "1409 ms"]
