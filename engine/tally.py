"""What risk counts of the past, folded from the journal: trades lost in a row, and where the risk day began.

position flat or through zero --> the trade's profit, fees and funding included --> a loss more, or none in a row
first candle of a risk day    --> the account's profit then; deposits and transfers are no part of it
"""

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from engine.ledger import Position

NS = 1_000_000_000


class Streak(msgspec.Struct, frozen=True):
    """Trades that a strategy has lost in a row, and when it lost the last."""

    losses: int = 0
    last_ns: int = 0  # market


class Day(NamedTuple):
    """A risk day, and the account's profit when it began."""

    number: int
    profit: int  # minor units


class Tally:
    """One account's counts."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self.streaks: dict[str, Streak] = {}
        self.day: Day | None = None
        self._profits: dict[tuple[str, str], int] = {}  # of what was closed, when it was last flat

    def traded(self, name: tuple[str, str], lots_before: int, held: Position, market_ns: int) -> None:
        """Count a trade that ended: ``name`` is instrument and strategy."""
        if lots_before == 0 or lots_before * held.lots > 0:
            return
        result = profit_of(held) - self._profits.get(name, 0)
        self._profits[name] = profit_of(held)
        streak = self.streaks.get(name[1], Streak())
        self.streaks[name[1]] = Streak(streak.losses + 1, market_ns) if result < 0 else Streak(0, streak.last_ns)

    def lost_today(self, profit: int) -> int:
        """How much less the account's ``profit`` is than when the risk day began."""
        return max(0, self.day.profit - profit) if self.day else 0


def profit_of(position: Position) -> int:
    """What a position has brought that is closed or paid, in minor units."""
    return position.realised - position.fees + position.funding


def zone_of(name: str) -> tzinfo:
    """The time zone of that name, UTC also on a machine that knows no other."""
    return UTC if name == "UTC" else ZoneInfo(name)


def day_of(market_ns: int, zone: tzinfo) -> int:
    """The number of the risk day that ``market_ns`` falls in; a day is 23 to 25 hours where clocks change."""
    return datetime.fromtimestamp(market_ns // NS, zone).toordinal()
