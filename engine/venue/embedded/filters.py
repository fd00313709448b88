"""What a request must satisfy before it is an order, with the exchange's own codes; the first objection wins.

text --read--> Draft (integers) --rules in order--> accepted | Refusal(code, message)
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from engine.venue.embedded.listing import Listing
from engine.venue.embedded.orders import (
    BOTH,
    CONDITIONAL,
    LEGS,
    LIMIT,
    MARKET,
    PREVENTIONS,
    PRICED,
    TRAILING_STOP_MARKET,
    PlaceOrder,
    Refusal,
)

TYPES = (LIMIT, MARKET, *CONDITIONAL)
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
PRICE_MATCHES = ("OPPONENT", "OPPONENT_5", "OPPONENT_10", "OPPONENT_20", "QUEUE", "QUEUE_5", "QUEUE_10", "QUEUE_20")
GOOD_TILL_MS_MAX, GOOD_TILL_MS_LEAST = 253_402_300_799_000, 600_000  # the end of 9999; ten minutes from now
PERCENT = 5  # that a limit may lie beyond the mark, against its own interest
CLIENT_ID_MAX = 36
CLIENT_ID_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request whose numbers are ticks and lots."""

    listing: Listing
    request: PlaceOrder
    lots: int
    price_ticks: int
    trigger_ticks: int
    trail_ppm: int = 0

    @property
    def good_till_ms(self) -> int:
        """When a GTD order ends; the exchange keeps whole seconds."""
        return self.request.good_till_ms // 1000 * 1000


def read(request: PlaceOrder, listing: Listing) -> Draft | Refusal:
    """The request in integers; refused when a number is missing, unreadable or off its grid."""
    conditional = request.type in CONDITIONAL
    if request.type not in TYPES:
        return Refusal(-1116, "Invalid orderType.")
    if request.side not in (1, -1):
        return Refusal(-1117, "Invalid side.")
    if request.time_in_force not in TIMES_IN_FORCE:
        return Refusal(-1115, "Invalid timeInForce.")
    if len(request.client_id) > CLIENT_ID_MAX or not CLIENT_ID_LETTERS.issuperset(request.client_id):
        return Refusal(-4015, "Client order id is not valid.")
    if request.close_position and not conditional:
        return Refusal(-4136, "Target strategy invalid for orderType MARKET,closePosition true.")
    if request.type in PRICED[1:] and request.time_in_force not in ("GTC", "GTD"):
        return Refusal(-1115, "Invalid timeInForce.")
    if objection := _leg_is_known(request) or _price_match_is_right(request):
        return objection
    if request.close_position and (request.quantity or request.reduce_only):
        return Refusal(-4137, "Quantity must be zero with closePosition equals true.")
    lots = 0 if request.close_position else _number("quantity", request.quantity, listing)
    is_pegged = request.price_match != "NONE"
    price = _number("price", request.price, listing) if request.type in PRICED and not is_pegged else 0
    trails = request.type == TRAILING_STOP_MARKET
    waits = conditional and not (trails and request.trigger_price is None)
    trigger = _number("activatePrice" if trails else "triggerPrice", request.trigger_price, listing) if waits else 0
    trail = _callback(request.callback_rate) if trails else 0
    for number in (lots, price, trigger, trail):
        if isinstance(number, Refusal):
            return number
    assert isinstance(lots, int)
    assert isinstance(price, int)
    assert isinstance(trigger, int)
    assert isinstance(trail, int)
    return Draft(listing=listing, request=request, lots=lots, price_ticks=price, trigger_ticks=trigger, trail_ppm=trail)


def _leg_is_known(request: PlaceOrder) -> Refusal | None:
    if request.leg not in LEGS:
        return Refusal(-4060, "Invalid position side.")
    return None if request.prevention in PREVENTIONS else Refusal(-5039, "Invalid self trade prevention mode")


