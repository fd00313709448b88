"""Goals that a person's or a stranger's hand changes."""

import msgspec

from engine.goal import Goal, ended, set_by_hand

GOAL = Goal(run="r1", target_id=7, lots=10, stop_ticks=490, valid_until_ns=99, reference_ticks=500, trail_ticks=3)


def test_an_ended_goal_is_spent_and_else_the_same():
    """Its target id stays, so that a repeat of the target changes nothing."""
    assert ended(GOAL, "r2") == msgspec.structs.replace(GOAL, spent=True)


def test_lots_that_nobody_wanted_end_as_a_goal_without_a_target():
    """A strategy that holds lots and never spoke in this run is spent under target 0: any real one is newer."""
    goal = ended(None, "r2")
    assert (goal.run, goal.target_id, goal.lots, goal.spent) == ("r2", 0, 0, True)


def test_a_goal_set_by_hand_has_a_voice_again():
    """Though it was spent it wants what is held, with the stop that was said; what targets take off stays off."""
    goal = set_by_hand(msgspec.structs.replace(GOAL, spent=True), "r1", 4, 480)
    assert (goal.lots, goal.stop_ticks, goal.by_hand, goal.spent, goal.stale) == (4, 480, True, False, False)
    assert (goal.target_id, goal.barred) == (7, True)


def test_a_goal_of_another_run_that_is_set_by_hand_is_older_than_every_target_of_this_one():
    """Target ids count anew with each run: under number 7 the strategy's targets 1 to 6 would be dropped as old."""
    goal = set_by_hand(msgspec.structs.replace(GOAL, stale=True), "r2", 4, 480)
    assert (goal.run, goal.target_id, goal.lots, goal.stop_ticks) == ("r2", 0, 4, 480)
    assert (goal.by_hand, goal.barred, goal.stale) == (True, True, False)


def test_a_goal_of_which_some_was_taken_keeps_its_stop_and_buys_nothing_back():
    """It is not a person's stop: trailing goes on; a goal that is over already stays over."""
    assert ended(GOAL, "r2", 4) == msgspec.structs.replace(GOAL, lots=4, barred=True)
    assert ended(msgspec.structs.replace(GOAL, spent=True), "r2", 4).lots == 10
    assert ended(None, "r2", 4).spent
