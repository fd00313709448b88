"""A kill switch under fire: orders leave through the engine's own gate and TLS client while a third process turns it.

operator --word, or file--> gate, asked at every order --TLS--> counterparty, which notes when the last byte was there
    |                                                               |
    +------------------ the board: a page that all three map -------+
"""

import asyncio
import mmap
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import numpy as np
from aiohttp import web
from channels import child

from engine import errors
from engine.gate import Gate, Stance, objection
from engine.order import Intent, OrderType, client_id_of
from engine.risk import Approved
from engine.switch import NAME, KillFile
from engine.venue.client import Login, Surroundings
from engine.venue.embedded.certificate import Certificate, issue
from engine.venue.live import LiveVenue
from orchestrator import dialling, killswitch
from shm.clock import SystemClock
from shm.records import Kill, Purpose
from shm.words import WORDS_BYTES, Words
from tests.engine.venue.standin import ORDER, RULES

SYMBOL = "BTC/USDT:USDT"
LANES = 3  # orders under way at once
PAGE = 4096
PORT, ORDERS, LAST_NS, OVER, CLOSED, REFUSED = 0, 1, 2, 3, 4, 5  # on the board; one REFUSED for each lane
SETTLE_S = 20.0


class Board:
    """What operator, engine and counterparty share."""

    def __init__(self) -> None:
        """Everything is 0: no port yet, the switch is off."""
        self.page = mmap.mmap(-1, PAGE)
        self.words = Words(int(np.frombuffer(self.page, np.uint8).ctypes.data), retain=self.page)
        self.numbers = np.frombuffer(self.page, np.int64, PAGE // 16, PAGE // 2)
        self.words.raise_kill(Kill.NO_ENTRIES)  # kernels are loaded before time is taken, and before the forks
        self.words.kill_level()
        self.lower()

    def lower(self) -> None:
        """Take the kill word back, which no session can."""
        self.page[:WORDS_BYTES] = bytes(WORDS_BYTES)

    def set(self, place: int) -> None:
        """Tell the others that something is over."""
        self.numbers[place] = 1

    def refusals(self) -> list[int]:
        """How often each lane has been refused."""
        return [int(self.numbers[REFUSED + lane]) for lane in range(LANES)]


def play(board: Board, pem: str, key_pem: str) -> None:
    """Be the counterparty until the end: note when the last byte of every order was there."""

    async def order(request: web.Request) -> web.Response:
        sent = dict(await request.post()) | dict(request.query)
        board.numbers[LAST_NS] = time.monotonic_ns()
        board.numbers[ORDERS] += 1
        return web.json_response(ORDER | {"clientOrderId": sent["newClientOrderId"]})

    async def rules(_: web.Request) -> web.Response:
        return web.json_response({"symbols": [RULES], "rateLimits": [], "timezone": "UTC"})

    async def serve() -> None:
        application = web.Application()
        application.add_routes([web.post("/fapi/v1/order", order), web.get("/fapi/v1/exchangeInfo", rules)])
        runner = web.AppRunner(application)
        await runner.setup()
        context = Certificate(pem=pem, key_pem=key_pem).server_context()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        board.numbers[PORT] = runner.addresses[0][1]
        while not board.numbers[CLOSED]:  # noqa: ASYNC110 - another process says so
            await asyncio.sleep(0.05)
        await runner.cleanup()

    asyncio.run(serve())


def trade(board: Board, pem: str, state: Path) -> None:
    """Be the engine's way out until the end: approve without pause, let the gate decide."""
    switch = KillFile(state / NAME)
    numbers = iter(range(1, 1 << 62))

    def objects(intent: Intent) -> str:
        return objection(intent, 0, 10**9, Stance(kill=max(board.words.kill_level(), switch.level())))

    async def lane(gate: Gate, number: int) -> None:
        while not board.numbers[OVER]:
            try:
                await gate.place(Approved(_entry(next(numbers))))
            except errors.NotSent:
                board.numbers[REFUSED + number] += 1
                await asyncio.sleep(0.001)

    async def run() -> None:
        endpoint = dialling.Endpoint(port=int(board.numbers[PORT]), certificate_pem=pem)
        around = Surroundings(
            dial=lambda: dialling.session(endpoint), clock=SystemClock(), generator=Random(1), limits_rate=False
        )
        venue = LiveVenue(Login(key="k", secret="s"), around)
        await venue.open()
        try:
            await venue.instruments([SYMBOL])
            await asyncio.gather(*(lane(Gate(venue, objects), number) for number in range(LANES)))
        finally:
            await venue.close()

    asyncio.run(run())


def _entry(number: int) -> Intent:
    return Intent(
        intent_id=number, client_id=client_id_of("benchmark", number), account="main", venue="binanceusdm",
        instrument=SYMBOL, allocation=(("trend", 125),), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1,
        lots=125, created_market_ns=1, created_wall_ns=1,
    )  # fmt: skip


def _until(what: str, holds: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > SETTLE_S:
            raise SystemExit(f"switchboard: {what}: not within {SETTLE_S:.0f} s")
        time.sleep(0.0002)


def _turned(board: Board, on: Callable[[], object], off: Callable[[], object], pause_s: float) -> tuple[int, int]:
    """One trial: nanoseconds from the turn to the last order byte, and from the turn's end (durable) to it."""
    before = int(board.numbers[ORDERS])
    _until("orders leave", lambda: int(board.numbers[ORDERS]) > before + LANES)
    time.sleep(pause_s)
    begun_ns = time.monotonic_ns()
    on()
    done_ns = time.monotonic_ns()
    refused = board.refusals()
    # A lane that is refused has nothing on the way: what it sent before was answered.
    _until("every lane is refused", lambda: all(a > b for a, b in zip(board.refusals(), refused, strict=True)))
    last_ns, orders = int(board.numbers[LAST_NS]), int(board.numbers[ORDERS])
    time.sleep(0.005)
    if int(board.numbers[ORDERS]) != orders:
        raise SystemExit("switchboard: an order left after the gate had refused")
    off()
    return max(0, last_ns - begun_ns), max(0, last_ns - done_ns)


def trials(words: int, files: int) -> Iterator[tuple[str, list[int]]]:
    """Turn the switch so often by each path; nanoseconds until the last order byte was at the other side."""
    board, made, generator = Board(), issue(time.time_ns()), Random(7)
    with tempfile.TemporaryDirectory(prefix="ringmaster-switch-") as folder, ExitStack() as ends:
        state = Path(folder)
        ends.enter_context(child(lambda: play(board, made.pem, made.key_pem)))
        ends.callback(board.set, CLOSED)  # once nobody trades any more
        _until("the counterparty listens", lambda: bool(board.numbers[PORT]))
        ends.enter_context(child(lambda: trade(board, made.pem, state)))
        ends.callback(board.set, OVER)
        raised = lambda: board.words.raise_kill(Kill.NO_ENTRIES)  # noqa: E731 - named for what it does
        yield (
            "kill word raised -> last order byte",
            [_turned(board, raised, board.lower, generator.uniform(0, 0.01))[0] for _ in range(words)],
        )
        write = lambda: killswitch.write(state, Kill.NO_ENTRIES)  # noqa: E731
        clear = lambda: killswitch.write(state, Kill.NORMAL)  # noqa: E731
        both = [_turned(board, write, clear, generator.uniform(0, 0.01)) for _ in range(files)]
        yield "kill file: command begun -> last order byte", [one for one, _ in both]
        yield "kill file on the disk -> last order byte", [one for _, one in both]
