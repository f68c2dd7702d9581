"""Wrong pillars: each mistake is one line with path, value and what is allowed, and nothing is sent.

What follows from the schema alone is in test_pillar_fields.
"""

# ruff: noqa: E501 -- a mistake and its message read best on one line

from __future__ import annotations

import re

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Snapshot, make_plan
from saltext.maas.release import Release
from support.loader import load
from support.pillars import both, drop, good, put, spoilt

VLANS = ("fabrics", "dc1", "vlans")
DHCP = (*VLANS, "untagged", "dhcp")
NET = ("subnets", "10.10.0.0/24")
SOURCE = ("boot_sources", "http://images.example.com/ephemeral-v3/stable/")
SELECTION = (*SOURCE, "selections", 0)
ETH0 = ("clusters", "cluster-a", "interfaces", "eth0")
OLD_SOURCE = ("boot_sources", "http://images.example.com/ephemeral-v2/releases/")


def span(start, end, type="reserved"):
    return {"type": type, "start": start, "end": end}


def ranges(*spans):
    return put((*NET, "ranges"), list(spans))


DYNAMIC = span("10.10.0.100", "10.10.0.150", "dynamic")

# id, release, how the right pillar is spoilt, regular expression that a line must match fully
BAD = [
    # Form
    ("unknown-section", "3.7", put(("subnet",), {}), r"maas:subnet: unknown key; closest: subnets.*"),
    ("unknown-setting", "3.7", put(("settings", "ntp_serverz"), "x"), r"maas:settings:ntp_serverz: unknown key; closest: ntp_servers?, .*"),
    ("unlike-any-setting", "3.7", put(("settings", "qqqq"), "x"), r"maas:settings:qqqq: unknown key; none is like it .*"),
    ("script-name-with-slash", "1.7", put(("commissioning_scripts", "a/b"), {"content": "x"}), r"maas:commissioning_scripts:a/b: 'a/b' must be a name without a slash"),
    ("unknown-limit", "3.7", put(("limits", "seconds"), 1), r"maas:limits:seconds: unknown key; allowed: catalogue_seconds, .*"),
    ("is-cluster-as-text", "1.7", put(("region", "is_cluster"), "false"), r"maas:region:is_cluster: 'false' must be true or false"),
    # Values
    ("unknown-release", "3.7", put(("release",), "1.4"), r"maas:release: '1\.4' must be a MAAS release, 1\.5 or later, quoted, such as '3\.7'"),
    ("release-as-number", "3.7", put(("release",), 1.1), r"maas:release: 1\.1 must be a MAAS release, 1\.5 or later, quoted.*"),
    ("url-without-scheme", "3.7", put(("region", "url"), "192.0.2.10/MAAS"), r"maas:region:url: '192\.0\.2\.10/MAAS' must be a region's URL such as http://192\.0\.2\.10:5240/MAAS: it must begin with .*"),
    ("url-empty", "3.7", put(("region", "url"), ""), r"maas:region:url: must not be empty"),
    ("source-no-url", "3.7", put(("boot_sources", "images"), None), r"maas:boot_sources:images: 'images' must be a URL of .*"),
    ("bad-email", "3.7", put(("users", "ops", "email"), "ops"), r"maas:users:ops:email: 'ops' must be an e-mail address such as admin@example\.com"),
    ("bad-cidr", "3.7", put(("subnets", "10.30.0.0"), None), r"maas:subnets:10\.30\.0\.0: '10\.30\.0\.0' must be a network such as 192\.0\.2\.0/24, with no host bits set"),
    ("host-bits", "3.7", put(("subnets", "10.30.0.1/24"), None), r"maas:subnets:10\.30\.0\.1/24: '10\.30\.0\.1/24' must be a network .*"),
    ("prefix-too-long", "3.7", put(("subnets", "10.30.0.0/33"), None), r"maas:subnets:10\.30\.0\.0/33: .* must be a network .*"),
    ("bad-gateway", "3.7", put((*NET, "gateway_ip"), "10.10.0.256"), r"maas:subnets:10\.10\.0\.0/24:gateway_ip: '10\.10\.0\.256' must be an IP address such as 192\.0\.2\.1"),
    ("bad-dns-server", "3.7", put((*NET, "dns_servers"), ["192.0.2.1", "ns1"]), r"maas:subnets:10\.10\.0\.0/24:dns_servers: \['192\.0\.2\.1', 'ns1'\] must be a list of IP addresses"),
    ("bad-rdns-mode", "3.7", put((*NET, "rdns_mode"), "on"), r"maas:subnets:10\.10\.0\.0/24:rdns_mode: 'on' must be one of: disabled, enabled, rfc2317"),
    ("bad-range-address", "3.7", ranges(DYNAMIC, span("10.10.0.x", "10.10.0.9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:start: '10\.10\.0\.x' must be an IP address .*"),
    ("range-address-null", "3.7", ranges(DYNAMIC, span(None, "10.10.0.9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:start: None must be an IP address .*"),
    ("bad-range-type", "3.7", ranges(span("10.10.0.5", "10.10.0.9", "static")), r"maas:subnets:10\.10\.0\.0/24:ranges:0:type: 'static' must be one of: dynamic, reserved"),
    ("vid-too-high", "3.7", put((*VLANS, 4095), None), r"maas:fabrics:dc1:vlans:4095: '4095' must be a VLAN id from 0 to 4094, or untagged"),
    ("vid-as-name", "3.7", put((*VLANS, "storage"), None), r"maas:fabrics:dc1:vlans:storage: 'storage' must be a VLAN id from 0 to 4094, or untagged"),
    ("subnet-vlan-form", "3.7", put((*NET, "vlan"), "dc1"), r"maas:subnets:10\.10\.0\.0/24:vlan: 'dc1' must be FABRIC/VID, such as .*"),
    ("relay-form", "3.7", put((*VLANS, 100, "dhcp", "relay_vlan"), "dc1/5000"), r"maas:fabrics:dc1:vlans:100:dhcp:relay_vlan: 'dc1/5000' must be FABRIC/VID, .*"),
    ("empty-name", "3.7", put(("fabrics", ""), None), r"maas:fabrics:: '' must be a name"),
    ("bad-uuid", "1.7", put(("clusters", "cluster-a", "uuid"), "no uuid"), r"maas:clusters:cluster-a:uuid: 'no uuid' must be a uuid of up to 36 letters, digits and dashes"),
    ("unknown-management", "1.7", put((*ETH0, "management"), "dns"), r"maas:clusters:cluster-a:interfaces:eth0:management: 'dns' must be one of: unmanaged, dhcp, dhcp_and_dns"),
    ("bad-netmask", "1.7", put((*ETH0, "subnet_mask"), "255.0.255.0"), r"maas:clusters:cluster-a:interfaces:eth0:subnet_mask: '255\.0\.255\.0' must be a netmask such as 255\.255\.255\.0 or ffff:.*"),
    ("prefix-as-netmask", "1.7", put((*ETH0, "subnet_mask"), "24"), r"maas:clusters:cluster-a:interfaces:eth0:subnet_mask: '24' must be a netmask .*"),
    ("bad-interface-address", "1.7", put((*ETH0, "ip"), "10.10.0"), r"maas:clusters:cluster-a:interfaces:eth0:ip: '10\.10\.0' must be an IP address .*"),
    ("bad-keyring-data", "1.7", both(drop(*OLD_SOURCE, "keyring_filename"), put((*OLD_SOURCE, "keyring_data"), "?")), r"maas:boot_sources:\S+:keyring_data: '\?' must be base64 text"),
    ("negative-limit", "3.7", put(("limits", "sync_seconds"), -1), r"maas:limits:sync_seconds: -1 must be a number from 0 on"),
    ("setting-no-addresses", "3.7", put(("settings", "upstream_dns"), ["192.0.2.1", "foo"]), r"maas:settings:upstream_dns: '192\.0\.2\.1 foo' must be a list of IP addresses"),
    # What is missing
    ("empty-selection-os", "3.7", put((*SELECTION, "os"), ""), r"maas:boot_sources:\S+:selections:0:os: must not be empty"),
    ("no-mask-for-dhcp", "1.7", drop(*ETH0, "subnet_mask"), r"maas:clusters:cluster-a:interfaces:eth0:subnet_mask: is missing; management 'dhcp_and_dns' needs it"),
    ("no-range-for-dhcp", "1.7", drop(*ETH0, "dynamic_range"), r"maas:clusters:cluster-a:interfaces:eth0:dynamic_range: is missing; management 'dhcp_and_dns' needs it"),
    ("no-router-in-1.6", "1.7", both(put(("release",), "1.6"), drop(*ETH0, "router_ip")), r"maas:clusters:cluster-a:interfaces:eth0:router_ip: is missing; .* needs it"),
    # Networks that make no sense
    ("gateway-outside", "3.7", put((*NET, "gateway_ip"), "10.11.0.1"), r"maas:subnets:10\.10\.0\.0/24:gateway_ip: '10\.11\.0\.1' must be an address within 10\.10\.0\.0/24"),
    ("range-outside", "3.7", ranges(DYNAMIC, span("10.10.1.1", "10.10.1.9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:start: '10\.10\.1\.1' must be an address within 10\.10\.0\.0/24"),
    ("range-end-outside", "3.7", ranges(DYNAMIC, span("10.10.0.200", "10.10.1.9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:end: '10\.10\.1\.9' must be an address within 10\.10\.0\.0/24"),
    ("range-other-family", "3.7", ranges(DYNAMIC, span("2001:db8::1", "2001:db8::9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:start: '2001:db8::1' must be an address within .*"),
    ("range-network-address", "3.7", ranges(DYNAMIC, span("10.10.0.0", "10.10.0.9")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:start: '10\.10\.0\.0' must not be the network or broadcast address of 10\.10\.0\.0/24"),
    ("range-broadcast-address", "3.7", ranges(DYNAMIC, span("10.10.0.200", "10.10.0.255")), r"maas:subnets:10\.10\.0\.0/24:ranges:1:end: '10\.10\.0\.255' must not be the network or broadcast address .*"),
    ("range-backwards", "3.7", ranges(span("10.10.0.150", "10.10.0.100", "dynamic")), r"maas:subnets:10\.10\.0\.0/24:ranges:0:end: '10\.10\.0\.100' must not be below '10\.10\.0\.150'"),
    ("ranges-overlap", "3.7", ranges(DYNAMIC, span("10.10.0.150", "10.10.0.160")), r"maas:subnets:10\.10\.0\.0/24:ranges:1: 10\.10\.0\.150-10\.10\.0\.160 overlaps 10\.10\.0\.100-10\.10\.0\.150 of maas:subnets:10\.10\.0\.0/24:ranges:0"),
    ("range-twice", "3.7", ranges(DYNAMIC, DYNAMIC), r"maas:subnets:10\.10\.0\.0/24:ranges:1: .* overlaps .*:ranges:0"),
    ("range-within-wide-one", "3.7", ranges(DYNAMIC, span("10.10.0.110", "10.10.0.111"), span("10.10.0.120", "10.10.0.121")), r"maas:subnets:10\.10\.0\.0/24:ranges:2: .* overlaps 10\.10\.0\.100-10\.10\.0\.150 of .*:ranges:0"),
    ("small-ipv6-range", "3.7", put(("subnets", "2001:db8::/64", "ranges"), [span("2001:db8::10", "2001:db8::ff", "dynamic")]), r"maas:subnets:2001:db8::/64:ranges:0:end: '2001:db8::ff' leaves 240 addresses; .* at least 256"),
    ("subnets-overlap", "3.7", put(("subnets", "10.10.0.128/25"), None), r"maas:subnets:10\.10\.0\.128/25: overlaps maas:subnets:10\.10\.0\.0/24; MAAS 3\.7 refuses overlapping subnets"),
    ("subnet-twice", "3.7", put(("subnets", "10.10.0.0/255.255.255.0"), None), r"maas:subnets:10\.10\.0\.0/\S+: is the same subnet as maas:subnets:10\.10\.0\.0/\S+"),
    ("vlan-twice", "3.7", put((*VLANS, 0), None), r"maas:fabrics:dc1:vlans:0: is the same VLAN as maas:fabrics:dc1:vlans:untagged"),
    ("untagged-named", "3.7", put((*VLANS, "untagged", "name"), "lan"), r"maas:fabrics:dc1:vlans:untagged:name: 'lan' must be 'untagged', .*"),
    # DHCP
    ("no-dynamic-range", "3.7", ranges(span("10.10.0.5", "10.10.0.9")), r"maas:fabrics:dc1:vlans:untagged:dhcp:enabled: needs a dynamic range in a subnet on dc1/untagged; declare one under maas:subnets"),
    ("no-subnet-on-vlan", "3.7", put((*VLANS, 200), {"dhcp": {"enabled": True, "primary_rack": "rack-a"}}), r"maas:fabrics:dc1:vlans:200:dhcp:enabled: needs a dynamic range in a subnet on dc1/200.*"),
    ("dynamic-range-nowhere", "3.7", both(drop(*DHCP), drop(*VLANS, 100, "dhcp"), drop(*NET, "vlan")), r"maas:subnets:10\.10\.0\.0/24:vlan: is missing; a dynamic range needs to know its VLAN"),
    ("no-primary-rack", "3.7", drop(*DHCP, "primary_rack"), r"maas:fabrics:dc1:vlans:untagged:dhcp:primary_rack: is missing; DHCP needs a rack controller that serves it"),
    ("same-rack-twice", "3.7", put((*DHCP, "secondary_rack"), "rack-a"), r"maas:fabrics:dc1:vlans:untagged:dhcp:secondary_rack: 'rack-a' must be another rack than primary_rack"),
    ("unknown-rack", "3.7", put((*DHCP, "primary_rack"), "rack-c"), r"maas:fabrics:dc1:vlans:untagged:dhcp:primary_rack: 'rack-c' is no host name of maas:racks; there are: rack-a, rack-b"),
    ("rack-by-minion-id", "3.7", put((*DHCP, "primary_rack"), "rack-a.example.com"), r"maas:fabrics:dc1:vlans:untagged:dhcp:primary_rack: 'rack-a\.example\.com' is no host name .*"),
    ("relay-to-itself", "3.7", put((*VLANS, 100, "dhcp", "relay_vlan"), "dc1/100"), r"maas:fabrics:dc1:vlans:100:dhcp:relay_vlan: 'dc1/100' must be another VLAN than this one"),
    ("relay-to-relayed", "3.7", put((*VLANS, 200), {"dhcp": {"relay_vlan": "dc1/100"}}), r"maas:fabrics:dc1:vlans:200:dhcp:relay_vlan: 'dc1/100' is relayed itself; name the VLAN served"),
    ("relay-and-enabled", "3.7", put((*VLANS, 100, "dhcp", "enabled"), True), r"maas:fabrics:dc1:vlans:100:dhcp:relay_vlan: 'dc1/untagged' cannot go with enabled: true; it is one or the other"),
    # Cluster interfaces
    ("dynamic-outside", "1.7", put((*ETH0, "dynamic_range", "high"), "10.11.0.9"), r"maas:clusters:cluster-a:interfaces:eth0:dynamic_range:high: '10\.11\.0\.9' must be an address within 10\.10\.0\.0/24"),
    ("dynamic-backwards", "1.7", put((*ETH0, "dynamic_range", "high"), "10.10.0.99"), r"maas:clusters:cluster-a:interfaces:eth0:dynamic_range:high: '10\.10\.0\.99' must not be below '10\.10\.0\.100'"),
    ("static-over-dynamic", "1.7", put((*ETH0, "static_range", "low"), "10.10.0.149"), r"maas:clusters:cluster-a:interfaces:eth0:static_range: .* overlaps .* of .*:dynamic_range"),
    ("static-broadcast", "1.7", put((*ETH0, "static_range", "high"), "10.10.0.255"), r"maas:clusters:cluster-a:interfaces:eth0:static_range:high: '10\.10\.0\.255' must not be the network or broadcast .*"),
    ("router-outside", "1.7", put((*ETH0, "router_ip"), "10.0.0.1"), r"maas:clusters:cluster-a:interfaces:eth0:router_ip: '10\.0\.0\.1' must be an address within 10\.10\.0\.0/24"),
    ("own-network-address", "1.7", put((*ETH0, "ip"), "10.10.0.0"), r"maas:clusters:cluster-a:interfaces:eth0:ip: '10\.10\.0\.0' must not be the network or broadcast address .*"),
    ("too-wide", "1.7", put((*ETH0, "subnet_mask"), "255.0.0.0"), r"maas:clusters:cluster-a:interfaces:eth0:subnet_mask: '255\.0\.0\.0' is too wide; MAAS manages networks up to /16"),
    ("networks-overlap", "1.7", put(("clusters", "cluster-a", "interfaces", "eth2"), {"management": "dhcp", "ip": "10.10.0.3", "subnet_mask": "255.255.255.128", "dynamic_range": {"low": "10.10.0.10", "high": "10.10.0.20"}}), r"maas:clusters:cluster-a:interfaces:eth\d:ip: its network .* overlaps that of maas:clusters:cluster-a:interfaces:eth\d"),
    # What exists once
    ("same-email", "3.7", put(("users", "dev"), {"email": "OPS@example.com"}), r"maas:users:dev:email: 'OPS@example\.com' is taken by maas:users:ops; each user needs its own"),
    ("admins-email", "3.7", put(("users", "ops", "email"), "admin@example.com"), r"maas:users:ops:email: 'admin@example\.com' is taken by maas:region:admin; .*"),
    ("admin-twice", "3.7", put(("users", "admin"), {"email": "x@example.com"}), r"maas:users:admin: is maas:region:admin already; name it once"),
    ("system-user", "3.7", put(("users", "MAAS"), {"email": "x@example.com"}), r"maas:users:MAAS: is a name that MAAS reserves for itself; choose another"),
    ("same-host-name", "3.7", put(("racks", "rack-a.example.org"), None), r"maas:racks:rack-a\.example\.org:hostname: 'rack-a' is that of maas:racks:rack-a\.example\.com already"),
    ("same-uuid", "1.7", put(("clusters", "cluster-b", "uuid"), "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"), r"maas:clusters:cluster-b:uuid: '0f4a\S+' is that of maas:clusters:cluster-a already"),
    ("same-cluster-name", "1.7", put(("clusters", "cluster-b", "cluster_name"), "A"), r"maas:clusters:cluster-b:cluster_name: 'A' is that of maas:clusters:cluster-a already"),
    ("selection-twice", "3.7", put((*SOURCE, "selections"), [{"os": "ubuntu", "release": "jammy"}] * 2), r"maas:boot_sources:\S+:selections:1: ubuntu/jammy is maas:boot_sources:\S+:selections:0 already"),
    ("both-keyrings", "3.7", both(put((*SOURCE, "keyring_filename"), "/k"), put((*SOURCE, "keyring_data"), "AAAA")), r"maas:boot_sources:\S+:keyring_data: cannot go with keyring_filename; it is one or the other"),
    ("no-arches", "3.7", put((*SELECTION, "arches"), []), r"maas:boot_sources:\S+:selections:0:arches: must not be empty; \* stands for all"),
    ("no-labels", "3.7", put((*SELECTION, "labels"), []), r"maas:boot_sources:\S+:selections:0:labels: must not be empty; \* stands for all"),
    # The other generation's, or another release's
    ("setting-of-1.x", "3.7", put(("settings", "ntp_server"), "x"), r"maas:settings:ntp_server: MAAS 3\.7 does not have this; it is for MAAS from 1\.5 up to 2\.0"),
    ("setting-of-3.x", "1.7", put(("settings", "enable_analytics"), False), r"maas:settings:enable_analytics: MAAS 1\.7 does not have this; it is for MAAS from 2\.1"),
    ("subnets-in-1.x", "1.7", put(("subnets",), {"10.0.0.0/24": None}), r"maas:subnets: MAAS 1\.7 does not have this; it is for MAAS from 1\.9"),
    ("uuid-in-3.x", "3.7", put(("racks", "rack-b", "uuid"), "ab"), r"maas:racks:rack-b:uuid: MAAS 3\.7 does not have this; it is for MAAS up to 1\.10"),
    ("field-of-a-later-2.x", "3.7", both(put(("release",), "2.4"), put((*NET, "allow_dns"), True)), r"maas:subnets:10\.10\.0\.0/24:allow_dns: MAAS 2\.4 does not have this; it is for MAAS from 2\.5"),
]  # fmt: skip

# id, release, how the pillar is spoilt, a text that must not be shown, expression of a line
SECRET = [
    ("api-key", "3.7", put(("api", "api_key"), "swordfish"), "swordfish", r"maas:api:api_key: \*+ must be an API key such as .*"),
    ("shared-secret", "3.7", put(("region", "shared_secret"), "swordfish"), "swordfish", r"maas:region:shared_secret: \*+ must be an even number of hexadecimal digits, .*"),
    ("number-for-a-secret", "3.7", put(("region", "shared_secret"), 12345678), "12345678", r"maas:region:shared_secret: \*+ must be .*"),
    ("admin-as-text", "3.7", put(("region", "admin"), "admin:swordfish"), "swordfish", r"maas:region:admin: \*+ must be a mapping"),
    ("users-as-list", "3.7", put(("users",), [{"password": "swordfish"}]), "swordfish", r"maas:users: \*+ must be a mapping"),
    ("password-in-url", "3.7", put(("region", "url"), "http://u:swordfish@h/MAAS"), "swordfish", r"maas:region:url: must hold no user or password"),
    ("slash-in-url-password", "3.7", put(("api", "url"), "http://u:daffo/dil@h/MAAS"), "daffo", r"maas:api:url: must hold no user or password"),
    ("password-in-source", "3.7", put(("boot_sources", "http://u:sword@fish@h/i/"), None), "fish", r"maas:boot_sources:http://\*+@h/i/: must hold no user or password"),
    ("token-in-source", "3.7", put(("boot_sources", "http://swordfish@h/i/"), None), "swordfish", r"maas:boot_sources:http://\*+@h/i/: must hold no .*"),
]  # fmt: skip


@pytest.fixture(scope="module")
def regions():
    """One region of each generation, for all pillars: nothing is ever sent to it."""
    with RegionServer(release="3.7") as new, RegionServer(release="1.7") as old:
        yield {"3.7": new, "1.7": old}


@pytest.fixture
def managed(regions, tmp_path):
    """The state ``maas_region.managed``, as the loader would have it."""
    module = load("_states/maas_region.py", {"test": False, "maas.root": str(tmp_path)})

    def run(data, release):
        server = regions[release]
        server.requests.reset()
        profile = {"url": server.url, "api_key": server.api_key}
        result = module.managed("all", data=data, profile=profile)
        return result, list(server.requests)

    return run


@pytest.mark.parametrize(
    ("release", "spoil", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in BAD],
)
def test_a_mistake_is_reported_and_nothing_is_sent(managed, release, spoil, expected):
    result, sent = managed(spoilt(release, spoil), release)

    assert result["result"] is False
    assert result["changes"] == {}
    lines = result["comment"].splitlines()
    assert any(re.fullmatch(expected, line) for line in lines), result["comment"]
    assert sent == []


def test_a_release_that_the_region_does_not_run_is_reported_before_anything_is_written(managed):
    result, sent = managed(spoilt("3.7", put(("release",), "3.6")), "3.7")

    assert result["result"] is False
    assert re.fullmatch(
        r"Nothing was changed:\n- maas:release: '3\.6' is not what the region runs, MAAS 3\.7\S*; must be '3\.7', or be left out",
        result["comment"],
    )
    assert {one.method for one in sent} <= {"GET"}


@pytest.mark.parametrize(
    ("release", "spoil", "secret", "expected"),
    [pytest.param(*case[1:], id=case[0]) for case in SECRET],
)
def test_a_wrong_secret_is_not_shown(managed, release, spoil, secret, expected):
    result, sent = managed(spoilt(release, spoil), release)

    assert result["result"] is False
    assert secret not in str(result)
    assert any(re.fullmatch(expected, line) for line in result["comment"].splitlines()), result
    assert sent == []


@pytest.mark.parametrize("data", [None, [], ["swordfish"], "swordfish", 5])
def test_a_pillar_that_is_no_mapping(data):
    (line,) = pillar.problems(data)
    assert line.startswith("maas: must be a mapping")
    assert "swordfish" not in line


@pytest.mark.parametrize(
    "name", ["ranges-overlap", "bad-email", "setting-of-1.x", "no-primary-rack", "unknown-limit"]
)
def test_one_mistake_makes_one_line(name):
    _, release, spoil, _ = next(case for case in BAD if case[0] == name)
    assert len(pillar.problems(spoilt(release, spoil))) == 1


@pytest.mark.parametrize("release", ["3.7", "1.7"])
def test_several_mistakes_are_reported_at_once(managed, release):
    names = {
        "3.7": ["unknown-section", "bad-email", "gateway-outside", "ranges-overlap", "vlan-twice",
                "setting-of-1.x", "both-keyrings", "negative-limit", "uuid-in-3.x"],
        "1.7": ["unknown-section", "bad-email", "static-over-dynamic", "same-cluster-name",
                "setting-of-3.x", "is-cluster-as-text", "subnets-in-1.x"],
    }[release]  # fmt: skip
    chosen = [case for case in BAD if case[0] in names and case[1] in (release, "3.7")]
    chosen = [(spoil, expected) for _, of, spoil, expected in chosen if of == release]
    if release == "1.7":
        shared = [case for case in BAD if case[0] in ("unknown-section", "bad-email")]
        chosen += [(case[2], case[3]) for case in shared]
    assert len(chosen) == len(names)

    result, sent = managed(spoilt(release, both(*(spoil for spoil, _ in chosen))), release)

    lines = result["comment"].splitlines()
    for _, expected in chosen:
        assert any(re.fullmatch(expected, line) for line in lines), (expected, lines)
    assert sent == []


@pytest.mark.parametrize("release", ["3.7", "1.7"])
def test_a_right_pillar_passes(release):
    assert pillar.problems(good(release)) == []


@pytest.mark.parametrize("release", ["2.2", "3.0", "3.6"])
def test_subnets_may_overlap_up_to_3_6(release):
    wide = {"release": release, "subnets": {"10.10.0.0/24": None, "10.10.0.0/16": None}}
    assert pillar.problems(wide) == []


def test_the_release_of_the_region_counts_where_the_pillar_names_none():
    mine = spoilt("1.7", drop("release"))
    assert pillar.problems(mine) == []
    assert any("does not have this" in line for line in pillar.problems(mine, Release("3.7")))


def test_references_may_stand_for_secrets():
    mine = spoilt("3.7", put(("region", "shared_secret"), "sdb://vault/secret"))
    mine["api"]["api_key"] = mine["users"]["ops"]["password"] = "sdb://vault/key"
    assert pillar.problems(mine) == []


# References that only the region can resolve

UNKNOWN = [
    ("fabric-of-subnet", put((*NET, "vlan"), "dc9/untagged"), r"maas:subnets:10\.10\.0\.0/24:vlan: 'dc9/untagged' is no VLAN of the region or of the pillar; there are: .*dc1/100.*"),
    ("vlan-of-subnet", put(("subnets", "10.20.0.0/24", "vlan"), "dc1/999"), r"maas:subnets:10\.20\.0\.0/24:vlan: 'dc1/999' is no VLAN .*"),
    ("space-of-vlan", put((*VLANS, 100, "space"), "lab"), r"maas:fabrics:dc1:vlans:100:space: 'lab' is no space of the region or of the pillar; there are: dmz"),
    ("relay", put((*VLANS, 100, "dhcp", "relay_vlan"), "dc1/77"), r"maas:fabrics:dc1:vlans:100:dhcp:relay_vlan: 'dc1/77' is no VLAN .*"),
    ("rack", both(drop("racks"), put((*DHCP, "primary_rack"), "nobody")), r"maas:fabrics:dc1:vlans:untagged:dhcp:primary_rack: 'nobody' is no rack controller .*"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "expected"), [pytest.param(*case[1:], id=case[0]) for case in UNKNOWN]
)
def test_an_unknown_reference_stops_the_run_before_any_write(managed, spoil, expected):
    data = spoilt("3.7", both(drop(*DHCP), drop(*VLANS, 100, "dhcp")))
    if "dhcp" in expected:
        data = good("3.7")
    spoil(data)

    result, sent = managed(data, "3.7")

    assert result["result"] is False
    lines = [line.lstrip("- ") for line in result["comment"].splitlines()]
    assert any(re.fullmatch(expected, line) for line in lines), result["comment"]
    assert {entry.method for entry in sent} == {"GET"}


def test_make_plan_raises_with_every_unknown_reference(regions):
    server = regions["3.7"]
    client = Client(Profile(server.url, server.api_key))
    data = {"subnets": {"10.0.0.0/24": {"vlan": "a/1"}, "10.0.1.0/24": {"vlan": "b/2"}}}
    with pytest.raises(BadInput) as raised:
        make_plan(Snapshot(client), pillar.desired_objects(data, client.release))
    assert len(raised.value.problems) == 2
