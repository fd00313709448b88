"""The smart limit order: posts, follows, crosses; and against a venue that does anything it may, buys nothing twice."""

from dataclasses import replace
from random import Random

import pytest

from engine import executor
from engine.events import Filled
from engine.executor import Pursuit, Quote, opening, posted, withdrawal
from engine.messages import Ask, Cancel, Candle, Draining, FillTold, Outcome, Send, Tick
from engine.order import Event, OrderType
from engine.settings import EngineSettings, ExecutorSettings
from shm.records import OrderState, Purpose
from tests.engine.floor import MINUTE, Floor
from tests.engine.test_core import SYMBOL, Desk, S

LIMIT = ExecutorSettings(entry_style="limit", chase_interval_s=5, chase_move_ticks=10, chases_max=3, patience_s=60)
PURSUIT = Pursuit(target_id=7, begun_ns=0, posted_ns=10 * S, price_ticks=100)


def test_the_first_post_rests_at_our_side_of_the_book():
    """A buy at the bid, a sale at the ask; the other style, and a book that nobody knows, cross."""
    assert [opening(None, side, Quote(100, 101), 0, LIMIT) for side in (1, -1)] == [100, 101]
    assert opening(None, 1, Quote(100, 101), 0, ExecutorSettings()) == 0
    assert opening(None, 1, Quote(0, 0), 0, LIMIT) == 0


def test_posts_and_patience_end_in_a_cross():
    """Three chases after the first post, or a minute."""
    posts = [opening(replace_posts(count), 1, Quote(100, 101), S, LIMIT) for count in (1, 3, 4)]
    assert posts == [100, 100, 0]
    assert opening(PURSUIT, 1, Quote(100, 101), 60 * S, LIMIT) == 0


def replace_posts(count):
    """The pursuit after ``count`` posts."""
    return Pursuit(target_id=7, begun_ns=0, posted_ns=0, price_ticks=100, posts=count)


def test_a_post_that_would_have_taken_is_priced_a_tick_further_away():
    """Each refusal one more tick from the book."""
    twice = Pursuit(target_id=7, begun_ns=0, posted_ns=0, price_ticks=100, refusals=2)
    assert [opening(twice, side, Quote(100, 101), S, LIMIT) for side in (1, -1)] == [98, 103]


@pytest.mark.parametrize(
    ("side", "quote", "now_s", "words"),
    [
        (1, (109, 110), 14, ""),  # nine ticks away, four seconds
        (1, (110, 111), 10, "moved away by 10 ticks"),
        (-1, (89, 90), 10, "moved away by 10 ticks"),
        (1, (101, 102), 14, ""),
        (1, (101, 102), 15, "no longer the best price after 5 s"),
        (1, (100, 101), 15, ""),
        (1, (90, 91), 59, ""),  # the price came to us: it fills, or is the best
        (1, (90, 91), 60, "not filled within 60 s"),
        (1, (0, 0), 30, ""),
    ],
)
def test_an_order_rests_until_the_price_or_time_has_left_it(side, quote, now_s, words):
    """On the move at once, on the interval for a tick, at the end of patience in any case."""
    said = withdrawal(PURSUIT, side, Quote(*quote), now_s * S, LIMIT)
    assert words in said
    assert bool(said) == bool(words)


def test_another_target_begins_another_pursuit():
    """The same one counts on and keeps its beginning."""
    again = posted(PURSUIT, 7, 105, 20 * S)
    assert (again.posts, again.begun_ns, again.posted_ns, again.price_ticks) == (2, 0, 20 * S, 105)
    assert posted(PURSUIT, 8, 105, 20 * S).posts == 1


def chasing(**more):
    """A floor whose entries are limit orders, at 500 000, with a candle behind it."""
    floor = Floor(EngineSettings(executor=replace(LIMIT, **more)))
    floor.candle(500_000)
    return floor


def test_a_limit_entry_rests_fills_and_is_covered():
    """Bought at our own price as soon as the market comes through it; a stop for exactly that."""
    floor = chasing()
    floor.target(7, 10, 499_000)
    assert floor.resting() == [("ENTRY", 10, 500_000)]
    floor.candle(499_990, 500_005)
    assert floor.trades == [("ENTRY", 1, 10, 500_000)]
    assert floor.resting() == [("STOP", 10, 499_000)]
    assert floor.core.is_settled


