"""Which path of the futures API does what, who may ask, and what it weighs.

(method, path) --> Route(answer, access, weight, orders)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.venue.embedded import quotations as quote
from engine.venue.embedded.amendments import Amendments, Baskets, Countdowns
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.limits import Limits
from engine.venue.embedded.parameters import Parameters, refuse
from engine.venue.embedded.trading import Trading

OPEN, KEYED, SIGNED = "open", "keyed", "signed"
BATCH_ORDERS = 5

Answer = Callable[[str, Parameters], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """What one method of one path does; ``answer`` takes account and parameters."""

    answer: Answer
    access: str = SIGNED
    weight: int = 1
    orders: int = 0  # new orders that it counts as


Directory = dict[tuple[str, str], Route]


@dataclass(frozen=True, slots=True)
class Sources:
    """What the routes ask; ``wall_ms`` is the machine's time."""

    exchange: Exchange
    trading: Trading
    countdowns: Countdowns
    limits: Limits
    depth: Answer
    wall_ms: Callable[[], int]


def public(sources: Sources) -> Directory:
    """Routes that anybody may take."""
    exchange = sources.exchange

    def each(written: Callable[..., Any]) -> Answer:
        def answer(_: str, parameters: Parameters) -> Any:
            rows = [written(exchange, listing) for listing in parameters.listings()]
            return rows[0] if "symbol" in parameters else rows

        return answer

    def asked(written: Callable[..., Any]) -> Answer:
        return lambda _, given: written(exchange, given)

    def marks(name: str) -> Answer:
        return lambda _, given: quote.mark_klines(exchange, given, name)

    def info(_: str, __: Parameters) -> Any:
        return quote.exchange_info(exchange, sources.wall_ms(), sources.limits.described())

    paths: dict[str, tuple[Answer, int]] = {
        "v1/ping": (lambda _, __: {}, 1),
        "v1/time": (lambda _, __: {"serverTime": sources.wall_ms()}, 1),
        "v1/exchangeInfo": (info, 1),
        "v1/klines": (asked(quote.klines), 5),
        "v1/continuousKlines": (asked(quote.continuous_klines), 5),
        "v1/markPriceKlines": (marks("symbol"), 5),
        "v1/indexPriceKlines": (marks("pair"), 5),
        "v1/premiumIndexKlines": (asked(quote.premium_klines), 5),
        "v1/depth": (sources.depth, 5),
        "v1/trades": (asked(quote.trades), 5),
        "v1/historicalTrades": (asked(quote.trades), 20),
        "v1/aggTrades": (asked(quote.aggregate_trades), 20),
        "v1/ticker/24hr": (each(quote.day_statistics), 1),
        "v1/ticker/price": (each(quote.price), 1),
        "v2/ticker/price": (each(quote.price), 1),
        "v1/ticker/bookTicker": (each(quote.book_ticker), 2),
        "v1/premiumIndex": (each(quote.premium_index), 1),
        "v1/fundingRate": (asked(quote.funding_rates), 1),
        "v1/fundingInfo": (lambda _, __: [], 1),
        "v1/constituents": (asked(quote.constituents), 2),
    }
    return {("GET", f"/fapi/{path}"): Route(answer, OPEN, weight) for path, (answer, weight) in paths.items()}


def private(sources: Sources) -> Directory:
    """Routes of an account: orders."""
    trading, countdowns = sources.trading, sources.countdowns
    amendments = Amendments(sources.exchange, trading)
    baskets = Baskets(sources.exchange, trading, amendments)
    routes: Directory = {
        ("GET", "v1/order"): Route(trading.query),
        ("POST", "v1/order"): Route(trading.place, weight=0, orders=1),
        ("PUT", "v1/order"): Route(amendments.modify, orders=1),
        ("DELETE", "v1/order"): Route(trading.cancel),
        ("POST", "v1/order/test"): Route(trading.check),
        ("POST", "v1/batchOrders"): Route(baskets.place, weight=5, orders=BATCH_ORDERS),
        ("PUT", "v1/batchOrders"): Route(baskets.modify, weight=5, orders=BATCH_ORDERS),
        ("DELETE", "v1/batchOrders"): Route(baskets.cancel),
        ("GET", "v1/orderAmendment"): Route(amendments.history),
        ("GET", "v1/openOrder"): Route(trading.query_open),
        ("GET", "v1/openOrders"): Route(trading.open_orders),
        ("GET", "v1/allOrders"): Route(trading.all_orders, weight=5),
        ("GET", "v1/forceOrders"): Route(amendments.forced, weight=20),
        ("DELETE", "v1/allOpenOrders"): Route(trading.cancel_all),
        ("POST", "v1/countdownCancelAll"): Route(countdowns.arm, weight=10),
        ("GET", "v1/algoOrder"): Route(trading.query_algo),
        ("POST", "v1/algoOrder"): Route(trading.place_algo, weight=0, orders=1),
        ("DELETE", "v1/algoOrder"): Route(trading.cancel_algo),
        ("GET", "v1/openAlgoOrders"): Route(trading.open_algo_orders),
        ("GET", "v1/allAlgoOrders"): Route(trading.all_algo_orders, weight=5),
        ("DELETE", "v1/algoOpenOrders"): Route(trading.cancel_all_algo),
        ("GET", "v1/userTrades"): Route(trading.user_trades, weight=5),
    }
    return _under_fapi(routes | _money(trading) | _configuration(sources))


