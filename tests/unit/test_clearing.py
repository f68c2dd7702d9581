"""Each field that may be empty: MAAS clears it for good, or the check refuses it."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import desired_object, make_plan
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.settings import SETTINGS
from support.examples import around, cases, manage_network
from support.filled import filled
from support.reconciling import carried_out, snapshot_of

#: The last of those that clear otherwise than the next, and the newest.
RELEASES = ("1.5", "1.7", "1.9", "2.3", "3.1", "3.7")


@pytest.mark.parametrize(("table", "release"), cases(RELEASES, ["ssh_key_source"]))
def test_what_can_be_cleared_is_and_the_rest_is_refused(regions, table, release):
    server, release = regions(release), Release(release)
    if table.name == "ip_address" and release < "2.0":
        manage_network(server)
    values = filled(table, release)
    carried_out(server, [*around(table, release), desired_object(table.name, values)])
    identity = {name: values[name] for name in table.identity}
    cleared = {}
    for field in table.fields:
        if field.name in identity or not field.holds_for(release) or not field.writable:
            continue
        if table.can_update and field.clears_in(release):
            cleared[field.name] = ""
        else:
            with pytest.raises(BadInput, match="cannot be cleared; "):
                make_plan(
                    snapshot_of(server), [desired_object(table.name, {**identity, field.name: ""})]
                )
    desired = [desired_object(table.name, {**identity, **cleared})]
    _, plan = carried_out(server, desired)
    held = {name for name in cleared if values.get(name)}
    assert not held or held <= set(plan.changes[0].new)
    if table.name != "user":
        carried_out(server, [desired_object(table.name, identity, absent=True)])


@pytest.mark.parametrize("release", ["1.5", "1.9", "2.5", "3.7"])
def test_a_setting_is_cleared_or_refused(release):
    release = Release(release)
    clearable = {}
    for name, setting in SETTINGS.items():
        if not setting.holds_for(release):
            continue
        data = {"settings": {name: None}}
        if setting.clearable:
            clearable[name] = None
        else:
            (line,) = pillar.problems(data, release)
            assert line.startswith(f"maas:settings:{name}: ")
    with RegionServer(release=str(release)) as server:
        carried_out(server, {"settings": clearable})


def test_a_null_is_reported_with_its_path():
    data = {
        "fabrics": {"dc1": {"class_type": None, "vlans": {5: {"space": None, "mtu": 1500}}}},
        "subnets": {"10.0.0.0/24": {"name": None, "vlan": None, "ranges": [
            {"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9", "comment": None},
        ]}},
    }  # fmt: skip
    assert pillar.problems(data, Release("3.7")) == [
        "maas:fabrics:dc1:class_type: cannot be cleared; MAAS 3.7 keeps the old value",
        "maas:subnets:10.0.0.0/24:vlan: cannot be cleared; MAAS 3.7 keeps the old value",
        "maas:subnets:10.0.0.0/24:ranges:0:comment: cannot be cleared; MAAS 3.7 keeps the old "
        "value",
    ]
    del data["subnets"]
    assert pillar.problems(data, Release("2.3")) == []


def test_every_list_goes_as_one_field_or_as_json():
    """MAAS takes the last of a repeated field only, but where a form reads all of them."""
    lists = [
        (table.name, field)
        for table in BY_NAME.values()
        for field in table.fields
        if "array" in field.kind.schema.get("type", ()) and field.name not in table.apart
    ]
    repeated = {
        (type, field.name) for type, field in lists if isinstance(field.kind.wire(["a", "b"]), list)
    }
    assert repeated == {
        *(("package_repository", name) for name in (
            "distributions", "components", "disabled_pockets", "disabled_components", "arches")),
        *((type, name) for type in ("boot_selection", "cluster_boot_selection")
          for name in ("arches", "subarches", "labels")),
        ("cluster_image", "images"),
    }  # fmt: skip
