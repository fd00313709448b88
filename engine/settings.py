"""What an operator may turn in the engine."""

from dataclasses import dataclass, field
from decimal import Decimal

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
    leverage_max: int = 20  # that the account may be set to at the exchange
    margin_types: tuple[str, ...] = ("cross", "isolated")  # that it may be set to

    def __post_init__(self) -> None:
        """Refuse limits that would stop everything."""
        for name in ("position_notional_max", "order_notional_max", "gross_notional_max"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.leverage_max < 1 or not set(self.margin_types) <= {"cross", "isolated"}:
            raise ValueError("leverage_max must be at least 1, margin_types some of cross and isolated")
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
    dead_man_ms: int = 60_000  # live: the venue cancels resting entries when it hears nothing for so long; 0: never
    cover_ms: int = 250  # a market order that fills longer is covered by a stop meanwhile
    unknown_horizon_ms: int = 36_000  # recvWindow + backend tail + lag: before it, absence is no proof

    def __post_init__(self) -> None:
        """Refuse what would flood a venue or take silence for an answer."""
        if self.ask_first_ms < 50 or self.ask_last_ms < self.ask_first_ms:
            raise ValueError("ask_first_ms must be at least 50 and at most ask_last_ms")
        if self.dead_man_ms and self.dead_man_ms < 5_000:
            raise ValueError("dead_man_ms below 5000 would cancel orders between two looks; 0 turns it off")
        if self.send_age_ms < 100:
            raise ValueError("send_age_ms below 100 would refuse what a disk takes a moment to write")
        if self.retry_ms < 100:
            raise ValueError("retry_ms below 100 would exhaust the venue's rate limit")
        if not 0 <= self.cover_ms <= 1_000:
            raise ValueError("cover_ms above 1000 would leave a filled part without its stop")
        if self.unknown_horizon_ms < 1_000:
            raise ValueError("unknown_horizon_ms below 1000 would take an order for absent that is only late")


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
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)

    def __post_init__(self) -> None:
        """Refuse a name that could not be a folder."""
        if not self.account.isalnum() or len(self.account) > 16:
            raise ValueError("account must be 1 to 16 letters and digits")


def minor(amount: Decimal) -> int:
    """``amount`` of the quote asset in minor units, rounded down."""
    return int(amount.scaleb(MINOR_DIGITS) // 1)
