"""Every code that the futures exchange answers with is one of the documentation's table, or named here."""

import re
from itertools import chain
from pathlib import Path

import engine.venue.embedded

CODE = re.compile(r"[(\s](-[1-5]\d{3}),\s")
# The table of error codes of the USDS-M documentation: first and last of every unbroken run.
RUNS = (
    (1000, 1008), (1010, 1011), (1013, 1016), (1020, 1023), (1099, 1106), (1108, 1122), (1125, 1128), (1130, 1130),
    (1136, 1136), (2010, 2028), (4000, 4033), (4044, 4088), (4104, 4104), (4114, 4118), (4120, 4120), (4131, 4131),
    (4135, 4135), (4137, 4142), (4144, 4144), (4161, 4161), (4164, 4165), (4167, 4172), (4183, 4184), (4192, 4192),
    (4202, 4203), (4205, 4206), (4208, 4211), (4400, 4403), (5021, 5022), (5024, 5029), (5037, 5041), (5043, 5043),
)  # fmt: skip
# Answered by the exchange, though no table has them: closePosition twice and elsewhere, callbackRate, recvWindow,
# no such path, no JSON.
SEEN = (4130, 4136, 2007, 1131, 5000, 1135)


def test_every_code_is_documented() -> None:
    """Found in the sources, looked up in the table; the fault kinds refuse with such codes too."""
    known = {*SEEN, *chain.from_iterable(range(first, last + 1) for first, last in RUNS)}
    folder = Path(engine.venue.embedded.__path__[0])
    sources = [path for path in folder.rglob("*.py") if "spot" not in path.parts]
    found = {(path.name, int(code)) for path in sources for code in CODE.findall(path.read_text())}
    assert len(found) > 60
    assert {(name, code) for name, code in found if -code not in known} == set()
