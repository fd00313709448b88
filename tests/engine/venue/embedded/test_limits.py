"""What is too much, and what it costs."""

import pytest

from engine.venue.embedded.limits import PUBLISHED, LimitedError, Limits, Meter

MINUTE_NS = 60 * 10**9


def refused(act) -> LimitedError:
    """Return why ``act`` was refused."""
    with pytest.raises(LimitedError) as caught:
        act()
    return caught.value


def test_weight_adds_up_within_a_minute_and_begins_again():
    """
    20 and 1 are 21; the next minute begins at what it is charged.
    """
    meter = Meter(PUBLISHED)
    assert meter.charge("a", 20, 0) == {"X-MBX-USED-WEIGHT-1M": "20"}
    assert meter.charge("a", 1, 1) == {"X-MBX-USED-WEIGHT-1M": "21"}
    assert meter.charge("b", 5, 2) == {"X-MBX-USED-WEIGHT-1M": "5"}
    assert meter.charge("a", 5, MINUTE_NS) == {"X-MBX-USED-WEIGHT-1M": "5"}


def test_beyond_the_limit_is_429_and_then_a_ban():
    """
    429 names the seconds to the next minute; the fourth strike bans for two minutes, and then all is well.
    """
    meter = Meter(Limits(weight_per_minute=10, strikes_max=3))
    meter.charge("a", 10, 0)
    for _ in range(3):
        error = refused(lambda: meter.charge("a", 1, 15 * 10**9))
        assert (error.status, error.refusal.code, error.retry_seconds) == (429, -1003, 45)
    banned = refused(lambda: meter.charge("a", 1, 16 * 10**9))
    assert (banned.status, banned.refusal.code, banned.retry_seconds) == (418, -1003, 120)
    assert refused(lambda: meter.charge("a", 1, 2 * MINUTE_NS)).status == 418
    assert meter.charge("b", 1, 2 * MINUTE_NS) == {"X-MBX-USED-WEIGHT-1M": "1"}
    assert meter.charge("a", 1, 3 * MINUTE_NS) == {"X-MBX-USED-WEIGHT-1M": "1"}


def test_orders_are_counted_per_account_in_two_windows():
    """
    The third order within ten seconds is too many, of one account only.
    """
    meter = Meter(Limits(orders_per_ten_seconds=2, orders_per_minute=3))
    assert meter.charge_orders("x", 2, 0) == {"X-MBX-ORDER-COUNT-10S": "2", "X-MBX-ORDER-COUNT-1M": "2"}
    error = refused(lambda: meter.charge_orders("x", 1, 10**9))
    assert (error.status, error.refusal.code, error.retry_seconds) == (429, -1015, 9)
    assert meter.charge_orders("y", 1, 10**9)["X-MBX-ORDER-COUNT-10S"] == "1"
    assert [row["count"] for row in meter.counts("x", "y", 10**9)] == [0, 1, 1]
