"""Requests in text become integers or a refusal."""

from engine.venue.embedded.filters import Draft, lots_are_in_bounds, notional_is_enough, read
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.orders import PlaceOrder, Refusal

BTC = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])


def drafted(**more: object) -> Draft:
    """A limit order that can be read."""
    fields = {"symbol": "BTCUSDT", "side": 1, "type": "LIMIT", "quantity": "0.010", "price": "100000.0"}
    draft = read(PlaceOrder(**{**fields, **more}), BTC)  # type: ignore[arg-type]
    assert isinstance(draft, Draft), draft
    return draft


def test_text_is_read_as_ticks_and_lots() -> None:
    """Trailing zeros are no digits."""
    draft = drafted(quantity="0.01000000", price="100000.10")
    assert (draft.lots, draft.price_ticks, draft.trigger_ticks) == (10, 1_000_001, 0)


def test_the_smallest_notional_is_of_the_price_asked_for() -> None:
    """99.9 USDT are refused with -4164, 100 are not, and reducing is always large enough."""
    refusal = notional_is_enough(drafted(quantity="0.001", price="99900"), 1_000_000)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, "100" in refusal.message) == (-4164, True)
    assert notional_is_enough(drafted(quantity="0.001", price="100000"), 1_000_000) is None
    assert notional_is_enough(drafted(quantity="0.001", price="1", reduce_only=True), 1_000_000) is None


def test_takers_have_a_smaller_most() -> None:
    """120 BTC by market order, 1000 by limit order."""
    assert lots_are_in_bounds(drafted(quantity="121")) is None
    refusal = lots_are_in_bounds(drafted(quantity="121", type="MARKET"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == -4005


def test_numbers_that_are_none_are_refused() -> None:
    """Infinity, exponents beyond reason and letters have codes, never a traceback."""
    for price in ("Infinity", "1e400", "0x10", "1e-9", " ", "--1"):
        answer = read(PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="1", price=price), BTC)
        assert isinstance(answer, Refusal), price
