"""A region as pillar: read again it changes nothing, and it reads as if a person had written it."""

from __future__ import annotations

import re
import time

import pytest
import yaml
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan, sdb
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.release import Release
from support.examples import CLUSTER, EXAMPLES, examples_for, manage_network
from support.pillars import held, revealed
from support.reconciling import SHORT, carried_out, cluster, errors, rack, snapshot_of

RELEASES = ("1.5", "1.7", "1.9", "2.0", "2.4", "3.0", "3.7", "3.8")
HELD = {
    release: [table for table in EXAMPLES if table.holds_for(Release(release))]
    for release in RELEASES
}
SOURCE = "http://images.example.com/ephemeral-v3/stable/"


def read(text):
    assert text.startswith("#!yaml\n")
    return yaml.safe_load(text)


def merged(parts):
    """As Salt merges pillar files."""
    found = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, dict) and isinstance(found.get(key), dict):
                found[key] = merged([found[key], value])
            else:
                found[key] = value
    return found


@pytest.fixture(scope="module", params=RELEASES)
def full(request):
    """A region with an example of every resource type, and its export."""
    with RegionServer(release=request.param, index_seconds=0.05, import_seconds=0.05) as server:
        if request.param >= "2.0":
            rack(server, "a", "10.10.0.2")
        elif request.param >= "1.7":
            manage_network(server)
        for table in HELD[request.param]:
            desired = examples_for(table, request.param)
            plan = make_plan(snapshot_of(server), desired)
            apply(snapshot_of(server), plan, SHORT)
            assert errors(plan) == {}
        yield server, pillar.export(snapshot_of(server))


@pytest.mark.parametrize("by", [None, "type", "site"])
def test_read_again_it_changes_nothing(full, by):
    server, found = full
    # What is selected only is not imported in these regions, which is told.
    told = ("images:", "router_ip is not known of ")
    assert [line for line in found.notes if not line.startswith(told)] == []
    files = pillar.files(found, by)
    if by:
        names = [f".{name[:-4]}" for name in files if name != "init.sls"]
        assert read(files["init.sls"]) == {"include": names}
        described = merged([read(text)["maas"] for name, text in files.items()
                            if name != "init.sls"])  # fmt: skip
    else:
        described = read(files["init.sls"])["maas"]
    assert described == found.described
    described = revealed(described, held(snapshot_of(server), found.secrets))
    server.requests.reset()
    assert region_plan.plan_of(snapshot_of(server), described).shown() == {}
    assert server.requests.writes() == []
    snapshot = snapshot_of(server)
    left = [
        one
        for one in region_plan.unmanaged_of(snapshot, described).values()
        for one in one.values()
    ]
    assert [remark for remark in left if not remark] == []


def test_it_holds_every_example(full):
    server, found = full
    text = pillar.files(found)["init.sls"].replace("\n      ", " ")  # as YAML folds long lines
    for table in HELD[server.region.release.series]:
        for value in examples_for(table, server.region.release.series)[-1:]:
            assert str(value.values[table.identity[0]]).split("/")[0].split(".")[0] in text


def test_it_reads_as_if_written_by_hand(full):
    _, found = full
    text = pillar.files(found)["init.sls"]
    assert not re.search(r"[&*]id\d|null|!!|\{\}|\[\]", text)
    quoted = [line.strip() for line in text.splitlines() if "'" in line or '"' in line]
    allowed = re.compile(r"release: '\d\.\d+'|(- name|name|'@'): ?('@')?$|.*'[^']*[:#@].*")
    assert [line for line in quoted if not allowed.match(line)] == []
    for default in (
        "mtu: 1500",
        "rdns_mode",
        "allow_dns",
        "managed:",
        "fabric-0:",
        "description: ''",
    ):
        assert default not in text


def test_it_is_the_same_every_time(full):
    server, found = full
    again = pillar.export(snapshot_of(server))
    assert pillar.files(again) == pillar.files(found)


@pytest.fixture
def region():
    with RegionServer(release="3.7", index_seconds=0.05, import_seconds=0.05) as server:
        yield server


