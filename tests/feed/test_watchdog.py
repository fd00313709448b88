"""Data is life: the patience of the watchdog follows the stream's habit within bounds."""

from feed.settings import FeedSettings
from feed.watchdog import Watchdog

MS = 1_000_000
SETTINGS = FeedSettings(silence_ms_min=2_000, silence_ms_max=30_000, silence_gaps=10)


def fed(interval_ms, count=64, **how):
    """A watchdog that heard something every ``interval_ms``, last at that many ns."""
    dog = Watchdog(SETTINGS, **how)
    for tick in range(1, count + 1):
        dog.hear(tick * interval_ms * MS)
    return dog, count * interval_ms * MS


def test_a_fast_stream_is_suspected_after_the_floor():
    """Data every 100 ms: quiet for 2 s is fine, longer is not."""
    dog, last_ns = fed(100)
    assert not dog.is_silent(last_ns + 2_000 * MS)
    assert dog.is_silent(last_ns + 2_001 * MS)


def test_an_ordinary_stream_is_suspected_after_ten_intervals():
    """Data every second: ten seconds of patience."""
    dog, last_ns = fed(1_000)
    assert not dog.is_silent(last_ns + 10_000 * MS)
    assert dog.is_silent(last_ns + 10_001 * MS)


def test_a_slow_stream_is_suspected_at_the_cap():
    """Data every minute: thirty seconds, and not ten minutes."""
    assert fed(60_000)[0].silence_ns_max() == 30_000 * MS


def test_a_connection_that_never_brings_anything_is_suspected_too():
    """Silence counts from the connection, pongs or not."""
    dog = Watchdog(SETTINGS)
    assert not dog.is_silent(10**12)
    dog.watch_from(10**12)
    assert dog.is_silent(10**12 + 30_001 * MS)


def test_a_market_that_waits_for_us_has_no_habit():
    """In step mode only the cap counts."""
    assert fed(5, adaptive=False)[0].silence_ns_max() == 30_000 * MS


def test_bursts_of_hundreds_of_symbols_are_no_fast_stream():
    """300 frames within 90 ms, then 7.5 s of quiet, as at real time: it is suspected after two such pauses."""
    dog = Watchdog(SETTINGS)
    for burst in range(1, 20):
        for frame in range(300):
            dog.hear(burst * 7_500 * MS + frame * 3 * MS // 10)
    last_ns = 19 * 7_500 * MS + 90 * MS
    assert not dog.is_silent(last_ns + 14_900 * MS)
    assert dog.is_silent(last_ns + 30_001 * MS)


def test_a_torrent_is_suspected_after_the_floor():
    """A thousand frames a second without a pause, then nothing: two seconds are enough."""
    dog = Watchdog(SETTINGS)
    for frame in range(1, 5_001):
        dog.hear(frame * MS)
    assert dog.silence_ns_max() == 2_000 * MS
