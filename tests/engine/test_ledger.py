"""The only arithmetic of money, against a slow one of its own and against conservation."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import EXTERNAL, Crossed, Deposited, Filled, Funded, Opened
from engine.ledger import NET, Key, Ledger, Position, fee_of, shares, trade
from engine.venue.facts import fee_ppm
from shm.records import Leg

SYMBOL, UNIT = "BTC/USDT:USDT", 10_000
KEY = Key("main", "paper", SYMBOL, Leg.BOTH, NET)
TRADES = st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 900)), min_size=1, max_size=30)


def a_fill(trade_id, lots, ticks, fee=0):
    """A trade of signed ``lots``."""
    return Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=trade_id, intent_id=0, venue_order_id="",
        side=1 if lots > 0 else -1, lots=abs(lots), price_ticks=ticks, fee=fee, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip


class Slow:
    """The rules again, in fractions and one lot at a time."""

    def __init__(self):
        """Hold nothing."""
        self.lots, self.average, self.realised = 0, Fraction(0), Fraction(0)

    def trade(self, signed, ticks):
        """Trade lot by lot at the average price."""
        way = 1 if signed > 0 else -1
        for _ in range(abs(signed)):
            if self.lots * way >= 0:
                self.average = (self.average * abs(self.lots) + ticks) / (abs(self.lots) + 1)
            else:
                self.realised += -way * (ticks - self.average) * UNIT
            self.lots += way


@given(TRADES)
def test_positions_agree_with_fractions_to_one_unit_a_closing_trade(trades):
    """Lots are equal; realised profit differs by at most the rounding of each share."""
    slow, position = Slow(), Position()
    for lots, ticks in trades:
        slow.trade(lots, ticks)
        position = trade(position, lots, ticks, UNIT, 1).position
        assert position.lots == slow.lots
        assert position.cost >= 0
    assert abs(position.realised - slow.realised) <= len(trades)


@given(TRADES, st.integers(1, 900))
def test_money_is_conserved_to_the_last_unit(trades, mark):
    """I14, I15: Equity is deposits, plus cash flows, plus what is held at the mark, less fees; postings sum to zero."""
    ledger = Ledger()
    ledger.units[SYMBOL] = UNIT
    postings = ledger.book_deposit(Deposited(account="main", venue="paper", amount=77, reference="d", wall_ns=1))
    flows, fees, lots_held = 0, 0, 0
    for number, (lots, ticks) in enumerate(trades):
        fee = fee_of(abs(lots) * ticks * UNIT, 500)
        fill = a_fill(number, lots, ticks, fee)
        parts = [("a", 1), ("b", abs(lots) - 1)] if abs(lots) > 1 else [("a", 1)]
        postings += ledger.book_fill(fill, parts)
        assert ledger.book_fill(fill, parts) == []
        flows, fees, lots_held = flows - lots * ticks * UNIT, fees + fee, lots_held + lots
    funded = Funded(account="main", venue="paper", instrument=SYMBOL, amount=-13, reference="f", market_ns=1)
    postings += ledger.book_funding(funded)
    assert ledger.book_funding(funded) == []
    assert ledger.equity("main", "paper", {SYMBOL: mark}) == 77 + flows + lots_held * mark * UNIT - fees - 13
    assert sum(posting.amount for posting in postings) == 0
    parts = [ledger.positions[key] for key in ledger.strategies_of(KEY)]
    net = ledger.position(KEY)
    assert sum(part.lots for part in parts) == net.lots
    assert sum(part.fees for part in parts) == net.fees
    assert sum(part.funding for part in parts) == net.funding
    total = sum(part.realised + part.unrealised(mark, UNIT) for part in parts)
    assert total == net.realised + net.unrealised(mark, UNIT)
    assert ledger.fee_mismatches == 0
    cash = sum(posting.amount for posting in postings if posting.title == "cash" and posting.key.strategy == NET)
    assert cash == ledger.wallet("main", "paper")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_every_filled_lot_has_one_owner(allotted, fills):
    """Owners fill in order of allocation; what exceeds it is nobody's of ours."""
    allocation = tuple((f"s{number}", lots) for number, lots in enumerate(allotted))
    before, owned = 0, {}
    for lots in fills:
        for strategy, mine in shares(allocation, before, lots):
            owned[strategy] = owned.get(strategy, 0) + mine
        before += lots
    assert sum(owned.values()) == sum(fills)
    assert all(owned.get(strategy, 0) <= lots for strategy, lots in allocation)
    assert owned.get("external", 0) == max(0, sum(fills) - sum(allotted))


