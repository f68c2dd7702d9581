"""Every resource type by its own example: create, adopt, update, no-op, delete."""

from __future__ import annotations

import pytest
from saltext.maas.emulator.server import RegionServer
from saltext.maas.reconcile import apply, make_plan, want
from saltext.maas.release import SERIES, Release
from saltext.maas.resources import TABLES
from support.reconciling import SHORT, assert_true, errors, snapshot_of

RELEASES = ("1.5", "1.7", "1.9", "2.0", "2.4", "3.0", "3.7")
EXAMPLES = [table for table in TABLES if table.example]


def cases():
    """Each table with an example in each of the releases that have it."""
    for table in EXAMPLES:
        for release in RELEASES:
            if table.holds_for(Release(release)):
                yield pytest.param(table, release, id=f"{table.name}-{release}")


@pytest.fixture(scope="module")
def regions():
    """One region for each release, made when first needed."""
    servers = {}

    def region(release):
        if release not in servers:
            servers[release] = RegionServer(release=release)
            servers[release].start()
        return servers[release]

    yield region
    for server in servers.values():
        server.stop()


def known(table, values, release):
    """The fields among some that a release has."""
    release = Release(release)
    return {name: value for name, value in values.items() if table.by_name[name].holds_for(release)}


def wishes(table, release, *more, absent=False):
    """What the example refers to, and the example with other values."""
    values = dict(table.example)
    for one in more:
        values.update(one)
    if absent:
        values = {name: values[name] for name in table.identity}
    own = want(table.name, known(table, values, release), "example", absent=absent)
    around = [want(type, values) for type, values in table.around]
    return [one for one in around if one.type in snapshot_types(release)] + [own]


def snapshot_types(release):
    return {table.name for table in TABLES if table.holds_for(Release(release))}


def planned(server, wanted):
    snapshot = snapshot_of(server)
    return snapshot, make_plan(snapshot, wanted)


def carried_out(server, wanted):
    """Plan and apply; what was planned happened, and a second run writes nothing."""
    snapshot, plan = planned(server, wanted)
    shown = plan.shown()
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert plan.shown(done_only=True) == shown
    assert_true(server, snapshot)
    again, left = planned(server, wanted)
    assert left.shown() == {}
    server.requests.reset()
    apply(again, left, SHORT)
    assert server.requests.writes() == []
    return plan


@pytest.mark.parametrize(("table", "release"), list(cases()))
def test_create_adopt_update_and_delete(regions, table, release):
    server = regions(release)
    wanted = wishes(table, release)
    changes = {change.id: change for change in carried_out(server, wanted).changes}
    assert changes[wanted[-1].type, wanted[-1].key].action == "create"

    # Taking over by identity alone changes nothing.
    identity = {name: table.example[name] for name in table.identity}
    _, adopted = planned(server, [want(table.name, identity)])
    assert adopted.shown() == {}

    if table.changed:
        other = wishes(table, release, table.changed)
        (change,) = carried_out(server, other).changes
        assert change.action == "update"
        assert set(change.new) == set(known(table, table.changed, release))

    gone = wishes(table, release, absent=True)[-1:]
    _, plan = planned(server, gone)
    (change,) = plan.changes
    if table.undeletable(Release(release), snapshot_of(server).raw(table.name)[-1]):
        assert change.problem
    else:
        carried_out(server, gone)


def test_every_resource_type_has_an_example():
    without = {table.name for table in TABLES} - {table.name for table in EXAMPLES}
    assert without == WITHOUT


#: Types that need more than an example, with tests of their own.
WITHOUT = {
    "setting", "image", "cluster_image", "boot_selection", "rack", "dhcp",
    "node_group", "node_group_interface", "license_key", "ssl_key",
}  # fmt: skip


@pytest.mark.parametrize("table", EXAMPLES, ids=lambda table: table.name)
def test_an_example_fits_its_table(table):
    values = {**table.example, **table.changed}
    assert values.keys() <= table.by_name.keys()
    for release in SERIES:
        if table.holds_for(Release(release)):
            assert set(table.identity) <= known(table, values, release).keys()
