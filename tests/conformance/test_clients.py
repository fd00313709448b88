"""Clients that nobody here wrote trade on the loopback exchange, each from its own package, by address options only."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.environment import HERE, python_of

REPOSITORY = HERE.parent.parent
CLIENT_SECONDS = 60
# (script, environment, whether it also runs over TLS)
CLIENTS = [
    ("ccxt_sync", "ccxt"),
    ("ccxt_async", "ccxt"),
    ("ccxt_pro_spot", "ccxt"),
    ("ccxt_pro_usdm", "ccxt"),
    ("python_binance", "python-binance"),
    ("sdk_spot", "binance-sdk-spot"),
    ("sdk_usds_futures", "binance-sdk-usds-futures"),
]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Start the exchange in a process of its own and say where it listens."""
    pem = tmp_path_factory.mktemp("exchange") / "exchange.pem"
    process = subprocess.Popen(
        [sys.executable, str(HERE / "loopback.py"), str(pem)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield json.loads(process.stdout.readline()) | {"pem": str(pem)}
    process.stdin.close()
    assert process.wait(timeout=20) == 0, "the exchange ended well after all clients"
    process.stdout.close()


@pytest.mark.parametrize("scheme", ["plain", "tls"])
@pytest.mark.parametrize(("script", "environment"), CLIENTS)
def test_a_foreign_client_reads_the_market_trades_and_hears_of_it(
    addresses: dict[str, object], script: str, environment: str, scheme: str
) -> None:
    """Market data, the life of orders and the user stream all work without touching the client."""
    python = python_of(environment)
    secure = "s" if scheme == "tls" else ""
    host = "localhost" if secure else "127.0.0.1"
    given = {
        "http": f"http{secure}://{host}:{addresses[scheme]}",
        "ws": f"ws{secure}://{host}:{addresses[scheme]}",
        "spot_http": f"http{secure}://{host}:{addresses[f'spot_{scheme}']}",
        "spot_ws": f"ws{secure}://{host}:{addresses[f'spot_{scheme}']}",
        "key": addresses["key"],
        "secret": addresses["secret"],
        "pem": addresses["pem"] if secure else "",
    }
    trust = {name: str(addresses["pem"]) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")} if secure else {}
    done = subprocess.run(
        [python, str(HERE / "clients" / f"{script}.py"), json.dumps(given)],
        capture_output=True,
        text=True,
        timeout=CLIENT_SECONDS,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | trust,
        cwd=Path(addresses["pem"]).parent,  # type: ignore[arg-type]
        check=False,
    )
    assert done.returncode == 0, f"{script} over {scheme}:\n{done.stdout}\n{done.stderr}"
    assert done.stdout.splitlines()[-1] == "done"
