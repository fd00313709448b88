"""The REST paths of spot: what each does, who may ask, and what it weighs."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.venue.embedded.directory import KEYED, OPEN, Directory, Route
from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.signing import LISTEN_KEY_ABSENT, ListenKeys, wall_ms
from engine.venue.embedded.spot import quotations as quote
from engine.venue.embedded.spot.baskets import SpotBaskets
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.streams import SpotStreams
from engine.venue.embedded.spot.trading import SpotTrading

Answering = Callable[[str, Parameters], Any]


class SpotRoutes:
    """Makes the table."""

    def __init__(self, spot: SpotExchange, streams: SpotStreams, listen_keys: ListenKeys) -> None:
        self._spot, self._streams, self._listen_keys = spot, streams, listen_keys
        self._orders = 0

    def table(self) -> Directory:
        """Every path of spot."""
        return self._public() | self._private() | self._old_user_streams() | self._elsewhere()

    def _public(self) -> Directory:
        spot = self._spot
        paths: dict[str, tuple[Answering, int]] = {
            "ping": (lambda _, __: {}, 1),
            "time": (lambda _, __: {"serverTime": wall_ms()}, 1),
            "exchangeInfo": (lambda _, given: quote.exchange_info(spot, given, wall_ms()), 20),
            "klines": (lambda _, given: quote.klines(spot, given), 2),
            "uiKlines": (lambda _, given: quote.klines(spot, given), 2),
            "depth": (self.depth, 5),
            "trades": (lambda _, given: quote.trades(spot, given), 25),
            "historicalTrades": (lambda _, given: quote.trades(spot, given), 25),
            "aggTrades": (lambda _, given: quote.aggregate_trades(spot, given), 4),
            "avgPrice": (lambda _, given: quote.average_price(spot, given), 2),
            "ticker/24hr": (quote.each(spot, quote.day_statistics), 2),
            "ticker/price": (quote.each(spot, quote.last_price), 2),
            "ticker/bookTicker": (quote.each(spot, quote.book_ticker), 2),
            "ticker/tradingDay": (quote.each(spot, quote.window_statistics), 4),
            "ticker": (quote.each(spot, quote.window_statistics), 4),
        }
        return {("GET", f"/api/v3/{path}"): Route(answer, OPEN, weight) for path, (answer, weight) in paths.items()}

    def _private(self) -> Directory:
        trading, baskets = SpotTrading(self._spot), SpotBaskets(self._spot)
        told = partial(partial, self._told)
        routes: Directory = {
            ("POST", "order"): Route(told(trading.place), orders=1),
            ("GET", "order"): Route(trading.query, weight=4),
            ("DELETE", "order"): Route(told(trading.cancel)),
            ("POST", "order/test"): Route(trading.test),
            ("POST", "order/cancelReplace"): Route(told(trading.replace), orders=1),
            ("GET", "openOrders"): Route(trading.open_orders, weight=6),
            ("DELETE", "openOrders"): Route(told(trading.cancel_all)),
            ("GET", "allOrders"): Route(trading.all_orders, weight=20),
            ("GET", "myTrades"): Route(trading.my_trades, weight=20),
            ("GET", "account"): Route(trading.account, weight=20),
            ("GET", "account/commission"): Route(trading.commission, weight=20),
            ("GET", "rateLimit/order"): Route(lambda _, __: quote.counts(0, self._orders), weight=40),
            ("GET", "myPreventedMatches"): Route(lambda _, __: [], weight=20),
            ("PUT", "order/amend/keepPriority"): Route(told(trading.amend), weight=4),
            ("GET", "order/amendments"): Route(trading.amendments, weight=4),
            ("POST", "orderList/oco"): Route(told(baskets.place_oco), orders=2),
            ("POST", "orderList/oto"): Route(told(baskets.place_oto), orders=2),
            ("POST", "orderList/otoco"): Route(told(baskets.place_otoco), orders=3),
            ("POST", "order/oco"): Route(told(baskets.place_old_oco), orders=2),
            ("DELETE", "orderList"): Route(told(baskets.cancel)),
            ("GET", "orderList"): Route(baskets.query, weight=4),
            ("GET", "openOrderList"): Route(baskets.open_lists, weight=6),
            ("GET", "allOrderList"): Route(baskets.all_lists, weight=20),
        }
        return {(method, f"/api/v3/{path}"): route for (method, path), route in routes.items()}

    def _old_user_streams(self) -> Directory:
        path = "/api/v3/userDataStream"
        return {
            ("POST", path): Route(self.open_listen_key, KEYED),
            ("PUT", path): Route(self.prolong_listen_key, KEYED),
            ("DELETE", path): Route(self.close_listen_key, KEYED),
        }

    def _elsewhere(self) -> Directory:
        # What clients ask of the wallet while they load markets.
        return {
            ("GET", "/sapi/v1/capital/config/getall"): Route(lambda _, __: []),
            ("GET", "/sapi/v1/margin/allPairs"): Route(lambda _, __: [], KEYED),
            ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(lambda _, __: [], KEYED),
            ("GET", "/sapi/v1/asset/tradeFee"): Route(self._fees),
        }

    def _told(self, answer: Answering, account: str, given: Parameters) -> Any:
        """Answer, and tell what that caused, whether it went well or not."""
        self._orders += 1
        try:
            return answer(account, given)
        finally:
            self._streams.settle()

    def depth(self, _: str, given: Parameters) -> Any:
        """GET depth."""
        listing, limit = given.listing(), given.limit(100, 5000)
        update_id, bids, asks = self._streams.snapshot(listing.id)
        return {"lastUpdateId": update_id, "bids": bids[:limit], "asks": asks[:limit]}

    def open_listen_key(self, account: str, _: Parameters) -> Any:
        """POST userDataStream."""
        return {"listenKey": self._listen_keys.open(account, time.monotonic_ns())}

    def prolong_listen_key(self, account: str, _: Parameters) -> Any:
        """PUT userDataStream."""
        if self._listen_keys.prolong(account, time.monotonic_ns()) is None:
            raise RefusedError(LISTEN_KEY_ABSENT)
        return {}

    def close_listen_key(self, account: str, _: Parameters) -> Any:
        """DELETE userDataStream."""
        self._listen_keys.close(account)
        return {}

    def _fees(self, account: str, given: Parameters) -> Any:
        rate = f"{self._spot.fee_ppm / 1e6:.8f}"
        listings, _ = quote.symbols(self._spot, given)
        assert account, "it is a signed path"
        return [{"symbol": one.id, "makerCommission": rate, "takerCommission": rate} for one in listings]
