"""The exchange that foreign clients are let loose on: a seeded market at sixty times real time, all ports free ones.

Prints one line of JSON (addresses, key, secret, certificate) and serves until its standard input closes.
"""

import asyncio
import json
import sys
from pathlib import Path

from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.orders import PlaceSpot
from engine.venue.embedded.synthetic import SyntheticMarket
from shm.clock import SystemClock

MINUTE_NS = 60 * 10**9
E8 = 10**8


def compile_kernels() -> None:
    """Let an order rest and the market move: a kernel that compiles later holds everybody's requests up for seconds."""
    spot = SpotExchange(Exchange(SyntheticMarket(seed=1, start_ns=MINUTE_NS), Settings()))
    spot.deposit("nobody", "USDT", 10_000 * E8)
    price = spot.by_id["BTCUSDT"].price_text(spot.market.last_ticks("BTCUSDT") * 9 // 10)
    spot.place(
        "nobody", PlaceSpot(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.01", price=price, time_in_force="GTC")
    )
    for _ in range(3):
        spot.market.advance()


async def main(certificate: Path) -> None:
    """Serve."""
    compile_kernels()
    key, secret = fresh_key()
    speed = Speed.parse("60")
    start_ns = SystemClock().wall_ns() // MINUTE_NS * MINUTE_NS
    market = SyntheticMarket(seed=7, start_ns=start_ns, symbols=("BTC/USDT:USDT", "ETH/USDT:USDT"))
    exchange = Exchange(market, Settings(points_per_candle=speed.points_per_candle()))
    exchange.deposit("paper", 100_000 * E8)
    deposits = {"USDT": 1_000_000 * E8, "BTC": 10 * E8, "ETH": 100 * E8}
    server = Server(exchange, Plan(keys={key: Key(secret, "paper")}, speed=speed, spot_deposits=deposits))
    ports = await server.start()
    await asyncio.to_thread(certificate.write_text, server.certificate.pem)
    server.pace.run()
    told = {"tls": ports.tls, "plain": ports.plain, "spot_tls": ports.spot_tls, "spot_plain": ports.spot_plain}
    print(json.dumps(told | {"key": key, "secret": secret}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    if error := server.failure():
        raise error
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
