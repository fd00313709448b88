"""What people ask for by hand: granted or denied in one line, journaled, and not undone by the strategy at once."""

import dataclasses
from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.books import Books
from engine.events import EXTERNAL, Filled, Intervened, decode, encode
from engine.executor import Quote
from engine.messages import Cancel, FillTold, KillRaised, Recorded, Send, Tick
from engine.order import Event
from engine.petition import Deed, Denied, Market, Petition, judge
from engine.risk import Refusal
from engine.settings import EngineSettings, ExecutorSettings, ExitSettings
from shm.instruments import Instrument
from shm.records import Kill, Purpose
from tests.engine.test_core import SYMBOL, Desk

BITCOIN = Instrument(row=0, symbol=SYMBOL, venue="paper", account="main", tick_e8=10**7, lot_e8=10**5, lots_max=10**6)


class Room(Desk):
    """A core, a venue, and somebody with a keyboard."""

    typed, silence = 0, ""

    def ask(self, deed, subject=SYMBOL, mark=500_000, **more):
        """Judge, and do what is granted; the verdict and what the core did."""
        self.typed += 1
        petition = Petition(petition_id=f"p{self.typed}", deed=deed, subject=subject, who="ann", why="news", **more)
        market = Market(
            instruments={SYMBOL: BITCOIN}, strategies=("trend",), marks={SYMBOL: mark}, silence=self.silence
        )
        verdict = judge(petition, self.books, market)
        actions = []
        for event in getattr(verdict, "events", ()):
            actions += self.tell(Recorded(event))
        return verdict, actions

    def stranger(self, side, lots, ticks=500_000):
        """Somebody trades on our account at the exchange."""
        self.trades += 1
        return self.tell(
            FillTold(
                Filled(
                    account="main", venue="paper", instrument=SYMBOL, trade_id=self.trades, intent_id=0,
                    venue_order_id="web", side=side, lots=lots, price_ticks=ticks, is_maker=False,
                    fee=(lots * ticks * 10_000 * 500 + 500_000) // 1_000_000, market_ns=self.ns, wall_ns=self.ns,
                )
            )
        )  # fmt: skip

    def again(self):
        """The books as a new process reads them from the journal."""
        books = Books()
        for event in self.events:
            books.apply(decode(encode(event)))
        return books


def intents(actions):
    """What was sent."""
    return [action.intent for action in actions if isinstance(action, Send)]


def held(room):
    """Lots of the strategy, of nobody, and of the account."""
    return tuple(room.books.position(SYMBOL, name).lots for name in ("trend", EXTERNAL, ""))


def test_a_closed_position_is_not_opened_again_by_the_same_target():
    """One market order out; the repeated target does nothing, the next one trades."""
    room = Room()
    room.enter(1, 10, 490_000)
    _, actions = room.ask(Deed.CLOSE)
    (out,) = intents(actions)
    assert (out.purpose, out.side, out.lots, out.reduce_only) == (Purpose.EXIT, -1, 10, True)
    room.fill(out, 10)
    assert room.target(1, 10, 490_000) == ()
    assert held(room) == (0, 0, 0)
    assert room.books.stopped_sides[SYMBOL, "trend"] == 1  # the brain sees that its trade was ended
    (entry,) = intents(room.target(2, 10, 490_000))
    assert entry.purpose is Purpose.ENTRY


def test_it_stays_closed_over_a_restart():
    """Who, why and what are in the journal; replayed, the target is spent as well."""
    room = Room()
    room.enter(1, 10, 490_000)
    room.ask(Deed.CLOSE)
    (written,) = [event for event in room.events if isinstance(event, Intervened)]
    assert (written.who, written.why, written.deed) == ("ann", "news", "close")
    again = room.again()
    assert again.goals[SYMBOL, "trend"].spent
    assert again.hands.petitions == {"p1": True}


