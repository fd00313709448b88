"""A scripted stand-in for the exchange's HTTP side: a session that answers from a table.

It takes the place of the aiohttp session, so that everything of ccxt, signing and
translation of errors included, runs as it does live.
"""

import json
from collections import deque
from typing import Any
from urllib.parse import parse_qs, urlsplit

from multidict import CIMultiDict, CIMultiDictProxy

RULES = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "onboardDate": 1569398400000,
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "underlyingType": "COIN",
    "triggerProtect": "0.0500",
    "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "1000", "minQty": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.001", "maxQty": "120", "minQty": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
ORDER = {
    "orderId": 77,
    "symbol": "BTCUSDT",
    "status": "NEW",
    "clientOrderId": "",
    "price": "0.00",
    "avgPrice": "0.00",
    "origQty": "0.125",
    "executedQty": "0.000",
    "cumQuote": "0.00",
    "timeInForce": "GTC",
    "type": "MARKET",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0.00",
    "workingType": "CONTRACT_PRICE",
    "origType": "MARKET",
    "updateTime": 1700000000000,
}
ALGO = {
    "algoId": 5,
    "clientAlgoId": "",
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "timeInForce": "GTC",
    "quantity": "0.125",
    "algoStatus": "NEW",
    "actualOrderId": "",
    "triggerPrice": "95000.0",
    "price": "0",
    "reduceOnly": True,
    "createTime": 1700000000000,
    "updateTime": 1700000000000,
}


class Response:
    """What ccxt reads of an aiohttp response."""

    def __init__(self, status: int, body: Any, headers: dict[str, str]) -> None:
        """Hold one answer."""
        self.status, self.reason = status, "scripted"
        self.headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json", **headers}))
        self._text = body if isinstance(body, str) else json.dumps(body)

    async def text(self, errors: str = "replace") -> str:
        """The body."""
        return self._text


class Exchange:
    """Answers by (method, path); an exception among the answers is raised, as a socket would."""

    def __init__(self) -> None:
        """Know the market, and nothing else."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answers: dict[tuple[str, str], deque[Any]] = {}
        self.closed = 0
        self.headers: dict[str, str] = {}
        self.script("GET", "/fapi/v1/time", {"serverTime": 1_700_000_000_000})
        self.script("GET", "/fapi/v1/exchangeInfo", {"symbols": [RULES], "rateLimits": [], "timezone": "UTC"})

    def script(self, method: str, path: str, *answers: Any) -> None:
        """Give these, one a request; the last one stays. A tuple is (status, body, headers)."""
        self.answers[method, path] = deque(answers)

    def sent(self, method: str, path: str) -> list[dict[str, str]]:
        """The parameters of every such request so far."""
        return [params for verb, where, params in self.requests if (verb, where) == (method, path)]

    def dial(self) -> "Exchange":
        """The session that ccxt is given."""
        return self

    async def close(self) -> None:
        """Count how often the session was closed."""
        self.closed += 1

    def _ask(self, method: str, url: Any, data: bytes | None = None, **_: Any) -> "_Asking":
        parts = urlsplit(str(url))
        text = parts.query or (data or b"").decode()
        params = json.loads(text) if text.startswith("{") else {key: it[0] for key, it in parse_qs(text).items()}
        self.requests.append((method, parts.path, params))
        return _Asking(self.answers.get((method, parts.path)), f"{method} {parts.path}")

    def get(self, url: Any, **more: Any) -> "_Asking":
        """GET."""
        return self._ask("GET", url, **more)

    def post(self, url: Any, **more: Any) -> "_Asking":
        """POST."""
        return self._ask("POST", url, **more)

    def put(self, url: Any, **more: Any) -> "_Asking":
        """PUT."""
        return self._ask("PUT", url, **more)

    def delete(self, url: Any, **more: Any) -> "_Asking":
        """DELETE."""
        return self._ask("DELETE", url, **more)


class _Asking:
    def __init__(self, answers: "deque[Any] | None", what: str) -> None:
        self._answers, self._what = answers, what

    async def __aenter__(self) -> Response:
        assert self._answers, f"no answer scripted for {self._what}"
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        status, body, headers = answer if isinstance(answer, tuple) else (200, answer, {})
        return Response(status, body, headers)

    async def __aexit__(self, *_: object) -> None:
        return None
