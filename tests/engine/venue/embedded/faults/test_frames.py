"""One candle's message, and what each kind of fault makes of it."""

import orjson
import pytest

from engine.venue.embedded.faults.frames import distort, text
from engine.venue.embedded.faults.kinds import KINDS, Place

KLINE = {"t": 60_000, "s": "BTCUSDT", "i": "1m", "x": True}
KLINE |= {"o": "10.0", "h": "12.0", "l": "9.0", "c": "11.0", "v": "4", "q": "40", "V": "2", "Q": "20", "n": 3}
MESSAGE = {"e": "kline", "E": 120_000, "s": "BTCUSDT", "k": KLINE}


def after(kind, value=""):
    """The distorted message, by the kind's own value when none is given."""
    return distort(kind, MESSAGE, value or KINDS[kind].value)


def test_no_fault_changes_the_message_itself():
    """Every kind that strikes candles leaves the original untouched."""
    before = orjson.dumps(MESSAGE)
    for name, kind in KINDS.items():
        if kind.place in (Place.CANDLE, Place.FORMING) and name != "frozen":
            after(name)
    assert orjson.dumps(MESSAGE) == before


def test_frames_are_lost_doubled_and_delayed():
    """Nothing, two, and the same text later."""
    plain = text(MESSAGE)
    assert after("gap").now == () == after("gap").later
    assert after("duplicate").now == (plain, plain)
    assert (after("late").now, after("late").later, after("late").after) == ((), (plain,), 2)
    assert (after("out_of_order").later, after("out_of_order").after) == ((plain,), 1)


def test_a_corrected_candle_is_first_another_one():
    """It closes at its open with half of the volume, well formed; the truth comes one candle later."""
    done = after("corrected")
    first = orjson.loads(done.now[0])["k"]
    assert (first["c"], first["v"], first["x"]) == ("10.0", "2", True)
    assert done.later == (text(MESSAGE),)


@pytest.mark.parametrize(("value", "wire"), [("NaN", "NaN"), ("1e999", "1e999"), ("null", None), ("-1", "-1")])
def test_prices_that_are_none(value, wire):
    """Whatever the schedule asks for stands in the frame."""
    assert orjson.loads(after("nan", value).now[0])["k"]["c"] == wire


def test_frames_lie():
    """Absurd prices, another symbol, a flag that is not true, half a text, six megabytes."""
    assert orjson.loads(after("absurd").now[0])["k"]["c"] == "110.0"
    wrong = orjson.loads(after("wrong_symbol", "ETHUSDT").now[0])
    assert (wrong["s"], wrong["k"]["s"]) == ("ETHUSDT", "ETHUSDT")
    assert orjson.loads(after("unclosed").now[0])["k"]["x"] is True
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(after("truncated").now[0])
    assert len(after("huge").now[0]) > 6_000_000
