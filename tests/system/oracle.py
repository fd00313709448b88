"""What a paper session over recorded candles must trade: strategy, sizing, fills and money once more, slowly.

Written from the descriptions (docs/money.md, docs/fills.md, the strategy's docstring) and from nothing
else: it shares no code with the engine, the brain or the exchange, walks every tick of
every candle, keeps lists where they keep states, and computes money in whole numbers.
"""

import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from math import nan

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class Minute:
    """One closed candle as it was recorded."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Contract:
    """The numbers of one instrument; tick and lot in units of 1e-8."""

    symbol: str
    tick_e8: int
    lot_e8: int

    @property
    def unit(self) -> int:
        """Minor units that one lot is worth at a price of one tick."""
        return self.tick_e8 * self.lot_e8 // 10**8

    def ticks(self, price: float) -> int:
        """The price as the exchange prints it, in ticks."""
        return round(Fraction(str(price)) * 10**8 / self.tick_e8)

    def half_up(self, price: float) -> int:
        """A price that a strategy computed, to the nearest tick."""
        return int(price / (self.tick_e8 / 10**8) + 0.5)


@dataclass(frozen=True)
class Rules:
    """The settings that the session ran with."""

    fast: int = 5
    slow: int = 13
    band: float = 0.1
    against_hour: float = 2.0
    hour_fast: int = 6
    hour_slow: int = 18
    heat: int = 14
    heat_max: float = 80.0
    reach: int = 14
    stop: float = 3.0
    budget: int = 50 * 10**8  # 0.005 of 10,000
    notional_max: int = 10**30
    spread_ticks: int = 1
    spread_ppm: int = 0
    depth_ppm: int = 20_000
    taker_ppm: int = 500


@dataclass(frozen=True)
class Trade:
    """One fill; ``side`` is +1 for a buy."""

    symbol: str
    open_ns: int  # of the candle whose path or close it happened in
    side: int
    ticks: int
    lots: int
    fee: int
    realised: int


def averages(values: list[float], period: int) -> list[float]:
    """The exponential average after each value; the mean of the first ``period`` starts it."""
    out: list[float] = []
    for n, value in enumerate(values):
        if n + 1 < period:
            out.append(nan)
        elif n + 1 == period:
            out.append(sum(values[:period]) / period)
        else:
            out.append(out[-1] + (value - out[-1]) * (2.0 / (period + 1)))
    return out


def wilder(values: list[float], period: int) -> list[float]:
    """Wilder's average after each value."""
    out: list[float] = []
    for n, value in enumerate(values):
        if n + 1 < period:
            out.append(nan)
        elif n + 1 == period:
            out.append(sum(values[:period]) / period)
        else:
            out.append(out[-1] + (value - out[-1]) / period)
    return out


def strengths(closes: list[float], period: int) -> list[float]:
    """Relative strength, 0 to 100, after each close."""
    changes = [b - a for a, b in itertools.pairwise(closes)]
    gains = wilder([max(c, 0.0) for c in changes], period)
    losses = wilder([max(-c, 0.0) for c in changes], period)
    out = [nan]
    for gain, loss in zip(gains, losses, strict=True):
        total = gain + loss
        out.append(nan if total != total else 100.0 * (gain / total) if total > 0.0 else 50.0)
    return out


def ranges(minutes: list[Minute], period: int) -> list[float]:
    """The average true range after each candle; the first candle has none."""
    true = [max(m.high, before.close) - min(m.low, before.close) for before, m in itertools.pairwise(minutes)]
    return [nan, *wilder(true, period)]


def hour_bias(minutes: list[Minute], rules: Rules) -> list[float]:
    """For each minute, fast less slow average of the closed hours; 0 until both have settled."""
    closes: list[float] = []
    inside = 0
    out: list[float] = []
    for minute in minutes:
        of_hour = minute.open_ns // MINUTE_NS % 60
        inside = inside + 1 if of_hour else 1
        if of_hour == 59 and inside == 60:
            closes.append(minute.close)
        if len(closes) < 11 * max(rules.hour_fast, rules.hour_slow):
            out.append(0.0)
        else:
            out.append(averages(closes, rules.hour_fast)[-1] - averages(closes, rules.hour_slow)[-1])
    return out


