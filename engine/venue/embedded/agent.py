"""The embedded exchange as an agent: what the process ``exchange`` runs.

start   listen; the market stands still
run     the market moves          drain   it stands still again, orders are accepted
work    one duty cycle: has anything broken?
close   every socket closed
"""

import asyncio

from engine.venue.embedded.certificate import Certificate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.server import Plan, Ports, Server

DUTY_SECONDS = 0.05


class ExchangeAgent:
    """A server with the life of an agent."""

    def __init__(self, exchange: Exchange, plan: Plan) -> None:
        self._exchange = exchange
        self._server = Server(exchange, plan)
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
    def is_over(self) -> bool:
        """Whether a recorded market has ended."""
        return self._exchange.is_over

    async def start(self) -> None:
        """Listen."""
        self.ports = await self._server.start()

    def run(self) -> None:
        """Let the market move."""
        self._server.pace.run()

    def drain(self) -> None:
        """Freeze the market for good; orders are still accepted."""
        self._server.pace.drain()

    async def work(self) -> int:
        """Wait one duty cycle, raise what broke the market, and return how many minutes it moved."""
        before = self.candles_count
        await asyncio.sleep(DUTY_SECONDS)
        if error := self._server.failure():
            raise error
        return self.candles_count - before

    async def close(self) -> None:
        """Close every socket."""
        await self._server.close()