def _price_match_is_right(request: PlaceOrder) -> Refusal | None:
    if request.price_match == "NONE":
        return None
    if request.price_match not in PRICE_MATCHES:
        return Refusal(-5037, "Invalid price match")
    if request.type not in PRICED:
        return Refusal(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT")
    return Refusal(-1106, "Parameter 'price' sent when not required.") if request.price else None


def good_till_is_far(draft: Draft, now_ns: int) -> Refusal | None:
    """A GTD order lives ten minutes of market time or longer; others name no date."""
    till_ms = draft.request.good_till_ms
    if draft.request.time_in_force != "GTD":
        return Refusal(-1106, "Parameter 'goodTillDate' sent when not required.") if till_ms else None
    if not till_ms:
        return Refusal(-1102, "Mandatory parameter 'goodTillDate' was not sent, was empty/null, or malformed.")
    if now_ns // 1_000_000 + GOOD_TILL_MS_LEAST < till_ms < GOOD_TILL_MS_MAX:
        return None
    return Refusal(
        -5040,
        "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than "
        f"{GOOD_TILL_MS_MAX} (UTC 9999-12-31 23:59:59)",
    )


def leg_is_the_accounts(request: PlaceOrder, *, is_hedged: bool) -> Refusal | None:
    """One-way accounts trade BOTH, hedged ones LONG and SHORT, which know by themselves what reduces."""
    if is_hedged != (request.leg != BOTH):
        return Refusal(-4061, "Order's position side does not match user's setting.")
    if is_hedged and request.reduce_only:
        return Refusal(-1106, "Parameter 'reduceonly' sent when not required.")
    return None


def _callback(text: str | None) -> int | Refusal:
    """A callback rate of 0.1 to 10 percent, in ppm."""
    try:
        rate = Decimal(text or "")
    except InvalidOperation:
        return Refusal(-1102, "Mandatory parameter 'callbackRate' was not sent, was empty/null, or malformed.")
    # NaN compares to nothing, so the range refuses it too.
    within = rate.is_finite() and Decimal("0.1") <= rate <= 10 and rate * 10 == int(rate * 10)
    return int(rate * 10_000) if within else Refusal(-2007, "Invalid callBack rate.")


def _number(name: str, text: str | None, listing: Listing) -> int | Refusal:
    if not text:
        return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        return Refusal(-1100, f"Illegal characters found in parameter '{name}'.")
    if name == "quantity":
        return _quantity(value, listing)
    steps = listing.ticks(text)
    if value <= 0:
        return Refusal(-4001, "Price less than 0.")
    if -int(value.as_tuple().exponent) > 8:
        return Refusal(-1111, "Precision is over the maximum defined for this asset.")
    if steps is None:
        return Refusal(-4014, "Price not increased by tick size.")
    if steps < listing.ticks_min:
        return Refusal(-4013, "Price less than min price.")
    return steps if steps <= listing.ticks_max else Refusal(-4002, "Price greater than max price.")


def _quantity(value: Decimal, listing: Listing) -> int | Refusal:
    steps = listing.lots(str(value))
    if value <= 0:
        return Refusal(-4003, "Quantity less than or equal to zero.")
    # A quantity with more digits than the contract has is a matter of precision, not of the step.
    return Refusal(-1111, "Precision is over the maximum defined for this asset.") if steps is None else steps


def lots_are_in_bounds(draft: Draft) -> Refusal | None:
    """LOT_SIZE for limit orders, MARKET_LOT_SIZE for those that take."""
    if draft.request.close_position:
        return None
    lots_max = draft.listing.lots_max if draft.request.type == LIMIT else draft.listing.market_lots_max
    if draft.lots < draft.listing.lots_min:
        return Refusal(-4004, "Quantity less than min quantity.")
    return Refusal(-4005, "Quantity greater than max quantity.") if draft.lots > lots_max else None


def notional_is_enough(draft: Draft, last_ticks: int) -> Refusal | None:
    """MIN_NOTIONAL; closing is always allowed."""
    if draft.request.reduce_only or draft.request.close_position:
        return None
    ticks = draft.price_ticks or draft.trigger_ticks or last_ticks
    if draft.listing.notional(ticks, draft.lots) >= draft.listing.notional_min:
        return None
    least = Decimal(draft.listing.notional_min) / 10**8
    return Refusal(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")


def price_is_near(draft: Draft, mark_ticks: int) -> Refusal | None:
    """PERCENT_PRICE: no bid far above the mark, no offer far below it."""
    listing, ticks = draft.listing, draft.price_ticks
    most, least = mark_ticks * (100 + PERCENT) // 100, -(-mark_ticks * (100 - PERCENT) // 100)
    if ticks and draft.request.side > 0 and ticks > most:
        return Refusal(-4016, f"Limit price can't be higher than {listing.price_text(most)}.")
    if ticks and draft.request.side < 0 and ticks < least:
        return Refusal(-4024, f"Limit price can't be lower than {listing.price_text(least)}.")
    return None
