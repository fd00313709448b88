"""What an exchange was told, in a file: played again, it is the same exchange with the same orders, ids and money.

    commands.jsonl   {"format":1,"market":...}                             the exchange that it belongs to
                     [advances,"place",["paper",{"PlaceOrder":...}],{}]     written before it is done
                     [advances,"spot:place",["paper",{"PlaceSpot":...}],{}] the same of another floor on its market
    advances.bin     how often the market moved; written before it moves

Everything that the exchange does follows from its market, its settings and these, so
nothing else is kept.  The page cache survives SIGKILL, and a command is on it before
its answer leaves; a power cut may lose play money, so nothing waits for the disk.
"""

import functools
import mmap
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import orjson

from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder
from engine.venue.embedded.spot.orders import PlaceSpot

FORMAT = 1
COMMANDS_NAME, ADVANCES_NAME = "commands.jsonl", "advances.bin"
COUNT_BYTES = 8
TICKS_TOLD = 64  # of the last advances: the tape of recent trades is filled again
VALUES: dict[str, type[Any]] = {one.__name__: one for one in (PlaceOrder, Order, AlgoOrder, PlaceSpot)}

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class ChronicleError(Exception):
    """One clear line on a chronicle that cannot be played."""


class Floor(Protocol):
    """Whoever is told things that a chronicle keeps; ``floor`` names it there, empty for the exchange itself."""

    floor: str

    @property
    def chronicle(self) -> "Chronicle | None":
        """Where its commands are written, if anywhere."""
        ...

    @property
    def advances(self) -> int:
        """How often its market has moved."""
        ...

    def drain(self) -> list[Any]:
        """Take what is waiting to be told."""
        ...


class Exchange(Protocol):
    """What a chronicle is played to."""

    floor: str
    chronicle: "Chronicle | None"
    advances: int
    tells_ticks: bool

    def advance(self) -> list[Any]:
        """Move the market by one point."""
        ...

    def drain(self) -> list[Any]:
        """Take what is waiting to be told."""
        ...


Teller = TypeVar("Teller", bound=Floor)


def recorded(
    method: Callable[Concatenate[Teller, Given], Answer],
) -> Callable[Concatenate[Teller, Given], Answer]:
    """Write every call of ``method`` down before it is done, where there is a chronicle."""

    @functools.wraps(method)
    def told(exchange: Teller, /, *arguments: Given.args, **named: Given.kwargs) -> Answer:
        if exchange.chronicle is not None:
            name = f"{exchange.floor}:{method.__name__}" if exchange.floor else method.__name__
            exchange.chronicle.write(exchange.advances, name, arguments, named)
        return method(exchange, *arguments, **named)

    told.__dict__["is_recorded"] = True
    return told


class Chronicle:
    """The file, open for appending; ``play`` what it holds once, before anything is written."""

    def __init__(self, folder: Path, exchange_of: dict[str, Any]) -> None:
        """Open or begin it; ``exchange_of`` names the market and settings that it belongs to."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / COMMANDS_NAME
        header = {"format": FORMAT, **exchange_of}
        whole = path.read_bytes() if path.exists() else b""
        # What was cut off in mid-line was never done: the answer leaves after the line.
        lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(self._file, whole.rfind(b"\n") + 1)
        os.lseek(self._file, 0, os.SEEK_END)
        if not lines:
            self._put(header)
        elif orjson.loads(lines[0]) != orjson.loads(orjson.dumps(header)):
            os.close(self._file)
            raise ChronicleError(f"{path}: belongs to another market or other settings; remove it to begin anew")
        self._lines = lines[1:]
        self._count = _counter(folder / ADVANCES_NAME)

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever told."""
        return not self._lines and not self.advances

    @property
    def advances(self) -> int:
        """How often the market was told to move."""
        return int.from_bytes(self._count[:COUNT_BYTES], "little")

    def advanced(self, advances: int) -> None:
        """The market is about to move for the ``advances``-th time."""
        self._count[:COUNT_BYTES] = advances.to_bytes(COUNT_BYTES, "little")

    def write(self, advances: int, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        """The command ``name`` is about to be done."""
        self._put([advances, name, arguments, named])

    def play(self, exchange: Exchange, *others: Floor) -> int:
        """Do everything again, on every floor, then go on writing; how many commands there were."""
        assert exchange.chronicle is None, "what is played again is not written again"
        floors = {one.floor: one for one in (exchange, *others)}
        for line in self._lines:
            advances, name, arguments, named = orjson.loads(line)
            self._advance(exchange, advances)
            at, _, told = name.rpartition(":")
            floor = floors.get(at)
            method = getattr(type(floor), told, None)
            if not getattr(method, "is_recorded", False):
                raise ChronicleError(f"commands.jsonl: {name!r} is nothing that an exchange is told")
            assert method is not None
            method(floor, *(_value(one) for one in arguments), **{key: _value(one) for key, one in named.items()})
        self._advance(exchange, self.advances)
        for one in floors.values():
            one.drain()
        exchange.chronicle = self
        count, self._lines = len(self._lines), []
        return count

    def close(self) -> None:
        """Give the files up."""
        os.close(self._file)
        self._count.close()

    def _advance(self, exchange: Exchange, advances: int) -> None:
        tells, last = exchange.tells_ticks, self.advances
        while exchange.advances < advances:
            exchange.tells_ticks = exchange.advances >= last - TICKS_TOLD
            exchange.advance()
        exchange.tells_ticks = tells

    def _put(self, row: Any) -> None:
        line = orjson.dumps(row, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS) + b"\n"
        if os.write(self._file, line) != len(line):
            raise ChronicleError("commands.jsonl: the disk is full")


def _counter(path: Path) -> mmap.mmap:
    with path.open("ab") as file:
        file.truncate(COUNT_BYTES)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), COUNT_BYTES)


def _plain(value: Any) -> Any:
    return {type(value).__name__: asdict(value)}


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((name, fields),) = value.items()
    return VALUES[name](**fields)
