"""A region that becomes one of a later release keeps its objects, as dbupgrade changes them."""

from __future__ import annotations

import pytest
from maas_emulator.api1 import groups
from maas_emulator.core import Region
from maas_emulator.upgrade import upgrade

from .calls import Caller

STABLE = "http://images.maas.io/ephemeral-v3/stable/"


@pytest.fixture
def region():
    return Region("3.7", index_seconds=0)


def test_sources_have_names_and_priorities(region):
    urls = ("http://b.example.com/images//", STABLE, "http://a.example.com/index.json")
    admin = Caller(region)
    for url in urls:
        assert admin.post("boot-sources/", url=url, keyring_filename="/k").status == 201
    upgrade(region)
    fields = ("url", "name", "priority", "enabled", "skip_keyring_verification")
    found = [[row[name] for name in fields] for row in admin.get("boot-sources/").json]
    a, b, stable = "http://a.example.com/index.json", "http://b.example.com/images", STABLE[:-1]
    assert sorted(found) == [
        [a, a, 20, True, True],
        [b, b, 10, True, False],
        [stable, "MAAS Stable", 1, True, False],
    ]


def test_users_are_sorted_into_the_two_groups_and_settings_stay(region):
    region.create_user("joe", "x", "joe@example.com")
    admin = Caller(region)
    assert admin.get("groups/").status == 404
    upgrade(region, "3.8.1")
    users, administrators = admin.get("groups/").json
    members = [
        [one["username"] for one in admin.get(f"groups/{group['id']}/?op=list_members").json]
        for group in (users, administrators)
    ]
    assert members == [["joe"], ["admin"]]
    setting = "maas/?op=get_config&name="
    assert admin.get(f"{setting}allow_only_trusted_transfers").json is False
    assert admin.get(f"{setting}refresh_token_duration").json == 2592000


def test_pending_clusters_of_1_7_are_disabled_in_1_8():
    region = Region("1.7")
    for name in ("one", "two", "three"):
        region.register_controller(uuid=name, hostname=name, interfaces=[])
    found = {row["uuid"]: row for row in region.rows(groups.GROUPS).values()}
    found["two"]["status"], found["three"]["status"] = groups.PENDING, groups.REJECTED
    upgrade(region, "1.8")
    admin = Caller(region)
    shown = {row["uuid"]: row["status"] for row in admin.get("nodegroups/?op=list").json}
    assert shown == {"one": 1, "two": 2, "three": 2}
    assert admin.get("version/").json["version"].startswith("1.8")


def test_other_releases_are_refused(region):
    others = (
        (Region("3.6"), "3.8"),
        (region, "3.7"),
        (Region("1.7"), "1.9"),
        (Region("1.8"), "1.8"),
    )
    for old, new in others:
        with pytest.raises(ValueError, match="cannot be upgraded"):
            upgrade(old, new)
