"""What happened to others, each as a test of its own: orders and state (RELIABILITY, section 4)."""

from dataclasses import replace
from decimal import Decimal

import ccxt
import msgspec
import pytest

from engine import errors, exits
from engine.books import Books, BooksError
from engine.comparison import Resolution, Snapshot, compare
from engine.dispatch import Dispatch
from engine.doubts import doubled, doubts
from engine.events import EXTERNAL, Filled, Intended, Observed
from engine.gate import Stance, objection
from engine.ledger import Key, Ledger, Position, trade
from engine.messages import Announce, Ask, Cancel, Compare, KillRaised, Outcome, Target, Tick
from engine.order import TERMINAL, Event, Fact, Intent
from engine.order import state_of as facts_state
from engine.risk import Refusal, review
from engine.settings import EngineSettings, RiskSettings
from engine.venue.failures import translated
from shm.instruments import Instrument
from shm.records import Finding, Kill, Leg, OrderState, Purpose, Unit
from tests.engine.test_comparison import EQUAL, OURS, some_books
from tests.engine.test_core import SYMBOL, Desk, kinds, sends
from tests.engine.test_exits import holding, stop_of
from tests.engine.test_ledger import UNIT, a_fill


def entered(desk):
    """The intent of a fresh entry of 3 lots."""
    (send,) = desk.target(1, 3, 490_000)
    return send.intent


def state_of(desk, intent):
    """Where its order stands."""
    return desk.books.orders[intent.intent_id].state


def test_inc_01_an_order_that_went_through_after_its_timeout_is_adopted():
    """In doubt, then found filled and closed: the trade is booked, and one order was sent."""
    desk = Desk()
    intent = entered(desk)
    desk.ack(intent, Event.DOUBT)
    desk.fill(intent, 3)
    assert state_of(desk, intent) is OrderState.FILLED
    assert len([one for one in sends(desk.actions) if one.purpose is Purpose.ENTRY]) == 1


def test_inc_02_a_timeout_orders_nothing_again():
    """However often the target is repeated, and whatever time passes before the horizon."""
    desk = Desk()
    intent = entered(desk)
    desk.ack(intent, Event.DOUBT)
    for _ in range(30):
        desk.ns += 10**9
        assert sends(desk.target(1, 3, 490_000)) == []


def test_inc_03_every_order_is_in_the_journal_before_it_is_sent():
    """The answer that sends carries the intent among its events, and its events are made durable first."""
    desk = Desk()
    intent = entered(desk)
    assert [event.intent for event in desk.events if isinstance(event, Intended)] == [intent]


def test_inc_04_not_found_right_after_the_order_is_no_proof():
    """The replica lags: the order stays in doubt until the horizon is over."""
    desk = Desk()
    intent = entered(desk)
    desk.tell(Outcome(intent_id=intent.intent_id, event=Event.ABSENT), 1.0)
    assert state_of(desk, intent) is OrderState.IN_DOUBT
    desk.tell(Outcome(intent_id=intent.intent_id, event=Event.ABSENT), 40.0)
    assert state_of(desk, intent) is OrderState.NOT_SENT


def test_an_answer_that_waited_while_the_process_was_stopped_is_no_proof():
    """I7: asked a second after the order, heard a minute later: the order may have arrived meanwhile."""
    desk = Desk()
    intent = entered(desk)
    absent = Outcome(intent_id=intent.intent_id, event=Event.ABSENT, asked_ns=desk.ns + 10**9)
    desk.tell(absent, 60.0)
    assert state_of(desk, intent) is OrderState.IN_DOUBT
    desk.tell(replace(absent, asked_ns=desk.ns), 1.0)
    assert state_of(desk, intent) is OrderState.NOT_SENT


def test_inc_05_a_clock_that_drifted_is_not_an_order_that_was_not_found():
    """-1021 was refused at the door: not sent, and counted under its own name."""
    error = translated(ccxt.InvalidNonce('binanceusdm {"code":-1021,"msg":"recvWindow"}'))
    assert type(error) is errors.NotSent
    assert not isinstance(error, errors.OrderNotFound)


@pytest.mark.parametrize("event", [Event.REJECT, Event.ABSENT])
def test_inc_06_a_fill_after_failure_is_booked(event):
    """The order was called refused or never sent: the late trade still counts, and the order with it."""
    desk = Desk()
    intent = entered(desk)
    desk.tell(Outcome(intent_id=intent.intent_id, event=event, refusal="x"))
    desk.fill(intent, 3)
    assert state_of(desk, intent) is OrderState.FILLED
    assert desk.books.position(SYMBOL).lots == 3


