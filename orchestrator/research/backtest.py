"""Backtest: a strategy over candles, through the code that trades on paper, as fast as one process can.

    Exchange.advance --fills of the minute--> House (core, risk, exits, books) --> POSITIONS
                     --closed candles-------> Stage: HISTORY, MARKET --> brain --> TARGETS --> House
                                                                          |
                                                                          +--> decisions, hashed

The order of events is that of ``--speed step``: the fills of a minute's path are booked before
its candle is told, and what is decided on the candle is done before the next minute begins.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from brain.kernels import load_all
from brain.routes import rows_of
from brain.stage import Stage
from brain.strategies.loader import Strategy, StrategyError
from brain.timeframes import base_of
from engine.inbox import Inbox
from engine.venue.embedded.events import CandleUpdate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import MINUTE_NS, Market
from engine.venue.embedded.pace import Speed
from orchestrator import observed, wiring
from orchestrator import settings as settings_of
from orchestrator.discovery import Place, discovered
from orchestrator.research import report
from orchestrator.research.company import HYDRATED, Company, fill
from orchestrator.research.house import House, Tenancy, private
from orchestrator.research.replay import decision_hash
from orchestrator.settings import BadInputError, Settings
from orchestrator.universe import named
from shm.instruments import Instrument, minor
from shm.records import DECISION, MARKET
from shm.topology import TIMEFRAMES_S

ACCOUNT, VENUE = "backtest", "paper"
NAMES = {60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14400: "4h", 86400: "1d"}
GAP_MAX = 1024  # candles that are told as missing one by one; a longer hole is told by its length
PROGRESS_S = 0.5


@dataclass(slots=True)
class Course:
    """What a backtest leaves behind."""

    house: House
    listings: tuple[Listing, ...]
    candles: int = 0
    decisions: list[np.ndarray] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    equity: list[int] = field(default_factory=list)  # minor units, at each minute's end
    exposed: int = 0  # minutes that ended with a position
    seconds: float = 0.0


class Backtest:
    """One market, played once."""

    def __init__(self, market: Market, settings: Settings, strategies: list[Strategy]) -> None:
        play = wiring.play_of(settings.market, Speed.parse("step"))
        self._exchange = Exchange(market, replace(play, tells_ticks=False))
        self._instruments: tuple[Instrument, ...] = wiring.instruments_of(market, VENUE, ACCOUNT)
        self._rows = {listing.id: listing.row for listing in market.listings}
        self._listings = market.listings
        routes = len(self._instruments) * len(strategies)
        self._stage = Stage(rows_of(strategies, len(self._instruments)), 1 << (4 * routes + GAP_MAX).bit_length())
        tenancy = Tenancy(
            account=ACCOUNT,
            venue=VENUE,
            instruments=self._instruments,
            strategies=tuple(strategy.name for strategy in strategies),
            settings=_account_of(settings).engine,
        )
        self._company = Company(market, self._stage, strategies)
        self._frames = sorted({60, *(base_of(seconds) for one in strategies for seconds in one.timeframes_s)})
        self._hydrate()
        self._company.hydrate(self._exchange.now_ns)
        self.house = House(self._exchange, tenancy, minor(settings.market.deposit), self._stage.positions)
        ticks_e8 = [instrument.tick_e8 for instrument in self._instruments]
        self._brain = self._stage.brain(strategies, ticks_e8, settings.brain.valid_candles)
        self._inbox: Inbox = self.house.inbox(self._stage.candles(), self._stage.targets())
        self._heard = self._stage.decisions()
        self._said = np.zeros(self._stage.capacity, DECISION)
        self._record, self._longer = np.zeros(1, MARKET), np.zeros(1, MARKET)
        self._newest = dict.fromkeys(range(len(self._instruments)), market.start_ns - MINUTE_NS)
        self.course = Course(self.house, market.listings)

    def run(self, candles_max: int | None, told: Callable[[Course], None]) -> Course:
        """Play to the end, or until so many candles have closed; ``told`` hears of the progress."""
        course, began = self.course, time.monotonic()
        while not self._exchange.is_over and (candles_max is None or course.candles < candles_max):
            self._minute()
            told(course)
        course.seconds = time.monotonic() - began
        return course

    def _minute(self) -> None:
        happenings = self._exchange.advance()
        self.house.hear(private(happenings))
        closed = [each for each in happenings if isinstance(each, CandleUpdate) and each.closed]
        self._company.publish(self._exchange.now_ns)
        for update in closed:
            self._publish(update)
        self._brain.think(self._stage.capacity)
        course = self.course
        while count := self._heard.read_into(self._said):
            course.decisions.append(self._said[:count].copy())
        self.house.take(self._inbox.read())
        course.candles += len(closed)
        course.times_ns.append(self._exchange.now_ns)
        course.equity.append(self.house.equity)
        course.exposed += any(self.house.books.position(one.symbol).lots for one in self._instruments)

    def _publish(self, update: CandleUpdate) -> None:
        row = self._rows[update.symbol]
        hole_ns = self._newest[row] + MINUTE_NS
        missing = (update.candle.open_ns - hole_ns) // MINUTE_NS
        for number in range(missing if missing <= GAP_MAX else 0):
            fill(self._record, self._listings[row], None, hole_ns + number * MINUTE_NS)
            self._stage.market.publish(self._record)
            self._closed(row, hole_ns + number * MINUTE_NS)
        self._newest[row] = update.candle.open_ns
        fill(self._record, self._listings[row], update.candle, update.candle.open_ns)
        self._record["missing"] = missing if missing > GAP_MAX else 0
        self._stage.remember(self._record[0])
        self._stage.market.publish(self._record)
        self._closed(row, update.candle.open_ns)

    def _closed(self, row: int, open_ns: int) -> None:
        """Remember the longer candles that end with this minute, as the feed fetches them then: a hole leaves them."""
        listing, end_ns = self._listings[row], open_ns + MINUTE_NS
        for seconds in self._frames[1:]:
            step_ns = seconds * 1_000_000_000
            if end_ns % step_ns == 0:
                for candle in self._exchange.klines(listing.id, NAMES[seconds], end_ns - step_ns, open_ns, 1):
                    fill(self._longer, listing, candle, int(candle["open_ns"]), seconds)
                    self._stage.remember(self._longer[0])

    def _hydrate(self) -> None:
        """Fill HISTORY with what closed before the market's start."""
        record, now_ns = np.zeros(1, MARKET), self._exchange.now_ns
        for listing in self._listings:
            for seconds in self._frames:
                candles = self._exchange.klines(listing.id, NAMES[seconds], None, None, HYDRATED)
                for candle in candles:
                    if int(candle["open_ns"]) + seconds * 1_000_000_000 <= now_ns:
                        fill(record, listing, candle, int(candle["open_ns"]), seconds)
                        self._stage.remember(record[0])


