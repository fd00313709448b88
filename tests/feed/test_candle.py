"""Reading is strict: what is not plainly a candle is refused."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from feed.candle import Candle, MalformedFrameError, from_frame, from_row, number, numbers, time_ns, whole

ROW = [1_700_000_040_000, "1.5", "2", "1", "1.8", "10", 1_700_000_099_999, "15", 7, "4", "6", "0"]
KLINE = {"t": 1_700_000_040_000, "o": "1.5", "h": "2", "l": "1", "c": "1.8", "v": "10", "q": "15", "V": "4", "Q": "6"}
EXPECTED = Candle(1_700_000_040 * 10**9, 1.5, 2.0, 1.0, 1.8, 10.0, 15.0, 4.0, 6.0, 7)


def test_a_rest_row_and_a_stream_frame_say_the_same():
    """Both forms of one candle are equal in every field."""
    assert from_row(ROW) == from_frame(KLINE | {"n": 7}) == EXPECTED


@pytest.mark.parametrize(
    "bad", ["NaN", "Infinity", "-inf", "1e999", "", "1_0", "0x10", None, True, [], {}, math.nan, 10**400]
)
def test_what_is_not_a_finite_number_is_refused(bad):
    """Every way to write no number, NaN or infinity is refused."""
    with pytest.raises(MalformedFrameError):
        number(bad)


def test_a_whole_number_too_large_for_a_float_is_refused():
    """JSON sets no limit to the digits of a number."""
    with pytest.raises(MalformedFrameError):
        number(10**400)


@pytest.mark.parametrize("bad", ["1.5", 1.5, True, None, "", "٣", 1 << 63, "9" * 30, "--1"])
def test_what_is_not_a_whole_number_is_refused(bad):
    """Counts and ids are whole and fit 64 bits."""
    with pytest.raises(MalformedFrameError):
        whole(bad)


@pytest.mark.parametrize("bad", [-1, 1 << 42, "soon"])
def test_a_time_lies_between_1970_and_2109(bad):
    """Milliseconds out of range cannot become a time."""
    with pytest.raises(MalformedFrameError):
        time_ns(bad)


junk = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.lists(st.integers(), max_size=2)
)


@example(ROW)
@given(
    st.lists(junk, max_size=14)
    | st.dictionaries(st.integers(0, 11), junk, max_size=3).map(lambda bad: [bad.get(i, v) for i, v in enumerate(ROW)])
)
def test_junk_rows_are_read_or_refused_never_anything_else(row):
    """Whatever a row holds, it becomes a finite candle or a MalformedFrameError."""
    try:
        found = from_row(row)
    except MalformedFrameError:
        return
    assert all(math.isfinite(value) for value in found)


@example({})
@given(st.dictionaries(st.sampled_from("tohlcvqVQn"), junk, max_size=3).map(lambda bad: KLINE | {"n": 7} | bad))
def test_junk_frames_are_read_or_refused_never_anything_else(frame):
    """The same for what a stream brings."""
    try:
        found = from_frame(frame)
    except MalformedFrameError:
        return
    assert all(math.isfinite(value) for value in found)


@pytest.mark.parametrize("bad", ["NaN", "inf", "-inf", "1_0", "x", None, True])
def test_one_bad_number_among_good_ones_is_refused(bad):
    """Read at once, they are judged as strictly as one by one."""
    assert numbers(["1.5", "2"]) == [1.5, 2.0]
    assert numbers([1.5, 2]) == [1.5, 2.0]
    with pytest.raises(MalformedFrameError):
        numbers(["1.5", bad, "-inf" if bad == "inf" else "2"])
