"""Spot trading beside the futures: the same market, its own accounts, orders and balances.

    Exchange --legs of the path--> SpotExchange --events--> whoever serves them
                                     |  ^
                                     v  | place cancel query
                                 Vault (balances), books, per account

It follows an Exchange (``exchange.followers``) and moves with it.  Symbols are the futures' ids with
their ticks and lots, so that both trade at one price: BTC/USDT here, BTC/USDT:USDT there.  Where a file brought
candles of a spot of its own (``beside``) those are what is told; orders still trade at the contract's price.
"""

from collections.abc import Mapping
from dataclasses import replace

from engine import matching
from engine.venue.embedded.candles import Recording
from engine.venue.embedded.chronicle import Chronicle, recorded
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.pit import Pit
from engine.venue.embedded.spot.account import SpotAccount
from engine.venue.embedded.spot.clearing import SpotClearing
from engine.venue.embedded.spot.desk import DUPLICATE, SpotDesk
from engine.venue.embedded.spot.filters import BAD_PRICES, LISTS_MAX, NOTIONAL_MIN, Draft, failure, objection_to_pair
from engine.venue.embedded.spot.lists import Lists
from engine.venue.embedded.spot.orders import (
    LIMIT,
    LIMIT_MAKER,
    OrderList,
    Payment,
    PlaceSpot,
    SpotEvent,
    SpotFill,
    SpotOrder,
)
from engine.venue.embedded.spot.vault import Vault

FEE_PPM = 1_000  # maker and taker
AVERAGE_MINUTES = 5
PAIR = 2
NO_SUCH_ORDER = Refusal(-2013, "Order does not exist.")


