"""The supervisor: the operator's wish as it hears it, and what it waits for before it ends a session."""

import io
import os
import signal
import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from orchestrator import supervisor as module
from orchestrator.screen import Screen
from orchestrator.settings import SupervisorSettings
from orchestrator.supervisor import Equipment, Limits, Supervisor, Wish
from shm.records import PULSE, Life, Order


@pytest.fixture
def wish() -> Iterator[Wish]:
    """A wish that listens; the signals are given back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    listening = Wish()
    listening.listen()
    yield listening
    for number, answer in before.items():
        signal.signal(number, answer)


@pytest.mark.parametrize(
    ("numbers", "flatten", "at_once"),
    [
        ([signal.SIGINT], False, False),
        ([signal.SIGTERM], False, False),
        ([signal.SIGUSR1], True, False),
        ([signal.SIGINT, signal.SIGINT], False, True),
        ([signal.SIGUSR1, signal.SIGTERM], True, False),
    ],
)
def test_signals_are_wishes(wish: Wish, numbers: list[signal.Signals], flatten: bool, at_once: bool):
    """One asks, a second Ctrl-C insists; flatten is not taken back."""
    for number in numbers:
        os.kill(os.getpid(), number)
    assert wish.is_asked
    assert (wish.flatten, wish.at_once) == (flatten, at_once)


class Actors:
    """A crew of which everyone is where the exchange stopped, but for the feed's last candle."""

    def __init__(self, closed: int, published: list[int]) -> None:
        """``published``: how many candles the feed has published, turn after turn; the last number stays."""
        roles = ("exchange", "brain")
        self.failure, self.members = "", {role: SimpleNamespace(child=None, restarts=0) for role in roles}
        self.closed, self.published, self.now = closed, published, Life.READY
        self.told: list[tuple[str, Order, int]] = []

    def start(self, roles: Sequence[str]) -> None:
        """Everybody is there."""

    def end(self, roles: Sequence[str]) -> None:
        """Everybody goes."""

    def command(self, roles: Sequence[str], order: Order, *, flatten: bool = False) -> None:
        """Remember who was told what after how many candles."""
        self.told += [(role, order, self.candles()) for role in roles]

    def command_all(self, order: Order) -> None:
        """The market runs, and the recording is over at once."""
        self.told.append(("all", order, 0))
        self.now = Life.DRAINED

    def has_obeyed(self, role: str) -> bool:
        """Everybody obeys."""
        return True

    def life(self, role: str) -> Life:
        """Everybody is ready, then drained."""
        return self.now

    def pulse(self, role: str) -> np.ndarray:
        """The exchange says how many candles closed, the others how many they know of."""
        pulse = np.zeros(1, PULSE)
        pulse["market_seq"] = self.closed if role == "exchange" else self.candles()
        return pulse

    def candles(self) -> int:
        """How many the feed has published."""
        return self.published[0]

    def turn(self) -> list[object]:
        """A moment passes."""
        if self.now is Life.DRAINED:
            self.published = self.published[1:] or self.published
        return []


def drained(actors: Actors, **patience: float) -> str:
    """Live through a session of ``actors``; what the screen said."""
    how, said = lived(actors, **patience)
    assert how == "finished"
    return said


def lived(actors: Actors, silent: Sequence[str] = (), *, refuses: bool = False, **patience: float) -> tuple[str, str]:
    """How a session of ``actors`` ended, and what the screen said."""
    said = io.StringIO()
    tools = Equipment(
        crew=actors,
        commentary=SimpleNamespace(lines=list, has_told=(), live_line=lambda *_: ""),
        gauges=SimpleNamespace(candles=actors.candles, decision_latency_ns=lambda: (0, 0)),
        screen=Screen(said),
        wish=Wish(),
        settings=SupervisorSettings(**patience),
        deposit=0,
        beat=lambda _: None,
        stop_trading=int,
        traders=("exchange", "brain"),
        alarms=lambda _: (),
        keep_past=lambda: actors.told.append(("past", Order.PREPARE, 0)),
        silent=lambda: silent,
        refuses_silent=refuses,
    )
    return Supervisor(tools, Limits(), int).run(), said.getvalue()


def test_symbols_without_data_are_named_and_left_out():
    """One line, and the market runs; nothing is said when all have some."""
    how, said = lived(Actors(7, [7]), ["XYZ/USDT:USDT", "ABC/USDT:USDT"])
    assert how == "finished"
    assert "!! no data of XYZ/USDT:USDT, ABC/USDT:USDT: left out until it comes" in said
    assert "no data" not in drained(Actors(7, [7]))


def test_a_start_without_data_is_refused_where_the_settings_say_so():
    """Nobody is told to run; the ending names the symbols and the setting."""
    actors = Actors(7, [7])
    how, said = lived(actors, ["XYZ/USDT:USDT"], refuses=True)
    assert how == "failed: no data of XYZ/USDT:USDT, and market.without_data is refuse"
    assert actors.now is Life.READY
    assert "left out" not in said


def test_the_past_is_on_tape_before_anything_moves():
    """What the brain has warmed up with is written down once, before the first process is told to run."""
    actors = Actors(7, [6, 7])
    drained(actors)
    assert actors.told[:2] == [("past", Order.PREPARE, 0), ("all", Order.RUN, 0)]
    assert [role for role, _, _ in actors.told].count("past") == 1


def test_the_last_candle_is_waited_for_though_everybody_agrees():
    """The feed, the brain and the engine agree on six candles: the exchange has closed seven, so nobody is drained."""
    actors = Actors(7, [6, 6, 6, 6, 7])
    assert "not waited for" not in drained(actors)
    assert {count for role, order, count in actors.told if role == "brain" and order == Order.DRAIN} == {7}


def test_a_candle_that_never_comes_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch):
    """What a fault keeps from the feed holds the end up for a while and is said."""
    monkeypatch.setattr(module, "HEARD_WITHIN_S", 0.05)
    assert "not waited for: the feed has not published every candle that closed" in drained(Actors(7, [6]))


def test_how_long_the_end_is_waited_for_is_a_setting():
    """An engine that obeys nobody: after ``supervisor.drain_within_s`` the session ends, and says so."""
    actors = Actors(7, [7])
    actors.has_obeyed = lambda role: False  # type: ignore[method-assign]
    begun = time.monotonic()
    assert "not waited for: engine did not drain" in drained(actors, drain_within_s=0.05, stop_within_s=0.05)
    assert time.monotonic() - begun < SupervisorSettings().drain_within_s
