"""News becomes messages; what a stream did not say is asked for."""

from dataclasses import replace

import msgspec
import pytest

from engine.books import Books
from engine.desk import Desk
from engine.events import Funded, Intended, Listed, Started
from engine.messages import FillTold, Moment, Outcome, Recorded
from engine.order import Event, OrderType
from engine.venue.base import StreamDown, StreamUp, TradeSeen, WalletSeen
from tests.engine.fake_venue import Exchange, FakeVenue
from tests.engine.test_account import BTC, ETH, INSTRUMENTS, Stage
from tests.engine.venue.test_round_trip import approved


class Account:
    """Books with chosen orders, and an ear."""

    def __init__(self, *intents):
        """Know these intents."""
        self.orders = {intent.intent_id: Known(intent) for intent in intents}
        self.heard, self.books, self.dispatch = [], self, self
        self.trades_from = {}
        self.ledger, self.trades = self, {}
        self.account, self.venue, self.known, self.moved_ns, self.opened_ns = "main", "fake", [], 0, 0

    @property
    def funded_ns(self):
        """When the newest payment was made."""
        return max((funded.market_ns for funded in self.known), default=0)

    def knows_funding(self, venue, reference):
        """Whether it was told."""
        return reference in [funded.reference for funded in self.known]

    def working_of(self, symbol):
        """None of them is settled."""
        return [known for known in self.orders.values() if known.intent.instrument == symbol]

    def is_under_way(self, intent_id):
        """Nothing is."""
        return False

    def tell(self, message):
        """Hear."""
        self.heard.append(message)
        if isinstance(message, Recorded) and isinstance(message.event, Funded):
            self.known.append(message.event)

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
    """I4: A human's order is counted once; his trade belongs to nobody's intent, and recovery is not repeated."""
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


async def test_absence_is_as_old_as_the_question(monkeypatch):
    """The answer took a while: what is told is when the question left."""
    account = Account(approved(1).intent)
    times = iter(range(5, 100))
    monkeypatch.setattr(account, "moment", lambda: Moment(market_ns=0, wall_ns=0, monotonic_ns=next(times)))
    await desk_of(account, Exchange(INSTRUMENTS)).ask(approved(1).intent)
    assert [message.asked_ns for message in account.heard] == [5]


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


async def test_cash_of_the_stream_is_a_reason_to_ask_and_trades_are_not_counted_twice():
    """The wallet after an order follows from its trades; of other cash the stream says only that it moved."""
    account = Account()
    desk = desk_of(account, Exchange(INSTRUMENTS))
    cash = WalletSeen(asset="USDT", wallet=1, reason="ORDER", change=0, symbol=BTC, market_ns=5)
    desk.news(cash)
    assert account.heard == []
    await desk.recover()
    desk.news(replace(cash, reason="FUNDING_FEE", change=-7))
    assert desk.recovery_wanted == "funding was charged"
    desk.news(replace(cash, reason="DEPOSIT", change=9))
    assert (account.heard, desk.recovery_wanted) == ([], "cash was moved")


async def test_two_payments_of_one_moment_are_both_booked_and_once():
    """Each contract pays at 08:00.000; every later recovery asks again and books nothing twice."""
    account, exchange = Account(), Exchange(INSTRUMENTS)
    desk = desk_of(account, exchange)
    exchange.fund(BTC, -7, 8_000)
    exchange.fund(ETH, 3, 8_000)
    for _ in range(2):
        await desk.recover()
    assert [(one.event.instrument, one.event.amount) for one in account.heard] == [(BTC, -7), (ETH, 3)]
    assert len({one.event.reference for one in account.heard}) == 2


async def test_funding_of_before_the_first_day_is_noted_and_never_booked():
    """The opening wallet has it already; the next payment counts."""
    account, exchange = Account(), Exchange(INSTRUMENTS)
    desk = desk_of(account, exchange)
    exchange.fund(BTC, -7, 8_000)
    assert await desk.cash.opening("USDT") == exchange.cash
    exchange.fund(BTC, -9, 16_000)
    await desk.recover()
    assert [one.event.amount for one in account.heard] == [0, -9]


