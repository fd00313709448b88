"""What people and the exchange itself do to an account, through the same door as its own orders.

Every act is an ordinary order, or a cancellation, with a client id that no engine would choose.
"""

from collections.abc import Callable
from typing import Any

from engine.venue.embedded.orders import BOTH, BUY, MARKET, SELL, SHORT, AlgoOrder, Order, PlaceOrder, Refusal

HAND, LIQUIDATION, SETTLEMENT, DELEVERAGING = "web_hand", "autoclose", "settlement_autoclose", "adl_autoclose"


class Acts:
    """The hands on one account; ``exchange`` is the embedded one."""

    def __init__(self, exchange: Any) -> None:
        self._exchange = exchange
        self._count = 0

    def perform(self, kind: str, account: str, symbol: str, value: str) -> tuple[str, str]:
        """Do it; what was done, and what came of it."""
        act: Callable[[str, str, str], tuple[str, str]] = {
            "human_order": self._trade,
            "human_close": self._close,
            "human_cancel": self._cancel,
            "liquidation": self._liquidate,
            "delisting": self._settle,
            "deleveraging": self._deleverage,
        }[kind]
        return act(account, symbol, value)

    def _trade(self, account: str, symbol: str, value: str) -> tuple[str, str]:
        leg, held = max(self._held(account, symbol), key=lambda one: abs(one[1]))
        share = float(value)
        lots = round(abs(held) * share) if abs(share) < 1 else round(share)
        side = (1 if held > 0 or (held == 0 and leg != SHORT) else -1) * (1 if share > 0 else -1)
        listing = self._exchange.by_id[symbol]
        # As much as the contract's smallest order, whatever the share.
        smallest = max(listing.lots_min, -(-listing.notional_min // listing.notional(self._last(symbol), 1)) + 1)
        return self._order(account, symbol, (leg, side * max(abs(lots), smallest)), HAND)

    def _close(self, account: str, symbol: str, _: str) -> tuple[str, str]:
        return self._close_all(account, symbol, HAND)

    def _cancel(self, account: str, symbol: str, _: str) -> tuple[str, str]:
        waiting = self._exchange.open_algo_orders(account, symbol)
        if not waiting:
            return "no stop waits", "nothing"
        gone = self._exchange.cancel_algo(account, waiting[0].algo_id)
        return f"stop {waiting[0].client_id} cancelled", _state(gone)

    def _liquidate(self, account: str, symbol: str, _: str) -> tuple[str, str]:
        self._sweep(account, symbol)
        return self._close_all(account, symbol, LIQUIDATION)

    def _settle(self, account: str, symbol: str, _: str) -> tuple[str, str]:
        self._sweep(account, symbol)
        return self._close_all(account, symbol, SETTLEMENT)

    def _deleverage(self, account: str, symbol: str, value: str) -> tuple[str, str]:
        leg, held = max(self._held(account, symbol), key=lambda one: abs(one[1]))
        lots = round(abs(held) * float(value))
        if not lots:
            return "nothing is held", "nothing"
        return self._order(account, symbol, (leg, -lots if held > 0 else lots), DELEVERAGING, reduces=True)

    def _sweep(self, account: str, symbol: str) -> None:
        self._exchange.cancel_all(account, symbol)
        self._exchange.cancel_all_algo(account, symbol)

    def _close_all(self, account: str, symbol: str, who: str) -> tuple[str, str]:
        held = [(leg, -lots) for leg, lots in self._held(account, symbol) if lots]
        if not held:
            return "nothing is held", "nothing"
        done = [self._order(account, symbol, each, who, reduces=True) for each in held]
        return "; ".join(what for what, _ in done), "; ".join(came for _, came in done)

    def _order(
        self, account: str, symbol: str, what: tuple[str, int], who: str, *, reduces: bool = False
    ) -> tuple[str, str]:
        leg, lots = what
        self._count += 1
        listing = self._exchange.by_id[symbol]
        request = PlaceOrder(
            symbol=symbol,
            side=BUY if lots > 0 else SELL,
            type=MARKET,
            quantity=listing.quantity_text(abs(lots)),
            reduce_only=reduces and leg == BOTH,
            leg=leg,
            client_id=f"{who}-{self._count}",
        )
        answer = self._exchange.place(account, request)
        return f"{who}-{self._count}: market {lots:+d} lots", _state(answer)

    def _held(self, account: str, symbol: str) -> list[tuple[str, int]]:
        """Legs that may be traded, and the signed lots of each."""
        state = self._exchange.account(account)
        return [
            (row.leg, row.lots)
            for row in state.positions
            if row.symbol == symbol and (row.leg != BOTH or not state.is_hedged)
        ]

    def _last(self, symbol: str) -> int:
        ticks: int = self._exchange.last_ticks(symbol)
        return ticks


def _state(answer: Order | AlgoOrder | Refusal) -> str:
    if isinstance(answer, Refusal):
        return f"refused {answer.code}"
    return f"{answer.status}, {answer.lots_filled} lots filled"
