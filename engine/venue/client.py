"""ccxt's client, overheard: every frame, connection and send passes us; no byte leaves against an objection.

ours --create_order--> ccxt signs --fetch--> objection? ban? --> session (dialled outside) --> exchange
ours <--frame, connected----------------- handle_message <--------------------------------- stream
ours <--one of engine/errors.py---------- asked
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import aiohttp
import ccxt.pro

from engine import errors
from engine.venue.base import unopposed
from engine.venue.facts import FACTS, venue_of
from engine.venue.failures import marked, translated
from engine.venue.patience import Ban
from shm.budget import Budget, Claim
from shm.clock import Clock

NEVER_MS = 10**12  # we renew the key ourselves
PING_MS = 10_000  # a private stream may have nothing to say for hours
USED, LOOK_MS = "X-MBX-USED-WEIGHT-1M", 250
RECV_WINDOW_MS = 5_000  # an order that has been on its way for longer is not wanted any more

HANDED_NS: ContextVar[int] = ContextVar("handed_ns", default=0)
OBJECTION: ContextVar[Callable[[], str]] = ContextVar("objection", default=unopposed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Which exchange of ccxt, and the keys to it."""

    exchange: str = "binanceusdm"
    account: str = "main"
    key: str = ""
    secret: str = ""  # shown nowhere: ``repr`` below
    is_demo: bool = False  # on the hosts where the exchange lets people practise

    @property
    def venue(self) -> str:
        """Whose journal it is: what was traded in a demo is another account's."""
        return venue_of(self.exchange, is_demo=self.is_demo)

    def __repr__(self) -> str:
        return f"Login({self.exchange})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the edge of the world needs from outside."""

    dial: Callable[[], aiohttp.ClientSession]  # a session whose names resolve where they should
    clock: Clock
    generator: Random
    answer_timeout_ms: int = 10_000
    budget: Budget | None = None  # of the address; None: nobody counts
    limits_rate: bool = True  # False where the market runs faster than time: the weights are those of real time


# Request weight by the end of a path; the exchange's own count corrects what is not listed here.
WEIGHTS = {"userTrades": 5, "positionRisk": 5, "account": 5, "balance": 5, "symbolConfig": 5, "income": 30}
ALL_WEIGHTS = {"openOrders": 40, "openAlgoOrders": 40}  # of all instruments in one question
PLACES = ("order", "algoOrder", "create", "sendorder")  # a DELETE there is a cancel
CANCELS = ("cancel", "cancelorder")
REDUCES = re.compile(r'reduceOnly(=|"\s*:\s*)true')
TIMERS = ("countdownCancelAll", "cancelallordersafter")
DISARMS = re.compile(r"(^|&)(countdownTime|timeout)=0(&|$)")


def claim_of(path: str, method: str, body: str = "") -> Claim:
    """What a request is for, by its path, method and body; a stop or an exit comes before entries, as a cancel does."""
    what = path.rpartition("/")[2]
    if method == "POST" and (what in CANCELS or (what in TIMERS and DISARMS.search(body))):
        return Claim.CANCEL  # a timer that runs on takes stops
    if what in PLACES and method in ("POST", "DELETE"):
        return Claim.ORDER if method == "POST" and not REDUCES.search(body) else Claim.CANCEL
    return Claim.DATA


async def granted(budget: Budget, url: str, method: str, body: str = "", weights: Mapping[str, int] = WEIGHTS) -> int:
    """Take a request out of the budget: data waits for its turn; for anything else, how many ms to come back in."""
    path, _, given = url.partition("?")
    # Kraken's parameters stand in the address also where something is sent.
    claim, weight = claim_of(path, method, body or given), weight_of(path, given, weights)
    while wait_ms := budget.take(claim, weight):
        if claim is not Claim.DATA:
            return wait_ms
        await asyncio.sleep(min(wait_ms, LOOK_MS) / 1000)
    return 0


def weight_of(path: str, given: str, weights: Mapping[str, int]) -> int:
    """What a request weighs: by the end of its path, and by whether it asks for all, or for more than the newest."""
    name, first = path.rpartition("/")[2], given.partition("=")[0]
    if name in ALL_WEIGHTS and "symbol=" not in given:
        return ALL_WEIGHTS[name]
    return weights.get(f"{name}?{first}", weights.get(name, 1))


class Ear(Protocol):
    """Who is shown what passes."""

    def frame(self, message: Any) -> bool:
        """Take a frame of the private stream; False for what is not ours to read."""
        ...

    def connected(self, url: str) -> None:
        """The socket of ``url`` is open."""
        ...


