"""A symbol that is left out of the settings, traded by hand, and named again: every trade is in the cash once."""

import pytest

from engine.history import History
from engine.journal import JournalReader
from engine.ledger import NET
from engine.statement import lines_of
from tests.engine.test_account import BTC, ETH
from tests.engine.test_cash import Shared


class Listed(Shared):
    """An account whose exchange lists what each trade brought and cost, in its own name for what is not followed."""

    def __init__(self, folder, symbols=(BTC, ETH)):
        """List every trade as it is made."""
        super().__init__(folder, symbols)
        made = self.exchange.trade

        def listed(order, lots, order_id):
            cash, symbol = self.exchange.cash, order.seen.symbol
            made(order, lots, order_id)
            brought, self.exchange.cash = self.exchange.cash - cash, cash
            name = symbol if symbol in self.symbols else symbol.partition(":")[0].replace("/", "")
            self.row("REALIZED_PNL", brought, symbol=name, trade_id=self.exchange.trades[symbol][-1].trade_id)

        self.exchange.trade = listed

    def by_hand(self, symbol, lots):
        """A person trades while nobody of ours hears it."""
        rows = len(self.exchange.moved)
        super().by_hand(symbol, lots)
        del self.exchange.moved[rows + 1 :]  # the list above has it already

    async def live(self, *symbols):
        """A life that follows ``symbols`` and looks at everything."""
        if self.account is not None:
            await self.end()
        self.symbols = symbols
        await self.begin()
        self.account.want_recovery("a look")
        await self.quiet()

    def check(self, symbol=ETH):
        """Cash and lots are the exchange's, and nothing forbids entries."""
        books = self.account.books
        assert books.ledger.wallet("main", "fake") == self.exchange.cash
        assert books.position(symbol).lots == self.exchange.lots[symbol]
        assert self.account.core.differs == ""
        parts = [held for key, held in books.ledger.positions.items() if key.instrument == symbol]
        assert sum(held.lots for held in parts) == 2 * books.position(symbol, NET).lots


@pytest.fixture
async def stage(tmp_path):
    """Two contracts are followed; five of ether were bought and sold."""
    stage = Listed(tmp_path)
    await stage.live(BTC, ETH)
    for target_id, lots in enumerate((5, 0), 1):
        stage.exchange.price[ETH] += 1_000
        stage.target(lots, target_id=target_id, symbol=ETH)
        await stage.quiet()
    stage.check()
    yield stage
    await stage.end()


async def test_trades_of_a_symbol_that_is_left_out_are_not_booked_again_as_cash(stage):
    """What its last trades brought was booked with them; the list names them in the exchange's own way."""
    await stage.live(BTC)
    stage.check()


@pytest.mark.parametrize("lots", [(9, -6), (9, -9), (-4,), ()])
async def test_a_symbol_that_is_named_again_has_its_meantime_in_the_cash_once(stage, tmp_path, lots):
    """Traded by hand while it was left out, and while no engine ran: what is held is EXTERNAL's."""
    await stage.live(BTC)
    for traded in lots:
        stage.exchange.price[ETH] += 2_000
        stage.by_hand(ETH, traded)
    stage.account.want_recovery("a look")
    await stage.quiet()
    assert stage.wallet == stage.exchange.cash
    await stage.end()
    stage.account = None
    stage.exchange.price[ETH] += 3_000
    stage.by_hand(ETH, 2)
    for _ in range(2):
        await stage.live(BTC, ETH)
        stage.check()
    stage.by_hand(ETH, 1)
    stage.account.want_recovery("a look")
    await stage.quiet()
    stage.check()
    await stage.live(BTC, ETH)
    lines = lines_of(JournalReader(tmp_path).refresh())
    assert sum(line.amount for line in lines) == stage.exchange.cash
    history = History().follow(JournalReader(tmp_path).refresh())
    assert sum(trade.profit for trade in history.trades if trade.strategy == "trend") == (
        stage.account.books.profit_of("trend")
    )


async def test_a_symbol_of_which_something_of_ours_is_held_is_not_opened_anew(stage):
    """Its stop is looked after and its trades are booked as trades: nobody's lots become anybody else's."""
    stage.target(5, target_id=9, symbol=ETH)
    await stage.quiet()
    await stage.live(BTC)
    await stage.live(BTC, ETH)
    stage.check()
    assert stage.account.books.position(ETH, "trend").lots == 5
    stage.covered(ETH)
