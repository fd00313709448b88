"""What differs from exchange to exchange behind ccxt's one interface: a table of facts, each of them tested.

              names an order     at most  stop triggers by        dead-man    id of a trade
    binance   newClientOrderId   36       workingType             contract    number, by contract
    bybit     orderLinkId        36       triggerBy, direction    none        text
    kraken    cliOrdId           100      triggerSignal           account     text

ccxt's class for an error is not always what we may do next: the words in ``meanings`` overrule it.  How questions
are put and answers read stands in a wire of each exchange's own (``wire.py``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine import errors
from engine.order import Event
from shm.instruments import Instrument
from shm.numbering import HASH_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One exchange, as ccxt names it."""

    client_id: str  # the field that carries our own id, on the wire
    client_id_conditional: str  # the same for an order that waits for its trigger
    client_id_length_max: int
    trigger_by_last: tuple[str, str]  # field and value that make a stop watch the last price
    extras: Mapping[str, Any] = field(default_factory=dict)  # sent with every order
    options: Mapping[str, Any] = field(default_factory=dict)  # of ccxt's client
    hosts: tuple[str, ...]  # every name that ccxt asks or listens to
    demo_hosts: tuple[str, ...] = ()  # the same where people practise; none: they cannot
    weight_per_minute: int  # requests that an address may make
    bans: Mapping[int, int] = field(
        default_factory=dict
    )  # HTTP status that means "no more requests", beside 418 and 429; for how many ms
    dead_man: str  # whose orders its timer cancels: contract, account, or none
    code: re.Pattern[str]  # where the number or name of an error stands in an answer
    meanings: Mapping[str, type[errors.VenueError]]
    verdict: str = ""  # where an answer that is called a success says what became of the order
    states: Mapping[str, Event]  # of an order
    reasons: Mapping[str, type[errors.VenueError]] = field(
        default_factory=dict
    )  # why an order that was taken in has ended, told later
    late_ms: int = 0  # by how much the list of trades may lag behind the stream
    fees_ppm: tuple[int, int] = (200, 500)  # maker and taker, of an account without a discount
    stream_loses: str  # what its private stream can lose that Binance's cannot
    untold: tuple[str, ...] = ()  # what the doctor cannot be told by it


DEMO = "-demo"  # what the venue of practice ends in

BINANCE_STATES = {
    "NEW": Event.ACK,
    "PARTIALLY_FILLED": Event.FILL_SOME,
    "FILLED": Event.FILL_ALL,
    "CANCELED": Event.CANCEL_CONFIRMED,
    "EXPIRED": Event.EXPIRE,
    "EXPIRED_IN_MATCH": Event.EXPIRE,
    "REJECTED": Event.REJECT,
}