def test_inc_07_silence_makes_no_terminal_state():
    """No answer within the timeout: in doubt, asked about, and entries wait."""
    desk = Desk()
    intent = entered(desk)
    actions = desk.tell(Tick()) + desk.tell(Tick(), 11.0)
    assert Ask in kinds(actions)
    assert state_of(desk, intent) is OrderState.IN_DOUBT
    assert not desk.books.orders[intent.intent_id].is_terminal


def test_inc_08_an_order_that_open_orders_never_showed_is_asked_about():
    """Filled too fast to be listed: its absence is a question, never a refusal."""
    books = some_books()
    there = Snapshot(**EQUAL | {"orders": ()})
    found = [one for one in compare(books, there) if one.finding is Finding.ORDER_ABSENT_THERE]
    assert [one.resolution for one in found] == [Resolution.ASK]


def test_inc_09_a_trade_that_nobody_told_is_found_and_adopted():
    """The exchange lists a trade that the books lack."""
    extra = type(OURS)(instrument=SYMBOL, trade_id=6, venue_order_id="12", side=-1, lots=1, price_ticks=90)
    (missing,) = [
        one
        for one in compare(some_books(), Snapshot(**EQUAL | {"trades": (OURS, extra)}))
        if one.finding is Finding.FILL_MISSING_HERE
    ]
    assert (missing.resolution, missing.trade_id) == (Resolution.ADOPT_FILL, 6)


def test_inc_10_a_position_that_differs_is_never_repaired_by_an_invented_trade():
    """A human is called; the books stay as the trades made them."""
    books = some_books()
    found = compare(books, Snapshot(**EQUAL | {"positions": ((SYMBOL, -3),)}))
    assert [one.resolution for one in found if one.finding is Finding.POSITION_DIFFERS] == [Resolution.ALARM]
    assert books.position(SYMBOL).lots == 3


def test_inc_11_inc_36_a_trade_told_again_after_a_restart_counts_once():
    """I13: The dedupe set is the journal's: the same trade, whoever tells it, in whichever life."""
    desk = Desk()
    intent = entered(desk)
    desk.fill(intent, 3)
    fills = [event for event in desk.events if isinstance(event, Filled)]
    books = Books()
    for event in [*desk.events, *fills, *fills]:
        books.apply(event)
    assert books.position(SYMBOL).lots == 3
    assert len(books.ledger.trades) == 1


def test_inc_12_the_count_of_an_answer_and_the_trades_of_the_stream_do_not_add_up():
    """What the venue counted is waited for, never booked: only trades have lots."""
    desk = Desk()
    intent = entered(desk)
    desk.ack(intent, Event.FILL_ALL, lots_filled=3)
    assert desk.books.position(SYMBOL).lots == 0
    desk.fill(intent, 3)
    assert desk.books.position(SYMBOL).lots == 3
    assert doubled(desk.books) == 0


def test_inc_13_legs_are_not_netted():
    """A long and a short leg of one instrument are two positions."""
    ledger = Ledger()
    ledger.units[SYMBOL] = UNIT
    for number, (leg, lots) in enumerate(((Leg.LONG, 5), (Leg.SHORT, -2)), 1):
        fill = msgspec.structs.replace(a_fill(number, lots, 100), leg=leg, instrument=SYMBOL)
        ledger.book_fill(fill, [("a", abs(lots))])
    assert [ledger.position(Key("main", "paper", SYMBOL, leg, "")).lots for leg in (Leg.LONG, Leg.SHORT)] == [5, -2]


def test_inc_15_an_acceptance_after_the_fill_changes_nothing():
    """News in any order ends in the same state."""
    desk = Desk()
    intent = entered(desk)
    desk.fill(intent, 3)
    desk.ack(intent)
    assert state_of(desk, intent) is OrderState.FILLED


def test_inc_16_a_stale_count_books_nothing_after_a_restart():
    """The cumulative count of an order that is read again is no trade."""
    desk = Desk()
    intent = entered(desk)
    desk.fill(intent, 3)
    again = Desk(desk.books)
    again.ack(intent, Event.FILL_ALL, lots_filled=3)
    assert again.books.position(SYMBOL).lots == 3


def test_inc_18_a_difference_forbids_entries():
    """I20: While books and exchange differ beyond doubt, nothing is added."""
    desk = Desk()
    desk.core.differs = "POSITION_DIFFERS"
    assert sends(desk.target(1, 3, 490_000)) == []


