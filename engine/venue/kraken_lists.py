"""Kraken Futures' lists, page by page: each row once, and never an end that is only the end of a page.

fills         newest first, of all contracts      --> back to a moment, a hundred at a time
history       oldest first, of orders or triggers --> on from a moment; a page that brings nothing new is its end
account log   oldest first, by its own numbers    --> a page that is not full is its end
"""

from collections.abc import Awaitable, Callable
from typing import Any

from engine import errors
from engine.venue.kraken import milliseconds, moment
from engine.venue.wire import Row, read

FILLS_MAX = 100  # in an answer
EVENTS_MAX, PAGES_MAX = 500, 40  # of a history
ENTRIES_FIRST, ENTRIES_MAX = 25, 1000  # of the account log: so few cost a third

Ask = Callable[..., Awaitable[Any]]  # a method of ccxt's client, and its parameters by name
Dated = tuple[int, Row]  # milliseconds, and what happened then


async def fills(ask: Ask, method: Any, since_ms: int) -> list[Row]:
    """Fills of all contracts at ``since_ms`` and later."""
    found: dict[str, Dated] = {}
    before: dict[str, str] = {}
    while True:
        page: dict[str, Dated] = read(_fills_in, await ask(method, **before))
        oldest_ms = min((at_ms for at_ms, _ in page.values()), default=0)
        has_news = not page.keys() <= found.keys()
        found |= page
        if len(page) < FILLS_MAX or oldest_ms < since_ms:
            return [row for at_ms, row in found.values() if at_ms >= since_ms]
        # Those of one moment may stand on two pages: asked for again, until that brings nothing.
        before = {"lastFillTime": moment(oldest_ms + has_news)}


async def events(ask: Ask, method: Any, since_ms: int) -> list[Row]:
    """A history from ``since_ms`` on."""
    found: dict[str, Dated] = {}
    for _ in range(PAGES_MAX):
        page: dict[str, Dated] = read(_events_in, await ask(method, since=since_ms, sort="asc", count=EVENTS_MAX))
        if page.keys() <= found.keys():
            return [element for _, element in sorted(found.values(), key=lambda dated: dated[0])]
        found |= page
        since_ms = max(at_ms for at_ms, _ in page.values())
    raise errors.Unknown(f"a history of more than {PAGES_MAX} pages: what it holds is not known")


async def entries(ask: Ask, method: Any, since_ms: int) -> list[Row]:
    """The account log from ``since_ms`` on."""
    found: list[Row] = []
    begin, count = {"since": since_ms}, ENTRIES_FIRST
    while True:
        page: list[tuple[int, Row]] = read(_entries_in, await ask(method, **begin, sort="asc", count=count))
        found += [entry for _, entry in page]
        if len(page) < count:
            return found
        begin, count = {"from": max(number for number, _ in page) + 1}, ENTRIES_MAX


def _fills_in(answer: Row) -> dict[str, Dated]:
    return {row["fill_id"]: (milliseconds(row["fillTime"]), row) for row in answer["fills"]}


def _events_in(answer: Row) -> dict[str, Dated]:
    return {element["uid"]: (int(element["timestamp"]), element) for element in answer["elements"]}


def _entries_in(answer: Row) -> list[tuple[int, Row]]:
    return [(int(entry["id"]), entry) for entry in answer["logs"]]