@given(TRADES, st.randoms(use_true_random=False))
def test_trades_told_in_another_order_end_in_the_same_money(trades, random):
    """I11, I14, I15: cash, cost and lots are those of the trades in the order of their ids, as the venue books them."""
    told = list(enumerate(trades, 1))
    ordered, shuffled = Ledger(), Ledger()
    random.shuffle(told)
    postings = []
    for ledger, fills in ((ordered, sorted(told)), (shuffled, told)):
        ledger.units[SYMBOL] = UNIT
        postings = []
        for number, (lots, ticks) in fills:
            postings += ledger.book_fill(a_fill(number, lots, ticks, 3), [("a", abs(lots))])
    assert shuffled.wallet("main", "paper") == ordered.wallet("main", "paper")
    one, other = shuffled.position(KEY), ordered.position(KEY)
    assert (one.lots, one.cost, one.realised, one.fees) == (other.lots, other.cost, other.realised, other.fees)
    assert sum(posting.amount for posting in postings) == 0
    cash = sum(posting.amount for posting in postings if posting.title == "cash" and posting.key.strategy == NET)
    assert cash == shuffled.wallet("main", "paper")


def test_funding_belongs_to_who_held_when_it_was_due():
    """Told after a and b have closed: two thirds are a's, a third b's; before anybody held it is nobody's of ours."""
    ledger = Ledger()
    ledger.units[SYMBOL] = UNIT
    for number, (lots, strategy) in enumerate(((2, "a"), (1, "b"), (-2, "a"), (-1, "b")), 1):
        ledger.book_fill(
            msgspec.structs.replace(a_fill(number, lots, 100), market_ns=number * 10), [(strategy, abs(lots))]
        )
    for at_ns, reference in ((25, "f"), (9, "early"), (40, "late")):
        funded = Funded(
            account="main", venue="paper", instrument=SYMBOL, amount=-9, reference=reference, market_ns=at_ns
        )
        ledger.book_funding(funded)
    got = {name: ledger.position(KEY._replace(strategy=name)).funding for name in ("a", "b", EXTERNAL, NET)}
    assert got == {"a": -6, "b": -3, EXTERNAL: -18, NET: -27}


def test_funding_of_what_no_strategy_holds_is_a_strangers():
    """A human's position is paid for too: the account's cash moves, no strategy's; a repeat moves nothing."""
    ledger = Ledger()
    funded = Funded(account="main", venue="paper", instrument=SYMBOL, amount=-5, reference="f", market_ns=1)
    ledger.book_funding(funded)
    assert ledger.wallet("main", "paper") == -5
    assert ledger.position(KEY._replace(strategy=EXTERNAL)).funding == -5
    nothing = Funded(account="main", venue="paper", instrument=SYMBOL, amount=0, reference="g", market_ns=1)
    assert ledger.book_funding(nothing) == []
    deposit = Deposited(account="main", venue="paper", amount=9, reference="d", wall_ns=1)
    assert sum(posting.amount for posting in ledger.book_deposit(deposit)) == 0
    assert ledger.has_deposit("paper", "d")
    assert ledger.book_deposit(deposit) == []
    assert not ledger.has_deposit("other", "d")


