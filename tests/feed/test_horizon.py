"""Market time only moves on, and does not believe a leap at once."""

from feed.horizon import LEAP_NS_MAX, Horizon


def test_time_never_runs_backwards():
    """An older event leaves the horizon where it was."""
    horizon = Horizon()
    assert horizon.advance(100)
    assert horizon.advance(50)
    assert horizon.market_ns == 100


def test_one_absurd_time_does_not_move_the_market():
    """A single event from next year is refused and counted; ordinary ones go on."""
    horizon = Horizon(10**18)
    assert not horizon.advance(10**18 + 365 * LEAP_NS_MAX)
    assert horizon.advance(10**18 + 5)
    assert (horizon.market_ns, horizon.leaps_count) == (10**18 + 5, 1)


def test_a_second_witness_confirms_a_leap():
    """After a long outage the second event from the new time is believed."""
    horizon = Horizon(10**18)
    later = 10**18 + 3 * LEAP_NS_MAX
    assert not horizon.advance(later)
    assert horizon.advance(later + 7)
    assert horizon.market_ns == later + 7
