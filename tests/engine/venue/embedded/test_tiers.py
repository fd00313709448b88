"""The ladder of leverage."""

import pytest

from engine.venue.embedded.tiers import E8, notional_max, tier_of, tiers_of


@pytest.mark.parametrize(
    ("symbol", "number", "cut"),
    [("BTCUSDT", 2, 50), ("BTCUSDT", 5, 131_450), ("ETHUSDT", 12, 280_506_450), ("SOLUSDT", 4, 8_380)],
)
def test_cuts_are_the_published_ones(symbol: str, number: int, cut: int) -> None:
    """The `cum` column of the exchange's own table follows from bounds and rates."""
    assert tiers_of(symbol)[number - 1].cut == cut * E8


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"])
def test_maintenance_climbs_without_a_step(symbol: str) -> None:
    """At each bound both tiers ask the same, and one quote more asks more."""
    for tier in tiers_of(symbol)[:-1]:
        above = tier_of(symbol, tier.cap + 1)
        assert above.number == tier.number + 1
        assert above.maintenance(tier.cap) == tier.maintenance(tier.cap)
        assert above.maintenance(tier.cap + E8) > tier.maintenance(tier.cap)


def test_more_leverage_allows_less() -> None:
    """20x of BTC reaches 100 million, 125x fifty thousand, and no tier allows 126x."""
    assert notional_max("BTCUSDT", 20) == 100_000_000 * E8
    assert notional_max("BTCUSDT", 125) == 50_000 * E8
    assert notional_max("BTCUSDT", 126) == 0
