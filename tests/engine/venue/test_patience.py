"""A venue that cannot answer yet, and one that wants to be left alone."""

import asyncio
from random import Random

import pytest

from engine import errors
from engine.venue import patience
from engine.venue.patience import Ban, asked_again


def venue(*failures):
    """A question that fails so often before it is answered, and how often it was asked."""
    left, asked = list(failures), []

    async def ask():
        asked.append(1)
        if left:
            raise left.pop(0)

    return ask, asked


def test_a_venue_in_maintenance_at_the_start_is_asked_again(monkeypatch):
    """Three failures, then an answer; a venue that never answers, or says no, ends it."""
    monkeypatch.setattr(patience, "PAUSE_S", 0.0)
    ask, asked = venue(errors.Unknown("503"), errors.RateLimited("418"), errors.Unreachable("x"))
    asyncio.run(asked_again(ask, Random(1).random))
    assert len(asked) == 4
    ask, asked = venue(*[errors.Unknown("503")] * 9)
    with pytest.raises(errors.Unknown):
        asyncio.run(asked_again(ask, Random(1).random))
    assert len(asked) == patience.ATTEMPTS_MAX
    with pytest.raises(errors.NotPermitted):
        asyncio.run(asked_again(venue(errors.NotPermitted("keys"))[0], Random(1).random))


def test_a_ban_lasts_as_long_as_the_venue_said():
    """Milliseconds left, rounded up; a shorter one does not shorten it."""
    ban = Ban()
    assert ban.left_ms(5) == 0
    assert ban.hear({"Retry-After": "2"}, 0) == 2_000
    assert ban.hear({"Retry-After": "1"}, 0) == 1_000
    assert ban.hear(None, 0) == 0
    assert (ban.left_ms(0), ban.left_ms(1_999_999_999), ban.left_ms(2_000_000_000)) == (2_000, 1, 0)


def test_a_ban_that_names_no_time_is_as_long_as_it_usually_is():
    """Some exchanges shut out for ten minutes and say nothing; a time that is said counts more."""
    ban = Ban()
    assert ban.hear({}, 0, usual_ms=600_000) == 600_000
    assert ban.left_ms(0) == 600_000
    assert ban.hear({"Retry-After": "2"}, 0, usual_ms=600_000) == 2_000
    assert ban.left_ms(0) == 600_000
