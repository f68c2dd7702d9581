"""Everything that is wrong with a pillar, at once and before anything is done."""

from __future__ import annotations

import difflib
import ipaddress
import re

from saltext.maas.client.errors import BadInput
from saltext.maas.client.profile import url_problems
from saltext.maas.pillar.schema import schema, shown
from saltext.maas.release import Release, known
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.kinds import ADDRESS, ADDRESSES, BLOB, MAC, NETMASK, NETWORK
from saltext.maas.resources.settings import SETTINGS
from saltext.maas.resources.table import fabric_vid

ROOT = "maas"


def check(pillar: dict, release: Release | None = None) -> None:
    """Refuse a wrong pillar.

    Args:
        pillar: The mapping under ``maas``.
        release: The region's release, where the pillar does not say it.

    Raises:
        BadInput: With one line for each mistake.
    """
    found = problems(pillar, release)
    if found:
        raise BadInput(found)


def problems(pillar: dict, release: Release | None = None) -> list[str]:
    """List a pillar's mistakes: path, value and what is allowed, one line each."""
    if not isinstance(pillar, dict):
        return [f"{ROOT}: must be a mapping, not {pillar!r}"]
    pillar = _plain(pillar)
    found = _against_schema(pillar)
    if found:
        return found
    if pillar.get("release") is not None:
        release = known(pillar["release"])
    return [
        *(_of_release(pillar, release) if release else ()),
        *_users(pillar),
        *_networks(pillar),
        *_dhcp(pillar),
        *_clusters(pillar),
        *_sources(pillar),
    ]


# Shape


def _against_schema(pillar):
    import jsonschema  # takes a while to import, and only whole pillars are checked

    checker = jsonschema.FormatChecker(formats=())
    for name, test in _FORMATS.items():
        checker.checks(name, raises=ValueError)(_only_text(test))
    validator = jsonschema.Draft7Validator(schema(), format_checker=checker)
    found = {}
    for error in validator.iter_errors(pillar):
        for where, text in _told(error):
            found.setdefault((where, text), None)
    return [f"{where}: {text}" for where, text in sorted(found)]


def _only_text(test):
    """What is no text is the type check's to refuse."""

    def checked(value):
        if value is None or isinstance(value, dict):
            return True
        # A test says no by raising, or by returning False or None.
        said = test(value if isinstance(value, list) else str(value))
        return said is not None and said is not False

    return checked


def _plain(value):
    """The pillar with text for keys, since YAML reads ``100:`` as a number."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


_FORMATS = {
    "address": ADDRESS.clean,
    "addresses": ADDRESSES.clean,
    "base64": BLOB.clean,
    "email": re.compile(r"^[^@\s]+@[^@\s]+$").match,
    "hex": re.compile(r"^([0-9a-fA-F]{2})+$").match,
    "mac": MAC.clean,
    "netmask": NETMASK.clean,
    "network": NETWORK.clean,
    "release": known,
    "url": lambda value: not url_problems(value),
    "uuid": re.compile(r"^[A-Za-z0-9-]{1,36}$").match,
    "vlan": fabric_vid,
}


def _told(error):
    """Turn one of jsonschema's errors into ``(path, sentence)`` pairs."""
    where = ":".join([ROOT, *map(str, error.absolute_path)])
    node = error.schema
    if error.validator == "additionalProperties":
        for key in sorted(error.instance.keys() - node["properties"].keys()):
            yield f"{where}:{key}", f"unknown key; {_allowed_keys(key, node['properties'])}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield f"{where}:{key}", f"is missing; {node['properties'][key].get('doc', '')}"
    elif error.parent is not None or "propertyNames" in error.schema_path:
        yield f"{where}:{error.instance}", f"{error.instance!r} must be {node['allowed']}"
    elif isinstance(error.validator_value, (list, str)) and error.validator == "type":
        yield where, f"{_short(node, error.instance)} must be {_kind(node)}"
    elif error.validator == "minLength":
        yield where, "must not be empty"
    else:
        yield where, f"{_short(node, error.instance)} must be {node['allowed']}"


