"""Any right pillar over any region: what is planned is what happens, and then nothing is left."""

from __future__ import annotations

import ipaddress

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import SERIES as KNOWN
from support.machine_regions import region_with_image
from support.pillars import revealed
from support.reconciling import SHORT, assert_true, cluster, errors, planned, snapshot_of

FEW = settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
PRUNED = ["fabric", "vlan", "subnet", "ip_range", "space", "boot_source", "boot_selection"]
QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0}
NAMES = st.sampled_from(["lab", "dmz", "Store-Room", "x1", "größe"])
TEXTS = st.one_of(st.none(), st.sampled_from(["", "some words", "ü & <b>", "a=b;c"]))
NEWEST = KNOWN[-1]
SERIES = st.sampled_from(["jammy", "noble"])
ARCHES = st.lists(st.sampled_from(["amd64", "arm64"]), min_size=1, max_size=2, unique=True)


@pytest.fixture(autouse=True, scope="module")
def _poll_often():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "poll_seconds", 0.02)
        yield


def optional(**choices):
    return st.fixed_dictionaries({}, optional=choices)


VLAN = st.one_of(
    st.none(),
    optional(mtu=st.integers(552, 65535), name=st.sampled_from(["a", "b c"]),
             space=st.sampled_from(["dmz", None])),
)  # fmt: skip
UNTAGGED = st.one_of(st.none(), optional(mtu=st.sampled_from([1500, 9000])))


@st.composite
def ranges(draw, net, dynamic):
    """Ranges that do not overlap, in any order."""
    cuts = sorted(draw(st.lists(st.integers(2, 250), min_size=0, max_size=6, unique=True)))
    spans = [
        {
            "type": draw(st.sampled_from(["dynamic", "reserved"] if dynamic else ["reserved"])),
            "start": str(net[low]),
            "end": str(net[high]),
            **draw(optional(comment=st.sampled_from(["c", "more words"]))),
        }
        for low, high in zip(cuts[::2], cuts[1::2])
    ]
    return draw(st.permutations(spans))


@st.composite
def networks(draw, release=NEWEST):
    """A pillar for API 2.0."""
    fabrics, vlans = {}, []
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        chosen = draw(st.dictionaries(st.integers(1, 4094), VLAN, max_size=2))
        if draw(st.booleans()):
            chosen[draw(st.sampled_from([0, "untagged"]))] = draw(UNTAGGED)
        fabrics[name] = {"vlans": chosen} if chosen or draw(st.booleans()) else None
        vlans += [f"{name}/{vid}" for vid in {"untagged", *chosen} - {0}]
    subnets = {}
    for number in draw(st.lists(st.integers(0, 255), max_size=4, unique=True)):
        net = ipaddress.ip_network(f"10.{number}.0.0/24")
        subnet = draw(
            optional(
                name=st.sampled_from([f"net {number}", f"n{number}"]),
                gateway_ip=st.sampled_from([str(net[1]), None]),
                dns_servers=st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2"]), unique=True),
                rdns_mode=st.sampled_from(["disabled", "enabled", "rfc2317"]),
                allow_dns=st.booleans(),
                managed=st.booleans(),
                active_discovery=st.booleans(),
                description=TEXTS,
            )
        )
        if vlans and draw(st.booleans()):
            subnet["vlan"] = draw(st.sampled_from(sorted(vlans)))
        # Where MAAS does not manage a subnet, a dynamic range is part of a reserved one.
        spans = draw(ranges(net, "vlan" in subnet and subnet.get("managed", True)))
        if spans:
            subnet["ranges"] = spans
        subnets[str(net)] = subnet
    return {
        "release": release,
        "spaces": {"dmz": None},
        "fabrics": fabrics,
        "subnets": subnets,
        "settings": draw(
            optional(
                upstream_dns=st.lists(st.sampled_from(["192.0.2.53", "192.0.2.54"]), unique=True),
                enable_http_proxy=st.booleans(),
                kernel_opts=st.sampled_from([None, "a=b", "quiet  splash"]),
                maas_name=st.sampled_from(["one", "two words"]),
            )
        ),
        "boot_sources": draw(sources("v3", release)),
    }


