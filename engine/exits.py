"""Protective stops and targets: every position has exactly one stop resting at the exchange, for exactly its lots.

lots held, stop of its goal  --> place a new one --acknowledged--> cancel the old ones
nothing held                 --> cancel what rests
no stop known, none resting  --> bare: somebody has to be told
rungs of the ladder          --> cancel what no longer fits --confirmed--> place: never more than is held
a rung reached, none resting --> trim: what belongs to it goes at the market
"""

from dataclasses import dataclass, field

from engine import trip as trips
from engine.books import Books
from engine.events import DUST
from engine.order import Order
from engine.settings import ExitSettings
from shm.records import OrderState, Purpose

UNANSWERED = (OrderState.NEW, OrderState.IN_DOUBT)
RESTS = (OrderState.OPEN, OrderState.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How trades of an instrument end, and which orders in doubt the venue did not find."""

    settings: ExitSettings = field(default_factory=ExitSettings)
    lots_min: int = 1
    missed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceStop:
    """Rest a reduce-only stop or target: ``side`` is that of the closing order."""

    strategy: str
    side: int
    lots: int
    stop_ticks: int
    target_id: int
    purpose: Purpose = Purpose.STOP


@dataclass(frozen=True, slots=True)
class CancelStop:
    """A stop or target that no longer belongs."""

    order: Order


@dataclass(frozen=True, slots=True)
class Bare:
    """A position without a stop, and nobody said where one belongs."""

    strategy: str
    lots: int


@dataclass(frozen=True, slots=True)
class Trim:
    """The goal wants no more than ``lots``, signed: a rung was reached that no order rests for."""

    strategy: str
    target_id: int
    lots: int


StopAction = PlaceStop | CancelStop | Bare
TargetAction = PlaceStop | CancelStop | Trim
AS_ONE = Conduct()


def is_stopping(books: Books, instrument: str, strategy: str, purpose: Purpose = Purpose.STOP) -> bool:
    """A stop, or target, of the strategy has been triggered and its trades are still coming."""
    return any(max(stop.lots_filled, stop.lots_reported) for stop in books.stops_of(instrument, strategy, purpose))


def rests_at_venue(books: Books, instrument: str, strategy: str) -> bool:
    """A reduce-only stop can only rest for a strategy on the side of the account's net position."""
    return books.position(instrument, strategy).side * books.position(instrument).side > 0


def stop_ticks_of(books: Books, instrument: str, strategy: str, conduct: Conduct) -> int:
    """Where the stop of what the strategy holds belongs; 0: its goal does not say."""
    held, goal = books.position(instrument, strategy), books.goals.get((instrument, strategy))
    if goal is None or goal.lots * held.lots <= 0:
        return 0
    if goal.by_hand:
        return goal.stop_ticks  # a person's word: neither break-even nor trailing moves it
    trip = books.trips.get((instrument, strategy))
    return trips.stop_of(trip, goal.stop_ticks, held.lots, conduct.settings, conduct.lots_min)


def plan(books: Books, instrument: str, strategy: str, conduct: Conduct = AS_ONE) -> list[StopAction]:
    """What to do about the strategy's stop now; nothing while an answer is awaited.

    A stop in doubt that the venue did not find (``conduct.missed``) counts as none: a second reduce-only one does less
    harm than a bare position, and goes if the first appears after all.
    """
    stops = [
        stop
        for stop in books.stops_of(instrument, strategy)
        if stop.intent.intent_id not in conduct.missed or stop.state != OrderState.IN_DOUBT
    ]
    if any(stop.state in UNANSWERED for stop in stops) or is_stopping(books, instrument, strategy):
        return []
    resting = [stop for stop in stops if stop.state in RESTS]
    held = books.position(instrument, strategy)
    if strategy == DUST or 0 < abs(held.lots) < conduct.lots_min:
        return []  # no order can be so small; a larger one that rests is reduce-only and does no harm
    # One that outlived a turn of the position stands on the wrong side of the market: its price protects nothing.
    ours = [stop.intent for stop in resting if stop.intent.side == -held.side]
    if not held.lots or not rests_at_venue(books, instrument, strategy):
        return [CancelStop(stop) for stop in resting]
    goal = books.goals.get((instrument, strategy))
    price, target_id = (ours[-1].stop_ticks, ours[-1].target_id) if ours else (0, 0)
    if goal and goal.spent:
        return []  # it is being closed; what rests stays until then
    if goal and (ticks := stop_ticks_of(books, instrument, strategy, conduct)):
        price, target_id = ticks, goal.target_id
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


def targets(books: Books, instrument: str, strategy: str, conduct: Conduct) -> list[TargetAction]:
    """What to do about the strategy's targets now; nothing while an answer, or a cancel's, is awaited."""
    resting = books.stops_of(instrument, strategy, Purpose.TAKE_PROFIT)
    if any(order.state != OrderState.OPEN for order in resting):
        return []
    goal, wanted, trims = books.goals.get((instrument, strategy)), {}, []
    held, trip = books.position(instrument, strategy), books.trips.get((instrument, strategy))
    if goal and trip and not goal.spent and goal.lots * held.lots > 0:
        gone, known = trips.taken(trip, held.lots), [order.intent.stop_ticks for order in resting]
        for rung in trips.rungs(trip, conduct.settings, conduct.lots_min):
            left = min(rung.lots, rung.lots_before + rung.lots - gone)
            keeps = trip.lots - rung.lots_before - rung.lots
            if left > 0 and trip.reached(rung.price_ticks) and rung.price_ticks not in known:
                trims.append(keeps)
            elif left > 0 and rests_at_venue(books, instrument, strategy):
                wanted[rung.price_ticks] = left
        if trims and trims[-1] < abs(goal.lots):
            return [Trim(strategy, goal.target_id, trip.side * trims[-1])]
    surplus: list[TargetAction] = []
    for order in resting:
        fits = (order.intent.side, order.lots_left) == (-held.side, wanted.get(order.intent.stop_ticks))
        if fits:
            wanted.pop(order.intent.stop_ticks)
        else:
            surplus.append(CancelStop(order))
    return surplus or [
        PlaceStop(
            strategy=strategy,
            side=-held.side,
            lots=lots,
            stop_ticks=ticks,
            target_id=goal.target_id if goal else 0,
            purpose=Purpose.TAKE_PROFIT,
        )
        for ticks, lots in wanted.items()
    ]
