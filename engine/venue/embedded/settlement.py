"""What the exchange does to accounts when a minute closes: funding every eight hours, liquidation when margin is short.

    funding       each position pays or gets; told by ACCOUNT_UPDATE with FUNDING_FEE
    liquidation   wallet + unrealised < maintenance, at the mark
                     orders cancelled -> MARKET order autoclose-... -> what is lost beyond the margin: insurance fund

Cross positions stand and fall together, an isolated one alone.  It looks only at closes,
so what happens does not depend on how many points a minute is played in.
"""

from collections.abc import Callable, Iterable, Mapping

from engine import matching
from engine.venue.embedded import funding
from engine.venue.embedded.account import Account
from engine.venue.embedded.clearing import AUTOCLOSE, LIQUIDATED, Clearing
from engine.venue.embedded.events import AccountUpdate, Event
from engine.venue.embedded.margin import (
    concerned,
    cross_balance,
    cross_maintenance,
    position_state,
    position_states,
)
from engine.venue.embedded.orders import BOTH, MARKET, Order, Payment
from engine.venue.embedded.pit import MILLISECOND_NS, Pit

RATES_KEPT = 1000


class Settlement:
    """Funding and liquidation of every account."""

    def __init__(
        self, pits: Mapping[str, Pit], clearing: Clearing, tell: Callable[[Event], None], *, pays_funding: bool
    ) -> None:
        self._pits, self._clearing, self._tell = pits, clearing, tell
        self._pays_funding = pays_funding
        self.rates: dict[str, list[funding.Rate]] = {name: [] for name in pits}

    def close(self, accounts: Iterable[Account], now_ns: int) -> None:
        """A minute closed, everywhere."""
        accounts = tuple(accounts)
        if funding.is_due(now_ns):
            for name, pit in self._pits.items():
                rate = funding.Rate(name, now_ns, pit.index.settle(), pit.mark_ticks)
                self.rates[name] = [*self.rates[name][1 - RATES_KEPT :], rate]
                if self._pays_funding:
                    for account in accounts:
                        self._pay(account, pit, rate)
        for account in accounts:
            self._liquidate(account, now_ns)

    def _pay(self, account: Account, pit: Pit, rate: funding.Rate) -> None:
        for leg in account.legs:
            lots = account.ledger.position(rate.symbol, leg).lots
            amount = funding.payment(lots, rate.mark_ticks, pit.listing.unit, rate.rate_e8)
            if amount:
                isolates = account.is_isolated(rate.symbol)
                account.ledger.pay_funding(rate.symbol, leg, amount, isolates=isolates)
                # A cross position is not told with its funding; an isolated one is, its margin has changed.
                state = position_state(account, pit, leg) if isolates else None
                self._note(account, "FUNDING_FEE", rate.symbol, amount, rate.at_ns)
                wallet = account.ledger.wallet
                self._tell(AccountUpdate(account.name, rate.at_ns, "FUNDING_FEE", wallet, amount, state))

    def _liquidate(self, account: Account, now_ns: int) -> None:
        pits = concerned(account, self._pits)
        held = [state for state in position_states(account, pits) if state.lots]
        for state in held:
            if state.is_isolated and state.isolated + state.unrealised < state.maintenance:
                pit = self._pits[state.symbol]
                self._cancel(account, pit, now_ns)
                lost = state.isolated + self._close(account, pit, state.leg, now_ns)
                self._insure(account, state.symbol, -lost, now_ns)
        cross = [state for state in held if not state.is_isolated]
        if cross and cross_balance(account, self._pits) < cross_maintenance(account, self._pits):
            for pit in self._pits.values():
                self._cancel(account, pit, now_ns)
            for state in cross:
                self._close(account, self._pits[state.symbol], state.leg, now_ns)
            left = account.ledger.wallet - account.ledger.isolated
            self._insure(account, cross[0].symbol, -left, now_ns)

    def _cancel(self, account: Account, pit: Pit, now_ns: int) -> None:
        book = account.book(pit.listing.id)
        while book.waiting:
            order = book.waiting[0]
            book.drop(0)
            if isinstance(order, Order):
                self._clearing.end(account, order, *LIQUIDATED, now_ns)
            else:
                self._clearing.turn(account, order, "CANCELED", now_ns)

    def _close(self, account: Account, pit: Pit, leg: str, now_ns: int) -> int:
        """Close a position against the book; profit less fees."""
        ledger, listing = account.ledger, pit.listing
        position = ledger.position(listing.id, leg)
        side, lots, before = -position.side, abs(position.lots), ledger.realised - ledger.fees
        order_id = pit.next_order_id()
        order = Order(
            account=account.name,
            symbol=listing.id,
            order_id=order_id,
            client_id=f"{AUTOCLOSE}{now_ns // MILLISECOND_NS}{listing.row:03d}{'' if leg == BOTH else leg[0]}",
            side=side,
            type=MARKET,
            time_in_force="GTC",
            lots=lots,
            reduce_only=True,
            leg=leg,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self._clearing.open(account, order, now_ns)
        fills = matching.fills_for(1)
        count = matching.arrive(side, lots, 0, pit.last_ticks, pit.book[0], fills, 0, 0, 0)
        for fill in fills[:count]:
            order = self._clearing.fill(account, pit, order, fill, now_ns)
        return ledger.realised - ledger.fees - before

    def _insure(self, account: Account, symbol: str, deficit: int, now_ns: int) -> None:
        if deficit > 0:
            account.ledger.insure(deficit)
            self._note(account, "INSURANCE_CLEAR", symbol, deficit, now_ns)
            wallet = account.ledger.wallet
            self._tell(AccountUpdate(account.name, now_ns, "INSURANCE_CLEAR", wallet, deficit, None))

    @staticmethod
    def _note(account: Account, kind: str, symbol: str, amount: int, at_ns: int) -> None:
        account.payments.append(Payment(len(account.payments) + 1, at_ns, kind, symbol, amount))