def _account_of(settings: Settings) -> Settings:
    return replace(settings, engine=replace(settings.engine, account=ACCOUNT))


assert set(NAMES) == set(TIMEFRAMES_S), "every timeframe has the exchange's name"


class Progress:
    """A line on a terminal, twice a second; nothing in a pipe."""

    def __init__(self) -> None:
        self._due_s = time.monotonic() + PROGRESS_S

    def __call__(self, course: Course) -> None:
        """Tell how far it is."""
        if not sys.stderr.isatty() or time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + PROGRESS_S
        print(f"\r{course.candles} candles, equity {course.equity[-1] / 1e8:.2f}", end="", file=sys.stderr, flush=True)


def backtest(typed: argparse.Namespace) -> int:
    """Run what was typed; prints the table, writes the report; returns the exit code."""
    options: dict[str, Any] = {"market.source": [str(Path(text).resolve()) for text in typed.data]}
    if typed.symbols:
        options["market.symbols"] = list(named(typed.symbols)[0])
    if typed.strategy:
        path = Path(typed.strategy)
        options["brain.strategies"] = [str(path.resolve()) if path.suffix == ".py" else typed.strategy]
    if missing := [text for text in typed.data if not Path(text).exists()]:
        raise BadInputError(f"--data {missing[0]}: there is no such file or folder")
    settings = settings_of.assemble("paper", typed.config, typed.set, options)
    try:
        if settings.market.universe is not None:
            settings = discovered(settings, Place(start_ns=0)).settings
        market = wiring.market_of(settings.market, 0, 0)
    except BadInputError as error:
        raise BadInputError(str(error).replace("--market", "--data", 1)) from None
    for line in wiring.defects_of(market):
        print(line, file=sys.stderr)
    try:
        strategies = load_all(settings.brain, lambda *_: None)
    except StrategyError as error:
        raise BadInputError(f"--strategy {error}") from None
    observed.refuse_recording(observed.lookers(settings), market)
    if typed.out:  # now and not after an hour of trading
        try:
            typed.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"--out {typed.out}: not a writable folder: {error.strerror}") from None
    course = Backtest(market, settings, strategies).run(typed.max_candles, Progress())
    decisions = np.concatenate(course.decisions) if course.decisions else np.zeros(0, DECISION)
    found = report.figures(course, settings, strategies, decision_hash(decisions))
    report.write(found, course, typed.json, typed.out)
    print("\n".join(report.table(found)), file=sys.stderr if typed.json == "-" else sys.stdout)
    return 0 if Decimal(found["difference"]) == 0 else 1
