"""Which markets are traded: every rule leaves out what it names, in order, whatever order the markets come in."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.market import DATED, INVERSE, PERPETUAL, SPOT, Market
from orchestrator.universe import (
    DAY_MS,
    RULES,
    Circumstances,
    UniverseError,
    UniverseSettings,
    choose,
    described,
    is_named,
    named,
)

NOW_MS = 1_763_683_200_000
AT = Circumstances(now_ms=NOW_MS, asset="USDT")
PLAIN = UniverseSettings()


def perpetual(base: str, volume: float | None = 1e9, **changes: object) -> Market:
    """A contract in USDT that has been listed for a thousand days."""
    values: dict = {
        "symbol": f"{base}/USDT:USDT",
        "id": f"{base}USDT",
        "base": base,
        "quote": "USDT",
        "settle": "USDT",
        "listed_ms": NOW_MS - 1000 * DAY_MS,
        "last": Decimal(10),
        "volume": None if volume is None else Decimal(str(volume)),
        "tick": Decimal("0.001"),
        "lot": Decimal("0.1"),
        "quantity_min": Decimal("0.1"),
        "notional_min": Decimal(5),
    }
    return Market(**{**values, **changes})


def spot(base: str, quote: str = "USDT", **changes: object) -> Market:
    """A spot market."""
    return perpetual(
        base, symbol=f"{base}/{quote}", id=base + quote, quote=quote, settle="", kind=SPOT, listed_ms=None, **changes
    )


def reason(market: Market, rules: UniverseSettings = PLAIN, at: Circumstances = AT) -> str:
    """Rule and words by which ``market`` is left out, among some that are not."""
    others = [perpetual("AAA", 5e9), perpetual("BBB", 4e9)]
    found = choose([market, *others], rules, at)
    return next((f"{one.rule}: {one.words}" for one in found.left if one.symbol == market.symbol), "")


@pytest.mark.parametrize(
    ("changes", "rules", "expected"),
    [
        ({}, {}, ""),
        ({}, {"deny": ("XYZ",)}, "deny: denied by XYZ"),
        ({}, {"deny": ("X*/USDT:USDT",)}, "deny: denied by X*/USDT:USDT"),
        ({}, {"deny": ("XY",)}, ""),
        ({}, {"allow": ("A*",)}, "allow: not on the list of what is allowed"),
        ({}, {"allow": ("XYZUSDT",)}, ""),
        ({"kind": DATED}, {}, "kind: dated, not perpetual"),
        ({"kind": INVERSE}, {}, "kind: inverse, not perpetual"),
        ({"quote": "USDC"}, {}, "quotes: quoted in USDC"),
        ({"settle": "USDC"}, {}, "asset: settled in USDC; the account holds USDT"),
        ({"status": "SETTLING"}, {}, "status: SETTLING, not TRADING"),
        ({"underlying": "INDEX"}, {}, "underlyings: its underlying is INDEX"),
        ({"underlying": "INDEX"}, {"underlyings": ()}, ""),
        ({"is_leveraged": True}, {}, "leveraged: a leveraged token"),
        ({"is_leveraged": True}, {"leveraged": True}, ""),
        ({"tick": None}, {}, "sanity: its tick or lot is not told"),
        ({"tick": Decimal("0.0000001"), "lot": Decimal("0.01")}, {}, "sanity: tick 0.0000001 times lot 0.01"),
        ({"last": Decimal("0.4")}, {"price_min": Decimal("0.5")}, "sanity: its price 0.4 is below price_min 0.5"),
        ({"last": Decimal("0.499")}, {}, "sanity: a tick is 2004 ppm of its price; tick_ppm_max is 2000"),
        ({"last": Decimal("0.5")}, {}, ""),
        ({"last": Decimal("0.499")}, {"tick_ppm_max": 0}, ""),
        ({"quantity_min": Decimal("20.1")}, {}, "sanity: its smallest order is 201.00; order_min_max is 200"),
        ({"notional_min": Decimal(201)}, {}, "sanity: its smallest order is 201.00; order_min_max is 200"),
        ({"notional_min": Decimal(201)}, {"order_min_max": Decimal(0)}, ""),
        ({"last": None, "notional_min": Decimal(999)}, {}, ""),
        ({"listed_ms": NOW_MS - 30 * DAY_MS + 1}, {}, "age_days_min: listed 29 days ago"),
        ({"listed_ms": NOW_MS - 30 * DAY_MS}, {}, ""),
        ({"listed_ms": NOW_MS + DAY_MS}, {}, "age_days_min: listed 0 days ago"),
        ({"listed_ms": None}, {}, ""),  # not told
        ({}, {"spot": "required"}, "spot: no spot to compare it with"),
        ({"volume": Decimal(99)}, {"volume_min": Decimal(100)}, "volume_min: 24 h volume 99"),
        ({"volume": None}, {"volume_min": Decimal(100)}, "volume_min: its volume is not told"),
        ({"volume": None}, {}, ""),
        ({"volume": Decimal(99)}, {"rank_max": 2}, "rank_max: rank 3"),
        ({"volume": Decimal(99)}, {"rank_max": 3}, ""),
        ({"volume": Decimal(99)}, {"rank_max": 0}, ""),
        ({"symbol": "X" * 22 + "/USDT:USDT"}, {}, ""),
        ({"symbol": "X" * 23 + "/USDT:USDT"}, {}, "sanity: its name is longer than 32 bytes"),
    ],
)
def test_each_rule_leaves_out_what_it_names(changes, rules, expected):
    """The rule's name is the setting's; the words hold the number that was too much."""
    assert reason(perpetual("XYZ", **changes), UniverseSettings(**rules)).startswith(expected or "")
    assert bool(reason(perpetual("XYZ", **changes), UniverseSettings(**rules))) is bool(expected)


def test_the_first_rule_that_objects_is_the_reason():
    """A market that every rule objects to is left out by the first; without that, by the next, to the end."""
    bad = perpetual(
        "XYZ", 1, kind=DATED, quote="USDC", settle="USDC", status="BREAK", underlying="INDEX", is_leveraged=True,
        tick=None, listed_ms=NOW_MS,
    )  # fmt: skip
    rules = UniverseSettings(
        deny=("XYZ",), allow=("AAA",), spot="required", volume_min=Decimal(100), rank_max=1, quotes=("USDT",)
    )
    better = [
        ("deny", {"deny": ()}, {}),
        ("allow", {"allow": ()}, {}),
        ("kind", {}, {"kind": PERPETUAL}),
        ("quotes", {}, {"quote": "USDT"}),
        ("asset", {}, {"settle": "USDT"}),
        ("status", {}, {"status": "TRADING"}),
        ("underlyings", {}, {"underlying": "COIN"}),
        ("leveraged", {}, {"is_leveraged": False}),
        ("sanity", {}, {"tick": Decimal("0.001")}),
        ("age_days_min", {}, {"listed_ms": None}),
        ("spot", {"spot": "any"}, {}),
        ("volume_min", {"volume_min": Decimal(0)}, {}),
        ("rank_max", {"rank_max": 0}, {}),
    ]
    assert [name for name, _, _ in better] == [name for name, _ in RULES]
    for name, ours, its in better:
        assert reason(bad, rules).partition(":")[0] == name
        rules, bad = replace(rules, **ours), replace(bad, **its)
    assert reason(bad, rules) == ""


def test_what_is_taken_comes_by_volume_and_equals_by_symbol():
    """The order of a session's rows; the place among the trading contracts is the rank."""
    markets = [perpetual("C", 1e6), perpetual("B", 1e6), perpetual("A", 1), perpetual("D", 2e6), perpetual("E", None)]
    found = choose(markets, UniverseSettings(), AT)
    assert [(one.market.base, one.rank) for one in found.taken] == [("D", 1), ("B", 2), ("C", 3), ("A", 4), ("E", 5)]


