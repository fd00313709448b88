"""The one table that translates ccxt's exceptions into ours.

    by cause   no byte left: Unreachable; the connection broke later, or 5xx: Unknown
    by table   Bybit's and Kraken's words, where ours knows better (facts.py)
    by code    Binance's number, where ccxt's class says less than we need to know
    by class   the most specific one that the table names

ccxt's classes are written by name, since only ``live.py`` imports it.
"""

import re
from typing import Any

import aiohttp

from engine import errors
from engine.venue.facts import meaning

# Where each exception of ccxt stands in our tree. A class that is not listed fails the test.
PLACES: dict[str, type[errors.VenueError]] = {
    "BaseError": errors.Unknown,
    "ExchangeError": errors.Unknown,  # a code that nobody has classified: ask
    "AuthenticationError": errors.NotPermitted,
    "PermissionDenied": errors.NotPermitted,
    "AccountNotEnabled": errors.NotPermitted,
    "AccountSuspended": errors.NotPermitted,
    "ArgumentsRequired": errors.InvalidOrder,
    "BadRequest": errors.InvalidOrder,
    "BadSymbol": errors.InvalidOrder,
    "OperationRejected": errors.Rejected,
    "NoChange": errors.Rejected,
    "MarginModeAlreadySet": errors.Rejected,
    "MarketClosed": errors.Rejected,
    "ManualInteractionNeeded": errors.NotPermitted,
    "RestrictedLocation": errors.NotPermitted,
    "InsufficientFunds": errors.InsufficientFunds,
    "InvalidAddress": errors.InvalidOrder,
    "AddressPending": errors.InvalidOrder,
    "InvalidOrder": errors.InvalidOrder,
    "OrderNotFound": errors.OrderNotFound,
    "OrderNotCached": errors.OrderNotFound,
    "OrderImmediatelyFillable": errors.WouldTrigger,
    "OrderNotFillable": errors.WouldTake,
    "DuplicateOrderId": errors.Unknown,  # the first one is open: ask, and adopt it
    "ContractUnavailable": errors.Rejected,
    "NotSupported": errors.InvalidOrder,
    "InvalidProxySettings": errors.Unreachable,
    "ExchangeClosedByUser": errors.Unreachable,  # raised before a request is made
    "OperationFailed": errors.Unknown,
    "NetworkError": errors.Unknown,
    "DDoSProtection": errors.RateLimited,
    "RateLimitExceeded": errors.RateLimited,
    "ExchangeNotAvailable": errors.Unknown,
    "OnMaintenance": errors.Unknown,
    "InvalidNonce": errors.NotSent,  # outside recvWindow: refused at the door
    "ChecksumError": errors.Unknown,
    "RequestTimeout": errors.Unknown,
    "BadResponse": errors.Unknown,
    "NullResponse": errors.Unknown,
    "CancelPending": errors.Unknown,
    "UnsubscribeError": errors.Unknown,
}

# Binance's own numbers, where ccxt's class says less than we need to know.
CODES: dict[int, type[errors.VenueError]] = {
    -1000: errors.Unknown,
    -1001: errors.Unknown,
    -1003: errors.RateLimited,
    -1006: errors.Unknown,  # execution status unknown
    -1007: errors.Unknown,  # send status unknown; execution status unknown
    -1008: errors.Unknown,  # overloaded; the documents of futures do not say refused
    -1015: errors.RateLimited,
    -2011: errors.OrderNotFound,
    -2013: errors.OrderNotFound,
    -2021: errors.WouldTrigger,
    -2022: errors.ReduceOnlyRejected,
    -4111: errors.Unknown,  # duplicated client algo id: the first one landed
    -4116: errors.Unknown,  # duplicated client order id: the first one landed
    -4118: errors.ReduceOnlyRejected,
    -5021: errors.Rejected,
    -5022: errors.WouldTake,
    -5028: errors.NotSent,  # outside the matching engine's recvWindow
    -20124: errors.OrderNotFound,
    -20132: errors.Unknown,
}
NO_MARGIN = -2019  # ccxt has a class for it
FILTERS = range(-4999, -3999)  # refused by a rule of the product before it reached the book
CODE = re.compile(r'"code"\s*:\s*"?(-?\d+)')
_BEFORE_THE_FIRST_BYTE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


def refusal_of(code: int, text: str) -> errors.VenueError:
    """The exchange's own refusal, by number alone, as one of ours."""
    place = CODES.get(code, errors.InvalidOrder if code in FILTERS else errors.Rejected)
    return errors.InsufficientFunds(text, code=code) if code == NO_MARGIN else place(text, code=code)


def translated(error: Exception) -> errors.VenueError:
    """``error`` of ccxt as one of ours: by its cause, then its code, then the most specific class."""
    text = str(error)
    number = CODE.search(text)
    code = int(number.group(1)) if number else 0
    if isinstance(error.__cause__, _BEFORE_THE_FIRST_BYTE):
        return errors.Unreachable(text, code=code)
    if isinstance(error.__cause__, aiohttp.ClientError | TimeoutError):
        return errors.Unknown(text, code=code)
    if getattr(error, "status", 0) >= 500:  # whatever its body says
        return errors.Unknown(text, code=code)
    by_class = next(PLACES[base.__name__] for base in type(error).__mro__ if base.__name__ in PLACES)
    if by_class is errors.Unknown and code in FILTERS and code not in CODES:
        return errors.InvalidOrder(text, code=code)
    place = meaning(text) or CODES.get(code, by_class)
    if place is errors.RateLimited:
        return errors.RateLimited(text, code=code, retry_after_ms=getattr(error, "retry_after_ms", 0))
    return place(text, code=code)


def marked(error: Any, status: int, wait_ms: int) -> Any:
    """``error`` with what only the answer's head said: its status, and how long to wait."""
    error.status, error.retry_after_ms = status, wait_ms
    return error
