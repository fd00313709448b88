"""Both ways to a venue, the real one and the tests', offer the whole of what is asked; what all venues answer alike."""

import inspect

import pytest

from engine.order import CONDITIONAL, Event, OrderType
from engine.venue.base import Venue, taken_in
from engine.venue.live import LiveVenue
from tests.engine.fake_venue import FakeVenue
from tests.engine.venue.kraken_hall import approved

ASKED = sorted(name for name in vars(Venue) if not name.startswith("_"))


@pytest.mark.parametrize("name", ASKED)
def test_a_venue_offers_every_method(name):
    """A test on the fake proves nothing about a method that the real one has otherwise."""
    wanted = inspect.signature(getattr(Venue, name)).parameters
    assert inspect.signature(getattr(LiveVenue, name)).parameters.keys() == wanted.keys()
    if name != "instruments":
        assert inspect.signature(getattr(FakeVenue, name)).parameters.keys() == wanted.keys()


@pytest.mark.parametrize("kind", OrderType)
def test_an_order_that_was_taken_in_is_what_was_asked_for(kind):
    """Under the venue's number; what waits for a trigger is said to, and nothing has traded yet."""
    intent = approved(7, kind, side=-1, lots=3, price_ticks=5, stop_ticks=6, reduce_only=True).intent
    seen = taken_in(intent, "n1", 9)
    for name in ("client_id", "side", "lots", "price_ticks", "stop_ticks", "reduce_only"):
        assert getattr(seen, name) == getattr(intent, name), name
    assert (seen.symbol, seen.venue_order_id, seen.market_ns) == (intent.instrument, "n1", 9)
    assert (seen.event, seen.lots_filled, seen.is_conditional) == (Event.ACK, 0, kind in CONDITIONAL)
