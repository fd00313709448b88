"""Binance's side of the adapter: which frames are ours, and what ends its stream."""

from types import SimpleNamespace

import pytest

from engine.venue.base import ModesChanged
from engine.venue.binance_wire import BinanceWire
from engine.venue.wire import StreamOver
from shm.clock import SystemClock


@pytest.fixture
def wire():
    """A wire on a client that nobody dialled."""
    return BinanceWire(SimpleNamespace(options={"linear": {"listenKey": "old"}}), SystemClock())


def test_frames_that_are_not_private_are_left_to_ccxt(wire):
    """An answer to SUBSCRIBE, a list, market data."""
    assert wire.news({"result": None, "id": 1}) is None
    assert wire.news([]) is None
    assert wire.news({"e": "kline"}) is None


def test_a_change_of_modes_is_told(wire):
    """By the frame that names it."""
    (news,) = wire.news({"e": "ACCOUNT_CONFIG_UPDATE", "ai": {"j": True}})
    assert isinstance(news, ModesChanged)


def test_an_expired_key_ends_the_stream_and_the_next_one_has_its_own(wire):
    """ccxt has no word for it; a key that is kept would be refused by an exchange that was restarted."""
    with pytest.raises(StreamOver, match="expired"):
        wire.news({"e": "listenKeyExpired"})
    wire.forget()
    assert wire.client.options["linear"] == {}


def test_its_private_stream_is_known_by_the_key_in_its_name(wire):
    """And it is up as soon as it is open."""
    assert wire.is_private("wss://fstream.binance.com/private/ws?listenKey=abc")
    assert not wire.is_private("wss://fstream.binance.com/market/ws/1")
    assert wire.is_up_at_once()
