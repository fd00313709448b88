"""Protective stops: every position has exactly one resting at the exchange, for exactly its lots.

lots held, stop of its goal  --> place a new one --acknowledged--> cancel the old ones
nothing held                 --> cancel what rests
no stop known, none resting  --> bare: somebody has to be told
"""

from dataclasses import dataclass

from engine.books import Books
from engine.order import Order
from shm.records import OrderState

UNANSWERED = (OrderState.NEW, OrderState.SENT, OrderState.IN_DOUBT)
RESTS = (OrderState.OPEN, OrderState.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStop:
    """Rest a reduce-only stop: ``side`` is that of the closing order."""

    strategy: str
    side: int
    lots: int
    stop_ticks: int
    target_id: int


@dataclass(frozen=True, slots=True)
class CancelStop:
    """A stop that no longer belongs."""

    order: Order


@dataclass(frozen=True, slots=True)
class Bare:
    """A position without a stop, and nobody said where one belongs."""

    strategy: str
    lots: int


StopAction = PlaceStop | CancelStop | Bare


def is_stopping(books: Books, instrument: str, strategy: str) -> bool:
    """A stop of the strategy has been triggered and its trades are still coming."""
    return any(max(stop.lots_filled, stop.lots_reported) for stop in books.stops_of(instrument, strategy))


def rests_at_venue(books: Books, instrument: str, strategy: str) -> bool:
    """A reduce-only stop can only rest for a strategy on the side of the account's net position."""
    return books.position(instrument, strategy).side * books.position(instrument).side > 0


def plan(books: Books, instrument: str, strategy: str, missed: frozenset[int] = frozenset()) -> list[StopAction]:
    """What to do about the strategy's stop now; nothing while an answer is awaited.

    A stop in doubt that the venue did not find (``missed``) counts as none: a second reduce-only one does less harm
    than a bare position, and goes if the first appears after all.
    """
    stops = [
        stop
        for stop in books.stops_of(instrument, strategy)
        if stop.intent.intent_id not in missed or stop.state != OrderState.IN_DOUBT
    ]
    if any(stop.state in UNANSWERED for stop in stops) or is_stopping(books, instrument, strategy):
        return []
    resting = [stop for stop in stops if stop.state in RESTS]
    held = books.position(instrument, strategy)
    # One that outlived a turn of the position stands on the wrong side of the market: its price protects nothing.
    ours = [stop.intent for stop in resting if stop.intent.side == -held.side]
    if not held.lots or not rests_at_venue(books, instrument, strategy):
        return [CancelStop(stop) for stop in resting]
    goal = books.goals.get((instrument, strategy))
    price, target_id = (ours[-1].stop_ticks, ours[-1].target_id) if ours else (0, 0)
    if goal and goal.spent:
        return []  # it is being closed; what rests stays until then
    if goal and goal.lots * held.lots > 0 and goal.stop_ticks:
        price, target_id = goal.stop_ticks, goal.target_id
    if not price:
        closing = goal is not None and goal.lots * held.lots <= 0 and not goal.stale
        return [] if closing else [Bare(strategy, held.lots)]
    fitting = [
        stop for stop in resting if (stop.lots_left, stop.intent.stop_ticks) == (abs(held.lots), price)
        and stop.intent.side == -held.side
    ]  # fmt: skip
    if not fitting:
        return [
            PlaceStop(strategy=strategy, side=-held.side, lots=abs(held.lots), stop_ticks=price, target_id=target_id)
        ]
    return [CancelStop(stop) for stop in resting if stop is not fitting[-1]]
