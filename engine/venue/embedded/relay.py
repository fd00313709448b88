"""From the rings to a mirroring exchange: what the feed heard of the real market, in ticks.

TICKS    trades, quotes --only where the price or the spread moves--> hear
MARKET   closed candles ------------------------------------------> close    (missing: skip)

The market is read whenever a candle comes, a few times a second, and before every request is
answered, so that no order meets an older price than the engine has seen.
"""

import numpy as np

from engine.venue.embedded.events import Event
from engine.venue.embedded.listing import E8, Listing
from engine.venue.embedded.market import CANDLE
from engine.venue.embedded.mirror import MirrorExchange, Step
from engine.venue.embedded.pace import Pace, Speed
from engine.venue.embedded.streams import Streams
from engine.venue.embedded.ticks import in_ticks
from shm.records import MARKET, TICK, MarketKind, Provenance, TickKind
from shm.ring import RingReader
from shm.wait import LoopWait

MINUTE_S = 60
LOOK_S = 0.05
BATCH = 1024
TURNS_MAX = 4  # prices of one contract between two looks: both extremes, the first and the last


class Relay:
    """Tells a mirroring exchange what is on the rings."""

    def __init__(self, exchange: MirrorExchange, market: RingReader, ticks: RingReader, bell: int) -> None:
        self.exchange = exchange
        self._market, self._ticks = market, ticks
        self._candles = np.zeros(BATCH, MARKET)
        self._heard = np.zeros(BATCH, TICK)
        self._wait = LoopWait([market], bell)
        self._spreads = [0] * len(exchange.listings)
        self._carried_e8 = [0] * len(exchange.listings)  # traded at a price that is known
        # A candle that is known is no news, so all that is still there may be told again; of trades
        # a former life has told what it heard, and what it missed the candle tells.
        market.seek_oldest()
        ticks.seek_newest()

    def tell(self) -> list[Event]:
        """Tell everything that is there; what it caused."""
        # Trades first: their candle then has nothing to add.
        while count := self._ticks.read_into(self._heard):
            if steps := self._steps(self._heard[:count]):
                self.exchange.hear([tuple(step) for step in steps])
        while count := self._market.read_into(self._candles):
            for record in self._candles[:count]:
                is_minute = record["kind"] == MarketKind.CANDLE and record["timeframe_s"] == MINUTE_S
                if is_minute and record["instrument"] < len(self.exchange.listings):  # behind them: spots
                    self._tell_candle(record)
        return self.exchange.drain()

    async def wait(self) -> None:
        """Return when a candle has come, or it is time to look at the trades."""
        await self._wait.wait(LOOK_S)

    def close(self) -> None:
        """Stop waiting."""
        self._wait.close()

    def _tell_candle(self, record: np.void) -> None:
        row, open_ns = int(record["instrument"]), int(record["open_ns"])
        if open_ns < self.exchange.pit_of(row).open_ns or record["provenance"] == Provenance.CORRECTED:
            return
        if record["provenance"] == Provenance.MISSING:
            self.exchange.skip(row, open_ns)
        else:
            self.exchange.close(row, candles_of(record.reshape(1), self.exchange.listings[row])[0].tolist())

    def _steps(self, heard: np.ndarray) -> list[Step]:
        steps: list[Step] = []
        for row, contract in enumerate(self.exchange.listings):
            mine = heard[heard["instrument"] == row]
            quotes = mine[mine["kind"] == TickKind.QUOTE]
            spread = self._spread(quotes[-1], contract) if len(quotes) else self._spreads[row]
            moves = self._moves(row, mine[mine["kind"] == TickKind.TRADE], contract)
            if spread != self._spreads[row]:
                at_ns = int(quotes["event_ns"][-1])
                moves.append(Step(row, at_ns, self._last_ticks(row, moves), 0, 0, spread))
                self._spreads[row] = spread
            steps += moves
        return sorted(steps, key=lambda step: step.at_ns)

    def _last_ticks(self, row: int, moves: list[Step]) -> int:
        return moves[-1].ticks if moves else self.exchange.pit_of(row).last_ticks

    @staticmethod
    def _spread(quote: np.void, contract: Listing) -> int:
        bid, ask = in_ticks(np.array([quote["bid"], quote["ask"]]), contract).tolist()
        return max(1, int(ask - bid))

    def _moves(self, row: int, trades: np.ndarray, contract: Listing) -> list[Step]:
        """The trades that move the price: the first, the extremes and the last; each brings what was traded before."""
        if not len(trades):
            return []
        ticks = in_ticks(trades["price"], contract)
        volumes_e8 = np.rint(trades["quantity"] * E8).astype(np.int64)
        before = np.concatenate(([self.exchange.pit_of(row).last_ticks], ticks[:-1]))
        places = np.flatnonzero(ticks != before)
        if len(places) > TURNS_MAX:
            kept = ticks[places]
            places = np.unique(places[[0, int(kept.argmin()), int(kept.argmax()), -1]])
        moves, first = [], 0
        for place in places.tolist():
            traded_e8 = self._carried_e8[row] + int(volumes_e8[first : place + 1].sum())
            at_ns, side = int(trades["event_ns"][place]), int(trades["taker_side"][place])
            moves.append(Step(row, at_ns, int(ticks[place]), traded_e8, side, 0))
            first, self._carried_e8[row] = place + 1, 0
        self._carried_e8[row] += int(volumes_e8[first:].sum())
        return moves


class MirrorPace(Pace):
    """The clockwork of a mirrored market: it has none of its own."""

    def __init__(self, relay: Relay, streams: Streams) -> None:
        super().__init__(relay.exchange, streams, Speed("real", 1.0), lambda: 0)
        self._relay = relay
        self.candles_count = relay.exchange.minutes_count

    def catch_up(self) -> None:
        """Tell the exchange, and then its clients, what has happened by now."""
        if self.is_drained:
            return
        events = self._relay.tell()
        if events:
            self._streams.publish(events)
        for _ in range(self._relay.exchange.minutes_count - self.candles_count):
            self.candles_count += 1
            self.faults.minute()

    def step(self, minutes: int) -> int:  # noqa: ARG002 - the shape of every pace
        """Not by hand: no minute."""
        return 0

    async def drive(self) -> None:
        """Follow the market until drained; it does not wait for anybody's RUN."""
        try:
            while not self.is_drained:
                self.catch_up()
                await self._relay.wait()
        finally:
            self._relay.close()


def candles_of(records: np.ndarray, contract: Listing) -> np.ndarray:
    """MARKET records as CANDLEs of ``contract``."""
    out = np.zeros(len(records), CANDLE)
    out["open_ns"], out["trades"] = records["open_ns"], records["trades"]
    for name in ("open", "high", "low", "close"):
        out[name] = in_ticks(records[name], contract)
    for name, of in (("volume_e8", "volume"), ("taker_volume_e8", "taker_volume")):
        out[name] = np.rint(records[of] * E8)
    for name, of in (("quote_e4", "quote_volume"), ("taker_quote_e4", "taker_quote_volume")):
        out[name] = np.rint(records[of] * 1e4)
    return out
