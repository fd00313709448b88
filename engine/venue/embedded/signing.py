"""Who asks, and may they: API keys, HMAC, Ed25519 and RSA signatures, timestamps and listen keys.

A signature covers the query string followed by the body, both as they came, less
the ``signature`` parameter.  Timestamps are wall time at every speed of the market.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from engine.venue.embedded.orders import Refusal

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000
LISTEN_KEY_NS = 60 * 60 * 10**9
KEY_SHAPE = re.compile(r"[A-Za-z0-9]{8,128}")

KEY_MALFORMED = Refusal(-2014, "API-key format invalid.")
KEY_UNKNOWN = Refusal(-2015, "Invalid API-key, IP, or permissions for action.")
SIGNATURE_WRONG = Refusal(-1022, "Signature for this request is not valid.")
TIMESTAMP_OUTSIDE = Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
TIMESTAMP_AHEAD = Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
LISTEN_KEY_ABSENT = Refusal(-1125, "This listenKey does not exist.")


@dataclass(frozen=True, slots=True)
class Key:
    """One API key: its secret or public key (PEM, Ed25519 or RSA), and the account that it opens."""

    secret: str
    account: str

    @property
    def is_public(self) -> bool:
        """Whether the client keeps a private key, of which this is the public half."""
        return self.secret.startswith("-----BEGIN PUBLIC KEY-----")


Keys = Mapping[str, Key]


def fresh_key() -> tuple[str, str]:
    """Return a random API key and its secret, 64 letters and digits each."""
    return secrets.token_hex(32), secrets.token_hex(32)


def sign(secret: str, payload: str) -> str:
    """Return the signature of ``payload``."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def identify(keys: Keys, api_key: str | None) -> Key | Refusal:
    """Return the key behind an ``X-MBX-APIKEY`` header."""
    if api_key is None or not KEY_SHAPE.fullmatch(api_key):
        return KEY_MALFORMED
    return keys.get(api_key, KEY_UNKNOWN)


def signature_is_right(key: Key, query: str, body: str, signature: str) -> bool:
    """Whether ``signature`` covers the request as it came."""
    return payload_is_signed(key, _unsigned(query) + _unsigned(body), signature)


def payload_is_signed(key: Key, payload: str, signature: str) -> bool:
    """Whether ``signature`` is the key's for ``payload``: hexadecimal HMAC, or base64 of Ed25519 or RSA."""
    if not key.is_public:
        return hmac.compare_digest(sign(key.secret, payload).encode(), signature.lower().encode())
    try:
        # A plus sign that was not escaped arrives as a blank.
        raw = base64.b64decode(signature.replace(" ", "+"), validate=True)
        public = load_pem_public_key(key.secret.encode())
        if isinstance(public, Ed25519PublicKey):
            public.verify(raw, payload.encode())
        elif isinstance(public, RSAPublicKey):
            public.verify(raw, payload.encode(), PKCS1v15(), SHA256())
        else:
            return False
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def objection_to_time(parameters: Mapping[str, str], now_ms: int) -> Refusal | None:
    """Return why the request's timestamp is refused, or None."""
    timestamp, window = parameters.get("timestamp", ""), parameters.get("recvWindow", str(RECV_WINDOW_MS))
    for name, text in (("timestamp", timestamp), ("recvWindow", window)):
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if int(window) > RECV_WINDOW_MS_MAX:
        return Refusal(-1131, "recvWindow must be less than 60000.")
    if int(timestamp) > now_ms + AHEAD_MS_MAX:
        return TIMESTAMP_AHEAD
    return TIMESTAMP_OUTSIDE if now_ms - int(timestamp) > int(window) else None


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature=")) if text else ""


class ListenKeys:
    """Listen keys and when they end, in machine time; one per account, as on the exchange."""

    def __init__(self, *, lifetime_ns: int = LISTEN_KEY_NS) -> None:
        self.lifetime_ns = lifetime_ns
        self._ends_ns: dict[str, tuple[str, int]] = {}  # listen key -> account, end

    def open(self, account: str, now_ns: int) -> str:
        """Return the account's listen key, made if it has none, good for another hour."""
        for key, (owner, _) in self._ends_ns.items():
            if owner == account:
                self._ends_ns[key] = account, now_ns + self.lifetime_ns
                return key
        key = secrets.token_hex(32)
        self._ends_ns[key] = account, now_ns + self.lifetime_ns
        return key

    def prolong(self, account: str, now_ns: int) -> str | None:
        """Return the account's listen key, good for another hour; None when it has none."""
        return self.open(account, now_ns) if any(owner == account for owner, _ in self._ends_ns.values()) else None

    def close(self, account: str) -> list[str]:
        """Forget the account's listen keys and return them."""
        gone = [key for key, (owner, _) in self._ends_ns.items() if owner == account]
        for key in gone:
            del self._ends_ns[key]
        return gone

    def account(self, key: str) -> str | None:
        """Return whose ``key`` is; None when it does not exist."""
        found = self._ends_ns.get(key)
        return found[0] if found else None

    def expire(self, now_ns: int) -> list[tuple[str, str]]:
        """Forget what has ended and return it as (listen key, account)."""
        gone = [(key, account) for key, (account, end_ns) in self._ends_ns.items() if end_ns <= now_ns]
        for key, _ in gone:
            del self._ends_ns[key]
        return gone


def wall_ms() -> int:
    """The machine's time in milliseconds: requests and answers are dated by it at every speed of the market."""
    return time.time_ns() // 1_000_000
