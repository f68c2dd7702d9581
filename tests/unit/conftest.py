"""Regions that the unit tests share."""

from __future__ import annotations

import contextlib

import pytest
from maas_emulator.server import RegionServer

#: An import, its catalogue and the clusters' copies take hardly any time.
QUICK = {"import_seconds": 0.05, "index_seconds": 0.05, "sync_seconds": 0.05}


@pytest.fixture
def region():
    """A new region of the newest release; modules that need another one have their own."""
    with RegionServer(release="3.7", **QUICK) as server:
        yield server


@pytest.fixture(scope="module")
def regions():
    """One region for each release, made when first needed, for all tests of a module."""
    servers = {}
    with contextlib.ExitStack() as stack:

        def of_release(release):
            if release not in servers:
                servers[release] = stack.enter_context(RegionServer(release=release))
            return servers[release]

        yield of_release


@pytest.fixture
def impatient(monkeypatch):
    """Runs look often at what they wait for, and repeat without a pause."""
    from saltext.maas.reconcile.run import Run

    monkeypatch.setattr(Run, "poll_seconds", 0.02)
    monkeypatch.setattr(Run, "pause", lambda run, attempt, error: None)
    monkeypatch.setattr(Run, "settle_seconds", 0.0)
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.001)
    monkeypatch.setattr("saltext.maas.reconcile.snapshot._PAUSE", 0.001)
