"""What the core answered, done: first durable, then one action after the other.

    Answer --append--> journal --durable--> lane of the instrument --> venue
                                              |                          |
                                              +---- Outcome, FillTold <--+

Instruments have a lane each and do not wait for one another.  Within a lane an action
waits for the one before it, but only so long: a request that hangs must not keep a
stop from being placed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from engine import errors
from engine.events import BookEvent
from engine.messages import Action, Announce, Answer, Ask, Cancel, Compare, Message, Outcome, Send
from engine.order import Event, Intent
from engine.risk import Approved, Refused
from engine.venue.base import Acknowledged

PATIENCE_S = 0.25  # with the action before, in the same lane


class Journal(Protocol):
    """Where events become durable."""

    def append(self, events: Sequence[BookEvent]) -> "asyncio.Future[int]":
        """Resolves, in order of calls, to the monotonic instant of durability."""
        ...


class Venue(Protocol):
    """Where orders go."""

    async def place(self, approved: Approved) -> Acknowledged:
        """Send once."""
        ...

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        ...


class Witness(Protocol):
    """Who wants to see what happened; told only what is durable."""

    def durable(self, events: Sequence[BookEvent], durable_ns: int) -> None:
        """These events are on disk."""
        ...

    def sent(self, intent: Intent, acknowledged: Acknowledged, durable_ns: int) -> None:
        """The request left at ``acknowledged.sent_ns``."""
        ...

    def refused(self, refused: Refused) -> None:
        """Risk said no."""
        ...

    def rested(self) -> None:
        """Nothing is under way any more."""
        ...


class Dispatch:
    """Executes answers; tells ``tell`` what came of them."""

    def __init__(
        self,
        journal: Journal,
        venue: Venue,
        witness: Witness,
        tell: Callable[[Message], None],
        ask: Callable[[Intent], Coroutine[Any, Any, None]],
    ) -> None:
        """``ask`` looks an order up at the venue and tells what it finds."""
        self._journal = journal
        self._venue = venue
        self._witness = witness
        self._tell = tell
        self._ask = ask
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._pending = 0
        self._undurable = 0
        self._under_way: dict[int, bool] = {}  # intents between the core's answer and the venue's
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self.comparison_wanted = ""  # why

    @property
    def is_idle(self) -> bool:
        """Nothing waits for the disk or for the venue."""
        return self._pending == 0

    @property
    def is_durable(self) -> bool:
        """The books show nothing that is not on the disk."""
        return self._undurable == 0

    def is_under_way(self, intent_id: int) -> bool:
        """Its request has not been answered yet."""
        return intent_id in self._under_way

    def check(self) -> None:
        """Raise what failed in the background: a broken journal ends the process."""
        if self._failure is not None:
            raise self._failure

    def do(self, answer: Answer) -> None:
        """Make the events durable, then do the actions; returns at once."""
        for action in answer.actions:
            if isinstance(action, Send):
                self._under_way[action.intent.intent_id] = True
        # Also without events: an answer never overtakes the one before it.
        written = self._journal.append(answer.events)
        self._undurable += 1
        self._start(self._made_durable(answer, written))

    async def close(self) -> None:
        """Abandon what is under way; the journal says what has to be asked about."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _made_durable(self, answer: Answer, written: "asyncio.Future[int]") -> None:
        try:
            # Shielded: what is queued for the disk is written, also when nobody waits for it any more.
            durable_ns = await asyncio.shield(written)
        finally:
            self._undurable -= 1
        self._witness.durable(answer.events, durable_ns)
        self._act(answer.actions, durable_ns)

    def _act(self, actions: Sequence[Action], durable_ns: int) -> None:
        for action in actions:
            match action:
                case Compare(reason):
                    self.comparison_wanted = reason
                case Announce(refused):
                    self._witness.refused(refused)
                case _:
                    symbol = action.intent.instrument
                    previous = self._lanes.get(symbol)
                    self._lanes[symbol] = self._start(self._in_lane(action, durable_ns, previous))

    async def _in_lane(
        self, action: Send | Cancel | Ask, durable_ns: int, previous: "asyncio.Task[None] | None"
    ) -> None:
        # A question about an order whose request hangs does not wait for that request.
        is_its_own = isinstance(action, Ask) and self.is_under_way(action.intent.intent_id)
        if previous is not None and not previous.done() and not is_its_own:
            await asyncio.wait({previous}, timeout=PATIENCE_S)
        match action:
            case Send():
                await self._send(action, durable_ns)
            case Cancel():
                await self._cancel(action)
            case Ask():
                await self._ask(action.intent)

    async def _send(self, send: Send, durable_ns: int) -> None:
        try:
            await self._place(send, durable_ns)
        finally:
            self._under_way.pop(send.intent.intent_id, None)

    async def _place(self, send: Send, durable_ns: int) -> None:
        intent = send.intent
        try:
            acknowledged = await self._venue.place(send.approved)
        except errors.Rejected as error:
            self._tell(_failed(intent, Event.REJECT, error))
        except errors.NotSent as error:
            self._tell(_failed(intent, Event.ABSENT, error))
        except errors.VenueError as error:
            self._tell(_failed(intent, Event.DOUBT, error))
        else:
            self._witness.sent(intent, acknowledged, durable_ns)
            self._tell(
                Outcome(
                    intent_id=intent.intent_id,
                    event=acknowledged.event,
                    venue_order_id=acknowledged.venue_order_id,
                    lots_filled=acknowledged.lots_filled,
                )
            )

    async def _cancel(self, cancel: Cancel) -> None:
        try:
            await self._venue.cancel(cancel.intent)
        except errors.NotSent:
            return  # the core asks again
        except errors.VenueError:
            pass  # neither success nor failure of a cancel says what became of the order: look
        await self._ask(cancel.intent)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._pending += 1
        self._tasks[id(task)] = task
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._pending -= 1
        self._tasks.pop(id(task), None)
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            self._failure = task.exception()
        if self._pending == 0:
            self._witness.rested()


def _failed(intent: Intent, event: Event, error: errors.VenueError) -> Outcome:
    return Outcome(
        intent_id=intent.intent_id,
        event=event,
        refusal=type(error).__name__,
        text=error.text,
        retry_after_ms=getattr(error, "retry_after_ms", 0),
    )
