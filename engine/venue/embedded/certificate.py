"""The certificate that the embedded exchange makes for itself, and only its clients trust.

It is signed by itself, names the exchange's hosts and lives a week: whoever holds
the PEM text can verify the server, and nobody else ever trusts it.  Kept in a
folder it survives a restart, so that clients of before reconnect.
"""

import datetime
import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.venue.facts import FACTS

# The names that clients ask for; those of the demo last.
HOSTS = (*FACTS["binanceusdm"].hosts, *FACTS["binanceusdm"].demo_hosts)
DAYS = 7
DAY_SECONDS = 86_400
PUBLIC_NAME, PRIVATE_NAME = "exchange.pem", "exchange.key"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key as PEM text; only ``pem`` leaves the process."""

    pem: str
    key_pem: str

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context of the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # ssl loads a chain from files only; the folder is private and gone at once.
        with tempfile.TemporaryDirectory() as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_text(self.pem, encoding="ascii")
            key.write_text(self.key_pem, encoding="ascii")
            context.load_cert_chain(chain, key)
        return context


def issue(wall_ns: int, hosts: Sequence[str] = HOSTS) -> Certificate:
    """Return a fresh certificate for the exchange's ``hosts`` and loopback, valid around ``wall_ns``."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.fromtimestamp(wall_ns / 1e9, datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "embedded exchange")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in (*hosts, "localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii"),
    )


def kept(folder: Path, wall_ns: int) -> Certificate:
    """Return the certificate of ``folder``, where a fresh one is put when there is none for another day."""
    public, private = folder / PUBLIC_NAME, folder / PRIVATE_NAME
    if public.exists() and private.exists():
        pem = public.read_text(encoding="ascii")
        ends = x509.load_pem_x509_certificate(pem.encode("ascii")).not_valid_after_utc
        if ends.timestamp() > wall_ns / 1e9 + DAY_SECONDS:
            return Certificate(pem, private.read_text(encoding="ascii"))
    fresh = issue(wall_ns)
    for path, text in ((private, fresh.key_pem), (public, fresh.pem)):
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
    return fresh
