"""What a campaign of schedules came to, in numbers that add up over processes."""

from collections import Counter
from dataclasses import dataclass, field

from tests.stress.wire import Fault


@dataclass
class Tally:
    """What a campaign came to."""

    schedules: int = 0
    lives: int = 0
    orders: int = 0
    fills: int = 0
    duplicates: int = 0
    orphans: int = 0
    lost_fills: int = 0
    differences: int = 0
    failures: list[str] = field(default_factory=list)
    met: "Counter[tuple[Fault, int]]" = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Take another process's share in."""
        for name in ("schedules", "lives", "orders", "fills", "duplicates", "orphans", "lost_fills", "differences"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures += other.failures
        self.met.update(other.met)

    @property
    def words(self) -> str:
        """One line."""
        return (
            f"{self.schedules:,} schedules, {self.lives:,} lives, {self.orders:,} orders, {self.fills:,} fills: "
            f"{self.duplicates:,} duplicates, {self.orphans:,} orphans, {self.lost_fills:,} lost fills, "
            f"{self.differences:,} differences"
        )
