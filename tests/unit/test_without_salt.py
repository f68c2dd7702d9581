"""The library works where Salt is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

UTILS = Path(__file__).parents[2] / "_utils"
WITHOUT = """
import sys

sys.modules["salt"] = None
sys.path.insert(0, sys.argv[1])
"""
CHECKED = """
from saltext.maas.pillar import check
from saltext.maas.errors import BadInput

check({"release": "3.7", "fabrics": {"dc1": None}})
try:
    check({"fabrics": {"dc1": {"odd": 1}}})
except BadInput as error:
    print(error)
"""


def run(program):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + program, str(UTILS)], capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "room", ["client", "pillar", "reconcile", "release", "render", "resources"]
)
def test_it_can_be_imported_without_salt(room):
    done = run(f"import saltext.maas.{room}\nassert sys.modules['salt'] is None")
    assert done.returncode == 0, done.stderr


def test_a_pillar_is_checked_without_salt():
    assert run(CHECKED).stdout.startswith("maas:fabrics:dc1:odd: unknown key; allowed: ")
