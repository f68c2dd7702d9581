"""The requests that many machines take, with pillar and bare client of the measurement."""

from __future__ import annotations

import contextlib
import importlib
from collections import Counter
from pathlib import Path

import pytest
from maas_emulator.server import RegionServer

COUNT = 12
BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """The module of the measurement."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("machines")


@contextlib.contextmanager
def region(bench):
    """A region whose machines were commissioned, and what applies a pillar to it."""
    enlist = importlib.import_module("machines_region").enlist
    with RegionServer("3.7", import_seconds=0, index_seconds=0) as server:

        def applied(pillar):
            server.requests.reset()
            return bench.applied(server.url, server.api_key, pillar)["changes"]

        applied({"release": "3.7", **bench.NETWORK})
        for number in range(COUNT):
            enlist(server.region, number)
        yield server, applied


def test_nothing_is_read_per_machine_and_only_what_differs_is_written(bench):
    with region(bench) as (server, applied):
        assert applied(bench.pillar(COUNT)) == COUNT
        first = server.requests.count()

        assert applied(bench.pillar(COUNT)) == 0
        assert server.requests.writes() == []
        reads = Counter((entry.path, entry.op) for entry in server.requests)
        assert set(reads.values()) == {1}, reads
        of_machines = {op for path, op in reads if "machines" in path or "nodes" in path}
        assert of_machines == {None, "power_parameters"}

        assert applied(bench.pillar(COUNT, changed=True)) == 1
        # The machine, links of its bond, a tag on and one off.  Read are the ranges, for the new
        # address, and the machine once more.
        assert len(server.requests.writes()) == 1 + 2 + 2
        assert server.requests.count("GET") == len(reads) + 2

    with region(bench) as (server, applied):
        common = importlib.import_module("common")
        server.requests.reset()
        told = bench.bare_writes(common.Bare(server.url, server.api_key), COUNT)
        bare = server.requests.count()
        assert told <= bare <= told + 2  # what it knows beforehand, it has to ask for here
        assert first <= bare + COUNT
        assert applied(bench.pillar(COUNT)) == 0
