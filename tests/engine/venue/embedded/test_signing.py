"""Keys, signatures, timestamps and listen keys."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.venue.embedded.signing import (
    KEY_MALFORMED,
    KEY_UNKNOWN,
    Key,
    ListenKeys,
    fresh_key,
    identify,
    objection_to_time,
    payload_is_signed,
    sign,
    signature_is_right,
)

NOW_MS = 1_700_000_000_000
KEY = Key("secret", "paper")


def test_a_known_signature():
    """
    HMAC-SHA256 as everybody computes it: RFC 4231, test case 2.
    """
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign("Jefe", "what do ya want for nothing?") == expected


@pytest.mark.parametrize(
    ("query", "body"),
    [("a=1&timestamp=2", ""), ("", "a=1&timestamp=2"), ("a=1", "timestamp=2")],
)
def test_query_and_body_are_signed_as_they_came(query, body):
    """
    The payload is query and body joined; the signature may stand in either, and one letter more breaks it.
    """
    signature = sign("secret", query + body)
    assert signature_is_right(KEY, query, body, signature)
    assert signature_is_right(KEY, f"{query}&signature={signature}" if query else "", body, signature)
    assert not signature_is_right(KEY, query + "x", body, signature)
    assert not signature_is_right(KEY, query, body, "\u00e9" * 64)


def test_keys_are_told_apart():
    """
    Malformed is -2014, unknown -2015.
    """
    api_key, secret = fresh_key()
    assert identify({api_key: Key(secret, "paper")}, api_key) == Key(secret, "paper")
    assert identify({}, api_key) is KEY_UNKNOWN
    assert identify({}, None) is identify({}, "a b") is KEY_MALFORMED
    assert len({*fresh_key(), api_key, secret}) == 4


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"timestamp": str(NOW_MS)}, None),
        ({"timestamp": str(NOW_MS - 5_000)}, None),
        ({"timestamp": str(NOW_MS - 5_001)}, -1021),
        ({"timestamp": str(NOW_MS - 5_001), "recvWindow": "6000"}, None),
        ({"timestamp": str(NOW_MS + 1_000)}, None),
        ({"timestamp": str(NOW_MS + 1_001)}, -1021),
        ({"timestamp": str(NOW_MS), "recvWindow": "60001"}, -1131),
        ({"timestamp": "now"}, -1102),
        ({}, -1102),
    ],
)
def test_the_window_of_a_timestamp(given, code):
    """
    Five seconds old and one second ahead are the ends of it.
    """
    objection = objection_to_time(given, NOW_MS)
    assert (objection.code if objection else None) == code


def test_a_listen_key_lives_an_hour_from_its_last_renewal():
    """
    One key an account; asked for again it is the same and lives anew.
    """
    keys = ListenKeys(lifetime_ns=100)
    first = keys.open("paper", 0)
    assert keys.prolong("other", 0) is None
    assert keys.open("paper", 50) == first == keys.prolong("paper", 60)
    assert keys.account(first) == "paper"
    assert keys.expire(159) == []
    assert keys.expire(160) == [(first, "paper")]
    assert keys.account(first) is None
    assert keys.close("paper") == []
    assert keys.close("paper") == [] != keys.open("paper", 0)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_public_keys_sign_in_base64(kind):
    """
    An Ed25519 or RSA signature is right for its payload alone, also with its plus signs turned into blanks.
    """
    private = Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(65_537, 2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    payload = b"symbol=BTCUSDT&timestamp=1"
    raw = private.sign(payload) if kind == "ed25519" else private.sign(payload, PKCS1v15(), SHA256())
    signature, key = base64.b64encode(raw).decode(), Key(pem, "paper")
    assert payload_is_signed(key, payload.decode(), signature.replace("+", " "))
    assert not payload_is_signed(key, payload.decode() + "0", signature)
    for junk in ("", "%", "é", sign("secret", payload.decode())):
        assert not payload_is_signed(key, payload.decode(), junk)
