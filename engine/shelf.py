"""Values by name that also know which names belong together, so that a look at one instrument is not one at hundreds.

shelf["BTC", "trend"] = goal      shelf.group("BTC") -> [("BTC", "trend"), ...]      nothing is ever taken out
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Shelf(dict[Name, Value]):
    """A dictionary; ``group_of`` says to which group a name belongs."""

    def __init__(self, group_of: Callable[[Name], Hashable]) -> None:
        """Start empty."""
        super().__init__()
        self._group_of = group_of
        self._groups: dict[Hashable, dict[Name, None]] = {}

    def __setitem__(self, name: Name, value: Value) -> None:
        """Put a value in its place."""
        if name not in self:
            self._groups.setdefault(self._group_of(name), {})[name] = None
        super().__setitem__(name, value)

    def group(self, of: Hashable) -> Sequence[Name]:
        """The names of a group, in the order in which they came."""
        return tuple(self._groups.get(of, ()))
