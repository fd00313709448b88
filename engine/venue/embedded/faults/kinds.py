"""Every kind of fault: where it strikes, and what it does when nothing more is said.

CANDLE   a closed candle on its way to the listeners       STREAM   connections and what they carry
REQUEST  a request, before or after the exchange saw it    PRIVATE  an account's own events
ACT      something that happens to the account
"""

from dataclasses import dataclass, replace
from enum import StrEnum

SPOT_ORDER = "POST /api/v3/order"
ORDERS = ("POST /fapi/v1/order", "POST /fapi/v1/algoOrder", SPOT_ORDER)
CANCELS = ("DELETE /fapi/v1/order", "DELETE /fapi/v1/algoOrder", "DELETE /api/v3/order")
QUESTIONS = ("GET /fapi/v1/order", "GET /fapi/v1/algoOrder", "GET /api/v3/order")
# Where spot says the same with another code.
SPOT_REFUSALS = {
    "margin": (400, -2010, "Account has insufficient balance for requested action."),
    "would_trigger": (400, -2010, "Stop price would trigger immediately."),
    "filter": (400, -1013, "Filter failure: NOTIONAL"),
}


class Place(StrEnum):
    """Where a fault strikes, which is also what is counted until it does."""

    CANDLE = "closed candles"
    FORMING = "unfinished candles"
    DEPTH = "depth differences"
    REQUEST = "requests"
    PRIVATE = "private events"
    MINUTE = "market minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault."""

    place: Place
    text: str
    endpoints: tuple[str, ...] = ()  # of REQUEST, unless the fault names one
    seconds: float = 0.0  # that it lasts, unless the fault says
    value: str = ""  # what the fault may choose otherwise
    refusal: tuple[int, int, str] | None = None  # status, code, message
    reduces: bool | None = None  # only orders that do, or that do not


def _candle(text: str, value: str = "") -> Kind:
    return Kind(place=Place.CANDLE, text=text, value=value)


def _act(text: str, value: str = "", seconds: float = 0.0) -> Kind:
    return Kind(place=Place.MINUTE, text=text, value=value, seconds=seconds)


def _refusal(answer: tuple[int, int, str], endpoints: tuple[str, ...] = ORDERS, value: str = "") -> Kind:
    return Kind(place=Place.REQUEST, text=f"refused with {answer[1]}", endpoints=endpoints, refusal=answer, value=value)


KINDS: dict[str, Kind] = {
    # market data: what the stream shows
    "gap": _candle("the closed candle is not sent"),
    "duplicate": _candle("sent twice"),
    "late": _candle("sent after so many later ones", "2"),
    "out_of_order": _candle("changes places with the next one"),
    "corrected": _candle("first sent with another close and volume, corrected after the next one"),
    "nan": _candle("a price that is no number; value: what stands there instead", "NaN"),
    "absurd": _candle("every price times value", "10"),
    "truncated": _candle("the frame ends in its middle"),
    "huge": _candle("the frame is blown up to so many bytes", "6000000"),
    "wrong_symbol": _candle("value: the symbol that the frame names instead", "NOBODYUSDT"),
    "frozen": Kind(place=Place.CANDLE, text="the stream repeats its last frame", seconds=2.0),
    "unclosed": Kind(place=Place.FORMING, text="an unfinished candle is called closed"),
    "depth_break": Kind(place=Place.DEPTH, text="a difference is not sent"),
    "silent": _act("the streams of a symbol (or all) say nothing; pings are answered", seconds=3.0),
    "half_open": _act("the sockets neither say nor hear anything", seconds=3.0),
    "reconnect_storm": _act("every market connection is cut, again and again; value: pause in seconds", "0.3", 2.0),
    "maintenance": _act("everything is answered with 503, every connection is cut", seconds=2.0),
    # orders: what a request meets
    "request_lost": Kind(
        place=Place.REQUEST, text="dropped unseen; the connection breaks", endpoints=ORDERS, seconds=0.2
    ),
    "response_lost": Kind(place=Place.REQUEST, text="done; the connection breaks", endpoints=ORDERS, seconds=0.2),
    "landed_late": Kind(place=Place.REQUEST, text="the connection breaks; done later", endpoints=ORDERS, seconds=0.5),
    "server_error": Kind(place=Place.REQUEST, text="503; value: landed or lost", endpoints=ORDERS, value="landed"),
    "status_unknown": Kind(place=Place.REQUEST, text="-1007; value: landed or lost", endpoints=ORDERS, value="landed"),
    "fill_beats_cancel": Kind(
        place=Place.REQUEST, text="a cancel reaches the book late", endpoints=CANCELS, seconds=1.0
    ),
    "too_many": _refusal((429, -1003, "Too many requests; current limit is 2400 requests per minute."), value="1"),
    "banned": Kind(
        place=Place.REQUEST,
        text="418 to everything for so long",
        endpoints=ORDERS,
        seconds=1.0,
        refusal=(418, -1003, "Way too many requests; IP banned."),
    ),
    "clock": _refusal((400, -1021, "Timestamp for this request is outside of the recvWindow.")),
    "unknown_order": _refusal((400, -2011, "Unknown order sent."), CANCELS),
    "not_found": Kind(
        place=Place.REQUEST,
        text="-2013 to every question for so long: the copy that answers lags behind",
        endpoints=QUESTIONS,
        seconds=0.5,
        refusal=(400, -2013, "Order does not exist."),
    ),
    "margin": replace(
        _refusal((400, -2019, "Margin is insufficient."), ("POST /fapi/v1/order", SPOT_ORDER)), reduces=False
    ),
    "would_trigger": _refusal(
        (400, -2021, "Order would immediately trigger."), ("POST /fapi/v1/algoOrder", SPOT_ORDER)
    ),
    "reduce_only": replace(_refusal((400, -2022, "ReduceOnly Order is rejected.")), reduces=True),
    "filter": _refusal(
        (400, -4164, "Order's notional must be no smaller than 5."), ("POST /fapi/v1/order", SPOT_ORDER), "-4164"
    ),
    # orders: what the account hears
    "executions_duplicate": Kind(place=Place.PRIVATE, text="an execution is told twice"),
    "executions_out_of_order": Kind(place=Place.PRIVATE, text="an execution changes places with the next event"),
    "executions_lost": Kind(place=Place.PRIVATE, text="an execution is not told"),
    "user_stream_lost": _act("private events are not told, then the connection is cut", seconds=1.0),
    "listen_key_expired": _act("every listen key ends"),
    # what happens to the account
    "human_order": _act("somebody trades by hand; value: signed share of the position, or lots", "0.25"),
    "human_close": _act("somebody closes the position by hand"),
    "human_cancel": _act("somebody cancels a waiting stop by hand"),
    "liquidation": _act("the exchange closes the position and cancels its orders"),
    "delisting": _act("the exchange settles the position, refuses new orders of the symbol and calls it SETTLING"),
    "deleveraging": _act("the exchange closes a share of the position against somebody's bankruptcy", "0.5"),
    "tick_change": _act("exchangeInfo names another tick, value times the old one; orders are taken as before", "0.1"),
}
MARKET_DATA = tuple(KINDS)[: tuple(KINDS).index("maintenance") + 1]
PEOPLE = ("human_order", "human_close", "human_cancel", "liquidation", "delisting")
LIFE = ("deleveraging", "tick_change")  # on request only: seeded schedules do not draw them
ORDER_KINDS = tuple(name for name in KINDS if name not in (*MARKET_DATA, *PEOPLE, *LIFE))