def test_the_price_of_entry_is_shown_rounded_down_and_funding_is_known_by_name():
    """3 lots for 100 units of 10: the third part, cut off; flat shows none."""
    assert Position(lots=3, cost=100).entry_ticks(10) == 3
    assert Position(lots=-3, cost=100).entry_ticks(10) == 3
    assert Position().entry_ticks(10) == 0
    assert (Position().side, Position(lots=-2).side, Position(lots=2).side) == (0, -1, 1)
    assert (Position(lots=2, cost=100).unrealised(7, 10), Position(lots=-2, cost=100).unrealised(7, 10)) == (40, -40)
    assert msgspec.structs.astuple(Position()) == (0,) * 7
    ledger = Ledger()
    ledger.book_funding(Funded(account="m", venue="v", instrument=SYMBOL, amount=1, reference="f", market_ns=7))
    assert ledger.knows_funding("v", "f")
    assert not ledger.knows_funding("v", "g")


def booked(ledger, trade_id, lots, ticks, **more):
    """The postings of a trade that is one strategy's, without their keys."""
    fill = msgspec.structs.replace(a_fill(trade_id, lots, ticks), **more)
    postings = ledger.book_fill(fill, [("a", abs(lots))])
    return [(posting.title, posting.amount) for posting in postings if posting.key == KEY]


def test_a_long_that_turns_short_is_posted_line_by_line():
    """Long 4 at 100, six sold at 110: 400 ticks x unit realised, two short at 110; then one bought back at a loss."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    assert booked(ledger, 1, 4, 100, market_ns=5) == [("position", 4_000), ("contracts", -4_000)]
    assert ledger.position(KEY) == Position(lots=4, cost=4_000, opened_ns=5, version=1)
    assert booked(ledger, 2, -6, 110, market_ns=6) == [
        ("position", -4_000), ("contracts", 4_000), ("position", -2_200), ("contracts", 2_200), ("cash", 400),
        ("realised", -400),
    ]  # fmt: skip
    assert ledger.position(KEY) == Position(lots=-2, cost=2_200, realised=400, opened_ns=6, version=2)
    assert booked(ledger, 3, 1, 120, market_ns=7) == [
        ("position", 1_100), ("contracts", -1_100), ("cash", -100), ("realised", 100),
    ]  # fmt: skip
    assert ledger.position(KEY) == Position(lots=-1, cost=1_100, realised=300, opened_ns=6, version=3)
    assert (ledger.wallet("main", "paper"), ledger.wallet("main", "other")) == (300, 0)
    assert ledger.equity("main", "paper", {SYMBOL: 90}) == 300 + 200
    assert ledger.unrealised("main", "other", {SYMBOL: 90}) == 0


def test_fees_are_five_and_two_parts_in_ten_thousand_rounded_half_up():
    """A fee of another rate is counted; that of a maker is a maker's."""
    assert [fee_of(10_000, fee_ppm("binanceusdm", is_maker=maker)) for maker in (False, True)] == [5, 2]
    assert (fee_of(999, 500), fee_of(1_000, 500), fee_of(2_999, 500), fee_of(3_000, 500)) == (0, 1, 1, 2)
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    assert booked(ledger, 1, 4, 250, fee=5) == [
        ("position", 10_000), ("contracts", -10_000), ("fees", 5), ("cash", -5),
    ]  # fmt: skip
    booked(ledger, 2, 4, 250, fee=2, is_maker=True)
    assert ledger.fee_mismatches == 0
    booked(ledger, 3, 4, 250, fee=2)
    booked(ledger, 4, 4, 250, fee=5, is_maker=True)
    assert ledger.fee_mismatches == 2
    assert (ledger.position(KEY).fees, ledger.wallet("main", "paper")) == (14, -14)


