"""What an operator may turn in the engine."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from zoneinfo import available_timezones

MINOR_DIGITS = 8  # a minor unit is 1e-8 of the quote asset


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingSettings:
    """How much of the capital one idea may lose."""

    capital: Decimal = Decimal(10_000)  # quote asset, of each strategy
    capitals: dict[str, Decimal] = field(default_factory=dict)  # ... of those named, by strategy
    compounding: bool = False  # the capital grows and shrinks with what its strategy has realised
    leverage_max: Decimal = Decimal(5)  # a position's value, in capitals of its strategy
    maintenance_ppm: int = 5_000  # of a position's value: the margin below which a venue liquidates
    liquidation_buffer: Decimal = Decimal("0.5")  # at the stop so much more than that margin has to be left
    risk_share: Decimal = Decimal("0.005")  # of the capital, lost when the stop fills at its price

    def __post_init__(self) -> None:
        """Refuse a budget that is nothing or more than everything."""
        if self.capital <= 0 or any(capital <= 0 for capital in self.capitals.values()):
            raise ValueError("capital must be above 0")
        if self.leverage_max <= 0:
            raise ValueError("leverage_max must be above 0")
        if not 0 <= self.maintenance_ppm <= 500_000 or self.liquidation_buffer < 0:
            raise ValueError("maintenance_ppm must be between 0 and 500000, liquidation_buffer at least 0")
        if not 0 < self.risk_share <= Decimal("0.1"):
            raise ValueError("risk_share must be above 0 and at most 0.1")

    @property
    def margin_ppm(self) -> int:
        """Of a position's value: what has to be left at its stop, the buffer included."""
        return int(self.maintenance_ppm * (1 + self.liquidation_buffer))

    def capital_of(self, strategy: str, profit: int) -> int:
        """Minor units that ``strategy`` works with, having realised ``profit``; fees and funding are part of that."""
        capital = minor(self.capitals.get(strategy, self.capital))
        return max(0, capital + profit) if self.compounding else capital

    def budget_of(self, capital: int) -> int:
        """Minor units that a target of amount 1 000 000 may lose."""
        return int(capital * self.risk_share)


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
    daily_loss_max: Decimal = Decimal(0)  # of the account, open positions included; deposits do not count; 0: off
    risk_day_zone: str = "UTC"  # in whose time zone the day begins at midnight
    losses_in_a_row_max: int = 0  # trades of a strategy; then it enters nothing for ...; 0: off
    cooldown_minutes: int = 60  # market time, from the last loss
    data_age_s_max: int = 300  # market time since the last closed candle; 0: off
    price_band_ppm: int = 100_000  # an entry's price from the last close; 0: off
    basis_ppm_max: int = 0  # a perpetual's price from its spot's; without a fresh price of both no entry; 0: off
    clock_drift_ms_max: int = 1_000  # our clock from the venue's; 0: off

    def __post_init__(self) -> None:
        """Refuse limits that would stop everything."""
        for name in ("position_notional_max", "order_notional_max", "gross_notional_max"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.leverage_max < 1 or not set(self.margin_types) <= {"cross", "isolated"}:
            raise ValueError("leverage_max must be at least 1, margin_types some of cross and isolated")
        if self.position_lots_max < 1 or self.orders_per_minute_max < 1:
            raise ValueError("position_lots_max and orders_per_minute_max must be at least 1")
        if self.daily_loss_max < 0 or self.cooldown_minutes < 1:
            raise ValueError("daily_loss_max must be at least 0 and cooldown_minutes at least 1")
        numbers = ("losses_in_a_row_max", "data_age_s_max", "price_band_ppm", "basis_ppm_max", "clock_drift_ms_max")
        for name in numbers:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0; 0 is off")
        if self.risk_day_zone not in ("UTC", *available_timezones()):
            raise ValueError(f"risk_day_zone: {self.risk_day_zone!r} is no time zone, e.g. UTC or Europe/Berlin")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """How orders are sent and asked about. Machine time, but for the chase, which is the market's."""

    entry_style: str = "market"  # or "limit": rest at our side of the book, follow it, cross when patience is over
    chase_interval_s: int = 5  # no longer at the best price for so long: post anew
    chase_move_ticks: int = 10  # the price has left by so much: post anew at once
    chases_max: int = 5  # then cross
    patience_s: int = 60  # from the first post: then cross
    answer_timeout_ms: int = 10_000  # then a request is given up
    unanswered_ms: int = 500  # then an order is asked about: what is held must not wait for a request that hangs
    ask_first_ms: int = 200  # doubles with every question
    ask_last_ms: int = 5_000
    retry_ms: int = 500  # after an order that was not sent
    send_age_ms: int = 1_000  # an approved order that has not left by then is planned anew
    dead_man_ms: int = 60_000  # live: the venue cancels resting entries when it hears nothing for so long; 0: never
    cover_ms: int = 250  # a market order that fills longer is covered by a stop meanwhile
    # Before it, absence is no proof: send_age 1 s, recvWindow 5 s, the venue's backend 30 s, lag of its replicas 4 s.
    unknown_horizon_ms: int = 40_000

    def __post_init__(self) -> None:
        """Refuse what would flood a venue or take silence for an answer."""
        if self.entry_style not in ("market", "limit"):
            raise ValueError('entry_style must be "market" or "limit"')
        if min(self.chase_interval_s, self.chase_move_ticks, self.patience_s) < 1 or self.chases_max < 0:
            raise ValueError("chase_interval_s, chase_move_ticks, patience_s must be at least 1, chases_max at least 0")
        if self.ask_first_ms < 50 or self.ask_last_ms < self.ask_first_ms:
            raise ValueError("ask_first_ms must be at least 50 and at most ask_last_ms")
        if self.dead_man_ms and self.dead_man_ms < 5_000:
            raise ValueError("dead_man_ms below 5000 would cancel orders between two looks; 0 turns it off")
        if not 50 <= self.unanswered_ms <= self.answer_timeout_ms:
            raise ValueError("unanswered_ms must be at least 50 and at most answer_timeout_ms")
        if self.send_age_ms < 100:
            raise ValueError("send_age_ms below 100 would refuse what a disk takes a moment to write")
        if self.retry_ms < 100:
            raise ValueError("retry_ms below 100 would exhaust the venue's rate limit")
        if not 0 <= self.cover_ms <= 1_000:
            raise ValueError("cover_ms above 1000 would leave a filled part without its stop")
        if self.unknown_horizon_ms < 1_000:
            raise ValueError("unknown_horizon_ms below 1000 would take an order for absent that is only late")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """When a venue that does not answer is left alone. Machine time."""

    failures_max: int = 5  # orders in a row without an answer
    open_s: int = 10  # then no entry for so long; doubles while it goes on
    open_s_max: int = 300

    def __post_init__(self) -> None:
        """Refuse a breaker that never closes or never opens."""
        if self.failures_max < 1 or not 1 <= self.open_s <= self.open_s_max:
            raise ValueError("failures_max must be at least 1, open_s at least 1 and at most open_s_max")


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
    abandon_r: Decimal = Decimal(0)  # a close so many R against the entry: leave before the stop is reached; 0: stay
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
    rules_s: int = 300  # between two looks at the instruments' rules

    def __post_init__(self) -> None:
        """Refuse an interval that would eat the rate budget."""
        if self.interval_s < 1 or self.rules_s < 1:
            raise ValueError("interval_s and rules_s must be at least 1")
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
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    exits: ExitSettings = field(default_factory=ExitSettings)
    reconcile: ReconcileSettings = field(default_factory=ReconcileSettings)

    def __post_init__(self) -> None:
        """Refuse a name that could not be a folder."""
        if not self.account.isalnum() or len(self.account) > 16:
            raise ValueError("account must be 1 to 16 letters and digits")


def minor(amount: Decimal) -> int:
    """``amount`` of the quote asset in minor units, rounded down."""
    return int(amount.scaleb(MINOR_DIGITS) // 1)
