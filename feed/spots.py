"""The price of every contract's spot, for whoever limits the basis: all spots in one answer, again and again.

    /api/v3/ticker/price --every ``feed.spot_ms``--> id, price --times the contract's coins--> QUOTES.spot

An answer that does not come leaves the old prices standing, and whoever reads them sees how old they are.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from feed.candle import MalformedFrameError, number
from feed.settings import FeedSettings
from feed.source import FOREIGN_TYPES, plain_client, translate

CLIENT = "binance"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPlan:
    """Whose spots are asked for: by row the spot's id and how many of its coins a contract is."""

    spots: Mapping[int, tuple[str, float]]
    dial: Callable[[], aiohttp.ClientSession]
    is_demo: bool = False


class SpotWatch:
    """Asks for the spots' prices until cancelled."""

    def __init__(
        self,
        plan: SpotPlan,
        settings: FeedSettings,
        told: Callable[[int, float], None],
        failed: Callable[[str], None],
    ) -> None:
        """``told`` hears row and price; ``failed`` why there was no answer, or no spot in it."""
        self._plan, self._settings, self._told, self._failed = plan, settings, told, failed
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None

    async def run(self) -> None:
        """Ask, wait, ask again."""
        while True:
            await self.look()
            await asyncio.sleep(self._settings.spot_ms / 1e3)

    async def look(self) -> None:
        """Ask once."""
        client = self._opened()
        try:
            async with asyncio.timeout((self._settings.connect_timeout_ms + self._settings.read_timeout_ms) / 1e3):
                answer = await client.public_get_ticker_price()
        except FOREIGN_TYPES as error:
            self._failed(f"spot prices: {translate(error)}")
            return
        try:
            prices = {one["symbol"]: number(one["price"]) for one in answer}
        except (KeyError, TypeError, MalformedFrameError) as error:
            self._failed(f"spot prices: unreadable ({error!r})")
            return
        for row, (spot_id, coins) in self._plan.spots.items():
            if (price := prices.get(spot_id, 0.0)) > 0.0:
                self._told(row, price * coins)
            else:
                self._failed(f"spot prices: none of {spot_id}")

    async def close(self) -> None:
        """Close every socket; may be called more than once."""
        client, self._client = self._client, None
        session, self._session = self._session, None
        try:
            if client is not None:
                await client.close()
        finally:
            if session is not None:
                await session.close()

    def _opened(self) -> Any:
        if self._client is None:
            self._session = self._plan.dial()
            self._client = plain_client(CLIENT, {"session": self._session, "timeout": self._settings.read_timeout_ms})
            if self._plan.is_demo:
                self._client.enable_demo_trading(True)
        return self._client
