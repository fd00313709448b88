"""First durable, then done; in order on one instrument, side by side on two."""

import asyncio

import pytest

from engine.dispatch import Dispatch
from engine.events import Found
from engine.messages import Answer, Cancel, Compare, Outcome, Send
from engine.order import Event
from shm.records import Finding
from tests.engine.fake_venue import Exchange, FakeVenue
from tests.engine.test_account import INSTRUMENTS, Witness
from tests.engine.venue.test_round_trip import approved

EVENT = Found(finding=Finding.MATCH, instrument="", intent_id=0, expected=0, found=0, text="", wall_ns=0)


class Journal:
    """A disk that is as slow as the test wants."""

    def __init__(self):
        """Nothing is written yet."""
        self.waiting = []

    def append(self, events):
        """Queue."""
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


class Desk:
    """A dispatch with everything around it."""

    def __init__(self):
        """All fakes."""
        self.journal, self.exchange = Journal(), Exchange(INSTRUMENTS)
        self.venue, self.told, self.asked = FakeVenue(self.exchange), [], []
        self.dispatch = Dispatch(self.journal, self.venue, Witness(), self.told.append, self.ask)

    async def ask(self, intent):
        """Remember the question."""
        self.asked.append(intent.intent_id)


async def breathe():
    """Let everything run that can."""
    for _ in range(60):
        await asyncio.sleep(0)


async def test_nothing_leaves_before_it_is_durable():
    """The request waits for the disk, and is under way from the core's answer to the venue's."""
    desk = Desk()
    desk.dispatch.do(Answer((EVENT,), (Send(approved(1)),)))
    await breathe()
    assert not desk.exchange.sends
    assert desk.dispatch.is_under_way(1)
    assert not desk.dispatch.is_durable
    desk.journal.waiting[0].set_result(5)
    await breathe()
    assert list(desk.exchange.sends.values()) == [1]
    assert [(message.intent_id, message.event) for message in desk.told] == [(1, Event.FILL_ALL)]
    assert desk.dispatch.is_idle
    assert not desk.dispatch.is_under_way(1)


async def test_a_disk_that_fails_sends_nothing_and_ends_the_process():
    """Fail-stop: ``check`` raises what the journal said."""
    desk = Desk()
    desk.dispatch.do(Answer((EVENT,), (Send(approved(1)),)))
    desk.journal.waiting[0].set_exception(OSError("disk full"))
    await breathe()
    assert not desk.exchange.sends
    with pytest.raises(OSError, match="disk full"):
        desk.dispatch.check()


async def test_a_cancel_is_followed_by_a_question_whatever_the_answer():
    """Neither success nor failure of a cancel says what became of the order."""
    desk = Desk()
    desk.dispatch.do(Answer((), (Cancel(approved(1).intent, ""), Compare("why not"))))
    desk.journal.waiting[0].set_result(0)
    await breathe()
    assert desk.asked == [1]
    assert desk.dispatch.comparison_wanted == "why not"


async def test_an_abandoned_answer_is_still_written():
    """Closing cancels who waits for the disk, not the write."""
    desk = Desk()
    desk.dispatch.do(Answer((EVENT,), (Send(approved(1)),)))
    await asyncio.sleep(0)
    await desk.dispatch.close()
    assert not desk.journal.waiting[0].cancelled()
    desk.journal.waiting[0].set_result(1)
    await breathe()
    assert not desk.exchange.sends
    assert not any(isinstance(message, Outcome) for message in desk.told)
