"""The feed's process: hydrates, listens, publishes, and looks after what does not come.

    start   open the source, recall what a former life published, HISTORY by REST, READY
    work    obey, look at lateness and silence, refresh higher timeframes
    close   every socket

Starting again after a crash is the same code: what MARKET holds says where to go on.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from feed import backfill, hydration
from feed.candle import Candle
from feed.company import Company, CompanyPlan
from feed.continuity import Verdict
from feed.dialect import Quote, Stream, Trade, Where
from feed.horizon import Horizon
from feed.outlet import Outlet
from feed.reports import Reports
from feed.settings import FeedSettings
from feed.source import Source, SourceError, SourceUnreachableError
from feed.spots import SpotPlan, SpotWatch
from feed.track import Surroundings, Track
from feed.watchdog import Watchdog
from shm.agent import Body, read_command
from shm.clock import SystemClock
from shm.counters import Counter
from shm.instruments import Instrument
from shm.records import Life, Order
from shm.topology import TIMEFRAMES_S

DUTY_S = 0.02
HYDRATION_PATIENCE_S = 150.0  # with one request, most of it spent waiting for its turn
REPAIRS_AT_ONCE_MAX = 8


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """Which market, how it is reached, and how fast it runs (0: it waits for us)."""

    instruments: Sequence[Instrument]
    dial: Callable[[], aiohttp.ClientSession]
    speed: float = 1.0
    limits_rate: bool = True  # False: an exchange whose market runs faster than the minutes of its limits
    timeframes_s: Sequence[int] = TIMEFRAMES_S  # whose history somebody waits for; the others follow
    where: Where = Where()  # noqa: RUF009 - a tuple
    spots: SpotPlan | None = None  # whose prices are put beside those of the contracts
    company: CompanyPlan | None = None  # the spots that strategies look at


class FeedAgent:
    """Market data of one exchange, from its sockets to the rings."""

    def __init__(self, body: Body, plan: MarketPlan, settings: FeedSettings) -> None:
        self._body, self._plan, self._settings = body, plan, settings
        self._counters = body.memory.counters
        self._clock = SystemClock()
        self._horizon = Horizon()
        self._report = Reports(body.log, self._symbol).tell
        self._repairs = asyncio.Semaphore(REPAIRS_AT_ONCE_MAX)
        self._outlet = Outlet(body.memory, self._clock, self._tell_sequence, epoch=body.pulse.epoch, speed=plan.speed)
        symbols = [each.symbol for each in plan.instruments]
        self._source = Source(symbols, self, settings, plan.dial, plan.where, limits_rate=plan.limits_rate)
        around = Surroundings(
            outlet=self._outlet,
            counters=self._counters,
            horizon=self._horizon,
            clock=self._clock,
            settings=settings,
            fetch=self._repaired,
            report=self._report,
        )
        self._tracks = [Track(row, around) for row in range(len(plan.instruments))]
        self._company: Company | None = None
        if plan.company is not None:
            self._company = Company(plan.company, settings, self, self._clock, adaptive=plan.speed > 0.0)
            self._tracks += self._company.tracks_beside(self._tracks.copy(), around)
        self._awaited = [
            number
            for number, seconds in enumerate(TIMEFRAMES_S)
            if seconds == TIMEFRAMES_S[0] or seconds in plan.timeframes_s
        ]
        # Five more questions for each of hundreds of symbols would keep the exchange from answering any other.
        has_spare = len(plan.instruments) <= settings.spare_history_symbols_max
        self._kept = list(range(len(TIMEFRAMES_S))) if has_spare else self._awaited
        self._refresher = backfill.Refresher(self._kept)
        self._spots = SpotWatch(plan.spots, settings, self._spot, self._no_spot) if plan.spots else None
        self._streams = [Stream.CANDLES, Stream.MARKS]
        self._streams += [Stream.TRADES, Stream.QUOTES] if settings.ticks else []
        self._dogs = {stream: Watchdog(settings, adaptive=plan.speed > 0.0) for stream in self._streams}
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._order, self._obeyed = Order.PREPARE, 0
        self._refreshing: asyncio.Task[None] | None = None
        self._silent: dict[int, str] = {}  # rows that had no minute when the feed began, and why
        for track in self._tracks[: len(plan.instruments)]:  # of spots only minutes are kept
            track.published = self._refresher.minute

    async def start(self) -> None:
        """Be ready: history loaded, streams open."""
        tell = self._body.pulse.tell
        tell(detail="connecting", market_seq=self._outlet.sequence)
        await self._source.open()
        if self._company:
            await self._company.open()
        began = self._recall()
        count = len(self._plan.instruments)
        tell(detail=f"loading history of {count} instruments")
        await self._hydrate(began)
        self._tasks = [
            asyncio.create_task(self._source.listen(stream), name=f"listen {stream}") for stream in self._streams
        ]
        if self._spots is not None:
            self._tasks.append(asyncio.create_task(self._spots.run(), name="spots"))
        if self._company is not None:
            self._tasks.append(self._company.listen())
        # One that is late goes on dialling, and REST stands in for it.
        is_heard = await self._source.acknowledged(len(self._streams))
        if not is_heard or (self._company and not await self._company.acknowledged()):
            self._report(None, "streams: not all subscribed yet", 0)
        for track in self._tracks:
            track.suspect()  # what closed while nobody listened
        silent = sum(row < count for row in self._silent)
        loaded = f"{count - silent} of {count}" if silent else count
        tell(life=Life.READY, detail=f"history of {loaded} instruments loaded")

    async def work(self) -> int:
        """One duty cycle."""
        await asyncio.sleep(DUTY_S)
        self._obey()
        self._fail_with_tasks()
        for track in self._tracks:
            track.check_lateness(self._plan.speed)
        if self._order is not Order.DRAIN:
            self._look_for_silence()
        is_due = self._order is Order.RUN and self._refresher.has_work(self._clock.monotonic_ns())
        if is_due and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = self._run_errand(self._refresh())
        return 1

    async def close(self) -> None:
        """Close every socket and end every task."""
        tasks = [*self._tasks, *self._errands]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for track in self._tracks:
            await track.close()
        for also in (self._spots, self._company):
            if also is not None:
                await also.close()
        await self._source.close()

    def counts(self) -> dict[str, int]:
        """Verdicts so far, over all instruments, by name."""
        return {verdict.name: sum(track.series.counts[verdict] for track in self._tracks) for verdict in Verdict}

    # what the source tells

    def candle(self, row: int, candle: Candle, closed: bool, heard: tuple[int, int]) -> None:
        """Take a candle from the stream."""
        event_ns, received_ns = heard
        self._hear(Stream.CANDLES, event_ns, received_ns)
        if closed:
            self._tracks[row].offer(candle, event_ns, received_ns)

    def trade(self, row: int, trade: Trade) -> None:
        """Take a trade."""
        self._hear(Stream.TRADES, trade.event_ns, trade.received_ns)
        self._outlet.trade(row, trade)

    def quote(self, row: int, quote: Quote) -> None:
        """Take a quote."""
        self._hear(Stream.QUOTES, quote.event_ns, quote.received_ns)
        self._outlet.quote(row, quote)

    def mark(self, row: int, price: float, heard: tuple[int, int]) -> None:
        """Take a mark price."""
        self._hear(Stream.MARKS, *heard)
        self._outlet.mark(row, price, heard)

    def defect(self, row: int | None, why: str) -> None:
        """Count a frame that could not be read; a closed candle among them is asked for by REST."""
        self._counters.add(Counter.FRAMES_DEFECTIVE if row is None else Counter.CANDLES_MALFORMED)
        if row is not None:
            self._tracks[row].series.counts[Verdict.MALFORMED] += 1
        self._report(row, why, 0)
        if row is not None:
            self._tracks[row].suspect()

    def connected(self, stream: Stream, again: bool) -> None:
        """Count silence from here; after a break, ask for what was missed."""
        self._dogs[stream].watch_from(self._clock.monotonic_ns())
        if again:
            self._counters.add(Counter.RECONNECTS)
            if stream is Stream.CANDLES:
                self._run_errand(self._probe())

    def spot_heard(self) -> None:
        """Count a candle of a spot; it does not tell the market's time."""
        self._counters.add(Counter.FRAMES_RECEIVED)

    def spot_connected(self) -> None:
        """Count that the spots are heard again."""
        self._counters.add(Counter.RECONNECTS)

    # the rest

    def _symbol(self, row: int) -> str:
        count = len(self._plan.instruments)
        if self._company is not None and row >= count:
            return self._company.symbol(row - count)
        return self._plan.instruments[row].symbol

    async def _candles(self, row: int, timeframe: str, start_ns: int | None, count_max: int) -> list[Candle]:
        count = len(self._plan.instruments)
        if self._company is not None and row >= count:
            return await self._company.candles(row - count, timeframe, start_ns, count_max)
        return await self._source.candles(row, timeframe, start_ns, count_max)

    def _spot(self, row: int, price: float) -> None:
        self._outlet.spot(row, price, self._clock.monotonic_ns())

    def _no_spot(self, why: str) -> None:
        self._counters.add(Counter.REQUESTS_FAILED)
        self._report(None, why, 0)

    def _hear(self, stream: Stream, event_ns: int, received_ns: int) -> None:
        self._counters.add(Counter.FRAMES_RECEIVED)
        self._dogs[stream].hear(received_ns)
        if self._horizon.advance(event_ns):
            self._outlet.tell_time(self._horizon.market_ns)

    def _tell_sequence(self, sequence: int) -> None:
        self._body.pulse.tell(market_seq=sequence)

    def _recall(self) -> dict[int, int]:
        """Rows that a former life published, with the open time of their newest minute."""
        for known in self._outlet.recall():
            series = self._tracks[known["row"]].series
            if known["is_missing"]:
                series.admit_missing(known["candle"].open_ns, known["sequence"])
            else:
                series.admit(known["candle"], known["sequence"])
        began = {}
        for track in self._tracks:
            newest = track.series.open_ns_last or self._outlet.recall_history(track.row)
            if newest is not None:
                began[track.row] = newest
        return began

    async def _hydrate(self, began: dict[int, int]) -> None:
        """Fill HISTORY; a series that begins now begins after its newest hydrated minute."""
        now_ns = await hydration.market_ns(self._source.market_ns, self._counters)
        # Hundreds of series weigh more than an exchange grants in a minute: the next minute is worth waiting for.
        usual_s, self._source.patience_s = self._source.patience_s, HYDRATION_PATIENCE_S
        loaded = await hydration.load(
            self._series(awaited=True), now_ns, self._fetched, self._settings, self._clock.monotonic_ns
        )
        self._source.patience_s = usual_s
        self._counters.add(Counter.REQUESTS_FAILED, len(loaded.failed))
        self._horizon.advance(now_ns)
        self._outlet.tell_time(self._horizon.market_ns)
        for (row, timeframe), candles in loaded.candles.items():
            self._keep(row, timeframe, candles, began.get(row))
            self._body.pulse.beat()
        self._silent = {row: why for row, why in loaded.silent().items() if row not in began}
        for row, timeframe in (*self._series(awaited=False), *loaded.failed, *((row, 0) for row in self._silent)):
            self._refresher.want(row, timeframe, now_ns)
        for row, why in self._silent.items():
            self._report(row, f"no history: {why}", 0)

    async def _repaired(self, row: int, start_ns: int, count_max: int) -> list[Candle]:
        # a few at a time: when an exchange lags, hundreds of series are late at once
        async with self._repairs:
            return await self._candles(row, "1m", start_ns, count_max)

    async def _fetched(self, row: int, timeframe: str, start_ns: int | None, count_max: int) -> list[Candle]:
        # with a beat: hundreds of series take longer than a process may be silent
        found = await self._candles(row, timeframe, start_ns, count_max)
        self._body.pulse.beat()
        return found

    def _series(self, *, awaited: bool) -> list[tuple[int, int]]:
        """Row and timeframe number of every series that is awaited before READY, or of the others that are kept."""
        chosen = [number for number in self._kept if (number in self._awaited) is awaited]
        count = len(self._plan.instruments)
        spots = [(row, 0) for row in range(count, len(self._tracks))] if awaited else []
        return [(row, number) for row in range(count) for number in chosen] + spots

    async def _refresh(self) -> None:
        for row in self._silent:
            if self._tracks[row].series.open_ns_last is None:
                self._refresher.want(row, 0, self._horizon.market_ns)
        errors = await self._refresher.refresh(self._fetch_late, self._keep_late, self._clock.monotonic_ns())
        self._counters.add(Counter.REQUESTS_FAILED, len(errors))
        for error in errors[:1]:  # they mostly fail for one reason
            self._report(None, f"REST: {error}", 0)

    async def _fetch_late(self, row: int, timeframe: str, start_ns: int | None, count_max: int) -> list[Candle]:
        found = await self._candles(row, timeframe, start_ns, count_max)
        if not found and self._tracks[row].series.open_ns_last is None:
            raise SourceUnreachableError(f"{self._symbol(row)} has no candle yet")
        return found

    def _keep_late(self, row: int, timeframe: int, candle: Candle) -> None:
        """Keep what came after the start; a series that had no minute begins with it."""
        series = self._tracks[row].series
        newest_ns = series.open_ns_last
        if not timeframe and (newest_ns is None or candle.open_ns > newest_ns):
            if row not in self._silent:
                return  # nobody heard of it yet: it goes through the ring
            series.admit(candle)
        self._outlet.keep(row, timeframe, [candle])

    def _keep(self, row: int, timeframe: int, candles: list[Candle], newest_ns: int | None) -> None:
        series = self._tracks[row].series
        if timeframe:
            for candle in candles[-1:]:
                self._refresher.kept(row, timeframe, candle.open_ns)
        else:
            # What nobody has heard of yet goes through the ring.
            candles = [candle for candle in candles if newest_ns is None or candle.open_ns <= newest_ns]
            if series.open_ns_last is None:
                for candle in candles:
                    series.admit(candle)
        self._outlet.keep(row, timeframe, candles)

    async def _probe(self) -> None:
        """Ask the exchange how far the market is, and every series to catch up."""
        try:
            self._horizon.advance(await self._source.market_ns())
        except SourceError as error:
            self._counters.add(Counter.REQUESTS_FAILED)
            self._report(None, f"probe: {error}", 0)
            return
        for track in self._tracks:
            track.suspect()

    def _run_errand(self, errand: Awaitable[None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(self._guard(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    async def _guard(self, errand: Awaitable[None]) -> None:
        try:
            await errand
        except SourceError as error:
            self._counters.add(Counter.REQUESTS_FAILED)
            self._report(None, f"REST: {error}", 0)

    def _look_for_silence(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for stream, dog in self._dogs.items():
            if self._order is Order.RUN and dog.is_silent(now_ns):
                self._counters.add(Counter.WATCHDOG_TRIPS)
                self._report(None, f"silence: {stream}", 0)
                dog.watch_from(now_ns)
                self._run_errand(self._source.drop(stream))
        if self._company is not None and self._order is Order.RUN and self._company.is_silent(now_ns):
            self._counters.add(Counter.WATCHDOG_TRIPS)
            self._report(None, "silence: spots", 0)
            self._run_errand(self._company.cut())

    def _obey(self) -> None:
        command = read_command(self._body.memory)
        if command.version == self._obeyed and command.order is not Order.DRAIN:
            return
        pulse = self._body.pulse
        match command.order:
            case Order.RUN:
                # Requests leave cycles behind; what lived at the start is frozen and costs nothing.
                gc.enable()
                for dog in self._dogs.values():
                    dog.watch_from(self._clock.monotonic_ns())
                if self._company is not None:
                    self._company.watch_from(self._clock.monotonic_ns())
                pulse.tell(life=Life.RUNNING, obeyed=command.version)
            case Order.DRAIN if pulse.life is not Life.DRAINED and not any(t.is_pending for t in self._tracks):
                pulse.tell(life=Life.DRAINED, obeyed=command.version)
            case Order.STOP:
                pulse.tell(obeyed=command.version)
                self._body.stopping.tell()
        self._order, self._obeyed = command.order, command.version

    def _fail_with_tasks(self) -> None:
        """A listener or a repair never ends by itself: what broke it ends the process."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        for track in self._tracks:
            if error := track.failure():
                raise error
