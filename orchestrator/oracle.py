"""What the embedded exchange's own books say, asked over its control path: the grid of candles and the ledger."""

import http.client
import json
import ssl
import time
from typing import Any

from engine.venue.embedded.certificate import PUBLIC_NAME
from engine.venue.embedded.signing import sign
from orchestrator.session import Session

TIMEOUT_S = 5.0


def ask(session: Session, what: str) -> dict[str, Any]:
    """Return the exchange's ``grid`` or ``ledger``; an empty one when it is gone."""
    try:
        context = ssl.create_default_context(cafile=str(session.path / PUBLIC_NAME))
        keys = json.loads((session.path / "keys.json").read_text())
    except OSError:
        return {}  # somebody deleted the session's folder
    connection = http.client.HTTPSConnection("localhost", session.port, timeout=TIMEOUT_S, context=context)
    context.check_hostname = False  # the certificate names the exchange it plays
    query = f"timestamp={time.time_ns() // 1_000_000}"
    address = f"/ringmaster/{what}?{query}&signature={sign(keys['secret'], query)}"
    try:
        connection.request("GET", address, headers={"X-MBX-APIKEY": keys["key"]})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return {}
    finally:
        connection.close()
    return answer
