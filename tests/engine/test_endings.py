"""Trades from entry to end on a trading floor: each switch changes what happens; a kill changes nothing."""

from decimal import Decimal

import pytest

from engine.events import Filled, Intervened
from engine.messages import FillTold, Recorded
from engine.settings import EngineSettings, ExitSettings
from tests.engine.floor import Floor
from tests.engine.test_core import SYMBOL, Rules

R = 1_000  # ticks: entry 500 000, stop 499 000


def floor(rules=None, **exits):
    """An empty account whose trades end as ``exits`` say."""
    return Floor(EngineSettings(exits=ExitSettings(**exits)), rules)


def decimals(*texts):
    """Settings as an operator writes them."""
    return tuple(map(Decimal, texts))


LADDER = {"tp_r_multiples": decimals("1", "2"), "tp_splits": decimals("0.5", "0.3")}


def test_the_ladder_rests_at_the_venue_and_the_stop_shrinks_with_it():
    """Five of ten lots go at 1 R, three at 2 R; two run to the stop; no order is ever larger than what is held."""
    trade = floor(**LADDER)
    trade.target(7, 10, 499_000)
    assert trade.resting() == [("STOP", 10, 499_000), ("TAKE_PROFIT", 3, 502_000), ("TAKE_PROFIT", 5, 501_000)]
    trade.candle(501_000)
    assert trade.resting() == [("STOP", 5, 499_000), ("TAKE_PROFIT", 3, 502_000)]
    trade.candle(502_500)
    assert trade.resting() == [("STOP", 2, 499_000)]
    trade.candle(498_900)
    assert trade.resting() == []
    assert trade.trades == [
        ("ENTRY", 1, 10, 500_000), ("TAKE_PROFIT", -1, 5, 501_000), ("TAKE_PROFIT", -1, 3, 502_000),
        ("STOP", -1, 2, 499_000),
    ]  # fmt: skip


def test_without_a_ladder_nothing_but_the_stop_rests():
    """The default."""
    trade = floor()
    trade.target(7, 10, 499_000)
    trade.candle(502_500)
    assert trade.resting() == [("STOP", 10, 499_000)]


@pytest.mark.parametrize(("after", "stop"), [(0, 499_000), (1, 500_000)])
def test_the_stop_goes_to_the_entry_after_the_first_target(after, stop):
    """With the switch on; the same market without it leaves the stop."""
    trade = floor(break_even_after=after, **LADDER)
    trade.target(7, 10, 499_000)
    trade.candle(501_200)
    assert ("STOP", 5, stop) in trade.resting()


@pytest.mark.parametrize(("trail", "stop"), [("off", 499_000), ("r", 501_500), ("target", 501_700)])
def test_the_stop_follows_the_price(trail, stop):
    """One R, or the 800 ticks that the strategy gave, behind the best price of closed candles; or not at all."""
    trade = floor(trail=trail)
    trade.target(7, 10, 499_000, trail_ticks=800)
    trade.candle(502_500, 502_000)
    trade.candle(501_900, 502_100)
    assert trade.resting() == [("STOP", 10, stop)]


def test_a_trailing_stop_that_the_close_has_passed_closes_at_the_market():
    """The venue would refuse a stop behind the price: no such order is sent."""
    trade = floor(trail="r")
    trade.target(7, 10, 499_000)
    trade.candle(503_000, 501_000)
    assert trade.trades[-1] == ("EXIT", -1, 10, 501_000)
    assert trade.resting() == []


def test_neither_trailing_nor_break_even_moves_a_stop_that_a_person_set():
    """It stands where it was put until the strategy's next target, which trails again."""
    trade = floor(trail="r", break_even_after=1, **LADDER)
    trade.target(7, 10, 499_000)
    deed = Intervened(
        petition_id="p1", deed="move-stop", subject="BTC", instrument=SYMBOL, stop_ticks=498_000, who="ann"
    )
    trade.tell(Recorded(deed))
    trade.candle(501_200)
    assert ("STOP", 5, 498_000) in trade.resting()
    trade.target(8, 5, 499_000)
    trade.candle(501_300, 501_200)
    assert ("STOP", 5, 500_300) in trade.resting()


def test_what_a_target_takes_off_an_adopted_position_is_not_bought_back():
    """A strategy's repeated target allows entries; lots that a person gave it may only go."""
    trade = floor(**LADDER)
    trade.target(7, 10, 499_000)
    trade.candle(498_900)
    assert trade.resting() == []
    trade.lots = 10  # somebody bought at the exchange
    trade.tell(
        FillTold(
            Filled(
                account="main", venue="paper", instrument=SYMBOL, trade_id=999, intent_id=0, venue_order_id="web",
                side=1, lots=10, price_ticks=498_900, fee=0, is_maker=False, market_ns=trade.market_ns, wall_ns=0,
            )
        )
    )  # fmt: skip
    adopted = Intervened(
        petition_id="p1", deed="adopt", subject="BTC", instrument=SYMBOL, strategy="trend", stop_ticks=497_900
    )
    trade.tell(Recorded(adopted))
    assert ("STOP", 10, 497_900) in trade.resting()
    trade.candle(500_000)
    trade.target(7, 10, 499_000)
    assert trade.lots == 5


