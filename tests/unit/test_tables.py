"""Every resource type by its own example: create, adopt, update, no-op, delete."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.reconcile import Snapshot, desired_object, make_plan
from saltext.maas.release import SERIES, Release
from saltext.maas.resources import BY_NAME, TABLES
from support.examples import EXAMPLES, cases, changed, examples_for, known, manage_network
from support.reconciling import carried_out_and_true, planned, snapshot_of

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "docs" / "_ext"))

import loader_pages  # noqa: E402

#: Names of objects where they have a form of their own.
NAMES = {
    "vlan": "dc1/100", "ip_range": "10.0.0.1-10.0.0.9", "static_route": "10.0.0.0/24 via 10.1.0.1",
    "boot_resource": "custom/a/amd64",
}  # fmt: skip
RELEASES = ("1.5", "1.7", "1.9", "2.0", "2.4", "3.0", "3.7", "3.8")


@pytest.mark.parametrize(("table", "release"), cases(RELEASES))
def test_create_adopt_update_and_delete(regions, table, release):
    server = regions(release)
    if table.name == "ip_address" and Release(release) < "2.0":
        manage_network(server)
    desired = examples_for(table, release)
    changes = {change.id: change for change in carried_out_and_true(server, desired).changes}
    assert changes[desired[-1].type, desired[-1].key].action == "create"

    # Taking over by identity alone changes nothing.
    identity = {name: table.example[name] for name in table.identity}
    _, adopted = planned(server, [desired_object(table.name, identity)])
    assert adopted.shown() == {}

    others = known(table, changed(table), release)
    if others:
        other = examples_for(table, release, others)
        (change,) = carried_out_and_true(server, other).changes
        assert change.action == "update"
        assert set(change.new) == set(others)

    gone = examples_for(table, release, absent=True)[-1:]
    _, plan = planned(server, gone)
    (change,) = plan.changes
    if not table.can_delete or Release(release) < (table.delete_since or "1.5"):
        assert change.problem == f"MAAS's API cannot delete a {table.noun}"
    else:
        carried_out_and_true(server, gone)


def test_every_resource_type_has_an_example():
    assert [table.name for table in EXAMPLES if not table.example] == []


@pytest.mark.parametrize("table", EXAMPLES, ids=lambda table: table.name)
def test_an_example_fits_its_table(table):
    values = {**table.example, **changed(table)}
    assert values.keys() <= table.by_name.keys()
    for release in SERIES:
        if table.holds_for(Release(release)):
            assert set(table.identity) <= known(table, values, release).keys()


#: Types whose states are called otherwise, or that only follow from others.
OTHERWISE = {"node", "image", "cluster_image", "dhcp"}


#: Arguments called otherwise than their fields, as ``name`` and ``parallel`` are Salt's own.
ARGUMENTS = {
    ("node_group", "name"): "dns_zone", ("subnet", "name"): "subnet_name",
    ("vlan", "name"): "vlan_name", ("script", "parallel"): "script_parallel",
}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "_states").glob("*.py")), ids=lambda p: p.stem
)
def test_no_argument_of_a_state_is_one_of_salt_s_own(path):
    state = pytest.importorskip("salt.state")
    for name, node in loader_pages.functions(ast.parse(path.read_text(encoding="utf-8"))).items():
        arguments = {one.arg for one in node.args.args} - {"name"}
        assert not arguments & set(state.STATE_INTERNAL_KEYWORDS), name


@pytest.mark.parametrize(
    "table", [one for one in TABLES if one.name not in OTHERWISE], ids=lambda table: table.name
)
@pytest.mark.parametrize("kind", ["states", "modules"])
def test_a_type_has_a_state_and_a_module_with_all_its_fields(table, kind):
    path = REPOSITORY / f"_{kind}" / f"maas_{table.name}.py"
    functions = loader_pages.functions(ast.parse(path.read_text(encoding="utf-8")))
    function = functions["present" if kind == "states" else "set" if "set" in functions else "add"]
    arguments = {one.arg for one in function.args.args}
    implied = table.parse(NAMES.get(table.name, "a/b")).keys() | {"connected"}
    desired = {
        ARGUMENTS.get((table.name, field.name), field.name)
        for field in table.fields
        if field.writable and field.name not in implied
    }
    if desired:
        assert desired <= arguments


def test_a_log_host_gets_the_port_that_maas_gives_it():
    from saltext.maas.resources import settings

    assert settings.normal("remote_syslog", "logs.example.com") == "logs.example.com:514"
    assert settings.normal("remote_syslog", "logs.example.com:5514") == "logs.example.com:5514"
    assert settings.normal("remote_syslog", "") is None


@pytest.mark.parametrize(("table", "release"), cases(RELEASES))
def test_a_region_without_administrator_can_be_planned(table, release):
    snapshot = Snapshot(None, release=Release(release), hostname="region")
    desired = examples_for(table, release)
    plan = make_plan(snapshot, desired)
    assert plan.problems() == []
    assert desired[-1].key in {change.desired.key for change in plan.changes}


@pytest.mark.parametrize("release", ["2.4", "3.7"])
def test_what_a_new_region_holds_is_known(release):
    desired = [
        desired_object("zone", {"name": "default", "description": ""}),
        desired_object("resource_pool", {"name": "default", "description": "Default pool"}),
        desired_object("domain", {"name": "maas", "authoritative": True}),
        desired_object("region_controller", {"hostname": "region", "zone": "default"}),
        desired_object("package_repository", {"name": "main_archive", "enabled": True}),
    ]
    own = Snapshot(None, release=Release(release), hostname="region")
    assert make_plan(own, desired).shown() == {}
    with RegionServer(release=release) as server:
        assert make_plan(snapshot_of(server), desired).shown() == {}


@pytest.mark.parametrize(
    ("name", "nouns"),
    [
        ("package_repository", "package repositories"), ("ip_address", "reserved IP addresses"),
        ("dhcp", "DHCP of VLANs"), ("zone", "zones"), ("dhcp_snippet", "DHCP snippets"),
    ],
)  # fmt: skip
def test_what_several_objects_are_called(name, nouns):
    assert BY_NAME[name].nouns == nouns
