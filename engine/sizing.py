"""Risk budget to lots: once for each target id, in exact integers."""

from engine.messages import Target
from engine.risk import Limits
from shm.records import Unit


def lots_of(target: Target, budget: int, limits: Limits) -> int:
    """Signed lots: what loses ``amount`` of ``budget`` when the stop fills at its price, capped by the limits.

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
        lots = lots * budget // (1_000_000 * reach * limits.unit)
    lots = min(lots, _largest(target, limits))
    return side * lots if lots >= limits.lots_min else 0


def _largest(target: Target, limits: Limits) -> int:
    by_value = limits.position_notional_max // (target.reference_ticks * limits.unit)
    return min(by_value, limits.position_lots_max, limits.lots_max, limits.market_lots_max)
