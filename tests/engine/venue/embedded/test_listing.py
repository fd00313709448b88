"""Ticks, lots and text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venue.embedded.listing import PUBLISHED, Filters, e8_text, e8_texts, listing, split_name

BTC = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])
COIN = listing(0, "ALGO", "BTC", Filters("0.00000001", "1", "1000000", "1000000", "0"))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_published_contract_has_a_whole_unit(name: str) -> None:
    """A tick times a lot is a whole number of minor units, and the smallest order is within the limits."""
    contract = listing(0, *(split_name(name) or ("", "")), PUBLISHED[name])
    assert contract.id == name
    assert contract.unit >= 1
    assert contract.lots_min <= contract.market_lots_max <= contract.lots_max


@given(ticks=st.integers(1, 10**9), lots=st.integers(1, 10**9))
def test_text_and_integers_are_the_same_numbers(ticks: int, lots: int) -> None:
    """What is written is read back, for coarse and fine contracts."""
    for contract in (BTC, COIN):
        assert contract.ticks(contract.price_text(ticks)) == ticks
        assert contract.lots(contract.quantity_text(lots)) == lots


def test_numbers_off_the_grid_are_none() -> None:
    """A price between two ticks and a quantity between two lots are no integers of ours."""
    assert BTC.ticks("95505.45") is None
    assert BTC.lots("0.0005") is None
    assert BTC.ticks("95505.40000") == 955_054


@pytest.mark.parametrize(
    ("value_e8", "decimals", "text"),
    [
        (9_550_540_000_000, 1, "95505.4"),
        (-150_000_000, 8, "-1.50000000"),
        (700_000_000, 0, "7"),
        (-1, 8, "-0.00000001"),
    ],
)
def test_text_has_the_digits_that_were_asked_for(value_e8: int, decimals: int, text: str) -> None:
    """Digits are cut, never rounded."""
    assert e8_text(value_e8, decimals) == text


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("BTCUSDT", ("BTC", "USDT")),
        ("ALGOBTC", ("ALGO", "BTC")),
        ("XRP_ETH", ("XRP", "ETH")),
        ("XRP_USDT_USDT", ("XRP", "USDT")),
        ("btc-perp", ("BTC", "USDT")),
        ("USDT", None),
        ("gold", None),
    ],
)
def test_a_name_says_base_and_quote(name: str, pair: tuple[str, str] | None) -> None:
    """The spellings of the files that people have; anything else is unreadable."""
    assert split_name(name) == pair


@given(values=st.lists(st.integers(0, 10**18), max_size=5), decimals=st.integers(0, 8))
def test_a_page_of_values_reads_as_each_of_them(values: list[int], decimals: int) -> None:
    """A thousand candles at once are written as one is."""
    assert e8_texts(values, decimals) == [e8_text(value, decimals) for value in values]