def test_secrets_are_references(region):
    carried_out(region, {"settings": {"vcenter_password": "swordfish", "vcenter_username": "me"}})
    snapshot = snapshot_of(region)
    key = {
        "osystem": "windows",
        "distro_series": "win2012r2",
        "license_key": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
    }
    plan = make_plan(snapshot, [desired_object("license_key", key)])
    apply(snapshot, plan, SHORT)
    found = pillar.export(snapshot_of(region))
    text = pillar.files(found)["init.sls"]
    assert "swordfish" not in text
    assert "vcenter_password: sdb://maas/setting/vcenter_password" in text
    assert "sdb://maas/setting/vcenter_password" in found.secrets
    secrets = {"sdb://maas/setting/vcenter_password": "swordfish"}
    if not errors(plan):
        assert "BBBBB" not in text
        secrets[found.secrets[0]] = key["license_key"]
    described = revealed(found.described, secrets)
    assert region_plan.plan_of(snapshot_of(region), described).shown() == {}


def test_a_url_with_a_password_is_a_reference(region):
    proxy = "http://me:swordfish@proxy.example.com:3128/"
    archive = "https://me:swordfish@repo.example.com/ubuntu"
    carried_out(region, {
        "settings": {"http_proxy": proxy},
        "package_repositories": {"own": {"url": archive}},
    })  # fmt: skip
    found = pillar.export(snapshot_of(region))
    assert "swordfish" not in pillar.files(found)["init.sls"]
    secrets = {
        "sdb://maas/setting/http_proxy": proxy, "sdb://maas/package_repository/own/url": archive,
    }  # fmt: skip
    assert set(secrets) <= set(found.secrets)
    described = revealed(found.described, secrets)
    assert region_plan.plan_of(snapshot_of(region), described).shown() == {}


def test_dhcp_racks_and_images(region):
    rack(region, "a", "10.0.0.2")
    carried_out(region, {
        "fabrics": {"dc1": {"vlans": {
            "untagged": {"dhcp": {"enabled": True, "primary_rack": "a"}},
            5: {"dhcp": {"relay_vlan": "dc1/untagged"}},
        }}},
        "subnets": {"10.0.0.0/24": {"vlan": "dc1/untagged", "ranges": [
            {"type": "dynamic", "start": "10.0.0.100", "end": "10.0.0.120"}]}},
        "boot_sources": {SOURCE: {"selections": [
            {"os": "ubuntu", "release": "noble", "arches": ["amd64"]}]}},
    })  # fmt: skip
    found = pillar.export(snapshot_of(region))
    assert found.notes == []
    described = found.described
    assert described["fabrics"]["dc1"] == {"vlans": {
        "untagged": {"dhcp": {"enabled": True, "primary_rack": "a"}},
        5: {"dhcp": {"relay_vlan": "dc1/untagged"}},
    }}  # fmt: skip
    assert described["racks"] == {"a": None}
    assert "images" not in described
    assert region_plan.plan_of(snapshot_of(region), described).shown() == {}


def test_what_has_no_place_in_the_pillar_is_reported():
    with RegionServer(release="1.6") as server:
        cluster(server, CLUSTER, "10.10.0.2")
        found = pillar.export(snapshot_of(server, release=Release("1.6")))
    assert any("pending" in line for line in found.notes)
    assert any("boot sources of its own" in line for line in found.notes)


def test_a_cluster_that_is_down_is_reported_by_name_and_at_once():
    with RegionServer(release="1.7", index_seconds=0.05, import_seconds=0.05) as server:
        cluster(server, CLUSTER, "10.10.0.2", connected=False)
        began = time.monotonic()
        found = pillar.export(snapshot_of(server))
        assert time.monotonic() - began < 20
    told = "images:import is false: cluster Cluster-master is not connected, so that its images"
    assert any(line.startswith(told) for line in found.notes), found.notes


def test_selections_that_are_not_imported_are_not_imported_then(region):
    carried_out(region, {
        "boot_sources": {SOURCE: {"selections": [{"os": "ubuntu", "release": "noble"}]}},
        "images": {"import": False},
    })  # fmt: skip
    found = pillar.export(snapshot_of(region))
    assert found.described["images"] == {"import": False}
    assert found.notes == [
        "images:import is false: selected, but not imported yet: ubuntu/noble/*"
    ]  # fmt: skip
    assert region_plan.plan_of(snapshot_of(region), found.described).shown() == {}


def test_a_text_that_looks_like_a_reference_stays_a_text(region):
    told = {"tags": {"a": {"comment": "sdb://x/y"}, "b": {"comment": "sdb:not one"}}}
    carried_out(region, told)
    found = pillar.export(snapshot_of(region))
    assert found.secrets == []
    assert found.described["tags"]["a"] == {"comment": "\\sdb://x/y"}
    written = read(pillar.files(found)["init.sls"])["maas"]
    assert sdb.resolve(written, lambda _: "looked up")["tags"] == told["tags"]


