"""The short form of the campaign with a person in it."""

from tests.stress import visited
from tests.stress.visited import campaign


def test_people_and_faults_together_leave_nothing_uncovered_doubled_or_undone():
    """Four hundred schedules: strangers' trades and petitions among 18 faults, and everything agrees at the end."""
    tally = campaign(5, 0, 400)
    assert tally.failures == []
    assert (tally.schedules, tally.lives > 600, tally.fills > 700) == (400, True, True)


def test_an_entry_beside_a_strangers_lots_is_found_out(monkeypatch):
    """An engine that never hears of others' lots enters beside them, and the campaign says so."""
    monkeypatch.setattr("engine.hands.Hands.foreign_lots", lambda *_: 0)
    monkeypatch.setattr(visited.Watched, "foreign", staticmethod(_external))
    assert any("adds beside" in words for words in campaign(5, 0, 60).failures)


def _external(books):
    """What strangers hold."""
    return books.position(visited.SYMBOL, "external").lots
