"""Which websockets are spot's."""

import pytest

from tests.engine.venue.embedded.spot.visitor import visited


@pytest.mark.parametrize(
    ("path", "host", "spots"),
    [
        ("/stream-spot/ws/btcusdt@kline_1m", "127.0.0.1", True),
        ("/ws/btcusdt@kline_1m", "stream.binance.com", True),
        ("/ws/btcusdt@kline_1m", "127.0.0.1", False),
        ("/market/ws/btcusdt@kline_1m", "127.0.0.1", False),
    ],
)
async def test_a_websocket_on_a_shared_port_is_told_by_path_or_host(make_exchange, path, host, spots):
    """Spot writes prices with eight digits, futures with those of the tick."""
    async with visited(make_exchange()) as visitor:
        port = visitor.server.ports.plain
        async with visitor.http.ws_connect(f"ws://127.0.0.1:{port}{path}", headers={"Host": host}) as socket:
            visitor.server.pace.step(1)
            close = (await socket.receive_json(timeout=30))["k"]["c"]
        assert len(close.partition(".")[2]) == (8 if spots else 1)
