"""What MAAS takes, release by release: told by the pillar's check, by each state and by the plan."""

# ruff: noqa: E501 -- a case and its message read best on one line

from __future__ import annotations

import base64

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, state_helpers
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan
from saltext.maas.release import SERIES, Release
from saltext.maas.resources import rules, settings
from saltext.maas.resources.account import SshKey
from saltext.maas.resources.xpath import is_xpath
from support.reconciling import SHORT, carried_out, errors, planned, rack, snapshot_of

HEADER = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# {}\n# --- End MAAS 1.0 script metadata ---\n"
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops"


def key_of(*parts):
    """A public SSH key made of a type and what follows it."""
    blob = b"".join(len(one).to_bytes(4, "big") + one for one in map(str.encode, parts))
    return f"{parts[0]} {base64.b64encode(blob).decode()} ops"


TOKEN = key_of("sk-ssh-ed25519@openssh.com", "k" * 32, "ssh:")
DSA = key_of("ssh-dss", "p" * 128, "q" * 20, "g" * 128, "y" * 128)
KEY = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"


def within(section, name, /, **values):
    return {section: {name: values or None}}


def vlan(**values):
    return within("fabrics", "dc1", vlans={401: values})


def record(rrtype, rrdata, /, **more):
    return within(
        "domains",
        "example.com",
        records=[{"name": "a", "rrtype": rrtype, "rrdata": rrdata, **more}],
    )


def setting(name, value):
    return {"settings": {name: value}}