@pytest.mark.parametrize("name", [SYMBOL, "trend"])
def test_a_pause_forbids_entries_and_keeps_exits(name):
    """By symbol or by strategy, over a restart, until it is resumed."""
    room = Room()
    room.enter(1, 10, 490_000)
    room.ask(Deed.PAUSE, name)
    assert intents(room.target(2, 20, 490_000)) == []
    assert room.again().hands.pauses(SYMBOL, "trend")
    (out,) = intents(room.target(3, 0, 0))
    assert out.reduce_only
    room.fill(out, 10)
    assert intents(room.target(4, 5, 490_000)) == []
    _, actions = room.ask(Deed.RESUME, name)
    assert [intent.lots for intent in intents(actions)] == [5]


def test_a_moved_stop_stands_until_the_next_target():
    """The new one rests before the old one goes; the repeated target does not move it back."""
    room = Room()
    old = room.enter(1, 10, 490_000)
    verdict, actions = room.ask(Deed.MOVE_STOP, price="49500")
    (new,) = intents(actions)
    assert (new.stop_ticks, new.lots, new.purpose) == (495_000, 10, Purpose.STOP)
    assert verdict.words == f"stop of {SYMBOL} moves to 49500.0"
    assert [action.intent for action in room.ack(new) if isinstance(action, Cancel)] == [old]
    room.ack(old, Event.CANCEL_CONFIRMED)
    events = len(room.events)
    assert room.target(1, 10, 490_000) == ()
    assert len(room.events) == events
    (changed,) = intents(room.target(2, 10, 485_000))
    assert changed.stop_ticks == 485_000


def test_a_trade_by_hand_that_closes_ours_is_respected():
    """What was sold at the exchange is closed at that price, its target is spent, its stop goes, nobody buys back."""
    room = Room()
    stop = room.enter(1, 10, 490_000)
    actions = room.stranger(-1, 10, 510_000)
    assert held(room) == (0, 0, 0)
    assert room.books.position(SYMBOL, "trend").realised == 10 * 10_000 * 10_000
    assert [action.intent for action in actions] == [stop]
    assert isinstance(actions[0], Cancel)
    room.ack(stop, Event.CANCEL_CONFIRMED)
    assert intents(room.target(1, 10, 490_000)) == []
    (refusal,) = room.target(2, 10, 490_000)
    assert refusal.refused.refusal is Refusal.FOREIGN_POSITION  # entries wait until somebody says that it is well
    assert room.again().foreign_lots(SYMBOL) == -10
    _, actions = room.ask(Deed.RESUME)
    assert [intent.lots for intent in intents(actions)] == [10]


def test_a_part_that_is_taken_by_hand_leaves_the_rest_protected():
    """Six of ten are sold at the exchange: a stop for four, no order for the rest, nothing bought back."""
    room = Room()
    old = room.enter(1, 10, 490_000)
    (stop,) = intents(room.stranger(-1, 6, 510_000))
    assert (stop.purpose, stop.lots, stop.stop_ticks) == (Purpose.STOP, 4, 490_000)
    assert [action.intent for action in room.ack(stop) if isinstance(action, Cancel)] == [old]
    room.ack(old, Event.CANCEL_CONFIRMED)
    room.ask(Deed.RESUME)
    assert intents(room.target(1, 10, 490_000)) == []
    assert held(room) == (4, 0, 4)
    assert room.again().goals[SYMBOL, "trend"] == room.books.goals[SYMBOL, "trend"]


def test_a_trade_by_hand_beyond_ours_is_marked_and_blocks_entries():
    """Sold twice what we held: half closed ours, half is EXTERNAL; entries wait until somebody says what it is."""
    room = Room()
    room.enter(1, 10, 490_000)
    room.stranger(-1, 20)
    assert held(room) == (0, -10, -10)
    (refusal,) = room.target(2, 5, 490_000)
    assert refusal.refused.refusal is Refusal.FOREIGN_POSITION
    (entry,) = intents(room.ask(Deed.IGNORE)[1])
    assert entry.lots == 5
    assert room.again().foreign_lots(SYMBOL) == 0
    room.stranger(-1, 1)
    assert room.books.foreign_lots(SYMBOL) == -11  # it changed, so it matters again