@dataclass
class Account:
    """One contract's position and what it earned; money as docs/money.md says."""

    contract: Contract
    rules: Rules
    lots: int = 0
    cost: int = 0
    stop_ticks: int = 0
    spread: int = 1  # as it is now
    trades: list[Trade] = field(default_factory=list)

    def book(self, open_ns: int, side: int, ticks: int, lots: int) -> None:
        """Add one fill."""
        unit = self.contract.unit
        notional = ticks * lots * unit
        fee = (notional * self.rules.taker_ppm + 500_000) // 1_000_000
        realised = 0
        closing = min(lots, abs(self.lots)) if self.lots * side < 0 else 0
        if closing:
            held = 1 if self.lots > 0 else -1
            share = self.cost * closing // abs(self.lots)
            realised = held * (closing * ticks * unit - share)
            self.cost -= share
        self.cost += (lots - closing) * ticks * unit
        self.lots += side * lots
        self.trades.append(Trade(self.contract.symbol, open_ns, side, ticks, lots, fee, realised))

    def take(self, minute: Minute, last_ticks: int, depth: int, delta: int) -> None:
        """Walk the book around ``last_ticks`` with a market order of ``delta`` lots."""
        side = 1 if delta > 0 else -1
        left = abs(delta)
        best = last_ticks - self.spread // 2 + (self.spread if side > 0 else 0)
        for level in range(10):
            lots = left if level == 9 else min(left, depth)
            if lots:
                self.book(minute.open_ns, side, max(1, best + side * level), lots)
            left -= lots

    def live_through(self, minute: Minute, depth: int) -> None:
        """Let the stop meet the candle's path, tick by tick."""
        if not self.lots or minute.volume == 0.0:
            return
        points = [minute.open, minute.low, minute.high, minute.close]
        if minute.close < minute.open:
            points = [minute.open, minute.high, minute.low, minute.close]
        waypoints = [self.contract.ticks(p) for p in points]
        visited = [waypoints[0]]
        for target in waypoints[1:]:
            step = 1 if target > visited[-1] else -1
            visited.extend(range(visited[-1] + step, target + step, step) if target != visited[-1] else [])
        for ticks in visited:
            if (self.lots > 0 and ticks <= self.stop_ticks) or (self.lots < 0 and ticks >= self.stop_ticks):
                self.take(minute, ticks, depth, -self.lots)
                return


@dataclass
class Course:
    """What one contract's session must look like."""

    trades: list[Trade]
    sides: list[int]  # the side wanted after each played minute


def play(contract: Contract, minutes: list[Minute], start: int, count: int, rules: Rules) -> Course:
    """Trade ``count`` minutes from index ``start``; the ones before only warm up."""
    minutes = minutes[: start + count]
    closes = [m.close for m in minutes]
    fast, slow = averages(closes, rules.fast), averages(closes, rules.slow)
    heat, reach = strengths(closes, rules.heat), ranges(minutes, rules.reach)
    bias = hour_bias(minutes, rules)
    account = Account(contract, rules)
    side, sides = 0, []
    for n in range(start, start + count):
        minute = minutes[n]
        account.spread = spread_after(contract, minutes[n - 1], rules)
        account.live_through(minute, depth_after(contract, minutes[n - 1], rules))
        account.spread = spread_after(contract, minute, rules)
        spread, band = fast[n] - slow[n], rules.band * reach[n]
        wanted = 1 if spread > 0.0 else -1
        if wanted * bias[n] < 0.0:
            band *= rules.against_hour
        turned = wanted * spread > band and wanted != side and reach[n] > 0.0
        if turned:
            too_hot = wanted * (heat[n] - 50.0) > rules.heat_max - 50.0
            side = (0 if side else side) if too_hot else wanted
            if not too_hot or account.lots:
                enter(account, minute, side, reach[n], depth_after(contract, minute, rules))
        sides.append(side)
    return Course(account.trades, sides)


def depth_after(contract: Contract, minute: Minute, rules: Rules) -> int:
    """Lots on each level of the book once ``minute`` has closed."""
    lots = int(Fraction(str(minute.volume)) * 10**8 // contract.lot_e8)
    return max(1, lots * rules.depth_ppm // 1_000_000)


def spread_after(contract: Contract, minute: Minute, rules: Rules) -> int:
    """Ticks between best bid and ask once ``minute`` has closed."""
    reach = contract.ticks(minute.high) - contract.ticks(minute.low)
    return rules.spread_ticks + reach * rules.spread_ppm // 1_000_000


def enter(account: Account, minute: Minute, side: int, reach: float, depth: int) -> None:
    """Trade from what is held to what ``side`` is worth, and put the stop."""
    contract, rules = account.contract, account.rules
    last = contract.ticks(minute.close)
    wanted = 0
    if side:
        account_stop = contract.half_up(minute.close - side * rules.stop * reach)
        wanted = side * (rules.budget // (abs(last - account_stop) * contract.unit))
        wanted = side * min(abs(wanted), rules.notional_max // (last * contract.unit))
        stop = account_stop
    else:
        stop = 0
    if wanted * account.lots < 0:
        account.take(minute, last, depth, -account.lots)  # a turn is two orders: out first, and depth is fresh for each
    if wanted != account.lots:
        account.take(minute, last, depth, wanted - account.lots)
    account.stop_ticks = stop