def test_inc_19_an_answer_that_cannot_be_read_says_nothing():
    """Neither 0 nor absent: unknown."""
    assert issubclass(errors.Unknown, errors.VenueError)
    assert not issubclass(errors.Unknown, errors.Rejected | errors.NotSent)
    found = compare(some_books(), Snapshot(**EQUAL | {"positions": ()}))
    assert [one.resolution for one in found if one.finding is Finding.POSITION_DIFFERS] == [Resolution.ALARM]


def test_inc_21_stops_do_not_pile_up():
    """Two of them rest after a doubt: one stays, the other goes."""
    (cancel,) = exits.plan(holding(stops=(3, 3)), SYMBOL, "trend")
    assert isinstance(cancel, exits.CancelStop)


def test_inc_22_no_stop_without_a_position_and_every_exit_only_reduces():
    """After the close what rests is cancelled, nothing is placed; a stop is reduce-only."""
    desk = Desk()
    stop = desk.enter(1, 3, 490_000)
    assert stop.reduce_only
    (close,) = sends(desk.target(2, 0, 0))
    assert close.reduce_only
    actions = desk.fill(close, 3)
    assert sends(actions) == []
    assert kinds(actions) == [Cancel]


def test_inc_23_a_stop_that_is_on_its_way_is_not_placed_again():
    """Every duty cycle looks; the second stop never comes."""
    books = holding()
    (place,) = exits.plan(books, SYMBOL, "trend")
    books.apply(Intended(intent=stop_of(2, place.lots)))
    assert exits.plan(books, SYMBOL, "trend") == []


def test_inc_24_the_fill_of_an_older_stop_ends_only_its_own_target():
    """A stop left over from a trade that is closed takes lots of the next one: that one goes on, and nobody is out."""
    desk = Desk()
    old = desk.enter(1, 3, 490_000)
    (close,) = sends(desk.target(2, 0, 0))
    desk.fill(close, 3)
    desk.enter(3, 3, 480_000)
    desk.ack(*sends(desk.target(4, 3, 481_000)))
    (again,) = sends(desk.fill(old, 3, 490_000))
    assert (again.purpose, again.side, again.lots, again.target_id) == (Purpose.ENTRY, 1, 3, 4)
    assert not desk.books.goals[SYMBOL, "trend"].spent
    assert (SYMBOL, "trend") not in desk.books.stopped_sides
    with pytest.raises(BooksError, match="never intended"):
        desk.books.apply(Observed(intent_id=999, event=Event.ACK))


async def test_inc_25_a_cancel_of_what_is_gone_is_a_question_not_a_crash():
    """-2011 settles nothing: the order is asked about."""
    asked, desk = [], Desk()
    stop = desk.enter(1, 3, 490_000)

    class Gone:
        """A venue that has no such order."""

        async def cancel(self, intent):
            """Say so."""
            raise errors.OrderNotFound("Unknown order sent.", code=-2011)

    async def ask(intent):
        asked.append(intent.intent_id)

    dispatch = Dispatch(None, Gone(), None, None, ask)
    await dispatch._cancel(Cancel(stop, "v"))
    assert asked == [stop.intent_id]


