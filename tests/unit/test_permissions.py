"""The entitlement that a table names is the one that MAAS 3.8 wants, and the only one."""

from __future__ import annotations

import itertools

import pytest
from maas_emulator import hardware
from saltext.maas import inventory
from saltext.maas.client import Client, Profile
from saltext.maas.machines import view
from saltext.maas.reconcile import Snapshot, apply, make_plan
from saltext.maas.release import Release
from support.examples import EXAMPLES, changed, examples_for
from support.loader import load
from support.machine_regions import regions_with_image
from support.reconciling import SHORT, carried_out, errors

RELEASE = "3.8"
NUMBERS = itertools.count()
TABLES = [table for table in EXAMPLES if table.holds_for(Release(RELEASE))]


def as_user(server, name, rights):
    """What applies desired objects with the key of a user with some rights; returns the errors."""
    server.region.create_user(name, "x", f"{name}@example.com")
    values = {"entitlements": rights, "members": [name]}
    members = {"Users": {"members": []}, f"those of {name}": values}
    carried_out(server, {"user_groups": members})
    profile = Profile(server.url, server.region.new_api_key(name))

    def applied(desired):
        snapshot = Snapshot(Client(profile))
        plan = make_plan(snapshot, desired)
        assert plan.changes
        apply(snapshot, plan, SHORT)
        return errors(plan)

    return applied


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_it_is_enough_and_needed(regions, table):
    server = regions(RELEASE)
    around, (own,) = examples_for(table, RELEASE)[:-1], examples_for(table, RELEASE)[-1:]
    if around:
        carried_out(server, around)
    rights = [] if table.personal else [table.permission]
    may = as_user(server, f"may-{table.name}".replace("_", "-"), rights)
    gone = examples_for(table, RELEASE, absent=True)[-1:]
    assert may([own]) == {}
    if changed(table):
        assert may(examples_for(table, RELEASE, changed(table))[-1:]) == {}
    assert may(gone) == {}
    if not table.personal and table.name != "ip_range":  # anyone may reserve addresses
        others = ["can_view_available_machines", "can_view_identities", "can_view_boot_entities",
                  "can_view_license_keys", "can_view_controllers"]  # fmt: skip
        may_not = as_user(server, f"not-{table.name}".replace("_", "-"), others)
        (error,) = may_not([own]).values()
        assert "403" in error
        assert f" the entitlement {table.permission}" in error


# What only reads


@pytest.fixture(scope="module")
def machine_regions():
    with regions_with_image({"machines": MACHINES}) as of_release:
        yield of_release


MACHINE = {"architecture": "amd64", "power_type": "manual"}
MACHINES = {
    name: {**MACHINE, "mac_addresses": [f"52:54:00:00:0a:0{number}"]}
    for number, name in enumerate(("free", "taken"))
}


def reader(server, rights):
    """The key of a new user with some entitlements."""
    name = f"reads-{next(NUMBERS)}"
    server.region.create_user(name, "x", f"{name}@example.com")
    if rights is not None:
        groups = {
            "Users": {"members": []},
            f"of {name}": {"entitlements": rights, "members": [name]},
        }
        carried_out(server, {"user_groups": groups})
    return server.region.new_api_key(name)


def readable(server, rights):
    """Which machines the external pillar, the roster and ``maas.machines`` find with a key."""
    client = Client(Profile(server.url, reader(server, rights)))
    found = {one["hostname"] for one in inventory.read(client) if "machine" in one["kinds"]}
    assert {one["hostname"] for one in view.rows(client)} == found
    return found


@pytest.mark.parametrize(("release", "rights", "found"), [
    ("2.9", None, {"free"}), ("3.7", None, {"free"}),
    ("3.8", [], set()), ("3.8", ["can_view_available_machines"], {"free"}),
    ("3.8", ["can_view_machines"], {"free", "taken"}),
    ("3.8", ["can_edit_machines"], {"free", "taken"}),
])  # fmt: skip
def test_machines_of_others_are_seen_by_administrators_or_with_an_entitlement(
    machine_regions, release, rights, found
):
    server = machine_regions(release)
    (row,) = [one for one in server.region.rows("machines").values() if one["hostname"] == "taken"]
    hardware.update(server.region, row["system_id"], status=6, owner="admin")
    assert readable(server, rights) == found
    client = Client(Profile(server.url, server.api_key))
    assert len(list(view.rows(client))) == 2


VIEWS = [f"can_view_{one}" for one in ("global_entities", "configurations", "identities")]


@pytest.mark.parametrize(("release", "rights"), [("2.0", None), ("3.7", None), ("3.8", VIEWS)])
def test_a_key_that_may_only_read_shows_a_plan_and_changes_nothing(
    machine_regions, release, rights, tmp_path
):
    server = machine_regions(release)
    key = reader(server, rights)
    described = {"zones": {"north": None}, "settings": {"upstream_dns": ["192.0.2.9"]}}
    opts = {"id": "r", "cachedir": str(tmp_path), "maas.root": str(tmp_path), "test": False,
            "maas": {"url": server.url, "api_key": key}}  # fmt: skip
    module = load("_modules/maas_region.py", opts, {"maas": described})
    assert module.plan().keys() == {"zone", "setting"}
    assert module.drift()["drifted"] is True
    assert module.status()["pending"] == 2
    server.requests.reset()
    done = load("_states/maas_region.py", opts, {"maas": described}).managed("all")
    assert (done["result"], done["changes"]) == (False, {})
    needed = "can_edit_configurations, can_edit_global_entities" if rights else "administrator"
    assert needed in done["comment"]
    assert server.requests.writes() == []
