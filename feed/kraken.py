"""Kraken Futures' market as it speaks of it: trades, tickers, a heartbeat; its candles are a list that is asked again.

    heartbeat, ticker, trade --time--> the exchange's clock
        | a minute and SETTLE_MS over
        v
    charts 1m, the last three --a later bar is there, or the clock is past it--> a closed candle
                              --changed since it was told--> told again: a correction

No stream tells candles, and nothing in the list tells a finished minute from one that is traded in.  Level one and the
mark price come with ``ticker``.  What a bar was turned over for, how many trades it had and who took is not told.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from feed.candle import NS_PER_MS, NS_PER_S, Candle, MalformedFrameError, number, time_ns
from feed.dialect import Decode, Dialect, Ear, Quote, SourceError, Stream, Trade
from feed.horizon import Horizon
from shm.numbering import EPOCH_MS, trade_number

MINUTE_NS = 60 * NS_PER_S
SETTLE_NS = NS_PER_S  # after the end of an interval, before its bar is believed to be whole
AGAIN_NS = NS_PER_S // 2  # of the exchange's time, before a bar that is not listed yet is asked for again
PATIENCE_NS = 10 * NS_PER_S  # after that the next minute asks for it, and whoever misses it by itself
AT_ONCE_MAX, BARS_MAX = 8, 1000
SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400}
TAKERS = {"buy": 1, "sell": -1}


class Kraken(Dialect):
    """Its streams and its REST."""

    exchange = "krakenfutures"
    is_sandbox = True
    pause_ms = 20  # public questions cost nothing; ccxt's 600 would have a hundred a minute
    prefixes = {
        Stream.CANDLES: "heartbeat",
        Stream.TRADES: "trade",
        Stream.QUOTES: "ticker",
        Stream.MARKS: "ticker",
    }

    def __init__(self, ear: Ear) -> None:
        """Know its feeds, and no time yet."""
        super().__init__(ear)
        self._decoders: dict[str, Decode] = {
            "heartbeat": self._read_beat,
            "ticker": self._read_ticker,
            "trade": self._read_trade,
            "trade_snapshot": self._read_old,
        }
        self._clock, self._received_ns = Horizon(), 0  # the exchange's, and when we heard of it last
        self._due_ns = 0  # open time of the newest minute that is over
        self._asked_ns, self._is_behind = 0, False  # the clock when it was asked for last; somebody has it not yet
        self._is_due = asyncio.Event()
        self._told: dict[int, Candle] = {}  # the last closed one of each row

    def decoder(self, message: Any) -> tuple[Decode, Mapping[str, Any]] | None:
        """By the feed that the frame names."""
        if not isinstance(message, dict) or message.get("event") is not None:
            return None
        feed = message.get("feed")
        decode = self._decoders.get(feed) if isinstance(feed, str) else None
        return None if decode is None else (decode, message)

    def is_subscription(self, message: Any) -> int:
        """protocol: {"event": "subscribed", "feed": "ticker"}, which is quotes and mark prices."""
        if not isinstance(message, dict) or message.get("event") != "subscribed":
            return 0
        return 2 if message.get("feed") == "ticker" else 1

    def closed_name(self, body: Mapping[str, Any]) -> str:  # noqa: ARG002 - no frame closes a candle
        """None did."""
        return ""

    async def watch(self, client: Any, stream: Stream, symbols: Sequence[str]) -> None:
        """By ccxt, all on one connection; the heartbeat by hand, which it has no name for."""
        match stream:
            case Stream.CANDLES:
                url, asking = client.urls["api"]["ws"], {"event": "subscribe", "feed": "heartbeat"}
                await self._poll(client.watch(url, "heartbeat", asking, "heartbeat"), len(symbols))
            case Stream.TRADES:
                await client.watch_trades_for_symbols(list(symbols))
            case Stream.QUOTES | Stream.MARKS:
                await client.watch_tickers(list(symbols))

    async def candles(self, client: Any, name: str, span: tuple[str, int | None, int]) -> Sequence[Any]:
        """By ``charts``; without what may still be traded in."""
        timeframe, start_ns, count_max = span
        step_ns = SECONDS[timeframe] * NS_PER_S
        if not self._clock_ns:
            await self.market_ns(client, name)
        begin_ns = (self._clock_ns // step_ns - count_max) * step_ns if start_ns is None else start_ns
        end_ns = min(self._clock_ns, begin_ns + count_max * step_ns - 1)
        request: dict[str, Any] = {"price_type": "trade", "symbol": name, "interval": timeframe}
        request |= {"from": begin_ns // NS_PER_S, "to": end_ns // NS_PER_S}
        answer = await client.chartsGetPriceTypeSymbolInterval(request)
        rows = sorted(answer["candles"], key=lambda row: int(row["time"]))
        closed_ns = self._clock_ns - step_ns - SETTLE_NS
        # What is followed by a later bar is over; the last one is when the clock is past it for long enough.
        return [row for row in rows if row is not rows[-1] or time_ns(row["time"]) <= closed_ns]

    def candle(self, row: Any) -> Candle:
        """Six fields: the turnover by the middle of its prices, half of it bought by takers, no count of trades."""
        if not isinstance(row, Mapping):
            raise MalformedFrameError(f"a candle is a row of named fields: {row!r}")
        try:
            opened, high, low, close, volume = (number(row[key]) for key in ("open", "high", "low", "close", "volume"))
            turnover = volume * (opened + high + low + close) / 4
            return Candle(time_ns(row["time"]), opened, high, low, close, volume, turnover, volume / 2, turnover / 2)
        except KeyError as missing:
            raise MalformedFrameError(f"a candle without {missing}") from None

    async def market_ns(self, client: Any, name: str) -> int:
        """The envelope of a price says when it was given, as a date."""
        answer = await client.publicGetTickersSymbol({"symbol": name})
        self._advance(time_ns(int(client.parse8601(answer["serverTime"]))))
        return self._clock_ns

    @property
    def _clock_ns(self) -> int:
        return self._clock.market_ns

    async def _poll(self, broken: "asyncio.Future[Any]", rows: int) -> None:
        """Ask for every minute that is over, until the connection breaks whose frames tell the time."""
        turnstile = asyncio.Semaphore(AT_ONCE_MAX)
        while not broken.done():
            due = asyncio.ensure_future(self._is_due.wait())
            await asyncio.wait({broken, due}, return_when=asyncio.FIRST_COMPLETED)
            due.cancel()
            if self._is_due.is_set() and not broken.done():
                self._is_due.clear()
                self._asked_ns, due_ns = self._clock_ns, self._due_ns
                whole = await asyncio.gather(*(self._ask(row, due_ns, turnstile) for row in range(rows)))
                self._is_behind = due_ns != self._due_ns or not all(whole)
        await broken

    async def _ask(self, row: int, due_ns: int, turnstile: asyncio.Semaphore) -> bool:
        """Tell the minutes of ``row`` that closed, and the one before where it is another now; is the due one told?"""
        told = self._told.get(row)
        if told is not None and told.open_ns >= due_ns:
            return True
        begin_ns = told.open_ns if told is not None else due_ns
        try:
            async with turnstile:
                count = min((due_ns - begin_ns) // MINUTE_NS + 1, BARS_MAX)
                found = await self.ear.candles(row, "1m", begin_ns, count)
        except SourceError as error:
            self.ear.inlet.defect(None, f"candles of row {row}: {error}")
            return False
        for candle in found:
            if candle != told and candle.open_ns >= begin_ns:
                self.ear.heard(Stream.CANDLES)
                heard = max(self._clock_ns, candle.open_ns + MINUTE_NS), self._received_ns
                self.ear.inlet.candle(row, candle, True, heard)
                self._told[row] = candle
        newest = self._told.get(row)
        return newest is not None and newest.open_ns >= due_ns

    def _advance(self, clock_ns: int) -> None:
        if not self._clock.advance(clock_ns):
            return  # a leap that nobody has confirmed
        over_ns = (self._clock_ns - SETTLE_NS) // MINUTE_NS * MINUTE_NS - MINUTE_NS
        if not self._due_ns:
            self._due_ns = over_ns  # of before: the feed asks for that itself
        elif over_ns > self._due_ns:
            self._due_ns, self._is_behind = over_ns, True
            self._is_due.set()
        elif self._is_behind and self._clock_ns - self._asked_ns >= AGAIN_NS and self._is_patient(over_ns):
            self._is_due.set()

    def _is_patient(self, open_ns: int) -> bool:
        return self._clock_ns - open_ns - MINUTE_NS - SETTLE_NS <= PATIENCE_NS

    def _hear_time(self, event_ns: int, received_ns: int) -> None:
        self._received_ns = received_ns
        self._advance(event_ns)
        self.ear.inlet.alive(Stream.CANDLES, (event_ns, received_ns))

    def _read_beat(self, body: Mapping[str, Any], received_ns: int) -> None:
        at_ns = time_ns(body["time"])
        self.ear.heard(Stream.CANDLES)
        self._hear_time(at_ns, received_ns)
        # Of a contract that nobody trades no trade is told for minutes: the connection that they share lives.
        self.ear.inlet.alive(Stream.TRADES, (at_ns, received_ns))

    def _read_trade(self, body: Mapping[str, Any], received_ns: int) -> None:
        row, price, quantity = self.ear.row(body["product_id"]), number(body["price"]), number(body["qty"])
        at_ns, name = time_ns(body["time"]), body["uid"]
        if price <= 0.0 or quantity < 0.0 or at_ns < EPOCH_MS * NS_PER_MS or not isinstance(name, str):
            raise MalformedFrameError(f"a trade of {quantity} at {price}")
        trade = Trade(trade_number(at_ns // NS_PER_MS, name), TAKERS[body["side"]], price, quantity, at_ns, received_ns)
        self._hear_time(at_ns, received_ns)
        self.ear.heard(Stream.TRADES)
        self.ear.inlet.trade(row, trade)

    def _read_old(self, body: Mapping[str, Any], received_ns: int) -> None:
        """Trades of before the subscription: nobody waits for them."""
        self.ear.row(body["product_id"])
        self.ear.heard(Stream.TRADES)
        self.ear.inlet.alive(Stream.TRADES, (self._clock_ns, received_ns))

    def _read_ticker(self, body: Mapping[str, Any], received_ns: int) -> None:
        row, at_ns = self.ear.row(body["product_id"]), time_ns(body["time"])
        bid, bid_quantity, ask, ask_quantity = (number(body[key]) for key in ("bid", "bid_size", "ask", "ask_size"))
        price, is_quoted = number(body["markPrice"]), bool(bid and ask)  # else one side is empty
        if price <= 0.0:
            raise MalformedFrameError(f"a mark price of {price}")
        if is_quoted and (not 0.0 < bid < ask or bid_quantity < 0.0 or ask_quantity < 0.0):
            raise MalformedFrameError(f"a crossed book: {bid} bid, {ask} asked")
        self._hear_time(at_ns, received_ns)
        self.ear.heard(Stream.MARKS)
        self.ear.inlet.mark(row, price, (at_ns, received_ns))
        self.ear.heard(Stream.QUOTES)
        if is_quoted:
            self.ear.inlet.quote(row, Quote(bid, bid_quantity, ask, ask_quantity, at_ns, received_ns))
        else:
            self.ear.inlet.alive(Stream.QUOTES, (at_ns, received_ns))
