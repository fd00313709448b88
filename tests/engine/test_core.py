"""The engine's heart, told and answering: entries, stops, flips, restarts, doubts."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from engine.books import Books
from engine.core import Core
from engine.events import Deposited, Filled, decode, encode
from engine.ledger import NET
from engine.messages import (
    Announce,
    Ask,
    Cancel,
    Candle,
    Draining,
    FillTold,
    KillRaised,
    Moment,
    Outcome,
    Recorded,
    Send,
    Target,
    Tick,
)
from engine.order import Event
from engine.risk import Refusal
from engine.settings import EngineSettings, RiskSettings
from shm.records import Kill, OrderState, Purpose, Unit

SYMBOL = "BTC/USDT:USDT"
S = 1_000_000_000


@dataclass(frozen=True)
class Rules:
    """An instrument: tick 0.1, lot 0.001, so a tick times a lot is 10 000 minor units."""

    symbol: str = SYMBOL
    venue: str = "paper"
    tick_e8: int = 10_000_000
    lot_e8: int = 100_000
    unit: int = 10_000
    lots_min: int = 1
    lots_max: int = 10**6
    market_lots_max: int = 10**6
    notional_min: int = 5 * 10**8
    status: int = 1


class Desk:
    """A core, the clock and a venue that does what the test says."""

    def __init__(self, books=None, run="r1", settings=None, rules=None):
        """Start the core and keep everything it answers."""
        self.books = books or Books()
        self.settings = settings or EngineSettings()
        self.core = Core(self.books, self.settings, run=run, venue="paper", instruments={SYMBOL: rules or Rules()})
        self.ns = 10**12
        self.events, self.actions, self.trades = [], [], 1000 * (1 + self.books.events_count)
        self.take(self.core.restarted(self.moment))

    @property
    def moment(self):
        """All clocks agree."""
        return Moment(market_ns=self.ns, wall_ns=self.ns, monotonic_ns=self.ns)

    def take(self, answer):
        """Keep an answer; give its actions."""
        self.events += answer.events
        self.actions += answer.actions
        return answer.actions

    def tell(self, message, later_s=0.0):
        """Tell the core, ``later_s`` after the last time."""
        self.ns += int(later_s * S)
        return self.take(self.core.tell(message, self.moment))

    def target(self, target_id, amount, stop_ticks, strategy="trend", unit=Unit.LOTS):
        """A target at reference 500 000 ticks (50 000 USDT), valid for a minute."""
        return self.tell(
            Target(
                instrument=SYMBOL,
                strategy=strategy,
                unit=unit,
                target_id=target_id,
                amount=amount,
                stop_ticks=stop_ticks,
                reference_ticks=500_000,
                valid_until_ns=self.ns + 60 * S,
                open_ns=self.ns,
            )
        )

    def ack(self, intent, event=Event.ACK, **more):
        """The venue answers."""
        return self.tell(Outcome(intent_id=intent.intent_id, event=event, venue_order_id="v", **more))

    def fill(self, intent, lots, ticks=500_000):
        """The venue reports one trade."""
        self.trades += 1
        notional = lots * ticks * 10_000
        return self.tell(
            FillTold(
                Filled(
                    account="main", venue="paper", instrument=SYMBOL, trade_id=self.trades, intent_id=intent.intent_id,
                    venue_order_id="v", side=intent.side, lots=lots, price_ticks=ticks, is_maker=False,
                    fee=(notional * 500 + 500_000) // 1_000_000, market_ns=self.ns, wall_ns=self.ns,
                )
            )
        )  # fmt: skip

    def enter(self, target_id, amount, stop_ticks):
        """A target, its order filled, its stop acknowledged; gives the stop."""
        (send,) = self.target(target_id, amount, stop_ticks)
        actions = self.fill(send.intent, send.intent.lots)
        (stop,) = sends(actions)
        self.ack(stop)
        return stop


def sends(actions):
    """The intents among ``actions``."""
    return [action.intent for action in actions if isinstance(action, Send)]


def kinds(actions):
    """What ``actions`` are."""
    return [type(action) for action in actions]


def test_a_target_becomes_one_market_order_and_one_stop():
    """The stop has exactly the filled lots; when it is acknowledged the engine is settled."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    assert (send.intent.lots, send.intent.side, send.intent.purpose) == (3, 1, Purpose.ENTRY)
    assert not desk.core.is_settled
    assert desk.ack(send.intent) == ()
    (stop,) = sends(desk.fill(send.intent, 3))
    assert (stop.lots, stop.side, stop.stop_ticks, stop.reduce_only) == (3, -1, 490_000, True)
    assert not desk.core.is_settled
    desk.ack(stop)
    assert desk.core.is_settled
    assert desk.books.resting_stop_ticks(SYMBOL, "trend") == 490_000


