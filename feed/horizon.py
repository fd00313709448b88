"""How far the market has come, learnt from the times of its events; never backwards."""

LEAP_NS_MAX = 86_400 * 1_000_000_000  # an outage longer than a day needs a second witness


class Horizon:
    """The newest event time that can be believed."""

    __slots__ = ("_doubted_ns", "leaps_count", "market_ns")

    def __init__(self, market_ns: int = 0) -> None:
        self.market_ns = market_ns
        self.leaps_count = 0
        self._doubted_ns = 0

    def advance(self, event_ns: int) -> bool:
        """Move on to ``event_ns``; False, and nothing moved, when it is a leap that nobody confirmed yet."""
        if self.market_ns and event_ns > self.market_ns + LEAP_NS_MAX:
            confirmed = self._doubted_ns and abs(event_ns - self._doubted_ns) <= LEAP_NS_MAX
            self._doubted_ns = event_ns
            if not confirmed:
                self.leaps_count += 1
                return False
        self.market_ns = max(self.market_ns, event_ns)
        return True
