"""One trade of a strategy from flat to flat, and what its exits remember of it: pure, in ticks and lots.

    entry ---- R = |entry - stop| ----> stop
      |----- 1 R ---->|----- 2 R ---->|          targets: rungs of the ladder, each a share of the most that was held
      break-even: after the n-th rung the stop stands at the entry
      trailing:   the stop follows the best price at a distance and never goes back
      time, abandon ship: the goal is given up

What was taken off (the most held, less what is held) counts as ladder progress, whoever took it: so progress needs
no memory of its own.  Peak and stop move once per closed candle; ``Stepped`` journals them.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol

import msgspec

from engine.events import Stepped
from engine.settings import ExitSettings

MINUTE_NS = 60 * 1_000_000_000


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a position beside its lots and its cost."""

    side: int
    lots: int  # the most that was held
    entry_ticks: int
    risk_ticks: int  # R
    opened_ns: int  # market
    peak_ticks: int  # the best price so far
    stop_ticks: int = 0  # where trailing has brought the stop; 0: nowhere
    against: int = 0  # closed candles in a row beyond abandon_r
    open_ns: int = 0  # of the last candle that was stepped

    @property
    def bars(self) -> int:
        """Minutes held, by closed candles; a minute without a candle counts as well."""
        return max(0, -(-(self.open_ns + MINUTE_NS - self.opened_ns) // MINUTE_NS)) if self.open_ns else 0

    def reached(self, ticks: int) -> bool:
        """The price has been at ``ticks``, or better."""
        return self.side * (self.peak_ticks - ticks) >= 0


class Trips(dict[tuple[str, str], Trip]):
    """Every open trip, by instrument and strategy; and which trade each stop was placed for."""

    def __init__(self) -> None:
        """No trade has begun."""
        super().__init__()
        self._trades: dict[tuple[str, str], int] = {}  # begun so far
        self._guarded: dict[int, int] = {}  # the number of the trade that a stop was placed for, by its intent

    def guard(self, name: tuple[str, str], intent_id: int) -> None:
        """A stop is going to protect the trade that is open now."""
        self._guarded.setdefault(intent_id, self._trades.get(name, 0))

    def is_guarded(self, name: tuple[str, str], intent_id: int) -> bool:
        """The stop was placed for the trade that is open now, or was last; not for a former one."""
        return self._guarded.get(intent_id) == self._trades.get(name, 0)

    def filled(self, name: tuple[str, str], entry: "Entry", stop_ticks: int) -> None:
        """Begin, grow or end the trip of a position that a fill has changed."""
        if entry.lots and entry.lots_before * entry.lots <= 0:
            self._trades[name] = self._trades.get(name, 0) + 1
        trip = after(self.pop(name, None), entry, stop_ticks)
        if trip is not None:
            self[name] = trip

    def stepped(self, event: Stepped) -> None:
        """Take over what a closed candle has changed."""
        name = (event.instrument, event.strategy)
        if name in self:
            self[name] = msgspec.structs.replace(
                self[name],
                open_ns=event.open_ns,
                peak_ticks=event.peak_ticks,
                stop_ticks=event.stop_ticks,
                against=event.against,
            )

    def scale(self, instrument: str, ratio: Fraction) -> None:
        """The same prices in other ticks, ``ratio`` of which make one of these."""
        for name, trip in self.items():
            if name[0] == instrument:
                self[name] = msgspec.structs.replace(
                    trip,
                    entry_ticks=round(trip.entry_ticks * ratio),
                    risk_ticks=max(1, round(trip.risk_ticks * ratio)),
                    peak_ticks=round(trip.peak_ticks * ratio),
                    stop_ticks=round(trip.stop_ticks * ratio),
                )

    def been_at(self, name: tuple[str, str], ticks: int) -> None:
        """The venue has said that the price is at ``ticks`` already, or better."""
        if trip := self.get(name):
            peak = trip.side * max(trip.side * trip.peak_ticks, trip.side * ticks)
            self[name] = msgspec.structs.replace(trip, peak_ticks=peak)


class Rung(NamedTuple):
    """One target of the ladder."""

    price_ticks: int
    lots: int  # of the most held
    lots_before: int  # that are to be gone by the rungs below it


class Candle(Protocol):
    """What a step reads of a closed candle."""

    @property
    def open_ns(self) -> int: ...  # noqa: D102
    @property
    def close_ns(self) -> int: ...  # noqa: D102
    @property
    def high_ticks(self) -> int: ...  # noqa: D102
    @property
    def low_ticks(self) -> int: ...  # noqa: D102
    @property
    def close_ticks(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a fill has made of a position."""

    lots_before: int  # signed
    lots: int  # signed
    entry_ticks: int
    fill_ticks: int
    market_ns: int


def after(trip: Trip | None, entry: Entry, stop_ticks: int) -> Trip | None:
    """The trip after a fill: begun, grown, as it was, or over; None where no stop says what R is."""
    if not entry.lots:
        return None
    side = 1 if entry.lots > 0 else -1
    goes_on = entry.lots_before * side > 0
    if goes_on and abs(entry.lots) <= abs(entry.lots_before):
        return trip
    risk = side * (entry.entry_ticks - stop_ticks)
    if stop_ticks <= 0 or risk <= 0:
        return trip if goes_on else None
    if not goes_on or trip is None:
        return Trip(
            side=side,
            lots=abs(entry.lots),
            entry_ticks=entry.entry_ticks,
            risk_ticks=risk,
            opened_ns=entry.market_ns,
            peak_ticks=entry.fill_ticks,
        )
    # It grew: the ladder is measured anew, time held and the stop's progress stay.
    return msgspec.structs.replace(
        trip,
        lots=abs(entry.lots),
        entry_ticks=entry.entry_ticks,
        risk_ticks=risk,
        peak_ticks=entry.fill_ticks,
        against=0,
    )


def counts(trip: Trip, candle: Candle) -> bool:
    """The candle is a new one, and not over before the trip began."""
    return candle.open_ns > trip.open_ns and candle.close_ns > trip.opened_ns


def step(trip: Trip, candle: Candle, settings: ExitSettings, trail_ticks: int) -> Trip:
    """The trip after a closed candle; ``trail_ticks`` is the distance that the strategy gave, 0 for none."""
    best = candle.high_ticks if trip.side > 0 else candle.low_ticks
    peak = trip.side * max(trip.side * trip.peak_ticks, trip.side * best)
    adverse = trip.side * (trip.entry_ticks - candle.close_ticks)
    is_against = settings.abandon_r > 0 and adverse >= of_risk(trip, settings.abandon_r)
    return msgspec.structs.replace(
        trip,
        peak_ticks=peak,
        stop_ticks=better(trip.side, trip.stop_ticks, _trailed(trip, peak, settings, trail_ticks)),
        against=trip.against + 1 if is_against else 0,
        open_ns=candle.open_ns,
    )


def _trailed(trip: Trip, peak: int, settings: ExitSettings, trail_ticks: int) -> int:
    distance = {"off": 0, "r": of_risk(trip, settings.trail_r), "target": trail_ticks}[settings.trail]
    gained = trip.side * (peak - trip.entry_ticks)
    if distance <= 0 or gained < of_risk(trip, settings.trail_after_r):
        return 0
    return max(0, peak - trip.side * distance)


def leaves(trip: Trip, settings: ExitSettings) -> str:
    """Why the trade ends after this candle; empty: it does not."""
    if settings.time_exit_bars and trip.bars >= settings.time_exit_bars * settings.bar_minutes:
        return f"held for {settings.time_exit_bars} bars"
    if settings.abandon_r > 0 and trip.against >= settings.abandon_bars:
        return f"{trip.against} closes at {settings.abandon_r} R or more against the entry"
    return ""


def rungs(trip: Trip, settings: ExitSettings, lots_min: int) -> tuple[Rung, ...]:
    """The ladder: each rung its lots; one below ``lots_min`` is merged into the next, a remainder into the last."""
    ladder: list[Rung] = []
    done = 0
    total = Fraction(0)
    for multiple, split in zip(settings.tp_r_multiples, settings.splits, strict=True):
        total += split
        through = int(trip.lots * total)
        if trip.lots - through < lots_min:
            through = trip.lots  # what would be left could be neither protected nor closed
        if through - done < max(1, lots_min):
            continue
        price = trip.entry_ticks + trip.side * of_risk(trip, multiple)
        if price > 0:
            ladder.append(Rung(price, through - done, done))
            done = through
    return tuple(ladder)


def taken(trip: Trip, lots: int) -> int:
    """How many of the most held are gone, ``lots`` being held."""
    return max(0, trip.lots - abs(lots))


def stop_of(trip: Trip | None, stop_ticks: int, lots: int, settings: ExitSettings, lots_min: int) -> int:
    """Where the stop belongs: the goal's own, or where trailing or break-even has brought it."""
    if trip is None or trip.side * lots <= 0 or stop_ticks <= 0:
        return stop_ticks
    stop = better(trip.side, stop_ticks, trip.stop_ticks)
    ladder = rungs(trip, settings, lots_min)
    if settings.break_even_after and ladder:
        rung = ladder[min(settings.break_even_after, len(ladder)) - 1]
        if taken(trip, lots) >= rung.lots_before + rung.lots:
            level = trip.entry_ticks + trip.side * of_risk(trip, settings.break_even_r)
            stop = better(trip.side, stop, level)
    return stop


def better(side: int, stop: int, other: int) -> int:
    """Of two stops the one that loses less; 0 is none."""
    if not stop or not other:
        return stop or other
    return side * max(side * stop, side * other)


def of_risk(trip: Trip, multiple: Decimal) -> int:
    """``multiple`` R in ticks, rounded down."""
    return int(trip.risk_ticks * multiple)
