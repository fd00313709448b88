"""The reconciler: races are no mismatches, differences are."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.comparison import Difference, Resolution
from engine.settings import EngineSettings
from orchestrator.reconciler import Office, Reconciler, standing, verdict
from shm.agent import Body, Pulse, Stopping
from shm.clock import SystemClock
from shm.counters import Counter
from shm.memory import Memory
from shm.records import Finding, Life


def position(expected: int, found: int) -> Difference:
    """Return a position that differs."""
    return Difference(
        finding=Finding.POSITION_DIFFERS,
        resolution=Resolution.ASK,
        instrument="BTC/USDT:USDT",
        expected=expected,
        found=found,
    )


def test_a_race_does_not_stand():
    """What moved between two looks was being booked."""
    assert standing(position(0, 5)) != standing(position(5, 9))


def test_a_lost_fill_stands_although_trading_goes_on():
    """Both sides moved by the same, so their distance stayed."""
    assert standing(position(0, 5)) == standing(position(7, 12))


def test_the_verdict_fits_a_pulse():
    """56 bytes, for people; the worst one too."""
    assert verdict(()) == "difference to the exchange 0"
    assert verdict([position(1, 3)]).startswith("difference to the exchange: POSITION_DIFFERS BTC")
    assert len(verdict(None)) <= 56


class Log:
    """Nobody reads it."""

    def error(self, event: str, **context: object) -> None:
        """Say nothing."""


class Stubborn(Reconciler):
    """Sees the same difference at every look."""

    async def _look(self) -> tuple[Difference, ...]:
        return (position(0, 5),)


@pytest.fixture
def session_memory(tmp_path: Path) -> Iterator[tuple[Memory, Memory]]:
    """The supervisor's and the engine's view of one session's memory."""
    (tmp_path / "shm").mkdir()
    owner = Memory.create("reconciled", 1, directory=tmp_path / "shm")
    engine = Memory.attach("reconciled", "engine", directory=tmp_path / "shm")
    yield owner, engine
    engine.close()
    owner.unlink()
    owner.close()


def stubborn(tmp_path: Path) -> tuple[Reconciler, Memory]:
    """Return a reconciler on that memory, and its view of it."""
    memory = Memory.attach("reconciled", "reconciler", {}, directory=tmp_path / "shm")
    body = Body(memory, Pulse(memory), Log(), Stopping())
    session = SimpleNamespace(settings=SimpleNamespace(engine=EngineSettings()), account_path=tmp_path, instruments=())
    return Stubborn(Office(body, None, SystemClock(), "USDT"), session), memory


@pytest.mark.parametrize(
    ("lives", "mismatches"),
    [
        ([Life.RUNNING, Life.RUNNING], 1),
        ([Life.STARTING, Life.STARTING], 0),  # killed, and not back
        ([Life.RUNNING, Life.STARTING], 0),  # killed between the looks
    ],
)
async def test_nothing_is_concluded_while_the_engine_is_away(tmp_path, session_memory, monkeypatch, lives, mismatches):
    """What the exchange does meanwhile is booked by its successor; that is no mismatch."""
    reconciler, memory = stubborn(tmp_path)
    pulse = Pulse(session_memory[1])
    pulse.tell(life=lives[0])

    async def meanwhile() -> None:
        (pulse if lives[1] is lives[0] else Pulse(session_memory[1])).tell(life=lives[1])

    monkeypatch.setattr(reconciler, "_pause", meanwhile)
    concluded = await reconciler._compare()
    assert (concluded is not None) == bool(mismatches)
    assert memory.counters_view().total(Counter.MISMATCHES) == mismatches
    memory.close()
