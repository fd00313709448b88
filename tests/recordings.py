"""Where the recorded market data is: beside the checkout, or a folder further out, or where RINGMASTER_DATA says."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BESIDE = [folder / "shared" / "data" for folder in ROOT.parents[:2]]
DATA = Path(os.environ.get("RINGMASTER_DATA") or next((place for place in _BESIDE if place.is_dir()), _BESIDE[0]))
