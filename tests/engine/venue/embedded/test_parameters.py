"""What is wrong with a request's parameters, in the exchange's words."""

import pytest

from engine.venue.embedded.parameters import Parameters, RefusedError


@pytest.mark.parametrize(
    ("ask", "given", "code"),
    [
        (lambda p: p.text("side"), {}, -1102),
        (lambda p: p.text("side"), {"side": ""}, -1102),
        (lambda p: p.integer("orderId"), {"orderId": "1e3"}, -1100),
        (lambda p: p.integer("orderId"), {"orderId": "\u0661"}, -1100),
        (lambda p: p.number("quantity"), {"quantity": "NaN"}, -1100),
        (lambda p: p.number("quantity"), {"quantity": "-1"}, -1100),
        (lambda p: p.number("quantity"), {"quantity": "1" * 21}, -1100),
        (lambda p: p.truth("reduceOnly"), {"reduceOnly": "yes"}, -1100),
        (lambda p: p.client_id("newClientOrderId"), {"newClientOrderId": "a b"}, -4015),
        (lambda p: p.client_id("newClientOrderId"), {"newClientOrderId": "a" * 37}, -4015),
        (lambda p: p.interval(), {"interval": "7m"}, -1120),
        (lambda p: p.listing(), {"symbol": "NOPEUSDT"}, -1121),
        (lambda p: p.limit(500, 1500), {"limit": "1501"}, -1130),
        (lambda p: p.limit(500, 1500), {"limit": "0"}, -1130),
        (lambda p: p.time_ns("startTime", 0), {"startTime": "9" * 18}, -1130),
    ],
)
def test_each_fault_has_its_code(make_exchange, ask, given, code):
    """
    Nothing malformed gets past its reader.
    """
    with pytest.raises(RefusedError) as caught:
        ask(Parameters(given, make_exchange()))
    assert caught.value.refusal.code == code


def test_what_is_right_comes_through(make_exchange):
    """
    Values arrive as sent; what was not sent is its default.
    """
    given = {"symbol": "BTCUSDT", "quantity": "0.010", "reduceOnly": "TRUE", "startTime": "5", "limit": "7"}
    parameters = Parameters(given, make_exchange())
    assert parameters.listing().id == "BTCUSDT"
    assert (parameters.number("quantity"), parameters.number("price")) == ("0.010", None)
    assert (parameters.truth("reduceOnly"), parameters.truth("closePosition")) == (True, False)
    assert (parameters.time_ns("startTime", 1), parameters.time_ns("endTime", 1)) == (5_000_000, 1)
    assert (parameters.limit(500, 1000), parameters.integer("fromId", 3), parameters.client_id("c")) == (7, 3, "")
    assert len(Parameters({}, make_exchange()).listings()) == 2