def _money(trading: Trading) -> Directory:
    return {
        ("GET", "v1/income"): Route(trading.income, weight=30),
        ("GET", "v2/balance"): Route(trading.balance, weight=5),
        ("GET", "v3/balance"): Route(trading.balance, weight=5),
        ("GET", "v2/account"): Route(trading.account, weight=5),
        ("GET", "v3/account"): Route(trading.account_held, weight=5),
        ("GET", "v2/positionRisk"): Route(trading.positions, weight=5),
        ("GET", "v3/positionRisk"): Route(trading.positions_held, weight=5),
        ("GET", "v1/adlQuantile"): Route(trading.quantiles, weight=5),
    }


def _configuration(sources: Sources) -> Directory:
    trading, orders = sources.trading, sources.limits.described()[1:]
    rate = {"makerCommissionRate": "0.000200", "takerCommissionRate": "0.000500", "rpiCommissionRate": "0"}
    single, burns = {"multiAssetsMargin": False}, dict[str, bool]()

    def burn(account: str, parameters: Parameters) -> Any:
        # Nobody holds the coin that fees would be paid in, so they go on being paid in the quote.
        parameters.text("feeBurn")
        burns[account] = parameters.truth("feeBurn")
        return {"code": 200, "msg": "success"}

    return {
        ("POST", "v1/leverage"): Route(trading.set_leverage),
        ("POST", "v1/marginType"): Route(trading.set_margin_type),
        ("POST", "v1/positionMargin"): Route(_no_isolated_margin),
        ("GET", "v1/positionMargin/history"): Route(lambda _, given: [given.listing()][:0]),
        ("GET", "v1/leverageBracket"): Route(trading.brackets),
        ("GET", "v1/symbolConfig"): Route(trading.symbol_configuration, weight=5),
        ("GET", "v1/accountConfig"): Route(trading.configuration, weight=5),
        ("GET", "v1/apiTradingStatus"): Route(trading.status),
        ("GET", "v1/rateLimit/order"): Route(lambda _, __: orders),
        ("GET", "v1/positionSide/dual"): Route(trading.position_side, weight=30),
        ("POST", "v1/positionSide/dual"): Route(trading.set_position_side),
        ("GET", "v1/multiAssetsMargin"): Route(lambda _, __: single, weight=30),
        ("POST", "v1/multiAssetsMargin"): Route(_no_assets_mode),
        ("GET", "v1/feeBurn"): Route(lambda account, _: {"feeBurn": burns.get(account, False)}, weight=30),
        ("POST", "v1/feeBurn"): Route(burn),
        ("GET", "v1/commissionRate"): Route(lambda _, given: {"symbol": given.listing().id} | rate, weight=20),
    }


# Play money cannot be withdrawn, and the server is reached from loopback alone.
KEY_RESTRICTIONS = {
    "ipRestrict": True,
    "createTime": 0,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": True,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableSpotAndMarginTrading": False,
    "enablePortfolioMarginTrading": False,
}


def elsewhere(wall_ms: Callable[[], int]) -> Directory:
    """What clients of futures ask of the spot hosts while they load markets."""
    return {
        ("GET", "/api/v3/ping"): Route(lambda _, __: {}, OPEN),
        ("GET", "/api/v3/time"): Route(lambda _, __: {"serverTime": wall_ms()}, OPEN),
        ("GET", "/sapi/v1/account/apiRestrictions"): Route(lambda _, __: KEY_RESTRICTIONS),
        ("GET", "/sapi/v1/capital/config/getall"): Route(lambda _, __: []),
        ("GET", "/sapi/v1/margin/allPairs"): Route(lambda _, __: [], KEYED),
        ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(lambda _, __: [], KEYED),
    }


def _under_fapi(routes: Directory) -> Directory:
    return {(method, f"/fapi/{path}"): route for (method, path), route in routes.items()}


def _no_isolated_margin(_: str, parameters: Parameters) -> Any:
    parameters.listing()
    parameters.text("amount")
    parameters.option("type", ("1", "2"), (-1130, "Data sent for parameter 'type' is not valid."))
    raise refuse(-4049, "Add margin only support for isolated position.")


def _no_assets_mode(_: str, parameters: Parameters) -> Any:
    if parameters.truth("multiAssetsMargin"):
        raise refuse(-4167, "Unable to adjust to Multi-Assets mode.")
    raise refuse(-4171, "No need to change Multi-Assets mode.")
