"""A Kraken Futures of our own, a venue that has dialled it, and all that it told."""

from random import Random

from engine.venue.client import Login, Surroundings
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm.clock import SystemClock
from tests.engine.venue import bybit_hall
from tests.engine.venue.kraken_door import KEY, SECRET, Door, now_ms
from tests.engine.venue.kraken_floor import Floor

BTC, ETH = "BTC/USD:USD", "ETH/USD:USD"


class Hall(bybit_hall.Hall):
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
        self.venue = LiveVenue(Login(exchange="krakenfutures", key=key, secret=secret, is_demo=is_demo), around)
        try:
            await self.venue.open()
            await self.venue.instruments([BTC, ETH])
        except BaseException:
            await self.close()
            raise

    async def trade(self, number, signed, symbol=BTC):
        """Trade at the market."""
        made = approved(number, side=1 if signed > 0 else -1, lots=abs(signed), instrument=symbol)
        await self.venue.place(made)
        return made.intent


def approved(intent_id, *more, **named):
    """An approved intent."""
    return bybit_hall.approved(intent_id, *more, **{"instrument": BTC} | named)
