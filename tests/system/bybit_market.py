"""A Bybit of our own with a market that runs, on a thread of the test: a minute passes every second."""

import asyncio
import threading
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.engine.venue.bybit_door import MINUTE_MS, Door, now_ms
from tests.engine.venue.bybit_floor import Floor

SPEED = 60
HISTORY = 1500  # minutes before the market begins


class Bybit:
    """Its port, its certificate, and what stands behind them."""

    def __init__(self, folder: Path) -> None:
        self._wall_ms = now_ms()
        self._begin_ms = self._wall_ms // MINUTE_MS * MINUTE_MS
        self.floor = Floor(self.market_ms)
        self.door = Door(self.floor)
        for symbol, price in self.floor.price.items():
            for ago in range(HISTORY, 0, -1):
                self.door.close_minute(symbol, self._minute(price, self._begin_ms - ago * MINUTE_MS), confirms=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.port = self.run(self.door.open())
        self.certificate = folder / "bybit.pem"
        self.certificate.write_text(self.door.certificate.pem)
        self._ticking = asyncio.run_coroutine_threadsafe(self._tick(), self._loop)

    def market_ms(self) -> int:
        """The market's time."""
        return self._begin_ms + (now_ms() - self._wall_ms) * SPEED

    def run(self, work: Any) -> Any:
        """Have ``work`` done on the exchange's thread."""
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(30)

    def by_hand(self, symbol: str, signed: str) -> None:
        """A person trades at the exchange."""

        async def trade() -> None:
            self.floor.by_hand(symbol, signed)

        self.run(trade())

    def close(self) -> None:
        """End it."""
        self._ticking.cancel()
        self.run(self.door.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    def _minute(price: Decimal, begin_ms: int) -> tuple[Any, ...]:
        """A quiet minute around ``price``; its close tells the minute apart."""
        close = price + begin_ms // MINUTE_MS % 7
        return begin_ms, price, price + 8, price - 1, close, "12.5", "1000"

    async def _tick(self) -> None:
        done = 0
        while True:
            await asyncio.sleep(0.05)
            while (self.market_ms() - self._begin_ms) // MINUTE_MS > done:
                for symbol, price in self.floor.price.items():
                    self._pass(symbol, price, self._begin_ms + done * MINUTE_MS)
                done += 1

    def _pass(self, symbol: str, price: Decimal, begin_ms: int) -> None:
        """A minute of ``symbol`` is over: quotes, a mark price, a trade, and the closed candle last."""
        at_ms = begin_ms + MINUTE_MS
        book = {"s": symbol, "b": [[str(price - 1), "5"]], "a": [[str(price + 1), "5"]], "u": 1, "seq": 1}
        self.door.publish(f"orderbook.1.{symbol}", "snapshot", book, at_ms)
        self.door.publish(f"tickers.{symbol}", "snapshot", {"symbol": symbol, "markPrice": str(price)}, at_ms)
        trade = {"T": at_ms, "s": symbol, "S": "Buy", "v": "0.5", "p": str(price), "i": f"{symbol} {at_ms}"}
        self.door.publish(f"publicTrade.{symbol}", "snapshot", [trade], at_ms)
        self.door.close_minute(symbol, self._minute(price, begin_ms))
