"""The supervisor's decisions: pure, so every case is a line."""

from collections.abc import Mapping

import pytest

from orchestrator.policy import (
    MIRROR_NEEDS,
    NEEDS,
    OBSERVERS,
    TRADERS,
    Again,
    GiveUp,
    Sign,
    after_death,
    is_stuck,
    may_start,
    patient,
    standby_delay_ns,
)
from orchestrator.settings import SupervisorSettings
from shm.records import Life

SECOND = 1_000_000_000
SETTINGS = SupervisorSettings()


def test_delays_double_and_are_half_chance():
    """The first restart is quick, later ones slower, and jitter only shortens."""
    once = after_death("brain", [0], 0.999999, SETTINGS)
    thrice = after_death("brain", [0, SECOND, 2 * SECOND], 0.0, SETTINGS)
    assert isinstance(once, Again)
    assert isinstance(thrice, Again)
    assert once.delay_ns <= 0.05 * SECOND
    assert thrice.delay_ns == pytest.approx(0.1 * SECOND)


def test_a_crash_loop_is_given_up():
    """One death more than restarts_max within the window ends it, and the line says who."""
    deaths = [n * SECOND for n in range(SETTINGS.restarts_max + 1)]
    verdict = after_death("feed", deaths, 0.5, SETTINGS)
    assert isinstance(verdict, GiveUp)
    assert "feed died 7 times" in verdict.line


def test_old_deaths_are_forgiven():
    """What died before the window does not count."""
    deaths = [n * SECOND for n in range(20)] + [1000 * SECOND]
    assert after_death("feed", deaths, 0.0, SETTINGS) == Again(int(0.025 * SECOND))


def test_an_exchange_of_play_money_is_started_again_too():
    """Its chronicle is on disk: the next process has the same books."""
    assert isinstance(after_death("exchange", [0], 0.0, SETTINGS), Again)


@pytest.mark.parametrize(
    ("life", "silent_s", "stuck"),
    [
        (Life.RUNNING, 9, False),
        (Life.RUNNING, 11, True),
        (Life.READY, 11, True),
        (Life.DRAINED, 11, True),
        (Life.STARTING, 11, False),
        (Life.ABSENT, 59, False),
        (Life.ABSENT, 61, True),
    ],
)
def test_stuck_means_no_duty_cycle_for_too_long(life: Life, silent_s: int, stuck: bool):
    """Starting may take a minute, working ten seconds."""
    sign = Sign(life=life, beat_ns=5 * SECOND, spawned_ns=0)
    assert is_stuck(sign, (5 + silent_s) * SECOND, SETTINGS) is stuck


def test_patience_with_processes_is_a_setting():
    """Each of the six numbers that decide about restarts does."""
    chosen = SupervisorSettings(
        stuck_after_s=2,
        start_within_s=5,
        restart_delay_s=1,
        restart_delay_max_s=1.5,
        restarts_max=3,
        restart_window_s=9,
    )
    delays = [after_death("brain", [n * SECOND for n in range(count)], 1.0, chosen) for count in (1, 2, 3)]
    assert delays == [Again(SECOND), Again(1_500_000_000), Again(1_500_000_000)]
    assert isinstance(after_death("brain", [n * SECOND for n in range(4)], 1.0, chosen), GiveUp)
    assert isinstance(after_death("brain", [n * 4 * SECOND for n in range(4)], 1.0, chosen), Again)
    for life, most_s in ((Life.RUNNING, 2), (Life.STARTING, 5)):
        sign = Sign(life=life, beat_ns=SECOND, spawned_ns=0)
        assert [is_stuck(sign, SECOND + most_s * SECOND + late, chosen) for late in (0, 1)] == [False, True]


def test_three_hundred_instruments_may_take_longer_to_start():
    """A minute and a quarter of a second for each; what runs has no more time than before."""
    many = patient(SETTINGS, 300)
    assert many.start_within_s == SETTINGS.start_within_s + 75.0
    assert many.stuck_after_s == SETTINGS.stuck_after_s
    assert not is_stuck(Sign(life=Life.STARTING, beat_ns=0, spawned_ns=0), 134 * SECOND, many)


@pytest.mark.parametrize("needs", [NEEDS, MIRROR_NEEDS])
def test_nobody_waits_in_a_circle(needs: Mapping[str, tuple[str, ...]]):
    """Every role can start once those before it are ready."""
    lives: dict[str, Life] = {}
    for _ in needs:
        lives |= {role: Life.READY for role in needs if may_start(role, lives, needs)}
    assert lives.keys() == needs.keys() == {*TRADERS, *OBSERVERS}


def test_a_mirrored_market_is_heard_before_it_is_told():
    """The feed waits for nobody, the exchange for the feed, the engine for the exchange."""
    assert may_start("feed", {}, MIRROR_NEEDS)
    assert not may_start("exchange", {}, MIRROR_NEEDS)
    assert may_start("exchange", {"feed": Life.READY}, MIRROR_NEEDS)
    assert not may_start("engine", {"feed": Life.READY}, MIRROR_NEEDS)


def test_a_standby_comes_after_its_engine_and_later_after_a_death_of_its_own():
    """Seconds of the settings; with 0 there is none, whatever died."""
    settings = SupervisorSettings(standby_after_s=4.0, restart_window_s=60.0)
    assert standby_delay_ns(settings, has_died=False) == 4 * SECOND
    assert standby_delay_ns(settings, has_died=True) == 60 * SECOND
    none = SupervisorSettings(standby_after_s=0.0)
    assert [standby_delay_ns(none, has_died=died) for died in (False, True)] == [None, None]
