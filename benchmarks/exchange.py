"""Candles a minute from the embedded exchange at `--speed max` to an unmodified ccxt.pro; checked, then timed.

    child: exchange, 8 symbols --TLS websocket--> this process: one watch_ohlcv task a symbol

Every candle must arrive, in order, and be what the klines endpoint says of it; a run that
lost one is no result.  Both processes share the cores that they are given (two).
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import ccxt.pro
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.synthetic import SyntheticMarket
from orchestrator import dialling

PROGRAM = Path(__file__).resolve()

BASES = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC")
TARGET = 100_000  # candles a minute
CORES = 2
MINUTE_MS = 60_000
SUBSCRIBING_S = 1.5  # a candle that is missed because nobody had asked for it yet would fail the check
PAGE = 1000  # what ccxt asks for at most


async def serve(symbols: tuple[str, ...], seed: int) -> None:
    """Be the exchange: print how to reach it, play when told to, end when the pipe does."""
    market = SyntheticMarket(seed, 1_763_683_200 * 10**9, symbols)
    server = Server(Exchange(market, Settings()), Plan(keys={}, speed=Speed.parse("max")))
    ports = await server.start()
    loop = asyncio.get_running_loop()
    print(json.dumps({"port": ports.tls, "pem": server.certificate.pem}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    server.pace.run()
    await loop.run_in_executor(None, sys.stdin.readline)
    server.pace.drain()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "cut": server.streams.cut_count}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    await server.close()


async def hear(client: Any, symbol: str, count: int) -> list[list[Any]]:
    """The first ``count`` candles of ``symbol`` that the client gives."""
    heard: list[list[Any]] = []
    while len(heard) < count:
        heard += await client.watch_ohlcv(symbol, "1m")
    return heard[:count]


async def check(client: Any, symbol: str, heard: list[list[Any]]) -> str:
    """What is wrong with the candles of one symbol; nothing when all is well."""
    opens = [row[0] for row in heard]
    if opens != list(range(opens[0], opens[0] + MINUTE_MS * len(opens), MINUTE_MS)):
        return f"{symbol}: {len(set(opens))} different candles where {len(opens)} in a row were due"
    for begin in range(0, len(heard), PAGE):
        page = heard[begin : begin + PAGE]
        said = await client.fetch_ohlcv(symbol, "1m", since=page[0][0], limit=len(page))
        if said != page:
            first = next((pair for pair in zip(said, page, strict=False) if pair[0] != pair[1]), (len(said), len(page)))
            return f"{symbol}: the klines endpoint and the stream differ: {first[0]} and {first[1]}"
    return ""


async def start(symbols: tuple[str, ...], seed: int) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """Start the exchange's process."""
    words = [str(PROGRAM), "--serve", ",".join(symbols), "--seed", str(seed)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    return child, json.loads(await child.stdout.readline())


async def measure(symbols: tuple[str, ...], count: int, seed: int) -> dict[str, Any]:
    """Attach, play, check, and return the figures."""
    child, reached = await start(symbols, seed)
    assert child.stdin is not None
    assert child.stdout is not None
    session = dialling.session(dialling.Endpoint(port=reached["port"], certificate_pem=reached["pem"]))
    client = ccxt.pro.binanceusdm({"session": session, "enableRateLimit": False, "newUpdates": True})
    try:
        await client.load_markets()
        tasks = [asyncio.create_task(hear(client, symbol, count)) for symbol in symbols]
        await asyncio.sleep(SUBSCRIBING_S)
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        child.stdin.write(b"go\n")
        heard = await asyncio.gather(*tasks)
        elapsed_s, client_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
        child.stdin.write(b"stop\n")
        told = json.loads(await child.stdout.readline())
        wrong = [
            text for symbol, rows in zip(symbols, heard, strict=True) if (text := await check(client, symbol, rows))
        ]
        child.stdin.write(b"end\n")
    finally:
        await client.close()
        await session.close()
        if child.returncode is None:
            child.terminate()
        await child.wait()
    return {"elapsed_s": elapsed_s, "client_s": client_s, "server_s": told["cpu_s"], "cut": told["cut"], "wrong": wrong}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candles", type=int, default=20_000, metavar="N", help="of each symbol")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    typed = parser.parse_args()
    if typed.serve:
        uvloop.run(serve(tuple(typed.serve.split(",")), typed.seed))
        return 0
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    symbols = tuple(f"{base}/USDT:USDT" for base in BASES)
    names = ("ccxt", "aiohttp", "uvloop", "orjson")
    print(f"{platform.platform()}, Python {platform.python_version()}, {CORES} cores, seed {typed.seed}")
    print(", ".join(f"{name} {metadata.version(name)}" for name in names))
    for _ in range(typed.runs):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(measure(symbols, typed.candles, typed.seed))
        if figures["wrong"] or figures["cut"]:
            print("not right, so not timed:", "; ".join(figures["wrong"]) or "the client was cut", file=sys.stderr)
            return 1
        total, elapsed_s = typed.candles * len(symbols), figures["elapsed_s"]
        rate = total / elapsed_s * 60
        print(
            f"{total:,} candles in {elapsed_s:.2f} s, none lost, all as klines has them: {rate:,.0f} a minute "
            f"(target {TARGET:,}); client CPU {figures['client_s'] / elapsed_s:.0%} of a core, "
            f"exchange {figures['server_s'] / elapsed_s:.0%} (with its start)",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
