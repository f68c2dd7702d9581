"""Runs that are killed at some of their requests; ``make crash-sweep`` kills them at all."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from support import crashes


@pytest.mark.parametrize("release", ["1.9", pytest.param("3.7", marks=pytest.mark.sweep)])
def test_the_next_run_gets_over_a_kill(release):
    done = subprocess.run(
        [sys.executable, crashes.__file__, "--step", "41", release],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    kills, failed = map(int, re.findall(r"(\d+) kills, (\d+) failed", done.stdout)[0])
    assert (kills >= 5, failed) == (True, 0), done.stdout
    for name in ("first run", "layout", "layout back", "pruning"):
        assert f"MAAS {release}, {name}: " in done.stdout
