"""What an operator may turn in the engine."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

MINOR_DIGITS = 8  # a minor unit is 1e-8 of the quote asset


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingSettings:
    """How much of the capital one idea may lose."""

    capital: Decimal = Decimal(10_000)  # quote asset, of each strategy
    risk_share: Decimal = Decimal("0.005")  # of the capital, lost when the stop fills at its price

    def __post_init__(self) -> None:
        """Refuse a budget that is nothing or more than everything."""
        if self.capital <= 0:
            raise ValueError("capital must be above 0")
        if not 0 < self.risk_share <= Decimal("0.1"):
            raise ValueError("risk_share must be above 0 and at most 0.1")

    @property
    def budget(self) -> int:
        """Minor units that a target of amount 1 000 000 may lose."""
        return minor(self.capital * self.risk_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSettings:
    """Limits that an entry has to respect; exits ignore them. Money in the quote asset."""

    position_lots_max: int = 10**12  # of one instrument, net
    position_notional_max: Decimal = Decimal(20_000)  # of one instrument, net
    order_notional_max: Decimal = Decimal(20_000)  # what one order adds; what it closes is not counted
    gross_notional_max: Decimal = Decimal(100_000)  # of the account, sum over instruments
    orders_per_minute_max: int = 60  # market time, of the account

    def __post_init__(self) -> None:
        """Refuse limits that would stop everything."""
        for name in ("position_notional_max", "order_notional_max", "gross_notional_max"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.position_lots_max < 1 or self.orders_per_minute_max < 1:
            raise ValueError("position_lots_max and orders_per_minute_max must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """How orders are sent and asked about. Machine time."""

    answer_timeout_ms: int = 10_000  # then the order is in doubt
    ask_first_ms: int = 200  # doubles with every question
    ask_last_ms: int = 5_000
    retry_ms: int = 500  # after an order that was not sent
    send_age_ms: int = 1_000  # an approved order that has not left by then is planned anew
    cover_ms: int = 250  # a market order that fills longer is covered by a stop meanwhile
    unknown_horizon_ms: int = 36_000  # recvWindow + backend tail + lag: before it, absence is no proof

    def __post_init__(self) -> None:
        """Refuse what would flood a venue or take silence for an answer."""
        if self.ask_first_ms < 50 or self.ask_last_ms < self.ask_first_ms:
            raise ValueError("ask_first_ms must be at least 50 and at most ask_last_ms")
        if self.send_age_ms < 100:
            raise ValueError("send_age_ms below 100 would refuse what a disk takes a moment to write")
        if self.retry_ms < 100:
            raise ValueError("retry_ms below 100 would exhaust the venue's rate limit")
        if not 0 <= self.cover_ms <= 1_000:
            raise ValueError("cover_ms above 1000 would leave a filled part without its stop")
        if self.unknown_horizon_ms < 1_000:
            raise ValueError("unknown_horizon_ms below 1000 would take an order for absent that is only late")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitSettings:
    """How a trade ends before its stop or its strategy ends it; all off by default. R is entry less stop."""

    tp_r_multiples: tuple[Decimal, ...] = ()  # targets, in R from the entry, rising
    tp_splits: tuple[Decimal, ...] = ()  # share of the position taken at each; empty: all of it in equal parts
    break_even_after: int = 0  # after so many targets the stop goes to the entry; 0: never
    break_even_r: Decimal = Decimal(0)  # ... or so many R beyond it
    trail: str = "off"  # the stop follows the best price: "r", or "target": by the distance the strategy gives
    trail_r: Decimal = Decimal(1)  # the distance of "r"
    trail_after_r: Decimal = Decimal(0)  # not before the price has gone so far
    time_exit_bars: int = 0  # the trade is over after so many bars; 0: never
    bar_minutes: int = 1
    abandon_r: Decimal = Decimal(
        0
    )  # a close so many R against the entry: leave, though the stop is not reached; 0: stay
    abandon_bars: int = 1  # ... so many closes in a row

    def __post_init__(self) -> None:
        """Refuse a ladder that does not rise, takes more than there is, or a switch that is none."""
        multiples, splits = self.tp_r_multiples, self.tp_splits
        if list(multiples) != sorted(set(multiples)) or any(multiple <= 0 for multiple in multiples):
            raise ValueError("tp_r_multiples must rise, from above 0")
        if splits and len(splits) != len(multiples):
            raise ValueError("tp_splits must be as many as tp_r_multiples, or none")
        if any(split <= 0 for split in splits) or sum(splits) > 1:
            raise ValueError("tp_splits must be above 0 and at most 1 together")
        if not 0 <= self.break_even_after <= len(multiples):
            raise ValueError("break_even_after must be at most the number of targets")
        if self.trail not in ("off", "r", "target"):
            raise ValueError('trail must be "off", "r" or "target"')
        if self.trail_r <= 0 or self.trail_after_r < 0 or self.abandon_r < 0 or self.break_even_r < 0:
            raise ValueError("trail_r must be above 0; trail_after_r, abandon_r and break_even_r at least 0")
        if self.time_exit_bars < 0 or self.bar_minutes < 1 or self.abandon_bars < 1:
            raise ValueError("time_exit_bars must be at least 0, bar_minutes and abandon_bars at least 1")

    @property
    def splits(self) -> tuple[Fraction, ...]:
        """The share of each target; equal parts of the whole where none are given."""
        count = len(self.tp_r_multiples)
        return tuple(map(Fraction, self.tp_splits)) or (Fraction(1, max(1, count)),) * count

    @property
    def are_on(self) -> bool:
        """Something has to be remembered of a trade."""
        return bool(self.tp_r_multiples or self.trail != "off" or self.time_exit_bars or self.abandon_r)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSettings:
    """How often journal, books and exchange are compared. Machine time."""

    interval_s: int = 10
    wallet_tolerance: Decimal = Decimal(0)  # quote asset
    stream_silent_s: int = 45  # without a frame or a pong the private stream is dialled anew

    def __post_init__(self) -> None:
        """Refuse an interval that would eat the rate budget."""
        if self.interval_s < 1:
            raise ValueError("interval_s must be at least 1")
        if self.stream_silent_s < 25:
            raise ValueError("stream_silent_s below 25 would hang up between two pongs")
        if self.wallet_tolerance < 0:
            raise ValueError("wallet_tolerance must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """The engine's section of the settings file."""

    account: str = "main"
    sizing: SizingSettings = field(default_factory=SizingSettings)
    risk: RiskSettings = field(default_factory=RiskSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    exits: ExitSettings = field(default_factory=ExitSettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)

    def __post_init__(self) -> None:
        """Refuse a name that could not be a folder."""
        if not self.account.isalnum() or len(self.account) > 16:
            raise ValueError("account must be 1 to 16 letters and digits")


def minor(amount: Decimal) -> int:
    """``amount`` of the quote asset in minor units, rounded down."""
    return int(amount.scaleb(MINOR_DIGITS) // 1)