# id, release, pillar, how the line that tells of it begins, or None where MAAS takes it
CASES = [
    ("vlan-sign", "3.7", vlan(name="<"), "maas:fabrics:dc1:vlans:401:name: '<' must be letters"),
    ("vlan-dash", "3.7", vlan(name="-x"), "maas:fabrics:dc1:vlans:401:name: '-x' must be"),
    ("vlan-dash-2.3", "2.3", vlan(name="-x"), None),
    ("vlan-blank", "3.7", vlan(name="a b"), None),
    ("vlan-unicode-1.9", "1.9", vlan(name="Büro"), "maas:fabrics:dc1:vlans:401:name: 'Büro' must be ASCII"),
    ("vlan-unicode", "3.7", vlan(name="Büro"), None),
    ("fabric-blank", "3.7", within("fabrics", "a b"), "maas:fabrics:a b: 'a b' must be a word of letters"),
    ("fabric-class", "3.7", within("fabrics", "fc", class_type="<"), "maas:fabrics:fc:class_type: '<' must be"),
    ("space-blank", "3.7", within("spaces", "a b"), "maas:spaces:a b: 'a b' must be a word"),
    ("subnet-sign", "3.7", within("subnets", "10.4.0.0/24", name="<"), "maas:subnets:10.4.0.0/24:name: '<' must be"),
    ("zone-blank", "3.7", within("zones", "a b"), None),
    ("zone-blank-2.3", "2.3", within("zones", "a b"), "maas:zones:a b: 'a b' must be a word"),
    ("zone-dot", "3.7", within("zones", "a.b"), "maas:zones:a.b: 'a.b' must be letters"),
    ("zone-unicode-1.7", "1.7", within("zones", "Büro"), "maas:zones:Büro: 'Büro' must be a word of ASCII"),
    ("pool-dash", "3.7", within("resource_pools", "-x"), "maas:resource_pools:-x: '-x' must be"),
    ("pool-end", "3.7", within("resource_pools", "x-"), None),
    ("tag-unicode", "3.7", within("tags", "Büro"), "maas:tags:Büro: 'Büro' must be a word of ASCII letters"),
    ("tag-xpath", "1.5", within("tags", "a", definition="//node["), "maas:tags:a:definition: '//node[' must be an XPath"),
    ("tag-xpath-right", "3.7", within("tags", "a", definition="count(//node[@id='cpu']) > 2"), None),
    ("script-blank", "3.7", within("scripts", "a b", script="#!/bin/sh"), "maas:scripts:a b: 'a b' must be a name without blanks"),
    ("script-blank-2.2", "2.2", within("scripts", "a b", script="#!/bin/sh"), None),
    ("script-unicode", "3.7", within("scripts", "Ünï", script="#!/bin/sh"), "maas:scripts:Ünï: 'Ünï' must be"),
    ("script-number", "3.7", within("scripts", "12", script="#!/bin/sh"), "maas:scripts:12: '12' must be a name that is neither"),
    ("script-shebang", "3.7", within("scripts", "a", script="#!bin"), "maas:scripts:a:script: '#!bin' must be a script that starts with #!/"),
    ("script-hardware", "3.7", within("scripts", "a", script="#!/bin/sh", for_hardware=["nope"]), "maas:scripts:a:for_hardware: ['nope'] must be modalias"),
    ("script-hardware-right", "3.7", within("scripts", "a", script="#!/bin/sh", for_hardware=["pci:8086:1234", "system_vendor:X"]), None),
    ("script-header", "3.7", within("scripts", "a", script=HEADER.format("a: ["),), "maas:scripts:a:script: has a header that is no YAML"),
    ("script-header-other", "3.7", within("scripts", "a", script=HEADER.format("title: X"), title="Y"), "maas:scripts:a:title: 'Y' is not what the script's header says"),
    ("script-header-same", "3.7", within("scripts", "a", script=HEADER.format("title: X"), title="X"), None),
    ("notification-gap", "3.7", within("notifications", "n", message="{a}", context={"b": 1}), "maas:notifications:n:message: cannot be filled in: 'a' is not in the context"),
    ("notification-brace", "3.7", within("notifications", "n", message="50% {", context={"b": 1}), "maas:notifications:n:message: cannot be filled in"),
    ("notification-right", "3.7", within("notifications", "n", message="{{x}} {b}", context={"b": 1}), None),
    ("notification-long", "3.7", within("notifications", "n" * 41, message="m"), "maas:notifications:" + "n" * 41 + ": "),
    ("repository-arch", "3.7", within("package_repositories", "r", url="http://x.example.com/", arches=["nope"]), "maas:package_repositories:r:arches: ['nope'] must be one of: amd64"),
    ("repository-s390x-2.4", "2.4", within("package_repositories", "r", url="http://x.example.com/", arches=["s390x"]), "maas:package_repositories:r:arches: ['s390x'] must be"),
    ("repository-url", "3.7", within("package_repositories", "r", url="http://x"), "maas:package_repositories:r:url: 'http://x' must be a URL"),
    ("repository-ppa", "3.7", within("package_repositories", "r", url="ppa:me/tools"), None),
    ("repository-pocket", "3.7", within("package_repositories", "main_archive", disabled_pockets=["x"]), "maas:package_repositories:main_archive:disabled_pockets: ['x'] must be one of: updates"),
    ("dns-dot", "3.7", within("domains", "example.com", resources={"x.y": {"ip_addresses": ["10.0.0.1"]}}), "maas:domains:example.com:resources:x.y: 'x.y' must be one label"),
    ("dns-dot-3.1", "3.1", within("domains", "example.com", resources={"x.y": {"ip_addresses": ["10.0.0.1"]}}), None),
    ("dns-underscore", "3.7", within("domains", "example.com", resources={"_sip._tcp": {"ip_addresses": ["10.0.0.1"]}}), "maas:domains:example.com:resources:_sip._tcp: "),
    ("dns-star", "3.7", within("domains", "example.com", resources={"*": {"ip_addresses": ["10.0.0.1"]}}), None),
    ("dns-srv", "3.7", record("SRV", "1 2 3"), "maas:domains:example.com:records:0:rrdata: '1 2 3' must be a priority, weight"),
    ("dns-srv-none", "3.7", record("SRV", "1 2 3 ."), None),
    ("dns-mx", "2.0", record("MX", "mail.example.com"), "maas:domains:example.com:records:0:rrdata: 'mail.example.com' must be a priority and a server"),
    ("dns-mx-high", "3.7", record("MX", "70000 mail.example.com"), "maas:domains:example.com:records:0:rrdata: "),
    ("dns-cname", "3.7", record("CNAME", "a b"), "maas:domains:example.com:records:0:rrdata: 'a b' must be the name of a server"),
    ("dns-ns", "3.7", record("NS", "a_b"), "maas:domains:example.com:records:0:rrdata: 'a_b' must be"),
    ("dns-sshfp", "3.7", record("SSHFP", "1 1"), "maas:domains:example.com:records:0:rrdata: '1 1' must be"),
    ("dns-txt", "3.7", record("TXT", "whatever: it is"), None),
    ("ttl-0-record", "3.7", record("TXT", "x", ttl=0), None),
    ("ttl-0-addresses", "3.7", within("domains", "example.com", resources={"a": {"ip_addresses": ["10.0.0.1"], "address_ttl": 0}}), None),
    ("ttl-0-domain", "3.7", within("domains", "example.com", ttl=0), "maas:domains:example.com:ttl: 0 must be a whole number from 1 to 604800"),
    ("ttl-0-domain-2.3", "2.3", within("domains", "example.com", ttl=0), None),
    ("ttl-long", "3.7", record("TXT", "x", ttl=2**31), "maas:domains:example.com:records:0:ttl: 2147483648 must be"),
    ("domain-own", "3.7", within("domains", "maas-internal"), "maas:domains:maas-internal: is the domain that MAAS reserves for itself"),
    ("boot-architecture", "3.7", within("subnets", "10.4.0.0/24", disabled_boot_architectures=["nope"]), "maas:subnets:10.4.0.0/24:disabled_boot_architectures: ['nope'] must be one of: pxe"),
    ("boot-architecture-code", "3.7", within("subnets", "10.4.0.0/24", disabled_boot_architectures=["00:07", "0x0B"]), None),
    ("source-url", "3.7", within("boot_sources", "http://images/"), "maas:boot_sources:http://images/: 'http://images/' must be a URL"),
    ("license-system", "3.7", {"license_keys": [{"osystem": "ubuntu", "distro_series": "win2016", "license_key": KEY}]}, "maas:license_keys:0:osystem: 'ubuntu' must be one of: windows"),
    ("license-series", "1.7", {"license_keys": [{"osystem": "windows", "distro_series": "win2016", "license_key": KEY}]}, "maas:license_keys:0:distro_series: 'win2016' must be one of: win2012, win2012r2"),
    ("license-key", "3.7", {"license_keys": [{"osystem": "windows", "distro_series": "win2016", "license_key": "swordfish"}]}, "maas:license_keys:0:license_key: ********** must be five groups"),
    ("ssh-ed25519-1.10", "1.10", {"ssh_keys": [ED25519]}, "maas:ssh_keys:0: "),
    ("ssh-ed25519", "2.0", {"ssh_keys": [ED25519]}, None),
    ("ssh-rsa", "1.5", {"ssh_keys": [SshKey.example["key"]]}, None),
    ("ssh-cut", "3.7", {"ssh_keys": [ED25519[:60]]}, "maas:ssh_keys:0: "),
    ("ssh-sk", "3.7", {"ssh_keys": [TOKEN]}, "maas:ssh_keys:0: "),
    ("ssh-sk-3.8", "3.8", {"ssh_keys": [TOKEN]}, None),
    ("ssh-dss", "3.7", {"ssh_keys": [DSA]}, None),
    ("ssh-dss-3.8", "3.8", {"ssh_keys": [DSA]}, "maas:ssh_keys:0: "),
    ("power-type", "2.4", within("region_controllers", "r", power_type="redfish"), "maas:region_controllers:r:power_type: 'redfish' must be one of: amt"),
    ("rack-power-type", "3.7", within("racks", "a", power_type="nope"), "maas:racks:a:power_type: 'nope' must be one of: amt"),
    ("user-name", "1.9", within("users", "u" * 31, email="a@b"), "maas:users:" + "u" * 31 + ": "),
    ("cluster-zone", "1.9", within("clusters", "a", dns_zone="a b"), "maas:clusters:a:dns_zone: 'a b' must be a domain name"),
    ("cluster-interface", "1.9", within("clusters", "a", interfaces={"eth 4": {"management": "unmanaged", "ip": "10.0.0.1"}}), "maas:clusters:a:interfaces:eth 4: 'eth 4' must be a name of ASCII letters"),
    ("port-reserved", "3.7", setting("maas_syslog_port", 5260), "maas:settings:maas_syslog_port: 5260 must be a port from 1024 on"),
    ("port-own", "3.7", setting("maas_syslog_port", 5247), None),
    ("port-3.6", "3.6", setting("maas_proxy_port", 5280), None),
    ("port-3.7", "3.7", setting("maas_proxy_port", 5280), "maas:settings:maas_proxy_port: 5280 must be"),
    ("cipher", "3.7", setting("maas_auto_ipmi_cipher_suite_id", "4"), "maas:settings:maas_auto_ipmi_cipher_suite_id: '4' must be one of: 17, 3, 8, 12"),
    ("cipher-number", "3.7", setting("maas_auto_ipmi_cipher_suite_id", 17), None),
    ("sync", "3.7", setting("hardware_sync_interval", "xx"), "maas:settings:hardware_sync_interval: 'xx' must be an interval"),
    ("sync-right", "3.7", setting("hardware_sync_interval", "1h 30m"), None),
    ("session", "3.7", setting("session_length", 5), "maas:settings:session_length: 5 must be a whole number from 10 to 1209600"),
    ("flags", "3.7", setting("maas_auto_ipmi_workaround_flags", ["nope"]), "maas:settings:maas_auto_ipmi_workaround_flags:0: 'nope' must be one of: opensesspriv"),
    ("discovery", "3.7", setting("active_discovery_interval", 601), "maas:settings:active_discovery_interval: 601 must be one of: 0, 600"),
    ("kms", "3.7", setting("windows_kms_host", "a b"), "maas:settings:windows_kms_host: 'a b' must be a host name"),
    ("ntp-1.5", "1.5", setting("ntp_server", "ntp.ubuntu.com"), "maas:settings:ntp_server: 'ntp.ubuntu.com' must be one IP address"),
    ("ntp-1.6", "1.6", setting("ntp_server", "ntp.ubuntu.com"), None),
    ("ntp-underscore", "3.7", setting("ntp_servers", ["a_b"]), "maas:settings:ntp_servers: 'a_b' must be a list of host names"),
    ("dns-1.7", "1.7", setting("upstream_dns", ["192.0.2.1", "192.0.2.2"]), "maas:settings:upstream_dns: '192.0.2.1 192.0.2.2' must be one IP address"),
    ("dns-1.8", "1.8", setting("upstream_dns", ["192.0.2.1", "192.0.2.2"]), None),
    ("acl", "3.7", setting("dns_trusted_acl", ["10.0.0.0/8", "ns.example.com"]), None),
    ("proxy-host", "3.7", setting("http_proxy", "http://proxy:3128"), "maas:settings:http_proxy: 'http://proxy:3128' must be a URL"),
    ("proxy-password-1.9", "1.9", setting("http_proxy", "http://u:p@proxy.example.com:3128"), "maas:settings:http_proxy: "),
    ("proxy-password", "3.7", setting("http_proxy", "http://u:p@proxy.example.com:3128"), None),
    ("layout-1.9", "1.9", setting("default_storage_layout", "vmfs6"), "maas:settings:default_storage_layout: 'vmfs6' must be one of: flat, lvm, bcache"),
    ("layout-3.0", "3.0", setting("default_storage_layout", "custom"), "maas:settings:default_storage_layout: 'custom' must be"),
    ("series-1.5", "1.5", setting("default_distro_series", "xenial"), "maas:settings:default_distro_series: 'xenial' must be one of: precise"),
    ("series-system", "3.7", {"settings": {"default_osystem": "centos", "default_distro_series": "ubuntu/jammy"}}, "maas:settings:default_distro_series: 'ubuntu/jammy' must be of default_osystem"),
    ("key-no", "3.7", {"zones": {False: None}}, "maas:zones:False: YAML reads this key as true or false"),
    ("key-null", "3.7", {"fabrics": {None: None}}, "maas:fabrics:None: YAML reads this key as nothing"),
    ("key-float", "3.7", {"tags": {1.5: None}}, "maas:tags:1.5: YAML reads this key as a number"),
    ("release-1.10", "3.7", {"release": 1.10}, "maas:release: 1.1 must be a MAAS release, 1.5 or later, quoted, such as '3.7'; without quotes YAML reads 1.10 as 1.1"),
    ("release-word", "3.7", {"release": "three"}, "maas:release: 'three' must be a MAAS release"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("release", "data", "told"), [pytest.param(*one[1:], id=one[0]) for one in CASES]
)
def test_the_pillar_s_check_tells_it_once(release, data, told):
    lines = pillar.problems(data, Release(release))
    assert len(lines) == (told is not None), lines
    assert not told or lines[0].startswith(told)


def test_what_no_release_takes_is_told_without_one():
    assert pillar.problems(within("tags", "a", definition="a b")) != []
    assert pillar.problems(within("zones", "a b")) == []


@pytest.fixture(scope="module")
def region():
    with RegionServer(release="3.7") as server:
        yield server


@pytest.mark.parametrize(
    ("type", "name", "values", "told"),
    [
        ("fabric", "a b", {}, "fabric a b: 'a b' must be a word"),
        ("subnet", "10.0.0.0/24", {"vlan": ""}, "subnet 10.0.0.0/24:vlan: cannot be cleared"),
        ("setting", "node_timeout", {"value": ""}, None),
        ("setting", "maas_name", {"value": ""}, "setting maas_name: cannot be cleared"),
        ("dns_record", "a.example.com", {"rrtype": "MX", "rrdata": "x"}, "dns_record a.example.com:rrdata: "),
        ("package_repository", "x", {"disabled_components": ["universe"]}, "package_repository x:disabled_components: is for"),
    ],
)  # fmt: skip
def test_a_state_is_told_it_too(region, type, name, values, told):
    region.requests.reset()
    if told is None:
        make_plan(snapshot_of(region), [desired_named(type, name, values)])
        return
    with pytest.raises(BadInput) as caught:
        make_plan(snapshot_of(region), [desired_named(type, name, values)])
    assert caught.value.problems[0].startswith(told)
    assert {entry.path for entry in region.requests} == {"/MAAS/api/2.0/version/"}


@pytest.mark.parametrize(
    ("type", "values"),
    [("fabric", {"name": "fabric-77"}), ("space", {"name": "space-9"}), ("space", {"name": "undefined"})],
)  # fmt: skip
def test_a_name_that_maas_reserves_is_reported_in_the_plan(region, type, values):
    (problem,) = make_plan(snapshot_of(region), [desired_object(type, values)]).problems()
    assert "reserves the name" in problem


def test_a_license_key_without_its_image_is_told_in_the_plan(region):
    desired = desired_object(
        "license_key", {"osystem": "windows", "distro_series": "win2016", "license_key": KEY}
    )
    (problem,) = make_plan(snapshot_of(region), [desired]).problems()
    assert (
        problem
        == "license key windows/win2016: MAAS takes a key only once it has an image of windows"
    )


def test_power_parameters_that_are_missing_are_told_in_the_plan(region):
    rack(region, "powered", "10.9.0.2")
    bare = {"racks": {"powered": {"power_type": "ipmi"}}}
    (problem,) = planned(region, bare)[1].problems()
    assert (
        problem == "rack controller powered: power_parameters: power_address is missing, for ipmi"
    )
    bare["racks"]["powered"]["power_parameters"] = {"power_address": "192.0.2.9"}
    carried_out(region, bare)
    del bare["racks"]["powered"]["power_parameters"]
    assert not planned(region, bare)[1]


# Settings


@pytest.mark.parametrize("said", ["trusty", "ubuntu/trusty"])
@pytest.mark.parametrize(
    ("release", "sent"), [("1.5", "trusty"), ("1.6", "ubuntu/trusty"), ("1.7", "ubuntu/trusty"), ("1.9", "trusty"), ("3.7", "trusty")]
)  # fmt: skip
def test_a_series_is_sent_in_the_form_that_the_release_takes(release, sent, said):
    class Run:
        class snapshot:
            release = None

        class plan:
            @staticmethod
            def desired(type):
                return [desired_object("setting", {"name": "default_osystem", "value": "ubuntu"})]

    Run.snapshot.release = Release(release)
    assert settings._sent(Run, "default_distro_series", said) == sent
    assert settings._sent(Run, "commissioning_distro_series", said) == "trusty"


def test_a_series_in_either_form_is_the_same():
    with RegionServer(release="3.7") as server:
        for said in ("noble", "ubuntu/noble"):
            assert not planned(server, setting("default_distro_series", said))[1]


def test_a_series_without_an_image_is_told_in_the_plan():
    with RegionServer(release="3.7") as server:
        _, plan = planned(server, setting("commissioning_distro_series", "jammy"))
        (problem,) = plan.problems()
        assert "MAAS has no image yet" in problem


def test_settings_that_depend_on_each_other_go_in_order():
    names = (
        "default_distro_series",
        "default_osystem",
        "default_min_hwe_kernel",
        "commissioning_distro_series",
    )
    desired = [desired_object("setting", {"name": name, "value": "x"}) for name in names]
    desired += [desired_object("setting", {"name": "http_proxy", "value": "http://p.example.com"}),
               desired_object("setting", {"name": "use_peer_proxy", "value": True})]  # fmt: skip
    with RegionServer(release="3.7") as server:
        snapshot = snapshot_of(server)
        plan = make_plan(snapshot, desired)
        needs = {change.desired.key: {key for _, key in change.requires} for change in plan.changes}
        assert "default_osystem" in needs["default_distro_series"]
        assert "commissioning_distro_series" in needs["default_min_hwe_kernel"]
        assert "http_proxy" in needs["use_peer_proxy"]
        assert all(
            ("image", "*") in change.requires
            for change in plan.changes
            if change.desired.key in names
        )


def test_flags_go_as_a_list_in_json(region):
    region.requests.reset()
    carried_out(region, setting("maas_auto_ipmi_workaround_flags", ["opensesspriv", "authcap"]))
    (write,) = region.requests.writes()
    assert write.status == 200
    carried_out(region, setting("maas_auto_ipmi_workaround_flags", []))


def test_defaults_are_those_of_the_release():
    assert settings.SETTINGS["ntp_server"].default_of(Release("1.5")) == "91.189.94.4"
    assert settings.SETTINGS["ntp_server"].default_of(Release("1.6")) == "ntp.ubuntu.com"
    assert settings.SETTINGS["curtin_verbose"].default_of(Release("1.9")) is False
    assert settings.SETTINGS["curtin_verbose"].default_of(Release("3.7")) is True
    for name, one in settings.SETTINGS.items():
        for series in map(Release, SERIES):
            if one.holds_for(series):
                settings.normal(name, one.default_of(series))


def test_an_address_of_a_proxy_is_compared_as_1x_keeps_it():
    same = {
        settings.normal("http_proxy", text)
        for text in (
            "http://p.example.com:3128",
            "http://p.example.com:3128/",
            "p.example.com:3128",
        )
    }
    assert same == {"http://p.example.com:3128"}
    assert settings.normal("kernel_opts", True) == "true"  # 1.x makes JSON of a text that is some


# What else MAAS does otherwise than a form says


def test_boot_architectures_go_as_one_field(region):
    values = {"cidr": "10.44.0.0/24", "disabled_boot_architectures": ["00:07", "pxe"]}
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_object("subnet", values)])
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    raw = snapshot_of(region).records("subnet")["10.44.0.0/24"].raw
    assert sorted(raw["disabled_boot_architectures"]) == ["pxe", "uefi_amd64_tftp"]


