"""Is a stream still alive?  Only its data says so; a pong does not."""

from collections import deque

from feed.settings import FeedSettings

INTERVALS = 64  # of which the median is taken, and the longest
TOGETHER_NS = 100_000_000  # what comes within it is one sign of life: hundreds of symbols tell in one burst
PAUSES = 2  # of the longest that was usual: between two bursts a stream is quiet, and well


class Watchdog:
    """Suspects a stream after so many times its usual interval, within a floor and a cap; monotonic time."""

    def __init__(self, settings: FeedSettings, *, adaptive: bool = True) -> None:
        """``adaptive`` False leaves the cap alone: a market that waits for us has no usual interval."""
        self._min_ns = (settings.silence_ms_min if adaptive else settings.silence_ms_max) * 1_000_000
        self._max_ns = settings.silence_ms_max * 1_000_000
        self._gaps = settings.silence_gaps
        self._intervals: deque[int] = deque(maxlen=INTERVALS)
        self._last_ns = self._sign_ns = 0

    def watch_from(self, now_ns: int) -> None:
        """A connection begins: silence is counted from here."""
        self._last_ns = self._sign_ns = now_ns

    def hear(self, now_ns: int) -> None:
        """Data came."""
        self._last_ns = now_ns
        if now_ns - self._sign_ns >= TOGETHER_NS:
            self._intervals.append(now_ns - self._sign_ns)
            self._sign_ns = now_ns

    def silence_ns_max(self) -> int:
        """How long this stream may be quiet."""
        if len(self._intervals) < INTERVALS // 4:
            return self._max_ns
        intervals = sorted(self._intervals)
        usual_ns = max(self._gaps * intervals[len(intervals) // 2], PAUSES * intervals[-1])
        return min(self._max_ns, max(self._min_ns, usual_ns))

    def is_silent(self, now_ns: int) -> bool:
        """Has it been quiet for too long?"""
        return self._last_ns > 0 and now_ns - self._last_ns > self.silence_ns_max()
