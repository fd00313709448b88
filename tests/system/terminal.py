"""A person at the exchange, beside the session: trades by hand over the same wire, and sees what rests and is held."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.venue.client import Login, Surroundings
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm.clock import SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Who asks, and where the exchange is played."""

    port: int
    certificate_pem: str
    key: str
    secret: str

    def trade(self, symbol: str, side: str, quantity: str) -> None:
        """Trade at the market."""
        self._ask(lambda client: client.create_order(symbol, "market", side, quantity))

    def stops(self, symbol: str) -> list[float]:
        """The triggers of what rests there."""
        orders = self._ask(lambda client: client.fetch_open_orders(symbol, None, None, {"trigger": True}))
        return sorted(float(order["triggerPrice"]) for order in orders)

    def entries(self, symbol: str) -> list[float]:
        """The prices of the plain orders that rest there."""
        return sorted(float(order["price"]) for order in self._ask(lambda client: client.fetch_open_orders(symbol)))

    def held(self, symbol: str) -> float:
        """What the account holds, signed."""
        rows = self._ask(lambda client: client.fetch_positions([symbol]))
        return sum(float(row["contracts"]) * (1 if row["side"] == "long" else -1) for row in rows)

    def price(self, symbol: str) -> float:
        """The last price."""
        return float(self._ask(lambda client: client.fetch_ticker(symbol))["last"])

    def _ask(self, question: Callable[[Any], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            endpoint = dialling.Endpoint(port=self.port, certificate_pem=self.certificate_pem)
            around = Surroundings(
                dial=lambda: dialling.session(endpoint), clock=SystemClock(), generator=Random(1), limits_rate=False
            )
            venue = LiveVenue(Login(key=self.key, secret=self.secret), around)
            await venue.open()
            try:
                return await question(venue._client)
            finally:
                await venue.close()

        return asyncio.run(asked())
