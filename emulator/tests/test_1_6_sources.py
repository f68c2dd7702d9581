"""Boot sources of 1.6, where each cluster has its own."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region

from .calls import Caller, Clock

KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"


@pytest.fixture
def admin():
    return Caller(Region("1.6", import_seconds=1))


def accepted(admin, name):
    uuid = admin.region.register_controller(uuid=name, hostname=name)
    admin.post("nodegroups/?op=accept", uuid=uuid)
    return f"nodegroups/{uuid}/"


def test_sources_are_a_clusters_own(admin):
    one, two = accepted(admin, "one"), accepted(admin, "two")
    assert admin.get("boot-sources/").status == 404
    assert admin.get("nodegroups/nosuch/boot-sources/").status == 404
    (default,) = admin.get(one + "boot-sources/").json
    assert default["resource_uri"] == f"/MAAS/api/1.0/{one}boot-sources/{default['id']}/"
    made = admin.post(one + "boot-sources/", url="http://m.example.com/", keyring_filename=KEYRING)
    assert made.status == 201
    assert admin.get(two + f"boot-sources/{made.json['id']}/").status == 404
    assert len(admin.get(one + "boot-sources/").json) == 2
    assert len(admin.get(two + "boot-sources/").json) == 1
    same = admin.post(two + "boot-sources/", url="http://m.example.com/", keyring_filename=KEYRING)
    assert same.status == 201


def test_selections_have_no_os_and_are_not_looked_up(admin):
    one = accepted(admin, "one")
    (source,) = admin.get(one + "boot-sources/").json
    place = f"{one}boot-sources/{source['id']}/selections/"
    made = admin.post(place, release="nosuch", arches="amd64", subarches="*", labels="*")
    assert made.status == 200
    assert "os" not in made.json
    assert admin.delete(f"{place}{made.json['id']}/").status == 204


def test_an_import_brings_what_the_clusters_sources_select(admin):
    clock = Clock(admin.region)
    one, two = accepted(admin, "one"), accepted(admin, "two")
    (source,) = admin.get(one + "boot-sources/").json
    admin.post(
        f"{one}boot-sources/{source['id']}/selections/",
        release="precise", arches="amd64", subarches="generic", labels="release",
    )  # fmt: skip
    admin.post("nodegroups/?op=import_boot_images", other="x")
    clock.wait(2)
    found = admin.get(one + "boot-images/").json
    assert {row["release"] for row in found} == {"precise", "trusty"}
    assert {row["osystem"] for row in found} == {"ubuntu"}
    assert {row["release"] for row in admin.get(two + "boot-images/").json} == {"trusty"}
    assert admin.post("maas/?op=set_config", name="default_distro_series",
                      value="ubuntu/precise").status == 200  # fmt: skip
