"""What an operator may turn about market data; every timer says whose time it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Limits and patience of the feed.  ``machine`` timers do not scale with the speed of the market."""

    # Four times the widest minute (6.9 %) of the recorded LAYERUSDT collapse, a quarter of a slipped
    # decimal point; a wrong suspicion costs one REST request, a right one a position.
    band_share: float = 0.25
    ticks: bool = True  # trades and quotes as well as candles
    hydration_count_max: int = 1000  # closed candles per instrument and timeframe at the start
    requests_at_once_max: int = 4
    spare_history_symbols_max: int = 50  # with more, only the timeframes that somebody decides on are loaded
    hydration_wait_ms: int = 10_000  # machine: so much longer a start waits for a symbol that does not answer
    gap_candles_max: int = 1024  # a longer hole is told by its length, not candle by candle
    late_ms_max: int = 2_000  # market: a candle this late is asked for by REST
    late_machine_ms_max: int = 500  # machine: and not sooner than this
    missing_after_ms: int = 20_000  # machine: REST unreachable for so long, the candle is MISSING
    absent_answers_count: int = 2  # REST answers without the candle that prove it MISSING
    spot_ms: int = 1_000  # machine: between two looks at the spots' prices, where the basis is limited
    spot_wait_ms: int = 1_000  # machine: so long a contract's minute waits for its spot's, where a strategy looks at it
    connect_timeout_ms: int = 10_000  # machine
    read_timeout_ms: int = 10_000  # machine
    reconnect_base_ms: int = 250  # machine: full jitter from here
    reconnect_cap_ms: int = 30_000  # machine
    silence_ms_min: int = 2_000  # machine: a stream this quiet is never yet suspected
    silence_ms_max: int = 30_000  # machine: a stream this quiet is dead, whatever its pongs say
    silence_gaps: int = 10  # between the two: so many times its usual interval

    def __post_init__(self) -> None:
        if not 0.0 < self.band_share < 1.0:
            raise ValueError(f"feed.band_share {self.band_share}: must lie between 0 and 1")
        for name in (
            "requests_at_once_max",
            "hydration_wait_ms",
            "gap_candles_max",
            "late_ms_max",
            "late_machine_ms_max",
            "missing_after_ms",
            "absent_answers_count",
            "spot_ms",
            "spot_wait_ms",
            "connect_timeout_ms",
            "read_timeout_ms",
            "reconnect_base_ms",
            "silence_ms_min",
            "silence_gaps",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"feed.{name} {getattr(self, name)}: must be at least 1")
        if self.spare_history_symbols_max < 0:
            raise ValueError(f"feed.spare_history_symbols_max {self.spare_history_symbols_max}: must be 0 or more")
        if not 1 <= self.hydration_count_max <= 1000:
            raise ValueError(f"feed.hydration_count_max {self.hydration_count_max}: must be 1 to 1000, one request")
        if self.reconnect_cap_ms < self.reconnect_base_ms:
            raise ValueError("feed.reconnect_cap_ms: must not be below feed.reconnect_base_ms")
        if self.silence_ms_max < self.silence_ms_min:
            raise ValueError("feed.silence_ms_max: must not be below feed.silence_ms_min")
