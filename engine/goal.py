"""What a strategy wants of an instrument, and how a goal changes by a person's hand: pure.

target --sized--> goal --stop, time, a person--> spent      it wants nothing any more
                       --entry ended, refused--> barred     it may only reduce
                       --another run-----------> stale      no opinion, only its stop still counts
                       --a person--------------> by hand    lots and stop stand until the next target
"""

from fractions import Fraction

import msgspec


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants of an instrument."""

    run: str
    target_id: int
    lots: int  # signed
    stop_ticks: int
    valid_until_ns: int  # market; later it forbids entries and keeps exits
    reference_ticks: int
    trail_ticks: int = 0
    spent: bool = False  # its stop ended it: it wants nothing any more
    barred: bool = False  # its entry ended, or was refused: it may only reduce
    stale: bool = False  # of an earlier run: no opinion, only its stop still counts
    by_hand: bool = False  # a person set its lots or stop: they stand until the next target

    def scaled(self, ratio: Fraction) -> "Goal":
        """The same prices in other ticks, ``ratio`` of which make one of these; the nearest where none is exact."""
        stop, reference, trail = (round(n * ratio) for n in (self.stop_ticks, self.reference_ticks, self.trail_ticks))
        return msgspec.structs.replace(self, stop_ticks=stop, reference_ticks=reference, trail_ticks=trail)


def ended(goal: Goal | None, run: str, left: int = 0) -> Goal:
    """``goal`` once another hand takes what it holds: spent, or where ``left`` lots stay, with its stop for them."""
    if left and goal and not goal.spent:
        return msgspec.structs.replace(goal, lots=left, barred=True)
    return msgspec.structs.replace(goal or _unknown(run), spent=True)


def set_by_hand(goal: Goal | None, run: str, lots: int, stop_ticks: int) -> Goal:
    """The goal that a person wants: what is held and no more, with this stop, until the strategy's next target."""
    # Target ids begin anew with a run: under an old one's the strategy's next targets would pass for older than it.
    known = _unknown(run) if goal is None or goal.stale else goal
    return msgspec.structs.replace(
        known, lots=lots, stop_ticks=stop_ticks, by_hand=True, barred=True, spent=False, stale=False
    )


def _unknown(run: str) -> Goal:
    return Goal(run=run, target_id=0, lots=0, stop_ticks=0, valid_until_ns=0, reference_ticks=0)
