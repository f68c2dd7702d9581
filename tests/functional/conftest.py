"""What tests of hosts share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def commands():
    """For tests that need the fake commands as processes, though ``fast`` is asked for."""


@pytest.fixture
def fast(monkeypatch, request):
    """Run fake commands within this process; that they run as processes too, other tests show."""
    from saltext.maas.host.installation import Installation
    from support import in_process

    if "commands" not in request.fixturenames:
        monkeypatch.setattr(Installation, "run", in_process.run)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
