"""A Bybit of our own for tests: orders, executions, positions and cash as its v5 interface has them; no socket.

    create --> New, Untriggered, Cancelled (post-only would take) --> PartiallyFilled, Filled
    move(price) --> what it reaches is triggered or filled       every change is told as a private frame

Prices are what the test says.  Nothing of it is taken from the engine or the embedded exchange.
"""

import itertools
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

TAKER, MAKER = Decimal("0.00055"), Decimal("0.0002")
OPEN = ("New", "PartiallyFilled", "Untriggered")
ZERO = Decimal(0)


class RefusedError(Exception):
    """The exchange says no, by number."""

    def __init__(self, code, words):
        """Its number and its words."""
        super().__init__(words)
        self.code, self.words = code, words


def rules(symbol, tick, step):
    """A row of ``instruments-info``."""
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": step,
            "qtyStep": step,
            "postOnlyMaxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "copyTrading": "both",
        "isPreListing": False,
    }


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
        closing = min(abs(self.size), abs(signed))
        side = 1 if self.size > 0 else -1
        realised = side * closing * (price - self.price)
        self.size += signed
        if self.size * side < 0:
            self.price = price
        if not self.size:
            self.price = ZERO
        return realised


class Floor:
    """One unified account."""

    def __init__(self, now_ms: Callable[[], int], cash="10000"):
        """Two contracts, a deposit."""
        self.now_ms = now_ms
        self.rules = {"BTCUSDT": rules("BTCUSDT", "0.10", "0.001"), "ETHUSDT": rules("ETHUSDT", "0.01", "0.01")}
        self.price = {"BTCUSDT": Decimal("50000.0"), "ETHUSDT": Decimal("3000.00")}
        self.cash = Decimal(cash)
        self.orders: dict[str, dict] = {}
        self.executions: list[dict] = []
        self.log: list[dict] = []
        self.held = {name: Held() for name in self.rules}
        self.leverage = dict.fromkeys(self.rules, "5")
        self.hedged = False
        self.margin_mode = "REGULAR_MARGIN"
        self.others: list[dict] = []  # coins beside USDT
        self.told: Callable[[str, list], None] = lambda topic, rows: None
        self.slices = (Decimal(1),)  # in which parts a market order trades
        self.paused = False  # parts after the first wait for ``go_on``
        self._waiting: list[Callable[[], None]] = []
        self._numbers = itertools.count(1)

    def _name(self):
        return str(UUID(int=next(self._numbers) << 96 | 0xB7B7))

    def create(self, asked):
        """POST order/create: the row of the new order."""
        symbol, qty, link = asked["symbol"], Decimal(asked["qty"]), asked.get("orderLinkId", "")
        if link and any(order["orderLinkId"] == link for order in self.orders.values()):
            raise RefusedError(110072, "OrderLinkedID is duplicate")
        if qty <= 0 or qty % Decimal(self.rules[symbol]["lotSizeFilter"]["qtyStep"]):
            raise RefusedError(10001, "Qty invalid")
        if self.hedged or asked.get("positionIdx", 0):
            raise RefusedError(10001, "position idx not match position mode")
        side = 1 if asked["side"] == "Buy" else -1
        reduces = asked.get("reduceOnly") is True
        if reduces and "triggerPrice" not in asked and self.held[symbol].size * side >= 0:
            raise RefusedError(110017, "current position is zero, cannot fix reduce-only order qty")
        if "triggerPrice" in asked:
            self._check_trigger(asked)
        elif not reduces and qty * self.price[symbol] > self.cash * Decimal(self.leverage[symbol]):
            raise RefusedError(110007, "ab not enough for new order")
        order = self._row(asked)
        self.orders[order["orderId"]] = order
        return order

    def settle(self, order):
        """What becomes of a new order at once; told."""
        if order["triggerPrice"]:
            self._tell(order)
        elif order["orderType"] == "Market":
            self._take(order)
        else:
            side, limit, last = self._side(order), Decimal(order["price"]), self.price[order["symbol"]]
            if side * (limit - last) >= 0 and order["timeInForce"] == "PostOnly":
                order |= {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}
                self._tell(order)
            elif side * (limit - last) >= 0:
                self._take(order)
            else:
                self._tell(order)

    def cancel(self, asked):
        """POST order/cancel: the row of the order that has ended."""
        order = next((one for one in self.orders.values() if _is_named(one, asked)), None)
        if order is None or order["orderStatus"] not in OPEN:
            raise RefusedError(110001, "order not exists or too late to cancel")
        was_waiting = order["orderStatus"] == "Untriggered"
        order |= {"orderStatus": "Deactivated" if was_waiting else "Cancelled", "cancelType": "CancelByUser"}
        order["rejectReason"] = "EC_PerCancelRequest"
        return order

    def end(self, order):
        """Tell the end of a cancelled order."""
        self._tell(order)

    def move(self, symbol, price):
        """The last price moves there; what it reaches is triggered or filled."""
        self.price[symbol] = Decimal(price)
        for order in [one for one in self.orders.values() if one["symbol"] == symbol]:
            if order["orderStatus"] == "Untriggered":
                rising = order["triggerDirection"] == 1
                gone = self.price[symbol] - Decimal(order["triggerPrice"])
                if gone >= 0 if rising else gone <= 0:
                    order["orderStatus"] = "Triggered"
                    self._tell(order)
                    self._take(order)
            elif (
                order["orderStatus"] in OPEN and self._side(order) * (Decimal(order["price"]) - self.price[symbol]) > 0
            ):
                self.execute(order, self._left(order), Decimal(order["price"]), is_maker=True)

    def go_on(self):
        """Trade the next part of what waits."""
        waiting, self._waiting = self._waiting, []
        for part in waiting:
            part()

    def by_hand(self, symbol, signed, kind="Trade"):
        """Somebody else trades on the account: a person, or the exchange itself."""
        made = {"AdlTrade": "CreateByAdl_PassThrough", "BustTrade": "CreateByLiq"}.get(kind, "CreateByUser")
        asked = {"symbol": symbol, "side": "Buy" if Decimal(signed) > 0 else "Sell", "qty": str(abs(Decimal(signed)))}
        order = self._row(asked | {"orderType": "Market"}) | {"createType": made}
        self.orders[order["orderId"]] = order
        self.execute(order, Decimal(order["qty"]), self.price[symbol], is_maker=False, kind=kind)

    def fund(self, symbol, amount):
        """Pay (negative) or receive funding."""
        self.cash += Decimal(amount)
        at_ms = self.now_ms()
        self._log("SETTLEMENT", symbol, amount, at_ms)
        row = {
            "category": "linear",
            "symbol": symbol,
            "execType": "Funding",
            "execQty": str(abs(self.held[symbol].size)),
        }
        row |= {"execId": self._name(), "orderId": self._name(), "orderLinkId": "", "side": "Sell", "execFee": "0"}
        self.executions.append(row | {"execPrice": str(self.price[symbol]), "execTime": str(at_ms)})
        self.told("execution", [self.executions[-1]])

    def transfer(self, amount, kind=""):
        """Move cash in or out, or for another reason; no private frame names it."""
        self.cash += Decimal(amount)
        self._log(kind or ("TRANSFER_IN" if Decimal(amount) > 0 else "TRANSFER_OUT"), "", amount, self.now_ms())

    def execute(self, order, qty, price, *, is_maker, kind="Trade"):
        """Trade a part of an order."""
        symbol, side = order["symbol"], self._side(order)
        fee = qty * price * (MAKER if is_maker else TAKER)
        change = self.held[symbol].trade(side * qty, price) - fee
        self.cash += change
        at_ms = self.now_ms()  # one moment for the trade and for what the log says of it
        self._log({"Trade": "TRADE", "AdlTrade": "ADL", "BustTrade": "LIQUIDATION"}[kind], symbol, change, at_ms)
        order["cumExecQty"] = str(Decimal(order["cumExecQty"]) + qty)
        order["leavesQty"] = str(self._left(order))
        order["orderStatus"] = "PartiallyFilled" if self._left(order) else "Filled"
        row = {name: order[name] for name in ("category", "symbol", "side", "orderId", "orderLinkId", "orderType")}
        row |= {"execId": self._name(), "execType": kind, "execQty": str(qty), "execPrice": str(price)}
        row |= {"execFee": str(fee), "feeCurrency": "USDT", "isMaker": is_maker, "execTime": str(at_ms)}
        self.executions.append(row | {"leavesQty": order["leavesQty"], "seq": len(self.executions)})
        self.told("execution", [self.executions[-1]])
        self._tell(order)
        self.told("position", [self.position(symbol)])

    def position(self, symbol):
        """A row of ``position/list``."""
        held = self.held[symbol]
        side = {1: "Buy", 0: "", -1: "Sell"}[int(held.size.compare(ZERO))]
        return {
            "category": "linear",
            "symbol": symbol,
            "positionIdx": 1 if self.hedged else 0,
            "side": side,
            "size": str(abs(held.size)),
            "avgPrice": str(held.price),
            "entryPrice": str(held.price),
            "leverage": self.leverage[symbol],
            "tradeMode": 0,
            "positionStatus": "Normal",
        }

    def _check_trigger(self, asked):
        last, trigger = self.price[asked["symbol"]], Decimal(asked["triggerPrice"])
        assert asked["triggerBy"] == "LastPrice"
        if asked["triggerDirection"] == 1 and trigger <= last:
            raise RefusedError(110092, "expect Rising, but trigger_price <= current")
        if asked["triggerDirection"] == 2 and trigger >= last:
            raise RefusedError(110093, "expect Falling, but trigger_price >= current")

    def _row(self, asked):
        now = str(self.now_ms())
        return {
            "category": "linear",
            "symbol": asked["symbol"],
            "orderId": self._name(),
            "orderLinkId": asked.get("orderLinkId", ""),
            "side": asked["side"],
            "orderType": asked["orderType"],
            "timeInForce": asked.get("timeInForce", "GTC" if asked["orderType"] == "Limit" else "IOC"),
            "price": asked.get("price", ""),
            "qty": asked["qty"],
            "leavesQty": asked["qty"],
            "cumExecQty": "0",
            "orderStatus": "Untriggered" if "triggerPrice" in asked else "New",
            "rejectReason": "EC_NoError",
            "cancelType": "UNKNOWN",
            "reduceOnly": asked.get("reduceOnly") is True,
            "stopOrderType": "Stop" if "triggerPrice" in asked else "",
            "triggerPrice": asked.get("triggerPrice", ""),
            "triggerDirection": asked.get("triggerDirection", 0),
            "triggerBy": asked.get("triggerBy", ""),
            "createType": "CreateByUser",
            "positionIdx": 0,
            "createdTime": now,
            "updatedTime": now,
        }

    def _take(self, order):
        """Trade at the last price, in parts; what only reduces is cut to what is held, the rest cancelled."""
        symbol, side = order["symbol"], self._side(order)
        whole = self._left(order)
        if order["reduceOnly"]:
            whole = min(whole, max(ZERO, -side * self.held[symbol].size))
        if not whole:
            order |= {"orderStatus": "Cancelled", "rejectReason": "EC_NoImmediateQtyToFill"}
            self._tell(order)
            return
        step = Decimal(self.rules[symbol]["lotSizeFilter"]["qtyStep"])
        parts = [(whole * part // step) * step for part in self.slices]
        parts[-1] = whole - sum(parts[:-1])
        self._trade_parts(order, [part for part in parts if part])

    def _trade_parts(self, order, parts):
        self.execute(order, parts[0], self.price[order["symbol"]], is_maker=False)
        if len(parts) > 1 and self.paused:
            self._waiting.append(lambda: self._trade_parts(order, parts[1:]))
        elif len(parts) > 1:
            self._trade_parts(order, parts[1:])
        elif self._left(order):
            order |= {"orderStatus": "Cancelled", "rejectReason": "EC_NoImmediateQtyToFill"}
            self._tell(order)

    def _tell(self, order):
        order["updatedTime"] = str(self.now_ms())
        self.told("order", [dict(order)])

    def _log(self, kind, symbol, amount, at_ms):
        row = {"id": self._name(), "symbol": symbol, "type": kind, "currency": "USDT", "change": str(amount)}
        self.log.append(row | {"transactionTime": str(at_ms), "category": "linear" if symbol else ""})

    @staticmethod
    def _side(order):
        return 1 if order["side"] == "Buy" else -1

    @staticmethod
    def _left(order):
        return Decimal(order["qty"]) - Decimal(order["cumExecQty"])


def _is_named(order, asked):
    return asked.get("orderId") == order["orderId"] or (asked.get("orderLinkId") or None) == order["orderLinkId"]
