"""What risk counts of the past: losses in a row and the risk day, also after a restart."""

from decimal import Decimal

import pytest

from engine.books import Books
from engine.core import Core
from engine.events import Deposited, Filled, Listed, Started
from engine.ledger import Position
from engine.messages import Candle, Moment, Recorded
from engine.risk import Refusal
from engine.settings import EngineSettings, RiskSettings
from engine.tally import Day, Streak, Tally, day_of, zone_of
from tests.engine.floor import MINUTE, Floor
from tests.engine.test_core import SYMBOL, Rules

HOUR = 60 * MINUTE


def test_a_streak_counts_trades_that_cost_more_than_they_brought():
    """A profit smaller than its fees is a loss; a part that is closed ends no trade; a flip does."""
    tally, name = Tally(), ("X", "trend")
    tally.traded(name, 0, Position(lots=5, fees=1), 1)
    tally.traded(name, 5, Position(lots=2, fees=2, realised=-50), 2)
    assert tally.streaks == {}
    tally.traded(name, 2, Position(lots=0, fees=3, realised=2), 3)
    assert tally.streaks["trend"] == Streak(1, 3)
    tally.traded(name, 4, Position(lots=-4, fees=3, realised=-8), 4)
    assert tally.streaks["trend"] == Streak(2, 4)
    tally.traded(name, -4, Position(lots=0, fees=3, realised=-8), 5)
    assert tally.streaks["trend"] == Streak(0, 4)


def test_the_risk_day_begins_at_midnight_of_its_zone():
    """23:30 UTC is the next day in Berlin; a change of clocks makes a day of 23 hours."""
    evening = 1_741_303_800 * 10**9  # 2025-03-06 23:30 UTC
    utc, berlin = zone_of("UTC"), zone_of("Europe/Berlin")
    assert day_of(evening, berlin) == day_of(evening, utc) + 1
    spring = 1_743_289_200 * 10**9  # 2025-03-30 00:00 in Berlin
    assert [day_of(spring + h * HOUR, berlin) - day_of(spring, berlin) for h in (-1, 0, 22, 23)] == [-1, 0, 0, 1]


def test_a_zone_that_is_none_is_refused_at_birth():
    """By name, with what would be right."""
    with pytest.raises(ValueError, match="'Berlin' is no time zone"):
        RiskSettings(risk_day_zone="Berlin")


def test_lost_is_less_than_at_the_beginning_of_the_day():
    """A profit is no loss; before the first day nothing is."""
    tally = Tally()
    assert tally.lost_today(-100) == 0
    tally.day = Day(1, 30)
    assert [tally.lost_today(profit) for profit in (40, 30, -20)] == [0, 0, 50]


def losing(**risk):
    """A floor that has just lost 30 ticks on each of 10 lots, 3 000 000 minor units, and the fee."""
    floor = Floor(EngineSettings(risk=RiskSettings(**risk)))
    floor.market_ns = 20_000 * 24 * HOUR
    floor.candle(500_000)
    floor.target(7, 10, 490_000)
    floor.candle(499_970)
    return floor


def refusals(floor):
    """Why the core refused, so far."""
    return [refused.refusal for refused in floor.refused]


def test_a_day_that_has_lost_enough_enters_no_more_until_the_next_also_after_a_restart_and_a_deposit():
    """Open positions count: 0.03 of loss and 0.25 of fees reach 0.28; money that comes in changes nothing."""
    floor = losing(daily_loss_max=Decimal("0.28"))
    assert floor.books.tally.day.profit == 0
    floor.tell(Recorded(Deposited(account="main", venue="paper", amount=10**12, reference="d", wall_ns=1)))
    floor.start()
    floor.candle(499_970)
    floor.target(8, 12, 490_000)
    assert refusals(floor) == [Refusal.DAILY_LOSS]
    assert floor.lots == 10
    floor.target(9, 0, 0)
    assert floor.lots == 0
    floor.market_ns += 24 * HOUR
    floor.candle(499_970)
    floor.target(10, 12, 490_000)
    assert floor.lots == 12


@pytest.mark.parametrize("most", [0, 2])
def test_a_strategy_that_loses_twice_cools_down_also_after_a_restart(most):
    """Then it trades again; with the switch off it never stopped."""
    floor = losing(losses_in_a_row_max=most, cooldown_minutes=60)
    floor.target(8, 0, 0)
    floor.target(9, 10, 490_000)
    floor.target(10, 0, 0)
    floor.start()
    floor.candle(499_970)
    floor.target(11, 10, 490_000)
    assert refusals(floor) == ([Refusal.LOSSES_IN_A_ROW] if most else [])
    floor.target(12, 0, 0)
    floor.market_ns += 60 * MINUTE
    floor.candle(499_970)
    floor.target(13, 10, 490_000)
    assert floor.lots == 10


def test_a_day_begins_with_what_all_that_is_held_is_worth():
    """After a restart over midnight bitcoin's candle comes first: ether's profit of yesterday is no room for losses."""
    ether = "ETH/USDT:USDT"
    instruments = {SYMBOL: Rules(), ether: Rules(symbol=ether)}
    books = Books()
    books.apply(Started(run="r1", account="main", venue="paper", wall_ns=0))
    books.apply(Listed(instrument=ether, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000))
    books.apply(
        Filled(
            account="main", venue="paper", instrument=ether, trade_id=1, intent_id=0, venue_order_id="w", side=1,
            lots=10, price_ticks=30_000, fee=0, is_maker=False, market_ns=HOUR, wall_ns=0,
        )
    )  # fmt: skip
    core = Core(books, EngineSettings(), run="r2", venue="paper", instruments=instruments)
    now = Moment(market_ns=30 * HOUR, wall_ns=0, monotonic_ns=0)
    core.restarted(now)
    for symbol, close in ((SYMBOL, 500_000), (ether, 40_000)):
        assert books.tally.day is None
        candle = {"open_ns": 30 * HOUR - MINUTE, "close_ns": 30 * HOUR, "high_ticks": close, "low_ticks": close}
        core.tell(Candle(instrument=symbol, close_ticks=close, **candle), now)
    assert books.tally.day.profit == 10 * 10_000 * 10_000