async def asked(answer: Awaitable[Any]) -> Any:
    """The answer, or its failure in our words; the one place where ccxt's exceptions end."""
    try:
        return await answer
    except ccxt.BaseError as error:
        raise translated(error) from error
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise errors.Unknown(f"{type(error).__name__}: {error}") from error


def watching(login: Login, around: Surroundings, session: aiohttp.ClientSession, ear: Ear) -> Any:
    """An exchange of ccxt.pro that shows us its frames, its connections and its sends."""

    ban, bans = Ban(), FACTS[login.exchange].bans

    class Watching(getattr(ccxt.pro, login.exchange)):  # type: ignore[misc]
        """ccxt's exchange, overheard."""

        def handle_message(self, client: Any, message: Any) -> None:
            """Frames that are ours pass ccxt by."""
            if not ear.frame(message):
                super().handle_message(client, message)

        def on_connected(self, client: Any, message: Any = None) -> None:
            """A socket is open."""
            super().on_connected(client, message)
            ear.connected(client.url)

        async def fetch(self, *request: Any, **more: Any) -> Any:
            """Note when a signed request is handed to the socket: the last moment to keep it back."""
            if around.budget is not None:
                given = dict(zip(("url", "method", "headers", "body"), request, strict=False)) | more
                asking = given["url"], given.get("method", "GET"), given.get("body") or ""
                if wait_ms := await granted(around.budget, *asking, FACTS[login.exchange].weights or WEIGHTS):
                    words = f"our own rate budget is spent for {wait_ms} ms"
                    raise marked(ccxt.RateLimitExceeded(words), 429, wait_ms)
            if words := OBJECTION.get()():
                raise errors.NotSent(words)
            HANDED_NS.set(around.clock.monotonic_ns())
            if left_ms := ban.left_ms(HANDED_NS.get()):
                raise marked(ccxt.RateLimitExceeded(f"{login.exchange} not asked for {left_ms} ms"), 429, left_ms)
            return await super().fetch(*request, **more)

        def handle_errors(self, *answer: Any) -> Any:
            """A 5xx is unknown whatever its body says, and so is a page of words; a ban carries how long."""
            status, headers, body, parsed = answer[0], answer[4], answer[5], answer[6]
            if around.budget is not None:
                around.budget.heard((headers or {}).get(USED))
            if status >= 500:
                raise marked(ccxt.OperationFailed(f"{login.exchange} {status} {body}"), status, 0)
            if status in (418, 429) or status in bans:
                error = ccxt.RateLimitExceeded(f"{login.exchange} {status} {body}")
                raise marked(error, status, ban.hear(headers, around.clock.monotonic_ns(), bans.get(status, 0)))
            if parsed is None and status < 300:  # ccxt would make an order without a number of it
                raise marked(ccxt.BadResponse(f"{login.exchange} {status} {body[:200]}"), status, 0)
            answered = super().handle_errors(*answer)
            _heed_verdict(login.exchange, parsed)
            return answered

    client = Watching(_options(login, around, session))
    if login.is_demo:
        practise(client, login.exchange)
    return client


def practise(client: Any, exchange: str) -> None:
    """Have ccxt's client use the hosts where the exchange lets people practise."""
    if FACTS[exchange].is_sandbox:
        client.set_sandbox_mode(True)
    else:
        client.enable_demo_trading(True)


def _heed_verdict(exchange: str, answer: Any) -> None:
    """A success may hold a refusal; only a word that we know, with the order's number, is an order."""
    facts = FACTS[exchange]
    verdict = answer.get(facts.verdict) if facts.verdict and isinstance(answer, dict) else None
    if isinstance(verdict, dict) and (verdict.get("status") not in facts.states or not verdict.get("order_id")):
        raise ccxt.ExchangeError(f"{exchange}: the order failed due to {verdict.get('status')} in {answer}"[:400])


def _options(login: Login, around: Surroundings, session: aiohttp.ClientSession) -> dict[str, Any]:
    return {
        "apiKey": login.key,
        "secret": login.secret,
        "session": session,
        "timeout": around.answer_timeout_ms,
        "streaming": {"keepAlive": PING_MS},
        "enableRateLimit": around.limits_rate,
        "rateLimiterAlgorithm": "rollingWindow",
        **({"rateLimit": FACTS[login.exchange].pause_ms} if FACTS[login.exchange].pause_ms else {}),
        "has": {"fetchCurrencies": False},  # nothing of it is read, and it may want a permission that keys have not
        "options": {
            "fetchCurrencies": False,
            "fetchMargins": False,
            "recvWindow": RECV_WINDOW_MS,
            "adjustForTimeDifference": around.limits_rate,  # a machine's clock may be off; paper's is the same one
            "listenKeyRefreshRate": NEVER_MS,
            "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
            "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
            **FACTS[login.exchange].options,
        },
    }
