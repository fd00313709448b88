"""The settings of the brain."""

from dataclasses import dataclass, field

from shm.topology import STRATEGIES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class BrainSettings:
    """Which strategies decide, on every instrument, and how long a target stays good."""

    strategies: tuple[str, ...] = ("trend",)  # names of ours, or paths of files of yours
    strategy: dict[str, dict[str, int | float]] = field(default_factory=dict)  # by name, then by setting
    valid_candles: int = 2  # minutes after which a target that is not repeated forbids entries
    spin_us: int = 50  # before it sleeps; the hop is shorter than a wake-up
    sleep_ms: int = 20  # at most, without a candle

    def __post_init__(self) -> None:
        """Refuse what could not run."""
        if not 1 <= len(self.strategies) <= STRATEGIES_MAX:
            raise ValueError(f"strategies: between 1 and {STRATEGIES_MAX}, not {len(self.strategies)}")
        if self.valid_candles < 1:
            raise ValueError("valid_candles must be at least 1, or no target would ever be good")
        if not 0 <= self.spin_us <= 1000:
            raise ValueError("spin_us must be between 0 and 1000: longer would take a core")
        if not 1 <= self.sleep_ms <= 1000:
            raise ValueError("sleep_ms must be between 1 and 1000: longer would look dead")