def test_the_risk_budget_is_sized_once_for_a_target_id():
    """50 USDT over 100.0 of reach (1000 ticks of 10 000 minor) is 500 lots, capped to 20 000 USDT: 400."""
    desk = Desk()
    (send,) = desk.target(7, 1_000_000, 499_000, unit=Unit.RISK)
    assert send.intent.lots == min(50 * 10**8 // (1000 * 10_000), 20_000 * 10**8 // (500_000 * 10_000))
    assert desk.target(7, 2_000_000, 499_000, unit=Unit.RISK) == ()


def test_a_flip_is_one_order_and_moves_the_stop_after_the_fill():
    """Long 3 to short 2 sells 5; the new stop is placed first, the old one goes when the new one rests."""
    desk = Desk()
    old = desk.enter(7, 3, 490_000)
    (send,) = desk.target(8, -2, 510_000)
    assert (send.intent.lots, send.intent.side, send.intent.reduce_only) == (5, -1, False)
    (stop,) = sends(desk.fill(send.intent, 5))
    assert (stop.lots, stop.side, stop.stop_ticks) == (2, 1, 510_000)
    (cancel,) = desk.ack(stop)
    assert isinstance(cancel, Cancel)
    assert cancel.intent == old
    desk.ack(old, Event.CANCEL_CONFIRMED)
    assert desk.core.is_settled


def test_a_partly_filled_entry_is_covered_in_time_and_the_stop_follows_its_end():
    """2 of 5 lots are covered after 250 ms; the rest expires and is not bought again."""
    desk = Desk()
    (send,) = desk.target(7, 5, 490_000)
    assert desk.fill(send.intent, 2) == ()
    (stop,) = sends(desk.tell(Tick(), later_s=0.3))
    assert stop.lots == 2
    desk.ack(stop)
    (grown,) = sends(desk.fill(send.intent, 1))
    assert grown.lots == 3
    desk.ack(grown)
    desk.ack(send.intent, Event.EXPIRE, lots_filled=3)
    desk.ack(stop, Event.CANCEL_CONFIRMED)
    assert desk.core.is_settled
    assert desk.books.position(SYMBOL, "trend").lots == 3


def test_a_stopped_target_is_spent():
    """After the stop filled, the same target id enters never again; the next one does."""
    desk = Desk()
    stop = desk.enter(7, 3, 490_000)
    assert desk.fill(stop, 3, ticks=489_990) == ()
    assert desk.books.stopped_sides[SYMBOL, "trend"] == 1
    assert desk.target(7, 3, 490_000) == ()
    assert desk.core.is_settled
    assert len(sends(desk.target(9, 3, 490_000))) == 1


def test_a_stop_that_would_trigger_at_once_closes_at_market():
    """The position must not stand bare for a moment: nothing is waited for."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    (stop,) = sends(desk.fill(send.intent, 3))
    (close,) = sends(desk.ack(stop, Event.REJECT, refusal="WouldTrigger"))
    assert (close.lots, close.side, close.reduce_only, close.purpose) == (3, -1, True, Purpose.EXIT)


def test_a_doubtful_order_is_asked_about_and_never_sent_again():
    """Not found before the horizon is no proof; after it the target may be tried anew with a new intent."""
    desk = Desk()
    (send,) = desk.target(7, 3, 490_000)
    desk.ack(send.intent, Event.DOUBT)
    asked = [desk.tell(Tick(), later_s=1) for _ in range(3)]
    assert all(kinds(actions) == [Ask] for actions in asked[1:])
    desk.ack(send.intent, Event.ABSENT)
    assert desk.books.orders[1].state == OrderState.IN_DOUBT
    desk.ns += 40 * S
    desk.ack(send.intent, Event.ABSENT)
    assert desk.books.orders[1].state == OrderState.NOT_SENT
    assert sends(desk.tell(Tick(), later_s=1))[0].intent_id == 2


def test_a_position_that_somebody_else_moved_is_never_repaired_by_trading():
    """A human closed what the strategy holds: a target to go on, or the other way, sends no entry."""
    desk = Desk()
    stop = desk.enter(7, 3, 490_000)
    by_hand = Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=9, intent_id=0, venue_order_id="h", side=-1, lots=3,
        price_ticks=500_000, is_maker=False, fee=0, market_ns=desk.ns, wall_ns=desk.ns,
    )  # fmt: skip
    assert [type(action) for action in desk.tell(FillTold(by_hand))] == [Cancel]
    desk.ack(stop, Event.CANCEL_CONFIRMED)
    (announce,) = desk.target(8, -3, 510_000)
    assert announce.refused.refusal == Refusal.FOREIGN_POSITION
    assert sends(desk.target(9, 5, 490_000)) == []


def test_a_venue_that_slows_us_down_slows_every_instrument():
    """After a 429 for one instrument nothing is sent for another until Retry-After is over."""
    desk = Desk()
    other = "ETH/USDT:USDT"
    instruments = {SYMBOL: Rules(), other: Rules(symbol=other)}
    desk.core = Core(Books(), desk.settings, run="r1", venue="paper", instruments=instruments)
    desk.books = desk.core.books
    desk.take(desk.core.restarted(desk.moment))
    (send,) = desk.target(7, 3, 490_000)
    desk.ack(send.intent, Event.ABSENT, refusal="RateLimited", retry_after_ms=2_000)
    target = Target(
        instrument=other, strategy="trend", unit=Unit.LOTS, target_id=7, amount=3, stop_ticks=490_000,
        reference_ticks=500_000, valid_until_ns=desk.ns + 60 * S, open_ns=desk.ns,
    )  # fmt: skip
    assert sends(desk.tell(target)) == []
    assert {intent.instrument for intent in sends(desk.tell(Tick(), later_s=2.1))} == {SYMBOL, other}


def test_an_expired_target_forbids_entries_and_keeps_exits():
    """A late target to grow is refused without a word; a late target to be flat still closes."""
    desk = Desk()
    desk.enter(7, 3, 490_000)
    desk.ns += 600 * S
    late = Target(
        instrument=SYMBOL, strategy="trend", unit=Unit.LOTS, target_id=8, amount=-4, stop_ticks=510_000,
        reference_ticks=500_000, valid_until_ns=desk.ns - 1, open_ns=0,
    )  # fmt: skip
    (close,) = sends(desk.tell(late))
    assert (close.lots, close.reduce_only) == (3, True)


def test_a_refused_entry_is_announced_once():
    """The words name the nearest legal value; a repeat of the target says nothing new."""
    desk = Desk(settings=EngineSettings(risk=RiskSettings(order_notional_max=Decimal(100))))
    (announce,) = desk.target(7, 3, 490_000)
    assert isinstance(announce, Announce)
    assert announce.refused.refusal == Refusal.ABOVE_ORDER_NOTIONAL
    assert "nearest legal: 2 lots" in announce.refused.words
    assert desk.target(7, 3, 490_000) == ()
    assert desk.core.is_settled


@pytest.mark.parametrize("flatten", [False, True])
def test_draining_keeps_stops_or_closes(flatten):
    """Leave: nothing is sent and entries are over. Flatten: one reduce-only order, then the stop goes."""
    desk = Desk()
    stop = desk.enter(7, 3, 490_000)
    actions = desk.tell(Draining(flatten))
    if not flatten:
        assert actions == ()
        assert sends(desk.target(8, 6, 490_000)) == []
        return
    (close,) = sends(actions)
    assert (close.purpose, close.reduce_only, close.lots) == (Purpose.FLATTEN, True, 3)
    (cancel,) = desk.fill(close, 3)
    assert cancel.intent == stop
    desk.ack(stop, Event.CANCEL_CONFIRMED)
    assert desk.core.is_settled


def test_halt_sends_nothing():
    """Not even an exit leaves once the kill word stands at HALT."""
    desk = Desk()
    desk.enter(7, 3, 490_000)
    desk.tell(KillRaised(Kill.HALT))
    assert desk.target(8, 0, 0) == ()


def test_two_strategies_share_one_position_and_keep_their_own():
    """A long 5 and B short 2 make one net position of 3; the parts sum to the account."""
    desk = Desk()
    (first,) = desk.target(7, 5, 490_000, strategy="a")
    (stop,) = sends(desk.fill(first.intent, 5))
    desk.ack(stop)
    (second,) = desk.target(8, -2, 510_000, strategy="b")
    assert (second.intent.lots, second.intent.reduce_only) == (2, True)
    desk.fill(second.intent, 2)
    held = {name: desk.books.position(SYMBOL, name).lots for name in ("a", "b", NET)}
    assert held == {"a": 5, "b": -2, NET: 3}
    candle = Candle(
        instrument=SYMBOL, open_ns=desk.ns, close_ns=desk.ns + 60 * S, high_ticks=510_001, low_ticks=500_000,
        close_ticks=505_000,
    )  # fmt: skip
    (close,) = sends(desk.tell(candle))
    assert (close.side, close.lots, close.allocation) == (1, 2, (("b", 2),))


def test_a_restart_is_the_journal_read_again():
    """Books folded from encoded events equal the live ones; an unanswered order is in doubt, a stop is kept."""
    desk = Desk()
    desk.tell(Recorded(Deposited(account="main", venue="paper", amount=10**12, reference="start", wall_ns=1)))
    desk.enter(7, 3, 490_000)
    desk.target(8, 5, 490_000)
    books = Books()
    for event in desk.events:
        books.apply(decode(encode(event)))
    assert books.ledger.positions == desk.books.ledger.positions
    assert books.orders == desk.books.orders
    again = Desk(books)
    assert again.books.orders[3].state == OrderState.IN_DOUBT
    assert sends(again.actions) == []
    assert [ask.intent.intent_id for ask in again.actions if isinstance(ask, Ask)] == [2, 3]


def test_a_new_run_has_no_opinion_and_keeps_the_stop():
    """Targets of the last run are void: nothing is sent until the brain speaks."""
    desk = Desk()
    desk.enter(7, 3, 490_000)
    cold = Desk(desk.books, run="r2")
    assert sends(cold.tell(Tick(), later_s=5)) == []
    assert cold.core.is_settled
    assert cold.books.resting_stop_ticks(SYMBOL, "trend") == 490_000
    (send,) = cold.target(1, -3, 510_000)
    assert (send.intent.lots, send.intent.side) == (6, -1)
