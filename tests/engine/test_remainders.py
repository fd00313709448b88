"""Lots that are only part of what was wanted: covered in time, merged, closed, or booked as dust."""

from random import Random

import pytest

from engine.events import DUST
from engine.ledger import NET
from engine.messages import Tick
from engine.order import Event
from engine.settings import EngineSettings
from shm.records import Purpose
from tests.engine.floor import Floor
from tests.engine.test_core import SYMBOL, Desk, Rules, S, sends

MS = 1_000_000


def small(lots_min=5, **more):
    """An instrument whose smallest order is ``lots_min`` lots."""
    return Rules(lots_min=lots_min, **more)


class SlowVenue(Desk):
    """Answers to stops and cancels come late, trades of the entry when chance has it."""

    def __init__(self, seed):
        """An entry of 100 lots that has just been sent."""
        super().__init__()
        self.chance, self.late = Random(seed), []
        self.stops = {}  # at the venue: intent id -> lots
        self.filled = [(self.ns, 0)]
        (self.entry,) = sends(self.target(7, 100, 490_000))

    def take(self, answer):
        """What the core wants of stops lands after a while."""
        for action in super().take(answer):
            intent, name = getattr(action, "intent", None), type(action).__name__
            if intent is not None and intent.purpose == Purpose.STOP and name in ("Send", "Cancel"):
                self.late.append((self.ns + self.chance.randrange(10, 250) * MS, name, intent))
        return answer.actions

    def pass_time(self):
        """Twenty milliseconds."""
        self.tell(Tick(), later_s=0.02)
        for item in [item for item in self.late if item[0] <= self.ns]:
            self.late.remove(item)
            _, name, intent = item
            if name == "Send":
                self.stops[intent.intent_id] = intent.lots
                self.ack(intent)
            elif self.stops.pop(intent.intent_id, 0):
                self.ack(intent, Event.CANCEL_CONFIRMED)
        if self.chance.random() < 0.05 and self.filled[-1][1] < 100:
            lots = min(100 - self.filled[-1][1], self.chance.randrange(1, 30))
            self.filled.append((self.ns, self.filled[-1][1] + lots))
            self.fill(self.entry, lots)


@pytest.mark.parametrize("seed", range(12))
def test_every_part_that_fills_is_covered_within_a_second(seed):
    """Answers take up to 250 ms; no stop is ever larger than what had filled when it rested; one is left."""
    venue = SlowVenue(seed)
    for _ in range(800):
        venue.pass_time()
        old = max((lots for at_ns, lots in venue.filled if at_ns <= venue.ns - S), default=0)
        assert max(venue.stops.values(), default=0) >= old, "a part stood without its stop for a second"
        assert max(venue.stops.values(), default=0) <= venue.filled[-1][1]
    assert venue.filled[-1][1] == 100
    assert list(venue.stops.values()) == [100]


def test_a_filled_part_below_the_smallest_order_waits_for_the_rest():
    """Three of twelve lots cannot be protected by any order: the goal lives on, and twelve are covered."""
    desk = Desk(rules=small())
    (entry,) = sends(desk.target(7, 12, 490_000))
    assert desk.fill(entry, 3) == ()
    assert desk.tell(Tick(), later_s=0.5) == ()
    (stop,) = sends(desk.fill(entry, 9))
    assert stop.lots == 12


def test_a_part_that_stays_below_the_smallest_order_is_dust_and_goes_with_the_next_order():
    """Three lots of an entry that expired are nobody's to trade; a later long takes them over, no order is refused."""
    floor = Floor(rules=small())
    fill = floor.fill
    floor.fill = lambda order, ticks: fill(order, ticks, lots=3)
    floor.target(7, 12, 499_000)
    floor.fill = fill
    floor.candle(500_100)
    lots = {name: floor.books.position(SYMBOL, name).lots for name in ("trend", DUST, NET)}
    assert (lots, floor.resting()) == ({"trend": 0, DUST: 3, NET: 3}, [])
    floor.target(8, 10, 499_000)
    lots = {name: floor.books.position(SYMBOL, name).lots for name in ("trend", DUST, NET)}
    assert (lots, floor.resting()) == ({"trend": 10, DUST: 0, NET: 10}, [("STOP", 10, 499_000)])
    assert floor.trades[-1] == ("ENTRY", 1, 7, 500_100)


def test_dust_of_the_same_side_is_sold_with_the_position():
    """Eight short and three long of dust are one order of eleven; nothing is left of it."""
    floor = Floor(rules=small())
    fill = floor.fill
    floor.fill = lambda order, ticks: fill(order, ticks, lots=3)
    floor.target(7, 12, 499_000)
    floor.fill = fill
    floor.target(8, -8, 501_000)
    assert floor.trades[-1][1:3] == (-1, 11)
    assert {name: floor.books.position(SYMBOL, name).lots for name in ("trend", DUST, NET)} == {
        "trend": -8, DUST: 0, NET: -8,
    }  # fmt: skip


def test_a_wish_to_keep_less_than_the_smallest_order_closes_all():
    """Twelve lots down to three, where five is the least: nothing unsellable is left."""
    floor = Floor(rules=small())
    floor.target(7, 12, 499_000)
    floor.target(8, 3, 499_000)
    assert (floor.lots, floor.resting()) == (0, [])


def test_a_wish_to_change_by_less_than_the_smallest_order_changes_nothing():
    """Twelve lots down to ten: no order is that small, and nothing waits for one."""
    floor = Floor(rules=small())
    floor.target(7, 12, 499_000)
    floor.target(8, 10, 499_000)
    assert (floor.lots, floor.resting()) == (12, [("STOP", 12, 499_000)])


def test_a_position_larger_than_an_order_is_closed_without_leaving_dust():
    """Twelve lots, ten at most and five at least an order: seven, then five."""
    floor = Floor(rules=small())
    floor.target(7, 12, 499_000)
    limits = floor.core._limits[SYMBOL]
    floor.core._limits[SYMBOL] = type(limits)(
        **{name: getattr(limits, name) for name in limits.__slots__} | {"market_lots_max": 10}
    )
    floor.target(8, 0, 0)
    assert [trade[2] for trade in floor.trades[1:]] == [7, 5]


def test_dust_survives_a_restart():
    """It is in the journal as a cross between two of our books; the account's position is not touched."""
    floor = Floor(EngineSettings(), small())
    fill = floor.fill
    floor.fill = lambda order, ticks: fill(order, ticks, lots=3)
    floor.target(7, -12, 501_000)
    floor.start()
    assert {name: floor.books.position(SYMBOL, name).lots for name in ("trend", DUST, NET)} == {
        "trend": 0, DUST: -3, NET: -3,
    }  # fmt: skip
    floor.settle()
