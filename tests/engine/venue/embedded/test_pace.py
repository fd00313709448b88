"""How fast the market moves, and when not at all."""

import asyncio
import time

import pytest

from engine.venue.embedded.events import AccountUpdate, Candle, CandleUpdate
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import BACKLOG_MAX, Pace, Speed


class Audience:
    """Listens to everything; its backlog is what a test says."""

    def __init__(self) -> None:
        self.events, self.backlog_count, self.cut = 0, 0, False

    def publish(self, events) -> None:
        """Count."""
        self.events += len(events)

    async def publish_in_portions(self, events) -> None:
        """Count."""
        self.publish(events)

    def cut_slowest(self, backlog_max: int) -> None:
        """Remember."""
        self.cut = True
        self.backlog_count = 0


async def driven(pace: Pace, seconds: float) -> None:
    """Let ``pace`` drive for a while, then freeze it."""
    task = asyncio.create_task(pace.drive())
    await asyncio.sleep(seconds)
    pace.drain()
    await asyncio.wait_for(task, 30)


@pytest.mark.parametrize(
    ("text", "points"), [("1", 8), ("60", 8), ("300", 4), ("1200", 1), ("100000", 1), ("max", 1), ("step", 1)]
)
def test_a_speed_has_at_most_twenty_points_a_second(text, points):
    """
    Slow markets are smooth, fast ones move a candle at a time.
    """
    assert Speed.parse(text).points_per_candle() == points


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "1e9"])
def test_a_speed_that_cannot_be_is_refused(text):
    """
    The message says what would be right.
    """
    with pytest.raises(ValueError, match="a number from"):
        Speed.parse(text)


async def test_nothing_moves_until_told_to(make_exchange):
    """
    Frozen at the start, and for good after a drain.
    """
    exchange = make_exchange()
    pace = Pace(exchange, Audience(), Speed.parse("max"), lambda: 0)
    task = asyncio.create_task(pace.drive())
    await asyncio.sleep(0.05)
    assert (pace.candles_count, pace.is_running) == (0, False)
    pace.run()
    await asyncio.sleep(0.05)
    pace.drain()
    await asyncio.wait_for(task, 30)
    stood = exchange.now_ns
    pace.run()
    await asyncio.sleep(0.02)
    assert exchange.now_ns == stood > exchange.start_ns


async def test_nobody_waits_for_the_first_candle(make_exchange):
    """
    At real time it closes after the last eighth of its minute; here a second of speed 60 holds the second too.
    """
    exchange = make_exchange(8)
    pace = Pace(exchange, Audience(), Speed.parse("60"), lambda: 0)
    pace.run()
    await driven(pace, 0.5)
    assert pace.candles_count == 1
    assert exchange.now_ns - exchange.start_ns < 2 * MINUTE_NS


async def test_real_time_times_a_factor(make_exchange):
    """
    At speed 6000 a minute takes ten milliseconds: half a second is about fifty minutes, never more.
    """
    pace = Pace(make_exchange(), Audience(), Speed.parse("6000"), lambda: 0)
    pace.run()
    began = time.monotonic()
    await driven(pace, 0.5)
    assert 5 <= pace.candles_count <= (time.monotonic() - began) * 100 + 1


async def test_a_step_waits_for_the_engine(make_exchange):
    """
    The next minute is played when the last one is settled, and not before.
    """
    exchange = make_exchange()
    settled = [0]
    pace = Pace(exchange, Audience(), Speed.parse("step"), lambda: settled[0])
    pace.run()
    task = asyncio.create_task(pace.drive())
    for minutes in (1, 2, 3):
        await asyncio.sleep(0.05)
        assert pace.candles_count == minutes
        assert exchange.now_ns == exchange.start_ns + minutes * MINUTE_NS
        settled[0] = exchange.now_ns
    pace.drain()
    await asyncio.wait_for(task, 30)


async def test_flat_out_waits_for_its_slowest_client(make_exchange):
    """
    While a client lags the market stands still, instead of losing it.
    """
    audience = Audience()
    pace = Pace(make_exchange(), audience, Speed.parse("max"), lambda: 0)
    audience.backlog_count = BACKLOG_MAX
    pace.run()
    await driven_lagging(pace, audience)
    assert pace.candles_count > 0
    assert not audience.cut


async def driven_lagging(pace: Pace, audience: Audience) -> None:
    """Lag, catch up, and freeze."""
    task = asyncio.create_task(pace.drive())
    await asyncio.sleep(0.05)
    assert pace.candles_count == 0
    audience.backlog_count = 0
    await asyncio.sleep(0.05)
    pace.drain()
    await asyncio.wait_for(task, 30)


async def test_a_market_that_ends_ends_the_drive(make_exchange):
    """
    A file's market stops at its last minute; stepping past it moves nothing.
    """
    exchange = make_exchange()
    pace = Pace(exchange, Audience(), Speed.parse("max"), lambda: 0)
    left = (exchange.market.end_ns - exchange.now_ns) // MINUTE_NS
    assert pace.step(left + 10) == left
    pace.run()
    await asyncio.wait_for(pace.drive(), 30)
    assert exchange.is_over


FLAT = (1_000_000, 1_000_000, 1_000_000, 1_000_000)
CLOSED = CandleUpdate("BTCUSDT", 0, Candle(0, 1, 1, 1, 1, 1, 1, 1, 1, 1), True)


class Filling:
    """An exchange whose every minute fills something before its candle closes."""

    is_over = False
    closes_in = 1
    advances = 0

    def __init__(self) -> None:
        self.now_ns = 0

    def advance(self) -> list[object]:
        """A candle, and what its path did to us, in the order that the core tells them."""
        self.now_ns += MINUTE_NS
        return [CLOSED, AccountUpdate("me", self.now_ns, "ORDER", 0, 0, None)]


async def test_a_candle_is_told_when_the_fills_of_its_path_are_booked():
    """
    In step mode whoever decides on a candle sees the position that its path left.
    """
    told: list[object] = []
    audience = Audience()
    audience.publish = told.extend
    booked = [False]
    pace = Pace(Filling(), audience, Speed.parse("step"), lambda: 0, lambda: booked[0])
    pace.run()
    task = asyncio.create_task(pace.drive())
    await asyncio.sleep(0.05)
    assert [type(event) for event in told] == [AccountUpdate]
    booked[0] = True
    await asyncio.sleep(0.05)
    assert told[1:] == [CLOSED]
    pace.drain()
    await asyncio.wait_for(task, 30)


async def test_a_minute_without_a_candle_is_not_waited_for(opened):
    """
    Nobody can settle what never came: the next candle shows the hole.
    """
    exchange = opened(FLAT, None, None, FLAT)
    pace = Pace(exchange, Audience(), Speed.parse("step"), lambda: exchange.start_ns + MINUTE_NS)
    pace.run()
    task = asyncio.create_task(pace.drive())
    await asyncio.sleep(0.05)
    assert pace.candles_count == 4
    pace.drain()
    await asyncio.wait_for(task, 30)


def test_many_symbols_share_the_points():
    """At speed 60 three symbols have eight points a minute, a hundred four, 300 one; at real time all eight."""
    speed = Speed.parse("60")
    assert [speed.points_per_candle(count) for count in (1, 3, 100, 300, 1000)] == [8, 8, 4, 1, 1]
    assert Speed.parse("1").points_per_candle(300) == 8
    assert Speed.parse("step").points_per_candle(300) == 1
