"""Rate limits: request weight per address, new orders per account, and what happens to whoever goes on.

within the limit --> served, with headers that tell how much is used
beyond it        --> 429 and Retry-After, until the window ends
beyond it still  --> 418: the address is banned
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import RefusedError

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
TEN_SECONDS_NS = 10 * SECOND_NS
ADDRESSES_MAX = 4_096  # remembered; beyond that the oldest is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one address and one account may do; the defaults leave paper trading at any speed alone."""

    weight_per_minute: int = 2_400_000
    orders_per_minute: int = 1_200_000
    orders_per_ten_seconds: int = 300_000
    strikes_max: int = 50  # requests answered with 429 within a minute before the ban
    ban_seconds: int = 120

    def __post_init__(self) -> None:
        if min(self.weight_per_minute, self.orders_per_minute, self.orders_per_ten_seconds) < 1:
            raise ValueError("limits: every limit is 1 or more")

    def described(self) -> list[dict[str, Any]]:
        """The limits as exchangeInfo lists them."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute),
            ("ORDERS", "MINUTE", 1, self.orders_per_minute),
            ("ORDERS", "SECOND", 10, self.orders_per_ten_seconds),
        )
        return [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in rows
        ]


GENEROUS = Limits()
PUBLISHED = Limits(weight_per_minute=2_400, orders_per_minute=1_200, orders_per_ten_seconds=300)


@dataclass(slots=True)
class Window:
    """A count that starts anew whenever its window does."""

    length_ns: int
    number: int = 0
    count: int = 0

    def add(self, now_ns: int, amount: int) -> int:
        """Count ``amount`` in the window of ``now_ns``; what it holds then."""
        number = now_ns // self.length_ns
        if number != self.number:
            self.number, self.count = number, 0
        self.count += amount
        return self.count

    def seconds_left(self, now_ns: int) -> int:
        """Until the next window, at least one."""
        return max(1, -(-(self.length_ns - now_ns % self.length_ns) // SECOND_NS))


@dataclass(slots=True)
class Usage:
    """What one address has used."""

    weight: Window
    strikes: Window
    banned_until_ns: int = 0


class LimitedError(RefusedError):
    """Too much was asked: 429 or 418 with the seconds to wait."""

    def __init__(self, refusal: Refusal, *, status: int, retry_seconds: int) -> None:
        super().__init__(refusal, status=status)
        self.retry_seconds = retry_seconds


class Meter:
    """Counts requests per address and orders per account, in machine time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._usages: dict[str, Usage] = {}
        self._orders: dict[str, tuple[Window, Window]] = {}

    def charge(self, address: str, weight: int, now_ns: int) -> dict[str, str]:
        """Count a request and return the headers that tell; LimitedError beyond the limit."""
        usage = self._usage(address)
        if now_ns < usage.banned_until_ns:
            raise self._banned(address, usage, now_ns)
        used = usage.weight.add(now_ns, weight)
        if used <= self.limits.weight_per_minute:
            return {"X-MBX-USED-WEIGHT-1M": str(used)}
        if usage.strikes.add(now_ns, 1) > self.limits.strikes_max:
            usage.banned_until_ns = now_ns + self.limits.ban_seconds * SECOND_NS
            raise self._banned(address, usage, now_ns)
        limit = self.limits.weight_per_minute
        text = (
            f"Too many requests; current limit of IP({address}) is {limit} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API."
        )
        raise LimitedError(Refusal(-1003, text), status=429, retry_seconds=usage.weight.seconds_left(now_ns))

    def charge_orders(self, account: str, count: int, now_ns: int) -> dict[str, str]:
        """Count new orders and return the headers that tell; LimitedError beyond the limit."""
        ten_seconds, minute = self._orders.setdefault(account, (Window(TEN_SECONDS_NS), Window(MINUTE_NS)))
        headers = {}
        for window, limit, name, words in (
            (ten_seconds, self.limits.orders_per_ten_seconds, "10S", "10 SECOND"),
            (minute, self.limits.orders_per_minute, "1M", "1 MINUTE"),
        ):
            used = window.add(now_ns, count)
            headers[f"X-MBX-ORDER-COUNT-{name}"] = str(used)
            if used > limit:
                refusal = Refusal(-1015, f"Too many new orders; current limit is {limit} orders per {words}.")
                raise LimitedError(refusal, status=429, retry_seconds=window.seconds_left(now_ns))
        return headers

    def counts(self, address: str, account: str, now_ns: int) -> Iterator[dict[str, Any]]:
        """The limits with what is used of them, as the websocket API reports them."""
        ten_seconds, minute = self._orders.get(account, (Window(TEN_SECONDS_NS), Window(MINUTE_NS)))
        windows = (self._usage(address).weight, minute, ten_seconds)
        for row, window in zip(self.limits.described(), windows, strict=True):
            yield row | {"count": window.add(now_ns, 0)}

    def _usage(self, address: str) -> Usage:
        usage = self._usages.get(address)
        if usage is None:
            if len(self._usages) >= ADDRESSES_MAX:
                self._usages.pop(next(iter(self._usages)))
            usage = self._usages[address] = Usage(Window(MINUTE_NS), Window(MINUTE_NS))
        return usage

    def _banned(self, address: str, usage: Usage, now_ns: int) -> LimitedError:
        seconds = -(-(usage.banned_until_ns - now_ns) // SECOND_NS)
        text = (
            f"Way too many requests; IP({address}) banned until {usage.banned_until_ns // 1_000_000}. "
            "Please use the websocket for live updates to avoid bans."
        )
        return LimitedError(Refusal(-1003, text), status=418, retry_seconds=seconds)
