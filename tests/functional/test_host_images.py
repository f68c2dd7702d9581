"""Boot images on the disk of a host, and the old way to describe them."""

from __future__ import annotations

import os

import pytest
import yaml
from maas_emulator import control
from maas_emulator import images as images_2
from maas_emulator.api1 import catalogue, groups
from maas_emulator.api1 import reported_images as reported
from maas_emulator.hosts import sandbox
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.host import cluster_config, pxe_images
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support import in_process
from support.fleet import lone
from support.postgres import uri

URL = "http://mirror.example.com/releases/"


@pytest.mark.parametrize(
    ("release", "kind", "below"),
    [
        ("1.5", "deb", "amd64/generic/trusty/release"),
        ("1.6", "deb", "ubuntu/amd64/generic/trusty/release"),
        ("2.0", "deb", "ubuntu/amd64/generic/trusty/release"),
        ("2.3", "deb", "ubuntu/amd64/ga-14.04/trusty/daily"),
        ("2.7", "snap", "ubuntu/amd64/ga-14.04/trusty/daily"),
        ("3.4", "snap", "ubuntu/amd64/ga-14.04/trusty/stable"),
    ],
)
def test_what_is_on_the_disk_is_compared(tmp_path, release, kind, below):
    _, installation = lone(tmp_path, release, kind=kind)
    assert pxe_images.on_disk(installation)["images"] == []
    folder = installation.path("images")
    snapshot = os.path.join(os.path.dirname(folder), "snapshot-1")
    os.makedirs(os.path.join(snapshot, below))
    with open(os.path.join(snapshot, below, "boot-kernel"), "wb") as stream:
        stream.write(b"x" * 10)
    os.symlink("snapshot-1", folder)
    if installation.release >= "2.1":  # boot loaders are no images, however deep their folders are
        os.makedirs(os.path.join(snapshot, "bootloader/uefi/amd64/grub/fonts"))
        with open(os.path.join(snapshot, "bootloader/uefi/amd64/grub/fonts/x"), "wb"):
            pass
    result = pxe_images.on_disk(installation)
    assert result["images"] == ["ubuntu/trusty/amd64"]
    files = 2 if installation.release >= "2.1" else 1
    assert (result["snapshot"], result["files"], result["bytes"]) == ("snapshot-1", files, 10)
    listed = ["ubuntu/trusty/amd64/generic", "ubuntu/precise/amd64"]
    found = pxe_images.compare(installation, listed)
    assert found == {"missing": ["ubuntu/precise/amd64"], "extra": []}
    assert pxe_images.compare(installation, [])["extra"] == ["ubuntu/trusty/amd64"]


def held(region, uuid):
    """Let an emulated region hold trusty for amd64."""
    if region.release < "1.7":
        group = groups.find_group(region, uuid)
        group["status"] = groups.ACCEPTED
        image = {"architecture": "amd64", "subarchitecture": "generic", "release": "trusty"}
        reported.report(region, group, [{**image, "purpose": one} for one in reported.PURPOSES])
    elif region.release < "2.0":
        catalogue.add_synced(region, "ubuntu", "trusty", "amd64")
    else:
        new = images_2.new_resource
        rows = region.rows("boot_resources")
        rows.add(new("Synced", "ubuntu/trusty", "amd64/generic", "20150305", "release", {}))
        rows.add(new("Synced", "grub-efi/uefi", "amd64/generic", "20150305", "release", {}))
        rows.add(new("Uploaded", "mine", "amd64/generic", "20150305", "uploaded", {}))


@pytest.mark.postgres
@pytest.mark.parametrize("release", ["1.5", "1.6", "1.9", "2.9"])
def test_the_region_is_asked_what_should_be_there(postgres, tmp_path, release):
    with postgres.database() as config, RegionServer(release, database=uri(config)) as server:
        options = {"database": config, "url": server.url}
        _, installation = lone(tmp_path, release, "region+cluster", **options)
        uuid = cluster_config.read_files(installation)["uuid"]
        server.region.register_controller(hostname="h", **({"uuid": uuid} if release < "2" else {}))
        held(server.region, uuid)
        client = Client(Profile(server.url, server.api_key))
        # a write has all rows copied into the database
        client.post("maas/", op="set_config", data={"name": "maas_name", "value": "x"})
        by_api, by_database = (
            pxe_images.listed(installation, client),
            pxe_images.listed(installation),
        )
        client.close()
        more = ["custom/mine/amd64"] if release == "2.9" else []
        assert by_api == by_database == sorted(["ubuntu/trusty/amd64", *more])
        assert pxe_images.compare(installation) == {"missing": by_api, "extra": []}


def test_a_cluster_that_can_ask_nobody_says_so(tmp_path):
    _, installation = lone(tmp_path, "2.9")
    with pytest.raises(HostError, match="listed: name the images"):
        pxe_images.compare(installation)


