"""Which markets are traded when nobody names them: rules over what the exchange lists, and the reason of every other.

    markets, 24 h tickers --rank by volume--> rules, in this order --none objects--> taken, by rank
                                                      | the first that objects
                                                      v
                                              left out, by its name

A rank is a fact of the exchange's: the place by 24 h volume among the trading markets of the kind and the quotes that
are asked for.  So a market that is denied leaves its place empty, and denying never brings another one in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from feed.market import COIN, KINDS, PERPETUAL, SPOT, Market
from shm.instruments import E8

DAY_MS = 86_400_000
DOLLARS = ("USDT", "USDC", "USD", "FDUSD", "BUSD", "TUSD", "DAI")  # worth about the same
FUNDS = ("UP", "DOWN", "BULL", "BEAR", "2L", "2S", "3L", "3S", "5L", "5S")  # how leveraged tokens end
SYMBOL_BYTES_MAX = 32  # of an INSTRUMENTS row
PPM = 1_000_000


class UniverseError(ValueError):
    """Rules that no market can be chosen by; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseSettings:
    """The rules; amounts are in the quote asset."""

    kind: str = PERPETUAL  # or spot: ranked there, and traded on the perpetual of each
    quotes: tuple[str, ...] = ("USDT",)
    underlyings: tuple[str, ...] = (COIN,)  # as the exchange sorts contracts: COIN, INDEX, PREMARKET; empty: any
    rank_max: int = 50  # by 24 h volume; 0: any
    volume_min: Decimal = Decimal(0)  # of 24 hours
    age_days_min: int = 30  # since the listing, where the exchange tells it
    allow: tuple[str, ...] = ()  # symbols, ids, bases or globs of them; empty: all
    deny: tuple[str, ...] = ()
    leveraged: bool = False  # tokens such as BTCUP or ETH3S
    price_min: Decimal = Decimal(0)
    tick_ppm_max: int = 2_000  # of the price: a coarser tick costs more than a strategy earns
    order_min_max: Decimal = Decimal(200)  # the smallest order costs at most so much; 0: any
    spot: str = "any"  # or required: only what has a spot to be compared with

    def __post_init__(self) -> None:
        """Refuse rules that make no sense."""
        if self.kind not in (PERPETUAL, SPOT):
            raise ValueError(f"kind {self.kind!r} is neither {PERPETUAL} nor {SPOT}")
        if not self.quotes:
            raise ValueError("quotes names no asset, e.g. USDT")
        if self.spot not in ("any", "required"):
            raise ValueError(f"spot {self.spot!r} is neither any nor required")
        for name in ("rank_max", "volume_min", "age_days_min", "price_min", "tick_ppm_max", "order_min_max"):
            value = Decimal(getattr(self, name))
            if not value.is_finite() or value < 0:
                raise ValueError(f"{name} {value} is not a number of 0 or more")
        if empty := next((name for name in ("allow", "deny") if not all(getattr(self, name))), ""):
            raise ValueError(f"{empty} has an entry without a letter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What beside the rules decides: the time, the account's asset, spots by contract, and what is held."""

    now_ms: int
    asset: str = ""  # contracts have to be settled in it; empty: any
    spots: Mapping[str, str] = field(default_factory=dict)  # symbol of a contract -> its spot
    held: Sequence[str] = ()  # symbols with a position or an order of ours: they stay, whatever the rules say


@dataclass(frozen=True, slots=True)
class Taken:
    """A market that is traded; ``rank`` 0: it has none, and is there because something is held."""

    market: Market
    rank: int


@dataclass(frozen=True, slots=True)
class Left:
    """A market that is not traded, the rule that says so, and its words."""

    symbol: str
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Every market, either taken (by rank) or left out (by symbol); ``notes`` for people."""

    taken: tuple[Taken, ...]
    left: tuple[Left, ...]
    notes: tuple[str, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded, in order."""
        return tuple(one.market.symbol for one in self.taken)

    def removed(self) -> dict[str, list[str]]:
        """The symbols that each rule left out, most first."""
        found: dict[str, list[str]] = {}
        for one in self.left:
            found.setdefault(one.rule, []).append(one.symbol)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


@dataclass(frozen=True, slots=True)
class _Case:
    """One market before the rules."""

    market: Market
    volume: Decimal | None  # in dollars, as far as it can be told
    rank: int
    is_fund: bool
    at: Circumstances


def choose(markets: Iterable[Market], rules: UniverseSettings, at: Circumstances) -> Choice:
    """What is traded of ``markets`` under ``rules``, and why the others are not; their order does not matter."""
    there = sorted(markets, key=lambda one: one.symbol)
    assert len({one.symbol for one in there}) == len(there), "a symbol names one market"
    _check_quotes(there, rules)
    volumes, bases = _volumes(there), {one.base for one in there}
    ranks = _ranks(there, volumes, rules)
    taken, left = [], []
    for market in there:
        rank = ranks.get(market.symbol, 0)
        case = _Case(market, volumes.get(market.symbol), rank, _is_fund(market, bases), at)
        words = "" if market.symbol in at.held else next(_objections(case, rules), "")
        if words:
            rule, _, why = words.partition(": ")
            left.append(Left(market.symbol, rule, why))
        else:
            taken.append(Taken(market, rank))
    taken.sort(key=lambda one: (one.rank == 0, one.rank, one.market.symbol))
    return Choice(tuple(taken), tuple(left), _notes(there, rules, at))


def named(given: str | Sequence[str] | Mapping[str, bool | str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Symbols, and the spots that were named with them: of ``A,B``, of a list, or of a table.

    In a table a symbol is true (traded), false (not), or traded with this spot: ``"PEPE/USDT*1000"``.
    """
    if isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, Mapping):
        return tuple(text.strip() for text in given if text.strip()), {}
    if odd := next((symbol for symbol, is_ in given.items() if not isinstance(is_, bool | str)), ""):
        raise UniverseError(f"market.symbols {odd}: true, false, or the spot that it is compared with")
    symbols = tuple(symbol for symbol, is_ in given.items() if is_ is not False)
    return symbols, {symbol: is_ for symbol, is_ in given.items() if isinstance(is_, str)}


def described(choice: Choice, where: str) -> str:
    """Why nothing is left, in one line: the rule that removed the most, and some that it removed."""
    removed = choice.removed()
    if not removed:
        return f"market.universe: {where} lists no market"
    rule, symbols = next(iter(removed.items()))
    first = next(one for one in choice.left if one.rule == rule)
    others = ", ".join(f"{name} {len(names)}" for name, names in list(removed.items())[1:4])
    also = f"; then {others}" if others else ""
    return (
        f"market.universe: none of the {len(choice.left)} markets of {where} is left; {rule} removed the most "
        f"({len(symbols)}, e.g. {first.symbol}: {first.words}){also}"
    )


def is_named(market: Market, pattern: str) -> bool:
    """Whether ``pattern`` is the market's symbol, id or base, or a glob of one of them."""
    return any(fnmatchcase(name, pattern) for name in (market.symbol, market.id, market.base))


def _check_quotes(markets: Sequence[Market], rules: UniverseSettings) -> None:
    there = sorted({one.quote for one in markets if one.kind == rules.kind})
    if unknown := [quote for quote in rules.quotes if quote not in there]:
        raise UniverseError(
            f"market.universe.quotes {unknown[0]}: no {rules.kind} market is quoted in it; there are "
            f"{', '.join(there) or 'none'}"
        )


def _volumes(markets: Sequence[Market]) -> dict[str, Decimal]:
    """24 h volumes in dollars; one in another asset is valued at that asset's own price, where it has one."""
    worth: dict[str, Decimal] = dict.fromkeys(DOLLARS, Decimal(1))
    priced = [one for one in markets if one.quote in DOLLARS and one.last is not None and one.is_trading]
    for one in sorted(priced, key=lambda one: (one.volume or Decimal(0), one.symbol)):
        if one.base not in DOLLARS and one.last is not None:
            worth[one.base] = one.last  # the most traded comes last
    return {one.symbol: one.volume * worth.get(one.quote, Decimal(1)) for one in markets if one.volume is not None}


def _ranks(markets: Sequence[Market], volumes: Mapping[str, Decimal], rules: UniverseSettings) -> dict[str, int]:
    """Places from 1 by volume among the trading markets of the kind and quotes; equals by symbol; none untold."""
    if not volumes:
        return {}
    field_ = [one for one in markets if one.kind == rules.kind and one.quote in rules.quotes and one.is_trading]
    field_.sort(key=lambda one: (-volumes.get(one.symbol, Decimal(-1)), one.symbol))
    return {one.symbol: place for place, one in enumerate(field_, 1)}


def _is_fund(market: Market, bases: set[str]) -> bool:
    """A leveraged token: the exchange says so, or on spot a listed coin's name goes on with UP, DOWN, 3L, ..."""
    is_named_so = any(market.base.endswith(end) and market.base.removesuffix(end) in bases for end in FUNDS)
    return market.is_leveraged or (market.kind == SPOT and is_named_so)


def _objections(case: _Case, rules: UniverseSettings) -> Iterator[str]:
    """Every objection, in order of the rules, as ``rule: words``."""
    for name, rule in RULES:
        if words := rule(case, rules):
            yield f"{name}: {words}"


def _denied(case: _Case, rules: UniverseSettings) -> str:
    pattern = next((one for one in rules.deny if is_named(case.market, one)), "")
    return f"denied by {pattern}" if pattern else ""


def _not_allowed(case: _Case, rules: UniverseSettings) -> str:
    allowed = not rules.allow or any(is_named(case.market, one) for one in rules.allow)
    return "" if allowed else "not on the list of what is allowed"


def _other_kind(case: _Case, rules: UniverseSettings) -> str:
    assert case.market.kind in KINDS, "every market has a kind"
    return "" if case.market.kind == rules.kind else f"{case.market.kind}, not {rules.kind}"


def _other_quote(case: _Case, rules: UniverseSettings) -> str:
    return "" if case.market.quote in rules.quotes else f"quoted in {case.market.quote}"


def _other_asset(case: _Case, rules: UniverseSettings) -> str:
    settle, asset = case.market.settle, case.at.asset
    if rules.kind == SPOT or not asset or settle == asset:
        return ""
    return f"settled in {settle}; the account holds {asset}"


def _not_trading(case: _Case, _: UniverseSettings) -> str:
    return "" if case.market.is_trading else f"{case.market.status}, not TRADING"


def _other_underlying(case: _Case, rules: UniverseSettings) -> str:
    is_one = not rules.underlyings or case.market.underlying in rules.underlyings
    return "" if is_one else f"its underlying is {case.market.underlying}"


def _leveraged(case: _Case, rules: UniverseSettings) -> str:
    return "a leveraged token" if case.is_fund and not rules.leveraged else ""


def _unfit(case: _Case, rules: UniverseSettings) -> str:
    """Prices and steps that our integers, or a strategy's stops, cannot work with."""
    one = case.market
    if len(one.symbol.encode()) > SYMBOL_BYTES_MAX:
        return f"its name is longer than {SYMBOL_BYTES_MAX} bytes"
    if one.tick is None or one.lot is None:
        return "its tick or lot is not told"
    if rules.kind == PERPETUAL and one.tick * one.lot * E8 % 1:
        return f"tick {one.tick:f} times lot {one.lot:f} is not a multiple of 1e-8"
    if one.last is None:
        return ""  # no price, nothing to compare it with
    if one.last < rules.price_min:
        return f"its price {one.last:f} is below price_min {rules.price_min:f}"
    tick_ppm = int(one.tick * PPM / one.last)
    if rules.tick_ppm_max and tick_ppm > rules.tick_ppm_max:
        return f"a tick is {tick_ppm} ppm of its price; tick_ppm_max is {rules.tick_ppm_max}"
    least = max((one.quantity_min or one.lot) * one.last, one.notional_min or Decimal(0))
    if rules.order_min_max and least > rules.order_min_max:
        return f"its smallest order is {least:.2f}; order_min_max is {rules.order_min_max:f}"
    return ""


def _young(case: _Case, rules: UniverseSettings) -> str:
    listed_ms = case.market.listed_ms
    days = None if listed_ms is None else (case.at.now_ms - listed_ms) // DAY_MS
    return f"listed {max(days, 0)} days ago" if days is not None and days < rules.age_days_min else ""


def _without_spot(case: _Case, rules: UniverseSettings) -> str:
    if rules.spot == "any" or rules.kind == SPOT or case.market.symbol in case.at.spots:
        return ""
    return "no spot to compare it with"


def _thin(case: _Case, rules: UniverseSettings) -> str:
    if not rules.volume_min:
        return ""
    if case.volume is None:
        return "its volume is not told"
    return "" if case.volume >= rules.volume_min else f"24 h volume {case.volume:.0f}"


def _low_rank(case: _Case, rules: UniverseSettings) -> str:
    return f"rank {case.rank}" if rules.rank_max and case.rank > rules.rank_max else ""


RULES: tuple[tuple[str, Callable[[_Case, UniverseSettings], str]], ...] = (
    ("deny", _denied),
    ("allow", _not_allowed),
    ("kind", _other_kind),
    ("quotes", _other_quote),
    ("asset", _other_asset),
    ("status", _not_trading),
    ("underlyings", _other_underlying),
    ("leveraged", _leveraged),
    ("sanity", _unfit),
    ("age_days_min", _young),
    ("spot", _without_spot),
    ("volume_min", _thin),
    ("rank_max", _low_rank),
)


def _notes(markets: Sequence[Market], rules: UniverseSettings, at: Circumstances) -> tuple[str, ...]:
    """What a person should look at: list entries that name nothing, and what is held and not listed."""
    symbols = {one.symbol for one in markets}
    untold = rules.rank_max and not any(one.volume is not None for one in markets)
    return (
        *(["no 24 h volume is told: nothing is ranked, and rank_max leaves nothing out"] if untold else []),
        *(
            f"market.universe.{name} {pattern}: names no market"
            for name, patterns in (("allow", rules.allow), ("deny", rules.deny))
            for pattern in patterns
            if not any(is_named(one, pattern) for one in markets)
        ),
        *(f"{symbol}: something is held, and it is not listed any more" for symbol in at.held if symbol not in symbols),
    )
