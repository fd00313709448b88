r"""The server: sockets on 127.0.0.1, one with TLS and one plain, in front of REST, streams and the control paths.

127.0.0.1:tls  \              /  Rest     /fapi /api /sapi
                > Server.serve >-  Streams  /ws /stream /public /market /private
127.0.0.1:plain/              \  Dialogue /ws-fapi/v1   (the websocket API)
                               \ Control  /ringmaster/grid step faults (with a key)   ledger (signed)
                               \ SpotHall /ws-api/v3, and /ws /stream on two ports of its own, TLS and plain
"""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from engine.venue.embedded.certificate import Certificate, issue
from engine.venue.embedded.clients import PATIENT, ClientRules
from engine.venue.embedded.dialogue import PATH, Dialogue
from engine.venue.embedded.directory import KEYED, SIGNED
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.faults.injector import Faults
from engine.venue.embedded.faults.schedule import Schedule, ScheduleError
from engine.venue.embedded.latency import Delay
from engine.venue.embedded.limits import GENEROUS, Limits, Meter
from engine.venue.embedded.pace import Pace, Speed
from engine.venue.embedded.parameters import RefusedError
from engine.venue.embedded.relay import MirrorPace, Relay
from engine.venue.embedded.rest import NOT_FOUND, Access, Rest
from engine.venue.embedded.signing import Keys, ListenKeys, wall_ms
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.hall import SpotHall
from engine.venue.embedded.streams import Streams

HOST = "127.0.0.1"
BODY_BYTES_MAX = 65_536
LOOK_SECONDS = 5.0  # between two looks at listen keys that end
STEP_MINUTES_MAX = 10_000
ANNOUNCED_S = 0.01  # between the news that a connection ends and its end


