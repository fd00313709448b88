"""The reconciler: races are no mismatches, differences are."""

from engine.comparison import Difference, Resolution
from orchestrator.reconciler import standing, verdict
from shm.records import Finding


def position(expected: int, found: int) -> Difference:
    """Return a position that differs."""
    return Difference(
        finding=Finding.POSITION_DIFFERS,
        resolution=Resolution.ASK,
        instrument="BTC/USDT:USDT",
        expected=expected,
        found=found,
    )


def test_a_race_does_not_stand():
    """What moved between two looks was being booked."""
    assert standing(position(0, 5)) != standing(position(5, 9))


def test_a_lost_fill_stands_although_trading_goes_on():
    """Both sides moved by the same, so their distance stayed."""
    assert standing(position(0, 5)) == standing(position(7, 12))


def test_the_verdict_fits_a_pulse():
    """56 bytes, for people; the worst one too."""
    assert verdict(()) == "difference to the exchange 0"
    assert verdict([position(1, 3)]).startswith("difference to the exchange: POSITION_DIFFERS BTC")
    assert len(verdict(None)) <= 56
