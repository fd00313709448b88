"""Lists of Kraken, page by page: against answers that are short, late, repeated and endless."""

import pytest

from engine import errors
from engine.venue import kraken_lists as lists
from engine.venue.kraken import milliseconds
from tests.engine.venue.kraken_floor import dated

AT = 1_795_000_000_000


class Scripted:
    """Answers as a server with these rows would."""

    def __init__(self, rows, at_most=100):
        """At most so many rows in an answer."""
        self.rows, self.at_most, self.asked = rows, at_most, []

    async def fills(self, _, **wanted):
        """Newest first, before a moment."""
        self.asked.append(wanted)
        before = milliseconds(wanted.get("lastFillTime", dated(1 << 42)))
        rows = [row for row in self.rows if milliseconds(row["fillTime"]) < before]
        return {"fills": rows[::-1][: self.at_most]}

    async def events(self, _, **wanted):
        """Oldest first, from a moment on."""
        self.asked.append(wanted)
        return {"elements": [row for row in self.rows if int(row["timestamp"]) >= wanted["since"]][: self.at_most]}

    async def entries(self, _, **wanted):
        """Oldest first, from a number on."""
        self.asked.append(wanted)
        return {"logs": [row for row in self.rows if row["id"] >= wanted.get("from", 0)][: wanted["count"]]}


def filled(*moments):
    """Rows of fills, oldest first."""
    return [{"fill_id": str(number), "fillTime": dated(at_ms)} for number, at_ms in enumerate(moments)]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 350])
async def test_fills_are_found_each_once_however_many(count):
    """Also where a page is full and nothing is left."""
    there = Scripted(filled(*(AT + number for number in range(count))))
    found = await lists.fills(there.fills, None, AT)
    assert sorted(int(row["fill_id"]) for row in found) == list(range(count))
    assert "lastFillTime" not in there.asked[0]


async def test_fills_of_one_moment_may_stand_on_two_pages():
    """A hundred and fifty in ten milliseconds: those before the moment are asked for with those in it."""
    there = Scripted(filled(*(AT + number // 15 for number in range(150))))
    assert len(await lists.fills(there.fills, None, AT)) == 150


async def test_fills_of_the_first_moment_may_stand_on_two_pages_as_well():
    """Thirty in the moment that is asked from, of which the newest page has ten."""
    there = Scripted(filled(*[AT] * 30, *[AT + 1] * 90))
    assert len(await lists.fills(there.fills, None, AT)) == 120


async def test_fills_are_asked_for_no_further_back_than_wanted():
    """One question where the newest page goes back far enough; older rows of it are left out."""
    there = Scripted(filled(*(AT + number for number in range(500))))
    assert len(await lists.fills(there.fills, None, AT + 450)) == 50
    assert len(there.asked) == 1


async def test_a_history_is_read_until_nothing_new_comes():
    """However few rows an answer has; in order of time."""
    rows = [{"uid": str(number), "timestamp": str(AT + number // 3)} for number in range(70)]
    there = Scripted(rows, at_most=20)
    assert [row["uid"] for row in await lists.events(there.events, None, AT)] == [row["uid"] for row in rows]


async def test_a_history_without_end_is_not_known():
    """It raises, and proves nothing."""
    rows = [{"uid": str(number), "timestamp": str(AT + number)} for number in range(200)]
    with pytest.raises(errors.Unknown, match="40 pages"):
        await lists.events(Scripted(rows, at_most=2).events, None, AT)


@pytest.mark.parametrize("count", [0, 24, 25, 26, 1025, 1026])
async def test_a_log_is_read_by_its_numbers(count):
    """A small page first, which costs less; then large ones until one is not full."""
    there = Scripted([{"id": number + 7} for number in range(count)])
    assert [row["id"] for row in await lists.entries(there.entries, None, AT)] == list(range(7, count + 7))
    assert (there.asked[0]["count"], there.asked[0]["since"]) == (25, AT)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("fills", {"fill_id": "a", "fillTime": "x"}),
        ("events", {"uid": "a", "timestamp": None}),
        ("entries", {"id": "x"}),
    ],
)
async def test_an_answer_that_is_no_list_proves_nothing(name, row):
    """Not silence: unknown, whether the list is missing, none, or has a row that cannot be read."""
    key = {"fills": "fills", "events": "elements", "entries": "logs"}[name]
    for answer in ({}, {key: None}, {key: [{}]}, {key: [row]}):

        async def odd(_, answer=answer, **wanted):
            return answer

        with pytest.raises(errors.Unknown, match="unreadable answer"):
            await getattr(lists, name)(odd, None, AT)
