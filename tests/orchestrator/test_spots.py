"""The spot of every contract: by name, by price, by what the settings say; on made-up and on recorded markets."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.market import DATED, INVERSE, PERPETUAL, SPOT
from feed.registry import recorded
from orchestrator.spots import factor_of, paired
from orchestrator.universe import UniverseError
from tests.feed.test_registry import info
from tests.orchestrator.test_universe import perpetual, spot

SPOT_2021 = "binance_spot_exchangeInfo_2021-10-12.json.gz"
USDM_2021 = "binance_usdm_exchangeInfo_2021-07-21.json.gz"
USDM_2025 = "binance_usdm_exchangeInfo_2025-11-26.json.gz"


def at(price: str, one):
    """The market at that price."""
    return replace(one, last=Decimal(price))


def link(contract, *spots, **overrides):
    """Spot and factor of ``contract`` among ``spots``, or why it has none."""
    pairing = paired([contract, *spots], overrides or None)
    found = pairing.spots.get(contract.symbol)
    return (found.symbol, found.factor) if found else pairing.without[contract.symbol]


@pytest.mark.parametrize(
    ("base", "coin", "factor"),
    [
        ("BTC", "BTC", 1),
        ("XBT", "BTC", 1),
        ("XDG", "DOGE", 1),
        ("1000SHIB", "SHIB", 1_000),
        ("10000LADYS", "LADYS", 10_000),
        ("100000AIDOGE", "AIDOGE", 100_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1000X", "X", 1_000),
        ("1INCH", "INCH", None),
        ("1000", "", None),
        ("SHIB", "1000SHIB", None),
    ],
)
def test_a_contracts_number_is_how_many_coins_it_is(base, coin, factor):
    """A base may begin with digits that are its name: 1INCH is no multiple."""
    assert factor_of(base, coin) == factor


def test_a_thousand_coins_are_one_contract():
    """1000SHIB/USDT:USDT at 0.0085 is a thousand SHIB/USDT at 0.0000085."""
    contract = at("0.0085", perpetual("1000SHIB"))
    assert link(contract, at("0.0000085", spot("SHIB"))) == ("SHIB/USDT", 1000)


def test_a_spot_that_carries_the_number_itself_comes_first():
    """1000SATS is listed under that name on both floors; the price decides where both names are."""
    contract = at("0.0003", perpetual("1000SATS"))
    both = (at("0.0003", spot("1000SATS")), at("0.0000003", spot("SATS")))
    assert link(contract, *both) == ("1000SATS/USDT", 1)
    assert link(contract, at("7", both[0]), both[1]) == ("SATS/USDT", 1000)


def test_a_contract_of_single_coins_meets_a_spot_of_thousands():
    """PF_SATSUSD against 1000SATS: one coin is a thousandth."""
    assert link(perpetual("SATS", last=None), spot("1000SATS", last=None)) == ("1000SATS/USDT", Decimal("0.001"))


def test_other_spellings_of_a_coin_are_that_coin():
    """PF_XBTUSD has BTC/USD, and XBT/USD where spot spells it so too; a contract of BTC meets a spot of XBT."""
    contract = perpetual("XBT", symbol="XBT/USD:USD", id="PF_XBTUSD", quote="USD", settle="USD")
    assert link(contract, spot("BTC", "USD")) == ("BTC/USD", 1)
    assert link(contract, spot("XBT", "USD")) == ("XBT/USD", 1)
    assert link(perpetual("BTC"), spot("XBT")) == ("XBT/USDT", 1)


def test_a_renamed_base_is_its_coin_only_where_the_prices_say_so():
    """LUNA2 is what LUNA is called since: the old LUNA at 60 is another coin, and without prices nobody knows."""
    contract = at("0.15", perpetual("LUNA2"))
    assert link(contract, at("0.151", spot("LUNA"))) == ("LUNA/USDT", 1)
    assert link(contract, at("60", spot("LUNA"))) == "LUNA/USDT at 60 is another coin: the contract is at 0.15"
    assert link(contract, spot("LUNA", last=None)) == "LUNA2 may be LUNA: no prices to tell by"


def test_another_coin_of_the_same_name_is_no_spot():
    """A fifth apart is the most; a basis is smaller, other coins are further."""
    contract = at("12", perpetual("BOB"))
    assert link(contract, at("10", spot("BOB"))) == ("BOB/USDT", 1)
    assert "is another coin" in link(contract, at("9.99", spot("BOB")))
    assert link(at("8", contract), at("10", spot("BOB"))) == ("BOB/USDT", 1)
    assert "is another coin" in link(at("7.99", contract), at("10", spot("BOB")))


def test_of_several_spots_the_contracts_own_quote_comes_first_then_the_most_traded():
    """Then the better known dollar. What does not trade is passed over; BTC as a quote is no dollar."""
    contract = perpetual("SOL")
    usdt, usdc, fdusd = (spot("SOL", quote, volume=Decimal(10)) for quote in ("USDT", "USDC", "FDUSD"))
    busy = replace(fdusd, volume=Decimal(11))
    assert link(contract, usdc, busy, usdt) == ("SOL/USDT", 1)
    assert link(contract, usdc, busy) == ("SOL/FDUSD", 1)
    assert link(contract, usdc, fdusd) == ("SOL/USDC", 1)
    assert link(contract, replace(usdt, status="BREAK"), fdusd) == ("SOL/FDUSD", 1)
    assert link(contract, spot("SOL", "BTC"), spot("SOL", "BNB")) == "SOL is quoted in BNB, BTC, not in USDT"
    assert link(contract, replace(usdt, status="BREAK")) == "SOL/USDT does not trade (BREAK)"


def test_what_has_no_spot_says_why():
    """By the names that were looked for; where no spot is told at all, that."""
    assert link(perpetual("1000BONK"), spot("BTC")) == "no spot of 1000BONK or BONK"
    assert link(perpetual("BTCDOM", underlying="INDEX"), spot("BTCDOM")) == "an index has no spot"
    assert link(perpetual("BTC")) == "no spot market is told"


def test_the_settings_win_over_what_is_found():
    """Another spot, another factor, or none; a factor that is left out follows from the names."""
    contract, spots = perpetual("1000PEPE", last=None), (spot("PEPE", last=None), spot("PEPE", "USDC", last=None))
    for text, expected in (
        ("PEPE/USDC", ("PEPE/USDC", 1000)),
        ("PEPE/USDC*10", ("PEPE/USDC", 10)),
        ("PEPE/USDC * 0.5", ("PEPE/USDC", Decimal("0.5"))),
        ("", "market.spots says that it has none"),
    ):
        assert link(contract, *spots, **{contract.symbol: text}) == expected
    other = spot("FROG")
    assert link(contract, other, **{contract.symbol: "FROG/USDT"}) == ("FROG/USDT", 1)


@pytest.mark.parametrize(
    ("symbol", "text", "complaint"),
    [
        ("X/USDT:USDT", "PEPE/USDT", "market.spots X/USDT:USDT: not listed"),
        ("1000PEPE/USDT:USDT", "FROG/USDT", "no spot of that symbol is listed"),
        ("1000PEPE/USDT:USDT", "1000PEPE/USDT:USDT", "no spot of that symbol is listed"),
        ("1000PEPE/USDT:USDT", "PEPE/USDT*many", "after [*] comes how many coins a contract is"),
        ("1000PEPE/USDT:USDT", "PEPE/USDT*0", "after [*] comes how many coins a contract is"),
        ("1000PEPE/USDT:USDT", "PEPE/USDT*NaN", "after [*] comes how many coins a contract is"),
        ("PEPE/USDT", "PEPE/USDT", "market.spots PEPE/USDT: is no contract"),
    ],
)
def test_an_override_that_cannot_be_is_refused(symbol, text, complaint):
    """By its own words."""
    with pytest.raises(UniverseError, match=complaint):
        paired([perpetual("1000PEPE"), spot("PEPE")], {symbol: text})


def test_a_spot_knows_its_contracts_the_best_first():
    """A perpetual that trades and has its quote, then by volume; dated ones last; inverse ones are none."""
    usdt, usdc = perpetual("BTC", 5), perpetual("BTC", 9, symbol="BTC/USDC:USDC", quote="USDC", settle="USDC")
    dated = perpetual("BTC", 99, symbol="BTC/USDT:USDT-251226", kind=DATED)
    closed = perpetual("BTC", 99, symbol="BTC/BUSD:BUSD", quote="BUSD", settle="BUSD", status="CLOSED")
    inverse = perpetual("BTC", symbol="BTC/USD:BTC", quote="USD", settle="BTC", kind=INVERSE)
    pairing = paired([dated, closed, inverse, usdc, usdt, spot("BTC"), spot("BTC", "FDUSD"), spot("ETH")])
    assert pairing.contracts == {"BTC/USDT": tuple(one.symbol for one in (usdt, usdc, closed, dated))}
    assert pairing.spot_without == {
        "BTC/FDUSD": "its contract is compared with BTC/USDT",
        "ETH/USDT": "no contract of ETH",
    }
    assert inverse.symbol not in {*pairing.spots, *pairing.without}


def test_the_recorded_markets_of_2021_are_mapped_but_for_two_indices():
    """120 of 122 contracts; 1000SHIB is the only multiple."""
    pairing = paired([*recorded(info(SPOT_2021)), *recorded(info(USDM_2021))])
    assert pairing.without == {
        "BTCDOM/USDT:USDT": "an index has no spot",
        "DEFI/USDT:USDT": "an index has no spot",
    }
    assert len(pairing.spots) == 120
    assert {name: one.factor for name, one in pairing.spots.items() if one.factor != 1} == {"1000SHIB/USDT:USDT": 1000}
    assert all(name.partition(":")[0] == one.symbol for name, one in pairing.spots.items() if one.factor == 1 and
               "-" not in name)  # fmt: skip


def test_every_contract_of_2025_is_mapped_or_says_why_not():
    """Against the spots of 2021, the last that are recorded: 219 of 646, three multiples, and nothing guessed."""
    contracts = recorded(info(USDM_2025))
    pairing = paired([*recorded(info(SPOT_2021)), *contracts])
    assert sorted([*pairing.spots, *pairing.without]) == sorted(one.symbol for one in contracts)
    assert len(pairing.spots) == 219
    assert all(pairing.without.values())
    multiples = {name: (one.symbol, one.factor) for name, one in pairing.spots.items() if one.factor != 1}
    assert multiples == {
        "1000SHIB/USDT:USDT": ("SHIB/USDT", 1000),
        "1000SHIB/USDC:USDC": ("SHIB/USDT", 1000),
        "1000XEC/USDT:USDT": ("XEC/USDT", 1000),
    }
    unsure = [name for name, words in pairing.without.items() if "no prices to tell by" in words]
    assert unsure == ["DODOX/USDT:USDT", "LUNA2/USDT:USDT", "RAYSOL/USDT:USDT"]
    assert pairing.without["1000BONK/USDT:USDT"] == "no spot of 1000BONK or BONK"
    assert pairing.spots["1INCH/USDT:USDT"].factor == 1


def test_with_todays_spots_every_coin_of_2025_would_be_mapped():
    """A spot of each coin, at the price of one: all but four indices, a contract in BTC, and a namesake."""
    contracts = [at("1", one) for one in recorded(info(USDM_2025))]
    coins = {}
    for one in contracts:
        number = next((n for n in ("1000000", "1000", "1M") if one.base.startswith(n) and one.base != n), "")
        times = Decimal(10**6 if number == "1M" else int(number or 1))
        coins.setdefault(one.base.removeprefix(number), times)
    spots = [at(f"{1 / times:f}", spot(coin)) for coin, times in coins.items()]
    pairing = paired([*contracts, *spots])
    reasons = {name.partition("/")[0]: words for name, words in pairing.without.items()}
    assert {base for base, words in reasons.items() if words == "an index has no spot"} == {
        "ALL", "BLUEBIRD", "BTCDOM", "DEFI",
    }  # fmt: skip
    assert reasons["ETH"] == "ETH is quoted in USDT, not in BTC"
    assert "is another coin" in reasons["BOB"], "1000000BOB is a contract of its own"
    assert (len(reasons), len(pairing.spots)) == (6, 640)
    assert pairing.spots["1000PEPE/USDT:USDT"].factor == 1000
    assert pairing.spots["1MBABYDOGE/USDT:USDT"].factor == 1_000_000


@pytest.mark.parametrize("futures", [USDM_2021, USDM_2025])
def test_from_a_contract_to_its_spot_and_back(futures):
    """Every contract is among its spot's, and the best one's spot is that spot again."""
    pairing = paired([*recorded(info(SPOT_2021)), *recorded(info(futures))])
    for name, one in pairing.spots.items():
        assert name in pairing.contracts[one.symbol]
        assert pairing.spots[pairing.contracts[one.symbol][0]].symbol == one.symbol
    assert sum(len(names) for names in pairing.contracts.values()) == len(pairing.spots)
    assert not pairing.contracts.keys() & pairing.spot_without.keys()


BASES = ("BTC", "XBT", "SHIB", "1000SHIB", "LUNA", "LUNA2")
PRICES = st.sampled_from([None, Decimal(1), Decimal("1.1"), Decimal(1000), Decimal("0.001")])
VOLUMES = st.sampled_from([None, 1, 1, 5])
SPOTS = st.builds(
    lambda base, quote, price, volume, status: spot(base, quote, last=price, volume=volume, status=status),
    st.sampled_from(BASES), st.sampled_from(["USDT", "USDC", "BTC"]), PRICES, VOLUMES.map(
        lambda v: None if v is None else Decimal(v)), st.sampled_from(["TRADING", "TRADING", "BREAK"]),
)  # fmt: skip
CONTRACTS = st.builds(lambda base, price: perpetual(base, last=price), st.sampled_from(BASES), PRICES)
LISTED = st.lists(st.one_of(SPOTS, CONTRACTS), unique_by=lambda one: one.symbol, max_size=10)


@given(LISTED, st.randoms(use_true_random=False))
def test_the_order_of_the_markets_does_not_matter(markets, chance):
    """Not to the spots, and not to the reasons."""
    shuffled = list(markets)
    chance.shuffle(shuffled)
    assert paired(shuffled) == paired(markets)


@given(LISTED)
def test_nothing_is_mapped_against_its_price(markets):
    """Where both prices are known they are within a fifth; what is mapped trades, and every other has a reason."""
    known, pairing = {one.symbol: one for one in markets}, paired(markets)
    for name, one in pairing.spots.items():
        contract, coin = known[name], known[one.symbol]
        assert coin.kind == SPOT
        assert coin.is_trading
        if contract.last is not None and coin.last is not None:
            assert abs(contract.last - coin.last * one.factor) <= coin.last * one.factor / 5
    contracts = {one.symbol for one in markets if one.kind == PERPETUAL}
    assert {*pairing.spots, *pairing.without} == contracts
    assert all(pairing.without.values())
