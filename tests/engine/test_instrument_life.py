"""What happens to an instrument while we hold it: told, paused, booked; never traded on by us."""

from dataclasses import replace

import pytest
from msgspec import structs

from engine.books import Books, BooksError
from engine.events import EXTERNAL, Filled, Intended, Listed, Sized, Started, Stepped
from engine.instrument_life import EXCHANGE, changed, forced
from engine.messages import Recorded
from engine.order import Intent, OrderType
from engine.petition import Deed, Granted, Market, Petition, judge
from engine.statement import lines_of
from shm.records import Purpose
from tests.engine.test_account import BTC, INSTRUMENTS, Stage

BITCOIN = replace(INSTRUMENTS[0], status=1)


@pytest.mark.parametrize(
    ("after", "words", "pauses"),
    [
        (BITCOIN, "", False),
        (None, "is not listed any more: delisted or renamed", True),
        (replace(BITCOIN, status=0), "does not trade any more: halted or settling", True),
        (replace(BITCOIN, tick_e8=10**6), "has another tick: tick 10000000 -> 1000000", True),
        (replace(BITCOIN, lot_e8=10**8), "was redenominated: tick 10000000 -> 10000000, lot 100000 -> 100000000", True),
        (replace(BITCOIN, lots_min=5), "has other limits: lots_min 1 -> 5", False),
    ],
)
def test_each_change_has_words_and_a_policy(after, words, pauses):
    """Nothing new is nothing told."""
    change = changed(BITCOIN, after)
    if not words:
        assert change is None
        return
    assert change.words.startswith(words)
    assert change.pauses is pauses


def test_a_resumption_is_told_and_needs_a_person():
    """Trading again after a halt lifts no pause by itself."""
    change = changed(replace(BITCOIN, status=0), BITCOIN)
    assert (change.words, change.pauses) == ("trades again; resume it", False)


@pytest.mark.parametrize(
    ("client_id", "words"),
    [
        ("autoclose-1763700000", "liquidated"),
        ("adl_autoclose", "auto-deleveraged"),
        ("settlement_autoclose-17", "settled: the contract was delisted"),
        ("web_1", None),
        ("rm1-1-abcdef", None),
    ],
)
def test_the_venues_own_orders_are_known_by_their_names(client_id, words):
    """Everybody else's orders are not the venue's."""
    change = forced(BTC, client_id)
    assert (change is not None) is (words is not None)
    assert change is None or words in change.words


@pytest.fixture
async def holding(tmp_path):
    """A shared account that holds ten lots with a stop."""
    stage = Stage(tmp_path)
    stage.plan = {"is_shared": True}
    await stage.begin()
    await stage.quiet()
    stage.target(10)
    await stage.quiet()
    stage.covered()
    yield stage
    await stage.end()


def resumed(stage, number=1):
    """A person says that it is well."""
    petition = Petition(petition_id=f"p{number}", deed=Deed.RESUME, subject=BTC, who="ann")
    market = Market(instruments={BTC: INSTRUMENTS[0]}, strategies=("trend",), marks={})
    verdict = judge(petition, stage.account.books, market)
    assert isinstance(verdict, Granted), verdict
    for event in verdict.events:
        stage.account.tell(Recorded(event))


@pytest.mark.parametrize("client_id", ["autoclose-1763700000", "adl_autoclose", "settlement_autoclose-17"])
async def test_a_position_that_the_venue_closes_is_booked_and_not_opened_again(holding, client_id):
    """At its price, to the last unit; the stop goes; told and paused, until a person resumes."""
    stage, books = holding, holding.account.books
    stage.exchange.price[BTC] = 280_000
    stage.exchange.accept(
        Intent(
            intent_id=1, client_id=client_id, account="", venue="", instrument=BTC, allocation=(("x", 10),),
            purpose=Purpose.EXIT, type=OrderType.MARKET, side=-1, lots=10, reduce_only=True,
            created_market_ns=0, created_wall_ns=0,
        )
    )  # fmt: skip
    await stage.quiet()
    stage.agrees()
    stage.covered()
    assert books.position(BTC, "trend").lots == books.position(BTC, EXTERNAL).lots == 0
    assert books.position(BTC, "trend").realised == -10 * 20_000 * INSTRUMENTS[0].unit
    assert books.hands.paused == {BTC: EXCHANGE}
    stage.target(5, target_id=2, stop_ticks=270_000)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == 0
    resumed(stage)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == 5


@pytest.mark.parametrize("after", [None, replace(BITCOIN, status=0), replace(BITCOIN, tick_e8=10**6)])
async def test_an_instrument_that_ends_while_held_keeps_its_stop_and_may_be_left(holding, after):
    """Noticed at the next look; nothing is added, the stop rests, the strategy's exit goes through."""
    stage = holding
    stage.exchange.rules[BTC] = after
    stage.clocks.ns += 301 * 10**9
    await stage.quiet()
    assert stage.account.books.hands.paused == {BTC: EXCHANGE}
    stage.covered()
    stage.target(20, target_id=2)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == 10
    stage.target(0, target_id=3)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == 0
    events = [event for event in stage.witness.events if type(event).__name__ == "Intervened"]
    assert len(events) == 1  # told once, however often it is looked at
    assert events[0].why.startswith(("is not listed", "does not trade", "was redenominated", "has another tick"))


