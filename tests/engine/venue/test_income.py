"""The list of funding payments, page by page."""

import pytest

from engine import errors
from engine.venue import income
from engine.venue.income import ROWS_MAX


def row(number: int, at_ms: int, symbol: str = "BTCUSDT", amount: str = "-0.01000000") -> dict:
    """A row as Binance lists it."""
    return {
        "symbol": symbol, "incomeType": "FUNDING_FEE", "income": amount, "asset": "USDT",
        "time": at_ms, "info": "FUNDING_FEE", "tranId": number, "tradeId": "",
    }  # fmt: skip


class Listing:
    """The list, and what was asked of it."""

    def __init__(self, *rows: dict) -> None:
        self.rows, self.asked = rows, []

    async def __call__(self, wanted: dict) -> list[dict]:
        """Answer as Binance does: the oldest from a start on, else the newest."""
        self.asked.append(wanted)
        since = wanted.get("startTime")
        found = [one for one in self.rows if since is None or one["time"] >= since]
        return found[:ROWS_MAX] if since is not None else found[-ROWS_MAX:]


async def test_every_page_is_read_and_no_payment_twice():
    """2,500 payments, ten a moment, come back one by one, also where a page ends within a moment."""
    listing = Listing(*(row(number, 1_000 + number // 10) for number in range(2_500)))
    found = await income.payments(listing, lambda _: None, 1_000 * 10**6)
    assert [one.reference for one in sorted(found, key=lambda one: int(one.reference.split()[1]))] == [
        f"income {number}" for number in range(2_500)
    ]
    assert {one.amount for one in found} == {-1_000_000}
    assert [one.market_ns for one in found] == sorted(one.market_ns for one in found)
    assert len(listing.asked) == 3


async def test_without_a_start_the_newest_page_is_all():
    """The first day asks what there was lately, once."""
    listing = Listing(*(row(number, 1_000 + number) for number in range(ROWS_MAX + 5)))
    assert len(await income.payments(listing, lambda _: None, 0)) == ROWS_MAX
    assert listing.asked == [{"incomeType": "FUNDING_FEE", "limit": ROWS_MAX}]


async def test_what_is_moved_in_another_asset_is_not_in_the_wallet():
    """Coins of another name change nothing of the cash that is kept; the kind is asked for by name."""
    listing = Listing(row(1, 5, "", "2.5"), row(2, 6, "", "7") | {"asset": "BNB"})
    (found,) = await income.payments(listing, lambda _: None, 5, income.TRANSFER)
    assert (found.amount, found.reference, listing.asked[0]["incomeType"]) == (250_000_000, "income 1", "TRANSFER")


async def test_without_a_kind_every_kind_is_listed_under_a_name_of_its_own():
    """A number is unique within its kind alone; what trades brought names the trade."""
    listing = Listing(
        row(7, 5), row(7, 6, "") | {"incomeType": "TRANSFER"}, row(7, 7, "") | {"incomeType": "WELCOME_BONUS"},
        row(7, 8) | {"incomeType": "REALIZED_PNL", "tradeId": "31"}, row(7, 9) | {"incomeType": "COMMISSION"},
    )  # fmt: skip
    found = await income.payments(listing, lambda _: None, 5, income.ALL)
    assert "incomeType" not in listing.asked[0]
    assert [(one.kind, one.reference, one.trade_id) for one in found] == [
        ("FUNDING_FEE", "income 7", 0), ("TRANSFER", "income 7", 0), ("WELCOME_BONUS", "income WELCOME_BONUS  7", 0),
        ("REALIZED_PNL", "income REALIZED_PNL BTCUSDT 7", 31), ("COMMISSION", "income COMMISSION BTCUSDT 7", 0),
    ]  # fmt: skip


async def test_a_row_that_cannot_be_read_is_no_answer():
    """Unknown, so that it is asked again; nothing is booked of such a page."""
    with pytest.raises(errors.Unknown):
        await income.payments(Listing(row(1, 5, amount="much")), lambda _: None, 5)