FACTS: Mapping[str, Facts] = {
    "binanceusdm": Facts(
        client_id="newClientOrderId",
        client_id_conditional="clientAlgoId",
        client_id_length_max=36,
        trigger_by_last=("workingType", "CONTRACT_PRICE"),
        hosts=tuple(f"{name}.binance.com" for name in ("fapi", "fstream", "ws-fapi", "api", "stream", "ws-api")),
        # REST of its own, streams and requests by socket of its former test net.
        demo_hosts=(
            *("demo-fapi.binance.com", "demo-api.binance.com", "demo-stream.binance.com"),
            *("fstream.binancefuture.com", "testnet.binancefuture.com"),
        ),
        weight_per_minute=2_400,
        dead_man="contract",
        code=re.compile(r'"code"\s*:\s*"?(-?\d+)'),
        meanings={},  # engine/venue/failures.py: Binance's numbers are the ones it was written for
        states=BINANCE_STATES,
        stream_loses="nothing while the listen key lives; after that, everything until it is dialled anew",
    ),
    "bybit": Facts(
        client_id="orderLinkId",
        client_id_conditional="orderLinkId",
        client_id_length_max=36,
        trigger_by_last=("triggerBy", "LastPrice"),
        extras={"positionIdx": 0},  # one-way: in hedge mode it is refused, by 10001
        options={
            "defaultType": "swap",
            "fetchMarkets": {"types": ["linear"]},
            # Told, or ccxt asks before the first order; the doctor asks what is true.
            "enableUnifiedAccount": True,
            "enableUnifiedMargin": False,
            "unifiedMarginStatus": 6,
        },
        hosts=("api.bybit.com", "stream.bybit.com"),
        # The real market is heard in its demo too.
        demo_hosts=("api-demo.bybit.com", "stream-demo.bybit.com", "stream.bybit.com"),
        weight_per_minute=6_000,  # 600 in 5 s for an address; every request weighs one
        bans={403: 600_000},  # "access too frequent": it wants ten minutes of silence
        # Its disconnect protection has to be switched on by an account manager, and takes stops with it.
        dead_man="none",
        code=re.compile(r'"retCode"\s*:\s*(\d+)'),
        meanings={
            "10000": errors.Unknown,  # server timeout
            "10001": errors.InvalidOrder,
            "10002": errors.NotSent,  # outside recv_window
            "10003": errors.NotPermitted,
            "10004": errors.NotPermitted,
            "10005": errors.NotPermitted,
            "10006": errors.RateLimited,
            "10007": errors.Unknown,  # named both "authentication failed" and "backend timeout": the worse one counts
            "10010": errors.NotPermitted,
            "10016": errors.Unknown,
            "10018": errors.RateLimited,
            "110001": errors.OrderNotFound,
            "110007": errors.InsufficientFunds,
            "110012": errors.InsufficientFunds,
            "110017": errors.ReduceOnlyRejected,
            "110072": errors.Unknown,  # our id is there already: the first one landed, ask and adopt it
            "110092": errors.WouldTrigger,
            "110093": errors.WouldTrigger,
            "170213": errors.OrderNotFound,
        },
        states={
            "New": Event.ACK,
            "Untriggered": Event.ACK,
            "Triggered": Event.ACK,
            "PartiallyFilled": Event.FILL_SOME,
            "Filled": Event.FILL_ALL,
            "Cancelled": Event.CANCEL_CONFIRMED,
            "PartiallyFilledCanceled": Event.CANCEL_CONFIRMED,
            "Deactivated": Event.CANCEL_CONFIRMED,
            "Rejected": Event.REJECT,
        },
        fees_ppm=(200, 550),
        reasons={"EC_PostOnlyWillTakeLiquidity": errors.WouldTake},
        late_ms=60_000,
        stream_loses="what happens between two connections; executions are not repeated, REST lists them late",
        untold=("a change of leverage or margin mode while flat: seen at the next look, not told",),
    ),
    "krakenfutures": Facts(
        client_id="cliOrdId",
        client_id_conditional="cliOrdId",
        client_id_length_max=100,
        trigger_by_last=("triggerSignal", "last"),
        hosts=("futures.kraken.com",),
        fees_ppm=(200, 500),
        weight_per_minute=3_000,  # 500 in 10 s; cancels and orders weigh ten
        dead_man="account",
        code=re.compile(r'"error"\s*:\s*"([^"]+)"|due to (\w+)'),
        meanings={
            "apiLimitExceeded": errors.RateLimited,
            "tooManyRequests": errors.RateLimited,
            "authenticationError": errors.NotPermitted,
            "nonceBelowThreshold": errors.NotSent,
            "nonceDuplicate": errors.NotSent,
            "Server Error": errors.Unknown,
            "Unavailable": errors.Unknown,
            "marketUnavailable": errors.Rejected,
            "marketSuspended": errors.Rejected,
            "marketInactive": errors.Rejected,
            "insufficientAvailableFunds": errors.InsufficientFunds,
            "wouldCauseLiquidation": errors.InsufficientFunds,
            "wouldNotReducePosition": errors.ReduceOnlyRejected,
            "reduceOnlyWouldIncreasePosition": errors.ReduceOnlyRejected,
            "clientOrderIdAlreadyExist": errors.Unknown,  # the first one landed
            "clientOrderIdTooBig": errors.InvalidOrder,
            "clientOrderIdTooLong": errors.InvalidOrder,
            "clientOrderIdInvalid": errors.InvalidOrder,
            "invalidOrderType": errors.InvalidOrder,
            "invalidSide": errors.InvalidOrder,
            "outsidePriceCollar": errors.InvalidOrder,
            "maxPositionViolation": errors.Rejected,
            "tooManySmallOrders": errors.Rejected,
            "selfFill": errors.Rejected,
            "invalidSize": errors.InvalidOrder,
            "invalidPrice": errors.InvalidOrder,
            "postWouldExecute": errors.WouldTake,
            "iocWouldNotExecute": errors.Rejected,
            "notFound": errors.OrderNotFound,
            "orderForEditNotFound": errors.OrderNotFound,
        },
        verdict="sendStatus",
        states={
            "placed": Event.ACK,
            "untouched": Event.ACK,
            "ENTERED_BOOK": Event.ACK,
            "TRIGGER_PLACED": Event.ACK,
            "partiallyFilled": Event.FILL_SOME,
            "filled": Event.FILL_ALL,
            "FULLY_EXECUTED": Event.FILL_ALL,
            "cancelled": Event.CANCEL_CONFIRMED,
            "CANCELLED": Event.CANCEL_CONFIRMED,
            "REJECTED": Event.REJECT,
        },
        late_ms=60_000,
        stream_loses="a market order that fills at once may never be listed as open: only its fills tell of it",
        untold=("whether the key may withdraw: its futures interface has no question for it",),
    ),
}


