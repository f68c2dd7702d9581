"""A pillar that did not render, or is not there, is an error, never an empty region."""

from __future__ import annotations

import pytest
from maas_emulator.hosts import sandbox
from maas_emulator.hosts.asking import ask_region
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer
from saltext.maas.errors import MaasError
from support import loader
from support.reconciling import snapshot_of

BROKEN = {"maas": {"zones": {"north": None}}, "_errors": ["Rendering SLS 'maas' failed"]}
PILLARS = {
    "did not render": (BROKEN, "could not be rendered: Rendering SLS 'maas' failed"),
    "is not there": ({}, "maas: is missing in the pillar of this minion"),
    "is empty": ({"maas": None}, "maas: is empty, and must be a mapping"),
}


@pytest.fixture(scope="module")
def region():
    with RegionServer(release="3.7") as server:
        client = snapshot_of(server).client
        for name in ("north", "south"):
            client.post("zones/", data={"name": name})
        yield server


def load(path, region, pillar, root="/nowhere"):
    api = {"url": region.url, "api_key": region.api_key}
    opts = {"id": "region", "test": False, "maas.root": str(root), "maas": api}
    return loader.load(path, opts, pillar)


@pytest.mark.parametrize(("pillar", "told"), PILLARS.values(), ids=PILLARS)
def test_nothing_is_removed_for_want_of_a_description(region, pillar, told):
    states = load("_states/maas_region.py", region, pillar)
    region.requests.reset()
    for found in (
        states.managed("all", exclusive={"zone": True}, prune={"fraction": 1.0, "in_use": True}),
        states.managed("all"),
        states.pillar_valid("all"),
    ):
        assert found["result"] is False
        assert told in found["comment"]
    assert region.requests.writes() == []
    assert set(snapshot_of(region).records("zone")) == {"default", "north", "south"}


@pytest.mark.parametrize(("pillar", "told"), PILLARS.values(), ids=PILLARS)
@pytest.mark.parametrize("name", ["plan", "unmanaged", "drift", "check_pillar"])
def test_a_module_that_compares_says_so(region, pillar, told, name):
    module = load("_modules/maas_region.py", region, pillar)
    with pytest.raises(MaasError, match=told):
        getattr(module, name)()


@pytest.mark.parametrize(("pillar", "told"), PILLARS.values(), ids=PILLARS)
def test_the_beacon_says_so(region, pillar, told, tmp_path):
    modules = load("_modules/maas_region.py", region, pillar)
    beacon = load("_beacons/maas_drift.py", region, pillar)
    beacon.__opts__ = {"pillar": pillar, "cachedir": str(tmp_path)}
    beacon.__salt__ = {"maas_region.drift": modules.drift}
    (event,) = beacon.beacon([{}])
    assert event["tag"] == "error"
    assert told in event["message"]


@pytest.mark.parametrize(("pillar", "told"), PILLARS.values(), ids=PILLARS)
def test_the_master_gets_the_reason(region, pillar, told):
    fleet = load("_modules/maas_fleet.py", region, pillar)
    for ask in (fleet.inspect, lambda: fleet.apply_phase(["rack-1"], "accept")):
        with pytest.raises(MaasError, match=told):
            ask()


def test_a_region_without_an_administrator_can_be_planned_and_nothing_else(tmp_path):
    sandbox.create(tmp_path / "host", "3.7", "region")
    with pytest.raises(SystemExit, match="no embedded region runs for this host"):
        ask_region(sandbox.Sandbox(tmp_path / "host"), "apikey")
    with RegionServer("3.7", admin=None) as server, Hosts(server.region, server.url, tmp_path):
        server.api_key = ""
        module = load("_modules/maas_region.py", server, {}, tmp_path / "host")
        module.__opts__["maas"] = {"url": server.url}
        admin = {"username": "admin", "email": "a@example.com", "password": "sesame-open-1"}
        pillar = {"maas": {"region": {"admin": admin}, "zones": {"north": None}}}
        module.__salt__["pillar.items"] = lambda: pillar
        text = module.plan(form="text")
        assert text.startswith("+ zone north")
        assert "no administrator yet" in text.splitlines()[-1]
        for call in (module.unmanaged, module.drift, module.export):
            with pytest.raises(
                MaasError,
                match="has no administrator yet that an API key can be taken from; create",
            ):
                call()
        client = module.runtime.client(vars(module))
        for path in ("fabrics/", "boot-sources/"):  # 401, and 403
            with pytest.raises(MaasError, match="no API key is known: put one into maas:api_key"):
                client.get(path)


def test_what_needs_a_part_of_it_only_says_so_too(region, tmp_path):
    sandbox.create(tmp_path / "host", "3.7", "region", url=region.url)
    states = load("_states/maas_region.py", region, BROKEN, tmp_path / "host")
    for found in (states.configured("x"), states.secret_installed("x"), states.admin_present("x")):
        assert found["result"] is False
        assert "could not be rendered" in found["comment"]
    modules = load("_modules/maas_region.py", region, BROKEN, tmp_path / "host")
    for call in (modules.reachable, modules.doctor):
        with pytest.raises(MaasError, match="could not be rendered"):
            call()
