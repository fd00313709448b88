"""Spot trading beside the futures: the same market, its own accounts, orders and balances.

    Exchange --legs of the path--> SpotExchange --events--> whoever serves them
                                     |  ^
                                     v  | place cancel query
                                 Vault (balances), books, per account

It follows an Exchange (``exchange.followers``) and moves with it.  Symbols are the futures' ids with
their ticks and lots, so that both trade at one price: BTC/USDT here, BTC/USDT:USDT there.
"""

from collections.abc import Mapping
from dataclasses import replace

from engine import matching
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.clearing import SpotClearing
from engine.venue.embedded.spot.desk import SpotDesk
from engine.venue.embedded.spot.filters import NOTIONAL_MIN
from engine.venue.embedded.spot.orders import Payment, PlaceSpot, SpotEvent, SpotFill, SpotOrder
from engine.venue.embedded.spot.vault import Vault

FEE_PPM = 1_000  # maker and taker
AVERAGE_MINUTES = 5
NO_SUCH_ORDER = Refusal(-2013, "Order does not exist.")


class SpotExchange:
    """The whole of it."""

    def __init__(self, exchange: Exchange, fee_ppm: int = FEE_PPM) -> None:
        self.market = exchange
        self.fee_ppm = fee_ppm
        self.listings: tuple[Listing, ...] = tuple(
            replace(one, symbol=f"{one.base}/{one.quote}", notional_min=NOTIONAL_MIN) for one in exchange.listings
        )
        self.by_id: Mapping[str, Listing] = {listing.id: listing for listing in self.listings}
        self.vault = Vault()
        self.wants_ticks = False  # whether anybody listens to trades and quotes
        self._accounts: dict[str, SpotAccount] = {}
        self._outbox: list[SpotEvent] = []
        self._pays = {one.id: (one.quote, one.base) for one in self.listings}
        self._clearing = SpotClearing(self.vault, fee_ppm, self._outbox.append)
        self._desk = SpotDesk(self.by_id, exchange.pit, self.vault, self._clearing, self.average_ticks)
        exchange.followers.append(self)

    # the market moves

    def walk(self, pit: Pit, leg: tuple[int, int, int], *, jumps: bool = False) -> None:
        """The price goes ``leg`` = (position, from, to), or jumps from one to the other."""
        for account in self._accounts.values():
            book = account.books.get(pit.listing.id)
            if book is None or not (book.resting or book.stops):
                continue
            move = self._clearing.jump if jumps else self._clearing.walk
            move(account, self.by_id[pit.listing.id], pit, leg)
            self._prove(account, pit.listing.id)

    def forget_touches(self, symbol: str) -> None:
        """A new candle begins."""
        for account in self._accounts.values():
            if symbol in account.books and account.books[symbol].resting:
                matching.forget_touches(account.books[symbol].records)

    def drain(self) -> list[SpotEvent]:
        """What happened since the last call, in order."""
        events = self._outbox.copy()
        self._outbox.clear()
        return events

    def average_ticks(self, symbol: str) -> int:
        """The average price of the last five minutes, by volume; the last price where nothing traded."""
        rows = self.market.klines(symbol, "1m", None, None, AVERAGE_MINUTES)
        volume_e8, quote_e4 = int(rows["volume_e8"].sum()), int(rows["quote_e4"].sum())
        last = self.market.last_ticks(symbol)
        if volume_e8 == 0 or quote_e4 == 0:
            return last
        return max(1, quote_e4 * 10_000 * E8 // (volume_e8 * self.by_id[symbol].tick_e8))

    # trading

    def deposit(self, account: str, asset: str, amount: int) -> None:
        """Units of 1e-8 come in; the first deposit opens the account."""
        self._account(account)
        self.vault.deposit(account, asset, amount)
        self._outbox.append(Payment(account, self.market.now_ns, asset, amount))

    def place(self, account: str, request: PlaceSpot, *, trial: bool = False) -> SpotOrder | Refusal | None:
        """An order for the request, in the state that its arrival left it in, or why not."""
        who = self._account(account)
        placed = self._desk.place(who, request, self.market.now_ns, trial=trial)
        if isinstance(placed, SpotOrder):
            self._prove(who, request.symbol)
        return placed

    def cancel(
        self, account: str, symbol: str, order_id: int = 0, client_id: str = "", cancel_id: str = ""
    ) -> SpotOrder | Refusal:
        """Cancel an open order by either id."""
        who = self._account(account)
        done = self._desk.cancel(who, who.find(symbol, order_id, client_id), self.market.now_ns, cancel_id)
        if isinstance(done, SpotOrder):
            self._prove(who, symbol)
        return done

    def order(self, account: str, symbol: str, order_id: int = 0, client_id: str = "") -> SpotOrder | Refusal:
        """The newest state of an order, open or closed."""
        return self._account(account).find(symbol, order_id, client_id) or NO_SUCH_ORDER

    def open_orders(self, account: str, symbol: str | None = None) -> list[SpotOrder]:
        """Orders that can still trade, in order of arrival within a symbol."""
        books = self._account(account).books
        return [order for name in books if symbol in (None, name) for order in books[name].all()]

    def all_orders(self, account: str, symbol: str) -> list[SpotOrder]:
        """Every order of a symbol, oldest first."""
        return [order for order in self._account(account).orders.values() if order.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[SpotFill]:
        """Every fill of a symbol, oldest first."""
        return self._account(account).fills.get(symbol, [])

    def balances(self, account: str) -> dict[str, tuple[int, int]]:
        """(free, locked) of every asset that is listed or was ever held."""
        assets = dict.fromkeys(asset for one in self.listings for asset in (one.base, one.quote))
        assets |= dict.fromkeys(self.vault.purses.get(account, {}))
        purses = {asset: self.vault.purse(account, asset) for asset in assets}
        return {asset: (purse.free, purse.locked) for asset, purse in purses.items()}

    def _account(self, name: str) -> SpotAccount:
        # A key may be older than its owner's first deposit here.
        return self._accounts.setdefault(name, SpotAccount(name))

    def _prove(self, account: SpotAccount, symbol: str) -> None:
        """Assert that exactly what the open orders may cost is locked."""
        for asset in self._pays[symbol]:
            locked = self.vault.purse(account.name, asset).locked
            assert locked == account.locked(asset, self._pays), "the locked balance is not what the orders bind"
