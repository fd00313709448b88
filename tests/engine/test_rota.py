"""Few questions, and still everybody's turn."""

import asyncio

import pytest

from engine.rota import AT_ONCE_MAX, EACH_MAX, TURN, Rota, few_at_once


def names(count):
    """So many symbols."""
    return [f"X{number:03d}" for number in range(count)]


def test_a_few_symbols_are_all_asked_about_each_time():
    """Up to sixteen nothing is left for another round."""
    rota = Rota(names(EACH_MAX))
    assert not rota.is_long
    assert rota.due([]) == rota.due(["X003"]) == names(EACH_MAX)


def test_of_hundreds_each_has_its_turn_and_those_that_stir_do_not_wait():
    """300 symbols are all seen within nineteen rounds, in none of them more than the turn and what stirs."""
    rota, symbols, seen = Rota(names(300)), names(300), {}
    for _ in range(-(-300 // TURN)):
        due = rota.due(["X299", "X150"])
        assert due == sorted(due)
        assert {"X150", "X299"} <= set(due)
        assert len(due) <= TURN + 2
        seen |= dict.fromkeys(due)
    assert sorted(seen) == symbols


async def test_questions_are_asked_a_few_at_once():
    """Of 300, never more than eight are under way."""
    running, most = 0, 0

    async def ask(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await few_at_once(names(300), ask)
    assert (most, running) == (AT_ONCE_MAX, 0)


async def test_the_first_failure_ends_the_round():
    """Nobody goes on asking an exchange that does not answer."""
    asked = []

    async def ask(symbol):
        asked.append(symbol)
        if symbol == "X001":
            raise ConnectionError("down")
        await asyncio.sleep(30)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(few_at_once(names(300), ask), 5)
    assert len(asked) <= AT_ONCE_MAX + 1
