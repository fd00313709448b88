"""What happens to an instrument while we hold it: told, paused, booked; never traded on by us."""

from dataclasses import replace

import pytest

from engine.events import EXTERNAL
from engine.instrument_life import EXCHANGE, changed, forced
from engine.messages import Recorded
from engine.order import Intent, OrderType
from engine.petition import Deed, Granted, Market, Petition, judge
from shm.records import Purpose
from tests.engine.test_account import BTC, INSTRUMENTS, Stage

BITCOIN = replace(INSTRUMENTS[0], status=1)


@pytest.mark.parametrize(
    ("after", "words", "pauses"),
    [
        (BITCOIN, "", False),
        (None, "is not listed any more: delisted or renamed", True),
        (replace(BITCOIN, status=0), "does not trade any more: halted or settling", True),
        (replace(BITCOIN, tick_e8=10**6), "was redenominated: tick 10000000 -> 1000000", True),
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
    assert events[0].why.startswith(("is not listed", "does not trade", "was redenominated"))