@pytest.mark.parametrize(("bars", "held"), [(0, 10), (3, 0)])
def test_time_ends_a_trade(bars, held):
    """After three closed minutes, or never; the target that began it enters no more."""
    trade = floor(time_exit_bars=bars)
    trade.target(7, 10, 499_000)
    for _ in range(2):
        trade.candle(500_010, 500_000)
    assert trade.lots == 10
    trade.candle(500_010, 500_000)
    assert trade.lots == held
    trade.target(7, 10, 499_000)
    assert trade.lots == held


@pytest.mark.parametrize(("abandon", "held"), [("0", 10), ("0.6", 0)])
def test_ship_is_abandoned_before_the_stop(abandon, held):
    """A close 0.7 R against the entry."""
    trade = floor(abandon_r=Decimal(abandon))
    trade.target(7, 10, 499_000)
    trade.candle(499_300)
    assert trade.lots == held


def test_a_rung_that_the_price_is_beyond_already_goes_at_the_market():
    """The entry was filled above its first target's trigger: refused as at once, so half is sold."""
    trade = floor(**LADDER)
    place = trade.place

    def late(intent):
        if intent.purpose.name == "TAKE_PROFIT" and intent.stop_ticks == 501_000:
            trade.price = 501_100
        place(intent)

    trade.place = late
    trade.target(7, 10, 499_000)
    assert trade.trades[1:] == [("EXIT", -1, 5, 501_100)]
    assert trade.resting() == [("STOP", 5, 499_000), ("TAKE_PROFIT", 3, 502_000)]


def test_a_rung_below_the_smallest_lot_is_merged_and_nothing_unsellable_is_left():
    """At least four lots an order: 5, then all that is left, since 2 could never be sold."""
    trade = floor(rules=Rules(lots_min=4), **LADDER)
    trade.target(7, 10, 499_000)
    assert trade.resting() == [("STOP", 10, 499_000), ("TAKE_PROFIT", 5, 501_000), ("TAKE_PROFIT", 5, 502_000)]
    trade.candle(502_000)
    assert (trade.lots, trade.resting()) == (0, [])


def test_a_strategy_against_the_net_position_takes_its_targets_by_itself():
    """A reduce-only order cannot rest for it: when a candle reaches the rung its lots are bought back."""
    trade = floor(**LADDER)
    trade.target(7, 20, 490_000)
    trade.target(8, -10, 501_000, strategy="b")
    assert trade.lots == 10
    trade.candle(499_000, 499_100)
    assert trade.trades[-1] == ("EXIT", 1, 5, 499_100) or trade.trades[-1] == ("ENTRY", 1, 5, 499_100)
    assert trade.books.position("BTC/USDT:USDT", "b").lots == -5


EVERYTHING = {
    "tp_r_multiples": decimals("1", "3"),
    "tp_splits": decimals("0.4", "0.2"),
    "break_even_after": 1,
    "trail": "r",
    "trail_r": Decimal("1.5"),
    "trail_after_r": Decimal("1.5"),
    "time_exit_bars": 6,
    "abandon_r": Decimal("0.8"),
    "abandon_bars": 2,
}
COURSES = {
    "trailed": [(500_400,), (501_300, 501_100), (502_600, 502_000), (501_900,), (501_000,), (500_900,)],
    "timed": [(500_100,), (500_200,), (500_100,), (500_300,), (500_200,), (500_100,), (500_000,)],
    "abandoned": [(499_900,), (499_150,), (499_180,), (499_100,)],
    "even": [(501_050,), (500_500,), (500_100,), (499_900,)],
    "both rungs": [(501_050,), (503_100,), (502_000,), (501_400,)],
}


def course(name, kills=()):
    """The trades of a course, the core killed as ``kills`` say."""
    trade = floor(**EVERYTHING)
    trade.kills = iter(kills)
    trade.target(7, 10, 499_000)
    for path in COURSES[name]:
        trade.candle(*path)
    return trade.trades, trade.resting(), sum(1 for _ in trade.journal)


@pytest.mark.parametrize("name", COURSES)
def test_a_kill_at_any_answer_changes_no_trade(name):
    """Before or after the actions of each answer in turn: the trades are those of the run that nobody interrupted."""
    trades, resting, events = course(name)
    assert resting == []
    assert len(trades) >= 2
    for number in range(events):
        for kill in ("after", "before"):
            killed = course(name, (kill if n == number else False for n in range(events)))
            assert killed[:2] == (trades, resting), (number, kill)