@st.composite
def sources(draw, version, release):
    series = SERIES if version == "v3" else st.sampled_from(["trusty", "precise"])
    arches = ARCHES if version == "v3" else st.just(["amd64"])
    found = {}
    for number in range(draw(st.integers(0, 2))):
        selections = [
            {"os": "ubuntu", "release": one, "arches": draw(arches)}
            for one in draw(st.lists(series, max_size=2, unique=True))
        ]
        url = f"http://images{number}.example.com/ephemeral-{version}/releases/"
        found[url] = {"selections": selections}
        if release >= "3.8" and draw(st.booleans()):
            found[url]["priority"] = 10 + draw(st.integers(0, 4)) * 2 + number
    return found


def happens(server, data):
    """Plan, apply and plan again."""
    assert pillar.problems(data) == []
    snapshot, plan = planned(server, data)
    shown = plan.shown()
    apply(snapshot, plan, SHORT)
    return snapshot, plan, shown


def is_so(server, data):
    snapshot, plan, shown = happens(server, data)
    failed = errors(plan)
    assert not failed, failed
    assert plan.shown(done_only=True) == shown
    left = planned(server, data)[1].shown()
    assert not left, left
    return snapshot


@FEW
@given(networks("3.7"))
def test_any_pillar_on_a_new_region_2_0(data):
    with RegionServer(release="3.7", **QUICK) as server:
        assert_true(server, is_so(server, data))


@FEW
@given(networks(), networks())
def test_any_pillar_over_any_other_2_0(before, data):
    with RegionServer(release=NEWEST, **QUICK) as server:
        is_so(server, before)
        snapshot, plan, shown = happens(server, data)
        # A range may meet another that is there, which the plan says; all else must come true.
        impossible = [line.split(": ")[0] for line in plan.problems()]
        assert sorted(errors(plan)) == sorted(impossible)
        assert plan.shown(done_only=True) == shown
        assert planned(server, data)[1].shown() == {}
        assert_true(server, snapshot)


@FEW
@given(networks(), networks(), st.lists(st.sampled_from(PRUNED), min_size=1, unique=True))
def test_any_pillar_instead_of_any_other_2_0(before, data, claimed):
    """What is not described any more goes, with all that lies in it."""
    data = {**data, "exclusive": dict.fromkeys(claimed, True),
            "prune": {"most": 100, "fraction": 1, "in_use": True}}  # fmt: skip
    with RegionServer(release=NEWEST, **QUICK) as server:
        is_so(server, before)
        snapshot = snapshot_of(server)
        try:
            plan = region_plan.plan_of(snapshot, data)
        except BadInput:
            assert "vlan" in claimed or "fabric" in claimed  # a subnet lies on what would go
            return
        shown = plan.shown()
        apply(snapshot, plan, SHORT)
        impossible = [line.split(": ")[0] for line in plan.problems()]
        assert sorted(errors(plan)) == sorted(impossible)
        assert plan.shown(done_only=True) == shown
        assert region_plan.plan_of(snapshot_of(server), data).shown() == {}
        assert_true(server, snapshot)


UUIDS = [f"0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a0{number}" for number in range(2)]


@st.composite
def interfaces(draw, number):
    found = {}
    for card in draw(st.lists(st.integers(0, 3), max_size=3, unique=True)):
        net = ipaddress.ip_network(f"10.{10 * number + card}.0.0/24")
        management = draw(st.sampled_from(["unmanaged", "dhcp", "dhcp_and_dns"]))
        one = {"management": management, "ip": str(net[2]), "subnet_mask": str(net.netmask)}
        if management != "unmanaged" or draw(st.booleans()):
            low = draw(st.integers(10, 90))
            one["dynamic_range"] = {
                "low": str(net[low]), "high": str(net[draw(st.integers(low, 99))]),
            }  # fmt: skip
            if draw(st.booleans()):
                one["static_range"] = {"low": str(net[100]), "high": str(net[199])}
        found[f"eth{card}"] = one
    return found


@st.composite
def clusters(draw):
    """A pillar for API 1.0."""
    return {
        "release": "1.7",
        "clusters": {
            f"c{number}": {
                "uuid": UUIDS[number],
                "cluster_name": draw(st.sampled_from([f"Cluster {number}", f"c{number}"])),
                "interfaces": draw(interfaces(number)),
                **draw(optional(dns_zone=st.sampled_from([f"z{number}.example.com"]))),
            }
            for number in range(draw(st.integers(1, 2)))
        },
        "settings": draw(
            optional(
                ntp_server=st.sampled_from(["ntp.example.com", "192.0.2.1"]),
                enable_third_party_drivers=st.booleans(),
                kernel_opts=st.sampled_from([None, "quiet"]),
            )
        ),
        "boot_sources": draw(sources("v2", "1.7")),
        "images": {"sync": draw(st.booleans())},
    }


