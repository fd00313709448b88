"""Binance's frames: what is read by which name, and what it answers to SUBSCRIBE."""

from feed.binance import Binance
from tests.feed.test_source import KLINE, MARK, QUOTE, TRADE, Ear


def test_frames_are_known_with_and_without_their_envelope():
    """A combined stream wraps what a single one sends bare."""
    spoken = Binance(Ear())
    for frame in (KLINE, TRADE, QUOTE, MARK):
        bare, wrapped = spoken.decoder(frame), spoken.decoder({"stream": "x", "data": frame})
        assert bare is not None
        assert bare == wrapped


def test_an_answer_to_subscribe_is_counted_and_another_is_not():
    """A null result with a number; an error has none."""
    spoken = Binance(Ear())
    assert spoken.is_subscription({"result": None, "id": 1})
    assert not spoken.is_subscription({"error": {"code": 2}, "id": 1})


def test_the_symbol_of_a_closed_candle_is_told_however_bad_the_rest_is():
    """By it the candle is asked for by REST."""
    spoken = Binance(Ear())
    assert spoken.closed_name({"s": "BTCUSDT", "k": {"x": True}}) == "BTCUSDT"
    assert (
        spoken.closed_name({"s": "BTCUSDT", "k": {"x": False}}) == spoken.closed_name({"s": 5, "k": {"x": True}}) == ""
    )