def test_what_jinja_or_yaml_would_take_for_its_own(region):
    hostile = [
        "{{ pillar }}",
        "{% raw %}",
        "{# x #}",
        "yes",
        "1e3",
        "a: b",
        "#",
        "- x",
        "null",
        "ü",
    ]
    data = {"tags": {f"t{n}": {"comment": text} for n, text in enumerate(hostile)}}
    data["files"] = {"x": {"content": "a\n\n  b\n${#array[@]}\n"}}
    carried_out(region, data)
    found = pillar.export(snapshot_of(region))
    described = read(pillar.files(found)["init.sls"])["maas"]
    assert described["tags"] == data["tags"]
    assert described["files"] == data["files"]


def test_objects_of_one_name_are_left_out_with_a_note(region):
    client = snapshot_of(region).client
    for value in ("a 1;", "b 2;"):
        client.post("dhcp-snippets/", data={"name": "same", "value": value})
    found = pillar.export(snapshot_of(region))
    assert (
        "several DHCP snippets are called same, and no field distinguishes them: they are left out"
        in (found.notes)
    )


def test_a_script_that_maas_does_not_find_again_is_reported():
    with RegionServer(release="1.7") as server:
        scripts = {"name": "a/b"}, {"content": b"#!/bin/sh\n"}
        snapshot_of(server).client.post("commissioning-scripts/", data=scripts[0], files=scripts[1])
        found = pillar.export(snapshot_of(server))
        assert "commissioning_scripts" not in found.described
        assert any(
            line.startswith("commissioning script a/b is left out: MAAS does not find it")
            for line in found.notes
        )
        described = {"commissioning_scripts": {"50-fans": {"content": "#!/bin/sh\n"}},
                     "exclusive": {"commissioning_script": True}}  # fmt: skip
        carried_out(server, described)
        assert region_plan.plan_of(snapshot_of(server), described).shown() == {}


def test_a_script_that_is_no_text_and_what_is_empty():
    binary = b"\x7fELF\x00\xff"
    with RegionServer(release="1.7") as server:
        client = snapshot_of(server).client
        for name, content in (("60-program", binary), ("61-nothing", b"")):
            client.post("commissioning-scripts/", data={"name": name}, files={"content": content})
        client.post("files/", op="add", data={"filename": "nothing"}, files={"file": b""})
        found = pillar.export(snapshot_of(server))
        written = read(pillar.files(found)["init.sls"])["maas"]
        assert written["commissioning_scripts"] == {"60-program": {"content": binary}}
        assert "commissioning script 61-nothing is left out: it is empty" in found.notes
        assert "file nothing is left out: it is empty" in found.notes
        assert region_plan.plan_of(snapshot_of(server), written).shown() == {}
        alone = region_plan.plan_of(snapshot_of(server), {**written, "exclusive": {"file": True}})
        assert list(alone.shown()["file"]) == ["nothing"]
    with RegionServer(release="1.7") as server:
        carried_out(server, {"commissioning_scripts": written["commissioning_scripts"]})
        client = snapshot_of(server).client
        assert client.get("commissioning-scripts/60-program", expect=bytes) == binary


def test_a_text_with_tabs_is_a_block():
    text = "#!/bin/sh\n\tif true; then\n\t\techo ok\n\tfi\n"
    written = pillar.files(pillar.Export({"release": "3.7", "x": text, "y": "\t\n a"}))["init.sls"]
    assert "  x: |\n    #!/bin/sh\n    \tif true; then\n" in written
    assert read(written)["maas"] == {"release": "3.7", "x": text, "y": "\t\n a"}


def test_files_are_written_into_a_new_folder_only(tmp_path):
    texts = {"init.sls": "#!yaml\n"}
    folder = tmp_path / "pillar"
    assert pillar.write(str(folder), texts) == [str(folder / "init.sls")]
    with pytest.raises(MaasError, match="holds files already"):
        pillar.write(str(folder), texts)
    with pytest.raises(MaasError, match="cannot be written"):
        pillar.write(str(folder / "init.sls"), texts)
    with pytest.raises(BadInput, match="folder: 'pillar/maas' must be an absolute path"):
        pillar.write("pillar/maas", texts)


def test_an_unknown_split(region):
    with pytest.raises(BadInput, match="by: 'colour' must be one of: type, site"):
        pillar.files(pillar.Export({"release": "3.7"}), "colour")
