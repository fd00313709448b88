"""A Kraken Futures of our own for tests: orders, fills, positions and cash as its interfaces have them; no socket.

    send --> placed (rests, waits for its trigger, or trades at once), or the word that refuses it
    move(price) --> what it reaches is triggered or filled       every change is told as a frame of a private feed

Prices are what the test says.  Nothing of it is taken from the engine or the embedded exchange.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

TAKER, MAKER = Decimal("0.0005"), Decimal("0.0002")
ZERO = Decimal(0)
BTC, ETH = "PF_XBTUSD", "PF_ETHUSD"
WORDS = {"lmt": "limit", "post": "limit", "mkt": "market", "stp": "stop", "take_profit": "take_profit"}
KINDS = {"lmt": "Limit", "post": "Post", "mkt": "IoC", "stp": "Stop", "take_profit": "TakeProfit"}


def dated(at_ms):
    """A moment as its REST writes it."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ms % 1000:03d}Z"


def rules(symbol, tick, precision, **more):
    """A row of ``instruments``."""
    return {
        "symbol": symbol,
        "type": "flexible_futures",
        "tradeable": True,
        "tickSize": tick,
        "contractSize": 1,
        "contractValueTradePrecision": precision,
        "maxPositionSize": 1000000.0,
        "openingDate": "2022-01-01T00:00:00.000Z",
        "fundingRateCoefficient": 8,
        "marginLevels": [{"numNonContractUnits": 0.0, "initialMargin": 0.02, "maintenanceMargin": 0.01}],
        "category": "Layer 1",
        "tags": [],
    } | more


class Refused(Exception):  # noqa: N818 - what the exchange does
    """An order that is not placed, by its word."""


class Order:
    """One order, plain or waiting for its trigger."""

    def __init__(self, asked, name, at_ms):
        """As it was asked for."""
        self.name, self.link, self.symbol = name, asked.get("cliOrdId", ""), asked["symbol"]
        self.type, self.side = asked["orderType"], 1 if asked["side"] == "buy" else -1
        self.size, self.filled = Decimal(asked["size"]), ZERO
        self.limit, self.stop = Decimal(asked.get("limitPrice", "0")), Decimal(asked.get("stopPrice", "0"))
        self.reduces, self.begun_ms, self.at_ms = asked.get("reduceOnly") == "true", at_ms, at_ms
        self.status = "TRIGGER_PLACED" if self.stop else "ENTERED_BOOK"
        self.reason = None

    @property
    def left(self):
        """What has not traded."""
        return self.size - self.filled

    @property
    def is_open(self):
        """It rests or waits."""
        return self.status in ("ENTERED_BOOK", "TRIGGER_PLACED")

    def frame(self):
        """As the stream tells it: what is left, what was filled."""
        body = {"instrument": self.symbol, "time": self.begun_ms, "last_update_time": self.at_ms}
        body |= {"qty": float(self.left), "filled": float(self.filled), "limit_price": float(self.limit)}
        body |= {"stop_price": float(self.stop), "type": WORDS[self.type], "order_id": self.name}
        body |= {"direction": 0 if self.side > 0 else 1, "reduce_only": self.reduces}
        return body | ({"cli_ord_id": self.link} if self.link else {})

    def open_row(self):
        """A row of ``openorders``."""
        row = {"order_id": self.name, "symbol": self.symbol, "side": "buy" if self.side > 0 else "sell"}
        row |= {"orderType": self.type, "receivedTime": dated(self.begun_ms), "lastUpdateTime": dated(self.at_ms)}
        row |= {"status": "partiallyFilled" if self.filled else "untouched", "filledSize": float(self.filled)}
        row |= {"unfilledSize": float(self.left), "reduceOnly": self.reduces}
        row |= {"stopPrice": float(self.stop), "triggerSignal": "last"} if self.stop else {}
        row |= {"limitPrice": float(self.limit)} if self.limit else {}
        return row | ({"cliOrdId": self.link} if self.link else {})

    def body(self):
        """Inside of ``orders/status`` and of the answer to an order."""
        row = {"type": "TRIGGER_ORDER" if self.status.startswith("TRIGGER") else "ORDER", "orderId": self.name}
        row |= {"cliOrdId": self.link or None, "symbol": self.symbol, "side": "buy" if self.side > 0 else "sell"}
        row |= {"quantity": float(self.left), "filled": float(self.filled), "limitPrice": float(self.limit)}
        row |= {"reduceOnly": self.reduces, "timestamp": dated(self.begun_ms)}
        row |= {"lastUpdateTimestamp": dated(self.at_ms), "priceTriggerOptions": None}
        if self.stop and self.status.startswith("TRIGGER"):
            row["priceTriggerOptions"] = {"triggerPrice": float(self.stop), "triggerSignal": "LAST_PRICE"}
        return row

    def past(self):
        """Inside of the histories."""
        row = {"uid": self.name, "accountUid": "a", "tradeable": self.symbol, "quantity": str(self.left)}
        row |= {"direction": "Buy" if self.side > 0 else "Sell", "filled": str(self.filled)}
        row |= {"timestamp": str(self.begun_ms), "limitPrice": str(self.limit), "orderType": KINDS[self.type]}
        row |= {"clientId": self.link, "reduceOnly": self.reduces, "lastUpdateTimestamp": str(self.at_ms)}
        return row | ({"stopPrice": str(self.stop)} if self.stop else {})


