"""What an account may ask the exchange without changing anything: orders, trades, positions and money."""

from collections.abc import Mapping

from engine.venue.embedded.account import Account
from engine.venue.embedded.desk import Desk
from engine.venue.embedded.events import AccountState
from engine.venue.embedded.margin import account_state
from engine.venue.embedded.orders import AlgoOrder, Fill, Order, Payment, PlaceOrder, Refusal
from engine.venue.embedded.pit import Pit

NO_SUCH_ORDER = Refusal(-2013, "Order does not exist.")


class Enquiries:
    """The half of the exchange that only answers; ``account`` is a name that the server maps API keys to."""

    _pits: Mapping[str, Pit]
    _accounts: Mapping[str, Account]
    _desk: Desk
    now_ns: int

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account that was opened."""
        return tuple(self._accounts)

    def objection(self, account: str, request: PlaceOrder) -> Refusal | None:
        """What speaks against a request before the book and the margin are asked, or None."""
        draft = self._desk.examine(self._accounts[account], request, self.now_ns)
        return draft if isinstance(draft, Refusal) else None

    def order(self, account: str, symbol: str, order_id: int = 0, client_id: str = "") -> Order | Refusal:
        """The newest state of an order, open or closed."""
        return self._accounts[account].find(symbol, order_id, client_id) or NO_SUCH_ORDER

    def algo_order(self, account: str, algo_id: int = 0, client_id: str = "") -> AlgoOrder | Refusal:
        """The newest state of an algo order."""
        return self._accounts[account].find_algo(algo_id, client_id) or NO_SUCH_ORDER

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Orders that can still trade, in order of arrival."""
        return [order for order in self._waiting(account, symbol) if isinstance(order, Order)]

    def open_algo_orders(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Algo orders that wait, in order of arrival."""
        return [order for order in self._waiting(account, symbol) if isinstance(order, AlgoOrder)]

    def _waiting(self, account: str, symbol: str | None) -> list[Order | AlgoOrder]:
        books = self._accounts[account].books
        names = [symbol] if symbol else list(self._pits)
        return [order for name in names if name in books for order in books[name].waiting]

    def all_orders(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[Order]:
        """Orders of a symbol: from an id on, or the newest."""
        mine = [order for order in self._accounts[account].orders.values() if order.symbol == symbol]
        return [order for order in mine if order.order_id >= from_id][:limit] if from_id else mine[-limit:]

    def all_algo_orders(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[AlgoOrder]:
        """Algo orders of a symbol: from an id on, or the newest."""
        mine = [order for order in self._accounts[account].algo_orders.values() if order.symbol == symbol]
        return [order for order in mine if order.algo_id >= from_id][:limit] if from_id else mine[-limit:]

    def user_trades(self, account: str, symbol: str, from_id: int = 0, limit: int = 500) -> list[Fill]:
        """Fills of a symbol: from a trade id on, or the newest."""
        mine = self._accounts[account].fills.get(symbol, [])
        return [fill for fill in mine if fill.trade_id >= from_id][:limit] if from_id else mine[-limit:]

    def account(self, account: str) -> AccountState:
        """The whole account at the marks of the moment."""
        return account_state(self._accounts[account], self._pits)

    def payments(self, account: str) -> list[Payment]:
        """Funding, insurance and transfers, oldest first."""
        return self._accounts[account].payments

    def leverage(self, account: str, symbol: str) -> int:
        """What it is set to."""
        return self._accounts[account].leverage(symbol)

    def is_hedged(self, account: str) -> bool:
        """Whether it holds LONG and SHORT apart."""
        return self._accounts[account].is_hedged

    def is_isolated(self, account: str, symbol: str) -> bool:
        """Whether a contract's positions have margin of their own."""
        return self._accounts[account].is_isolated(symbol)
