"""News becomes messages; what a stream did not say is asked for."""

from dataclasses import replace

import msgspec

from engine.desk import Desk
from engine.messages import FillTold, Moment, Outcome, Recorded
from engine.order import Event, OrderType
from engine.venue.base import StreamDown, StreamUp, WalletSeen
from tests.engine.fake_venue import Exchange, FakeVenue
from tests.engine.test_account import BTC, INSTRUMENTS
from tests.engine.venue.test_round_trip import approved


class Account:
    """Books with chosen orders, and an ear."""

    def __init__(self, *intents):
        """Know these intents."""
        self.orders = {intent.intent_id: Known(intent) for intent in intents}
        self.heard, self.books, self.dispatch = [], self, self
        self.ledger, self.trades = self, {}

    def is_under_way(self, intent_id):
        """Nothing is."""
        return False

    def tell(self, message):
        """Hear."""
        self.heard.append(message)

    def moment(self):
        """No time passes."""
        return Moment(market_ns=0, wall_ns=0, monotonic_ns=0)


class Known:
    """An order that is not settled."""

    is_settled = False
    lots_filled = 0

    def __init__(self, intent):
        """Of this intent."""
        self.intent = intent


def desk_of(account, exchange):
    """A desk at a fake venue."""
    return Desk(FakeVenue(exchange), account, INSTRUMENTS)


async def test_recovery_finds_trades_first_and_whose_they_are():
    """REST names no client id with a trade: the order's number leads to the intent."""
    exchange, entry = Exchange(INSTRUMENTS), approved(1).intent
    exchange.accept(entry)
    account = Account(entry)
    desk = desk_of(account, exchange)
    await desk.recover()
    fill, outcome = account.heard
    assert isinstance(fill, FillTold)
    assert (fill.fill.intent_id, fill.fill.lots) == (1, 10)
    assert (outcome.intent_id, outcome.event) == (1, Event.FILL_ALL)
    account.heard.clear()
    await desk.recover()
    assert [type(message) for message in account.heard] == [Outcome], "the same trades are not fetched again"


async def test_a_stranger_is_remembered_and_never_taken_for_ours():
    """A human's order is counted once; his trade belongs to nobody's intent, and recovery is not repeated for it."""
    exchange, account = Exchange(INSTRUMENTS), Account()
    exchange.accept(replace_id(approved(5).intent, "by-hand"))
    resting = approved(6, OrderType.STOP_MARKET, side=-1, stop_ticks=1, reduce_only=True).intent
    exchange.accept(replace_id(resting, "by-hand-2"))
    desk = desk_of(account, exchange)
    for _ in range(2):
        await desk.recover()
    assert [message.fill.intent_id for message in account.heard] == [0]
    assert len(desk.strangers) == 1
    assert desk.recovery_wanted == ""


def replace_id(intent, client_id):
    """``intent`` under a client id that is not ours."""
    return msgspec.structs.replace(intent, client_id=client_id)


async def test_an_order_that_nobody_knows_is_told_as_absent():
    """The core, which knows the horizon, says whether that is proof."""
    account = Account(approved(1).intent)
    await desk_of(account, Exchange(INSTRUMENTS)).ask(approved(1).intent)
    assert [message.event for message in account.heard] == [Event.ABSENT]


async def test_the_birth_of_what_a_stop_became_is_not_the_stops_end():
    """Only trades and the end of the ordinary order speak for the stop; its own number stays."""
    stop = approved(1, OrderType.STOP_MARKET, side=-1, stop_ticks=290_000, reduce_only=True).intent
    exchange, account = Exchange(INSTRUMENTS), Account(stop)
    exchange.lots[BTC] = 10
    seen = exchange.accept(stop).seen
    desk = desk_of(account, exchange)
    child = replace(seen, is_conditional=False, venue_order_id="99")
    desk.news(child)
    assert account.heard == []
    desk.news(replace(child, event=Event.FILL_ALL, lots_filled=10))
    assert [(m.event, m.venue_order_id) for m in account.heard] == [(Event.FILL_ALL, "")]


async def test_a_connection_wants_everything_asked_again():
    """What happened while the stream was down is not told by it."""
    desk = desk_of(Account(), Exchange(INSTRUMENTS))
    await desk.recover()
    desk.news(StreamDown(text="cut"))
    assert not desk.connected.is_set()
    desk.news(StreamUp())
    assert desk.connected.is_set()
    assert desk.recovery_wanted


async def test_funding_and_deposits_are_money_and_trades_are_not_counted_twice():
    """The wallet after an order follows from its trades; only what was no trade is recorded."""
    account = Account()
    desk = desk_of(account, Exchange(INSTRUMENTS))
    cash = WalletSeen(asset="USDT", wallet=1, reason="ORDER", change=0, symbol=BTC, market_ns=5)
    desk.news(cash)
    assert account.heard == []
    desk.news(replace(cash, reason="FUNDING_FEE", change=-7))
    desk.news(replace(cash, reason="DEPOSIT", change=9))
    assert [(type(m), m.event.amount) for m in account.heard] == [(Recorded, -7), (Recorded, 9)]
