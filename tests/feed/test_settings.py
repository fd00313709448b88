"""Settings that cannot work are refused where they are made."""

import pytest

from feed.settings import FeedSettings


def test_the_defaults_hold():
    """What is not set is sensible."""
    assert 0 < FeedSettings().band_share < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"band_share": 0.0},
        {"band_share": 1.0},
        {"hydration_count_max": 1001},
        {"requests_at_once_max": 0},
        {"reconnect_base_ms": 500, "reconnect_cap_ms": 100},
        {"silence_ms_min": 500, "silence_ms_max": 100},
    ],
    ids=str,
)
def test_a_setting_that_cannot_work_is_refused_by_name(changes):
    """The message names the setting."""
    with pytest.raises(ValueError, match=r"feed\.\w+"):
        FeedSettings(**changes)