async def test_funding_is_booked_also_when_nobody_was_listening(tmp_path):
    """One payment told, one while the stream was deaf, one while we were dead: each in our books, once."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(10)
    await stage.quiet()
    stage.exchange.fund(BTC, -700, 8 * 3_600 * 10**9)
    stage.exchange.fund(ETH, 400, 8 * 3_600 * 10**9)
    await stage.quiet()
    stage.agrees()
    stage.exchange.deaf = True
    stage.exchange.fund(BTC, -50, 16 * 3_600 * 10**9)
    stage.exchange.deaf = False
    stage.venue.reconnect()
    await stage.quiet()
    stage.agrees()
    await stage.kill()
    stage.exchange.fund(BTC, -3, 24 * 3_600 * 10**9)
    await stage.begin()
    await stage.quiet()
    stage.agrees()
    assert stage.account.books.position(BTC).funding == -753
    assert stage.account.books.position(BTC, "trend").funding == -753
    await stage.end()


async def test_cash_that_was_moved_is_booked_once_also_when_nobody_listened(tmp_path):
    """Before the first day, while we listened, between two lives: the account trades on, nothing of it is profit."""
    stage = Stage(tmp_path)
    stage.exchange.transfer(5_000 * 10**8, 1_000)
    await stage.begin()
    await stage.quiet()
    stage.exchange.transfer(-300 * 10**8, 2_000)
    await stage.quiet()
    stage.agrees()
    await stage.kill()
    stage.exchange.transfer(700 * 10**8, 3_000)
    for _ in range(2):
        await stage.begin()
        await stage.quiet()
        stage.agrees()
        assert stage.account.core.differs == ""
        assert stage.account.books.profit_of("trend") == 0
        await stage.end()


@pytest.mark.parametrize("is_heard", [True, False])
async def test_a_stop_whose_child_has_another_name_is_still_ours(tmp_path, monkeypatch, is_heard):
    """The exchange names what a stop became as it likes: its trades close our position, and nobody else is at work."""
    stage = Stage(tmp_path)
    tell, by_id = stage.exchange.tell, FakeVenue.order_by_id

    def renamed(seen, number):
        return replace(seen, client_id="x-child") if number != "" and number in children() else seen

    def children():
        return [order.seen.child_order_id for order in stage.exchange.orders.values()]

    async def order_by_id(venue, symbol, number):
        return renamed(await by_id(venue, symbol, number), number)

    def told(*news):
        news = [renamed(one, one.venue_order_id) if isinstance(one, TradeSeen) else one for one in news]
        tell(*news)

    monkeypatch.setattr(stage.exchange, "tell", told)
    monkeypatch.setattr(FakeVenue, "order_by_id", order_by_id)
    await stage.begin()
    stage.target(5)
    await stage.quiet()
    stage.exchange.deaf = not is_heard
    stage.exchange.move(BTC, 289_000)
    stage.account.want_recovery("a look")
    await stage.quiet()
    books = stage.account.books
    assert (books.position(BTC).lots, books.foreign_lots(BTC)) == (0, 0)
    assert books.stopped_sides[BTC, "trend"] == 1
    assert stage.account.strangers_count == 0
    assert books.working_of(BTC) == []
    await stage.end()


class Counted(FakeVenue):
    """A fake venue that counts what it is asked."""

    def __init__(self, exchange):
        """Nobody has asked."""
        super().__init__(exchange)
        self.asked = []

    async def open_orders(self, symbol=""):
        """Note the question."""
        self.asked.append(f"orders {symbol}")
        return await super().open_orders(symbol)

    async def trades_since(self, symbol, trade_id):
        """Note the question."""
        self.asked.append(f"trades {symbol}")
        return await super().trades_since(symbol, trade_id)


async def test_of_hundreds_only_those_that_stir_are_asked_about():
    """300 instruments: one question for all orders, trades where ours are under way, and of sixteen in turn."""
    many = tuple(replace(INSTRUMENTS[0], row=row, symbol=f"X{row:03d}/USDT:USDT") for row in range(300))
    exchange, account = Exchange(many), Listing(many, many[200].symbol)
    exchange.accept(account.intent)
    venue = Counted(exchange)
    desk = Desk(venue, account, many)
    await desk.recover()
    assert venue.asked.count("orders ") == 1
    trades = [question for question in venue.asked if question.startswith("trades")]
    assert len(dict.fromkeys(trades)) == 1 + 16
    assert f"trades {many[200].symbol}" in trades
    assert isinstance(account.heard[0], FillTold)
    venue.asked.clear()
    desk.recovery_wanted = "a difference to the exchange"
    await desk.recover()
    assert len(dict.fromkeys(venue.asked)) == 1 + 300, "what does not add up is looked for everywhere"


class Listing(Account):
    """Real books that list many instruments, with one order under way, and an ear."""

    def __init__(self, instruments, symbol):
        """Hold nothing yet."""
        super().__init__()
        self.intent = msgspec.structs.replace(approved(1).intent, instrument=symbol)
        self.books = Books()
        self.books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
        for one in instruments:
            rule = {"tick_e8": one.tick_e8, "lot_e8": one.lot_e8, "unit": one.unit}
            self.books.apply(Listed(instrument=one.symbol, venue="fake", **rule))
        self.books.apply(Intended(intent=self.intent))