def _allowed_keys(key, properties):
    if len(properties) <= 20:
        return f"allowed: {', '.join(sorted(properties))}"
    close = difflib.get_close_matches(key, properties, n=5, cutoff=0.5)
    near = f"closest: {', '.join(close)}" if close else "none is like it"
    return f"{near} (of {len(properties)}, see the pillar reference)"


def _kind(node):
    if "allowed" in node:
        return node["allowed"]
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return {"object": "a mapping", "array": "a list", "string": "text"}.get(kinds[0], kinds[0])


def _short(node, value):
    text = shown(node, value)
    return text if len(text) <= 60 else text[:57] + "..."


# Sense


def _of_release(pillar, release):
    """What this release does not have."""
    needs = {
        "spaces": "space", "fabrics": "fabric", "subnets": "subnet", "boot_sources": "boot_source",
    }  # fmt: skip
    for key, type in needs.items():
        if pillar.get(key) and not BY_NAME[type].holds_for(release):
            span = f"{key} are there from {BY_NAME[type].since} on"
            yield f"{ROOT}:{key}: MAAS {release} has none; {span}"
    for name in pillar.get("settings") or {}:
        setting = SETTINGS[name]
        if not setting.holds_for(release):
            until = f" to {setting.until}" if setting.until else " on"
            yield (
                f"{ROOT}:settings:{name}: MAAS {release} has no such setting; it holds from "
                f"{setting.since}{until}"
            )
    wrong_for = ("uuid", "cluster_name", "dns_zone", "accepted", "interfaces")
    if release < "2.0":
        wrong_for = ("description", "zone", "domain")
    for name, cluster in (pillar.get("clusters") or {}).items():
        for key in wrong_for:
            if key in (cluster or {}):
                yield (
                    f"{ROOT}:clusters:{name}:{key}: MAAS {release} has no such field; it is for "
                    + ("MAAS 2.0 and later" if release < "2.0" else "MAAS up to 1.10")
                )


def _users(pillar):
    """E-mail addresses are unique; MAAS itself ends in an IntegrityError."""
    seen = {}
    admin = (pillar.get("region") or {}).get("admin")
    users = [(f"{ROOT}:region:admin", admin["username"], admin["email"])] if admin else []
    users += [
        (f"{ROOT}:users:{name}", name, user["email"])
        for name, user in (pillar.get("users") or {}).items()
    ]
    for where, name, email in users:
        first = seen.setdefault(email.lower(), (where, name))
        if first[0] != where:
            yield f"{where}:email: {email!r} is taken by {first[0]}; each user needs its own"
    if admin and admin["username"] in (pillar.get("users") or {}):
        yield f"{ROOT}:users:{admin['username']}: is {ROOT}:region:admin already; name it once"


def _networks(pillar):
    for cidr, subnet in (pillar.get("subnets") or {}).items():
        where = f"{ROOT}:subnets:{cidr}"
        subnet = subnet or {}
        net = ipaddress.ip_network(cidr)
        gateway = subnet.get("gateway_ip")
        if gateway:
            address = ipaddress.ip_address(gateway)
            if address not in net and not (address.version == 6 and address.is_link_local):
                yield f"{where}:gateway_ip: {gateway!r} must be an address within {cidr}"
        spans = []
        for number, one in enumerate(subnet.get("ranges") or ()):
            place = f"{where}:ranges:{number}"
            bad = list(_span(place, net, one["start"], one["end"], "start", "end"))
            yield from bad
            if not bad:
                spans.append((place, one["type"], *_ends(one["start"], one["end"])))
        yield from _overlaps(spans)
    nets = sorted(
        (ipaddress.ip_network(cidr) for cidr in pillar.get("subnets") or {}),
        key=lambda net: (net.version, net.network_address, net.prefixlen),
    )
    for first, second in zip(nets, nets[1:]):
        if first.version == second.version and first.overlaps(second):
            yield f"{ROOT}:subnets:{second}: overlaps {ROOT}:subnets:{first}"


