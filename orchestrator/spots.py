"""The spot of every contract, and how many of its coins a contract's unit is: BTC/USDT:USDT is one BTC/USDT,
1000PEPE/USDT:USDT is a thousand PEPE/USDT.

    override in the settings          wins
    an index                          has none
    the same base                     1000SATS/USDT where spot lists 1000SATS itself
    another spelling of it            XBT is BTC
    the base less its number          1000SHIB, 1MBABYDOGE, 1000000MOG
    a base that was renamed           LUNA2 was LUNA: only where both prices say so
              | candidates: the contract's own quote first, then by 24 h volume
              v
    both prices known and far apart: another coin of the same name, and no spot

Nothing is guessed from a name alone where prices are told.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from feed.market import DATED, PERPETUAL, SPOT, Market
from orchestrator.universe import DOLLARS, UniverseError

ONE = Decimal(1)
NUMBER = re.compile(r"^(1000000|100000|10000|1000|1M)(?=.)")
NUMBERS = {"1000000": 6, "100000": 5, "10000": 4, "1000": 3, "1M": 6}  # powers of ten
ALIASES = {"XBT": "BTC", "XDG": "DOGE"}  # how Kraken spells them
RENAMED = {"LUNA2": "LUNA", "DODOX": "DODO", "RAYSOL": "RAY"}  # what the contract is called, and its coin
APART_MAX = Decimal("0.2")  # a basis is a few per cent at most; other coins are apart by orders of magnitude
LISTED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The spot that a contract is compared with; one unit of the contract is ``factor`` coins."""

    symbol: str
    id: str
    factor: Decimal = ONE


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which contract has which spot; ``without`` says why the others have none."""

    spots: Mapping[str, Spot]  # by the contract's symbol
    without: Mapping[str, str]
    contracts: Mapping[str, tuple[str, ...]]  # by the spot's symbol, the best first
    spot_without: Mapping[str, str]  # spots that no contract is compared with, and why


def paired(markets: Iterable[Market], overrides: Mapping[str, str] | None = None) -> Pairing:
    """The spot of every linear contract of ``markets``, whatever their order."""
    there = sorted(markets, key=lambda one: one.symbol)
    known = {one.symbol: one for one in there}
    contracts = [one for one in there if one.kind in (PERPETUAL, DATED)]
    wanted = dict(overrides or {})
    if unknown := [symbol for symbol in sorted(wanted) if symbol not in known]:
        raise UniverseError(f"market.spots {unknown[0]}: not listed")
    if odd := [symbol for symbol in sorted(wanted) if known[symbol] not in contracts]:
        raise UniverseError(f"market.spots {odd[0]}: is no contract with a spot")
    shelf = _Shelf([one for one in there if one.kind == SPOT])
    spots: dict[str, Spot] = {}
    without: dict[str, str] = {}
    for contract in contracts:
        if contract.symbol in wanted:
            found: Spot | str = _override(contract, wanted[contract.symbol], known)
        else:
            found = shelf.spot_of(contract)
        if isinstance(found, Spot):
            spots[contract.symbol] = found
        else:
            without[contract.symbol] = found
    return Pairing(spots, without, _reversed(spots, known), _spots_without(shelf.spots, spots))


def factor_of(contract: str, coin: str) -> Decimal | None:
    """How many of ``coin`` one unit of ``contract`` is, by their names; None: they are not the same coin."""
    return next((factor for base, factor, _ in _spellings(contract) if base == coin), None)


def _spellings(base: str) -> Iterator[tuple[str, Decimal, bool]]:
    """Coins that a contract's base may mean, how many of them it is, and whether the name alone is enough."""
    yield base, ONE, True
    if base in ALIASES:
        yield ALIASES[base], ONE, True
    if number := NUMBER.match(base):
        yield base[number.end() :], Decimal(10 ** NUMBERS[number[0]]), True
    if base in RENAMED:
        yield RENAMED[base], ONE, False


class _Shelf:
    """Spots by base."""

    def __init__(self, spots: Sequence[Market]) -> None:
        self.spots = spots
        self._by_base: dict[str, list[Market]] = {}
        for one in spots:
            self._by_base.setdefault(one.base, []).append(one)
        for coin, alias in ((coin, alias) for alias, coin in ALIASES.items()):
            self._by_base.setdefault(coin, []).extend(self._by_base.get(alias, []))
        # A spot may carry the number that its contract does not.
        self._numbered = {
            base[number.end() :]: (base, ONE / 10 ** NUMBERS[number[0]])
            for base in sorted(self._by_base)
            if (number := NUMBER.match(base))
        }

    def spot_of(self, contract: Market) -> Spot | str:
        """The spot of ``contract``, or why it has none."""
        if contract.underlying == "INDEX":
            return "an index has no spot"
        if not self.spots:
            return "no spot market is told"
        spellings = list(self._spellings(contract.base))
        reason = f"no spot of {' or '.join(base for base, _, _ in spellings)}"
        for base, factor, is_certain in spellings:
            if not (there := self._by_base.get(base)):
                continue
            found = _best(contract, there, (factor, is_certain))
            if isinstance(found, Market):
                return Spot(symbol=found.symbol, id=found.id, factor=factor)
            reason = found
        return reason

    def _spellings(self, base: str) -> Iterator[tuple[str, Decimal, bool]]:
        yield from _spellings(base)
        if base in self._numbered:
            yield *self._numbered[base], True


