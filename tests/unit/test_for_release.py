"""A region of one release as a pillar for a later one."""

from __future__ import annotations

import base64
import copy
import ipaddress

import pytest
import yaml
from maas_emulator.hosts import sandbox
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.pillar import for_release
from saltext.maas.reconcile import Snapshot
from saltext.maas.release import SERIES, Release
from support.examples import CLUSTER
from support.full_regions import HOST, MACHINES, PRINTER, full_region
from support.loader import load
from support.pillars import revealed
from support.reconciling import carried_out, rack, snapshot_of

SECRETS = {"sdb://maas/machine/web-1/power_pass": "correct horse"}


def target(release):
    """A new region."""
    return RegionServer(release, index_seconds=0.05, import_seconds=0.05)


def exported(server, release, hosts=None):
    """An export for another release, and the pillar in it with secrets."""
    found = pillar.export(snapshot_of(server), release, hosts)
    secrets = {one: SECRETS.get(one, "hunter2") for one in found.secrets}
    return found, revealed(found.described, secrets)


def applied(server, data):
    """Apply a pillar to a new region that has its racks; the second run is empty."""
    for number, name in enumerate(data.get("racks") or ()):
        rack(server, name.partition(".")[0], f"10.10.0.{number + 2}")
    carried_out(server, data)
    server.requests.reset()
    assert region_plan.plan_of(snapshot_of(server), data).shown() == {}
    assert server.requests.writes() == []


# What both releases can say, read from their APIs alone


def shared(server):
    """What a region holds, of what MAAS 1.5 and 3.7 both have, as plain values."""
    client = Client(Profile(server.url, server.api_key))
    old = client.release < "2.0"
    lists = {"op": "list"} if old else {}

    def setting(name):
        return client.get("maas/", op="get_config", name=name) or None

    def file(name):
        return base64.b64decode(client.get(f"files/{name}/")["content"])

    def machine(raw):
        nics = raw["macaddress_set"] if old else raw["interface_set"]
        return {
            "name": raw["hostname"].partition(".")[0],
            "architecture": raw["architecture"],
            "macs": {nic["mac_address"] for nic in nics},
            "zone": raw["zone"]["name"],
            "tags": set(raw["tag_names"]),
            "power": raw["power_type"] if client.release >= "1.7" else None,
        }

    def text(script):
        return base64.b64decode(script["history"][0]["data"]) if not old else None

    scripts = {}
    if client.release < "2.2":
        for name in client.get("commissioning-scripts/"):
            scripts[name] = client.get(f"commissioning-scripts/{name}", expect=bytes)
    else:
        scripts = {one["name"]: text(one) for one in client.get("scripts/", include_script="true")}
    users = {
        one["username"]: (one["email"], one["is_superuser"])
        for one in client.get("users/")
        if one["username"] in ("admin", "ops")
    }
    return {
        "settings": {
            "dns": str(setting("upstream_dns")),
            "proxy": str(setting("http_proxy")).rstrip("/"),
            "ntp": setting("ntp_server" if client.release < "2.1" else "ntp_servers"),
            **{name: setting(name) for name in
               ("kernel_opts", "main_archive", "ports_archive", "enable_third_party_drivers",
                "maas_name")},
        },
        "users": users,
        "keys": {one["key"].split()[1] for one in client.get("account/prefs/sshkeys/", **lists)},
        "zones": {one["name"]: one["description"] for one in client.get("zones/")},
        "tags": {one["name"]: (one["definition"], one["comment"], one["kernel_opts"])
                 for one in client.get("tags/", **lists)},
        "files": {one["filename"]: file(one["filename"]) for one in client.get("files/", **lists)},
        "scripts": scripts,
        "networks": _networks(client),
        "machines": {one["name"]: one for one in map(
            machine, client.get("nodes/" if old else "machines/", **lists))},
    }  # fmt: skip


def _networks(client):
    """``{network: (gateway, DNS servers, VLAN tag)}``; a gateway that 1.x hides is not known."""
    found = {}
    if client.release >= "1.9":
        for one in client.get("subnets/"):
            found[one["cidr"]] = (one["gateway_ip"], list(one["dns_servers"]), one["vlan"]["vid"])
        return found
    for one in client.get("networks/"):
        cidr = str(ipaddress.ip_network(f"{one['ip']}/{one['netmask']}"))
        servers = (one.get("dns_servers") or "").split()
        found[cidr] = (one.get("default_gateway") or None, servers, one["vlan_tag"] or 0)
    return found