def test_a_limit_entry_follows_and_crosses_when_patience_is_over():
    """Three candles that run away: two posts, then the market; patience is three minutes."""
    floor = chasing(patience_s=180)
    floor.target(7, 10, 499_000)
    floor.candle(500_100)
    assert floor.resting() == [("ENTRY", 10, 500_100)]
    floor.target(7, 10, 499_000)
    floor.candle(500_105)
    assert floor.resting() == [("ENTRY", 10, 500_105)]
    floor.target(7, 10, 499_000)
    floor.candle(500_200)
    assert floor.trades == [("ENTRY", 1, 10, 500_200)]
    assert floor.orders[max(floor.orders) - 1].intent.type == OrderType.MARKET


def test_what_a_partial_fill_left_is_posted_again_and_no_more():
    """Four of ten filled; after the confirmed cancel six are posted at the new price, and the stop covers four."""
    floor = chasing(patience_s=120)
    floor.target(7, 10, 499_000)
    (entry,) = floor.orders.values()
    floor.fill(entry, 500_000, lots=4)
    floor.settle()
    floor.candle(500_050)
    assert floor.resting() == [("ENTRY", 6, 500_050), ("STOP", 4, 499_000)]


def test_an_entry_that_is_no_longer_wanted_is_withdrawn():
    """By a change of mind, by the end of the session; nothing is left open."""
    floor = chasing()
    floor.target(7, 10, 499_000)
    floor.target(8, 0, 0)
    assert (floor.resting(), floor.trades) == ([], [])
    floor.target(9, -4, 501_000)
    floor.tell(Draining(flatten=False))
    floor.settle()
    assert (floor.resting(), floor.trades) == ([], [])


def test_an_entry_whose_target_expires_is_withdrawn():
    """Two candles without a word of the brain: what rests is taken back, not crossed."""
    floor = chasing(patience_s=600)
    floor.target(7, 10, 499_000)
    for _ in range(3):
        floor.candle(500_000)
    assert (floor.resting(), floor.trades) == ([], [])


def test_a_flip_closes_at_the_market_and_enters_by_limit():
    """An exit does not wait for its price."""
    floor = chasing()
    floor.target(7, 10, 499_000)
    floor.candle(499_990, 500_005)
    floor.target(8, -4, 501_000)
    assert floor.trades[-1] == ("EXIT", -1, 10, 500_005)
    assert floor.resting() == [("ENTRY", 4, 500_006)]


def test_a_restart_goes_on_with_the_pursuit():
    """Posts and patience are in the journal: the crossing comes when it would have come."""
    floor = chasing(patience_s=120)
    floor.target(7, 10, 499_000)
    floor.candle(500_100)
    floor.start()
    floor.settle()
    assert floor.resting() == [("ENTRY", 10, 500_100)]
    floor.target(7, 10, 499_000)
    floor.candle(500_300)
    assert floor.trades == [("ENTRY", 1, 10, 500_300)]


