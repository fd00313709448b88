"""An exchange without faults says and does what it would anyway."""

import asyncio

import orjson
import pytest

from engine.venue.embedded.faults.points import Points


def test_nothing_goes_wrong():
    """Messages pass as they are, requests reach their route, nothing can be scheduled."""
    points = Points()
    points.attach(None, None)
    points.minute()
    assert points.frames("btcusdt@kline_1m", {"a": 1}) == points.private("me", {"a": 1}) == ('{"a":1}',)
    assert points.report() == {"scheduled": [], "injected": []}

    async def route(request):
        return request

    assert asyncio.run(points.serve("request", route)) == "request"
    with pytest.raises(NotImplementedError):
        points.add(orjson.loads("{}"))
    asyncio.run(points.close())
