"""Whatever the way to Bybit does, books and exchange agree in the end: no order twice, no trade lost, all covered."""

import asyncio
from decimal import Decimal
from random import Random

import pytest
from aiohttp import web

from engine import errors
from tests.engine.venue.bybit_door import LOST
from tests.engine.venue.test_bybit_account import CREATE, Life

CANCEL = "/v5/order/cancel"
STEPS, STOP_TICKS = 14, 20_000


def trouble(life, chance):
    """Something that networks and exchanges do; what undoes it."""
    door = life.door
    match chance.randrange(7):
        case 0:
            door.fates[CREATE].append(LOST)
        case 1:
            door.fates[CREATE].append(web.json_response({"retCode": 10016, "retMsg": "busy", "result": {}}))
        case 2:
            door.fates[CANCEL].append(LOST)
        case 3:
            door.fates["/v5/execution/list"].append(web.Response(status=502, text="<html>"))
        case 4:
            told, life.floor.told = life.floor.told, lambda topic, rows: None
            return lambda: setattr(life.floor, "told", told)
        case 5:
            door.unlisted = {len(life.floor.executions)}
            return lambda: setattr(door, "unlisted", set())
        case 6:
            door.answers_first = not door.answers_first
    return lambda: None


def move(life, chance):
    """The market moves, now and then through a stop."""
    price = life.floor.price["BTCUSDT"] + chance.randrange(-12_000, 12_000) * Decimal("0.1")
    life.floor.move("BTCUSDT", max(price, Decimal(20_000)))
    life.mark()


async def again(life):
    """A new life; one that dies at its first question is followed by another, as the supervisor does."""
    await life.end()
    try:
        await life.begin()
    except errors.VenueError:
        await life.end()
        await life.begin()


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.stress) for seed in range(3, 23))])
async def test_books_and_exchange_agree_after_a_storm(tmp_path, seed):
    """Answers lost, errors, silence, lists that lag, orders of events turned round, and a restart in the middle."""
    chance, life = Random(seed), Life(tmp_path)
    await life.door.open()
    await life.begin()
    try:
        for step in range(STEPS):
            calm = trouble(life, chance)
            life.floor.slices = chance.choice(((Decimal(1),), (Decimal("0.3"), Decimal("0.7"))))
            lots = chance.choice((-8, -3, 0, 4, 10))
            last = int(life.floor.price["BTCUSDT"] * 10)
            life.target(lots, last - STOP_TICKS if lots > 0 else last + STOP_TICKS)
            for _ in range(chance.randrange(1, 30)):
                life.account.keep()
                await asyncio.sleep(0.003)
            if step == STEPS // 2:
                await again(life)
            if chance.random() < 0.3:
                await life.door.hang_up()
            calm()
            for fates in life.door.fates.values():
                fates.clear()
            await life.until(lambda: life.lots() == life.there())
            move(life, chance)
        life.account.want_recovery("at the end")
        await life.until(lambda: covered(life) and life.lots() == life.there())
        life.agrees()
        assert life.account.core.differs == ""
    finally:
        await life.end()
        await life.door.close()


def covered(life):
    """Stops for exactly what is held rest at the exchange, on its other side."""
    held = life.there()
    stops = sum((1 if side == "Buy" else -1) * int(Decimal(lots) * 1000) for side, lots, _ in life.stops())
    return stops == -held
