"""Runs that are killed at some of their requests; ``make crash-sweep`` kills them at all."""

from __future__ import annotations

import re
import subprocess
import sys

from support import crashes


def test_the_next_run_gets_over_a_kill():
    done = subprocess.run(
        [sys.executable, crashes.__file__, "--step", "83", "1.9", "3.7"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    kills, failed = map(int, re.findall(r"(\d+) kills, (\d+) failed", done.stdout)[0])
    assert (kills >= 8, failed) == (True, 0), done.stdout
    for release in ("1.9", "3.7"):
        for name in ("first run", "layout", "layout back", "pruning"):
            assert f"MAAS {release}, {name}: " in done.stdout
