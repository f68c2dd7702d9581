"""Fuzzing: few inputs in the test command, many in ``make fuzz``."""

from __future__ import annotations

import logging
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from support import hostile

settings.register_profile(
    "fuzz", deadline=None, derandomize=False, print_blob=True,
    max_examples=int(os.environ.get("EXAMPLES") or 5000),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # making one smaller takes minutes
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _quiet():
    """What is logged of each input is of no use, and takes longer than the work on it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def pytest_terminal_summary(terminalreporter):
    if not hostile.COUNTED or settings.default.derandomize:
        return
    terminalreporter.section("inputs")
    for kind, count in sorted(hostile.COUNTED.items()):
        terminalreporter.line(
            f"{kind:22} {count['inputs']:9,} inputs, {count['refused']:9,} refused, at most "
            f"{hostile.SLOWEST[kind]:5.2f} s and {hostile.GREW[kind]:3.0f} MiB"
        )
