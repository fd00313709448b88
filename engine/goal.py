"""What a strategy wants of an instrument, and how a goal changes by a person's hand: pure.

target --sized--> goal --stop, time, a person--> spent      it wants nothing any more
                       --entry ended, refused--> barred     it may only reduce
                       --a stranger took some--> barred     ... and wants so much less; what was to go is no loss
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


def ended(goal: Goal | None, run: str) -> Goal:
    """``goal`` once another hand ends what it holds: it wants nothing any more."""
    return msgspec.structs.replace(goal or _unknown(run), spent=True)


def taken(goal: Goal | None, run: str, held: int, left: int) -> Goal:
    """``goal`` once a stranger has left ``left`` of the ``held`` lots of its strategy: it buys nothing of that back.

    What stays keeps the goal's stop, and so does what an order that is filling still brings.
    """
    if goal is not None and not goal.stale and goal.lots * held <= 0:
        return goal  # those lots were to go: it still wants what it wanted
    if not left or goal is None or goal.spent:
        return ended(goal, run)
    most = max(abs(left), abs(goal.lots) - abs(held - left))
    lots = min(abs(goal.lots), most) * (1 if held > 0 else -1)
    return msgspec.structs.replace(goal, lots=lots, barred=True)


def set_by_hand(goal: Goal | None, run: str, lots: int, stop_ticks: int, given: int = 0) -> Goal:
    """The goal that a person wants: ``lots``, which are held, ``given`` among them, and what is under way; this stop.

    Until the strategy's next target, and nothing is ordered for it any more.
    """
    # Target ids begin anew with a run: under an old one's the strategy's next targets would pass for older than it.
    known = _unknown(run) if goal is None or goal.stale else goal
    # An order that is filling goes on: what it brings is not thrown out again.
    coming = 0 if known.spent or known.lots * lots <= 0 else known.lots + given
    return msgspec.structs.replace(
        known,
        lots=max(lots, coming) if lots > 0 else min(lots, coming),
        stop_ticks=stop_ticks,
        by_hand=True,
        barred=True,
        spent=False,
        stale=False,
    )


def _unknown(run: str) -> Goal:
    return Goal(run=run, target_id=0, lots=0, stop_ticks=0, valid_until_ns=0, reference_ticks=0)
