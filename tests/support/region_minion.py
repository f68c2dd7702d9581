"""The execution module ``maas_fleet`` as the region's minion loads it, for one job."""

from __future__ import annotations

from support.loader import load


def fleet(dunders):
    return load("_modules/maas_fleet.py", **dunders)