class WildVenue(Desk):
    """A venue that is late, loses answers, tells twice and out of turn, and fills what is being cancelled."""

    def __init__(self, seed):
        """Limit entries; nothing under way."""
        self.chance, self.late, self.orders, self.bought, self.mark = Random(seed), [], {}, [], 500_000
        super().__init__(settings=EngineSettings(executor=replace(LIMIT, unknown_horizon_ms=2_000)))
        self.candle()

    def take(self, answer):
        """Everything arrives after a while, or never."""
        for action in super().take(answer):
            if isinstance(action, Send | Cancel | Ask):
                self.late.append((self.ns + self.chance.randrange(1, 400) * 10**6, action))
        return answer.actions

    def candle(self):
        """The price has moved."""
        self.mark += self.chance.randrange(-30, 31)
        self.tell(
            Candle(
                instrument=SYMBOL, open_ns=self.ns - MINUTE, close_ns=self.ns, high_ticks=self.mark + 40,
                low_ticks=self.mark - 40, close_ticks=self.mark,
            )
        )  # fmt: skip

    def arrive(self, action):
        """One request reaches the venue, or does not."""
        intent, luck = action.intent, self.chance.random()
        order = self.orders.get(intent.intent_id)
        if isinstance(action, Send):
            assert order is None, "an intent was sent twice"
            if luck < 0.1:
                self.say(intent, Event.DOUBT, refusal="Unknown")  # lost on the way there
                return
            order = self.orders[intent.intent_id] = {"intent": intent, "filled": 0, "event": Event.ACK, "trades": []}
            if intent.type == OrderType.POST_ONLY and luck < 0.2:
                order["event"] = Event.REJECT
                self.say(intent, Event.REJECT, refusal="WouldTake")
                return
            if intent.type == OrderType.MARKET:
                self.trade(order, intent.lots)
            self.say(intent, Event.DOUBT if luck > 0.9 else order["event"], refusal="Unknown" if luck > 0.9 else "")
        elif order is None:
            self.say(intent, Event.ABSENT)
        else:
            if isinstance(action, Cancel) and order["event"] in (Event.ACK, Event.FILL_SOME):
                if luck < 0.3 and intent.type == OrderType.POST_ONLY:
                    self.trade(order, self.chance.randrange(1, 5))  # it filled first
                if order["event"] != Event.FILL_ALL:
                    order["event"] = Event.CANCEL_CONFIRMED
            for told in order["trades"]:
                self.tell(FillTold(told))
            self.say(intent, order["event"])

    def say(self, intent, event, refusal=""):
        """Tell what the venue says, some of it twice."""
        filled = self.orders.get(intent.intent_id, {}).get("filled", 0)
        for _ in range(1 + (self.chance.random() < 0.2)):
            number = f"v{intent.intent_id}"
            self.tell(
                Outcome(
                    intent_id=intent.intent_id, event=event, venue_order_id=number, lots_filled=filled, refusal=refusal
                )
            )

    def trade(self, order, lots):
        """Fill, and tell the trade now, twice or only when asked."""
        intent = order["intent"]
        lots = min(lots, intent.lots - order["filled"])
        if lots == 0:
            return
        order["filled"] += lots
        order["event"] = Event.FILL_ALL if order["filled"] == intent.lots else Event.FILL_SOME
        self.trades += 1
        self.bought.append(intent.side * lots)
        told = Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=self.trades, intent_id=intent.intent_id,
            venue_order_id=f"v{intent.intent_id}", side=intent.side, lots=lots, price_ticks=self.mark, fee=0,
            is_maker=True, market_ns=self.ns, wall_ns=self.ns,
        )  # fmt: skip
        order["trades"].append(told)
        for _ in range(self.chance.randrange(3)):
            self.tell(FillTold(told))

    def pass_time(self):
        """A tenth of a second: requests arrive, the market fills, candles close."""
        self.tell(Tick(), later_s=0.1)
        for item in [item for item in self.late if item[0] <= self.ns]:
            self.late.remove(item)
            self.arrive(item[1])
        for order in list(self.orders.values()):
            is_resting = order["event"] in (Event.ACK, Event.FILL_SOME) and order["intent"].type == OrderType.POST_ONLY
            if is_resting and self.chance.random() < 0.02:
                self.trade(order, self.chance.randrange(1, 6))
        if self.ns // (20 * S) != (self.ns - S // 10) // (20 * S):
            self.candle()


@pytest.mark.parametrize("seeds", [range(start, start + 10) for start in range(0, 60, 10)], ids=str)
def test_a_wild_venue_never_sells_us_more_than_we_wanted_and_nothing_stays_open(seeds):
    """Total filled never exceeds what was wanted; in the end it is that, under one stop, and the books agree."""
    for seed in seeds:
        venue = WildVenue(seed)
        wanted = venue.chance.choice([1, 7, 20]) * venue.chance.choice([1, -1])
        venue.target(7, wanted, 500_000 - 10_000 * (1 if wanted > 0 else -1))
        for _ in range(1_500):
            venue.target(7, wanted, 500_000 - 10_000 * (1 if wanted > 0 else -1))
            venue.pass_time()
            assert abs(sum(venue.bought)) <= abs(wanted), f"seed {seed}: more was bought than wanted"
            if venue.books.position(SYMBOL).lots == wanted and venue.core.is_settled:
                break
        still = [order["intent"].purpose for order in venue.orders.values() if order["event"] == Event.ACK]
        assert sum(venue.bought) == wanted == venue.books.position(SYMBOL).lots, f"seed {seed}"
        assert still == [Purpose.STOP], f"seed {seed}"
        assert venue.core.is_settled, f"seed {seed}"
        assert all(order.state != OrderState.IN_DOUBT for order in venue.books.orders.values())


def test_the_policy_that_forgets_what_filled_is_caught_by_the_same_test(monkeypatch):
    """The negative control: what is left is taken to be the whole order."""
    monkeypatch.setattr(
        "engine.planner.propose",
        lambda books, instrument, at: executor_forgets(books, instrument),
    )
    caught = 0
    for seed in range(6):
        venue = WildVenue(seed)
        venue.target(7, 20, 490_000)
        for _ in range(600):
            venue.pass_time()
        caught += sum(venue.bought) > 20
    assert caught > 0


def executor_forgets(books, instrument):
    """A planner that proposes the goal and not what is left of it."""
    from engine.netting import net  # noqa: PLC0415 - of the control alone

    goal = books.goals.get((instrument, "trend"))
    return net({"trend": goal.lots if goal and not goal.barred else 0})


def test_the_module_remembers_no_lots():
    """A pursuit has prices, times and counts; lots are in the books alone."""
    assert not [name for name in executor.Pursuit.__struct_fields__ if "lots" in name]