@pytest.fixture(scope="module", params=["1.5", "1.7", "1.9", "2.3", "2.9"])
def moved(request):
    """A full region, a new one of 3.7 with its export applied, and that export."""
    with (
        full_region(request.param) as old,
        target("3.7") as new,
    ):
        found, data = exported(old, "3.7", {"first": HOST})
        applied(new, data)
        yield old, new, found, data


def test_what_both_releases_can_say_is_equal(moved):
    old, new, _, _ = moved
    before, after = shared(old), shared(new)
    for name, networks in (("before", before), ("after", after)):
        assert networks["networks"], name
    for cidr, network in before.pop("networks").items():
        assert after["networks"][cidr] == network
    for name, one in before["machines"].items():
        if one["power"] is None:
            one["power"] = after["machines"][name]["power"]
    scripts = after.pop("scripts")
    assert before.pop("scripts").items() <= scripts.items()
    del after["networks"]
    assert after == before


def test_clusters_become_racks_with_dhcp_and_ranges(moved):
    old, new, found, data = moved
    release = old.region.release
    if release >= "2.0":
        assert data["racks"] == {"rack-1": None}
        return
    client = Client(Profile(new.url, new.api_key))
    subnet = next(one for one in client.get("subnets/") if one["cidr"] == "10.10.0.0/24")
    vlan = client.get(f"vlans/{subnet['vlan']['id']}/")
    racks = {one["system_id"]: one["hostname"] for one in client.get("rackcontrollers/")}
    assert vlan["dhcp_on"]
    assert racks[vlan["primary_rack"]] == "rack-1"
    ranges = {(one["type"], one["start_ip"], one["end_ip"]) for one in client.get("ipranges/")}
    wanted = {("dynamic", "10.10.0.100", "10.10.0.149")}
    if release >= "1.6":
        wanted |= {("reserved", "10.10.0.1", "10.10.0.49"),
                   ("reserved", "10.10.0.150", "10.10.0.254")}  # fmt: skip
    else:
        assert any("there is no static range" in line for line in found.notes)
    assert ranges == wanted
    domains = {one["name"]: one for one in client.get("domains/")}
    assert domains["example.com"]["authoritative"]
    machines = client.get("machines/")
    if release >= "1.7":  # which show the zone as a part of the name
        assert {one["domain"]["name"] for one in machines} == {"example.com"}
    if release >= "1.8":
        assert [one["ip_addresses"] for one in client.get("devices/")] == [[PRINTER]]
    if release < "1.8":
        assert domains["corp.example.com"]["is_default"]


def test_what_is_not_carried_is_told_by_its_place(moved):
    old, _, found, data = moved
    release = old.region.release
    lines = "\n".join(found.notes)
    places = ["maas:users: passwords cannot be read"]
    if release < "2.9":
        setting = "maas:settings:commissioning_distro_series"
        places += [f"{setting}: left out: MAAS 3.7 commissions with bionic and later"]
    if release == "2.3":
        places += ["maas:boot_sources: ubuntu/noble is selected, too, to commission with"]
        assert data["settings"]["default_distro_series"] == "xenial"
    if release >= "1.7":
        places += ["maas:machines: db-1: Deployed here, but new machines there"]
    if release < "1.7":
        places += ["maas:machines:web-1:power_parameters: left out, as is the power type ipmi: "
                   "MAAS 1.5 does not show its parameters; now manual"]  # fmt: skip
    if "1.7" <= release < "1.9":
        places += ["router_ip is not known of first/eth0"]
    if release >= "2.3":
        places += ["maas:scripts:check-fans:packages: left out: MAAS 3.7 does not have this"]
    for place in places:
        assert place in lines
    assert "sdb://maas/user/ops/password" in found.secrets
    report = pillar.report(found)
    assert all(one in report for one in (*found.notes, *found.secrets))
    assert pillar.problems(data, Release("3.7")) == []
    assert data["settings"].get("completed_intro", False) == (release < "2.1")


@pytest.mark.parametrize(
    ("old", "new"), [("1.5", "1.9"), ("1.6", "2.3"), ("2.0", "2.4"), ("3.7", "3.8")]
)
def test_between_other_releases(old, new):
    with full_region(old) as server, target(new) as other:
        if old == "2.0":
            more_of_2_0(server)
        _, data = exported(server, new, {"first": HOST})
        assert data["release"] == new
        if Release(new) < "2.0":
            assert "clusters" in data
            assert data["subnets"]["172.16.0.0/16"]["vlan"] == "fabric-0/5"
            return
        applied(other, data)
        assert shared(other)["machines"].keys() == MACHINES.keys()
        if old == "2.0":
            assert data["fabrics"]["dc1"]["vlans"][100]["space"] == "newest"
            assert data["domains"]["corp"] == {"is_default": True}
        if old == "1.6":
            [(url, source)] = data["boot_sources"].items()
            assert url == "http://images.maas.io/ephemeral-v3/daily"
            assert [one["release"] for one in source["selections"]] == ["trusty"]