def test_a_trade_that_comes_late_posts_the_difference():
    """Told 1, 3, 2: what 3 realised is put right when 2 is heard; fees and funding stay, the version grows."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    booked(ledger, 1, 2, 100, fee=1, market_ns=5)
    ledger.book_funding(Funded(account="main", venue="paper", instrument=SYMBOL, amount=7, reference="f", market_ns=9))
    booked(ledger, 3, -2, 120, market_ns=7)
    assert booked(ledger, 2, 2, 110, market_ns=6) == [
        ("position", 2_100), ("contracts", -2_100), ("cash", -100), ("realised", 100),
    ]  # fmt: skip
    held = ledger.position(KEY)
    assert held == Position(lots=2, cost=2_100, realised=300, fees=1, funding=7, opened_ns=5, version=4)
    assert ledger.wallet("main", "paper") == 300 - 1 + 7
    assert ledger.funded_ns == 9
    other = Ledger()
    other.units[SYMBOL] = 10
    booked(other, 1, 2, 100)
    booked(other, 3, -1, 120)
    assert booked(other, 2, 2, 110) == [("position", 2_150), ("contracts", -2_150), ("cash", -50), ("realised", 50)]
    short = Ledger()
    short.units[SYMBOL] = 10
    booked(short, 1, -2, 100)
    booked(short, 3, -1, 120)
    assert booked(short, 2, -2, 110)[:2] == [("position", -2_200), ("contracts", 2_200)]
    assert short.position(KEY).cost == 5_400


def test_parts_of_a_fee_and_of_funding_sum_to_the_whole():
    """Seven lots of two strategies, a fee of 10: 4 and 6; funding by lots held, of both signs; nothing for others."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    other = a_fill(9, 5, 100)
    ledger.units["ETH/USDT:USDT"] = 10
    ledger.book_fill(msgspec.structs.replace(other, instrument="ETH/USDT:USDT"), [("a", 5)])
    ledger.book_fill(a_fill(1, 7, 100, 10), [("a", 3), ("b", 4)])
    a, b = KEY._replace(strategy="a"), KEY._replace(strategy="b")
    assert [ledger.position(key).fees for key in (a, b)] == [4, 6]
    assert ledger.strategies_of(KEY) == [a, b]
    ledger.book_funding(Funded(account="main", venue="paper", instrument=SYMBOL, amount=-9, reference="f", market_ns=3))
    assert [ledger.position(key).funding for key in (a, b, KEY)] == [-4, -5, -9]
    assert ledger.position(KEY._replace(instrument="ETH/USDT:USDT", strategy="a")).funding == 0
    ledger.book_funding(Funded(account="main", venue="paper", instrument=SYMBOL, amount=1, reference="g", market_ns=2))
    assert ledger.funded_ns == 3


def test_a_cross_moves_lots_between_strategies_and_nothing_of_the_account():
    """The seller realises, the buyer opens, the account holds what it held."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    booked(ledger, 1, 3, 100)
    cross = Crossed(
        cross_id=1, account="main", venue="paper", instrument=SYMBOL, buyer="b", seller="a", lots=2, price_ticks=105,
        market_ns=8,
    )  # fmt: skip
    postings = ledger.book_cross(cross)
    a, b = (ledger.position(KEY._replace(strategy=name)) for name in "ab")
    assert (a.lots, a.cost, a.realised, b.lots, b.cost) == (1, 1_000, 100, 2, 2_100)
    assert (ledger.position(KEY).lots, ledger.wallet("main", "paper")) == (3, 0)
    assert sum(posting.amount for posting in postings) == 0


def test_a_new_ledger_has_heard_of_no_funding_and_no_transfer():
    """The question for what was missed begins at the account's own beginning."""
    assert (Ledger().funded_ns, Ledger().moved_ns, Ledger().opened_ns) == (0, 0, 0)