def test_adopted_lots_become_the_strategys_without_profit():
    """At the price they cost, with a stop of their own, which rests at once."""
    room = Room()
    room.stranger(1, 10, 480_000)
    _, actions = room.ask(Deed.ADOPT, price="47000")
    (stop,) = intents(actions)
    assert (stop.purpose, stop.side, stop.lots, stop.stop_ticks) == (Purpose.STOP, -1, 10, 470_000)
    assert held(room) == (10, 0, 10)
    assert room.books.position(SYMBOL, "trend").realised == 0
    assert room.again().position(SYMBOL, "trend") == room.books.position(SYMBOL, "trend")


def test_adopted_lots_go_by_the_next_target():
    """The strategy wants 4 of the 10: six are sold."""
    room = Room()
    room.stranger(1, 10)
    (stop,) = intents(room.ask(Deed.ADOPT, price="47000")[1])
    room.ack(stop)
    out, stop = intents(room.target(1, 4, 490_000))
    assert (out.side, out.lots, out.reduce_only) == (-1, 6, True)
    assert (stop.lots, stop.stop_ticks) == (10, 490_000)


def test_a_petition_that_comes_twice_is_done_once():
    """A killed engine finds the file again; its journal knows."""
    room = Room()
    room.enter(1, 10, 490_000)
    room.ask(Deed.CLOSE)
    room.typed = 0
    verdict, actions = room.ask(Deed.CLOSE)
    assert (verdict.events, verdict.words, actions) == ((), "done already", [])


def test_an_order_is_cancelled_by_any_of_its_names():
    """Not a stop that protects something; a resting leftover goes."""
    room = Room()
    stop = room.enter(1, 10, 490_000)
    for name in (stop.client_id, str(stop.intent_id), "v"):
        verdict, _ = room.ask(Deed.CANCEL, name)
        assert "is the stop of an open position; move-stop" in verdict.words
    (order,) = intents(room.target(2, 20, 490_000))
    room.ask(Deed.CANCEL, order.client_id)
    room.ack(order)
    assert room.books.orders[order.intent_id].state.name == "CANCELLING"
    room.tell(Tick(), later_s=1)
    assert [action.intent for action in room.tell(Tick(), later_s=1) if isinstance(action, Cancel)] == [order]
    assert room.ask(Deed.CANCEL, "rmx-1-000000")[0].words.endswith("no order of ours has that id")


def test_an_entry_that_was_cancelled_by_hand_is_not_posted_anew():
    """What it had bought stays; the same target adds nothing more, the next one does."""
    room = Room(settings=EngineSettings(executor=ExecutorSettings(entry_style="limit")))
    room.core.quotes = {SYMBOL: Quote(500_000, 500_001)}
    (post,) = intents(room.target(1, 10, 490_000))
    room.ack(post)
    room.fill(post, 4)
    _, actions = room.ask(Deed.CANCEL, post.client_id)
    assert [action.intent for action in actions if isinstance(action, Cancel)] == [post]
    actions = [*room.ack(post, Event.CANCEL_CONFIRMED, lots_filled=4), *room.target(1, 10, 490_000)]
    assert [intent.purpose for intent in intents(actions)] == [Purpose.STOP]
    assert held(room)[0] == 4
    assert room.again().goals[SYMBOL, "trend"].barred
    room.ack(intents(actions)[0])
    (entry,) = intents(room.target(2, 10, 490_000))
    assert entry.lots == 6


