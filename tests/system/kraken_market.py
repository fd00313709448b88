"""A Kraken Futures of our own with a market that runs, on a thread of the test: a minute passes every second."""

import asyncio
from decimal import Decimal
from typing import Any

from tests.engine.venue.kraken_door import Door
from tests.engine.venue.kraken_floor import Floor
from tests.system.bybit_market import MINUTE_MS, Bybit


class Kraken(Bybit):
    """Its port, its certificate, and what stands behind them."""

    def build(self) -> None:
        """What is traded on, and the way to it."""
        self.floor = Floor(self.market_ms)
        self.door = Door(self.floor)

    def list_minute(self, symbol: str, row: tuple[Any, ...]) -> None:
        """A minute of the past."""
        self.door.close_minute(symbol, row)

    async def _tick(self) -> None:
        beating = asyncio.create_task(self._beat())
        try:
            await super()._tick()
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """Its time, and the prices that it has."""
        while True:
            await asyncio.sleep(0.05)
            at_ms = self.market_ms()
            self.door.publish("heartbeat", "", {"time": at_ms})
            for symbol, price in self.floor.price.items():
                body = {"time": at_ms, "bid": float(price - 1), "ask": float(price + 1), "markPrice": float(price)}
                self.door.publish("ticker", symbol, body | {"bid_size": 5.0, "ask_size": 5.0})

    def _pass(self, symbol: str, price: Decimal, begin_ms: int) -> None:
        """A minute of ``symbol`` is over: a trade, and the bar in the list."""
        trade = {"time": begin_ms + MINUTE_MS, "uid": f"{symbol} {begin_ms}", "side": "buy", "type": "fill"}
        self.door.publish("trade", symbol, trade | {"qty": 0.5, "price": float(price)})
        self.list_minute(symbol, self._minute(price, begin_ms))
