"""What the supervisor decides, without doing it: who waits for whom, who is stuck, who starts again and when.

  exchange -> feed                          an arrow: opens once the other is READY
         \\-> engine -> reconciler           brain and recorder wait for nobody: they read what is there

mirrored: feed -> exchange -> engine       the feed dials the real exchange, and the paper one hears of it

dead or stuck --restarts left--> started again after a delay that doubles, with jitter
              --none left------> the session ends in order
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.settings import SupervisorSettings
from shm.records import Life

NEEDS: Mapping[str, tuple[str, ...]] = {
    "exchange": (),
    "feed": ("exchange",),
    "brain": (),
    "engine": ("exchange",),
    "reconciler": ("engine",),
    "recorder": (),
}
# A mirrored market is known when the feed has it.
MIRROR_NEEDS: Mapping[str, tuple[str, ...]] = {**NEEDS, "exchange": ("feed",), "feed": ()}
TRADERS = ("exchange", "feed", "brain", "engine")  # nothing moves before these are READY
LIVE_TRADERS = TRADERS[1:]  # the exchange is there without us
OBSERVERS = ("recorder", "reconciler")  # started after them: two cores are busy enough
STANDBY = ("engine",)  # a second process waits for its death: nothing but the engine puts a stop where one is missing
UP = (Life.READY, Life.RUNNING, Life.DRAINED)
SECOND_NS = 1_000_000_000
START_S_EACH = 0.25  # more for each instrument, on a busy machine


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again, after a while."""

    delay_ns: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It dies faster than it helps."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What a pulse says about a process."""

    life: Life
    beat_ns: int  # monotonic; 0 when it has not beaten since it was spawned
    spawned_ns: int


def after_death(role: str, deaths_ns: Sequence[int], chance: float, settings: SupervisorSettings) -> Again | GiveUp:
    """Return what follows the newest of ``deaths_ns``; ``chance`` is in [0, 1)."""
    window_ns = int(settings.restart_window_s * SECOND_NS)
    recent = [death for death in deaths_ns if deaths_ns[-1] - death < window_ns]
    if len(recent) > settings.restarts_max:
        return GiveUp(f"{role} died {len(recent)} times within {settings.restart_window_s:g} s")
    longest = min(settings.restart_delay_s * 2 ** (len(recent) - 1), settings.restart_delay_max_s)
    # Half of it is certain, so that a loop is slow; half is chance, so that two do not beat in time.
    return Again(int(longest * (0.5 + 0.5 * chance) * SECOND_NS))


def standby_delay_ns(settings: SupervisorSettings, *, has_died: bool) -> int | None:
    """Return how long after its role began to run, or after its own death, a standby is spawned; None: never.

    Whoever works has the processors for itself first; what dies by itself is not tried again and again.
    """
    if not settings.standby_after_s:
        return None
    return int((settings.restart_window_s if has_died else settings.standby_after_s) * SECOND_NS)


def patient(settings: SupervisorSettings, instruments_count: int) -> SupervisorSettings:
    """Return the same limits with more time to start: what a process prepares grows with the instruments."""
    return replace(settings, start_within_s=settings.start_within_s + START_S_EACH * instruments_count)


def is_stuck(sign: Sign, now_ns: int, settings: SupervisorSettings) -> bool:
    """Whether a living process has stopped working; importing and compiling get more time than trading."""
    if sign.life in UP:
        return now_ns - max(sign.beat_ns, sign.spawned_ns) > settings.stuck_after_s * SECOND_NS
    return now_ns - max(sign.beat_ns, sign.spawned_ns) > settings.start_within_s * SECOND_NS


def may_start(role: str, lives: Mapping[str, Life], needs: Mapping[str, tuple[str, ...]] = NEEDS) -> bool:
    """Whether everyone that ``role`` waits for is ready."""
    return all(lives.get(other, Life.ABSENT) in UP for other in needs[role])