def test_what_would_not_leave_is_not_promised():
    """At HALT, or while only observed, nobody is told that his position is closed; what needs no order is done."""
    room = Room()
    stop = room.enter(1, 10, 490_000)
    room.silence = "the kill switch stands at HALT and nothing is sent"
    for deed, subject in ((Deed.CLOSE, SYMBOL), (Deed.MOVE_STOP, SYMBOL), (Deed.CANCEL, stop.client_id)):
        verdict, actions = room.ask(deed, subject, price="49500.0")
        assert (type(verdict), actions) == (Denied, [])
        assert verdict.words == f"{deed} {subject}: {room.silence}: do it at the exchange"
    assert not isinstance(room.ask(Deed.PAUSE, "trend")[0], Denied)


def test_a_target_of_an_open_position_cannot_be_cancelled_by_hand():
    """It would be back at once: the answer says what would end the trade instead."""
    room = Room(settings=EngineSettings(exits=ExitSettings(tp_r_multiples=(Decimal(1),))))
    (entry,) = intents(room.target(1, 10, 490_000))
    stop, target = intents(room.fill(entry, 10))
    room.ack(stop)
    room.ack(target)
    verdict, actions = room.ask(Deed.CANCEL, target.client_id)
    assert verdict.words.endswith(f"would be placed anew; close {SYMBOL} ends the trade")
    assert actions == []


@pytest.mark.parametrize("strategy", ["trend", "other"])
def test_what_a_target_took_of_adopted_or_crossed_lots_is_not_bought_back(strategy):
    """No order of ours brought the lots in, so none had ended: the target's own fill closes the goal to more."""
    room = Room(settings=EngineSettings(exits=ExitSettings(tp_r_multiples=(Decimal(1), Decimal(2)))))
    if strategy == "trend":
        room.target(1, 0, 0)
        room.stranger(1, 10)
        room.ask(Deed.ADOPT, price="49000.0")
    else:
        (entry,) = intents(room.target(1, 10, 490_000))
        for order in intents(room.fill(entry, 10)):
            room.ack(order)
        (out,) = intents(room.target(2, 0, 0))
        room.target(3, 10, 490_000, strategy=strategy)
        room.ack(out, Event.ABSENT, refusal="NotSent")  # kept back, and meanwhile the other wants what it would sell
        room.tell(Tick(), later_s=1)
    assert room.books.position(SYMBOL, strategy).lots == 10
    for order in room.books.working_of(SYMBOL):
        room.ack(order.intent)
    target = next(
        order.intent
        for order in room.books.working_of(SYMBOL)
        if (order.intent.purpose, order.intent.allocation[0][0]) == (Purpose.TAKE_PROFIT, strategy)
    )
    actions = [*room.fill(target, 5, target.stop_ticks), *room.tell(Tick(), later_s=1)]
    assert Purpose.ENTRY not in [intent.purpose for intent in intents(actions)]
    assert room.books.position(SYMBOL, strategy).lots == 5


