"""Changing what rests: an order's price and quantity, several orders in one request, and the dead man's countdown.

PUT order          same order id, new price or quantity; it queues anew
batchOrders        up to five of a kind, each with its own answer or error
countdownCancelAll cancels a contract's orders unless it is called again in time
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from engine.venue.embedded import statements
from engine.venue.embedded.events import Event
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import LIMIT, SIDES, Order, Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse, words
from engine.venue.embedded.trading import ABSENT, EVERYTHING, Trading, matches_price, order_name, page

BATCH_MAX = 5
COUNTDOWN_MS_MAX = 24 * 60 * 60 * 1000
AMENDMENTS_MAX = 10_000  # of one order, as on the exchange
LIMIT_ONLY = Refusal(-5025, "Only limit order is supported.")

Answer = Any
Act = Callable[[str, Parameters], Answer]


class Amendments:
    """Modifications and what they changed, order by order."""

    def __init__(self, exchange: Exchange, trading: Trading) -> None:
        self._exchange = exchange
        self._trading = trading
        self._history: dict[tuple[str, int], list[dict[str, Any]]] = {}

    def modify(self, account: str, parameters: Parameters) -> Answer:
        """PUT order."""
        name = order_name(parameters)
        before = self._exchange.order(account, *name)
        if isinstance(before, Refusal):
            raise RefusedError(before)
        if before.type != LIMIT:
            raise RefusedError(LIMIT_ONLY)
        if "side" in parameters and parameters.text("side") != SIDES[before.side]:
            raise refuse(-1117, "Invalid side.")
        parameters.text("quantity")
        match = parameters.text("priceMatch") if matches_price(parameters) else "NONE"
        if match == "NONE":
            parameters.text("price")
        elif "price" in parameters:
            raise refuse(-1106, "Parameter 'price' sent when not required.")
        quantity, price = parameters.number("quantity"), parameters.number("price")
        history = self._history.setdefault((account, before.order_id), [])
        if len(history) >= AMENDMENTS_MAX:
            raise refuse(-5026, "Exceed maximum modify order limit.")
        after = self._exchange.amend(account, before, quantity, price, match)
        if isinstance(after, Refusal):
            raise RefusedError(after)
        history.append(self._record(before, after, len(history)))
        return statements.order(self._exchange.by_id[after.symbol], after)

    def _record(self, before: Order, after: Order, number: int) -> dict[str, Any]:
        listing = self._exchange.by_id[before.symbol]
        return {
            "amendmentId": before.order_id * AMENDMENTS_MAX + number,
            "symbol": before.symbol,
            "pair": before.symbol,
            "orderId": before.order_id,
            "clientOrderId": before.client_id,
            "time": after.updated_ns // 1_000_000,
            "amendment": {
                "price": {
                    "before": listing.price_text(before.price_ticks),
                    "after": listing.price_text(after.price_ticks),
                },
                "origQty": {"before": listing.quantity_text(before.lots), "after": listing.quantity_text(after.lots)},
                "count": number + 1,
            },
            "priceMatch": after.price_match,
        }

    def history(self, account: str, parameters: Parameters) -> Answer:
        """GET orderAmendment."""
        symbol = parameters.listing().id
        if "orderId" in parameters or "origClientOrderId" in parameters:
            found = self._exchange.order(account, *order_name(parameters))
            if isinstance(found, Refusal):
                raise RefusedError(ABSENT)
            rows = self._history.get((account, found.order_id), [])
        else:
            rows = [
                row
                for (owner, _), those in self._history.items()
                if owner == account
                for row in those
                if row["symbol"] == symbol
            ]
        return page(rows[::-1], parameters, "startTime", lambda row: row["time"] * 1_000_000)

    def forced(self, account: str, parameters: Parameters) -> Answer:
        """GET forceOrders: the account's liquidations."""
        rows = [
            statements.order(listing, order)
            for listing in parameters.listings()
            for order in self._exchange.all_orders(account, listing.id, 0, EVERYTHING)
            if order.client_id.startswith(("autoclose-", "adl_autoclose"))
        ]
        return page(rows, parameters, "startTime", lambda row: row["time"] * 1_000_000)


class Baskets:
    """Several orders in one request."""

    def __init__(self, exchange: Exchange, trading: Trading, amendments: Amendments) -> None:
        self._exchange = exchange
        self._trading = trading
        self._amendments = amendments

    def place(self, account: str, parameters: Parameters) -> Answer:
        """POST batchOrders."""
        return self._each(account, self._trading.place, _orders(parameters))

    def modify(self, account: str, parameters: Parameters) -> Answer:
        """PUT batchOrders."""
        return self._each(account, self._amendments.modify, _orders(parameters))

    def cancel(self, account: str, parameters: Parameters) -> Answer:
        """DELETE batchOrders."""
        symbol = parameters.listing().id
        for name, each in (("orderIdList", "orderId"), ("origClientOrderIdList", "origClientOrderId")):
            if name in parameters:
                wanted = [{"symbol": symbol, each: words(value)} for value in _listed(parameters, name, 10)]
                return self._each(account, self._trading.cancel, wanted)
        raise refuse(-1102, "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were empty/null!")

    def _each(self, account: str, act: Act, wanted: Sequence[Mapping[str, str]]) -> list[Answer]:
        answers = []
        for one in wanted:
            try:
                answers.append(act(account, Parameters(one, self._exchange)))
            except RefusedError as refused:
                answers.append({"code": refused.refusal.code, "msg": refused.refusal.message})
        return answers


def _orders(parameters: Parameters) -> list[Mapping[str, str]]:
    rows = _listed(parameters, "batchOrders", BATCH_MAX)
    if not all(isinstance(row, dict) for row in rows):
        raise refuse(-1130, "Data sent for parameter 'batchOrders' is not valid.")
    return [{name: words(value) for name, value in row.items()} for row in rows]


def _listed(parameters: Parameters, name: str, most: int) -> list[Any]:
    """A parameter that is a JSON list of 1 to ``most``."""
    try:
        rows = orjson.loads(parameters.text(name))
    except orjson.JSONDecodeError:
        rows = None
    if not isinstance(rows, list) or not rows:
        raise refuse(-1130, f"Data sent for parameter '{name}' is not valid.")
    if len(rows) > most:
        raise refuse(-4082, f"Invalid number of batch place orders, at most {most}.")
    return rows


class Countdowns:
    """A timer for each contract of an account; when it ends, the contract's open orders are cancelled."""

    def __init__(self, exchange: Exchange, tell: Callable[[list[Event]], None]) -> None:
        self._exchange = exchange
        self._tell = tell
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def arm(self, account: str, parameters: Parameters) -> Answer:
        """POST countdownCancelAll, in machine time; 0 disarms."""
        symbol, milliseconds = parameters.listing().id, parameters.integer("countdownTime")
        if milliseconds > COUNTDOWN_MS_MAX:
            raise refuse(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        if timer := self._timers.pop((account, symbol), None):
            timer.cancel()
        if milliseconds:
            loop = asyncio.get_running_loop()
            self._timers[account, symbol] = loop.call_later(milliseconds / 1000, self._end, account, symbol)
        return {"symbol": symbol, "countdownTime": str(milliseconds)}

    def _end(self, account: str, symbol: str) -> None:
        del self._timers[account, symbol]
        self._exchange.cancel_all(account, symbol)
        self._exchange.cancel_all_algo(account, symbol)
        self._tell(self._exchange.drain())

    def close(self) -> None:
        """Disarm them all."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
