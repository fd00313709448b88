"""What exits remember of a trade: ladder, break-even, trailing, time, abandon ship, in ticks and lots."""

from decimal import Decimal
from fractions import Fraction

import pytest

from engine import trip as trips
from engine.messages import Candle
from engine.settings import ExitSettings
from engine.trip import Entry, Rung, Trip

MINUTE = trips.MINUTE_NS


def decimals(*texts):
    """Settings as an operator writes them."""
    return tuple(map(Decimal, texts))


def long_trip(lots=10, **more):
    """Long at 1000 with a stop at 900: R is 100."""
    return Trip(side=1, lots=lots, entry_ticks=1000, risk_ticks=100, opened_ns=5, peak_ticks=1000, **more)


def minute(number, low, high, close):
    """The candle of minute ``number``."""
    return Candle(
        instrument="X", open_ns=number * MINUTE, close_ns=(number + 1) * MINUTE, high_ticks=high, low_ticks=low,
        close_ticks=close,
    )  # fmt: skip


def filled(before, lots, entry_ticks=1000, market_ns=5):
    """A fill that made ``lots`` of ``before``."""
    return Entry(lots_before=before, lots=lots, entry_ticks=entry_ticks, fill_ticks=entry_ticks, market_ns=market_ns)


def test_a_trip_begins_with_the_first_fill_grows_and_ends_flat():
    """Growing measures the ladder anew and keeps the time held; a fill that reduces changes nothing."""
    begun = trips.after(None, filled(0, 3), 900)
    assert begun == Trip(side=1, lots=3, entry_ticks=1000, risk_ticks=100, opened_ns=5, peak_ticks=1000)
    grown = trips.after(begun, filled(3, 8, 1010, market_ns=9), 900)
    assert (grown.lots, grown.entry_ticks, grown.risk_ticks, grown.opened_ns) == (8, 1010, 110, 5)
    assert trips.after(grown, filled(8, 2), 900) is grown
    assert trips.after(grown, filled(8, 0), 900) is None


def test_a_flip_begins_another_trip_and_no_stop_means_no_trip():
    """Short after long is a new trade; without a stop, or with one on the wrong side, nobody knows what R is."""
    flipped = trips.after(long_trip(), filled(10, -4), 1100)
    assert (flipped.side, flipped.lots, flipped.risk_ticks) == (-1, 4, 100)
    assert trips.after(None, filled(0, 3), 0) is None
    assert trips.after(None, filled(0, 3), 1000) is None


@pytest.mark.parametrize(
    ("lots", "lots_min", "splits", "expected"),
    [
        (10, 1, ("0.5", "0.3", "0.2"), [5, 3, 2]),
        (10, 1, ("0.5", "0.3"), [5, 3]),  # two lots run to the stop
        (3, 1, (), [1, 1, 1]),
        (2, 1, (), [1, 1]),  # a third of 2 is less than a lot: merged into the next
        (1, 1, ("0.5", "0.3", "0.2"), [1]),
        (10, 3, ("0.2", "0.3", "0.5"), [5, 5]),  # 2 is below the minimum: merged
        (10, 3, ("0.5", "0.3"), [5, 5]),  # 2 left could not be closed: taken with the last
        (2, 3, ("0.5", "0.5"), []),  # dust has no targets
    ],
)
def test_splits_become_lots_and_what_is_below_the_minimum_is_merged(lots, lots_min, splits, expected):
    """Rungs never exceed the position, and none is smaller than the venue takes."""
    multiples = decimals("1", "2", "3")[: len(splits) or 3]
    settings = ExitSettings(tp_r_multiples=multiples, tp_splits=decimals(*splits))
    ladder = trips.rungs(long_trip(lots), settings, lots_min)
    assert [rung.lots for rung in ladder] == expected
    assert sum(expected) <= lots
    assert [rung.lots_before for rung in ladder] == [sum(expected[:n]) for n in range(len(expected))]


