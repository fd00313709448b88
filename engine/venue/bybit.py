"""Bybit's linear messages as our values: pure, so that recorded answers can test it.

order ------> OrderSeen         the same row from the stream and by REST; a stop keeps its number when it triggers
execution --> TradeSeen         of trades alone: funding is listed there too, with a quantity
position ---> ModesChanged      leverage or position mode are others than they were
REST rows --> PositionSeen, WalletSeen, Modes, Permissions, FundingSeen
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.order import Event
from engine.venue.base import (
    FundingSeen,
    Modes,
    OrderSeen,
    Permissions,
    PositionSeen,
    TradeSeen,
    WalletSeen,
)
from engine.venue.facts import FACTS, state
from shm.instruments import Instrument, minor_rounded
from shm.numbering import trade_number

Row = Mapping[str, Any]
Find = Callable[[str], Instrument | None]  # by the exchange's own name, e.g. BTCUSDT

NAME, CATEGORY, COIN = "bybit", "linear", "USDT"
SIDES = {"Buy": 1, "Sell": -1, "": 0, "None": 0}
TRADES = ("Trade", "AdlTrade", "BustTrade", "Settle", "Delivery")
FUNDING = "Funding"
# The exchange's own orders carry no name: they get the ones that engine/instrument_life.py knows.
FORCED_TRADES = {"AdlTrade": "adl_autoclose", "BustTrade": "autoclose-", "Settle": "settlement_autoclose-"}
FORCED_ORDERS = {
    "CreateByAdl_PassThrough": "adl_autoclose",
    "CreateByLiq": "autoclose-",
    "CreateByTakeOver_PassThrough": "autoclose-",
    "CreateBySettle": "settlement_autoclose-",
}
LOGGED_TRADES, OF_TRADE = ("TRADE", "LIQUIDATION", "ADL", "DELIVERY"), "REALIZED_PNL"
LOGGED: Mapping[str, str] = {"SETTLEMENT": "FUNDING_FEE", "TRANSFER_IN": "TRANSFER", "TRANSFER_OUT": "TRANSFER"}
MARGINS: Mapping[str, str] = {"REGULAR_MARGIN": "cross", "ISOLATED_MARGIN": "isolated", "PORTFOLIO_MARGIN": "portfolio"}
UNIFIED = (3, 4, 5, 6)  # unifiedMarginStatus; anything else is a classic account
NS_OF_MS = 1_000_000


def order_row(row: Row, instrument: Instrument) -> OrderSeen:
    """A row of ``order`` (stream), ``order/realtime`` or ``order/history``."""
    word, number, reason = row["orderStatus"], row["orderId"], row.get("rejectReason") or ""
    filled = instrument.lots(Decimal(row["cumExecQty"] or "0"))
    event = state(NAME, word, filled)
    refusal = FACTS[NAME].reasons.get(reason)
    if refusal is not None and event is Event.CANCEL_CONFIRMED and not filled:
        event = Event.REJECT  # taken in, and refused when it met the book
    is_conditional = bool(row.get("triggerDirection"))  # only what waits for a trigger has one; it keeps it
    return OrderSeen(
        symbol=instrument.symbol,
        client_id=row.get("orderLinkId") or FORCED_ORDERS.get(row.get("createType") or "", ""),
        venue_order_id=number,
        child_order_id=number if is_conditional else "",  # triggered, it is the same order
        is_conditional=is_conditional,
        event=event,
        side=SIDES[row["side"]],
        lots=instrument.lots(Decimal(row["qty"])),
        lots_filled=filled,
        price_ticks=_ticks(instrument, row.get("price")),
        stop_ticks=_ticks(instrument, row.get("triggerPrice")),
        reduce_only=row.get("reduceOnly") is True,
        market_ns=int(row.get("updatedTime") or row.get("createdTime") or 0) * NS_OF_MS,
        text=word if reason in ("", "EC_NoError") else f"{word}: {reason}",
        refusal=refusal.__name__ if refusal is not None and event is Event.REJECT else "",
    )


def trade_row(row: Row, instrument: Instrument) -> TradeSeen:
    """A row of ``execution`` (stream) or ``execution/list``."""
    at_ms = int(row["execTime"])
    return TradeSeen(
        symbol=instrument.symbol,
        trade_id=trade_number(at_ms, row["execId"]),
        venue_order_id=row["orderId"],
        client_id=row.get("orderLinkId") or FORCED_TRADES.get(row["execType"], ""),
        side=SIDES[row["side"]],
        lots=instrument.lots(Decimal(row["execQty"])),
        price_ticks=instrument.ticks(Decimal(row["execPrice"])),
        fee=minor_rounded(row.get("execFee") or "0"),
        fee_asset=row.get("feeCurrency") or COIN,
        is_maker=row.get("isMaker") is True,
        market_ns=at_ms * NS_OF_MS,
    )


def is_trade(row: Row) -> bool:
    """The execution changed a position."""
    return row["execType"] in TRADES and Decimal(row["execQty"]) > 0


def position_rows(rows: Iterable[Row], find: Find) -> Iterator[PositionSeen]:
    """The rows of ``position/list`` that concern us; those of hedge mode are refused before they matter."""
    for row in rows:
        instrument = find(row["symbol"])
        if instrument is not None and int(row["positionIdx"]) == 0:
            yield PositionSeen(
                symbol=instrument.symbol,
                lots=SIDES[row["side"]] * instrument.lots(Decimal(row["size"] or "0")),
                entry_ticks=_nearest(instrument, row.get("avgPrice")),
                cost=minor_rounded(Decimal(row["size"] or "0") * Decimal(row.get("avgPrice") or "0")),
            )


def wallet_row(coins: Iterable[Row], asset: str) -> WalletSeen:
    """Cash of ``asset`` among the coins of ``wallet-balance``; nothing where it is not listed."""
    row = next((coin for coin in coins if coin["coin"] == asset), {"walletBalance": "0"})
    cash = minor_rounded(row["walletBalance"] or "0")
    return WalletSeen(asset=asset, wallet=cash, reason="", change=0, symbol="", market_ns=0)


def modes(account: Row, positions: Sequence[Row], coins: Iterable[Row], find: Find) -> Modes:
    """Answers of ``account/info``, ``position/list`` for each symbol, and ``wallet-balance``."""
    margin: str = MARGINS.get(account["marginMode"], account["marginMode"])
    if int(account["unifiedMarginStatus"]) not in UNIFIED:
        margin = "that of a classic account: upgrade it to a unified one"
    others = [coin["coin"] for coin in coins if coin["coin"] != COIN and _counts(coin)]
    return Modes(
        is_hedged=any(int(row["positionIdx"]) for row in positions),
        # In a unified account every coin that is switched on is margin, and may be sold for a loss in another.
        is_multi_asset=bool(others) and margin != "isolated",
        may_trade=True,
        margins=tuple(
            (instrument.symbol, margin, int(Decimal(row.get("leverage") or "0")))
            for row in positions
            if (instrument := find(row["symbol"])) is not None
        ),
    )


def permissions(row: Row) -> Permissions:
    """An answer of ``query-api``."""
    may, addresses = row["permissions"], row["ips"]
    trades = [*(may.get("ContractTrade") or ()), *(may.get("Derivatives") or ())]
    days = int(row.get("deadlineDay") or -1)
    return Permissions(
        may_trade=int(row["readOnly"]) == 0 and any(word in trades for word in ("Order", "DerivativesTrade")),
        may_withdraw=any("withdraw" in word.lower() for word in may.get("Wallet") or ()),
        is_bound_to_address=bool(addresses) and "*" not in addresses,
        days_left=days if days >= 0 else None,
    )


def payment(row: Row, find: Find) -> FundingSeen:
    """A row of ``transaction-log``; ``change`` is what it did to the cash, received positive.

    Kinds that the cash book knows get its words: what a trade brought and cost, and funding.
    """
    at_ms, word = int(row["transactionTime"]), str(row["type"])
    is_ours = row.get("category") == CATEGORY
    instrument = find(row["symbol"]) if is_ours and row.get("symbol") else None
    is_of_trade = word in LOGGED_TRADES and is_ours
    return FundingSeen(
        symbol=instrument.symbol if instrument is not None else row.get("symbol") or "",
        amount=minor_rounded(row["change"]),
        reference=f"income {row['id']}",
        market_ns=at_ms * NS_OF_MS,
        kind=OF_TRADE if is_of_trade else LOGGED.get(word, word),
        trade_id=trade_number(at_ms, row.get("tradeId") or "") if is_of_trade else 0,
    )


def _counts(coin: Row) -> bool:
    return bool(coin.get("collateralSwitch")) and Decimal(coin.get("equity") or "0") != 0


def _ticks(instrument: Instrument, text: str | None) -> int:
    return instrument.ticks(Decimal(text)) if text and Decimal(text) > 0 else 0


def _nearest(instrument: Instrument, price: str | None) -> int:
    """An average price lies between two ticks; the nearest will do."""
    return int((Decimal(price or "0").scaleb(8) / instrument.tick_e8).to_integral_value())