def facts_of(venue: str) -> Facts | None:
    """Those of the exchange behind a journal's venue, its demo included; None: it is played."""
    return FACTS.get(venue.removesuffix(DEMO))


def fee_ppm(exchange: str, *, is_maker: bool) -> int:
    """What a trade ought to cost there, in millionths; elsewhere what it costs on paper."""
    maker, taker = (facts_of(exchange) or FACTS["binanceusdm"]).fees_ppm
    return maker if is_maker else taker


def late_numbers(exchange: str) -> int:
    """How far before the newest trade a look at the list of trades has to begin, in numbers of trades."""
    facts = facts_of(exchange)
    return facts.late_ms << HASH_BITS if facts is not None else 0


def meaning(text: str) -> type[errors.VenueError] | None:
    """What an error of ccxt means where our table knows better; its text begins with the exchange's name."""
    facts = FACTS.get(re.split(r"[ :]", text, maxsplit=1)[0])
    found = facts.code.search(text) if facts is not None else None
    if facts is None or found is None:
        return None
    word = next(group for group in found.groups() if group is not None)
    return facts.meanings.get(word)


def state(exchange: str, word: str, lots_filled: int) -> Event:
    """What the exchange's word for an order's state tells; an unknown word says that the order is there."""
    event = FACTS[exchange].states.get(word, Event.ACK)
    # Bybit calls an order rejected that has traded before: what traded stands, the rest is over.
    return Event.EXPIRE if event is Event.REJECT and lots_filled else event


def bybit_instrument(info: Mapping[str, Any], row: int, names: tuple[str, str, str]) -> Instrument:
    """The trading rules in a row of Bybit's ``instruments-info``; ``names`` is symbol, venue and account."""
    lot = info["lotSizeFilter"]
    return Instrument.from_filters(
        row,
        names,
        tick=info["priceFilter"]["tickSize"],
        lot=lot["qtyStep"],
        quantity_min=lot["minOrderQty"],
        quantity_max=lot["maxOrderQty"],
        market_quantity_max=lot["maxMktOrderQty"],
        notional_min=lot.get("minNotionalValue", "0"),
        status=int(info.get("status") == "Trading"),
    )


def kraken_instrument(info: Mapping[str, Any], row: int, names: tuple[str, str, str]) -> Instrument:
    """The trading rules in a row of Kraken Futures' ``instruments``; the lot is a power of ten."""
    lot = Decimal(1).scaleb(-int(info["contractValueTradePrecision"]))
    most = str(info.get("maxPositionSize", "1000000"))
    return Instrument.from_filters(
        row,
        names,
        tick=str(info["tickSize"]),
        lot=format(lot, "f"),
        quantity_min=format(lot, "f"),
        quantity_max=most,
        market_quantity_max=most,
        notional_min="0",
        status=int(bool(info.get("tradeable"))),
    )