def test_rungs_stand_at_their_multiples_of_r_on_both_sides():
    """1.5 R above a long entry, below a short one."""
    settings = ExitSettings(tp_r_multiples=decimals("1.5"))
    assert trips.rungs(long_trip(), settings, 1) == (Rung(1150, 10, 0),)
    short = Trip(side=-1, lots=10, entry_ticks=1000, risk_ticks=100, opened_ns=5, peak_ticks=1000)
    assert trips.rungs(short, settings, 1) == (Rung(850, 10, 0),)


def test_a_rung_that_no_price_can_reach_is_none():
    """A short of 1000 may fall to one tick; nothing trades at zero."""
    short = Trip(side=-1, lots=10, entry_ticks=1000, risk_ticks=100, opened_ns=5, peak_ticks=1000)
    ladder = [trips.rungs(short, ExitSettings(tp_r_multiples=decimals(r)), 1) for r in ("9.99", "10", "11")]
    assert ladder == [(Rung(1, 10, 0),), (), ()]


def test_break_even_waits_for_its_target_and_can_lock_some_r():
    """Before the second target is taken the stop is the goal's; after it, entry plus half an R."""
    settings = ExitSettings(
        tp_r_multiples=decimals("1", "2"),
        tp_splits=decimals("0.5", "0.3"),
        break_even_after=2,
        break_even_r=Decimal("0.5"),
    )
    assert [trips.stop_of(long_trip(), 900, lots, settings, 1) for lots in (10, 5, 3, 2)] == [900, 900, 900, 1050]
    off = ExitSettings(tp_r_multiples=decimals("1", "2"), tp_splits=decimals("0.5", "0.3"))
    assert trips.stop_of(long_trip(), 900, 2, off, 1) == 900


def test_a_trailing_stop_follows_and_never_goes_back():
    """One R behind the best price once the trade is one R ahead; a fall leaves it where it was."""
    settings = ExitSettings(trail="r", trail_r=Decimal(1), trail_after_r=Decimal(1))
    trip, stops = long_trip(), []
    for number, (low, high) in enumerate([(990, 1099), (1050, 1120), (1030, 1060), (1100, 1250)], start=1):
        trip = trips.step(trip, minute(number, low, high, low), settings, 0)
        stops.append(trips.stop_of(trip, 900, 10, settings, 1))
    assert stops == [900, 1020, 1020, 1150]


def test_trailing_by_target_takes_the_distance_that_the_strategy_gave():
    """A short follows 30 ticks above the lowest price; without a distance it does not follow."""
    short = Trip(side=-1, lots=10, entry_ticks=1000, risk_ticks=100, opened_ns=5, peak_ticks=1000)
    settings = ExitSettings(trail="target")
    assert trips.step(short, minute(1, 950, 990, 960), settings, 30).stop_ticks == 980
    assert trips.step(short, minute(1, 950, 990, 960), settings, 1).stop_ticks == 951
    assert trips.step(short, minute(1, 950, 990, 960), settings, 0).stop_ticks == 0
    assert trips.step(short, minute(1, 950, 990, 960), ExitSettings(), 30).stop_ticks == 0


def test_time_is_counted_in_bars_also_over_missing_candles():
    """Two bars of five minutes end after ten minutes, however many candles were seen; off, never."""
    settings = ExitSettings(time_exit_bars=2, bar_minutes=5)
    trip = long_trip()
    assert trips.leaves(trips.step(trip, minute(8, 990, 1010, 1000), settings, 0), settings) == ""
    after = trips.step(trip, minute(9, 990, 1010, 1000), settings, 0)
    assert (after.bars, trips.leaves(after, settings)) == (10, "held for 2 bars")
    assert trips.leaves(after, ExitSettings()) == ""