def test_what_a_script_s_header_says_too_is_not_sent(region):
    text = HEADER.format("{destructive: true, hardware_type: 3, title: Fans}")
    values = {
        "script": text,
        "destructive": True,
        "hardware_type": "storage",
        "title": "Fans",
        "tags": ["x"],
    }
    carried_out(region, within("scripts", "header", **values))


def test_lists_of_repositories_are_cleared_with_json(region):
    data = within(
        "package_repositories",
        "lists",
        url="http://x.example.com/",
        components=["main"],
        distributions=["jammy"],
    )
    carried_out(region, data)
    carried_out(region, within("package_repositories", "lists", components=[], distributions=None))


# The API's user


@pytest.mark.parametrize("release", ["1.7", "3.7"])
@pytest.mark.parametrize("test", [True, False])
def test_the_key_of_an_ordinary_user_is_told_in_one_message(release, test, tmp_path):
    with RegionServer(release=release) as server:
        admin = Client(Profile(server.url, server.api_key))
        admin.post(
            "users/", data={"username": "plain", "email": "p@b", "password": "x", "is_superuser": 0}
        )
        key = server.region.new_api_key("plain")
        dunders = {
            "__opts__": {"test": test, "maas.root": str(tmp_path)},
            "__pillar__": {},
            "__salt__": {},
            "__context__": {},
            "__grains__": {},
        }
        profile = {"url": server.url, "api_key": key}
        desired = [desired_object("zone", {"name": name}) for name in ("a", "b")]
        server.requests.reset()
        result = state_helpers.guarded(
            "x", lambda: state_helpers.reconcile(dunders, "x", desired, profile)
        )
        assert result["result"] is False
        assert result["changes"] == {}
        assert "the API key is that of an ordinary user" in result["comment"]
        assert server.requests.writes() == []
        own = state_helpers.reconcile(
            dunders, "x", [desired_object("ssh_key", SshKey.example)], profile
        )
        assert own["result"] is (None if test else True)