def _span(where, net, start, end, low, high):
    first, last = _ends(start, end)
    for name, address in ((low, first), (high, last)):
        if address not in net:
            yield f"{where}:{name}: {str(address)!r} must be an address within {net}"
        elif net.prefixlen < net.max_prefixlen - 1 and (
            address == net.network_address
            or (address.version == 4 and address == net.broadcast_address)
        ):
            yield (
                f"{where}:{name}: {str(address)!r} must not be the network or broadcast address "
                f"of {net}"
            )
    if first.version == last.version and first > last:
        yield f"{where}:{high}: {end!r} must not be below {start!r}"


def _overlaps(spans):
    """Ranges that overlap their neighbour, of ``(path, label, first, last)``."""
    spans = sorted(spans, key=lambda span: (span[2].version, span[2], span[3]))
    for (place, _, first, last), (other, _, start, end) in zip(spans, spans[1:]):
        if first.version == start.version and start <= last:
            yield f"{other}: {start}-{end} overlaps {first}-{last} of {place}"


def _ends(start, end):
    return ipaddress.ip_address(start), ipaddress.ip_address(end)


def _dhcp(pillar):
    racks = {
        cluster.get("hostname") or name.partition(".")[0] for name, cluster in _clusters_of(pillar)
    }
    served = {}  # VLAN -> whether a dynamic range is declared on it
    for cidr, subnet in (pillar.get("subnets") or {}).items():
        if (subnet or {}).get("vlan"):
            dynamic = any(one["type"] == "dynamic" for one in subnet.get("ranges") or ())
            vlan = fabric_vid(subnet["vlan"])
            served[vlan] = served.get(vlan, False) or dynamic
        elif any(one["type"] == "dynamic" for one in (subnet or {}).get("ranges") or ()):
            yield f"{ROOT}:subnets:{cidr}:vlan: is missing; a dynamic range needs to know its VLAN"
    relayed = {}
    for fabric, values in (pillar.get("fabrics") or {}).items():
        vlans = (values or {}).get("vlans") or {}
        seen = {}
        for vid, vlan in vlans.items():
            where = f"{ROOT}:fabrics:{fabric}:vlans:{vid}"
            key = f"{fabric}/{0 if str(vid) == 'untagged' else int(vid)}"
            if seen.setdefault(key, where) != where:
                yield f"{where}: is the same VLAN as {seen[key]}"
            name = (vlan or {}).get("name")
            if key.endswith("/0") and name not in (None, "untagged"):
                yield f"{where}:name: {name!r} must be 'untagged', which is what MAAS calls VLAN 0"
            if int(key.rpartition("/")[2]) > 4094:
                yield f"{where}: {vid!r} must be a VLAN id from 0 to 4094, or untagged"
            dhcp = (vlan or {}).get("dhcp")
            if dhcp is not None:
                yield from _dhcp_of(f"{where}:dhcp", key, dhcp, served, racks)
                if dhcp.get("relay_vlan"):
                    relayed[key] = (where, fabric_vid(dhcp["relay_vlan"]))
    for key, (where, target) in relayed.items():
        if target == key:
            yield f"{where}:dhcp:relay_vlan: {target!r} must be another VLAN than this one"
        elif target in relayed:
            yield f"{where}:dhcp:relay_vlan: {target!r} is relayed itself; name the VLAN served"


