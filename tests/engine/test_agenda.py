"""What waits for its time, and what is left alone after a failure."""

from engine.agenda import PAUSE_MS_MAX, Agenda
from engine.settings import ExecutorSettings

MS = 1_000_000


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
        agenda.fail("A", ["A"], 0, 0)
        assert not agenda.begin("A", 0)
        pauses.append(next(ms for ms in range(0, 40_000, 500) if agenda.due(ms * MS)))
    assert pauses == [500, 1000, 2000, 4000, 8000, 16000, PAUSE_MS_MAX, PAUSE_MS_MAX]
    agenda.succeed("A")
    agenda.fail("A", ["A", "B"], 0, 900)
    assert [agenda.begin(name, 899 * MS) for name in "AB"] == [False, False]
    assert [agenda.begin(name, 900 * MS) for name in "AB"] == [True, True]


def test_an_entry_that_failed_holds_entries_and_nothing_else():
    """Stops and exits are planned meanwhile; the instrument comes up when entries may be tried again."""
    agenda = Agenda(ExecutorSettings(retry_ms=500))
    agenda.fail("A", ["A", "B"], 0, 900, is_entry=True)
    assert agenda.begin("A", 0)
    assert agenda.is_empty
    assert (agenda.entries_wait_ns("B", 0), agenda.due(900 * MS)) == (900 * MS, ["B"])
    assert agenda.entries_wait_ns("B", 900 * MS) == 0


def test_who_wants_out_does_not_wait_for_a_hold_to_end():
    """One try is free; its failure holds again."""
    agenda = Agenda(ExecutorSettings())
    agenda.fail("A", ["A"], 0, 30_000)
    agenda.free()
    assert agenda.begin("A", 1)
