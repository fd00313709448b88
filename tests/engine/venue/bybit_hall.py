"""A Bybit of our own, a venue that has dialled it, and all that it told."""

import asyncio
from random import Random

from engine.order import Event, Intent, OrderType, client_id_of
from engine.risk import Approved
from engine.venue.base import OrderSeen, StreamUp
from engine.venue.client import Login, Surroundings
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm.clock import SystemClock
from shm.records import Purpose
from tests.engine.venue.bybit_door import KEY, SECRET, Door, now_ms
from tests.engine.venue.bybit_floor import Floor

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


class Hall:
    """A running exchange, a venue that has dialled it, and all that it told."""

    def __init__(self):
        """Nothing is open yet."""
        self.floor = Floor(now_ms)
        self.door = Door(self.floor)
        self.told = []
        self.listening = None

    async def open(self, key=KEY, secret=SECRET, *, is_demo=False):
        """Dial."""
        await self.door.open()
        endpoint = self.door.endpoint(is_demo=is_demo)
        around = Surroundings(
            dial=lambda: dialling.session(endpoint), clock=SystemClock(), generator=Random(7), limits_rate=False
        )
        self.venue = LiveVenue(Login(exchange="bybit", key=key, secret=secret, is_demo=is_demo), around)
        try:
            await self.venue.open()
            await self.venue.instruments([BTC, ETH])
        except BaseException:
            await self.close()
            raise

    async def listen(self):
        """Hear the private stream."""
        self.listening = asyncio.create_task(self.venue.listen(self.told.append))
        await self.until(lambda news: isinstance(news, StreamUp))

    async def close(self):
        """Close everything."""
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
        await self.venue.close()
        await self.door.close()

    async def until(self, wanted, seconds=20.0):
        """The first piece of news for which ``wanted`` holds."""
        async with asyncio.timeout(seconds):
            while True:
                for news in self.told:
                    if wanted(news):
                        return news
                await asyncio.sleep(0.005)

    async def ended(self, intent):
        """The last word about an order."""
        wanted = (Event.FILL_ALL, Event.CANCEL_CONFIRMED, Event.REJECT, Event.EXPIRE)
        return await self.until(
            lambda n: isinstance(n, OrderSeen) and n.client_id == intent.client_id and n.event in wanted
        )

    async def trade(self, number, signed, symbol=BTC):
        """Trade at the market."""
        made = approved(number, side=1 if signed > 0 else -1, lots=abs(signed), instrument=symbol)
        await self.venue.place(made)
        return made.intent


def approved(intent_id, order_type=OrderType.MARKET, side=1, lots=10, **more):
    """An approved intent."""
    named = {"instrument": BTC, "purpose": Purpose.ENTRY, "created_market_ns": 0, "created_wall_ns": 0} | more
    client_id = client_id_of("test", intent_id)
    return Approved(
        Intent(
            intent_id=intent_id,
            client_id=client_id,
            account="main",
            venue="bybit",
            allocation=(("trend", lots),),
            type=order_type,
            side=side,
            lots=lots,
            **named,
        )
    )
