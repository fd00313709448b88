"""One websocket client: its subscriptions and a bounded queue of what it has not read yet.

publish --push--> queue (bounded) --send--> socket
                    |
                    +-- full: the client is cut, never silently thinned

A client that stays silent after a ping, says too much, or is a day old is cut too.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from engine.venue.embedded.latency import AT_ONCE, Delay, Journey
from engine.venue.embedded.signing import wall_ms

QUEUE_MAX = 20_000  # about 7 MB of candles
GOOD_BYE_SECONDS = 1.0  # that a client has to answer a close
REQUEST_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRules:
    """How long a connection lives and how much it may say; the defaults are the exchange's own."""

    lifetime_s: float = 24 * 60 * 60
    ping_s: float = 180.0
    pong_s: float = 600.0  # without a pong, the connection is cut
    messages_per_s: int = 10  # that a client may send
    streams_max: int = 1_024
    request_bytes_max: int = REQUEST_BYTES_MAX
    feed: Delay = AT_ONCE  # of market time, until a message is sent
    feed_seed: int = 0
    feed_speed: float = 1.0  # of the market

    def __post_init__(self) -> None:
        if min(self.lifetime_s, self.ping_s, self.pong_s, self.messages_per_s, self.streams_max) <= 0:
            raise ValueError("rules of clients: every one is above 0")


PUBLISHED = ClientRules()
PATIENT = ClientRules(messages_per_s=100)  # with clients that send one subscription a message


class Client:
    """A websocket and its queue; ``open`` it, ``push`` to it, ``close`` it."""

    def __init__(
        self, *, combined: bool, queue_max: int = QUEUE_MAX, rules: ClientRules = PATIENT, number: int = 0
    ) -> None:
        self.socket = web.WebSocketResponse(
            autoping=False, timeout=GOOD_BYE_SECONDS, max_msg_size=rules.request_bytes_max, compress=False
        )
        self.combined = combined
        self.streams: dict[str, None] = {}
        self.account: str | None = None
        self.listen_key: str | None = None
        self.is_cut = False
        self._is_frozen = False
        self._rules = rules
        self._queue: deque[str] = deque()
        self._queue_max = queue_max
        self._journey = None if rules.feed.is_none else Journey(rules.feed, rules.feed_seed, number)
        self._due_ns: deque[int] = deque()  # when each of the queue is sent, where there is a latency
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._transport: asyncio.Transport | None = None
        self._heard_s = 0.0
        self._spoken: deque[float] = deque(maxlen=rules.messages_per_s)

    @property
    def backlog_count(self) -> int:
        """Messages that wait to be sent."""
        return len(self._queue)

    async def open(self, request: web.Request) -> None:
        """Shake hands and start sending."""
        await self.socket.prepare(request)
        self._transport = request.transport
        self._heard_s = time.monotonic()
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._watch())]

    async def hear(self, message: WSMessage) -> str | bytes | None:
        """The request in ``message``, if it is one; a client that says too much is cut."""
        now_s = time.monotonic()
        if len(self._spoken) == self._rules.messages_per_s and now_s - self._spoken[0] < 1.0:
            await self._finish(WSCloseCode.POLICY_VIOLATION, b"Too many requests")
            return None
        self._spoken.append(now_s)
        match message.type:
            case WSMsgType.PING:
                await self.socket.pong(message.data)
            case WSMsgType.PONG:
                self._heard_s = now_s
            case WSMsgType.TEXT | WSMsgType.BINARY:
                text: str | bytes = message.data
                return text
        return None

    def push(self, text: str) -> None:
        """Queue ``text``; a client that has let its queue fill up is cut."""
        if self.is_cut or self._is_frozen:
            return
        if len(self._queue) >= self._queue_max:
            self.cut()
            return
        self._queue.append(text)
        if self._journey is not None:
            self._due_ns.append(self._journey.arrival_ns(time.monotonic_ns(), self._rules.feed_speed))
        self._news.set()

    def cut(self) -> None:
        """Drop the connection at once, without good-bye."""
        self.is_cut = True
        self._queue.clear()
        self._due_ns.clear()
        if self._transport is not None:
            self._transport.abort()

    def freeze(self) -> None:
        """Neither say nor hear anything any more: a connection that died without a word."""
        self._is_frozen = True
        if self._transport is not None:
            self._transport.pause_reading()

    async def close(self, *, code: int = WSCloseCode.GOING_AWAY, reason: bytes = b"") -> None:
        """Stop sending and close the socket."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._finish(code, reason)

    async def _finish(self, code: int, reason: bytes) -> None:
        if not self.socket.closed and self.socket.prepared:
            await self.socket.close(code=code, message=reason)

    async def _watch(self) -> None:
        """Ping, and end the connection when nobody answers or its day is over."""
        ends_s = time.monotonic() + self._rules.lifetime_s
        try:
            while (now_s := time.monotonic()) < ends_s:
                if now_s - self._heard_s >= self._rules.pong_s:
                    self.cut()
                    return
                await asyncio.sleep(min(self._rules.ping_s, ends_s - now_s))
                await self.socket.ping(str(wall_ms()).encode())
            await self._finish(WSCloseCode.GOING_AWAY, b"connection is 24 hours old")
        except (ConnectionError, RuntimeError):
            self.is_cut = True

    async def _send(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._queue:
                    if self._due_ns:
                        await asyncio.sleep(max(0, self._due_ns.popleft() - time.monotonic_ns()) / 1e9)
                    # While it waited, the client may have been cut.
                    if self._queue:
                        await self.socket.send_str(self._queue.popleft())
        except (ConnectionError, RuntimeError):
            # The reader side sees the end of the connection and cleans up.
            self.is_cut = True
            self._queue.clear()