def test_volumes_in_other_assets_are_compared_by_their_worth():
    """20 BTC are more than a million dollars."""
    markets = [
        spot("BTC", last=Decimal(100_000)),
        spot("ETH", "BTC", volume=Decimal(20), last=Decimal("0.03"), tick=Decimal("0.00001"), lot=Decimal("0.001")),
        spot("SOL", volume=Decimal(1_000_000)),
    ]
    markets[0] = replace(markets[0], volume=Decimal(1))
    rules = UniverseSettings(kind=SPOT, quotes=("USDT", "BTC"), order_min_max=Decimal(0))
    assert choose(markets, rules, AT).symbols == ("ETH/BTC", "SOL/USDT", "BTC/USDT")


def test_without_any_volume_nothing_is_ranked():
    """A recorded exchangeInfo has none: rank_max would leave out by the alphabet."""
    found = choose([perpetual(base, None) for base in "ABC"], UniverseSettings(rank_max=1), AT)
    assert found.symbols == ("A/USDT:USDT", "B/USDT:USDT", "C/USDT:USDT")
    assert {one.rank for one in found.taken} == {0}
    assert "rank_max leaves nothing out" in found.notes[0]


def test_a_leveraged_token_is_known_by_its_name_on_spot():
    """BTCUP and ETH3S are funds; JUP and SYRUP are coins, and so is a contract however it is called."""
    markets = [spot(base) for base in ("BTC", "BTCUP", "ETH", "ETH3S", "JUP", "SYRUP")]
    found = choose([*markets, perpetual("BTCUP")], UniverseSettings(kind=SPOT), AT)
    assert [one.symbol for one in found.left if one.rule == "leveraged"] == ["BTCUP/USDT", "ETH3S/USDT"]
    assert "BTCUP/USDT:USDT" in choose([*markets, perpetual("BTCUP")], UniverseSettings(), AT).symbols