def test_a_single_lot_is_posted_with_its_sign():
    """Bought is a debit of the position, sold a credit."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    assert booked(ledger, 1, 1, 100) == [("position", 1_000), ("contracts", -1_000)]
    assert booked(ledger, 2, -2, 100) == [
        *[("position", -1_000), ("contracts", 1_000)],
        *[("position", -1_000), ("contracts", 1_000)],
    ]


def test_the_first_trade_of_all_told_second_is_booked_first():
    """Number 1 after number 2, of a position that has no opening: short from 120, not long from 100."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    booked(ledger, 2, -3, 120)
    booked(ledger, 1, 2, 100)
    assert (ledger.position(KEY).lots, ledger.position(KEY).cost) == (-1, 1_200)
    assert ledger.position(KEY).realised == 400


def test_an_adoption_gives_lots_cost_and_postings_to_the_strategy():
    """All of it for what it cost, one version more on both sides; funding due after it is the strategy's."""
    ledger = Ledger()
    ledger.units[SYMBOL] = 10
    booked(ledger, 1, -2, 90)
    net, nobody, taker = KEY, KEY._replace(strategy=EXTERNAL), KEY._replace(strategy="b")
    ledger.book_fill(a_fill(2, -3, 100), [(EXTERNAL, 3)])
    before, versions = ledger.position(net), (ledger.position(nobody).version, ledger.position(taker).version)
    postings = ledger.book_adoption(net, "b")
    assert [(one.key, one.title, one.amount) for one in postings] == [
        (nobody, "position", 3_000), (nobody, "contracts", -3_000),
        (taker, "position", -3_000), (taker, "contracts", 3_000),
    ]  # fmt: skip
    given, held = ledger.position(nobody), ledger.position(taker)
    assert (given.lots, given.cost, held.lots, held.cost) == (0, 0, -3, 3_000)
    assert (given.version, held.version) == (versions[0] + 1, versions[1] + 1)
    assert ledger.position(net) == before
    ledger.book_funding(Funded(account="main", venue="paper", instrument=SYMBOL, amount=-9, reference="f", market_ns=1))
    a = KEY._replace(strategy="a")
    assert [ledger.position(key).funding for key in (a, taker, nobody)] == [-4, -5, 0]


def test_a_trade_without_lots_or_price_is_none():
    """They are asserted, not booked."""
    for lots, ticks, words in ((0, 5, "has lots"), (1, 0, "has a price")):
        with pytest.raises(AssertionError, match=words):
            trade(Position(), lots, ticks, 10, 1)


def test_a_later_look_at_what_was_held_takes_back_the_postings_of_the_former():
    """A short, then a smaller one, then nothing: what is posted sums to what is held, in cost and in contracts."""
    ledger, total = Ledger(), dict.fromkeys(("position", "contracts"), 0)
    ledger.units[SYMBOL] = UNIT
    for lots, ticks in ((-4, 100), (-3, 110), (5, 90), (0, 1)):
        opened = Opened(
            account="main", venue="paper", instrument=SYMBOL, lots=lots, price_ticks=ticks, trade_id_next=1, market_ns=1
        )
        for posting in ledger.book_opening(opened):
            if posting.key == KEY:
                total[posting.title] += posting.amount
        assert (total["position"], total["contracts"]) == (lots * ticks * UNIT, -lots * ticks * UNIT)
        assert ledger.book_opening(opened) == []


def test_an_opening_that_cannot_have_seen_a_booked_trade_changes_nothing():
    """The trade of number 5 is booked; a look that ends before number 5 is older, one that begins after it is not."""
    ledger = Ledger()
    ledger.units[SYMBOL] = UNIT
    ledger.book_fill(a_fill(5, 3, 100), [("trend", 3)])
    held = ledger.position(KEY)
    opened = Opened(
        account="main", venue="paper", instrument=SYMBOL, lots=-4, price_ticks=100, trade_id_next=5, market_ns=1
    )
    assert ledger.book_opening(opened) == []
    assert ledger.position(KEY) == held
    assert ledger.book_opening(msgspec.structs.replace(opened, trade_id_next=6))
    assert ledger.position(KEY).lots == -4
