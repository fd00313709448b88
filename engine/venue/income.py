"""Funding, and all else that moved the wallet, as the venue lists it: page by page, each row once, oldest first.

The private stream tells that funding was charged, for a cross position not even on which
contract, and never what it told while nobody listened.  The list says both.  Without a kind
it names everything: transfers, rebates, bonuses, clearances, and what trades brought and cost.
Without a start Binance lists the last seven days, with one the last three months at most.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine import errors
from engine.venue.base import FundingSeen
from engine.venue.binance import NS_OF_MS, Find
from shm.instruments import minor

FUNDING, TRANSFER, ALL = "FUNDING_FEE", "TRANSFER", ""
ASSET = "USDT"  # of the wallet that is kept; what else is moved in or out is not in it
ROWS_MAX = 1000  # the most that Binance gives at once
UNREADABLE = (KeyError, TypeError, ValueError, ArithmeticError)

Ask = Callable[[Mapping[str, Any]], Awaitable[Any]]


async def payments(ask: Ask, find: Find, since_ns: int, kind: str = FUNDING) -> tuple[FundingSeen, ...]:
    """Every payment of ``kind`` at ``since_ns`` and later; 0: of the last days."""
    wanted: dict[str, Any] = ({"incomeType": kind} if kind else {}) | {"limit": ROWS_MAX}
    since_ms = since_ns // NS_OF_MS
    seen: dict[tuple[str, str], FundingSeen] = {}
    while True:
        rows = await ask(wanted | ({"startTime": since_ms} if since_ms else {}))
        try:
            page = [_payment(row, find) for row in rows]
        except UNREADABLE as error:
            raise errors.Unknown(f"unreadable answer: {str(rows)[:200]}") from error
        for one, row in zip(page, rows, strict=True):
            if row.get("asset", ASSET) == ASSET:
                seen[one.kind, one.reference] = one
        if len(page) < ROWS_MAX or not since_ms:
            return tuple(sorted(seen.values(), key=lambda one: (one.market_ns, one.reference)))
        # Inclusive, for a payment of the same moment may stand on the next page.
        newest_ms = max(one.market_ns for one in page) // NS_OF_MS
        since_ms = newest_ms if newest_ms > since_ms else since_ms + 1


def _payment(row: Mapping[str, Any], find: Find) -> FundingSeen:
    instrument, kind = find(row["symbol"]), row["incomeType"]
    # A number is unique within its kind alone.
    name = "" if kind in (FUNDING, TRANSFER) else f"{kind} {row['symbol']} "
    return FundingSeen(
        symbol=instrument.symbol if instrument is not None else row["symbol"],
        amount=minor(row["income"]),
        reference=f"income {name}{row['tranId']}",
        market_ns=int(row["time"]) * NS_OF_MS,
        kind=kind,
        trade_id=int(row.get("tradeId") or 0),
    )
