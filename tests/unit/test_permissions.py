"""The entitlement that a table names is the one that MAAS 3.8 wants, and the only one."""

from __future__ import annotations

import pytest
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Snapshot, apply, make_plan
from saltext.maas.release import Release
from support.examples import EXAMPLES, changed, examples_for
from support.reconciling import SHORT, carried_out, errors

RELEASE = "3.8"
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
