"""Every verdict, and what no stream may do to a series."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.candle import Candle
from feed.continuity import MEMORY, Series, Verdict, is_well_formed, is_within_band
from tests.recordings import DATA

STEP = 60_000_000_000


def candle(minute, close=100.0, **changes):
    """A plain candle of minute number ``minute``."""
    return Candle(minute * STEP, close, close * 1.01, close * 0.99, close, 5.0, trades=3)._replace(**changes)


def begun(*minutes):
    """A series that published ``minutes``."""
    series = Series(STEP, 0.25)
    for sequence, minute in enumerate(minutes):
        series.admit(candle(minute), sequence)
    return series


def judged(series, given_candle, now=None, **how):
    """The verdict at the candle's own end, unless told otherwise."""
    return series.judge(given_candle, given_candle.open_ns + STEP if now is None else now, **how)


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    "changes",
    [
        {"open": NAN},
        {"high": NAN},
        {"low": NAN},
        {"close": NAN},
        {"volume": NAN},
        {"close": INF},
        {"low": -INF},
        {"volume": INF},
        {"quote_volume": NAN},
        {"taker_volume": -1.0},
        {"open": 0.0},
        {"low": 0.0},
        {"low": -5.0},
        {"volume": -0.1},
        {"high": 99.5},
        {"low": 100.5},
        {"high": 90.0, "low": 110.0},
        {"trades": -1},
    ],
    ids=str,
)
def test_what_cannot_be_a_candle_is_malformed(changes):
    """NaN, infinity, zero, negative, and a high or low that does not hold the rest are MALFORMED."""
    assert judged(begun(1), candle(2)._replace(**changes)) is Verdict.MALFORMED


@pytest.mark.parametrize(
    ("given_candle", "how", "verdict"),
    [
        (candle(3), {}, Verdict.NEXT),
        (candle(2), {}, Verdict.DUPLICATE),
        (candle(1), {}, Verdict.DUPLICATE),
        (candle(2, 101.0), {}, Verdict.CORRECTED),
        (candle(2, 10.0), {}, Verdict.ABSURD),  # another symbol's, or a slipped point: no correction
        (candle(0), {}, Verdict.LATE),
        (candle(4), {}, Verdict.GAP),
        (candle(400), {}, Verdict.GAP),
        (candle(3, open_ns=3 * STEP + 1), {}, Verdict.OFF_GRID),
        (candle(3), {"closed": False}, Verdict.UNCLOSED),
        (candle(3), {"now": 4 * STEP - 2_000_000}, Verdict.UNCLOSED),
        (candle(3), {"now": 4 * STEP - 1_000_000}, Verdict.NEXT),
        (candle(3), {"now": 3 * STEP - 1}, Verdict.FUTURE),
        (candle(3, 1000.0), {}, Verdict.ABSURD),
        (candle(3, 10.0), {}, Verdict.ABSURD),
        (candle(3, low=70.0), {}, Verdict.ABSURD),
        (candle(3, high=140.0), {}, Verdict.ABSURD),
        (candle(3, 1000.0), {"confirmed": True}, Verdict.NEXT),
    ],
)
def test_each_verdict(given_candle, how, verdict):
    """After minutes 1 and 2 at a price of 100 each candle gets its verdict, and the verdict is counted."""
    series = begun(1, 2)
    assert judged(series, given_candle, **how) is verdict
    assert series.counts[verdict] == sum(series.counts.values()) == 1


def test_a_first_candle_is_next():
    """A series that never published has nothing to compare with."""
    assert judged(Series(STEP, 0.25), candle(7, 1e-9)) is Verdict.NEXT


def test_an_absurd_candle_leaves_the_band_where_it_was():
    """Refusing 1000 after 100 does not move the reference: 101 is next, and 1000 is refused again."""
    series = begun(1)
    assert judged(series, candle(2, 1000.0)) is Verdict.ABSURD
    assert judged(series, candle(2, 1000.0)) is Verdict.ABSURD
    assert judged(series, candle(2, 101.0)) is Verdict.NEXT


def test_a_late_candle_corrects_its_missing_record():
    """What was published as MISSING and turns up later is a correction of that record."""
    series = begun(1)
    series.admit_missing(2 * STEP, 17)
    assert judged(series, candle(2)) is Verdict.CORRECTED
    assert series.sequence_of(2 * STEP) == 17
    assert judged(series, candle(3)) is Verdict.NEXT


