"""The settings of a session: the profile, the operator's file over it, ``--set`` over both; checked once, then frozen.

    profiles/paper.toml  <-  --config FILE  <-  --set KEY=VALUE, --market, --symbols, ...
                     \\            |            /
                      one tree of plain values -> Settings (frozen; each package owns its section)

An unknown key is refused with the name that was probably meant; a wrong type by its full dotted name.
"""

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from brain.settings import BrainSettings
from engine.settings import EngineSettings
from feed.settings import FeedSettings
from orchestrator.universe import UniverseError, UniverseSettings, named

PROFILES = Path(__file__).parent / "profiles"
SPEED_MIN, SPEED_MAX = 0.001, 1_000_000.0
PARTS_MAX = 1_000_000
LATENCY_MS_MAX = 10_000
SYMBOLS_COUNT_MAX = 1_000
MIRRORED = "binanceusdm"  # whose public market may be mirrored


class BadInputError(Exception):
    """One clear line: what is wrong, where, and what would be right."""


class NotStartedError(Exception):
    """One clear line: what was asked for is right, and yet nothing was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSettings:
    """Which market is played, and how fast."""

    source: tuple[str, ...] = ("synthetic",)  # or files, or a folder of them, or binanceusdm: the real one, mirrored
    symbols: tuple[str, ...] = ()  # ccxt unified; empty: those of the market, or what the universe's rules leave
    symbols_count: int = 0  # how many a synthetic market makes up where none is named; 0: three
    universe: UniverseSettings | None = None  # rules by which the symbols are found where none is named
    spots: dict[str, str] = field(default_factory=dict)  # a contract's spot, over what is found: "PEPE/USDT*1000"
    without_data: str = "leave_out"  # or "refuse": what is done about a symbol that has no data when trading starts
    speed: str | int | float = "60"  # market seconds a second, or max, or step
    deposit: Decimal = Decimal(100_000)  # quote asset, play money
    funding: bool = True  # charged at 00:00, 08:00 and 16:00 UTC
    mark_minutes: int = 5  # over how many closes the mark is smoothed; 0: it is the last price
    fills: str = "candle"  # or "queue": resting orders wait behind what is displayed
    spread_ticks: int = 1  # between best bid and ask while nothing moves
    spread_ppm: int = -1  # share of the last candle's range that it is wider; -1: as the market is (docs/fills.md)
    depth_ppm: int = 20_000  # share of the last candle's volume on each level of the book
    stand_in: str = ""  # tests only, PORT:CERTIFICATE: who plays the real exchange, on loopback

    def __post_init__(self) -> None:
        """Refuse a market that could not run."""
        if not self.source:
            raise ValueError("source names no market; synthetic, or candle files")
        if not self.deposit.is_finite() or self.deposit <= 0:
            raise ValueError("deposit must be a number above 0")
        if not 0 <= self.symbols_count <= SYMBOLS_COUNT_MAX:
            raise ValueError(f"symbols_count {self.symbols_count} is not between 0 and {SYMBOLS_COUNT_MAX}")
        if self.symbols_count and (self.symbols or not self.is_synthetic):
            raise ValueError("symbols_count is for a synthetic market whose symbols are not named")
        if twice := [symbol for symbol in self.symbols if self.symbols.count(symbol) > 1]:
            raise ValueError(f"symbols names {twice[0]} more than once")
        if self.without_data not in ("leave_out", "refuse"):
            raise ValueError(f"without_data {self.without_data!r} is neither leave_out nor refuse")
        if self.fills not in ("candle", "queue"):
            raise ValueError(f"fills {self.fills!r} is neither candle nor queue")
        for name, least in (("mark_minutes", 0), ("spread_ticks", 1), ("spread_ppm", -1), ("depth_ppm", 0)):
            if not least <= getattr(self, name) <= PARTS_MAX:
                raise ValueError(f"{name} {getattr(self, name)} is not between {least} and {PARTS_MAX}")
        object.__setattr__(self, "speed", str(self.speed))
        if self.speed not in ("max", "step"):
            try:
                speed = float(self.speed)
            except ValueError:
                raise ValueError(f"speed {self.speed!r} is neither a number nor max nor step") from None
            if not SPEED_MIN <= speed <= SPEED_MAX:
                raise ValueError(f"speed {self.speed} is not between {SPEED_MIN} and {SPEED_MAX:.0f}")
        self._check_mirror()

    def _check_mirror(self) -> None:
        """Refuse what a market that is not ours to play cannot do."""
        if self.stand_in and not self.is_mirror:
            raise ValueError(f"stand_in plays a real exchange; the market is {' '.join(self.source)}")
        if self.is_mirror and self.speed not in ("1", "1.0"):
            raise ValueError(f"speed {self.speed}: the market of {MIRRORED} is mirrored as it comes; its speed is 1")
        if self.is_mirror and self.fills != "candle":
            raise ValueError("fills queue needs the volume of a minute before it is played; a mirrored market has none")

    @property
    def is_mirror(self) -> bool:
        """Whether it is the public market of a real exchange."""
        return self.source == (MIRRORED,)

    @property
    def is_synthetic(self) -> bool:
        """Whether the market is made up."""
        return self.source == ("synthetic",)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """When a process counts as stuck and how often it may be started again. Machine time."""

    stuck_after_s: float = 10.0  # without a duty cycle while running
    start_within_s: float = 60.0  # without a duty cycle while starting
    restart_delay_s: float = 0.05  # doubles with every restart in the window
    restart_delay_max_s: float = 5.0
    restarts_max: int = 6  # of one process within the window; one more ends the session
    restart_window_s: float = 60.0
    standby_after_s: float = 4.0  # after the engine runs its standby is loaded; 0: none
    drain_within_s: float = 20.0
    stop_within_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse limits that would kill healthy processes."""
        if self.stuck_after_s < 1.0 or self.start_within_s < 5.0:
            raise ValueError("stuck_after_s below 1 or start_within_s below 5 would kill healthy processes")
        if self.restarts_max < 0 or self.restart_delay_s <= 0 or self.restart_delay_max_s < self.restart_delay_s:
            raise ValueError("restarts_max must be at least 0 and restart_delay_s above 0, at most restart_delay_max_s")
        if min(self.drain_within_s, self.stop_within_s, self.restart_window_s) <= 0:
            raise ValueError("drain_within_s, stop_within_s and restart_window_s must be above 0")
        if self.standby_after_s < 0:
            raise ValueError("standby_after_s must be at least 0; 0 is no standby")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """How far away the embedded exchange is: milliseconds of market time, 0 to 10 000."""

    order_latency_ms: int = 0  # until a request reaches the book
    order_jitter_ms: int = 0  # at most so much more, evenly drawn
    feed_latency_ms: int = 0  # until what happened reaches a client
    feed_jitter_ms: int = 0
    latency_seed: int = 0  # equal seeds draw equal delays

    def __post_init__(self) -> None:
        """Refuse a distance that could not be."""
        for one in fields(self):
            value = getattr(self, one.name)
            if value < 0 or (one.name != "latency_seed" and value > LATENCY_MS_MAX):
                raise ValueError(f"{one.name} {value} is not between 0 and {LATENCY_MS_MAX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a session was told."""

    market: MarketSettings = field(default_factory=MarketSettings)
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    supervisor: SupervisorSettings = field(default_factory=SupervisorSettings)
    feed: FeedSettings = field(default_factory=FeedSettings)
    brain: BrainSettings = field(default_factory=BrainSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.market.is_mirror and (self.exchange.order_latency_ms or self.exchange.order_jitter_ms):
            raise ValueError("exchange.order_latency_ms: a mirrored market cannot be played ahead of the real one")
        there = [Path(which).stem for which in self.brain.strategies]
        for name in self.engine.sizing.capitals:
            if name not in there:
                raise ValueError(f"engine.sizing.capitals.{name}: no such strategy here; there are {', '.join(there)}")


def assemble(profile: str, config: Path | None, sets: Sequence[str], options: Mapping[str, Any]) -> Settings:
    """Return the settings of profile, file, ``--set`` and command-line options, each over the one before."""
    tree = read_toml(PROFILES / f"{profile}.toml")
    usual = tree["market"].pop("symbols", None)
    if config is not None:
        _check_names(read_toml(config), Settings, "", f"{config}: ")
        _merge(tree, read_toml(config))
    for text in sets:
        _merge(tree, _assignment(text))
    for name, value in options.items():
        _merge(tree, _nested(name.split("."), value))
    market = tree["market"]
    if usual is not None and isinstance(market, dict) and not market.keys() & {"symbols", "universe"}:
        market["symbols"] = usual
    return build(tree)


def build(tree: Mapping[str, Any]) -> Settings:
    """Return the frozen settings of a tree of plain values."""
    _check_names(tree, Settings, "", "settings: ")
    _check_numbers(tree, "")
    try:
        return msgspec.convert(_with_symbols(tree), Settings)
    except UniverseError as error:
        raise BadInputError(f"settings: {error}") from None
    except msgspec.ValidationError as error:
        raise BadInputError(f"settings: {_readable(error)}") from None


def _with_symbols(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``tree`` with its symbols as a list, where they were a table, and the spots that stood in it."""
    market = tree.get("market", {})
    if not isinstance(market.get("symbols"), Mapping):
        return tree
    symbols, spots = named(market["symbols"])
    return {**tree, "market": {**market, "symbols": list(symbols), "spots": {**spots, **market.get("spots", {})}}}


def plain(settings: Settings) -> dict[str, Any]:
    """Return ``settings`` as plain values, for session.json."""
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    return tree


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"--config {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"--config {path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"--config {path}: not TOML: {error}") from None


def _assignment(text: str) -> dict[str, Any]:
    """Return the tree that ``a.b.c=value`` stands for; the value is TOML, else a string."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInputError(f"--set {text}: expected KEY=VALUE, e.g. engine.sizing.risk_share=0.01")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return _nested(name.strip().split("."), parsed)


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """Return ``value`` under the path ``keys``."""
    for key in reversed(keys):
        value = {key: value}
    tree: dict[str, Any] = value
    return tree


def _merge(tree: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Lay ``over`` over ``tree``, table by table."""
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _check_names(tree: Mapping[str, Any], record: type, path: str, origin: str) -> None:
    """Refuse a key that ``record`` lacks, with the nearest one that exists."""
    hints = get_type_hints(record)
    names = [entry.name for entry in fields(record)]
    for key, value in tree.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
            raise BadInputError(f"{origin}{path}{key} is not a setting; {hint}")
        if value is None and type(None) in get_args(hints[key]):
            continue
        kind = next((one for one in get_args(hints[key]) if is_dataclass(one)), hints[key])
        if isinstance(kind, type) and is_dataclass(kind):
            if not isinstance(value, Mapping):
                raise BadInputError(f"{origin}{path}{key} is a table of settings, not {value!r}")
            _check_names(value, kind, f"{path}{key}.", origin)


def _check_numbers(tree: Mapping[str, Any], path: str) -> None:
    """Refuse NaN and infinity, which pass every comparison that a limit is made of."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            _check_numbers(value, f"{path}{key}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(f"settings: {path}{key}: {value} is not a number to work with")


def _readable(error: msgspec.ValidationError) -> str:
    """Return msgspec's complaint with the setting's dotted name first."""
    text = str(error)
    what, at, where = text.rpartition(" - at `")
    if not at:
        return text
    return f"{where.rstrip('`').removeprefix('$.')}: {what.replace('`', '')}"
