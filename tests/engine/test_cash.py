"""Cash that no trade of ours explains: booked once, by its kind, however long nobody listened."""

import asyncio
from dataclasses import replace

import pytest

from engine.account import Account, Plan
from engine.cash import LEAD_NS, NOTED_NS
from engine.journal import JournalReader
from engine.ledger import LISTED
from engine.order import Intent, OrderType
from engine.statement import lines_of, unexplained_of
from engine.venue.base import FundingSeen
from shm.records import Purpose
from tests.engine.fake_venue import FakeVenue
from tests.engine.test_account import BTC, ETH, INSTRUMENTS, SETTINGS, Stage, Witness

DAY_NS = 86_400 * 10**9


class Shared(Stage):
    """An account that others use as well; its exchange lists only what is asked for, and lately the last seven days."""

    def __init__(self, folder, symbols=(BTC, ETH)):
        """Nothing runs yet."""
        super().__init__(folder)
        self.plan, self.symbols = {"is_shared": True}, symbols
        self.asked_ns = []

    async def begin(self):
        """Start a life that follows ``symbols``."""
        self.witness, self.venue = Witness(), Listing(self)
        chosen = tuple(one for one in INSTRUMENTS if one.symbol in self.symbols)
        plan = Plan(
            run_id="r1", folder=self.folder, settings=SETTINGS, instruments=chosen, strategies=("trend",), **self.plan
        )
        self.account = Account(plan, self.venue, self.witness, self.clocks)
        await self.account.open(lambda text: None)

    def row(self, kind, amount, days_ago=0.0, symbol="", trade_id=0):
        """Money moves."""
        self.exchange.cash += amount
        number, at_ns = self.exchange.number(), self.clocks.ns - int(days_ago * DAY_NS)
        name = f"income {kind} {number}"
        self.exchange.moved.append(
            FundingSeen(symbol=symbol, amount=amount, reference=name, market_ns=at_ns, kind=kind, trade_id=trade_id)
        )

    def by_hand(self, symbol, lots):
        """A person trades; the exchange lists what it brought and cost."""
        cash = self.exchange.cash
        intent = Intent(
            intent_id=1, client_id=f"web{self.exchange.number()}", account="", venue="", instrument=symbol,
            allocation=(("me", abs(lots)),), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1 if lots > 0 else -1,
            lots=abs(lots), created_market_ns=0, created_wall_ns=0,
        )  # fmt: skip
        self.exchange.deaf = True  # of what a session does not follow its stream has no word
        self.exchange.accept(intent)
        self.exchange.deaf = False
        brought, self.exchange.cash = self.exchange.cash - cash, cash
        self.row("COMMISSION", brought, symbol=symbol, trade_id=self.exchange.trades[symbol][-1].trade_id)

    @property
    def wallet(self):
        """Of the books."""
        return self.account.books.ledger.wallet("main", "fake")


class Listing(FakeVenue):
    """A way in to lists that go back seven days when nobody says from when."""

    def __init__(self, stage):
        """Ask the stage's exchange."""
        super().__init__(stage.exchange)
        self._stage = stage

    def _since(self, since_ns):
        self._stage.asked_ns.append(since_ns)
        return since_ns or self._stage.clocks.ns - 7 * DAY_NS

    async def funding_since(self, since_ns):
        """Payments."""
        return await super().funding_since(self._since(since_ns))

    async def transfers_since(self, since_ns):
        """All else."""
        return await super().transfers_since(self._since(since_ns))


@pytest.fixture
def stage(tmp_path):
    """An account on which nothing was ever paid or moved."""
    return Shared(tmp_path)


async def test_what_came_while_nobody_was_there_for_weeks_is_booked(stage):
    """Thirty days away: the deposit, the funding and the rebate of the first days are older than the list's week."""
    stage.row("TRANSFER", 50 * 10**8, 3)
    await stage.begin()
    await stage.quiet()
    await stage.end()
    stage.clocks.ns += 30 * DAY_NS
    stage.exchange.fund(BTC, -700, stage.clocks.ns - 28 * DAY_NS)
    for kind, amount, days_ago in (("TRANSFER", 900 * 10**8, 29), ("COMMISSION_REBATE", 123, 20), ("TRANSFER", -5, 1)):
        stage.row(kind, amount, days_ago)
    for _ in range(2):
        await stage.begin()
        await stage.quiet()
        stage.agrees()
        assert stage.account.core.differs == ""
        await stage.end()
    assert min(stage.asked_ns) > 0


KINDS = ("INSURANCE_CLEAR", "WELCOME_BONUS", "COIN_SWAP_WITHDRAW", "REFERRAL_KICKBACK", "API_REBATE", "BFUSD_REWARD")


async def test_every_kind_of_income_is_booked_by_its_name(stage, tmp_path):
    """Whatever the exchange calls it: cash agrees, no strategy's profit moved, and the statement has a line of it."""
    await stage.begin()
    await stage.quiet()
    for number, kind in enumerate(KINDS):
        stage.row(kind, -10 * 10**8 - number)
    stage.account.want_recovery("cash was moved")
    await stage.quiet()
    stage.agrees()
    assert stage.account.books.profit_of("trend") == 0
    await stage.end()
    lines = lines_of(JournalReader(tmp_path).refresh())
    assert {line.kind: line.amount for line in lines[1:]} == {k: -10 * 10**8 - n for n, k in enumerate(KINDS)}
    assert sum(line.amount for line in lines) == stage.exchange.cash


