"""Time that only moves when nothing is left to do, and an event loop that dies with its process.

    World   one heap of what will happen, and when; what the exchange does outlives every process
    Loop    asyncio for one life of the engine: a dead loop runs nothing and takes nothing any more

A life can be ended between any two callbacks: that is the finest step at which anything is decided.
"""

import asyncio
from asyncio import events as running
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

MS = 1_000_000


class Killed(Exception):  # noqa: N818 - it is what happened
    """The process ended here, without a word."""


class Handle:
    """Something that will be called, unless it is cancelled first."""

    __slots__ = ("args", "callback", "is_cancelled")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Remember what to call."""
        self.callback, self.args, self.is_cancelled = callback, args, False

    def cancel(self) -> None:
        """Do not call it."""
        self.is_cancelled = True


class World:
    """What happens when; ``kill_at`` counts callbacks of engines, over all lives."""

    def __init__(self, now_ns: int) -> None:
        """Nothing will happen yet."""
        self.now_ns = now_ns
        self.steps = 0
        self.kill_at = -1
        self.outside = 0  # what is still to happen outside of any process
        self._heap: list[tuple[int, int, Loop | None, Handle]] = []
        self._number = 0

    def later(self, delay_ns: int, callback: Callable[..., Any], *args: Any) -> None:
        """Have it happen at the exchange or on the wire, whoever lives."""
        self.outside += 1
        self.put(delay_ns, None, Handle(callback, args))

    def put(self, delay_ns: int, loop: "Loop | None", handle: Handle) -> None:
        """Have it happen after ``delay_ns``, if ``loop`` lives."""
        self._number += 1
        heappush(self._heap, (self.now_ns + delay_ns, self._number, loop, handle))

    def run(self, loop: "Loop", until: Callable[[], bool], within_ns: int) -> bool:
        """Let time pass in ``loop`` until ``until``; False when ``within_ns`` passed first."""
        deadline_ns = self.now_ns + within_ns
        ready, heap = loop.ready, self._heap
        while True:
            while ready:
                self.steps += 1
                if self.steps == self.kill_at:
                    raise Killed
                callback, args = ready.popleft()
                callback(*args)
            if until():
                return True
            if not heap or heap[0][0] > deadline_ns:
                self.now_ns = max(self.now_ns, deadline_ns)
                return False
            when_ns, _, owner, handle = heappop(heap)
            self.now_ns = max(self.now_ns, when_ns)
            if owner is None:
                self.outside -= 1
            elif owner.is_dead:
                continue
            if not handle.is_cancelled:
                handle.callback(*handle.args)

    def leap(self, by_ns: int) -> None:
        """The machine slept: all that was due meanwhile happens late."""
        self.now_ns += by_ns


class Loop(asyncio.AbstractEventLoop):
    """The event loop of one life."""

    def __init__(self, world: World) -> None:
        """Run at once, in ``world``'s time."""
        self.world = world
        self.ready: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self.is_dead = False
        self._tasks: list[asyncio.Task[Any]] = []
        running._set_running_loop(self)

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> None:  # type: ignore[override]
        """Call it in this turn; nobody here cancels such a call, so there is no handle."""
        if not self.is_dead:
            self.ready.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Handle:
        """Call it after ``delay`` seconds."""
        handle = Handle(callback, args)
        self.world.put(int(delay * 1e9), self, handle)
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> "asyncio.Task[Any]":
        """Start a task."""
        task = asyncio.Task(coro, loop=self)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """A thread that is done at once."""
        future = self.create_future()
        future.set_result(func(*args))
        return future

    def time(self) -> float:
        """Seconds."""
        return self.world.now_ns / 1e9

    def get_debug(self) -> bool:
        """Never."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody awaited is told by the checks at the end."""

    def die(self) -> None:
        """End every task where it stands: nothing more is called."""
        self.is_dead = True
        self.ready.clear()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False
                task.get_coro().close()
        self._tasks.clear()
        running._set_running_loop(None)
