"""Risk budget to lots: once for each target id, in exact integers."""

from dataclasses import dataclass

from engine.messages import Target
from engine.risk import Limits
from engine.settings import SizingSettings
from shm.records import Unit

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What a strategy works with, in minor units and millionths."""

    capital: int
    budget: int  # that a target of amount 1 000 000 may lose
    leverage_ppm: int  # a position's value, of the capital
    margin_ppm: int  # of a position's value: what has to be left at the stop, buffer included


def stake_of(settings: SizingSettings, strategy: str, profit: int) -> Stake:
    """What ``strategy`` works with, having realised ``profit``."""
    capital = settings.capital_of(strategy, profit)
    return Stake(
        capital=capital,
        budget=settings.budget_of(capital),
        leverage_ppm=int(settings.leverage_max * MILLION),
        margin_ppm=settings.margin_ppm,
    )


def lots_of(target: Target, stake: Stake, limits: Limits) -> int:
    """Signed lots: what loses ``amount`` of the budget when the stop fills at its price, capped by the limits.

    0 where nothing can be sized: no price, less than the smallest order, no stop or one on the wrong side.
    """
    if target.amount == 0 or target.reference_ticks <= 0:
        return 0
    side = 1 if target.amount > 0 else -1
    if target.stop_ticks <= 0 or side * (target.reference_ticks - target.stop_ticks) <= 0:
        return 0  # no stop could rest there
    reach = abs(target.reference_ticks - target.stop_ticks)
    lots = abs(target.amount)
    if target.unit == Unit.RISK:
        lots = lots * stake.budget // (MILLION * reach * limits.unit)
    lots = min(lots, _largest(target, limits), _affordable(target, reach, stake, limits.unit))
    return side * lots if lots >= limits.lots_min else 0


def _largest(target: Target, limits: Limits) -> int:
    by_value = limits.position_notional_max // (target.reference_ticks * limits.unit)
    return min(by_value, limits.position_lots_max, limits.lots_max, limits.market_lots_max)


def _affordable(target: Target, reach: int, stake: Stake, unit: int) -> int:
    """What the leverage allows, and what leaves the margin and its buffer when the stop fills at its price."""
    by_leverage = stake.capital * stake.leverage_ppm // (MILLION * target.reference_ticks * unit)
    # capital - lots*reach*unit >= lots*reference*unit*margin
    by_margin = stake.capital * MILLION // ((reach * MILLION + target.reference_ticks * stake.margin_ppm) * unit)
    return min(by_leverage, by_margin)