def test_a_rack_of_35_keeps_none(tmp_path):
    _, installation = lone(tmp_path, "3.5", "region+cluster")
    with pytest.raises(HostError, match="keeps no images on its disk"):
        pxe_images.compare(installation, [])
    os.makedirs(installation.path("images"))
    with open(os.path.join(installation.path("images"), "abc"), "wb") as stream:
        stream.write(b"xyz")
    result = pxe_images.on_disk(installation)
    assert (result["images"], result["files"], result["bytes"]) == (None, 1, 3)


def test_the_sources_of_15(tmp_path, fast):
    box, installation = lone(tmp_path, "1.5")
    assert pxe_images.sources(installation)["configured"] is False
    with pytest.raises(HostError, match="set its sources first"):
        pxe_images.fetch(installation)
    desired = [{"path": URL, "selections": [{"release": "trusty", "arches": ["amd64"]}]}]
    planned = pxe_images.set_sources(installation, desired, test=True)
    assert pxe_images.sources(installation)["configured"] is False
    assert pxe_images.set_sources(installation, desired) == planned
    now = pxe_images.sources(installation)
    assert now["configured"] is True
    assert now["sources"][0]["selections"][0]["labels"] == ["*"]
    assert pxe_images.set_sources(installation, desired)["changes"] == {}
    assert "storage: /var/lib/maas/boot-resources/" in box.read("bootresources")
    pxe_images.fetch(installation)  # there is no region to report to yet
    first = pxe_images.on_disk(installation)["snapshot"]
    assert pxe_images.on_disk(installation)["images"] == ["ubuntu/trusty/amd64"]
    desired[0]["selections"][0]["arches"].append("i386")
    pxe_images.set_sources(installation, desired)
    pxe_images.fetch(installation)
    assert pxe_images.on_disk(installation)["images"] == [
        "ubuntu/trusty/amd64",
        "ubuntu/trusty/i386",
    ]
    assert pxe_images.on_disk(installation)["snapshot"] != first
    os.unlink(os.path.join(box.root, "usr/sbin/maas-import-pxe-files"))
    with pytest.raises(HostError, match="maas-import-pxe-files is not installed"):
        pxe_images.fetch(installation)
    assert pxe_images.on_disk(installation)["files"] > 0


def test_what_a_cluster_of_15_imports_is_what_the_region_lists(tmp_path, fast):
    with RegionServer("1.5") as server:
        control.trust(server.region, tmp_path)
        place = server.url[: -len("/MAAS")] + "/_emulator"
        _, installation = lone(tmp_path, "1.5", control=place)
        uuid = cluster_config.read_files(installation)["uuid"]
        server.region.register_controller(uuid=uuid, hostname="h")
        desired = [{"path": URL, "selections": [{"release": "precise", "arches": ["amd64"]}]}]
        pxe_images.set_sources(installation, desired)
        pxe_images.fetch(installation)
        client = Client(Profile(server.url, server.api_key))
        assert pxe_images.listed(installation, client) == []  # it was not accepted yet
        client.post("nodegroups/", op="accept", data={"uuid": uuid})
        pxe_images.fetch(installation)
        assert pxe_images.compare(installation, client=client) == {"missing": [], "extra": []}
        assert pxe_images.listed(installation, client) == ["ubuntu/precise/amd64"]
        client.close()


def test_16_names_its_sources_to_the_importer(tmp_path):
    box, installation = lone(tmp_path, "1.6")
    chosen = {"release": "trusty", "arches": ["i386"], "subarches": ["*"], "labels": ["*"]}
    box.write("etc/sources.yaml", yaml.safe_dump([{"url": URL, "selections": [chosen]}]))
    path = os.path.join(box.root, "etc/sources.yaml")
    assert in_process.run(installation, ["maas-import-pxe-files"])[0] == 2
    assert (
        in_process.run(installation, ["maas-import-pxe-files", "--sources-file", path + "x"])[0]
        == 1
    )
    assert in_process.run(installation, ["maas-import-pxe-files", "--sources-file", path])[0] == 0
    assert pxe_images.on_disk(installation)["images"] == ["ubuntu/trusty/i386"]


@pytest.mark.parametrize(
    ("desired", "message"),
    [
        ([], "at least one"),
        ([{"path": URL}], r"sources\[0\]: a source has a path"),
        ([{"path": URL, "selections": [{}]}], "names its release"),
        ([{"path": URL, "selections": [{"release": "x", "os": "y"}]}], "a selection has no os"),
    ],
)
def test_bad_sources(tmp_path, desired, message):
    box = sandbox.create(tmp_path / "h", "1.5", "cluster")
    before = box.read("bootresources")
    with pytest.raises(HostError, match=message):
        pxe_images.set_sources(detect(box.root), desired)
    assert box.read("bootresources") == before


def test_16_has_no_such_file(tmp_path):
    box = sandbox.create(tmp_path / "h", "1.6", "cluster")
    with pytest.raises(HostError, match="the region's"):
        pxe_images.sources(detect(box.root))
