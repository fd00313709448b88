"""What people are told of: wishes that come to nothing, and why."""

import pytest

from shm.records import Order
from tests.engine.test_agent import DEPOSIT, Floor, close, held


@pytest.fixture
async def floor(tmp_path):
    """A floor with a running engine."""
    floor = Floor(tmp_path)
    await floor.open()
    await floor.begin()
    floor.command(Order.RUN)
    yield floor
    await floor.rest()
    await floor.engine.close()
    await floor.close()


async def test_a_target_that_is_worth_no_order_is_told(floor):
    """Less than the smallest order, or with a stop that none can rest at: people learn why nothing is traded."""
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.decide(lots=10, stop_ticks=900_000_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    assert "trend wants BTC/USDT:USDT and gets nothing" in [event for event, _ in floor.body.log.lines]


async def test_a_refused_order_names_the_limit_and_the_figure_to_people(floor):
    """Our clock is five seconds off: the words are in the log, from where the screen has them."""
    await floor.settled(close(floor))
    close_ns = floor.candle()
    floor.engine._account.core.clock_drift_ms = 5_000
    floor.decide(lots=10, stop_ticks=250_000)
    await floor.settled(close_ns)
    ((event, said),) = [line for line in floor.body.log.lines if line[0].startswith("refused")]
    assert event == "refused on BTC/USDT:USDT: CLOCK_DRIFT"
    assert said["text"] == "our clock is 5000 ms off the venue's; clock_drift_ms_max is 1000"


async def test_what_the_exchange_refuses_is_told_in_its_own_words(floor):
    """More than the margin allows: nothing is held, and the screen can say why."""
    await floor.settled(close(floor))
    floor.exchange.deposit("paper", 100 * 10**8 - DEPOSIT)
    close_ns = floor.candle()
    floor.decide(lots=600, stop_ticks=250_000)
    await floor.settled(close_ns)
    assert held(floor) == (0, [])
    told = dict(floor.body.log.lines)
    assert "argin" in told["refused on BTC/USDT:USDT by the exchange: InsufficientFunds"]["text"]
