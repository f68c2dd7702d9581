"""The tables' fields and releases against what MAAS's own description of its API says."""

from __future__ import annotations

import pytest
from api_facts import facts
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.settings import SETTINGS

VERSIONS = ("1.5", "1.7", "1.9", "2.0", "2.4", "2.9", "3.0", "3.3", "3.5", "3.6", "3.7")

#: Resource type: its collection and its item, with {} for what differs.
PATHS = {
    "user": ("/users/",),
    "ssh_key": ("/account/prefs/sshkeys/",),
    "ssl_key": ("/account/prefs/sslkeys/",),
    "zone": ("/zones/", "/zones/{}/"),
    "resource_pool": ("/resourcepools/", "/resourcepool/{}/"),
    "tag": ("/tags/", "/tags/{}/"),
    "package_repository": ("/package-repositories/", "/package-repositories/{}/"),
    "script": ("/scripts/", "/scripts/{}"),
    "license_key": ("/license-keys/", "/license-key/{}/{}"),
    "notification": ("/notifications/", "/notifications/{}/"),
    "domain": ("/domains/", "/domains/{}/"),
    "space": ("/spaces/", "/spaces/{}/"),
    "fabric": ("/fabrics/", "/fabrics/{}/"),
    "vlan": ("/fabrics/{}/vlans/", "/fabrics/{}/vlans/{}/"),
    "subnet": ("/subnets/", "/subnets/{}/"),
    "ip_range": ("/ipranges/", "/ipranges/{}/"),
    "reserved_ip": ("/reservedips/", "/reservedips/{}/"),
    "static_route": ("/static-routes/", "/static-routes/{}/"),
    "dhcp_snippet": ("/dhcp-snippets/", "/dhcp-snippets/{}/"),
    "network": ("/networks/", "/networks/{}/"),
    "boot_source": ("/boot-sources/", "/boot-sources/{}/"),
    "boot_resource": ("/boot-resources/",),
    "region_controller": ("/regioncontrollers/{}/",),
    "rack": ("/rackcontrollers/{}/",),
}
#: What MAAS takes and a table does not, with the reason why.
LEFT_OUT = {
    "user": {"key"},  # an SSH key, which ssh_key is for
    "ssh_key": {"user"},  # MAAS shows nobody another one's keys
    "notification": {"user"},  # one person's, whom MAAS names by number
    "vlan": {"dhcp_on", "primary_rack", "secondary_rack", "relay_vlan"},  # type dhcp
    "subnet": {"fabric", "vid"},  # other ways to name the VLAN
    "ip_range": {"user"},
    "network": {"mac_addresses"},  # of machines
    "boot_resource": {"content", "keep_old", "size"},  # how it is sent
    "region_controller": {"power_parameters_skip_check"},
    "rack": {"power_parameters_skip_check"},
    "script": {"script_type"},  # another name of type
}
#: Identities and references that MAAS takes in another form, or in a path.
IMPLIED = {
    "vlan": {"fabric"},
    "rack": {"hostname", "power_parameters"},
    "region_controller": {"hostname", "power_parameters"},
    "domain": {"is_default"},  # by an operation of its own
    "boot_resource": {"path"},
}
#: Where the description, which follows MAAS's docstrings, is wrong or silent about a release.
UNSURE = {
    # A space is refused from 2.2 on; a description is taken before 2.5, and not shown.
    "subnet": {"space", "description"},
}


def taken(version, paths):
    """The parameters that MAAS takes for creating and changing."""
    found = set()
    for call in facts(version).calls:
        if call.path in paths and call.method in ("POST", "PUT") and call.op in (None, "new"):
            found |= call.params
    return {name for name in found if "{" not in name}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("type", PATHS)
def test_a_table_has_the_fields_of_each_release(type, version):
    table, release = BY_NAME[type], Release(version)
    theirs = taken(version, PATHS[type])
    if not table.holds_for(release):
        # From 1.9 on a network is only shown, and every change refused.
        assert not theirs or type == "network", f"{version} has it: {sorted(theirs)}"
        return
    ours = {
        field.wire_name for field in table.fields if field.writable and field.holds_for(release)
    }
    unsure = UNSURE.get(type, set())
    assert theirs - ours - LEFT_OUT.get(type, set()) - unsure == set(), "not in the table"
    assert ours - theirs - IMPLIED.get(type, set()) - unsure == set(), "not in this release"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_setting_of_each_release_is_known(version):
    theirs = facts(version).settings
    ours = {name for name, one in SETTINGS.items() if one.holds_for(Release(version))}
    # The two archives became package repositories, and still answer by their old names.
    assert ours - {"main_archive", "ports_archive"} == theirs - {"main_archive", "ports_archive"}
