"""When a waiting stop goes to work: at its price, or trailing, when the price has turned far enough.

stopPrice alone        the price reaches it                              --> works
trailingDelta          the price turns by so much from its best          --> works
both                   the price reaches it --> trails from there        --> works
"""

from dataclasses import replace

from engine.venue.embedded.spot.orders import SpotOrder

BIPS = 10_000


def trails(order: SpotOrder) -> bool:
    """Whether it follows the price already."""
    return order.trailing > 0 and order.peak_ticks > 0


def waits_to_rise(order: SpotOrder) -> bool:
    """Whether what it waits for now lies above."""
    return order.side > 0 if trails(order) else order.rises


def awaited_ticks(order: SpotOrder) -> int:
    """The price that it waits for now."""
    if not trails(order):
        return order.stop_ticks
    if order.side > 0:
        return -(-order.peak_ticks * (BIPS + order.trailing) // BIPS)
    return order.peak_ticks * (BIPS - order.trailing) // BIPS


def is_reached(order: SpotOrder, ticks: int) -> bool:
    """Whether a price is what it waits for."""
    return ticks >= awaited_ticks(order) if waits_to_rise(order) else ticks <= awaited_ticks(order)


def reached_on_the_way(order: SpotOrder, here: int, end: int) -> int | None:
    """The first tick from ``here`` (left out) to ``end`` that it waits for."""
    step = 1 if end > here else -1
    if is_reached(order, here + step):
        return here + step
    return awaited_ticks(order) if is_reached(order, end) else None


def follow(order: SpotOrder, ticks: int, at_ns: int) -> SpotOrder:
    """The order after a price: it begins to trail where its stop price is reached, and knows the best since."""
    if not order.trailing:
        return order
    if not trails(order):
        begins = not order.stop_ticks or is_reached(order, ticks)
        return replace(order, peak_ticks=ticks, trailing_ns=at_ns) if begins else order
    best = min(order.peak_ticks, ticks) if order.side > 0 else max(order.peak_ticks, ticks)
    return order if best == order.peak_ticks else replace(order, peak_ticks=best)
