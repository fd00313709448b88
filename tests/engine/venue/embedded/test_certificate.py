"""The certificate of the embedded exchange."""

import ssl
import stat

from engine.venue.embedded import certificate

WALL_NS = 1_800_000_000 * 10**9
DAY_NS = 86_400 * 10**9


def test_a_certificate_names_the_exchange_and_loads():
    """
    A server can use it, a client can trust it, and two are never the same.
    """
    issued = certificate.issue(WALL_NS)
    assert isinstance(issued.server_context(), ssl.SSLContext)
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=issued.pem)
    assert certificate.issue(WALL_NS).pem != issued.pem
    assert "PRIVATE" not in issued.pem


def test_a_kept_certificate_survives_until_its_last_day(tmp_path):
    """
    A restart finds the same one; on its last day it is replaced; nobody else may read the key.
    """
    first = certificate.kept(tmp_path, WALL_NS)
    assert certificate.kept(tmp_path, WALL_NS + 5 * DAY_NS) == first
    assert certificate.kept(tmp_path, WALL_NS + 7 * DAY_NS) != first
    assert stat.S_IMODE((tmp_path / certificate.PRIVATE_NAME).stat().st_mode) == 0o600