@pytest.mark.life
@pytest.mark.parametrize(("old", "new"), [
    (old, new) for old in SERIES for new in ("2.4", "3.7", SERIES[-1])
    if Release(old) <= new
])  # fmt: skip
def test_from_every_release(old, new):
    with full_region(old) as server, target(new) as other:
        applied(other, exported(server, new, {"first": HOST})[1])
        before, after = shared(server), shared(other)
        for name in ("zones", "tags", "files", "keys", "users"):
            assert before[name] == after[name]


def more_of_2_0(server):
    """Let one VLAN have subnets in two spaces, and the default domain another name."""
    carried_out(server, {"spaces": {"newest": None}})
    subnets = {"10.11.0.0/24": {"vlan": "dc1/100", "space": "newest"},
               "10.12.0.0/24": {"vlan": "dc1/100", "space": "dmz"}}  # fmt: skip
    carried_out(server, {"subnets": subnets})
    snapshot_of(server).client.put("domains/0/", data={"name": "corp"})


def test_what_maas_3_0_removed_is_left_out():
    with target("2.9") as server:
        rack(server, "rack-1", "10.10.0.2")
        host = {"type": "virsh", "power_address": "qemu+ssh://ubuntu@192.0.2.9/system"}
        carried_out(server, {"vm_hosts": {"kvm-1": host}})
        next(iter(server.region.rows("vm_hosts").values()))["power_type"] = "rsd"
        found, data = exported(server, "3.7")
        assert "vm_hosts" not in data
        assert "VM host kvm-1 is left out: its type is rsd, which MAAS 3.0 removed" in found.notes


def test_the_execution_module_knows_the_cluster_on_its_own_host(tmp_path):
    sandbox.create(tmp_path / "host", "1.7", "cluster", uuid=CLUSTER)
    with full_region("1.7") as server:
        opts = {"id": HOST, "maas.root": str(tmp_path / "host"), "cachedir": str(tmp_path)}
        api = {"url": server.url, "api_key": server.api_key}
        module = load("_modules/maas_region.py", {**opts, "maas": api}, {"maas": {}})
        answer = module.export(str(tmp_path / "new"), by="type", for_release=3.7)
        racks = yaml.safe_load((tmp_path / "new/racks.sls").read_text())
        assert racks == {"maas": {"racks": {HOST: None}}}
        report = (tmp_path / "new/migration.txt").read_text()
        assert all(one in report for one in (*answer["notes"], *answer["secrets"]))
        assert "horse" not in str([one.read_text() for one in (tmp_path / "new").iterdir()])
        with pytest.raises(BadInput, match="racks: 'x' must be a mapping"):
            module.export(for_release="3.7", racks="x")


def test_an_older_release_is_refused():
    with RegionServer("3.7") as server:
        with pytest.raises(BadInput, match=r"for_release: 2\.9 is older than the region's MAAS 3"):
            pillar.export(snapshot_of(server), "2.9")
        with pytest.raises(BadInput, match="for_release: 'new' is not a MAAS release"):
            pillar.export(snapshot_of(server), "new")


# What is mapped, without a region


def converted(release, data, to="3.7", hosts=None):
    """What a pillar of a release becomes, and what is not carried."""
    return for_release.convert(data, Snapshot(None, Release(release)), Release(to), hosts)


HOSTS = {"1": "ha.example.com", "2": "hb"}


def cluster(**interfaces):
    return {
        "uuid": interfaces.pop("uuid", "u"),
        "dns_zone": "maas",
        "interfaces": {
            name: {"management": "dhcp", "ip": f"{net}.2", "subnet_mask": "255.255.255.0",
                   "dynamic_range": {"low": f"{net}.100", "high": f"{net}.199"}}
            for name, net in interfaces.items()
        },
    }  # fmt: skip


