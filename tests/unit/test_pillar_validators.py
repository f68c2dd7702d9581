"""Pillars of the right shape that make no sense: names, routes and content."""

# ruff: noqa: E501 -- a mistake and its message read best on one line

from __future__ import annotations

import re

import pytest
from saltext.maas import pillar
from saltext.maas.release import Release

ZONE = "maas:domains:example.com"
NET = "maas:subnets:10.10.0.0/24"
ROUTE = {"source": "10.10.0.0/24", "destination": "10.20.0.0/24", "gateway_ip": "10.10.0.1"}
MX = {"name": "@", "rrtype": "MX", "rrdata": "10 mail.example.com"}
CNAME = {"name": "ftp", "rrtype": "CNAME", "rrdata": "www.example.com"}
IMAGE = {"name": "custom/rhel9", "architecture": "amd64", "path": "/srv/rhel9.tgz"}


def zone(*records, **more):
    return {"domains": {"example.com": {"records": list(records), **more}}}


def routes(*changes):
    return {"static_routes": [{**ROUTE, **change} for change in changes]}


def reserved(ip):
    ranges = [{"type": "dynamic", "start": "10.10.0.100", "end": "10.10.0.150"}]
    own = {ip: {"mac_address": "52:54:00:00:00:01"}}
    return {
        "subnets": {"10.10.0.0/24": {"vlan": "dc1/untagged", "ranges": ranges, "reserved_ips": own}}
    }


def region_hosts(one, other, **more):
    return {"region": {"hosts": {"a": {"address": one}, "b": {"address": other, **more}}}}


def named(section, name, **values):
    return {section: {name: values}}


BAD = [
    ("ttl-differs", zone({**MX, "ttl": 60}, {**MX, "rrdata": "20 b"}), rf"{ZONE}:records:1:ttl: None must be 60 as in {ZONE}:records:0; all MX records of '@' share it"),
    ("record-twice", zone(MX, MX), rf"{ZONE}:records:1:rrdata: '10 mail.example.com' is in {ZONE}:records:0 already"),
    ("two-cnames", zone(CNAME, {**CNAME, "rrdata": "b"}), rf"{ZONE}:records:1:name: 'ftp' is a CNAME by {ZONE}:records:0 already; .*"),
    ("cname-and-mx", zone(CNAME, {**MX, "name": "ftp"}), rf"{ZONE}:records:0:name: 'ftp' has other records too; a CNAME must stand alone"),
    ("cname-and-address", zone(CNAME, resources={"ftp": {"ip_addresses": ["192.0.2.1"]}}), rf"{ZONE}:records:0:name: 'ftp' has addresses too; .*"),
    ("two-defaults", {"domains": {"a": {"is_default": True}, "b": {"is_default": True}}}, r"maas:domains:b:is_default: there is one default domain, and maas:domains:a is it already"),
    ("forwarders", zone(forward_dns_servers=["192.0.2.1"]), rf"{ZONE}:forward_dns_servers: needs authoritative: false; .*"),
    ("route-to-itself", routes({"destination": "10.10.0.0/24"}), r"maas:static_routes:0:destination: '10.10.0.0/24' must be another subnet than source"),
    ("route-family", routes({"destination": "2001:db8::/64"}), r"maas:static_routes:0:destination: '2001:db8::/64' must be of source's address family"),
    ("route-gateway", routes({"gateway_ip": "10.20.0.1"}), r"maas:static_routes:0:gateway_ip: '10.20.0.1' must be an address within 10.10.0.0/24"),
    ("route-twice", routes({}, {"metric": 5}), r"maas:static_routes:1: is the same route as maas:static_routes:0"),
    ("reserved-outside", reserved("10.20.0.5"), rf"{NET}:reserved_ips:10.20.0.5: '10.20.0.5' must be an address within 10.10.0.0/24"),
    ("reserved-broadcast", reserved("10.10.0.255"), rf"{NET}:reserved_ips:10.10.0.255: .* must not be the network or broadcast address .*"),
    ("reserved-dynamic", reserved("10.10.0.120"), rf"{NET}:reserved_ips:10.10.0.120: must not lie in the dynamic range {NET}:ranges:0"),
    ("snippet-of-two", named("dhcp_snippets", "a", value="x;", subnet="10.0.0.0/24", node="n"), r"maas:dhcp_snippets:a:node: cannot go with subnet; it is one or the other"),
    ("snippet-range", named("dhcp_snippets", "a", value="x;", iprange="10.0.0.1-10.0.0.9"), r"maas:dhcp_snippets:a:subnet: is missing; iprange '10.0.0.1-10.0.0.9' requires it"),
    ("archive-components", named("package_repositories", "main_archive", components=["main"]), r"maas:package_repositories:main_archive:components: is not for main_archive; .*"),
    ("archive-off", named("package_repositories", "ports_archive", enabled=False), r"maas:package_repositories:ports_archive:enabled: MAAS cannot do without ports_archive"),
    ("own-repository", named("package_repositories", "a", disabled_components=["universe"]), r"maas:package_repositories:a:disabled_components: is for main_archive and ports_archive only"),
    ("release-script", {"release": "3.4", **named("scripts", "a", type="release")}, r"maas:scripts:a:type: 'release' must be one of: commissioning, testing"),
    ("deployment-script", {"release": "3.7", **named("scripts", "a", type="deployment")}, r"maas:scripts:a:type: 'deployment' must be one of: commissioning, testing, release"),
    ("unseen", named("notifications", "a", message="m", admins=False), r"maas:notifications:a:users: must be true where admins is false; no user would see it"),
    ("image-name", {"release": "3.7", "boot_resources": [{**IMAGE, "name": "ubuntu/jammy"}]}, r"maas:boot_resources:0:name: 'ubuntu/jammy' is a name that MAAS reserves for imported images"),
    ("region-host-name", region_hosts("192.0.2.1", "192.0.2.2", hostname="a"), r"maas:region:hosts:b:hostname: 'a' is that of maas:region:hosts:a already"),
    ("region-host-address", region_hosts("192.0.2.1", "192.0.2.1"), r"maas:region:hosts:b:address: '192.0.2.1' is that of maas:region:hosts:a already"),
    ("image-twice", {"boot_resources": [IMAGE, {**IMAGE, "architecture": "amd64/generic"}]}, r"maas:boot_resources:1: is the same image as maas:boot_resources:0"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), [pytest.param(*one[1:], id=one[0]) for one in BAD])