def test_what_is_held_stays_whatever_the_rules_say():
    """Denied, settling and of the last rank: somebody has to look after it. What is not listed is told."""
    old = perpetual("OLD", 1, status="SETTLING")
    at = replace(AT, held=("OLD/USDT:USDT", "GONE/USDT:USDT"))
    found = choose([old, perpetual("AAA")], UniverseSettings(deny=("OLD",), rank_max=1), at)
    assert [(one.market.base, one.rank) for one in found.taken] == [("AAA", 1), ("OLD", 0)]
    assert found.notes == ("GONE/USDT:USDT: something is held, and it is not listed any more",)


def test_a_quote_that_nothing_is_quoted_in_is_refused():
    """With those that there are."""
    with pytest.raises(UniverseError, match=r"quotes USDX: no perpetual market is quoted in it; there are USDC, USDT"):
        choose([perpetual("A"), perpetual("B", quote="USDC")], UniverseSettings(quotes=("USDT", "USDX")), AT)
    with pytest.raises(UniverseError, match="there are none"):
        choose([], UniverseSettings(), AT)


def test_an_empty_result_names_the_rule_that_removed_the_most():
    """One line, with an example and the runners-up."""
    markets = [*(perpetual(base, listed_ms=NOW_MS) for base in "ABC"), perpetual("D", status="BREAK")]
    line = described(choose(markets, UniverseSettings(), AT), "binanceusdm")
    assert line == (
        "market.universe: none of the 4 markets of binanceusdm is left; age_days_min removed the most (3, e.g. "
        "A/USDT:USDT: listed 0 days ago); then status 1"
    )


def test_an_entry_of_a_list_that_names_nothing_is_noted():
    """A typo in what is denied would trade it."""
    found = choose([perpetual("A")], UniverseSettings(deny=("LUNQ",), allow=("A", "Z*")), AT)
    assert found.notes == ("market.universe.allow Z*: names no market", "market.universe.deny LUNQ: names no market")


@pytest.mark.parametrize(
    ("pattern", "is_"),
    [("BTC/USDT:USDT", True), ("BTCUSDT", True), ("BTC", True), ("B?C", True), ("btc", False), ("BT", False)],
)
def test_a_pattern_names_a_symbol_an_id_or_a_base(pattern, is_):
    """Whole, and with the case that exchanges write."""
    assert is_named(perpetual("BTC"), pattern) is is_


@pytest.mark.parametrize(
    ("given", "symbols", "spots"),
    [
        ("A/B:B, C/B:B,", ("A/B:B", "C/B:B"), {}),
        (["A/B:B", " C/B:B"], ("A/B:B", "C/B:B"), {}),
        ({"A/B:B": True, "C/B:B": False, "D/B:B": "D/B*10"}, ("A/B:B", "D/B:B"), {"D/B:B": "D/B*10"}),
        ([], (), {}),
        ("A/B:B,A/B:B", ("A/B:B", "A/B:B"), {}),  # whoever reads them refuses it
    ],
)
def test_symbols_are_a_text_a_list_or_a_table(given, symbols, spots):
    """One accessor for all of them."""
    assert named(given) == (symbols, spots)


def test_a_table_of_symbols_with_something_else_in_it_is_refused():
    """By the symbol."""
    with pytest.raises(UniverseError, match=r"market.symbols A/B:B: true, false, or the spot"):
        named({"A/B:B": 5})


