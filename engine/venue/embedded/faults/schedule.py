"""A schedule of faults: frozen, seeded, read from a file, refused in one line.

seed = 7                    [[fault]]
                            kind = "gap"            one of kinds.py
                            minute = 30             when: from this market minute on, or
                            count = 5               the fifth opportunity, or
                            probability = 0.02      each opportunity; nothing: the next one
                            times = 1               how often at most
                            symbol = "BTCUSDT"      where; left out: anywhere
                            endpoint = "POST /fapi/v1/order"
                            seconds = 2.0           how long, where the kind lasts
                            value = "10"            what the kind lets one choose
"""

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import orjson

from engine.venue.embedded.faults.kinds import KINDS, Kind, Place

TIMES_MAX = 10**9
FAULTS_MAX = 10_000
SECONDS_MAX = 3600.0
VALUES: dict[str, tuple[str, ...]] = {"server_error": ("landed", "lost"), "status_unknown": ("landed", "lost")}
NUMERIC = ("late", "absurd", "huge", "reconnect_storm", "too_many", "filter", "human_order")


class ScheduleError(ValueError):
    """A schedule that makes no sense; one line says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault to come."""

    kind: str
    minute: int = 0
    count: int = 0
    probability: float = 0.0
    times: int = 0  # 0: once, or without end where there is a probability
    symbol: str = ""
    endpoint: str = ""
    seconds: float = 0.0  # 0: as its kind
    value: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = difflib.get_close_matches(self.kind, KINDS, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/faults.md lists them"
            raise ScheduleError(f"{self.kind!r} is no kind of fault; {hint}")
        if self.minute < 0 or self.count < 0 or not 0 <= self.times <= TIMES_MAX:
            raise ScheduleError(f"{self.kind}: minute, count and times must not be negative")
        if not 0.0 <= self.probability <= 1.0:
            raise ScheduleError(f"{self.kind}: probability {self.probability} must lie between 0 and 1")
        if self.count and self.probability:
            raise ScheduleError(f"{self.kind}: count and probability exclude one another")
        if not 0.0 <= self.seconds <= SECONDS_MAX:
            raise ScheduleError(f"{self.kind}: seconds {self.seconds} must lie between 0 and {SECONDS_MAX:.0f}")
        if self.endpoint and self.about.place is not Place.REQUEST:
            raise ScheduleError(f"{self.kind}: strikes {self.about.place}, which have no endpoint")
        self._check_value()

    def _check_value(self) -> None:
        if not self.value:
            return
        if not self.about.value:
            raise ScheduleError(f"{self.kind}: has no value to choose")
        if self.kind in VALUES and self.value not in VALUES[self.kind]:
            raise ScheduleError(f"{self.kind}: value {self.value!r} must be {' or '.join(VALUES[self.kind])}")
        if self.kind in NUMERIC:
            try:
                number = float(self.value)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise ScheduleError(f"{self.kind}: value {self.value!r} must be a number")

    @property
    def about(self) -> Kind:
        """What its kind is."""
        return KINDS[self.kind]

    @property
    def times_max(self) -> int:
        """How often it strikes at most."""
        return self.times or (TIMES_MAX if self.probability else 1)

    @property
    def lasts_s(self) -> float:
        """How long it lasts, machine time."""
        return self.seconds or self.about.seconds

    @property
    def chosen(self) -> str:
        """Its value, or its kind's."""
        return self.value or self.about.value

    def meets(self, symbol: str, endpoint: str = "", *, reduces: bool = False) -> bool:
        """Whether it may strike there."""
        if self.about.reduces not in (None, reduces):
            return False
        if self.symbol and self.symbol != symbol:
            return False
        wanted = (self.endpoint,) if self.endpoint else self.about.endpoints
        return not wanted or endpoint in wanted


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults in the order of the file, and the seed of everything random about them."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def to_json(self) -> bytes:
        """The schedule as ``parse`` reads it."""
        rows = [{field.name: getattr(fault, field.name) for field in fields(Fault)} for fault in self.faults]
        return orjson.dumps({"seed": self.seed, "fault": rows}, option=orjson.OPT_INDENT_2)


NAMES = {field.name: field.type for field in fields(Fault)}


def parse(given: object) -> Schedule:
    """The schedule of a parsed file or request; a single fault may stand alone."""
    if isinstance(given, Mapping) and "kind" in given:
        given = {"fault": [given]}
    if not isinstance(given, Mapping):
        raise ScheduleError("a schedule is a table with seed and [[fault]]")
    if unknown := [name for name in given if name not in ("seed", "fault")]:
        raise ScheduleError(f"{unknown[0]} is not known; a schedule has seed and [[fault]]")
    seed, rows = given.get("seed", 0), given.get("fault", [])
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ScheduleError(f"seed {seed!r} must be a whole number")
    if not isinstance(rows, Sequence) or isinstance(rows, str) or len(rows) > FAULTS_MAX:
        raise ScheduleError(f"fault must be a list of at most {FAULTS_MAX}")
    return Schedule(tuple(_fault(place, row) for place, row in enumerate(rows, 1)), seed)


def _fault(place: int, row: object) -> Fault:
    if not isinstance(row, Mapping):
        raise ScheduleError(f"fault {place}: must be a table")
    if "kind" not in row:
        raise ScheduleError(f"fault {place}: kind is missing")
    for name, value in row.items():
        if name not in NAMES:
            near = difflib.get_close_matches(str(name), NAMES, n=1)
            raise ScheduleError(f"fault {place}: {name} is not known" + (f"; did you mean {near[0]}?" if near else ""))
        wanted: Any = NAMES[name]
        fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if isinstance(value, bool) or not fits:
            raise ScheduleError(f"fault {place}: {name} {value!r} must be of type {wanted.__name__}")
    try:
        return Fault(**row)
    except ScheduleError as error:
        raise ScheduleError(f"fault {place}: {error}") from None


def read(path: Path) -> Schedule:
    """The schedule in ``path``, TOML or JSON."""
    try:
        text = path.read_bytes()
        given = orjson.loads(text) if path.suffix == ".json" else tomllib.loads(text.decode())
    except OSError as error:
        raise ScheduleError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise ScheduleError(f"{path}: {str(error).splitlines()[0]}") from None
    try:
        return parse(given)
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from None


def drawn(seed: int, kinds: Sequence[str], minutes: int, symbols: Sequence[str]) -> Schedule:
    """One fault of each of ``kinds``, at market minutes drawn from ``seed``."""
    generator = Random(seed)  # noqa: S311 - repeatable chaos, guards nothing
    faults = []
    for kind in kinds:
        symbol = generator.choice(["", *symbols]) if KINDS[kind].place is not Place.REQUEST else ""
        faults.append(Fault(kind=kind, minute=generator.randrange(2, max(3, minutes)), symbol=symbol))
    return Schedule(tuple(faults), seed)
