"""How each client is pointed at the embedded exchange: the lines that `run.py exchange` prints."""

from collections.abc import Iterator


def lines(plain: int, tls: int, symbols: tuple[str, ...]) -> Iterator[str]:
    """Where it listens, and per client the options that lead there; KEY and SECRET stand for the printed ones."""
    http, socket = f"http://127.0.0.1:{plain}", f"ws://127.0.0.1:{plain}"
    yield f"futures   {http}   {socket}   contracts {', '.join(symbols)}"
    yield f"with TLS  https://127.0.0.1:{tls}   wss://127.0.0.1:{tls}   (--certificate FILE: what to trust)"
    yield f"REST /fapi   streams /ws /stream /public /market /private   websocket API {socket}/ws-fapi/v1"
    yield ""
    yield "ccxt, ccxt.pro"
    yield '  exchange = ccxt.pro.binanceusdm({"apiKey": KEY, "secret": SECRET})'
    yield '  urls = re.sub(r"https://[a-z0-9-]+[.]binance[.]com", "' + http + '", json.dumps(exchange.urls["api"]))'
    yield (
        '  exchange.urls["api"] = json.loads(re.sub(r"wss://[a-z-]+[.]binance[.]com(:[0-9]+)?", "'
        + socket
        + '", urls))'
    )
    yield "python-binance"
    yield f'  BaseClient.FUTURES_URL = "{http}/fapi"; BaseClient.API_URL = "{http}/api"'
    yield f'  BaseClient.WS_FUTURES_URL = "{socket}/ws-fapi/v1"; BinanceSocketManager.FSTREAM_URL = "{socket}/"'
    yield "binance-sdk-derivatives-trading-usds-futures"
    yield f'  ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path="{http}")'
    yield f'  ConfigurationWebSocketAPI(api_key=KEY, api_secret=SECRET, stream_url="{socket}/ws-fapi/v1")'
    yield f'  ConfigurationWebSocketStreams(stream_url="{socket}")'
    yield "binance-futures-connector"
    yield f'  UMFutures(key=KEY, secret=SECRET, base_url="{http}"); UMFuturesWebsocketClient(stream_url="{socket}")'


def spot_lines(plain: int, tls: int) -> Iterator[str]:
    """The same for spot, which has ports of its own."""
    http, socket = f"http://127.0.0.1:{plain}", f"ws://127.0.0.1:{plain}"
    yield ""
    yield f"spot      {http}   {socket}   https://127.0.0.1:{tls}   wss://127.0.0.1:{tls}"
    yield f"REST /api/v3   streams /ws /stream (ccxt.pro: /stream-spot/ws)   websocket API {socket}/ws-api/v3"
    yield f'  python-binance   BaseClient.API_URL = "{http}/api"; BaseClient.WS_API_URL = "{socket}/ws-api/v3"'
    yield f'                   BinanceSocketManager.STREAM_URL = "{socket}/"'
    yield f'  binance-sdk-spot base_path="{http}", stream_url="{socket}/ws-api/v3", stream_url="{socket}/stream"'