def _best(contract: Market, there: Sequence[Market], link: tuple[Decimal, bool]) -> Market | str:
    """The spot among ``there`` that ``contract`` is compared with, or why it is none of them."""
    base = there[0].base
    quoted = [one for one in there if one.quote == contract.quote or {one.quote, contract.quote} <= set(DOLLARS)]
    if not quoted:
        return f"{base} is quoted in {_some(one.quote for one in there)}, not in {contract.quote}"
    quoted.sort(key=lambda one: _preference(contract, one))
    trading = [one for one in quoted if one.is_trading]
    if not trading:
        return f"{quoted[0].symbol} does not trade ({quoted[0].status})"
    factor, is_certain = link
    fitting = [one for one in trading if _fits(contract, one, factor, needs_prices=not is_certain)]
    if not fitting:
        one = trading[0]
        if one.last is None or contract.last is None:
            return f"{contract.base} may be {base}: no prices to tell by"
        return f"{one.symbol} at {one.last * factor:f} is another coin: the contract is at {contract.last:f}"
    return fitting[0]


def _preference(contract: Market, spot: Market) -> tuple[bool, Decimal, int]:
    """The contract's own quote first, then the most traded, then the better known dollar."""
    place = DOLLARS.index(spot.quote) if spot.quote in DOLLARS else len(DOLLARS)
    return spot.quote != contract.quote, -(spot.volume or Decimal(0)), place


def _fits(contract: Market, spot: Market, factor: Decimal, *, needs_prices: bool) -> bool:
    """Whether the prices are those of one coin."""
    if contract.last is None or spot.last is None:
        return not needs_prices
    worth = spot.last * factor
    return abs(contract.last - worth) <= APART_MAX * worth


def _override(contract: Market, text: str, known: Mapping[str, Market]) -> Spot | str:
    """What the settings say: ``PEPE/USDT``, ``PEPE/USDT*1000``, or nothing for no spot."""
    if not text:
        return "market.spots says that it has none"
    symbol, star, number = (part.strip() for part in text.partition("*"))
    spot = known.get(symbol)
    if spot is None or spot.kind != SPOT:
        raise UniverseError(f"market.spots {contract.symbol} = {text}: no spot of that symbol is listed")
    try:
        factor = Decimal(number) if star else factor_of(contract.base, spot.base) or ONE
    except InvalidOperation:
        factor = Decimal(0)
    if not factor.is_finite() or factor <= 0:
        raise UniverseError(f"market.spots {contract.symbol} = {text}: after * comes how many coins a contract is")
    return Spot(symbol=spot.symbol, id=spot.id, factor=factor)


def _reversed(spots: Mapping[str, Spot], known: Mapping[str, Market]) -> dict[str, tuple[str, ...]]:
    """Contracts by spot: perpetuals that trade and have the spot's quote first, then by volume."""
    found: dict[str, list[Market]] = {}
    for symbol in sorted(spots):
        found.setdefault(spots[symbol].symbol, []).append(known[symbol])
    for name, contracts in found.items():
        quote = known[name].quote
        contracts.sort(
            key=lambda one: (
                one.kind != PERPETUAL,
                not one.is_trading,
                one.quote != quote,
                -(one.volume or Decimal(0)),
                one.symbol,
            )
        )
    return {name: tuple(one.symbol for one in contracts) for name, contracts in sorted(found.items())}


def _spots_without(shelf: Sequence[Market], spots: Mapping[str, Spot]) -> dict[str, str]:
    """Why nothing is compared with a spot."""
    best = {one.symbol for one in spots.values()}
    by_base: dict[str, str] = {}
    for one in shelf:
        if one.symbol in best:
            by_base.setdefault(one.base, one.symbol)
    return {
        one.symbol: f"its contract is compared with {by_base[one.base]}"
        if one.base in by_base
        else f"no contract of {one.base}"
        for one in shelf
        if one.symbol not in best
    }


def _some(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return ", ".join([*found[:LISTED_MAX], *(["..."] if len(found) > LISTED_MAX else [])])
