"""Which faults of a schedule strike now: counted by opportunity, drawn by seed, over when they are over."""

from collections.abc import Iterable
from random import Random

from engine.venue.embedded.faults.kinds import Place
from engine.venue.embedded.faults.schedule import Fault, Schedule


class Trigger:
    """One scheduled fault, and how far it is."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self.hits = 0
        self._seen = 0
        self._random = Random(seed)  # noqa: S311 - repeatable chaos, guards nothing

    @property
    def is_over(self) -> bool:
        """It will not strike again."""
        return self.hits >= self.fault.times_max

    def strikes(self, minute: int) -> bool:
        """Whether it strikes this opportunity, in so many minutes after the market's start."""
        if self.is_over or minute < self.fault.minute:
            return False
        self._seen += 1
        fault = self.fault
        drawn = self._random.random() < fault.probability
        hit = drawn if fault.probability else self._seen >= max(1, fault.count)
        self.hits += hit
        return hit


class Triggers:
    """The schedule while it runs."""

    def __init__(self, schedule: Schedule) -> None:
        self._seed = schedule.seed
        self.all: list[Trigger] = []
        self._waiting: dict[Place, list[Trigger]] = {place: [] for place in Place}
        self.add(schedule.faults)

    def add(self, faults: Iterable[Fault]) -> int:
        """Schedule more; how many."""
        before = len(self.all)
        for fault in faults:
            trigger = Trigger(fault, f"{self._seed}/{len(self.all)}")
            self.all.append(trigger)
            self._waiting[fault.about.place].append(trigger)
        return len(self.all) - before

    def has(self, place: Place) -> bool:
        """Whether anything waits there."""
        return bool(self._waiting[place])

    def strike(self, place: Place, minute: int, where: tuple[str, str], *, reduces: bool = False) -> Fault | None:
        """The first fault that strikes this opportunity; the others wait.  ``where``: symbol, endpoint."""
        for trigger in self._waiting[place]:
            if trigger.fault.meets(*where, reduces=reduces) and trigger.strikes(minute):
                if trigger.is_over:
                    self._waiting[place].remove(trigger)
                return trigger.fault
        return None

    def due(self, minute: int) -> list[Fault]:
        """Every act whose minute has come."""
        found = [trigger for trigger in self._waiting[Place.MINUTE] if trigger.strikes(minute)]
        self._waiting[Place.MINUTE] = [trigger for trigger in self._waiting[Place.MINUTE] if not trigger.is_over]
        return [trigger.fault for trigger in found]
