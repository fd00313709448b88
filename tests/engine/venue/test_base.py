"""Both ways to a venue, the real one and the tests', offer the whole of what is asked."""

import inspect

import pytest

from engine.venue.base import Venue
from engine.venue.live import LiveVenue
from tests.engine.fake_venue import FakeVenue

ASKED = sorted(name for name in vars(Venue) if not name.startswith("_"))


@pytest.mark.parametrize("name", ASKED)
def test_a_venue_offers_every_method(name):
    """A test on the fake proves nothing about a method that the real one has otherwise."""
    wanted = inspect.signature(getattr(Venue, name)).parameters
    assert inspect.signature(getattr(LiveVenue, name)).parameters.keys() == wanted.keys()
    if name != "instruments":
        assert inspect.signature(getattr(FakeVenue, name)).parameters.keys() == wanted.keys()
