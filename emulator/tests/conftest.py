"""What the emulator's own tests share."""

from __future__ import annotations

import sys
from pathlib import Path

# The tests run from a checkout without installing it.
_DISTRIBUTION = str(Path(__file__).resolve().parents[1])
if _DISTRIBUTION not in sys.path:
    sys.path.insert(0, _DISTRIBUTION)


def pytest_terminal_summary(terminalreporter):
    """Print how many recorded answers an emulated region gives, once that was found out."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    for report in reports:
        figures = dict(report.user_properties).get("figures")
        if figures:
            terminalreporter.section("answers as recorded of running MAAS regions")
            terminalreporter.line(figures)