def _dhcp_of(where, key, dhcp, served, racks):
    relay = dhcp.get("relay_vlan")
    if relay and dhcp.get("enabled"):
        yield f"{where}:relay_vlan: {relay!r} cannot go with enabled: true; it is one or the other"
    if dhcp.get("enabled"):
        if not dhcp.get("primary_rack"):
            yield f"{where}:primary_rack: is missing; DHCP needs a rack controller that serves it"
        if not served.get(key):
            yield (
                f"{where}:enabled: needs a dynamic range in a subnet on {key}; declare one under "
                f"{ROOT}:subnets"
            )
    primary, secondary = dhcp.get("primary_rack"), dhcp.get("secondary_rack")
    if secondary and secondary == primary:
        yield f"{where}:secondary_rack: {secondary!r} must be another rack than primary_rack"
    for name in ("primary_rack", "secondary_rack"):
        if dhcp.get(name) and racks and dhcp[name] not in racks:
            yield (
                f"{where}:{name}: {dhcp[name]!r} is no host name of {ROOT}:clusters; there are: "
                + ", ".join(sorted(racks))
            )


def _clusters_of(pillar):
    return [(name, cluster or {}) for name, cluster in (pillar.get("clusters") or {}).items()]


def _clusters(pillar):
    for field in ("uuid", "cluster_name", "hostname"):
        seen = {}
        for name, cluster in _clusters_of(pillar):
            value = cluster.get(field) or (name.partition(".")[0] if field == "hostname" else None)
            if value and seen.setdefault(value, name) != name:
                yield (
                    f"{ROOT}:clusters:{name}:{field}: {value!r} is that of "
                    f"{ROOT}:clusters:{seen[value]} already"
                )
    for name, cluster in _clusters_of(pillar):
        nets = []
        for interface, values in (cluster.get("interfaces") or {}).items():
            where = f"{ROOT}:clusters:{name}:interfaces:{interface}"
            yield from _interface(where, values)
            if values["management"] != "unmanaged" and values.get("subnet_mask"):
                nets.append((where, _net_of(values)))
        for number, (where, net) in enumerate(nets):
            for other, its in nets[:number]:
                if net and its and net.version == its.version and net.overlaps(its):
                    yield f"{where}:ip: {net} overlaps {its} of {other}"


def _net_of(values):
    if ipaddress.ip_address(values["ip"]).version != 4:
        return None
    return ipaddress.ip_network(f"{values['ip']}/{values['subnet_mask']}", strict=False)


def _interface(where, values):
    if values["management"] != "unmanaged":
        for name in ("subnet_mask", "dynamic_range"):
            if not values.get(name):
                yield f"{where}:{name}: is missing; management {values['management']!r} needs it"
    if not values.get("subnet_mask"):
        return
    net = _net_of(values)
    if net is None:
        return
    for name in ("router_ip", "broadcast_ip"):
        if values.get(name) and ipaddress.ip_address(values[name]) not in net:
            yield f"{where}:{name}: {values[name]!r} must be an address within {net}"
    spans = []
    for name in ("dynamic_range", "static_range"):
        span = values.get(name)
        if span:
            bad = list(_span(f"{where}:{name}", net, span["low"], span["high"], "low", "high"))
            yield from bad
            if not bad:
                spans.append((f"{where}:{name}", name, *_ends(span["low"], span["high"])))
    yield from _overlaps(spans)


def _sources(pillar):
    for url, source in (pillar.get("boot_sources") or {}).items():
        where = f"{ROOT}:boot_sources:{url}"
        source = source or {}
        if source.get("keyring_filename") and source.get("keyring_data"):
            yield f"{where}:keyring_data: cannot go with keyring_filename; it is one or the other"
        seen = {}
        for number, one in enumerate(source.get("selections") or ()):
            what = f"{one['os']}/{one['release']}"
            if seen.setdefault(what, number) != number:
                yield f"{where}:selections:{number}: {what} is selections:{seen[what]} already"
            for field in ("arches", "subarches", "labels"):
                if field in one and not one[field]:
                    place = f"{where}:selections:{number}:{field}"
                    yield f"{place}: must not be empty; * stands for all"
