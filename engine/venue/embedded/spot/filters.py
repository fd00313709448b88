"""What a spot request must satisfy before it is an order, with the exchange's own codes; the first objection wins.

text --read--> Draft (integers) --filters--> None | Refusal(-1013, "Filter failure: NAME")
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.spot.orders import MARKET, PRICED, STOPS, TAKES, TIMED, TYPES, PlaceSpot

TIMES_IN_FORCE = ("GTC", "IOC", "FOK")
SELF_TRADE_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
CLIENT_ID_MAX = 36
ORDERS_MAX, STOPS_MAX = 200, 5
NOTIONAL_MIN = 5 * E8
NOTIONAL_MAX = 9_000_000 * E8
MULTIPLIER_UP, MULTIPLIER_DOWN = 5, 5  # a price lies between a fifth and five times the average
DIGITS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request whose numbers are ticks, lots and minor units; 0: not given."""

    listing: Listing
    request: PlaceSpot
    lots: int
    quote_wanted: int
    price_ticks: int
    stop_ticks: int


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
        "stopPrice": (request.stop_price, stopped),
    }
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
    if draft.stop_ticks and stops_count >= STOPS_MAX:
        return failure("MAX_NUM_ALGO_ORDERS")
    return None


def described(listing: Listing) -> list[dict[str, object]]:
    """The filters as exchangeInfo shows them."""
    price, quantity = listing.price_text, listing.quantity_text
    lot = {"minQty": quantity(listing.lots_min), "maxQty": quantity(listing.lots_max), "stepSize": quantity(1)}
    market = {"minQty": "0.00000000", "maxQty": quantity(listing.market_lots_max), "stepSize": "0.00000000"}
    prices = {"minPrice": price(listing.ticks_min), "maxPrice": price(listing.ticks_max), "tickSize": price(1)}
    up, down = str(MULTIPLIER_UP), str(Decimal(1) / MULTIPLIER_DOWN)
    sides = {f"{side}Multiplier{way}": by for side in ("bid", "ask") for way, by in (("Up", up), ("Down", down))}
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
        {"filterType": "PERCENT_PRICE_BY_SIDE", **sides, "avgPriceMins": 5},
        {"filterType": "NOTIONAL", **notional},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": ORDERS_MAX},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": STOPS_MAX},
    ]
