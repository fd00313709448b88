"""Reading a request's parameters: each is checked once, and what is wrong is refused as the exchange words it."""

import re
from collections.abc import Mapping

import orjson

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import INTERVALS_NS
from engine.venue.embedded.orders import Refusal

NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
INTEGER = re.compile(r"[0-9]{1,18}")
NAME = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
TIME_MS_MAX = 2**43  # the year 2248, and still 63 bits of nanoseconds
TRUTH = {"true": True, "false": False}


def words(value: object) -> str:
    """A JSON value as the text that a query string would carry."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return "" if value is None else repr(value) if isinstance(value, int | float) else orjson.dumps(value).decode()


class RefusedError(Exception):
    """The request is answered with an error: Binance's code, message and HTTP status."""

    def __init__(self, refusal: Refusal, *, status: int = 400, data: object = None) -> None:
        super().__init__(f"{refusal.code}: {refusal.message}")
        self.refusal = refusal
        self.status = status
        self.data = data  # what was done all the same, where the answer says so

    def answer(self) -> dict[str, object]:
        """The body of the error."""
        told = {"code": self.refusal.code, "msg": self.refusal.message}
        return told if self.data is None else told | {"data": self.data}


def refuse(code: int, message: str) -> RefusedError:
    """Return the exception for ``code``."""
    return RefusedError(Refusal(code, message))


class Parameters:
    """The parameters of one request, by name."""

    def __init__(self, given: Mapping[str, str], exchange: Exchange) -> None:
        self._given = given
        self._exchange = exchange

    def __contains__(self, name: str) -> bool:
        return bool(self._given.get(name))

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        value = self._given.get(name)
        if not value:
            raise refuse(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def option(self, name: str, choices: Mapping[str, int] | tuple[str, ...], error: tuple[int, str]) -> str:
        """A parameter that must be one of ``choices``."""
        value = self.text(name)
        if value not in choices:
            raise refuse(*error)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number, or ``default`` where none was sent; without a default it must be there."""
        if default is not None and name not in self:
            return default
        value = self.text(name)
        if not INTEGER.fullmatch(value):
            raise refuse(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
        return int(value)

    def time_ns(self, name: str, default_ns: int) -> int:
        """A time in milliseconds as nanoseconds, or ``default_ns`` where none was sent."""
        if name not in self:
            return default_ns
        milliseconds = self.integer(name)
        if milliseconds > TIME_MS_MAX:
            raise refuse(-1130, f"Data sent for parameter '{name}' is not valid.")
        return milliseconds * 1_000_000

    def limit(self, default: int, maximum: int) -> int:
        """The parameter ``limit``, at most ``maximum``."""
        value = self.integer("limit", default)
        if not 1 <= value <= maximum:
            raise refuse(-1130, f"Data sent for parameter 'limit' is not valid, must be 1 to {maximum}.")
        return value

    def number(self, name: str) -> str | None:
        """A decimal number as text; None where none was sent."""
        if name not in self:
            return None
        value = self.text(name)
        if not NUMBER.fullmatch(value):
            legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
            raise refuse(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
        return value

    def truth(self, name: str) -> bool:
        """A boolean, false where none was sent."""
        if name not in self:
            return False
        value = self.text(name).lower()
        if value not in TRUTH:
            raise refuse(-1100, f"Illegal characters found in parameter '{name}'; legal values are 'true, false'.")
        return TRUTH[value]

    def client_id(self, name: str) -> str:
        """A client order id, empty where none was sent."""
        if name not in self:
            return ""
        value = self.text(name)
        if not NAME.fullmatch(value):
            raise refuse(-4015, "Client order id is not valid.")
        return value

    def interval(self) -> str:
        """The interval of candles."""
        return self.option("interval", INTERVALS_NS, (-1120, "Invalid interval."))

    def listing(self, name: str = "symbol") -> Listing:
        """The listing of the parameter ``symbol``, or of a ``pair``."""
        found = self._exchange.by_id.get(self.text(name))
        if found is None:
            raise refuse(-1121, "Invalid symbol.")
        return found

    def listings(self) -> tuple[Listing, ...]:
        """The listing of ``symbol``, or all of them where none was sent."""
        return (self.listing(),) if "symbol" in self else self._exchange.listings
