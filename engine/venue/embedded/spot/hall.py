"""The spot side of the server as one piece: exchange, REST table, streams and websocket API.

a websocket is spot's when   it came in on a port of spot's      ws://127.0.0.1:SPOT/ws/...
                             or asked for one of spot's hosts    stream.binance.com  ws-api.binance.com
                             or has a path that only spot has    /stream-spot/ws  /spot/ws  /ws-api/v3
"""

from collections.abc import Iterable, Mapping

from aiohttp import web

from engine.venue.embedded.clients import Client
from engine.venue.embedded.directory import Directory
from engine.venue.embedded.events import Event
from engine.venue.embedded.faults.points import FAR_NS, Points
from engine.venue.embedded.signing import Keys, ListenKeys
from engine.venue.embedded.spot import dialogue
from engine.venue.embedded.spot.dialogue import SpotDialogue
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.routes import SpotRoutes
from engine.venue.embedded.spot.streams import SpotStreams

HOSTS = (
    "api.binance.com",
    "stream.binance.com",
    "demo-stream.binance.com",
    "ws-api.binance.com",
    "data-stream.binance.vision",
)
OWN_PATHS = ("/stream-spot/", "/spot/")


class SpotHall:
    """Spot on the wire; the server asks it first."""

    def __init__(self, spot: SpotExchange, keys: Keys, deposits: Mapping[str, int]) -> None:
        """Open an account with ``deposits`` for every owner of a key who has none yet."""
        self.exchange = spot
        self.ports: set[int] = set()
        listen_keys = ListenKeys()
        self._streams = SpotStreams(self.exchange, listen_keys)
        self.table: Directory = SpotRoutes(self.exchange, self._streams, listen_keys).table()
        self._dialogue = SpotDialogue(self.exchange, keys, self.table)
        self._streams.desks.append(self._dialogue)
        for account in dict.fromkeys(key.account for key in keys.values() if key.account not in spot.accounts):
            for asset, amount in deposits.items():
                self.exchange.deposit(account, asset, amount)
        self.exchange.drain()  # nobody listens yet

    @property
    def backlog_count(self) -> int:
        """Messages that the slowest client has not been sent yet."""
        return self._streams.backlog_count

    def is_for(self, request: web.Request) -> bool:
        """Whether spot serves this websocket."""
        if request.path.rstrip("/") == dialogue.PATH:
            return True
        if not self._streams.is_route(request.path):
            return False
        here = request.transport.get_extra_info("sockname") if request.transport else None
        host = request.host.partition(":")[0]
        return bool(here and here[1] in self.ports) or host in HOSTS or request.path.startswith(OWN_PATHS)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket to its end."""
        if request.path.rstrip("/") == dialogue.PATH:
            return await self._dialogue.serve(request)
        return await self._streams.serve(request)

    def publish(self, events: Iterable[Event]) -> None:
        """Tell every listener what happened."""
        self._streams.publish(events)

    def cut_slowest(self, backlog_max: int) -> None:
        """Cut every client with more than ``backlog_max`` messages waiting."""
        self._streams.cut_slowest(backlog_max)

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is connected now, to streams and to the websocket API."""
        return self._streams.clients + self._dialogue.clients

    def expire_listen_keys(self, now_ns: int, wall_ms: int) -> None:
        """End what an hour without a keepalive ends; at the end of all time, subscriptions as well."""
        self._streams.expire_listen_keys(now_ns, wall_ms)
        if now_ns >= FAR_NS:
            self._dialogue.end_subscriptions()

    def attach(self, faults: Points) -> None:
        """Let things go wrong here as well."""
        self._streams.faults = self._dialogue.faults = faults

    async def close(self) -> None:
        """Say good-bye to every client."""
        await self._dialogue.close()
        await self._streams.close()
