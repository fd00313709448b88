"""What a spot request must satisfy before it is an order, with the exchange's own codes; the first objection wins.

text --read--> Draft (integers) --filters--> None | Refusal(-1013, "Filter failure: NAME")
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.spot.orders import (
    LIMIT_MAKER,
    MARKET,
    PRICED,
    STOPS,
    TAKES,
    TIMED,
    TYPES,
    PlaceSpot,
)

TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
CLIENT_ID_MAX = 36
ORDERS_MAX, STOPS_MAX = 200, 5
NOTIONAL_MIN = 5 * E8
NOTIONAL_MAX = 9_000_000 * E8
MULTIPLIER_UP, MULTIPLIER_DOWN = 5, 5  # a price lies between a fifth and five times the average
DIGITS_MAX = 8
LISTS_MAX, AMENDS_MAX = 20, 10
TRAILING_MIN, TRAILING_MAX = 10, 2_000  # hundredths of a percent
BAD_PRICES = Refusal(-2010, "The relationship of the prices for the orders is not correct.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request whose numbers are ticks, lots and minor units; 0: not given."""

    listing: Listing
    request: PlaceSpot
    lots: int
    quote_wanted: int
    price_ticks: int
    stop_ticks: int

    @property
    def waits(self) -> bool:
        """Whether it waits for a price before it works."""
        return bool(self.stop_ticks or self.request.trailing)


def failure(name: str) -> Refusal:
    """Return the refusal of the filter ``name``."""
    return Refusal(-1013, f"Filter failure: {name}")


def read(request: PlaceSpot, listing: Listing) -> Draft | Refusal:
    """The request in integers; refused when a parameter is missing, superfluous or off its grid."""
    if objection := _objection_to_shape(request):
        return objection
    names = {
        "quantity": request.quantity,
        "quoteOrderQty": request.quote_quantity,
        "price": request.price,
        "stopPrice": request.stop_price,
    }
    values: dict[str, Decimal] = {}
    for name, text in names.items():
        value = _value(name, text)
        if isinstance(value, Refusal):
            return value
        values[name] = value
    price, stop = _ticks(values["price"], listing), _ticks(values["stopPrice"], listing)
    if price is None or stop is None:
        return failure("PRICE_FILTER")
    lots = listing.lots(str(values["quantity"]))
    if lots is None:
        return failure("LOT_SIZE")
    return Draft(
        listing=listing,
        request=request,
        lots=lots,
        quote_wanted=int(values["quoteOrderQty"] * E8),
        price_ticks=price,
        stop_ticks=stop,
    )


