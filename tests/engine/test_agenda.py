"""What waits for its time, and what is left alone after a failure."""

import msgspec
import pytest

from engine.agenda import PAUSE_MS_MAX, Agenda, Kind, kind_of
from engine.settings import ExecutorSettings
from shm.records import Purpose
from tests.engine.test_exits import stop_of

MS = 1_000_000
EXIT = "A", Kind.EXIT


def test_what_is_due_comes_up_once():
    """At its time and not before; planning for it takes it off."""
    agenda = Agenda(ExecutorSettings())
    agenda.look_at("A", 100)
    assert (agenda.due(99), agenda.due(100), agenda.is_empty) == ([], ["A"], False)
    assert agenda.begin("A", 100)
    assert agenda.is_empty


def test_failures_hold_an_instrument_longer_each_time_and_a_success_ends_it():
    """500, 1000, 2000 ms ... at most 30 s; what the venue asks for counts when it is longer."""
    agenda = Agenda(ExecutorSettings(retry_ms=500))
    pauses = []
    for _ in range(8):
        agenda.fail(EXIT, ["A"], 0, 0, "RateLimited")
        assert not agenda.begin("A", 0)
        pauses.append(next(ms for ms in range(0, 40_000, 500) if agenda.due(ms * MS)))
    assert pauses == [500, 1000, 2000, 4000, 8000, 16000, PAUSE_MS_MAX, PAUSE_MS_MAX]
    agenda.succeed("A")
    agenda.fail(EXIT, ["A", "B"], 0, 900, "")
    assert [agenda.begin(name, 899 * MS) for name in "AB"] == [False, False]
    assert [agenda.begin(name, 900 * MS) for name in "AB"] == [True, True]


@pytest.mark.parametrize("kind", [Kind.ENTRY, Kind.TARGET])
def test_an_entry_or_a_target_that_failed_holds_its_like_and_nothing_else(kind):
    """Stops and exits are planned meanwhile; the instrument comes up when they may be tried again."""
    agenda = Agenda(ExecutorSettings(retry_ms=500))
    agenda.fail(("A", kind), ["A", "B"], 0, 900, "")
    assert agenda.begin("A", 0)
    assert agenda.is_empty
    assert (agenda.waits_ns(kind, "B", 0), agenda.due(900 * MS)) == (900 * MS, ["B"])
    assert agenda.waits_ns(kind, "B", 900 * MS) == 0


def test_who_wants_out_does_not_wait_for_a_hold_to_end():
    """One try is free; its failure holds again."""
    agenda = Agenda(ExecutorSettings())
    agenda.fail(EXIT, ["A"], 0, 30_000, "")
    agenda.free()
    assert agenda.begin("A", 1)
    agenda.fail(EXIT, ["A", "B"], 0, 30_000, "")
    agenda.free("A")
    assert [agenda.begin(name, 1) for name in "AB"] == [True, False]


@pytest.mark.parametrize(
    ("refusal", "most_ms"), [("Unreachable", 1_000), ("InvalidOrder", 1_000), ("NotPermitted", PAUSE_MS_MAX)]
)
def test_a_stop_or_an_exit_waits_a_second_at_most_where_a_second_try_may_help(refusal, most_ms):
    """Entries that failed before make its pause no longer; a venue that wants to be left alone is."""
    agenda = Agenda(ExecutorSettings(retry_ms=500))
    for _ in range(7):
        agenda.fail(("A", Kind.ENTRY), ["A"], 0, 0, "InsufficientFunds")
    for count in range(7):
        agenda.fail(EXIT, ["A"], 0, 0, refusal)
        assert agenda.begin("A", min(500 << count, most_ms) * MS)
        assert not agenda.begin("A", min(500 << count, most_ms) * MS - 1)


def test_an_order_is_an_entry_a_target_or_protects():
    """What only reduces is held as one, whether it rests or closes; a take-profit can wait."""
    stop = stop_of(1, 3)
    kinds = [
        kind_of(msgspec.structs.replace(stop, purpose=purpose, reduce_only=purpose is not Purpose.ENTRY))
        for purpose in (Purpose.STOP, Purpose.EXIT, Purpose.FLATTEN, Purpose.ENTRY, Purpose.TAKE_PROFIT)
    ]
    assert kinds == [Kind.EXIT, Kind.EXIT, Kind.EXIT, Kind.ENTRY, Kind.TARGET]
