"""The only arithmetic of money, against a slow one of its own and against conservation."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from engine.events import EXTERNAL, Deposited, Filled, Funded
from engine.ledger import NET, Key, Ledger, Position, fee_of, shares, trade
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
    """Equity is deposits, plus cash flows, plus what is held at the mark, less fees; postings sum to zero."""
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
    ledger = Ledger()
    ledger.book_funding(Funded(account="m", venue="v", instrument=SYMBOL, amount=1, reference="f", market_ns=7))
    assert ledger.knows_funding("v", "f")
    assert not ledger.knows_funding("v", "g")
