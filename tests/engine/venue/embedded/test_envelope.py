"""Frames of a websocket API: what is none is refused, what is one says what it asks."""

import time

import pytest

from engine.venue.embedded import dialogue
from engine.venue.embedded.envelope import Logon, check_signature, enquiry_of, opened
from engine.venue.embedded.parameters import RefusedError
from engine.venue.embedded.signing import Key, sign
from engine.venue.embedded.spot import dialogue as spot

SECRET = "s" * 64


@pytest.mark.parametrize("text", ["{", "7", "[]", '{"id":1}', '{"method":7}', '{"method":"ping","params":[]}', b"\xff"])
def test_what_is_no_request_is_refused(text):
    """-1135, and it asks nothing of REST."""
    with pytest.raises(RefusedError) as refused:
        opened(text)
    assert refused.value.refusal.code == -1135
    assert enquiry_of(text, dialogue.METHODS, "/fapi/") is None


@pytest.mark.parametrize(
    ("methods", "prefix", "endpoint"),
    [
        (dialogue.METHODS, dialogue.PREFIX, "POST /fapi/v1/order"),
        (spot.METHODS, spot.PREFIX, "POST /api/v3/order"),
    ],
)
def test_a_frame_asks_a_path_of_rest(methods, prefix, endpoint):
    """Its number, the path and the parameters as words; a method of the connection's own asks none."""
    asked = enquiry_of('{"id":"x","method":"order.place","params":{"symbol":"BTCUSDT","price":7}}', methods, prefix)
    assert asked is not None
    assert (asked.number, asked.endpoint, asked.given) == ("x", endpoint, {"symbol": "BTCUSDT", "price": "7"})
    assert enquiry_of('{"id":1,"method":"session.logon"}', methods, prefix) is None


def test_a_signature_covers_the_parameters_sorted_by_name():
    """Escaped or not; another secret, none, or an old stamp is refused."""
    stamp = str(time.time_ns() // 10**6)
    for text in ("b=x+y&timestamp=" + stamp, "b=x%2By&timestamp=" + stamp):
        check_signature(Key(SECRET, "a"), {"timestamp": stamp, "b": "x+y", "signature": sign(SECRET, text)})
    wrong = [
        ({"timestamp": stamp, "signature": sign("other", f"timestamp={stamp}")}, -1022),
        ({"timestamp": stamp}, -1102),
        ({"timestamp": "7", "signature": sign(SECRET, "timestamp=7")}, -1021),
    ]
    for params, code in wrong:
        with pytest.raises(RefusedError) as refused:
            check_signature(Key(SECRET, "a"), params)
        assert refused.value.refusal.code == code


def test_who_is_logged_on_needs_neither_key_nor_signature_until_he_logs_off():
    """Only the time is asked for; another key in a request speaks for itself and has to sign."""
    keys, logon = {"k" * 64: Key(SECRET, "a"), "o" * 64: Key("t" * 64, "b")}, Logon(7)
    stamp = {"timestamp": str(time.time_ns() // 10**6)}
    signed = {"apiKey": "k" * 64, **stamp}
    signed["signature"] = sign(SECRET, f"apiKey={signed['apiKey']}&timestamp={stamp['timestamp']}")
    refused = []

    def code(params):
        try:
            return logon.signer(keys, params).account
        except RefusedError as error:
            refused.append(error.status)
            return error.refusal.code

    assert (code(signed), code(stamp)) == ("a", -2014)
    told = logon.turn("session.logon", keys, signed)
    assert (told["apiKey"], told["connectedSince"], told["authorizedSince"] > 0) == ("k" * 64, 7, True)
    assert (code(stamp), code({"timestamp": "7"}), code(stamp | {"apiKey": "o" * 64})) == ("a", -1021, -1102)
    assert logon.key_of(keys, {"apiKey": "o" * 64}).account == "b"
    assert logon.turn("session.logout", keys, {})["authorizedSince"] is None
    assert code(stamp) == -2014
    assert refused == [401, 400, 400, 401]