@pytest.mark.parametrize(
    ("deed", "subject", "more", "words"),
    [
        (Deed.CLOSE, "DOGE/USDT:USDT", {}, f"close DOGE/USDT:USDT: not traded here; there are {SYMBOL}"),
        (Deed.CLOSE, "BTC", {}, f"close {SYMBOL}: nothing of ours is held"),
        (Deed.PAUSE, "nobody", {}, f"pause nobody: neither a symbol nor a strategy; there are {SYMBOL}, trend"),
        (Deed.RESUME, "BTC", {}, f"resume {SYMBOL}: not paused"),
        (Deed.MOVE_STOP, SYMBOL, {"price": "1"}, f"move-stop {SYMBOL}: nothing of ours is held, so no stop rests"),
        (Deed.ADOPT, SYMBOL, {}, f"adopt {SYMBOL}: nothing there is not ours"),
        (Deed.IGNORE, SYMBOL, {}, f"ignore {SYMBOL}: nothing there is not ours"),
        (Deed.CANCEL, "17", {}, "cancel 17: no order of ours has that id"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(deed, subject, more, words):
    """With what would be right, and nothing is written."""
    room = Room()
    before = len(room.events)
    verdict, actions = room.ask(deed, subject, **more)
    assert isinstance(verdict, Denied)
    assert verdict.words == words
    assert (len(room.events), actions) == (before, [])


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ("50000", "would trigger at once; a stop here lies below 50000.0"),
        ("49500.05", "not on the grid of 0.1; near it is 49500.0"),
        ("-3", "a price is above 0"),
        ("NaN", "a price is above 0"),
        ("1e5x", "not a price"),
    ],
)
def test_a_stop_goes_only_where_it_can_rest(price, words):
    """On the grid, above nothing, on the right side of the market."""
    room = Room()
    room.enter(1, 10, 490_000)
    verdict, _ = room.ask(Deed.MOVE_STOP, price=price)
    assert words in verdict.words


def test_lots_of_others_are_not_closed_unasked():
    """Close speaks of ours; adopt first."""
    room = Room()
    room.stranger(1, 10)
    verdict, actions = room.ask(Deed.CLOSE)
    assert "the 0.010 there is not ours: adopt it first" in verdict.words
    assert actions == []
    assert "--stop PRICE says where its stop belongs" in room.ask(Deed.ADOPT)[0].words


def test_the_end_of_a_session_is_written_down():
    """Stop changes no books, but the journal says who."""
    room = Room()
    verdict, actions = room.ask(Deed.STOP, "flatten")
    assert (verdict.words, intents(actions)) == ("the session ends: flatten", [])
    assert room.events[-1].subject == "flatten"


@pytest.mark.parametrize(("theirs", "sent", "left"), [(5, 10, (0, 5, 5)), (-4, 6, (0, 0, 0)), (-14, 0, (0, -4, -4))])
def test_a_flattening_closes_what_is_ours_beside_a_strangers_lots(theirs, sent, left):
    """Those on our side stay his; those against ours meet them in the books, since the exchange holds one position."""
    room = Room()
    room.stranger(1 if theirs > 0 else -1, abs(theirs))
    room.ask(Deed.IGNORE)
    (entry,) = intents(room.target(1, 10, 490_000))
    for stop in intents(room.fill(entry, 10)):
        room.ack(stop)
    sent_now = intents(room.tell(KillRaised(Kill.FLATTEN)))
    closing = [intent for intent in sent_now if intent.purpose is Purpose.FLATTEN]
    assert [intent.lots for intent in closing] == ([sent] if sent else [])
    for intent in closing:
        assert intent.reduce_only
        room.fill(intent, intent.lots)
    assert held(room) == left


def test_cash_that_nothing_explains_is_adopted_by_a_person_who_says_what_it_was():
    """Booked to the last unit, journaled with who and why, no strategy's profit; without a reason, or need, denied."""
    room = Room()
    petition = Petition(petition_id="p9", deed=Deed.ADOPT, subject="cash", who="ann", why="airdrop", wall_ns=5)
    market = Market(instruments={SYMBOL: BITCOIN}, strategies=("trend",), marks={}, cash_unexplained=-700)
    assert isinstance(judge(replace(petition, why=""), room.books, market), Denied)
    assert (
        "nothing is unexplained" in judge(petition, room.books, dataclasses.replace(market, cash_unexplained=0)).words
    )
    before = room.books.ledger.wallet("main", "paper")
    verdict = judge(petition, room.books, market)
    for event in verdict.events:
        room.tell(Recorded(event))
    assert room.books.ledger.wallet("main", "paper") == before - 700
    assert room.again().ledger.wallet("main", "paper") == before - 700
    assert [(event.deed, event.why) for event in verdict.events[:1]] == [("adopt-cash", "airdrop")]
    assert isinstance(judge(petition, room.books, market).events, tuple)
    assert judge(petition, room.books, market).events == ()
