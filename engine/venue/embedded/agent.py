"""The embedded exchange as an agent: what the process ``exchange`` runs, with or without a supervisor.

start   listen                        READY     the market stands still
RUN     the market moves              RUNNING
DRAIN   it stands still for good      DRAINED   also when a recorded market is over; orders are accepted
close   every socket closed
"""

import asyncio
import gc
from dataclasses import dataclass

from engine.venue.embedded.certificate import Certificate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.server import Plan, Ports, Server
from shm.agent import Pulse, read_command
from shm.memory import Memory
from shm.records import Life, Order

DUTY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Office:
    """Where a supervisor's commands are read and this process's pulse is told."""

    memory: Memory
    pulse: Pulse


class ExchangeAgent:
    """A server with the life of an agent; without an office it obeys ``run`` and ``drain`` alone."""

    def __init__(self, exchange: Exchange, plan: Plan, office: Office | None = None) -> None:
        self._exchange = exchange
        self._server = Server(exchange, plan)
        self._office = office
        self._told = (Life.STARTING, 0)
        self.ports: Ports | None = None

    @property
    def certificate(self) -> Certificate:
        """What clients must trust; only its ``pem`` may leave the process."""
        return self._server.certificate

    @property
    def candles_count(self) -> int:
        """Minutes that the market has played."""
        return self._server.pace.candles_count

    @property
    def life(self) -> Life:
        """How far it is."""
        if self.ports is None:
            return Life.STARTING
        if self._server.pace.is_drained or self._exchange.is_over:
            return Life.DRAINED
        return Life.RUNNING if self._server.pace.is_running else Life.READY

    async def start(self) -> None:
        """Listen."""
        self.ports = await self._server.start()
        self._obey()

    def run(self) -> None:
        """Let the market move."""
        # Requests leave cycles behind, and no other process waits on this one's nanoseconds.
        gc.enable()
        self._server.pace.run()

    def drain(self) -> None:
        """Freeze the market for good; orders are still accepted."""
        self._server.pace.drain()

    async def work(self) -> int:
        """Obey, wait one duty cycle, raise what broke the market; how many minutes it moved."""
        before = self.candles_count
        self._obey()
        await asyncio.sleep(DUTY_SECONDS)
        if error := self._server.failure():
            raise error
        return self.candles_count - before

    async def close(self) -> None:
        """Close every socket."""
        await self._server.close()

    def _obey(self) -> None:
        if self._office is None:
            return
        command = read_command(self._office.memory)
        if command.order == Order.RUN:
            self.run()
        elif command.order in (Order.DRAIN, Order.STOP):
            self.drain()
        now = (self.life, command.version)
        if now != self._told:
            self._told = now
            # Once the market stands still, whoever waits for its last candle has to know how many there were.
            closed = sum(grid.candles_count for grid in self._exchange.grid())
            self._office.pulse.tell(life=now[0], obeyed=now[1], market_seq=closed, detail=self._detail())

    def _detail(self) -> str:
        return f"port {self.ports.tls}, {len(self._exchange.listings)} contracts" if self.ports else ""