def test_ship_is_abandoned_after_closes_in_a_row_against_the_entry():
    """Two closes at half an R against it, one after the other; a better close in between begins anew."""
    settings = ExitSettings(abandon_r=Decimal("0.5"), abandon_bars=2)
    trip, said = long_trip(), []
    for number, close in enumerate([950, 960, 940, 950], start=1):
        trip = trips.step(trip, minute(number, 930, 1000, close), settings, 0)
        said.append(bool(trips.leaves(trip, settings)))
    assert said == [False, False, False, True]
    assert trips.leaves(trip, ExitSettings()) == ""


def test_a_candle_is_stepped_once_and_not_before_the_trade():
    """The candle that ended before the entry, and one that was stepped, say nothing new."""
    trip = long_trip(open_ns=3 * MINUTE)
    assert [trips.counts(trip, minute(number, 1, 1, 1)) for number in (2, 3, 4)] == [False, False, True]
    assert not trips.counts(
        Trip(side=1, lots=1, entry_ticks=1, risk_ticks=1, opened_ns=2 * MINUTE, peak_ticks=1), minute(1, 1, 1, 1)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"tp_r_multiples": decimals("2", "1")},
        {"tp_r_multiples": decimals("0")},
        {"tp_r_multiples": decimals("1"), "tp_splits": decimals("0.5", "0.5")},
        {"tp_r_multiples": decimals("1", "2"), "tp_splits": decimals("0.6", "0.5")},
        {"break_even_after": 1},
        {"trail": "atr"},
        {"trail_r": Decimal(0)},
        {"time_exit_bars": -1},
        {"abandon_bars": 0},
    ],
)
def test_exits_that_make_no_sense_are_refused_at_birth(wrong):
    """A ladder that falls, takes more than all, or a switch that is none."""
    with pytest.raises(ValueError, match="must"):
        ExitSettings(**wrong)


def test_a_short_that_is_closed_ends_its_trip():
    """Flat is the end on either side."""
    short = trips.after(None, filled(0, -3), 1100)
    assert (short.side, short.lots) == (-1, 3)
    assert trips.after(short, filled(-3, 0), 1100) is None


def test_the_stop_of_a_single_lot_follows_as_any_other():
    """One lot, and a stop of one tick, are protected where trailing has brought the stop."""
    trailed = long_trip(lots=1, stop_ticks=950)
    settings = ExitSettings(trail="r")
    assert trips.stop_of(trailed, 900, 1, settings, 1) == 950
    assert trips.stop_of(trailed, 1, 1, settings, 1) == 950
    assert trips.stop_of(trailed, 0, 1, settings, 1) == 0
    assert trips.stop_of(trailed, 900, -1, settings, 1) == 900
    assert trips.stop_of(trailed, 900, 0, settings, 1) == 900


def test_a_stop_guards_the_trade_that_it_was_placed_for():
    """Growing is the same trade; flat and again, or through zero, is another."""
    book, name = trips.Trips(), ("X", "trend")
    book.filled(name, filled(0, 3), 900)
    book.guard(name, 11)
    book.filled(name, filled(3, 5), 900)
    assert book.is_guarded(name, 11)
    book.filled(name, filled(5, 0), 900)
    assert book.is_guarded(name, 11)  # what it did last
    book.filled(name, filled(0, -2), 1100)
    assert not book.is_guarded(name, 11)
    book.guard(name, 12)
    book.filled(name, filled(-2, 1), 900)
    assert not book.is_guarded(name, 12)


def test_finer_ticks_scale_every_price_of_one_instrument():
    """Ten of the new for each of the old; the other instrument's stay."""
    book = trips.Trips()
    book["X", "trend"] = book["Y", "trend"] = trip = long_trip(stop_ticks=950)
    book.scale("X", Fraction(10))
    assert book["Y", "trend"] is trip
    new = book["X", "trend"]
    assert (new.entry_ticks, new.risk_ticks, new.peak_ticks, new.stop_ticks) == (10_000, 1_000, 10_000, 9_500)
    book.scale("X", Fraction(1, 2_000))
    assert book["X", "trend"].risk_ticks == 1  # a risk of nothing would divide by it