def test_two_clusters_that_serve_untagged_networks_each_keep_their_dhcp():
    data, notes = converted(
        "1.7",
        {"clusters": {
            "a": cluster(uuid="1", eth0="10.1.0"),
            "b": cluster(uuid="2", eth0="10.2.0", **{"eth0.7": "10.7.0"}),
            "c": cluster(uuid="3", eth1="10.2.0"),
        }},
        hosts={"1": "ha.example.com", "b": "hb", "3": "hc"},
    )  # fmt: skip
    assert data["racks"] == {"ha.example.com": None, "hb": None, "hc": None}
    served = {
        (fabric, vid): (vlan or {}).get("dhcp", {}).get("primary_rack")
        for fabric, one in data["fabrics"].items()
        for vid, vlan in one["vlans"].items()
    }
    assert served == {("fabric-0", "untagged"): "ha", ("b", "untagged"): "hb", ("b", 7): "hb"}
    assert data["subnets"]["10.2.0.0/24"]["vlan"] == "b/untagged"
    assert data["fabrics"]["b"]["vlans"][7]["name"] == "vlan7"
    told = [line for line in notes if "b serves it already" in line]
    assert told == [
        "maas:fabrics:b:vlans:untagged:dhcp: clusters:c:interfaces:eth1 is left out: MAAS 3.7 has "
        "one primary rack for a VLAN, and b serves it already; a secondary_rack can stand by"
    ]


def test_the_cluster_that_manages_most_of_a_network_counts():
    old = {"a": cluster(uuid="1", eth0="10.1.0"), "b": cluster(uuid="2", eth0="10.1.0")}
    for one, management, router in (("a", "dhcp_and_dns", "10.1.0.1"), ("b", "dhcp", "10.1.0.9")):
        old[one]["interfaces"]["eth0"].update(management=management, router_ip=router)
    for swapped in (old, dict(reversed(old.items()))):
        data, notes = converted("1.7", {"clusters": copy.deepcopy(swapped)}, hosts=HOSTS)
        vlan = data["fabrics"]["fabric-0"]["vlans"]["untagged"]
        assert vlan == {"dhcp": {"enabled": True, "primary_rack": "ha"}}
        assert data["subnets"]["10.1.0.0/24"]["gateway_ip"] == "10.1.0.1"
        assert "clusters:b:interfaces:eth0 is left out" in "".join(notes)


def test_a_cluster_whose_host_is_unknown_is_listed():
    first, second = cluster(eth0="10.1.0"), {"uuid": "no", "accepted": False}
    data, notes = converted("1.7", {"clusters": {"a": first, "b": second}})
    assert "racks" not in data
    assert data["subnets"]["10.1.0.0/24"]["ranges"][0]["start"] == "10.1.0.100"
    assert "fabrics" not in data
    lines = "\n".join(notes)
    assert "maas:clusters:a: left out: MAAS 1.x does not know its host" in lines
    assert "fabric-0:vlans:untagged:dhcp: left out: served by cluster a" in lines
    assert "maas:clusters:b: left out: it is not accepted" in lines


def test_names_that_maas_gives_itself_change_with_all_that_refers_to_them():
    data, notes = converted("2.3", {
        "spaces": {"space-1": None, "dmz": None},
        "fabrics": {"fabric1": None, "fabric-1": {"vlans": {
            "untagged": {"space": "space-1"}, 5: {"dhcp": {"relay_vlan": "fabric-1/untagged"}}}}},
        "subnets": {"10.1.0.0/24": {"vlan": "fabric-1/5"},
                    "10.2.0.0/24": {"vlan": "fabric-0/untagged"}},
    })  # fmt: skip
    assert data["fabrics"]["fabric12"]["vlans"] == {
        "untagged": {"space": "space1"},
        5: {"dhcp": {"relay_vlan": "fabric12/untagged"}},
    }
    assert [one["vlan"] for one in data["subnets"].values()] == ["fabric12/5", "fabric-0/untagged"]
    assert "maas:spaces:space-1: it is called space1, as MAAS gives such names itself" in notes


def test_boot_sources_of_canonical_become_one():
    old = "http://maas.ubuntu.com/images/ephemeral-v2"
    own = "http://mirror.example.com/images"

    def selection(release, *arches, **more):
        return {"os": "ubuntu", "release": release, "arches": [*arches], **more}

    data, notes = converted("1.9", {"boot_sources": {
        f"{old}/releases": {"selections": [selection("trusty", "amd64", labels=["release"])]},
        f"{old}/daily": {"selections": [selection("xenial", "arm64", subarches=["hwe-t"])]},
        own: {"keyring_filename": "/etc/k.gpg", "selections": [
            selection("jammy", "amd64", labels=["release"])]},
    }})  # fmt: skip
    assert data["boot_sources"] == {
        "http://images.maas.io/ephemeral-v3/stable": {
            "selections": [selection("noble", "amd64", "arm64")]},
        own: {"keyring_filename": "/etc/k.gpg", "selections": [
            selection("jammy", "amd64", labels=["release"])]},
    }  # fmt: skip
    assert f"maas:boot_sources:{own}:keyring_filename: the file must be on the new" in str(notes)
    data, _ = converted("1.9", {"boot_sources": {f"{old}/releases": None}}, to="2.3")
    assert [*data["boot_sources"]] == ["http://images.maas.io/ephemeral-v3/daily"]