@pytest.mark.parametrize(
    "rules",
    [
        {"kind": "future"}, {"quotes": ()}, {"spot": "maybe"}, {"rank_max": -1}, {"volume_min": Decimal("NaN")},
        {"price_min": Decimal("Infinity")}, {"age_days_min": -1}, {"deny": ("",)}, {"allow": ("A", "")},
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(rules):
    """At birth, and by name."""
    with pytest.raises(ValueError, match=next(iter(rules))):
        UniverseSettings(**rules)


BASES = ("A", "B", "C", "D", "E", "F", "AUP")
MARKETS = st.lists(
    st.builds(
        perpetual,
        st.sampled_from(BASES),
        st.sampled_from([None, 0, 1, 1, 2, 1e6, 1e9]),
        status=st.sampled_from(["TRADING", "TRADING", "BREAK"]),
        quote=st.sampled_from(["USDT", "USDT", "USDC"]),
        listed_ms=st.sampled_from([None, NOW_MS, NOW_MS - 400 * DAY_MS]),
        last=st.sampled_from([None, Decimal("0.01"), Decimal(10)]),
        underlying=st.sampled_from(["COIN", "COIN", "INDEX"]),
        is_leveraged=st.booleans(),
    ),
    unique_by=lambda one: one.symbol,
    max_size=7,
).map(lambda markets: [perpetual("ZZZ", 1, status="BREAK"), *markets])
LISTS = st.lists(st.sampled_from([*BASES, "*", "?", "A*", "nothing"]), max_size=3).map(tuple)
UNIVERSES = st.builds(
    UniverseSettings,
    rank_max=st.integers(0, 5),
    volume_min=st.sampled_from([Decimal(0), Decimal(1), Decimal(10**6)]),
    age_days_min=st.sampled_from([0, 30, 500]),
    allow=LISTS,
    deny=LISTS,
    leveraged=st.booleans(),
    underlyings=st.sampled_from([(), ("COIN",)]),
)


@given(MARKETS, UNIVERSES, st.randoms(use_true_random=False))
def test_the_order_of_the_markets_does_not_matter(markets, rules, chance):
    """Not to what is taken, its order and ranks, and not to the reasons."""
    shuffled = list(markets)
    chance.shuffle(shuffled)
    assert choose(shuffled, rules, AT) == choose(markets, rules, AT)


@given(MARKETS, UNIVERSES)
def test_every_market_is_taken_or_left_out_by_one_rule(markets, rules):
    """None is lost, none is both, and every reason has words."""
    found = choose(markets, rules, AT)
    assert sorted([*found.symbols, *(one.symbol for one in found.left)]) == sorted(one.symbol for one in markets)
    names = {name for name, _ in RULES}
    assert all(one.rule in names and one.words for one in found.left)
    assert sum(len(symbols) for symbols in found.removed().values()) == len(found.left)


@given(MARKETS, UNIVERSES, st.sampled_from(["A", "?", "*", "B/USDT:USDT", "FUSDT"]))
def test_denying_more_never_adds_a_market(markets, rules, pattern):
    """What is taken is what was taken before, less what the entry names, in the same order and with the same ranks."""
    before = choose(markets, rules, AT).taken
    after = choose(markets, replace(rules, deny=(*rules.deny, pattern)), AT).taken
    assert after == tuple(one for one in before if not is_named(one.market, pattern))


@given(MARKETS, UNIVERSES, st.integers(0, 5), st.sampled_from([0, 5, 100]))
def test_stricter_rules_take_no_market_that_looser_ones_do_not(markets, rules, fewer, days):
    """Of a lower rank, a higher volume, a greater age."""
    before = set(choose(markets, rules, AT).symbols)
    lower = max(1, rules.rank_max - fewer) if rules.rank_max else fewer
    for stricter in (
        replace(rules, rank_max=lower),
        replace(rules, volume_min=rules.volume_min + 1),
        replace(rules, age_days_min=rules.age_days_min + days),
    ):
        assert set(choose(markets, stricter, AT).symbols) <= before


@given(MARKETS, UNIVERSES)
def test_ranks_grow_and_volumes_fall(markets, rules):
    """What is taken is sorted, whatever was left out between."""
    taken = choose(markets, rules, AT).taken
    ranks = [one.rank for one in taken]
    assert ranks == sorted(ranks)
    if any(ranks):
        assert len(set(ranks)) == len(ranks)
        volumes = [-1 if one.market.volume is None else one.market.volume for one in taken]
        assert volumes == sorted(volumes, reverse=True)