class SpotExchange:
    """The whole of it."""

    floor = "spot"  # what the chronicle calls it

    def __init__(self, exchange: Exchange, fee_ppm: int = FEE_PPM) -> None:
        self.market = exchange
        self.fee_ppm = fee_ppm
        self.listings: tuple[Listing, ...] = tuple(
            replace(one, symbol=f"{one.base}/{one.quote}", notional_min=NOTIONAL_MIN) for one in exchange.listings
        )
        self.by_id: Mapping[str, Listing] = {listing.id: listing for listing in self.listings}
        self.beside: Mapping[str, Recording] = getattr(exchange.market, "spots", {})
        self.vault = Vault()
        self.wants_ticks = False  # whether anybody listens to trades and quotes
        self._accounts: dict[str, SpotAccount] = {}
        self._outbox: list[SpotEvent] = []
        self._pays = {one.id: (one.quote, one.base) for one in self.listings}
        self._clearing = SpotClearing(self.vault, fee_ppm, self._outbox.append)
        self._clearing.lists = Lists(self.by_id, self.vault, self._clearing, self._outbox.append)
        self._desk = SpotDesk(self.by_id, exchange.pit, self.vault, self._clearing, self.average_ticks)
        exchange.followers.append(self)

    @property
    def chronicle(self) -> Chronicle | None:
        """Where what it is told is written, beside what the futures are told."""
        return self.market.chronicle

    @property
    def advances(self) -> int:
        """How often the market has moved."""
        return self.market.advances

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

    @recorded
    def deposit(self, account: str, asset: str, amount: int) -> None:
        """Units of 1e-8 come in; the first deposit opens the account."""
        self._account(account)
        self.vault.deposit(account, asset, amount)
        self._outbox.append(Payment(account, self.market.now_ns, asset, amount))

    @recorded
    def place(self, account: str, request: PlaceSpot) -> SpotOrder | Refusal:
        """An order for the request, in the state that its arrival left it in, or why not."""
        who = self._account(account)
        placed = self._desk.place(who, request, self.market.now_ns)
        if isinstance(placed, SpotOrder):
            self._prove(who, request.symbol)
        return placed

    def objection(self, account: str, request: PlaceSpot) -> Refusal | None:
        """Return what there is against an order, its cost apart; nothing happens."""
        draft = self._desk.examine(self._known(account), request)
        return draft if isinstance(draft, Refusal) else None

    @recorded
    def place_list(
        self, account: str, contingency: str, client_id: str, *legs: PlaceSpot
    ) -> tuple[OrderList, list[SpotOrder]] | Refusal:
        """An OCO (above, below) or an OTO (working, pending; or working, above, below), or why not.

        Orders are told as they were born: those that wait show as waiting, also where the first filled at once.
        """
        who, symbol = self._account(account), legs[0].symbol
        drafts = [
            self._desk.examine(who, leg, comes_later=contingency == "OTO" and at > 0) for at, leg in enumerate(legs)
        ]
        if refused := next((one for one in drafts if isinstance(one, Refusal)), None):
            return refused
        examined = tuple(one for one in drafts if not isinstance(one, Refusal))
        if refused := self._objection_to_list(who, contingency, client_id, examined):
            return refused
        one = self._desk.place_list(who, (contingency, client_id), examined, self.market.now_ns)
        if isinstance(one, Refusal):
            return one
        orders = who.orders_of(one)
        if contingency == "OTO":
            self._desk.work(who, one, examined[0], self.market.now_ns)
            orders[0] = who.orders[one.order_ids[0]]
        self._prove(who, symbol)
        return one, orders

    def _objection_to_list(
        self, who: SpotAccount, contingency: str, client_id: str, drafts: tuple[Draft, ...]
    ) -> Refusal | None:
        names = [draft.request.client_id for draft in drafts if draft.request.client_id]
        open_lists = [one for one in who.lists.values() if not one.is_done and one.symbol == drafts[0].request.symbol]
        if len(set(names)) < len(names) or client_id in [one.client_id for one in open_lists]:
            return DUPLICATE
        if len(open_lists) >= LISTS_MAX:
            return failure("MAX_NUM_ORDER_LISTS")
        if contingency == "OTO" and drafts[0].request.type not in (LIMIT, LIMIT_MAKER):
            return Refusal(-1116, "Invalid orderType.")
        pair = drafts[1:] if contingency == "OTO" else drafts
        # What comes later will meet another price; only the order of the two counts.
        last = self.market.last_ticks(drafts[0].request.symbol) if contingency == "OCO" else 0
        if len(pair) != PAIR:
            return None
        refused = objection_to_pair(pair[0], pair[1], last)
        return None if refused is BAD_PRICES and contingency == "OTO" else refused

    def lists(self, account: str) -> list[OrderList]:
        """Every order list, oldest first."""
        return list(self._known(account).lists.values())

    def orders_of(self, account: str, one: OrderList) -> list[SpotOrder]:
        """The orders of a list as they are now."""
        return self._known(account).orders_of(one)

    @recorded
    def amend(self, account: str, order_id: int, symbol: str, quantity: str, client_id: str) -> SpotOrder | Refusal:
        """An open order with a smaller quantity, in its place in the queue."""
        who, lots = self._account(account), self.by_id[symbol].lots(quantity)
        if lots is None:
            return failure("LOT_SIZE")
        done = self._desk.amend(who, who.orders[order_id], lots, client_id, self.market.now_ns)
        self._prove(who, symbol)
        return done

    @recorded
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
        return self._known(account).find(symbol, order_id, client_id) or NO_SUCH_ORDER

    def open_orders(self, account: str, symbol: str | None = None) -> list[SpotOrder]:
        """Orders that can still trade, in order of arrival within a symbol."""
        books = self._known(account).books
        return [order for name in books if symbol in (None, name) for order in books[name].all()]

    def all_orders(self, account: str, symbol: str) -> list[SpotOrder]:
        """Every order of a symbol, oldest first."""
        return [order for order in self._known(account).orders.values() if order.symbol == symbol]

    def fills(self, account: str, symbol: str) -> list[SpotFill]:
        """Every fill of a symbol, oldest first."""
        return self._known(account).fills.get(symbol, [])

    def balances(self, account: str) -> dict[str, tuple[int, int]]:
        """(free, locked) of every asset that is listed or was ever held."""
        assets = dict.fromkeys(asset for one in self.listings for asset in (one.base, one.quote))
        assets |= dict.fromkeys(self.vault.purses.get(account, {}))
        purses = {asset: self.vault.purse(account, asset) for asset in assets}
        return {asset: (purse.free, purse.locked) for asset, purse in purses.items()}

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that was opened, in order."""
        return tuple(self._accounts)

    def _known(self, name: str) -> SpotAccount:
        # Who only asks opens no account: a chronicle does not write questions down.
        return self._accounts.get(name) or SpotAccount(name)

    def _account(self, name: str) -> SpotAccount:
        # A key may be older than its owner's first deposit here.
        return self._accounts.setdefault(name, SpotAccount(name))

    def _prove(self, account: SpotAccount, symbol: str) -> None:
        """Assert that exactly what the open orders may cost is locked."""
        for asset in self._pays[symbol]:
            locked = self.vault.purse(account.name, asset).locked
            assert locked == account.locked(asset, self._pays), "the locked balance is not what the orders bind"