def test_memory_is_bounded():
    """Beyond a day of minutes a repeat is LATE, no longer a DUPLICATE."""
    series = begun(*range(MEMORY + 5))
    assert judged(series, candle(4)) is Verdict.LATE
    assert judged(series, candle(5)) is Verdict.DUPLICATE


def test_the_band_is_the_same_both_ways():
    """A fall by a quarter and the rise that undoes it are both just within a band of 0.25."""
    assert is_within_band(candle(1, 100.0, high=100.0, low=75.0), 100.0, 0.25)
    assert is_within_band(candle(1, 75.0, high=100.0, low=75.0), 75.0, 0.25)


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=50.0, max_value=150.0)
thrown = st.tuples(
    st.builds(
        Candle,
        st.integers(0, 40).map(lambda minute: minute * STEP) | st.integers(-(10**12), 10**13),
        *[numbers] * 5,
        trades=st.integers(-1, 5),
    )
    | st.builds(candle, st.integers(0, 40), st.sampled_from([100.0, 101.0, 1000.0])),
    st.booleans(),
    st.integers(0, 45).map(lambda minute: minute * STEP),
)
plausible = st.tuples(
    st.builds(candle, st.integers(0, 3), st.sampled_from([100.0, 101.0, 1000.0])), st.just(True), st.just(45 * STEP)
)


def test_whatever_is_thrown_what_passes_is_an_unbroken_series():
    """NEXT candles ascend by exactly one step, on the grid, finite, closed; published + refused == given."""
    lengths = []

    @settings(max_examples=300, deadline=None)
    @given(st.lists(thrown | plausible, max_size=60))
    def thrown_at_a_series(throws):
        lengths.append(check_series(throws))

    thrown_at_a_series()
    assert max(lengths) >= 3, "some of what was thrown made a series"


def check_series(throws):
    """How many of ``throws`` pass; those are an unbroken series."""
    series, passed = Series(STEP, 0.25), []
    for given_candle, closed, now_ns in throws:
        if series.judge(given_candle, now_ns, closed=closed) is Verdict.NEXT:
            series.admit(given_candle, len(passed))
            passed.append(given_candle)
            assert closed
            assert given_candle.open_ns + STEP <= now_ns + 1_000_000
    assert [each.open_ns for each in passed] == [passed[0].open_ns + i * STEP for i in range(len(passed))]
    assert all(each.open_ns % STEP == 0 and is_well_formed(each) for each in passed)
    for before, after in itertools.pairwise(passed):
        assert is_within_band(after, before.close, 0.25)
    refused = sum(count for verdict, count in series.counts.items() if verdict is not Verdict.NEXT)
    assert series.counts[Verdict.NEXT] == len(passed)
    assert len(passed) + refused == len(throws)
    return len(passed)


def absurd_in(name, timeframe_s):
    """How many candles of a recorded file leave the default band."""
    pq = pytest.importorskip("pyarrow.parquet")
    path = DATA / "candles" / name
    if not path.exists():
        pytest.skip(f"no market data: {path}")
    table = pq.read_table(path).to_pydict()
    step = timeframe_s * 10**9
    series = Series(step, 0.25)
    names = ("open", "high", "low", "close", "volume")
    for time, *values in zip(table["open_time"], *(table[n] for n in names), strict=True):
        each = Candle(int(time.timestamp()) * 10**9, *values)
        verdict = series.judge(each, each.open_ns + step)
        assert verdict in (Verdict.NEXT, Verdict.ABSURD, Verdict.GAP)
        series.admit(each)
    return series.counts[Verdict.ABSURD]


def test_a_real_collapse_is_not_absurd():
    """LAYERUSDT lost half its price on 5 and 6 May 2025, minute by minute: no minute of it is refused."""
    assert absurd_in("binance_usdm/LAYERUSDT-1m.parquet", 60) == 0


def test_a_real_but_incredible_bar_is_doubted():
    """The bar of 2017-08-22 12:00 with its range of 115 % is one that REST has to confirm."""
    assert absurd_in("binance_spot/ETHUSDT-4h-2017_2019.parquet", 14_400) >= 1
