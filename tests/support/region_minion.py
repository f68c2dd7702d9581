"""The execution module ``maas_fleet`` as the region's minion loads it, for one job."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PATH = Path(__file__).resolve().parents[2] / "_modules/maas_fleet.py"


def fleet(dunders):
    spec = importlib.util.spec_from_file_location("maas_fleet", _PATH)
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(dunders)
    spec.loader.exec_module(module)
    return module