def test_what_maas_would_refuse_is_reported_once(data, expected):
    release = Release(data.get("release", "3.7"))
    (line,) = pillar.problems(data, release)
    assert re.fullmatch(expected, line), line


def test_what_maas_takes_is_not_reported():
    data = {
        **zone(
            MX, {**MX, "rrdata": "20 b"}, CNAME, resources={"www": {"ip_addresses": ["192.0.2.1"]}}
        ),
        **routes({}, {"gateway_ip": "10.10.0.2"}),
        **reserved("10.10.0.7"),
        **named("dhcp_snippets", "a", value="x;", subnet="10.10.0.0/24"),
        **named("package_repositories", "main_archive", disabled_components=["universe"]),
        "boot_resources": [IMAGE, {**IMAGE, "architecture": "arm64"}],
    }
    assert pillar.problems(data, Release("3.7")) == []


@pytest.mark.parametrize("gateway", ["10.10.0.1", None])
def test_from_1_9_on_a_router_is_the_gateway_of_its_subnet(gateway):
    eth0 = {"management": "unmanaged", "ip": "10.10.0.2", "subnet_mask": "255.255.255.0",
            "router_ip": "10.10.0.254"}  # fmt: skip
    data = {
        "release": "1.9",
        "subnets": {"10.10.0.0/24": {"gateway_ip": gateway}},
        "clusters": {"a": {"interfaces": {"eth0": eth0}}},
    }
    assert pillar.problems(data) == [
        f"maas:clusters:a:interfaces:eth0:router_ip: '10.10.0.254' must be {gateway!r} as in "
        f"{NET}:gateway_ip; MAAS keeps one address for both"
    ]
    data["subnets"]["10.10.0.0/24"]["gateway_ip"] = "10.10.0.254"
    assert pillar.problems(data) == []