def relisted(tick_e8, lot_e8=10**5):
    """The contract under other rules."""
    unit = tick_e8 * lot_e8 // 10**8
    return Listed(instrument=BTC, venue="fake", tick_e8=tick_e8, lot_e8=lot_e8, unit=unit)


def held_by_trend():
    """Ten lots bought at 50 000, a stop at 49 000 of which trailing has made 49 500."""
    books, price = Books(), 500_000
    books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
    books.apply(relisted(10**7))
    books.apply(
        Sized(run="r", instrument=BTC, strategy="trend", target_id=7, lots=10, stop_ticks=490_000, valid_until_ns=9,
              reference_ticks=price, open_ns=0, trail_ticks=8)
    )  # fmt: skip
    intent = Intent(
        intent_id=1, client_id="c1", account="main", venue="fake", instrument=BTC, allocation=(("trend", 10),),
        purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, lots=10, target_id=7, reference_ticks=price,
        created_market_ns=0, created_wall_ns=0,
    )  # fmt: skip
    books.apply(Intended(intent=intent))
    books.apply(trade(5, 1, 10, price, 1))
    books.apply(
        Stepped(instrument=BTC, strategy="trend", open_ns=60, peak_ticks=510_000, stop_ticks=495_000, against=0)
    )
    return books


def trade(trade_id, side, lots, ticks, intent_id=0):
    """A trade without a fee."""
    return Filled(
        account="main", venue="fake", instrument=BTC, trade_id=trade_id, intent_id=intent_id, venue_order_id="w",
        side=side, lots=lots, price_ticks=ticks, fee=0, is_maker=False, market_ns=trade_id, wall_ns=0,
    )  # fmt: skip


def test_a_finer_tick_while_a_position_is_held_moves_no_price_and_no_money():
    """Exchanges change ticks every few weeks: stop, trail, entry and peak are the same prices in the new ticks."""
    books = held_by_trend()
    cost = books.position(BTC).cost
    books.apply(relisted(10**6))
    goal, trip = books.goals[BTC, "trend"], books.trips[BTC, "trend"]
    assert (goal.stop_ticks, goal.reference_ticks, goal.trail_ticks) == (4_900_000, 5_000_000, 80)
    assert (trip.entry_ticks, trip.risk_ticks, trip.peak_ticks, trip.stop_ticks) == (
        5_000_000, 100_000, 5_100_000, 4_950_000,
    )  # fmt: skip
    assert (books.position(BTC).cost, books.position(BTC).entry_ticks(1_000)) == (cost, 5_000_000)
    books.apply(trade(9, -1, 4, 5_100_000))
    books.apply(trade(8, -1, 4, 5_050_000))  # told late: only what has this tick is told again
    assert books.position(BTC).realised == 4 * 100_000 * 1_000 + 4 * 50_000 * 1_000
    assert books.position(BTC).lots == 2


def test_a_finer_tick_of_one_contract_leaves_the_other_as_it_was():
    """A late trade of the other one is told again from its first: its unit has not changed."""
    books, other = held_by_trend(), "ETH/USDT:USDT"
    books.apply(structs.replace(relisted(10**7), instrument=other))
    books.apply(structs.replace(trade(5, 1, 4, 100), instrument=other))
    books.apply(structs.replace(trade(7, -1, 4, 120), instrument=other))
    books.apply(relisted(10**6))
    books.apply(structs.replace(trade(6, 1, 4, 110), instrument=other))
    unit = books.ledger.units[other]
    assert books.position(other).lots == 4
    assert books.position(other).realised == 4 * (120 - 105) * unit
    assert books.position(BTC).cost == 10 * 5_000_000 * books.ledger.units[BTC]


def test_a_lot_that_changes_under_a_position_is_refused_even_where_a_tick_of_a_lot_keeps_its_worth():
    """Ten times the tick and a tenth of the lot: the same unit, and ten lots would be a tenth of what is held."""
    books = held_by_trend()
    with pytest.raises(BooksError, match="changed its lot"):
        books.apply(relisted(10**8, 10**4))


def test_the_statement_counts_each_trade_in_the_ticks_of_its_own_time():
    """Bought at 50 000 in tenths, sold at 51 000 in hundredths: 10 * 0.001 * 1 000 USDT."""
    events = [
        Started(run="r", account="main", venue="fake", wall_ns=0), relisted(10**7), trade(5, 1, 10, 500_000),
        relisted(10**6), trade(6, -1, 10, 5_100_000),
    ]  # fmt: skip
    books = Books()
    for event in events:
        books.apply(event)
    (line,) = lines_of(events)
    assert line.amount == 10 * 10**8 == books.ledger.wallet("main", "fake")
