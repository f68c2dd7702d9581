"""Site Manager as a second owner of a region: what is told of it, and what is left alone."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import region_plan
from support.reconciling import snapshot_of

OURS = "http://images.example.com/ephemeral-v3/stable"
PILLAR = {
    "settings": {"kernel_opts": "quiet"},
    "boot_sources": {OURS: {"selections": []}},
    "exclusive": {"boot_source": True},
    "images": {"import": False},
}
IMAGES = {
    "3.7": "https://sm.example.com/api/v1/images/latest/stable/streams/v1/index.json",
    "3.8": "https://sm.example.com/site/v1/images/latest/stable/streams/v1/index.json",
}


@pytest.mark.parametrize("release", IMAGES)
def test_an_enrolled_region_is_told_of_and_keeps_its_source(release):
    with RegionServer(release) as server:
        before = region_plan.plan_of(snapshot_of(server), PILLAR).warnings
        assert "Site Manager" not in repr(before)
        snapshot_of(server).client.post(
            "boot-sources/", data={"url": IMAGES[release], "keyring_filename": "/k"}
        )
        server.requests.reset()
        found = region_plan.drift(snapshot_of(server), PILLAR)
        (warning,) = found["warnings"]
        assert "enrolled with Site Manager sm.example.com" in warning
        assert f"maas:boot_sources ({OURS})" in warning
        assert ("maas:settings (kernel_opts)" in warning) is (release == "3.8")
        # It costs no request, and the source stays under ``exclusive``.
        paths = [entry.path for entry in server.requests if entry.path.endswith("boot-sources/")]
        assert len(paths) == 1
        assert IMAGES[release] not in found["changes"].get("boot_source", {})
        left = {**PILLAR, "exclusive": {}}
        found = region_plan.unmanaged_of(snapshot_of(server), left, ["boot_source"])
        remark = found["boot_source"][IMAGES[release]]
        assert "the Site Manager that the region is enrolled with created it" in remark


def test_what_is_not_shared_is_not_told():
    with RegionServer("3.8") as server:
        snapshot_of(server).client.post(
            "boot-sources/", data={"url": IMAGES["3.8"], "keyring_filename": "/k"}
        )
        server.requests.reset()
        for data in ({}, {"zones": {"a": None}}, {"boot_sources": {IMAGES["3.8"]: None}}):
            assert region_plan.plan_of(snapshot_of(server), data).warnings == []
