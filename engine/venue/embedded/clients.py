"""One websocket client: its subscriptions and a bounded queue of what it has not read yet.

publish --push--> queue (bounded) --send--> socket
                    |
                    +-- full: the client is cut, never silently thinned
"""

import asyncio
from collections import deque

from aiohttp import WSCloseCode, web

QUEUE_MAX = 20_000  # about 7 MB of candles
PING_SECONDS = 30.0
GOOD_BYE_SECONDS = 1.0  # that a client has to answer a close
REQUEST_BYTES_MAX = 65_536


class Client:
    """A websocket and its queue; ``run`` it, ``push`` to it, ``close`` it."""

    def __init__(self, *, combined: bool, queue_max: int = QUEUE_MAX) -> None:
        self.socket = web.WebSocketResponse(
            heartbeat=PING_SECONDS, timeout=GOOD_BYE_SECONDS, max_msg_size=REQUEST_BYTES_MAX, compress=False
        )
        self.combined = combined
        self.streams: dict[str, None] = {}
        self.account: str | None = None
        self.listen_key: str | None = None
        self.is_cut = False
        self._is_frozen = False
        self._queue: deque[str] = deque()
        self._queue_max = queue_max
        self._news = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def backlog_count(self) -> int:
        """Messages that wait to be sent."""
        return len(self._queue)

    async def open(self, request: web.Request) -> None:
        """Shake hands and start sending."""
        await self.socket.prepare(request)
        self._transport = request.transport
        self._sender = asyncio.create_task(self._send())

    def push(self, text: str) -> None:
        """Queue ``text``; a client that has let its queue fill up is cut."""
        if self.is_cut or self._is_frozen:
            return
        if len(self._queue) >= self._queue_max:
            self.cut()
            return
        self._queue.append(text)
        self._news.set()

    def cut(self) -> None:
        """Drop the connection at once, without good-bye."""
        self.is_cut = True
        self._queue.clear()
        if self._transport is not None:
            self._transport.abort()

    def freeze(self) -> None:
        """Neither say nor hear anything any more: a connection that died without a word."""
        self._is_frozen = True
        if self._transport is not None:
            self._transport.pause_reading()

    async def close(self, *, code: int = WSCloseCode.GOING_AWAY, reason: bytes = b"") -> None:
        """Stop sending and close the socket."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        if not self.socket.closed and self.socket.prepared:
            await self.socket.close(code=code, message=reason)

    async def _send(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._queue:
                    await self.socket.send_str(self._queue.popleft())
        except (ConnectionError, RuntimeError):
            # The reader side sees the end of the connection and cleans up.
            self.is_cut = True
            self._queue.clear()