def _objection_to_shape(request: PlaceSpot) -> Refusal | None:
    """Which parameters the type needs, and which it does not take."""
    if request.type not in TYPES:
        return Refusal(-1116, "Invalid orderType.")
    if request.side not in (1, -1):
        return Refusal(-1117, "Invalid side.")
    if request.self_trade not in SELF_TRADE_MODES:
        return Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    if len(request.client_id) > CLIENT_ID_MAX:
        return Refusal(-1100, "Illegal characters found in parameter 'newClientOrderId'.")
    stopped = request.type in (*STOPS, *TAKES)
    by_quote = request.type == MARKET and request.quote_quantity is not None
    wanted = {
        "timeInForce": (request.time_in_force, request.type in TIMED),
        "quantity": (request.quantity, not by_quote),
        "quoteOrderQty": (request.quote_quantity, by_quote),
        "price": (request.price, request.type in PRICED),
        "stopPrice": (request.stop_price, stopped and not request.trailing),
    }
    if request.trailing:
        if not stopped:
            return Refusal(-1106, "Parameter 'trailingDelta' sent when not required.")
        if not TRAILING_MIN <= request.trailing <= TRAILING_MAX:
            return failure("TRAILING_DELTA")
        del wanted["stopPrice"]  # it may be there or not
    elif stopped and not request.stop_price:
        return Refusal(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!")
    for name, (value, needed) in wanted.items():
        if needed and not value:
            return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        if value and not needed:
            return Refusal(-1106, f"Parameter '{name}' sent when not required.")
    if request.time_in_force and request.time_in_force not in TIMES_IN_FORCE:
        return Refusal(-1115, "Invalid timeInForce.")
    return None


def _value(name: str, text: str | None) -> Decimal | Refusal:
    if not text:
        return Decimal(0)
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        return Refusal(-1100, f"Illegal characters found in parameter '{name}'.")
    if -int(value.normalize().as_tuple().exponent) > DIGITS_MAX:
        return Refusal(-1111, f"Parameter '{name}' has too much precision.")
    return value if value > 0 else Refusal(-1013, f"Invalid {name}.")


def _ticks(value: Decimal, listing: Listing) -> int | None:
    ticks = listing.ticks(str(value))
    return ticks if ticks == 0 or (ticks and listing.ticks_min <= ticks <= listing.ticks_max) else None


def objection(draft: Draft, average_ticks: int, open_count: int, stops_count: int) -> Refusal | None:
    """Return what the symbol's filters have against the order, given the average price and the orders there are."""
    listing, request = draft.listing, draft.request
    if draft.price_ticks and not (
        average_ticks <= draft.price_ticks * MULTIPLIER_DOWN and draft.price_ticks <= average_ticks * MULTIPLIER_UP
    ):
        return failure("PERCENT_PRICE_BY_SIDE")
    if draft.lots and not listing.lots_min <= draft.lots <= listing.lots_max:
        return failure("LOT_SIZE")
    if request.type == MARKET and draft.lots > listing.market_lots_max:
        return failure("MARKET_LOT_SIZE")
    ticks = draft.price_ticks or draft.stop_ticks or average_ticks
    worth = draft.quote_wanted or listing.notional(ticks, draft.lots)
    if worth < NOTIONAL_MIN or (worth > NOTIONAL_MAX and request.type != MARKET):
        return failure("NOTIONAL")
    if open_count >= ORDERS_MAX:
        return failure("MAX_NUM_ORDERS")
    if draft.waits and stops_count >= STOPS_MAX:
        return failure("MAX_NUM_ALGO_ORDERS")
    return None


def objection_to_pair(above: Draft, below: Draft, last_ticks: int) -> Refusal | None:
    """Return what is wrong with the two orders of an OCO: their types, or where their prices lie."""
    buys, limits = above.request.side > 0, (LIMIT_MAKER, *TAKES)
    for draft in (above, below):
        if draft.request.type not in (LIMIT_MAKER, *STOPS, *TAKES):
            return Refusal(-1158, "Order type not supported in OCO.")
    takes, stops = (below, above) if buys else (above, below)
    if above.request.type == below.request.type == LIMIT_MAKER:
        return Refusal(-1168, "At least one OCO order must be contingent.")
    word = "buy" if buys else "sell"
    if takes.request.type in STOPS and stops.request.type in limits:
        at = "above" if buys else "below"
        return Refusal(-1196 if buys else -1197, f"A stop loss order in a {word} OCO must be {at}.")
    if stops.request.type not in STOPS:
        at = "below" if buys else "above"
        if stops.request.type == LIMIT_MAKER:
            return Refusal(-1165 if buys else -1166, f"A limit order in a {word} OCO must be {at}.")
        return Refusal(-1198 if buys else -1199, f"A take profit order in a {word} OCO must be {at}.")
    if takes.request.type not in limits:
        return Refusal(-1158, "Order type not supported in OCO.")
    high, low = (_pivot(above), _pivot(below))
    if (high is not None and high <= last_ticks) or (low is not None and low >= last_ticks):
        return BAD_PRICES
    return None


def _pivot(draft: Draft) -> int | None:
    """The price that counts for where an order of an OCO lies; none where it only trails."""
    return draft.stop_ticks or (None if draft.request.trailing else draft.price_ticks)


def described(listing: Listing) -> list[dict[str, object]]:
    """The filters as exchangeInfo shows them."""
    price, quantity = listing.price_text, listing.quantity_text
    lot = {"minQty": quantity(listing.lots_min), "maxQty": quantity(listing.lots_max), "stepSize": quantity(1)}
    market = {"minQty": "0.00000000", "maxQty": quantity(listing.market_lots_max), "stepSize": "0.00000000"}
    prices = {"minPrice": price(listing.ticks_min), "maxPrice": price(listing.ticks_max), "tickSize": price(1)}
    up, down = str(MULTIPLIER_UP), str(Decimal(1) / MULTIPLIER_DOWN)
    sides = {f"{side}Multiplier{way}": by for side in ("bid", "ask") for way, by in (("Up", up), ("Down", down))}
    trailing = {
        f"{bound}Trailing{way}Delta": value
        for way in ("Above", "Below")
        for bound, value in (("min", TRAILING_MIN), ("max", TRAILING_MAX))
    }
    notional = {
        "minNotional": f"{NOTIONAL_MIN // E8}.00000000",
        "applyMinToMarket": True,
        "maxNotional": f"{NOTIONAL_MAX // E8}.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    }
    return [
        {"filterType": "PRICE_FILTER", **prices},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MARKET_LOT_SIZE", **market},
        {"filterType": "TRAILING_DELTA", **trailing},
        {"filterType": "PERCENT_PRICE_BY_SIDE", **sides, "avgPriceMins": 5},
        {"filterType": "NOTIONAL", **notional},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": ORDERS_MAX},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": LISTS_MAX},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": STOPS_MAX},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": AMENDS_MAX},
    ]
