"""Every way that ccxt can fail has one place in our tree."""

import aiohttp
import ccxt
import pytest
from aiohttp.client_reqrep import ConnectionKey

from engine import errors
from engine.venue.failures import CODES, PLACES, translated


def classes_of_ccxt():
    """Every exception class that ccxt has, by walking its tree."""
    found, waiting = [], [ccxt.BaseError]
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].__subclasses__()
    return sorted({cls for cls in found if cls.__module__.startswith("ccxt")}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", classes_of_ccxt(), ids=lambda cls: cls.__name__)
def test_every_class_of_ccxt_has_a_place(cls):
    """A class that a new ccxt brings along fails here until somebody has thought about it."""
    assert cls.__name__ in PLACES
    assert type(translated(cls("binanceusdm says no"))) is PLACES[cls.__name__]


def test_the_table_names_no_class_that_ccxt_lacks():
    """What ccxt dropped is dropped here too."""
    assert set(PLACES) == {cls.__name__ for cls in classes_of_ccxt()}


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (
            ccxt.InsufficientFunds('binanceusdm {"code":-2019,"msg":"Margin is insufficient."}'),
            errors.InsufficientFunds,
        ),
        (ccxt.OperationFailed('binanceusdm {"code":-1006,"msg":"Execution status unknown."}'), errors.Unknown),
        (ccxt.RequestTimeout('binanceusdm {"code":-1007,"msg":"Timeout"}'), errors.Unknown),
        (
            ccxt.InvalidOrder('binanceusdm {"code":-2022,"msg":"ReduceOnly Order is rejected."}'),
            errors.ReduceOnlyRejected,
        ),
        (ccxt.InvalidOrder('binanceusdm {"code":-5022,"msg":"Post Only"}'), errors.WouldTake),
        (ccxt.OrderImmediatelyFillable('binanceusdm {"code":-2021,"msg":"trigger"}'), errors.WouldTrigger),
        (ccxt.InvalidOrder('binanceusdm {"code":-4116,"msg":"ClientOrderId is duplicated."}'), errors.Unknown),
        (ccxt.InvalidNonce('binanceusdm {"code":-1021,"msg":"recvWindow"}'), errors.NotSent),
        (ccxt.OrderNotFound('binanceusdm {"code":-2013,"msg":"Order does not exist."}'), errors.OrderNotFound),
        (ccxt.BadRequest('binanceusdm {"code":-1111,"msg":"Precision"}'), errors.InvalidOrder),
        (ccxt.ExchangeError('binanceusdm {"code":-9999,"msg":"new in 2031"}'), errors.Unknown),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:40]),
)
def test_a_number_says_more_than_a_class(error, place):
    """Binance's number decides where the table of numbers has it, else ccxt's class."""
    assert type(translated(error)) is place


def caused(error, cause):
    """``error`` as ccxt raises it from ``cause``."""
    error.__cause__ = cause
    return error


def test_only_a_refused_connection_is_proof_that_nothing_left():
    """A connection that broke later, or timed out while reading, may have carried the order."""
    key = ConnectionKey("fapi.binance.com", 443, True, True, None, None, None)
    refused = aiohttp.ClientConnectorError(key, OSError(111, "refused"))
    assert type(translated(caused(ccxt.ExchangeNotAvailable("x"), refused))) is errors.Unreachable
    slow_dial = aiohttp.ConnectionTimeoutError("dial")
    assert type(translated(caused(ccxt.RequestTimeout("x"), slow_dial))) is errors.Unreachable
    for cause in (
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.SocketTimeoutError("read"),
        aiohttp.ClientPayloadError("half a body"),
        TimeoutError(),
    ):
        assert type(translated(caused(ccxt.ExchangeError("x"), cause))) is errors.Unknown, cause


def test_a_5xx_is_unknown_whatever_its_body_says():
    """A gateway may put a refusal's number into the body of a 503 whose order landed."""
    error = ccxt.OperationFailed('binanceusdm 503 {"code":-2019,"msg":"Margin is insufficient."}')
    error.status = 503
    assert type(translated(error)) is errors.Unknown


def test_a_ban_says_for_how_long():
    """Retry-After reaches whoever wants to try again."""
    error = ccxt.RateLimitExceeded("binanceusdm 429")
    error.status, error.retry_after_ms = 429, 7_000
    assert translated(error).retry_after_ms == 7_000


def test_the_translation_keeps_words_and_number():
    """People and journal see what the venue said."""
    failure = translated(ccxt.BadRequest('binanceusdm {"code":-4014,"msg":"Price not increased by tick size."}'))
    assert failure.code == -4014
    assert "tick size" in failure.text
    assert all(code < 0 for code in CODES)


def test_a_rule_of_the_product_is_no_doubt():
    """-4140, a symbol that is settling, never reached the book; a duplicated id is still one to ask about."""
    settling = translated(ccxt.ExchangeError('binanceusdm {"code":-4140,"msg":"Invalid symbol status."}'))
    assert type(settling) is errors.InvalidOrder
    assert type(translated(ccxt.ExchangeError('binanceusdm {"code":-4116,"msg":"duplicated"}'))) is errors.Unknown