# The rules themselves


@pytest.mark.parametrize("text", [
    "//node", "/", "..", "@x", "count(//node[@class='processor']) > 2", "a | b", "(//a)[1]/b", "-1",
    "child::a", "a and b or c", "$v + 1", "p:*", "f:g(1, 'x')", "* * *", "text()", ".5 div 2.",
    "processing-instruction('x')",
])  # fmt: skip
def test_xpath(text):
    assert is_xpath(text)


@pytest.mark.parametrize("text", [
    "", "//node[", "a b", "//", "[", "a]", "1 +", "::a", "x::a", "a/", "a == b", "a && b", ".[1]",
    "@", "a[]", "p:q:r", "$", "f(1,)", "//node[@id='x]", "()", "comment(1)", "1 2", "(" * 5000,
])  # fmt: skip
def test_no_xpath(text):
    assert not is_xpath(text)


@pytest.mark.parametrize(("text", "fits"), [
    ("http://10.0.0.1/x", True), ("http://localhost:3128", True), ("https://[2001:db8::1]/", True),
    ("http://a.example", True), ("http://a_b.example.com/", False), ("http://host/", False),
    ("ssh://a.example.com", False), ("http://a.example.com:x/", False), ("http://a.example.com/a b", False),
    ("http://-a.example.com", False), ("http://1.2.3", False), ("", False),
])  # fmt: skip
def test_urls(text, fits):
    assert rules.is_url(text) is fits


def test_a_rule_leaves_a_reference_to_a_secret_alone():
    rule = rules.longest(3)
    assert not rule.broken_by("sdb://vault/kg", Release("3.7"))
    assert rule.broken_by("long", Release("3.7"))