class Held:
    """A position."""

    def __init__(self):
        """Flat."""
        self.size, self.price = ZERO, ZERO

    def trade(self, signed, price):
        """Take a trade; what it realised."""
        if self.size * signed >= 0:
            whole = abs(self.size) + abs(signed)
            self.price = (abs(self.size) * self.price + abs(signed) * price) / whole
            self.size += signed
            return ZERO
        side = 1 if self.size > 0 else -1
        realised = side * min(abs(self.size), abs(signed)) * (price - self.price)
        self.size += signed
        self.price = price if self.size * side < 0 else self.price if self.size else ZERO
        return realised


class Floor:
    """One account with a wallet of many currencies."""

    def __init__(self, now_ms: Callable[[], int], cash="10000"):
        """Two perpetuals and others, a deposit in dollars."""
        self.now_ms = now_ms
        self.rules = {BTC: rules(BTC, 0.5, 4), ETH: rules(ETH, 0.1, 3)}
        self.others = [
            rules("PI_XBTUSD", 0.5, 0, type="futures_inverse"),
            rules("PF_PEPEUSD", 1e-10, -3, maxPositionSize=1e12),
            rules("FF_XBTUSD_301227", 0.5, 4, lastTradingTime="2030-12-27T08:00:00.000Z"),
        ]
        self.price = {BTC: Decimal("50000.0"), ETH: Decimal("3000.0")}
        self.cash, self.currencies = Decimal(cash), {}
        self.orders: dict[str, Order] = {}
        self.fills: list[dict] = []  # as the stream told them
        self.past: list[dict] = []  # elements of both histories
        self.log: list[dict] = []
        self.held = {name: Held() for name in self.rules}
        self.leverage: dict[str, float] = {}
        self.told: Callable[[dict], None] = lambda frame: None
        self.slices = (Decimal(1),)  # in which parts a market order trades
        self.paused = False  # parts after the first wait for ``go_on``
        self.renames = "same"  # what a stop becomes: the "same" order, "another" of its name, or a "nameless" one
        self._waiting: list[Callable[[], None]] = []
        self._numbers = itertools.count(1)

    def name(self):
        """A name that nothing has yet."""
        return str(UUID(int=next(self._numbers) << 96 | 0xC7C7))

    def send(self, asked):
        """Take an order in: it, and what happened to it at once."""
        if asked["symbol"] not in self.rules:
            raise Refused("invalidArgument")
        order = Order(asked, self.name(), self.now_ms())
        step = Decimal(1).scaleb(-self.rules[order.symbol]["contractValueTradePrecision"])
        last = self.price[order.symbol]
        if order.link and any(one.link == order.link for one in self.orders.values()):
            raise Refused("clientOrderIdAlreadyExist")
        if order.size <= 0 or order.size % step:
            raise Refused("invalidSize")
        if order.reduces and not order.stop and self.held[order.symbol].size * order.side >= 0:
            raise Refused("wouldNotReducePosition")
        if not order.reduces and order.size * last > self.cash * 50:
            raise Refused("insufficientAvailableFunds")
        if order.type == "post" and order.side * (order.limit - last) >= 0:
            raise Refused("postWouldExecute")
        self.orders[order.name] = order
        if order.stop:
            self._note("OrderTriggerPlaced", order, "new_user_order")
            self._tell(order, "new_placed_order_by_user")
            return order, [{"type": "PLACE", "orderTrigger": order.body()}]
        if order.limit and order.side * (order.limit - last) < 0:
            self._note("OrderPlaced", order, "new_user_order")
            self._tell(order, "new_placed_order_by_user")
            return order, [{"type": "PLACE", "order": order.body(), "reducedQuantity": None}]
        prior = order.body()
        done = self._take(order)
        return order, [
            {"type": "EXECUTION", "executionId": fill["fill_id"], "price": fill["price"], "amount": fill["qty"]}
            | {"orderPriorExecution": prior, "orderPriorEdit": None, "takerReducedQuantity": None}
            for fill in done
        ]

    def cancel(self, asked):
        """What becomes of a cancel: its word, and the order."""
        order = next((one for one in self.orders.values() if _is_named(one, asked)), None)
        if order is None or not order.is_open:
            return ("filled" if order is not None and order.status == "FULLY_EXECUTED" else "notFound"), order
        self._end(order, "CANCELLED", "cancelled_by_user")
        return "cancelled", order

    def cancel_all(self, reason="dead_man_switch"):
        """Every open order ends."""
        for order in [one for one in self.orders.values() if one.is_open]:
            self._end(order, "CANCELLED", reason)

    def move(self, symbol, price):
        """The last price moves there; what it reaches is triggered or filled."""
        self.price[symbol] = last = Decimal(price)
        for order in [one for one in self.orders.values() if one.symbol == symbol and one.is_open]:
            if order.stop:
                rising = (order.side > 0) is (order.type == "stp")
                if last >= order.stop if rising else last <= order.stop:
                    self._trigger(order)
            elif order.side * (order.limit - last) > 0:
                self._fill(order, order.left, order.limit, "maker")

    def go_on(self):
        """Trade the next part of what waits."""
        waiting, self._waiting = self._waiting, []
        for part in waiting:
            part()

    def by_hand(self, symbol, signed, kind="taker"):
        """Somebody else trades on the account: a person, or the exchange itself."""
        asked = {"symbol": symbol, "side": "buy" if Decimal(signed) > 0 else "sell", "orderType": "mkt"}
        order = Order(asked | {"size": str(abs(Decimal(signed)))}, self.name(), self.now_ms())
        self.orders[order.name] = order
        self._fill(order, order.size, self.price[symbol], kind)

    def fund(self, symbol, amount):
        """Pay (negative) or receive funding."""
        self._book("funding rate change", amount, symbol, realized_funding=float(amount))

    def transfer(self, amount, kind="cross-exchange transfer"):
        """Move cash in or out, or for another reason."""
        self._book(kind, amount)

    def position(self, symbol):
        """A row of ``openpositions``."""
        held = self.held[symbol]
        row = {"side": "long" if held.size > 0 else "short", "symbol": symbol, "price": float(held.price)}
        return row | {"fillTime": dated(self.now_ms()), "size": float(abs(held.size)), "unrealizedFunding": 0.0}

    def _trigger(self, order):
        """What waited becomes an order: the same, another of its name, or one without."""
        self._note("OrderTriggerActivated", order, "stop_order_triggered")
        self.told({"feed": "open_orders", "order_id": order.name, "is_cancel": True, "reason": "stop_order_triggered"})
        if self.renames == "same":
            order.status, order.type, order.stop, born = "ENTERED_BOOK", "mkt", ZERO, order
        else:
            order.status, order.reason = "CANCELLED", "STOP_ORDER_TRIGGERED"
            asked = {"symbol": order.symbol, "side": "buy" if order.side > 0 else "sell", "orderType": "mkt"}
            asked |= {"size": str(order.left), "reduceOnly": "true" if order.reduces else "false"}
            asked |= {"cliOrdId": order.link} if self.renames == "another" else {}
            born = Order(asked, self.name(), self.now_ms())
            self.orders[born.name] = born
        self._take(born)

    def _take(self, order):
        """Trade at the last price, in parts; what only reduces is cut to what is held, the rest cancelled."""
        whole = order.left
        if order.reduces:
            whole = min(whole, max(ZERO, -order.side * self.held[order.symbol].size))
        if not whole:
            self._end(order, "CANCELLED", "would_not_reduce_position")
            return []
        step = Decimal(1).scaleb(-self.rules[order.symbol]["contractValueTradePrecision"])
        parts = [(whole * part // step) * step for part in self.slices]
        parts[-1] = whole - sum(parts[:-1])
        return self._trade_parts(order, [part for part in parts if part])

    def _trade_parts(self, order, parts):
        done = [self._fill(order, parts[0], self.price[order.symbol], "taker", is_last=len(parts) == 1)]
        if len(parts) > 1 and self.paused:
            self._waiting.append(lambda: self._trade_parts(order, parts[1:]))
        elif len(parts) > 1:
            done += self._trade_parts(order, parts[1:])
        elif order.left:
            self._end(order, "CANCELLED", "ioc_order_failed_because_it_would_not_be_executed")
        return done

    def _fill(self, order, size, price, kind, *, is_last=True):
        at_ms = order.at_ms = self.now_ms()
        fee = size * price * (MAKER if kind == "maker" else TAKER)
        realised = self.held[order.symbol].trade(order.side * size, price)
        order.filled += size
        fill = {"instrument": order.symbol, "time": at_ms, "price": float(price), "seq": len(self.fills)}
        fill |= {"buy": order.side > 0, "qty": float(size), "remaining_order_qty": float(order.left)}
        fill |= {"order_id": order.name, "fill_id": self.name(), "fill_type": kind, "fee_paid": float(fee)}
        fill |= {"fee_currency": "USD", "taker_order_type": "ioc", "order_type": WORDS[order.type]}
        fill |= {"cli_ord_id": order.link} if order.link else {}
        self.fills.append(fill)
        log = {"liquidation": "futures liquidation", "unwindCounterparty": "futures unwind counterparty"}
        self.told({"feed": "fills", "username": "u", "fills": [fill]})
        more = {"at_ms": at_ms, "execution": fill["fill_id"], "fee": float(fee), "realized_pnl": float(realised)}
        self._book(log.get(kind, "futures trade"), realised - fee, order.symbol, **more)
        if not order.left:
            self._end(order, "FULLY_EXECUTED", "full_fill", is_silent=order.type == "mkt")
        elif order.type != "mkt" or not is_last:
            self._note("OrderUpdated", order, "partial_fill")
            if order.type != "mkt":
                self._tell(order, "partial_fill")
        return fill

    def _end(self, order, status, reason, *, is_silent=False):
        was_waiting = order.status == "TRIGGER_PLACED"
        order.status, order.reason, order.at_ms = status, reason.upper(), self.now_ms()
        if status == "FULLY_EXECUTED":
            self._note("OrderPlaced" if is_silent else "OrderUpdated", order, reason)
        else:
            self._note("OrderTriggerCancelled" if was_waiting else "OrderCancelled", order, reason)
        if not is_silent:  # what never rested is not listed as open, and its end is not told
            frame = {"feed": "open_orders", "order_id": order.name, "is_cancel": True, "reason": reason}
            self.told(frame | ({"cli_ord_id": order.link} if order.link else {}))

    def _tell(self, order, reason):
        self.told({"feed": "open_orders", "order": order.frame(), "is_cancel": False, "reason": reason})

    def _note(self, kind, order, reason):
        body = {"newOrder": order.past(), "oldOrder": order.past()} if kind == "OrderUpdated" else {}
        body |= {} if body else {"order": order.past()}
        element = {"uid": self.name(), "timestamp": str(self.now_ms()), "event": {kind: body | {"reason": reason}}}
        self.past.append(element)

    def _book(self, info, amount, symbol="", at_ms=None, **more):
        before = self.cash
        self.cash += Decimal(str(amount))
        plain = dict.fromkeys(("execution", "fee", "realized_pnl", "realized_funding", "trade_price", "mark_price"))
        entry = plain | {"id": len(self.log) + 1, "date": dated(at_ms or self.now_ms()), "asset": "usd", "info": info}
        entry |= {"booking_uid": self.name(), "margin_account": "flex", "contract": symbol.lower() or None}
        entry |= {"old_balance": float(before), "new_balance": float(self.cash)} | more
        self.log.append(entry)
        self.told({"feed": "account_log", "new_entry": entry})
        if "execution" in more:  # the other leg: the position
            leg = entry | {"id": len(self.log) + 1, "asset": symbol.lower(), "realized_pnl": None, "fee": None}
            self.log.append(leg | {"old_balance": 0.0, "new_balance": float(self.held[symbol].size)})
            self.told({"feed": "account_log", "new_entry": self.log[-1]})


def _is_named(order, asked):
    return asked.get("order_id") == order.name or (asked.get("cliOrdId") or None) == order.link
