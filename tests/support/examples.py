"""The tables' own examples as desired objects, with what they refer to."""

from __future__ import annotations

import pytest
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME, TABLES
from support.reconciling import SHORT, cluster, errors, snapshot_of

#: Types that need more than an example, with tests of their own.
APART = {
    "setting", "node", "image", "cluster_image", "boot_selection", "rack", "dhcp", "boot_resource",
    "region_controller", "machine",
    "node_group", "node_group_interface", "license_key", "ssl_key",
    "cluster_boot_source", "cluster_boot_selection",
}  # fmt: skip
EXAMPLES = [table for table in TABLES if table.name not in APART]

#: Values that an example may be changed to; of other types a choice or description is changed.
CHANGED = {
    "boot_selection": {"arches": ["amd64", "arm64"]},
    "commissioning_script": {"content": "#!/bin/sh\necho fine\n"},
    "device": {"domain": "example.com"},
    "dhcp_snippet": {"value": "option ntp-servers 192.0.2.2;", "enabled": False},
    "dns_record": {"ttl": 600},
    "dns_resource": {"ip_addresses": ["192.0.2.6", "192.0.2.7"]},
    "domain": {"ttl": 600},
    "fabric": {"class_type": "40g"},
    "file": {"content": "good evening\n"},
    "ip_range": {"comment": "scanners"},
    "machine": {
        "description": "right row",
        "tags": ["gpu", "web"],
        "zone": "north",
        "domain": "example.com",
    },
    "license_key": {"license_key": "FFFFF-BBBBB-CCCCC-DDDDD-EEEEE"},
    "network": {"description": "desks and printers"},
    "notification": {"message": "bye {who}", "category": "info"},
    "oidc_provider": {"client_secret": "battery staple", "scopes": ["openid"], "enabled": False},
    "package_repository": {"components": ["main", "extra"], "enabled": False},
    "reserved_ip": {"mac_address": "52:54:00:00:00:78", "comment": "plotter"},
    "script": {"script": "#!/bin/sh\necho fine\n", "description": "do they still turn"},
    "setting": {"value": "quiet"},
    "static_route": {"metric": 200},
    "subnet": {"gateway_ip": "10.10.0.254"},
    "tag": {"comment": "graphics cards", "kernel_opts": "quiet"},
    "user_group": {
        "entitlements": ["can_edit_notifications", "can_view_machines"],
        "members": ["admin"],
        "pool_entitlements": {"default": ["can_edit_machines"]},
    },
    "vlan": {"mtu": 1500},
    "vm_host": {"cpu_over_commit_ratio": 2.0},
}
_SUBNETS = [("subnet", {"cidr": "10.10.0.0/24"}), ("subnet", {"cidr": "10.20.0.0/24"})]
_DOMAIN = [("domain", {"name": "example.com"})]
#: What an example refers to, where that is not the examples of those types.
AROUND = {
    **dict.fromkeys(("static_route", "reserved_ip", "ip_address", "dhcp_snippet"), _SUBNETS),
    **dict.fromkeys(("dns_resource", "dns_record", "device"), _DOMAIN),
    "machine": [
        *_DOMAIN,
        ("tag", {"name": "web"}),
        ("tag", {"name": "gpu"}),
        ("zone", {"name": "north"}),
    ],
}

CLUSTER = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"


def manage_network(server):
    """A 1.x cluster manages the network of the examples, with static addresses to reserve."""
    cluster(server, CLUSTER, "10.10.0.2")
    values = {
        "cluster": CLUSTER, "name": "eth0", "interface": "eth0", "management": "dhcp",
        "ip": "10.10.0.2", "subnet_mask": "255.255.255.0", "router_ip": "10.10.0.1",
        "ip_range_low": "10.10.0.100", "ip_range_high": "10.10.0.149",
        "static_ip_range_low": "10.10.0.50", "static_ip_range_high": "10.10.0.99",
    }  # fmt: skip
    status = {"uuid": CLUSTER, "status": "accepted"}
    snapshot = snapshot_of(server)
    desired = [desired_object("node_group", status), desired_object("node_group_interface", values)]
    plan = make_plan(snapshot, desired)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}


def cases(releases, leave_out=()):
    """Each table with an example in each of some releases that have it, for ``parametrize``."""
    return [
        pytest.param(table, release, id=f"{table.name}-{release}")
        for table in EXAMPLES
        for release in releases
        if table.holds_for(Release(release)) and table.name not in leave_out
    ]


def changed(table):
    """The values that a table's example may be changed to; none where nothing can be changed."""
    if table.name in CHANGED or not table.can_update:
        return CHANGED.get(table.name, {})
    for name, value in table.example.items():
        field = table.by_name[name]
        others = [one for one in field.kind.schema.get("enum", ()) if one != value]
        if name == "description":
            others = [f"not {value}"]
        if others and field.readable and not field.create_only:
            return {name: others[0]}
    return {}


def known(table, values, release):
    """The fields among some that a release has, and those that identify the object."""
    release = Release(release)
    return {
        name: value
        for name, value in values.items()
        if name in table.identity or table.by_name[name].holds_for(release)
    }


def examples_for(table, release, *more, absent=False):
    """What the example refers to, and the example with other values."""
    values = dict(table.example)
    for one in more:
        values.update(one)
    if absent:
        values = {name: values[name] for name in table.identity}
    own = desired_object(table.name, known(table, values, release), "example", absent=absent)
    return [*around(table, release), own]


def around(table, release):
    """What a table's example refers to."""
    found = []
    for type, values in AROUND.get(table.name, ()):
        if BY_NAME[type].holds_for(Release(release)):
            found.append(desired_object(type, values))
    if table.name not in AROUND:
        for field in table.fields:
            if field.ref and field.name in table.example and field.holds_for(Release(release)):
                other = BY_NAME[field.ref]
                found += around(other, release)
                found.append(desired_object(other.name, known(other, other.example, release)))
    return found
