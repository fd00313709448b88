"""Kraken Futures' messages as our values: pure, so that recorded answers can test it.

open_orders ----> OrderSeen    also of an order that ended and is only named: then by what was known of it
fills ----------> TradeSeen    by stream with its fee, by REST without
account log ----> FundingSeen  funding, transfers, and what each trade did to the cash
REST rows ------> OrderSeen (open, asked for by name, history), PositionSeen, WalletSeen, Modes

Quantities are numbers: JSON's own become decimals by their shortest text.  ``quantity`` and ``qty`` of an order are
what is left of it, wherever it was recorded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.order import Event, Intent
from engine.venue.base import FundingSeen, Modes, OrderSeen, PositionSeen, TradeSeen, WalletSeen, taken_in
from engine.venue.facts import FACTS, state
from shm.instruments import Instrument, minor_rounded
from shm.numbering import trade_number

Row = Mapping[str, Any]
Find = Callable[[str], Instrument | None]  # by the exchange's own name, e.g. PF_XBTUSD; any case

NAME, COIN, WALLET = "krakenfutures", "USD", "flex"
KIND, PREFIX = "flexible_futures", "PF_"
NS_OF_MS = 1_000_000
SIDES = {"buy": 1, "sell": -1, "long": 1, "short": -1}
STOPS = ("stp", "stop", "take_profit", "trailing_stop", "TRIGGER_ORDER")
# Why an order has left the book; what is not here was cancelled, by whomever.
ENDS = {
    "full_fill": Event.FILL_ALL,
    "partial_fill": Event.FILL_SOME,
    "stop_order_triggered": Event.ACK,  # what waited has become an order: that one's fate is the stop's
    "limit_order_from_stop": Event.ACK,
    "ioc_order_failed_because_it_would_not_be_executed": Event.EXPIRE,
}
ACTIVATED = "OrderTriggerActivated"
HISTORY = {
    "OrderPlaced": Event.ACK,
    "OrderUpdated": Event.FILL_SOME,
    "OrderCancelled": Event.CANCEL_CONFIRMED,
    "OrderRejected": Event.REJECT,
    "OrderTriggerPlaced": Event.ACK,
    "OrderTriggerUpdated": Event.ACK,
    ACTIVATED: Event.ACK,  # for a while: see the wire
    "OrderTriggerCancelled": Event.CANCEL_CONFIRMED,
}
# The exchange's own trades get the names that engine/instrument_life.py knows.
FORCED = {
    "unwindCounterparty": "adl_autoclose",
    **dict.fromkeys(("liquidation", "partialLiquidation", "assignor", "unwindBankrupt"), "autoclose-"),
}
FUNDING, OF_FUNDING, OF_TRADE = "funding rate change", "FUNDING_FEE", "REALIZED_PNL"
TRADES = (
    *("futures trade", "futures liquidation", "futures assignor", "futures assignee"),
    *("futures unwind counterparty", "futures unwind bankrupt", "covered liquidation"),
)
LOGGED = {FUNDING: OF_FUNDING} | dict.fromkeys(
    ("transfer", "cross-exchange transfer", "subaccount transfer", "admin transfer"), "TRANSFER"
)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def milliseconds(when: Any) -> int:
    """A moment as the exchange writes it: milliseconds, or a date with its time."""
    if isinstance(when, str) and not when.isdecimal():
        return (datetime.fromisoformat(when) - _EPOCH) // timedelta(milliseconds=1)
    return int(when)


def moment(at_ms: int) -> str:
    """The same the other way round."""
    seconds, rest = divmod(at_ms, 1000)
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:03d}Z"


def unsuited(info: Row) -> str:
    """Why a market is not traded, in words; empty: it is."""
    kind = str(info.get("type"))
    if kind != KIND or not str(info["symbol"]).upper().startswith(PREFIX) or info.get("lastTradingTime"):
        return f"is {info['symbol']}, {kind}: only perpetuals settled in {COIN} out of the {WALLET} wallet ({PREFIX})"
    return "" if _number(info.get("contractSize") or 1) == 1 else f"has contracts of {info['contractSize']}"


def placed(answer: Row, intent: Intent, instrument: Instrument) -> OrderSeen:
    """The answer to an order: its number, and what it traded at once."""
    named = answer.get("cliOrdId") or answer.get("cli_ord_id") or intent.client_id
    if named != intent.client_id:
        raise ValueError(f"an answer about {named}")
    traded = sum(
        (_number(event["amount"]) for event in answer.get("orderEvents") or () if event["type"] == "EXECUTION"),
        Decimal(0),
    )
    at_ms = milliseconds(answer.get("receivedTime") or 0)
    return progressed(taken_in(intent, str(answer["order_id"]), at_ms * NS_OF_MS), instrument.lots(traded))


def progressed(seen: OrderSeen, lots_filled: int) -> OrderSeen:
    """``seen``, which is open, after so many lots have traded."""
    event = Event.FILL_ALL if lots_filled >= seen.lots > 0 else Event.FILL_SOME if lots_filled else seen.event
    return replace(seen, lots_filled=lots_filled, event=event)


def order_told(frame: Row, instrument: Instrument, known: OrderSeen | None) -> OrderSeen | None:
    """A frame of ``open_orders``; None where it names an order of which nothing is known."""
    body, reason = frame.get("order"), str(frame.get("reason") or "")
    if body is None and known is None:
        return None
    seen = known if body is None else _order_body(body, instrument, known)
    assert seen is not None
    event = Event.FILL_SOME if seen.lots_filled else Event.ACK
    refusal = FACTS[NAME].reasons.get(reason)
    if frame["is_cancel"]:
        event = ENDS.get(reason, Event.CANCEL_CONFIRMED)
        if refusal is not None and not seen.lots_filled:
            event = Event.REJECT
    if event is Event.FILL_ALL and seen.reduce_only and seen.lots_filled < seen.lots:
        # It may have been clipped to what was held: its trades tell how many, or who asks for it.
        event = Event.FILL_SOME if seen.lots_filled else Event.ACK
    return replace(
        seen,
        event=event,
        lots_filled=seen.lots if event is Event.FILL_ALL else seen.lots_filled,
        text=reason,
        refusal=refusal.__name__ if refusal is not None and event is Event.REJECT else "",
    )


def _order_body(body: Row, instrument: Instrument, known: OrderSeen | None) -> OrderSeen:
    left, filled = (instrument.lots(_number(body[name])) for name in ("qty", "filled"))
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=body.get("cli_ord_id") or (known.client_id if known is not None else ""),
        venue_order_id=body["order_id"],
        child_order_id="",
        is_conditional=body["type"] in STOPS,
        event=Event.ACK,
        side=-1 if int(body["direction"]) else 1,
        lots=known.lots if known is not None else left + filled,
        lots_filled=max(filled, known.lots_filled if known is not None else 0),
        price_ticks=_ticks(instrument, body.get("limit_price")),
        stop_ticks=_ticks(instrument, body.get("stop_price")),
        reduce_only=body.get("reduce_only") is True,
        market_ns=int(body.get("last_update_time") or body["time"]) * NS_OF_MS,
    )


def open_row(row: Row, instrument: Instrument, known: OrderSeen | None = None) -> OrderSeen:
    """A row of ``openorders``; of a stop it may not say how much."""
    filled = instrument.lots(_number(row.get("filledSize") or 0))
    left = row.get("unfilledSize") or row.get("size")
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=row.get("cliOrdId") or row.get("cli_ord_id") or "",
        venue_order_id=row["order_id"],
        child_order_id="",
        is_conditional=row["orderType"] in STOPS,
        event=state(NAME, row["status"], filled),
        side=SIDES[row["side"]],
        lots=instrument.lots(_number(left)) + filled if left else known.lots if known is not None else 0,
        lots_filled=filled,
        price_ticks=_ticks(instrument, row.get("limitPrice")),
        stop_ticks=_ticks(instrument, row.get("stopPrice")),
        reduce_only=row.get("reduceOnly") is True,
        market_ns=milliseconds(row.get("lastUpdateTime") or row["receivedTime"]) * NS_OF_MS,
    )


def status_row(row: Row, instrument: Instrument, known: OrderSeen | None = None) -> OrderSeen:
    """A row of ``orders/status``: what is open, or ended in the last five seconds."""
    order, word = row["order"], str(row["status"])
    filled, left = instrument.lots(_number(order["filled"])), instrument.lots(_number(order["quantity"]))
    reason = str(row.get("updateReason") or "").lower()
    event, trigger = state(NAME, word, filled), order.get("priceTriggerOptions") or {}
    if event is Event.CANCEL_CONFIRMED:
        event = ENDS.get(reason, event) if reason != "partial_fill" else event
    seen = OrderSeen(
        symbol=instrument.symbol,
        client_id=order.get("cliOrdId") or "",
        venue_order_id=order["orderId"],
        child_order_id="",
        is_conditional=order["type"] in STOPS,
        event=event,
        side=SIDES[order["side"].lower()],
        lots=known.lots if known is not None else left + filled,
        lots_filled=filled,
        price_ticks=_ticks(instrument, order.get("limitPrice")),
        stop_ticks=_ticks(instrument, trigger.get("triggerPrice")),
        reduce_only=order.get("reduceOnly") is True,
        market_ns=milliseconds(order.get("lastUpdateTimestamp") or order["timestamp"]) * NS_OF_MS,
        text=" ".join(str(part) for part in (word, row.get("updateReason"), row.get("error")) if part),
    )
    return progressed(seen, filled) if event is Event.ACK else seen


def history_order(element: Row, find: Find) -> OrderSeen | None:
    """An element of the history of orders or of triggers; None for what concerns no order that we follow."""
    kind, told = next(iter(element["event"].items()))
    order = told.get("newOrder") or told.get("order") or {}
    instrument = find(order["tradeable"]) if kind in HISTORY and order else None
    if instrument is None:
        return None
    left, filled = (instrument.lots(_number(order[name] or 0)) for name in ("quantity", "filled"))
    event = HISTORY[kind]
    if event in (Event.ACK, Event.FILL_SOME) and not kind.startswith("OrderTrigger"):
        # Recorded: an order that takes is placed with nothing left of it; one that may only take does not stay.
        is_over = filled > 0 and left == 0
        stays = str(order.get("orderType")).lower() not in ("ioc", "market", "mkt", "fok")
        event = Event.FILL_ALL if is_over else Event.EXPIRE if not stays else event
        event = Event.FILL_SOME if event is Event.ACK and filled else event
    if event is Event.REJECT and filled:
        event = Event.EXPIRE
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=order.get("clientId") or "",
        venue_order_id=order["uid"],
        child_order_id="",
        is_conditional=kind.startswith("OrderTrigger"),
        event=event,
        side=SIDES[order["direction"].lower()],
        lots=left + filled,
        lots_filled=filled,
        price_ticks=_ticks(instrument, order.get("limitPrice")),
        stop_ticks=_ticks(instrument, order.get("stopPrice") or order.get("triggerPrice")),
        reduce_only=order.get("reduceOnly") is True,
        market_ns=milliseconds(element["timestamp"]) * NS_OF_MS,
        text=f"{kind}: {told.get('reason') or ''}".strip(": "),
    )


def trade_told(fill: Row, instrument: Instrument) -> TradeSeen:
    """A fill of the stream."""
    return TradeSeen(
        symbol=instrument.symbol,
        trade_id=trade_number(int(fill["time"]), fill["fill_id"]),
        venue_order_id=fill["order_id"],
        client_id=fill.get("cli_ord_id") or FORCED.get(fill["fill_type"], ""),
        side=1 if fill["buy"] is True else -1,
        lots=instrument.lots(_number(fill["qty"])),
        price_ticks=instrument.ticks(_number(fill["price"])),
        fee=minor_rounded(fill.get("fee_paid") or 0),
        fee_asset=fill.get("fee_currency") or COIN,
        is_maker=fill["fill_type"] == "maker",
        market_ns=int(fill["time"]) * NS_OF_MS,
    )


def trade_row(row: Row, instrument: Instrument, fee: int) -> TradeSeen:
    """A row of ``fills``, which does not say what it cost."""
    at_ms = milliseconds(row["fillTime"])
    return TradeSeen(
        symbol=instrument.symbol,
        trade_id=trade_number(at_ms, row["fill_id"]),
        venue_order_id=row["order_id"],
        client_id=row.get("cliOrdId") or row.get("cli_ord_id") or FORCED.get(row["fillType"], ""),
        side=SIDES[row["side"]],
        lots=instrument.lots(_number(row["size"])),
        price_ticks=instrument.ticks(_number(row["price"])),
        fee=fee,
        fee_asset=COIN,
        is_maker=row["fillType"] == "maker",
        market_ns=at_ms * NS_OF_MS,
    )


def position_rows(rows: Iterable[Row], find: Find) -> Iterator[PositionSeen]:
    """The rows of ``openpositions`` that concern us."""
    for row in rows:
        instrument = find(row["symbol"])
        if instrument is not None:
            size = abs(instrument.lots(_number(row["size"])))
            average = _number(row["price"])
            yield PositionSeen(
                symbol=instrument.symbol,
                lots=SIDES[row["side"]] * size,
                entry_ticks=int((average.scaleb(8) / instrument.tick_e8).to_integral_value()),
                cost=minor_rounded(abs(_number(row["size"])) * average),
            )


def currencies(answer: Row) -> Mapping[str, Decimal]:
    """What the wallet of many currencies holds, by name."""
    held = answer["accounts"][WALLET]["currencies"]
    return {name.upper(): _number(row["quantity"]) for name, row in held.items()}


def wallet_row(answer: Row, asset: str) -> WalletSeen:
    """Cash of ``asset`` in that wallet, unrealised profit and funding left out."""
    cash = minor_rounded(currencies(answer).get(asset, 0))
    return WalletSeen(asset=asset, wallet=cash, reason="", change=0, symbol="", market_ns=0)


def modes(accounts: Row, preferences: Sequence[Row], symbols: Sequence[str], find: Find) -> Modes:
    """A symbol with a leverage of its own is isolated, every other one cross; another currency is margin as well."""
    own = {
        instrument.symbol: int(_number(row["maxLeverage"]))
        for row in preferences
        if (instrument := find(row["symbol"])) is not None
    }
    return Modes(
        is_hedged=False,
        is_multi_asset=any(amount for name, amount in currencies(accounts).items() if name != COIN),
        may_trade=True,
        margins=tuple((name, "isolated" if name in own else "cross", own.get(name, 0)) for name in symbols),
    )


def is_cash(entry: Row) -> bool:
    """An entry of the account log about the cash that is kept: a trade has another one, about the position."""
    account = entry.get("margin_account") or WALLET
    return str(entry.get("asset")).upper() == COIN and account == WALLET


def payments(entry: Row, find: Find) -> Iterator[FundingSeen]:
    """What an entry about cash did to it: one payment, or two where a trade also settled funding."""
    word, at_ms = str(entry["info"]), milliseconds(entry["date"])
    contract = str(entry.get("contract") or "").upper()
    instrument, is_trade = find(contract) if contract else None, word in TRADES
    change = _number(entry["new_balance"]) - _number(entry["old_balance"])
    funded = _number(entry.get("realized_funding") or 0) if is_trade else Decimal(0)
    named: dict[str, Any] = {
        "symbol": instrument.symbol if instrument is not None else contract,
        "market_ns": at_ms * NS_OF_MS,
    }
    if funded:
        reference = f"income {entry['id']} funding"
        yield FundingSeen(amount=minor_rounded(funded), reference=reference, kind=OF_FUNDING, **named)
    yield FundingSeen(
        amount=minor_rounded(change) - minor_rounded(funded),
        reference=f"income {entry['id']}",
        kind=OF_TRADE if is_trade else LOGGED.get(word, word.upper()),
        trade_id=trade_number(at_ms, str(entry.get("execution") or "")) if is_trade else 0,
        **named,
    )


def _number(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _ticks(instrument: Instrument, value: Any) -> int:
    return instrument.ticks(_number(value)) if value and _number(value) > 0 else 0