def test_machines_are_new_ones():
    def machine(number, **values):
        return {"mac_addresses": [f"52:54:00:00:00:{number:02x}"], "architecture": "amd64/generic",
                **values}  # fmt: skip

    dli = {"power_address": "192.0.2.1", "system_id": "3", "power_user": "a"}
    data, notes = converted("1.8", {"machines": {
        "old": machine(1, architecture="amd64/hwe-t", power_type="ether_wake",
                       power_parameters={"mac_address": "52:54:00:00:00:01"}),
        "plug": machine(2, power_type="dli", power_parameters=dli, boot_type="di"),
        "amt": machine(3, power_type="amt", power_parameters={
            "power_address": "192.0.2.3", "mac_address": "52:54:00:00:00:03"}),
        "none": {"architecture": "amd64/generic", "power_type": "manual"},
    }})  # fmt: skip
    machines = data["machines"]
    assert machines["old"] == machine(1, power_type="manual")
    assert machines["plug"]["power_parameters"] == {
        "power_address": "192.0.2.1", "power_user": "a", "outlet_id": "3"}  # fmt: skip
    assert machines["amt"]["power_parameters"] == {"power_address": "192.0.2.3"}
    assert "none" not in machines
    lines = "\n".join(notes)
    for told in (
        "old:min_hwe_kernel: left out: every kernel",
        "old:power_parameters: left out, as is the power type ether_wake: MAAS has it no more",
        "plug:boot_type: left out: MAAS 3.7 does not have this",
        "amt:power_parameters:mac_address: left out: amt has no such parameter",
        "none: left out: mac_addresses is missing",
    ):
        assert f"maas:machines:{told}" in lines
    data, notes = converted("3.7", {"machines": {"vm": {"vm_host": "k", "compose": {}}}}, to="3.8")
    assert "machines" not in data
    assert "it is composed on VM host k" in notes[0]


def test_what_the_later_release_refuses_is_left_out_with_its_reason():
    data, notes = converted("2.9", {
        "spaces": {"undefined": None},
        "fabrics": {"fabric-0": {"vlans": {"untagged": {"mtu": 9000, "space": "undefined"}}}},
        "settings": {"session_length": 5, "http_proxy": "http://p.example.com:1/"},
        "subnets": {"10.0.0.0/16": {"vlan": "fabric-0/untagged"}, "10.0.1.0/24": None,
                    "2001:db8::/64": {"gateway_ip": "x"}},
        "static_routes": [{"source": "10.0.0.0/16", "destination": "10.9.0.0/16",
                           "gateway_ip": "10.0.0.1"}],
        "license_keys": [{"osystem": "windows", "distro_series": "win2012", "license_key": "x"}],
        "dhcp_snippets": {"s": {"value": "x 1;", "node": "gone"}},
    })  # fmt: skip
    assert [*data["subnets"]] == ["10.0.0.0/16", "2001:db8::/64"]
    assert data["subnets"]["2001:db8::/64"] is None
    assert not {"static_routes", "license_keys"} & data.keys()
    lines = "\n".join(notes)
    for told in (
        "spaces:undefined: left out: MAAS reserves the name 'undefined'",
        "fabrics:fabric-0:vlans:untagged:space: left out: 'undefined' is no space",
        "settings:session_length: left out: 5 must be",
        "subnets:10.0.1.0/24: left out: overlaps maas:subnets:10.0.0.0/16; MAAS 3.7 refuses",
        "static_routes:0:destination: left out: '10.9.0.0/16' is no subnet",
        "subnets:2001:db8::/64:gateway_ip: left out: 'x'",
        "license_keys: that of windows/win2012 is left out",
        "dhcp_snippets:s:node: left out: 'gone' is no node",
    ):
        assert f"maas:{told}" in lines
    assert data["dhcp_snippets"] == {"s": {"value": "x 1;"}}
    assert data["fabrics"] == {"fabric-0": {"vlans": {"untagged": {"mtu": 9000}}}}
    assert data["subnets"]["10.0.0.0/16"] == {"vlan": "fabric-0/untagged"}