class ForeignBytes(logging.Filter):
    """Keeps what is no HTTP out of the log: it was answered, and the sender's bytes are not our error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is about an error of ours."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class PortTakenError(OSError):
    """A port that the server was told to use is not free."""


FOREIGN_BYTES = ForeignBytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the server is run: its keys, its ports (0: any) and how fast its market moves."""

    keys: Keys
    speed: Speed
    tls_port: int = 0
    plain_port: int = 0
    settled_ns: Callable[[], int] = lambda: 2**62
    faults: Faults | None = None  # None: only those that the control path asks for
    limits: Limits = GENEROUS
    rules: ClientRules = PATIENT
    is_booked: Callable[[], bool] = lambda: True  # whoever keeps books beside ours has every fill in them
    spot_tls_port: int = 0
    spot_plain_port: int = 0
    spot: SpotExchange | None = None  # None: a fresh one
    spot_deposits: Mapping[str, int] = field(default_factory=lambda: {"USDT": 10_000 * 10**8})  # of every new account
    certificate: Certificate | None = None  # None: a fresh one; kept, clients of before a restart still trust it
    relay: Relay | None = None  # where the market comes from that the exchange mirrors


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens."""

    tls: int
    plain: int
    spot_tls: int
    spot_plain: int


class Server:
    """The embedded exchange on the wire; ``start`` it, ``close`` it."""

    def __init__(self, exchange: Exchange, plan: Plan) -> None:
        self._exchange = exchange
        self._plan = plan
        self._listen_keys = ListenKeys()
        self.certificate: Certificate = plan.certificate or issue(time.time_ns())
        self.streams = Streams(
            exchange,
            self._listen_keys,
            points=plan.speed.points_per_candle(len(exchange.listings)),
            rules=_rules(exchange, plan),
        )
        self.pace = (
            MirrorPace(plan.relay, self.streams)
            if plan.relay
            else Pace(exchange, self.streams, plan.speed, plan.settled_ns, plan.is_booked)
        )
        self._faults = self.streams.faults = self.pace.faults = plan.faults or Faults(Schedule())
        self._faults.attach(exchange, self.streams)
        access = Access(plan.keys, self._listen_keys, Meter(plan.limits))
        self._rest = Rest(exchange, access, self.streams)
        self._rest.catch_up = self.pace.catch_up
        self._dialogue = Dialogue(self._rest, access, plan.rules)
        self._dialogue.faults = self._faults
        self.spot = SpotHall(plan.spot or SpotExchange(exchange), plan.keys, plan.spot_deposits)
        self._rest.join(self.spot.table)
        self.streams.followers.append(self.spot)
        self.spot.attach(self._faults)
        self._runner: web.AppRunner | None = None
        self.ports: Ports | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> Ports:
        """Listen, and return the ports; the market stands still until ``pace.run()``."""
        plan, sockets = self._plan, list[socket.socket]()
        try:
            for port in (plan.tls_port, plan.plain_port, plan.spot_tls_port, plan.spot_plain_port):
                sockets.append(_listen(port))
        except OSError:
            for listener in sockets:
                listener.close()
            raise
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_route("*", "/{path:.*}", self._serve)
        logger = logging.getLogger("exchange.http")
        logger.addFilter(FOREIGN_BYTES)
        self._runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=2.0, logger=logger
        )
        await self._runner.setup()
        context = self.certificate.server_context()
        for number, listener in enumerate(sockets):
            await web.SockSite(self._runner, listener, ssl_context=context if number % 2 == 0 else None).start()
        self._tasks = [asyncio.create_task(self.pace.drive()), asyncio.create_task(self._expire_listen_keys())]
        ports = Ports(*(listener.getsockname()[1] for listener in sockets))
        self.spot.ports = {ports.spot_tls, ports.spot_plain}
        self.ports = ports
        return ports

    async def close(self) -> None:
        """Stop the market, say good-bye to every client and free the ports."""
        self.pace.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._faults.close()
        self._rest.countdowns.close()
        self.streams.announce_end(wall_ms())
        await self._dialogue.announce_end()
        await asyncio.sleep(ANNOUNCED_S)
        await self._dialogue.close()
        await self.streams.close()
        await self.spot.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def failure(self) -> BaseException | None:
        """Return what ended the market's clockwork, if anything did."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                return error
        return None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._faults.serve(request, self._route)
        except web.HTTPRequestEntityTooLarge:
            return _json({"code": -1130, "msg": f"The body is larger than {BODY_BYTES_MAX} bytes."}, status=413)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            try:
                if self.spot.is_for(request):
                    return await self.spot.serve(request)
                if self.streams.is_route(request.path):
                    return await self.streams.serve(request)
                if request.path.rstrip("/") == PATH:
                    return await self._dialogue.serve(request)
            except ConnectionResetError:
                return web.Response()  # it left, during its handshake or later: nobody is there to be told
        if request.path.startswith("/ringmaster/"):
            return await self._control(request)
        return await self._rest.serve(request)

    async def _control(self, request: web.Request) -> web.Response:
        body = await request.read()
        # A key opens the market's clockwork; what an account holds is told to whoever has its secret.
        access = SIGNED if request.path == "/ringmaster/ledger" else KEYED
        try:
            account, _ = self._rest.admit(request, body.decode("utf-8", "replace"), access)
        except RefusedError as refused:
            return _json({"code": refused.refusal.code, "msg": refused.refusal.message}, status=refused.status)
        match request.method, request.path:
            case "GET", "/ringmaster/grid":
                return _json(self._grid())
            case "GET", "/ringmaster/ledger":
                return _json(self._ledger(account))
            case "GET", "/ringmaster/faults":
                return _json(self._faults.report())
            case "POST", "/ringmaster/faults":
                return self._add_faults(body)
            case "POST", "/ringmaster/step":
                return self._step(body)
            case _:
                return web.Response(status=404, body=NOT_FOUND, content_type="application/json")

    def _grid(self) -> dict[str, Any]:
        exchange = self._exchange
        return {
            "now_ns": exchange.now_ns,
            "is_over": exchange.is_over,
            "is_running": self.pace.is_running,
            "clients": self.streams.clients_count,
            "clients_cut": self.streams.cut_count,
            "symbols": [asdict(grid) for grid in exchange.grid()],
        }

    def _ledger(self, account: str) -> dict[str, Any]:
        """The books of ``account`` in integers: ticks, lots and minor units of 1e-8."""
        exchange = self._exchange
        fills = [fill for listing in exchange.listings for fill in exchange.user_trades(account, listing.id, 0, 10**9)]
        state = exchange.account(account)
        return asdict(state) | {
            "equity": state.equity,
            "now_ns": exchange.now_ns,
            "fills": [asdict(fill) for fill in sorted(fills, key=lambda fill: (fill.at_ns, fill.trade_id))],
            "open_orders": [asdict(order) for order in exchange.open_orders(account)],
            "open_algo_orders": [asdict(order) for order in exchange.open_algo_orders(account)],
        }

    def _add_faults(self, body: bytes) -> web.Response:
        try:
            return _json({"scheduled": self._faults.add(orjson.loads(body))})
        except (orjson.JSONDecodeError, ScheduleError) as error:
            return _json({"code": -1130, "msg": str(error)}, status=400)

    def _step(self, body: bytes) -> web.Response:
        try:
            given = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError:
            given = None
        minutes = given.get("candles", 1) if isinstance(given, dict) else None
        if not isinstance(minutes, int) or not 1 <= minutes <= STEP_MINUTES_MAX:
            return _json({"code": -1130, "msg": f"candles must be a number from 1 to {STEP_MINUTES_MAX}"}, status=400)
        done = self.pace.step(minutes)
        return _json({"candles": done, "now_ns": self._exchange.now_ns, "is_over": self._exchange.is_over})

    async def _expire_listen_keys(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for floor in (self.streams, self.spot):
                floor.expire_listen_keys(time.monotonic_ns(), wall_ms())


def _rules(exchange: Exchange, plan: Plan) -> ClientRules:
    """How clients are served: with the latency of the exchange's settings, where the market keeps a pace."""
    settings = exchange.settings
    if plan.speed.mode != "real":
        return plan.rules
    feed = Delay(settings.feed_latency_ms, settings.feed_jitter_ms)
    return replace(plan.rules, feed=feed, feed_seed=settings.latency_seed, feed_speed=plan.speed.factor)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTakenError(
                f"port {port} on {HOST} is not free: {error.strerror}; choose another, or 0 for any"
            ) from error
        raise
    listener.setblocking(False)
    return listener


def _json(answer: Any, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(answer), content_type="application/json")