@FEW
@given(clusters())
def test_any_pillar_on_a_new_region_1_0(data):
    with RegionServer(release="1.7", **QUICK) as server:
        for number in range(len(data["clusters"])):
            cluster(server, UUIDS[number], f"10.{10 * number + 4}.0.2")
        is_so(server, data)


@FEW
@given(clusters())
def test_a_cluster_that_registers_twice_changes_nothing_1_0(data):
    with RegionServer(release="1.7", **QUICK) as server:
        for _ in range(2):
            for number in range(len(data["clusters"])):
                cluster(server, UUIDS[number], f"10.{10 * number + 4}.0.2")
        is_so(server, data)
        left = planned(server, data)[1].shown()
        assert not left, left


#: What an export has in place of secrets, and what they are.
PASSWORD = "s3 cret: #"
SECRETS = {
    f"sdb://maas/{kind}{number}/power_pass": PASSWORD
    for kind in ("machine/m", "vm_host/h")
    for number in range(4)
}
FREE = st.sampled_from([None, "text", "ü: 'quoted' & #"])
POWERS = st.sampled_from([
    {"power_type": "manual"},
    {"power_type": "ipmi", "power_parameters": {"power_user": "ops", "power_pass": PASSWORD}},
    {"power_type": "redfish", "power_parameters": {"power_user": "x", "power_pass": PASSWORD}},
])  # fmt: skip
TAGS = st.lists(st.sampled_from(["web", "db"]), unique=True)


@st.composite
def nodes(draw):
    """A pillar of machines, devices and VM hosts, as many of each as there are addresses for."""
    place = {"zone": st.sampled_from(["default", "north"]), "description": FREE}
    machines, devices, hosts = {}, {}, {}
    for number in draw(st.sets(st.integers(0, 3))):
        power = draw(POWERS)
        if "power_parameters" in power:
            own = {"power_address": f"192.0.2.{10 + number}"}
            power = {**power, "power_parameters": {**power["power_parameters"], **own}}
        more = draw(optional(pool=st.sampled_from(["default", "web"]), tags=TAGS, **place))
        machines[f"m{number}"] = {
            "mac_addresses": [f"52:54:00:00:00:0{number}"], "architecture": "amd64",
            **power, **more,
        }  # fmt: skip
    for number in draw(st.sets(st.integers(0, 2))):
        macs = [f"52:54:00:00:1{number}:0{nic}" for nic in range(draw(st.integers(1, 2)))]
        ips = draw(st.sets(st.integers(number * 10 + 10, number * 10 + 12)))
        devices[f"d{number}"] = {
            "mac_addresses": macs, "ip_addresses": {macs[-1]: [f"10.1.0.{one}" for one in ips]},
            **draw(optional(zone=place["zone"])),
        }  # fmt: skip
    for number in draw(st.sets(st.integers(0, 1))):
        hosts[f"h{number}"] = {
            "type": "virsh", "power_address": f"qemu+ssh://u@192.0.2.2{number}/system",
            "power_pass": PASSWORD, **draw(optional(tags=TAGS, zone=place["zone"],
                                                cpu_over_commit_ratio=st.sampled_from([1, 2.5]))),
        }  # fmt: skip
    return {"machines": machines, "devices": devices, "vm_hosts": hosts}


def test_any_machines_devices_and_vm_hosts_are_exported_without_effect():
    around = {"zones": {"north": None}, "resource_pools": {"web": None}, "tags": {
        "web": None, "db": None}, "subnets": {"10.1.0.0/24": {}}}  # fmt: skip
    with region_with_image(NEWEST, around) as server:

        @settings(FEW, max_examples=8)
        @given(nodes())
        def check(data):
            is_so(server, {**around, **data})
            found = pillar.export(snapshot_of(server))
            written = yaml.safe_load(pillar.files(found)["init.sls"])["maas"]
            left = region_plan.plan_of(snapshot_of(server), revealed(written, SECRETS))
            assert (left.shown(), left.problems()) == ({}, [])
            assert all(data[key].keys() <= (written.get(key) or {}).keys() for key in data)
            assert [line for line in found.notes if not line.startswith("images:")] == []

        check()
