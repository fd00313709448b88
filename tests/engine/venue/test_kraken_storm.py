"""Whatever the way to Kraken does, books and exchange agree in the end: no order twice, no trade lost, all covered."""

import asyncio
from decimal import Decimal
from random import Random

import pytest
from aiohttp import web

from tests.engine.venue.kraken_door import LOST
from tests.engine.venue.test_bybit_storm import again
from tests.engine.venue.test_kraken_account import NAME, SEND, Life

STEPS, STOP_TICKS = 14, 4_000


def trouble(life, chance):
    """Something that networks and exchanges do; what undoes it."""
    door = life.door
    match chance.randrange(8):
        case 0:
            door.fates[SEND].append(LOST)
        case 1:
            door.fates[SEND].append(web.json_response({"result": "error", "error": "Server Error"}))
        case 2:
            door.fates["cancelorder"].append(LOST)
        case 3:
            name = chance.choice(("fills", "orders/status", "openorders", "orders", "triggers"))
            door.fates[name].append(web.Response(status=502, text="<html>"))
        case 4:
            told, life.floor.told = life.floor.told, lambda frame: None
            return lambda: setattr(life.floor, "told", told)
        case 5:
            door.unlisted = {len(life.floor.fills)}
            return lambda: setattr(door, "unlisted", set())
        case 6:
            door.forgets_ms = 5_000 - door.forgets_ms
        case 7:
            life.floor.renames = chance.choice(("same", "another"))
    return lambda: None


def move(life, chance):
    """The market moves, now and then through a stop."""
    price = life.floor.price[NAME] + chance.randrange(-2_400, 2_400) * Decimal("0.5")
    life.floor.move(NAME, max(price, Decimal(20_000)))
    life.mark()


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.stress) for seed in range(3, 23))])
async def test_books_and_exchange_agree_after_a_storm(tmp_path, seed):
    """Answers lost, errors, silence, lists that lag or forget, stops that become others, a restart in the middle."""
    chance, life = Random(seed), Life(tmp_path)
    await life.door.open()
    await life.begin()
    try:
        for step in range(STEPS):
            calm = trouble(life, chance)
            life.floor.slices = chance.choice(((Decimal(1),), (Decimal("0.3"), Decimal("0.7"))))
            lots, last = chance.choice((-8, -3, 0, 4, 10)), life.ticks()
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
    return sum(side * lots for side, lots, _ in life.stops()) == -life.there()
