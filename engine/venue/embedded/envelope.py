"""A frame of a websocket API, of either floor: what it asks, who signed it, and what a fault makes of the answer.

text --opened--> {"id", "method", "params"} --enquiry_of--> the path of REST --converse--> its answer, or a fault's
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from engine.venue.embedded.faults.points import Asked, Points
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import RefusedError, refuse, words
from engine.venue.embedded.signing import (
    SIGNATURE_WRONG,
    Key,
    Keys,
    identify,
    objection_to_time,
    payload_is_signed,
    wall_ms,
)

MALFORMED = Refusal(-1135, "Invalid JSON Request")

UNAUTHORIZED = 401

Methods = Mapping[str, tuple[str, str, str]]  # name -> verb, path of REST, what it needs


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What a frame asks of a path of REST."""

    number: Any
    endpoint: str  # POST /fapi/v1/order
    given: Mapping[str, str]


def opened(text: str | bytes) -> dict[str, Any]:
    """The request of a frame: an object with a method, and parameters where there are any.  Raises RefusedError."""
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise RefusedError(MALFORMED)
    params = request.get("params")
    if not isinstance(params, dict | None) or not isinstance(request.get("id"), str | int | None):
        raise RefusedError(MALFORMED)
    return request | {"params": params or {}}


def enquiry_of(text: str | bytes, methods: Methods, prefix: str) -> Enquiry | None:
    """What a frame asks of REST under ``prefix``; None where it asks no path."""
    try:
        request = opened(text)
    except RefusedError:
        return None
    if request["method"] not in methods:
        return None
    verb, path, _ = methods[request["method"]]
    given = {name: words(one) for name, one in request["params"].items()}
    return Enquiry(request.get("id"), f"{verb} {prefix}{path}", given)


def check_signature(key: Key, params: Mapping[str, str]) -> None:
    """Refuse parameters that ``key`` has not signed, or signed too long ago; signed is what is sorted by name."""
    signature = params.get("signature", "")
    if not signature:
        raise refuse(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    signed = sorted((name, value) for name, value in params.items() if name != "signature")
    plain = "&".join(f"{name}={value}" for name, value in signed)
    # Some clients escape what they sign, some do not; they differ only where a value needs it.
    if not payload_is_signed(key, plain, signature) and not payload_is_signed(key, urlencode(signed), signature):
        raise RefusedError(SIGNATURE_WRONG)
    if objection := objection_to_time(params, wall_ms()):
        raise RefusedError(objection)


def named(keys: Keys, params: Mapping[str, str]) -> Key:
    """The key that a request names.  Raises RefusedError where there is none."""
    key = identify(keys, params.get("apiKey"))
    if isinstance(key, Refusal):
        raise RefusedError(key, status=UNAUTHORIZED)
    return key


@dataclass(slots=True)
class Logon:
    """Who is logged on to one connection, and since when; every method raises RefusedError."""

    connected_ms: int
    key: Key | None = None
    api_key: str | None = None
    since_ms: int = 0

    def key_of(self, keys: Keys, params: Mapping[str, str]) -> Key:
        """The key that a request names, else the one that is logged on."""
        if self.key is not None and "apiKey" not in params:
            return self.key
        return named(keys, params)

    def signer(self, keys: Keys, params: Mapping[str, str]) -> Key:
        """The key that signed a request, or is logged on and asks in time."""
        key = self.key_of(keys, params)
        if "apiKey" in params or self.key is None:
            check_signature(key, params)
        elif objection := objection_to_time(params, wall_ms()):
            raise RefusedError(objection)
        return key

    def turn(self, method: str, keys: Keys, params: Mapping[str, str]) -> dict[str, Any]:
        """Log on or off where ``method`` says so; what ``session.status`` tells."""
        if method == "session.logon":
            key = named(keys, params)
            check_signature(key, params)
            self.key, self.api_key, self.since_ms = key, params["apiKey"], wall_ms()
        elif method == "session.logout":
            self.key = self.api_key = None
        return {
            "apiKey": self.api_key,
            "authorizedSince": self.since_ms if self.key else None,
            "connectedSince": self.connected_ms,
            "returnRateLimits": True,
            "serverTime": wall_ms(),
        }


async def converse(
    faults: Points, asked: Enquiry, answer: Callable[[], dict[str, Any]], transport: asyncio.Transport | None
) -> dict[str, Any] | None:
    """What ``answer`` says to the frame, or what a fault makes of it; None when the connection has broken."""

    async def serve() -> web.StreamResponse:
        said = answer()
        return web.Response(status=said["status"], body=orjson.dumps(said.get("result", said.get("error"))))

    served = await faults.converse(Asked(asked.endpoint, asked.given, serve, transport))
    if transport is None or transport.is_closing():
        return None
    assert isinstance(served, web.Response), "what is asked in a frame is answered whole"
    body = orjson.loads(served.body if isinstance(served.body, bytes) else b"null")
    if served.status != HTTPStatus.OK and (wait := served.headers.get("Retry-After")):
        body["data"] = {"serverTime": wall_ms(), "retryAfter": wall_ms() + int(wait) * 1000}
    name = "result" if served.status == HTTPStatus.OK else "error"
    return {"id": asked.number, "status": served.status, name: body}
