"""Cash that no trade of ours explains: asked for at the venue, booked once each by its reference.

    list of funding --> Funded      shared by the lots that strategies hold
    list of income ---> Deposited   all else that moved the wallet, by its kind: transfers, rebates, clearances, trades
                                    on contracts that this session does not follow; no strategy's profit
                        nothing     profit and fee of a trade that is booked as a trade

Asked from the newest row that is booked on; on an account that others use as well never from later than its opening,
so an absence of weeks leaves nothing out that the venue still lists.
"""

from collections.abc import Collection
from typing import Protocol

from engine.books import Books
from engine.events import Deposited, Funded
from engine.ledger import LISTED
from engine.messages import Message, Moment, Recorded
from engine.venue.base import FundingSeen, Venue

HOUR_NS = 3_600 * 10**9
LEAD_NS = 2 * HOUR_NS  # further than any clock is off, and than a list is late
OVERLAP_NS = HOUR_NS // 6  # rows may be listed a little late
DOUBT_NS = 2 * 10**9  # our clock and the venue's may be that far apart
NOTED_NS = 24 * HOUR_NS  # how far the list is read before that is written down
OF_TRADES = ("REALIZED_PNL", "COMMISSION")
OF_FUNDING = "FUNDING_FEE"


class Voice(Protocol):
    """The account whose cash it is."""

    @property
    def books(self) -> Books:
        """What is booked already."""
        ...

    def tell(self, message: Message) -> None:
        """Tell the core."""
        ...

    def moment(self) -> Moment:
        """The three clocks."""
        ...


class Cash:
    """One account's lists of money."""

    def __init__(self, venue: Venue, account: Voice, symbols: Collection[str], *, is_shared: bool) -> None:
        """``symbols``: those whose trades are booked; ``is_shared``: the account has a past, and its times are ours."""
        self._venue, self._account, self._symbols = venue, account, symbols
        self._is_shared = is_shared
        self._read_ns = 0  # through which row's time the list of income was read

    async def opening(self, asset: str) -> int:
        """Cash on the first day; what is in it already is noted, so that it is never booked on top."""
        now = self._account.moment()
        since_ns = max(0, (now.market_ns or now.wall_ns) - 2 * LEAD_NS) if self._is_shared else 0
        listed = await self._venue.funding_since(since_ns), await self._venue.transfers_since(since_ns)
        while True:
            cash = (await self._venue.wallet(asset)).wallet
            again = await self._venue.funding_since(since_ns), await self._venue.transfers_since(since_ns)
            if again == listed:
                break
            listed = again
        funding, moved = listed
        for paid in funding:
            if self._is_shared or paid.market_ns == funding[-1].market_ns:
                self._fund(paid, 0)
        for row in moved:
            if row.kind != OF_FUNDING:
                self._move(row, 0)
        return cash

    async def catch_up_funding(self) -> None:
        """Book what the venue lists and we do not know: the stream says too little, and nothing while it is down."""
        venue, ledger = self._account.books.venue, self._account.books.ledger
        for paid in await self._venue.funding_since(ledger.funded_ns or self._begun_ns()):
            if not self._was_there(paid) and not ledger.knows_funding(venue, paid.reference):
                self._fund(paid, paid.amount)

    async def catch_up_moves(self) -> None:
        """Book what else moved the wallet: the stream names no reference, and nothing while it is down."""
        ledger, venue = self._account.books.ledger, self._account.books.venue
        since_ns = max(self._read_ns, ledger.moved_ns)
        rows = await self._venue.transfers_since(max(0, since_ns - OVERLAP_NS) or self._begun_ns())
        for row in rows:
            if self._was_there(row) or self._is_explained(row) or ledger.has_deposit(venue, row.reference):
                continue
            self._move(row, row.amount)
        self._read_ns = max([self._read_ns, *(row.market_ns for row in rows)])
        if self._read_ns - ledger.moved_ns > NOTED_NS:
            self._note()

    def _begun_ns(self) -> int:
        """From when on everything has to be asked for; 0: what is listed lately is all there is."""
        opened_ns = self._account.books.ledger.opened_ns
        return max(0, opened_ns - LEAD_NS) if self._is_shared else 0

    def _was_there(self, row: FundingSeen) -> bool:
        """The opening's cash has it, though it was listed only later."""
        return self._is_shared and row.market_ns < self._account.books.ledger.opened_ns - DOUBT_NS

    def _is_explained(self, row: FundingSeen) -> bool:
        """What follows from a trade of the books is no news, and funding has a list of its own."""
        if row.kind == OF_FUNDING:
            return True
        first = self._account.books.trades_from.get(row.symbol, 0)
        return row.kind in OF_TRADES and row.symbol in self._symbols and row.trade_id >= first

    def _note(self) -> None:
        """Write down how far the list was read: the next life need not read all of it again."""
        at_ms = self._read_ns // 1_000_000
        self._move(FundingSeen(symbol="", amount=0, reference=f"{LISTED}through {at_ms}", market_ns=self._read_ns), 0)

    def _move(self, row: FundingSeen, amount: int) -> None:
        books = self._account.books
        event = Deposited(
            account=books.account,
            venue=books.venue,
            amount=amount,
            reference=row.reference,
            wall_ns=row.market_ns,
            kind=row.kind,
        )
        self._account.tell(Recorded(event))

    def _fund(self, paid: FundingSeen, amount: int) -> None:
        books = self._account.books
        self._account.tell(
            Recorded(
                Funded(
                    account=books.account,
                    venue=books.venue,
                    instrument=paid.symbol,
                    amount=amount,
                    reference=paid.reference,
                    market_ns=paid.market_ns,
                )
            )
        )
