"""Faults on what goes out: candles, depth differences and private events, and the sockets that carry them.

frames, private   what is sent instead of a message
hush, cut, freeze what happens to the connections
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.venue.embedded.faults.frames import Distorted, distort, text
from engine.venue.embedded.faults.kinds import Place
from engine.venue.embedded.faults.ledger import Injected
from engine.venue.embedded.faults.scene import Scene
from engine.venue.embedded.faults.schedule import Fault

Message = dict[str, Any]
PRIVATE_KINDS = ("ORDER_TRADE_UPDATE", "ALGO_UPDATE", "executionReport")


@dataclass(slots=True)
class Held:
    """Text that waits for so many later messages of its stream."""

    lines: tuple[str, ...]
    after: int


@dataclass(slots=True)
class Lasting:
    """A fault that lasts until a moment of machine time."""

    fault: Fault
    row: Injected
    until_ns: int
    dropped: int = 0

    @property
    def is_over(self) -> bool:
        """It has ended."""
        return time.monotonic_ns() >= self.until_ns


@dataclass(slots=True)
class Wires:
    """What the listeners are told, and how."""

    scene: Scene
    _held: dict[str, list[Held]] = field(default_factory=dict)
    _silences: list[Lasting] = field(default_factory=list)
    _frozen: dict[str, tuple[Lasting, str]] = field(default_factory=dict)
    _deaf: Lasting | None = None
    _candles: dict[tuple[str, int], list[Injected]] = field(default_factory=dict)
    _cut: list[tuple[Injected, int]] = field(default_factory=list)  # faults whose victims have to connect again

    # -- public streams --------------------------------------------------------

    def frames(self, name: str, message: Any, floor: str = "") -> Sequence[str]:
        """What goes out on stream ``name`` of a floor instead of ``message``."""
        symbol, name = name.partition("@")[0].upper(), f"{floor} {name}".lstrip()
        if self._silences and self._is_silent(symbol):
            return ()
        if "@kline_" in name:
            return self._candle(name, symbol, message)
        if "@depth" in name and (fault := self.scene.strike(Place.DEPTH, symbol)):
            self.scene.write(fault.kind, name, f"update {message.get('u')}")
            return ()
        return (text(message),)

    def _candle(self, name: str, symbol: str, message: Message) -> Sequence[str]:
        kline = message["k"]
        place = Place.CANDLE if kline["x"] else Place.FORMING
        if name in self._frozen:
            lasting, last = self._frozen[name]
            if not lasting.is_over:
                return (last,)
            del self._frozen[name]
        fault = self.scene.strike(place, symbol)
        if fault is None:
            return self._release(name, (text(message),)) if kline["x"] else (text(message),)
        row = self.scene.write(fault.kind, name, f"candle {kline['t']}")
        self._candles.setdefault((symbol, kline["t"]), []).append(row)
        if fault.kind == "frozen":
            self._frozen[name] = self._last(fault, row), text(message)
            return self._release(name, (text(message),))
        done = distort(fault.kind, message, fault.chosen)
        lines = self._release(name, done.now) if kline["x"] else done.now
        self._hold(name, done)
        return lines

    def _hold(self, name: str, done: Distorted) -> None:
        if done.later:
            self._held.setdefault(name, []).append(Held(done.later, done.after))

    def _release(self, name: str, lines: Sequence[str]) -> Sequence[str]:
        """``lines`` and what has waited for them."""
        waiting = self._held.get(name)
        if not waiting:
            return lines
        for held in waiting:
            held.after -= 1
        self._held[name] = [held for held in waiting if held.after > 0]
        return [*lines, *(line for held in waiting if held.after <= 0 for line in held.lines)]

    def asked(self, symbol: str, start_ms: int, end_ms: int) -> None:
        """Somebody asked by REST for the candles of that time."""
        for (hit, open_ms), rows in list(self._candles.items()):
            if hit == symbol and start_ms <= open_ms < end_ms:
                for row in rows:
                    self.scene.ledger.became(row, "asked for by REST")
                del self._candles[hit, open_ms]

    # -- private events --------------------------------------------------------

    def private(self, account: str, message: Message, floor: str = "") -> Sequence[str]:
        """What ``account`` is told on a floor instead of ``message``."""
        account = f"{floor} {account}".lstrip()
        if self._deaf is not None and not self._deaf.is_over:
            self._deaf.dropped += 1
            return ()
        lines: Sequence[str] = (text(message),)
        if message.get("e") not in PRIVATE_KINDS:
            return lines
        body = message if message["e"] == "executionReport" else message["o"]
        fault = self.scene.strike(Place.PRIVATE, body["s"])
        if fault is not None:
            name = body.get("c") or body.get("caid")
            self.scene.write(
                fault.kind,
                f"private {floor} {body['s']}".replace("  ", " "),
                f"{body.get('x', 'ALGO')} {body['X']} of {name}",
            )
        match fault.kind if fault else "":
            case "executions_duplicate":
                lines = (*lines, *lines)
            case "executions_lost":
                lines = ()
            case "executions_out_of_order":
                self._hold(account, Distorted((), tuple(lines), 1))
                self._held[account][-1].after += 1  # this very call is not a later one
                lines = ()
        return self._release(account, lines)

    # -- connections -----------------------------------------------------------

    def hush(self, fault: Fault) -> None:
        """Let the streams of a symbol, or all, say nothing."""
        row = self.scene.write(fault.kind, fault.symbol or "every symbol", f"silent for {fault.lasts_s} s")
        self._silences.append(self._last(fault, row))
        self.await_connection(row)

    def freeze(self, fault: Fault) -> None:
        """Let the sockets of the market neither say nor hear anything."""
        victims = [client for client in self.scene.streams.everybody if client.account is None]
        row = self.scene.write(fault.kind, "market connections", f"{len(victims)} sockets")
        for client in victims:
            client.freeze()
        self.await_connection(row)

    def cut(self, row: Injected, *, private: bool) -> int:
        """Cut every connection of one sort; how many."""
        victims = [client for client in self.scene.streams.everybody if (client.account is not None) == private]
        for client in victims:
            client.cut()
        self.await_connection(row)
        return len(victims)

    def await_connection(self, row: Injected) -> None:
        """Note when somebody connects after that fault."""
        self._cut.append((row, time.monotonic_ns()))

    def deafen(self, fault: Fault) -> Lasting:
        """Tell no account anything for a while."""
        row = self.scene.write(fault.kind, "private connections", f"deaf for {fault.lasts_s} s, then cut")
        self._deaf = self._last(fault, row)
        return self._deaf

    def connected(self) -> None:
        """Somebody connected."""
        now_ns = time.monotonic_ns()
        for row, since_ns in self._cut:
            self.scene.ledger.became(row, f"connected again after {(now_ns - since_ns) / 1e9:.1f} s")
        self._cut.clear()

    def _is_silent(self, symbol: str) -> bool:
        for lasting in [one for one in self._silences if one.is_over]:
            self._silences.remove(lasting)
            self.scene.ledger.became(lasting.row, f"over; {lasting.dropped} messages were not sent")
        for lasting in self._silences:
            if lasting.fault.symbol in ("", symbol):
                lasting.dropped += 1
                return True
        return False

    def _last(self, fault: Fault, row: Injected) -> Lasting:
        return Lasting(fault, row, time.monotonic_ns() + int(fault.lasts_s * 1e9))