def test_inc_26_a_liquidation_is_booked_as_a_strangers_trade_and_entries_wait():
    """What it closed of ours is closed; nobody repairs it by trading."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    fill = next(event for event in desk.events if isinstance(event, Filled))
    desk.books.apply(msgspec.structs.replace(fill, trade_id=9_999, intent_id=0, side=-1, venue_order_id="autoclose"))
    assert [desk.books.position(SYMBOL, name).lots for name in ("trend", EXTERNAL, "")] == [0, 0, 0]
    assert desk.books.foreign_lots(SYMBOL) == -3
    actions = desk.target(2, 5, 480_000)
    assert sends(actions) == []
    assert Refusal.FOREIGN_POSITION in [one.refused.refusal for one in actions if hasattr(one, "refused")]


def test_inc_27_nothing_to_reduce_is_compared_before_anything_is_tried_again():
    """-2022: somebody closed the position; ask, pause, and send nothing meanwhile."""
    desk = Desk()
    desk.enter(1, 3, 490_000)
    (close,) = sends(desk.target(2, 0, 0))
    actions = desk.ack(close, Event.REJECT, refusal="ReduceOnlyRejected")
    assert Compare in kinds(actions)
    assert sends(actions) == []


def test_inc_37_a_cancel_that_lost_ends_with_the_order():
    """The fill won: no further cancel, and the order is no longer worked on."""
    desk = Desk()
    stop = desk.enter(1, 3, 490_000)
    (close,) = sends(desk.target(2, 0, 0))
    desk.fill(close, 3)
    assert state_of(desk, stop) is OrderState.CANCELLING
    desk.fill(stop, 3, 490_000)
    assert state_of(desk, stop) is OrderState.FILLED
    assert stop.intent_id not in desk.books.working[SYMBOL]


def test_inc_39_the_gate_is_asked_at_the_last_instruction():
    """Approved a moment ago is not allowed now: kill switch, drain, epoch and age each have a word."""
    intent = entered(Desk())
    for stance in (Stance(kill=Kill.NO_ENTRIES), Stance(may_enter=False), Stance(is_current=False)):
        assert objection(intent, 0, 10**9, stance)
    assert objection(intent, 2 * 10**9, 10**9, Stance())
    assert objection(intent, 0, 10**9, Stance()) == ""


def test_inc_40_open_orders_are_remembered_by_the_journal():
    """A restart knows its stop, and an order that was under way is in doubt."""
    desk = Desk()
    stop = desk.enter(1, 3, 490_000)
    pending = sends(desk.target(2, 6, 490_000))[0]
    books = Books()
    for event in desk.events:
        books.apply(event)
    assert books.resting_stop_ticks(SYMBOL, "trend") == 490_000
    assert [one.intent_id for one in doubts(books, 1)] == [pending.intent_id]
    assert books.orders[stop.intent_id].state is OrderState.OPEN


@pytest.mark.parametrize("lots", [0, -1, float("nan"), "NaN", None, 1.5])
def test_inc_41_a_size_is_a_whole_number_above_nothing(lots):
    """Anything else does not become an intent."""
    words = msgspec.json.decode(msgspec.json.encode(entered(Desk())))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(words | {"lots": lots}, Intent)


def test_inc_42_a_price_of_nothing_is_no_price():
    """Neither a trade nor a size comes of it."""
    with pytest.raises(AssertionError, match="a trade has a price"):
        trade(Position(), 1, 0, UNIT, 1)
    desk = Desk()
    target = Target(
        instrument=SYMBOL, strategy="trend", unit=Unit.LOTS, target_id=1, amount=3, stop_ticks=90,
        reference_ticks=0, valid_until_ns=desk.ns, open_ns=desk.ns,
    )  # fmt: skip
    assert sends(desk.tell(target)) == []


def test_inc_43_no_number_is_written_with_an_exponent():
    """I22: 0.00001 is what goes on the wire, not 1e-05."""
    rule = Instrument(row=0, symbol="X", venue="v", account="a", tick_e8=10**8, lot_e8=1_000)
    assert format(rule.quantity(1), "f") == "0.00001"
    assert str(float("0.00001")) == "1e-05"
    assert format(rule.price(10**7), "f") == "10000000"
    assert rule.lots(Decimal("0.00001")) == 1


def test_i7_a_terminal_state_has_evidence():
    """I7: no set of facts without the venue's word, or a proof of absence, is terminal."""
    evidence = Fact.FILLED_ALL | Fact.CANCELLED | Fact.EXPIRED | Fact.REJECTED | Fact.ABSENT
    for bits in range(512):
        if facts_state(Fact(bits)) in TERMINAL:
            assert Fact(bits) & evidence


def test_i10_no_answer_after_the_switch_carries_an_entry():
    """I10: at NO_ENTRIES and above a target sends nothing; at HALT nothing is sent at all."""
    for level in (Kill.NO_ENTRIES, Kill.FLATTEN, Kill.HALT):
        desk = Desk()
        desk.tell(KillRaised(level))
        assert sends(desk.target(1, 3, 490_000)) == []


def test_i9_an_exit_that_could_add_is_no_exit():
    """I9: risk does not even look at one that is not reduce-only."""
    desk = Desk()
    stop = desk.enter(1, 3, 490_000)
    with pytest.raises(AssertionError, match="an exit is reduce-only"):
        review(msgspec.structs.replace(stop, reduce_only=False), None, None)


def test_i19_the_rate_of_orders_survives_a_restart():
    """I19: entries of the last minute are counted again from the journal."""
    settings = EngineSettings(risk=RiskSettings(orders_per_minute_max=1))
    desk = Desk(settings=settings)
    (close,) = sends(desk.fill(entered(desk), 3))[:1] or [None]
    assert close is not None
    desk.ack(close)
    desk.fill(sends(desk.target(2, 0, 0))[0], 3)
    books = Books()
    for event in desk.events:
        books.apply(event)
    again = Desk(books, settings=settings)
    again.trades = desk.trades
    assert sends(again.target(3, 3, 490_000)) == []
    assert Refusal.ORDER_RATE in [one.refused.refusal for one in again.actions if isinstance(one, Announce)]