async def test_profit_of_a_contract_that_is_not_followed_is_cash_and_of_one_that_is_comes_by_its_trades(tmp_path):
    """A person trades ether beside us: we know its cash; when ether is followed later its past is not booked again."""
    stage = Shared(tmp_path, (BTC,))
    await stage.begin()
    stage.target(5)
    await stage.quiet()
    stage.row("COMMISSION", 0, symbol=BTC, trade_id=stage.exchange.trades[BTC][-1].trade_id)
    stage.by_hand(ETH, 9)
    stage.exchange.price[ETH] += 5_000
    stage.by_hand(ETH, -6)
    stage.account.want_recovery("a look")
    await stage.quiet()
    assert stage.wallet == stage.exchange.cash
    await stage.end()
    stage.by_hand(ETH, -1)
    stage.symbols = (BTC, ETH)
    await stage.begin()
    await stage.quiet()
    assert stage.account.core.differs == ""
    assert (stage.wallet, stage.account.books.position(ETH, "external").lots) == (stage.exchange.cash, 2)
    stage.by_hand(ETH, -2)
    stage.account.want_recovery("a look")
    await stage.quiet()
    assert (stage.wallet, stage.account.books.position(ETH).lots) == (stage.exchange.cash, 0)
    assert len(stage.account.books.ledger.trades) == 2
    await stage.end()


async def test_what_was_in_the_opening_is_not_booked_again_when_it_is_listed_late(stage):
    """Moved, paid and traded by hand a minute before the first start, listed after it: the cash had it already."""
    stage.exchange.cash += 70 * 10**8
    await stage.begin()
    stage.exchange.cash -= 70 * 10**8
    stage.exchange.fund(BTC, 10 * 10**8, stage.clocks.ns - 60 * 10**9)
    for kind, number in (("TRANSFER", 0), ("REALIZED_PNL", 1)):
        stage.row(kind, 30 * 10**8, 1 / 1440, symbol=BTC if number else "", trade_id=number)
    stage.account.want_recovery("cash was moved")
    await stage.quiet()
    assert stage.wallet == stage.exchange.cash
    await stage.end()


async def test_the_venues_time_counts_and_not_ours(stage):
    """A venue that plays last year: what it charges while we are away is later than the opening by its clock."""
    ours = stage.clocks
    stage.clocks = lambda: replace(ours(), wall_ns=ours.ns + 500 * DAY_NS)
    stage.clocks.ns = ours.ns
    await stage.begin()
    await stage.end()
    ours.ns += DAY_NS
    stage.exchange.fund(BTC, -700, ours.ns - 100)
    stage.exchange.transfer(55, ours.ns - 90)
    await stage.begin()
    assert stage.wallet == stage.exchange.cash
    await stage.end()


async def test_how_far_the_list_was_read_is_written_down(stage):
    """After a day of rows that trades explain the next life does not read them all again."""
    await stage.begin()
    stage.target(5)
    await stage.quiet()
    stage.clocks.ns += NOTED_NS + LEAD_NS
    stage.row("COMMISSION", 0, symbol=BTC, trade_id=stage.exchange.trades[BTC][-1].trade_id)
    stage.account.want_recovery("a look")
    await stage.quiet()
    assert stage.account.books.ledger.has_deposit(
        "fake", f"{LISTED}through {stage.exchange.moved[-1].market_ns // 10**6}"
    )
    await stage.end()
    stage.asked_ns.clear()
    await stage.begin()
    assert max(stage.asked_ns) > stage.clocks.ns - DAY_NS // 2
    await stage.end()


async def test_cash_that_nothing_explains_is_named_until_it_is_explained(stage, tmp_path):
    """Entries wait, the journal says what was found, and that it was found no longer."""
    await stage.begin()
    await stage.quiet()
    expected = stage.exchange.cash
    stage.exchange.cash -= 500 * 10**8
    for _ in range(3):
        await stage.account._recover()
    assert "CASH_DIFFERS" in stage.account.core.differs
    assert stage.account.agreement.cash_unexplained == -500 * 10**8
    await stage.done()
    left = unexplained_of(JournalReader(tmp_path).refresh())
    assert (left.expected, left.found) == (expected, expected - 500 * 10**8)
    stage.exchange.cash += 500 * 10**8
    await stage.account._recover()
    await stage.end()
    assert unexplained_of(JournalReader(tmp_path).refresh()) is None


async def test_a_fee_in_another_coin_costs_none_of_our_cash_and_is_said_once(stage, monkeypatch):
    """0.00005 BNB are not 0.00005 USDT: the cash stays the exchange's to the last unit."""
    tell, trade, warned = stage.exchange.tell, stage.exchange.trade, []
    monkeypatch.setattr(Witness, "warned", lambda _, event, text: warned.append(event))

    def in_coin(*news):
        tell(*[replace(one, fee=5_000, fee_asset="BNB") if hasattr(one, "fee_asset") else one for one in news])

    def listed_in_coin(order, *rest):
        trade(order, *rest)
        listed = stage.exchange.trades[BTC]
        listed[-1] = replace(listed[-1], fee=5_000, fee_asset="BNB")
        stage.exchange.cash = cash

    monkeypatch.setattr(stage.exchange, "tell", in_coin)
    await stage.begin()
    cash = stage.exchange.cash
    stage.target(5)
    stage.exchange.trade = listed_in_coin
    await stage.quiet()
    assert (stage.account.books.position(BTC).lots, stage.wallet) == (5, cash)
    async with asyncio.timeout(30):
        while not warned:  # it is said by the next duty cycle that is not comparing
            await stage.turn()
    assert warned == ["fees are paid in BNB"]
    await stage.end()
