"""What a pillar says of names, routes and content that makes no sense to MAAS."""

from __future__ import annotations

import ipaddress

from saltext.maas.pillar.validators import ROOT
from saltext.maas.resources.settings import system


def _entries(pillar, section):
    for name, values in (pillar.get(section) or {}).items():
        yield f"{ROOT}:{section}:{name}", name, values or {}


def _settings(pillar, release):
    settings = pillar.get("settings") or {}
    value, own = settings.get("default_distro_series"), settings.get("default_osystem")
    if own and system(value) not in ("", own):
        yield (
            f"{ROOT}:settings:default_distro_series: {value!r} must be of default_osystem, "
            f"which is {own!r}"
        )


def _domains(pillar, release):
    first = None
    internal = (pillar.get("settings") or {}).get("maas_internal_domain", "maas-internal")
    for where, name, domain in _entries(pillar, "domains"):
        if name == internal and release and release >= "3.3":
            yield f"{where}: is the domain that MAAS keeps for itself, see maas_internal_domain"
        if domain.get("is_default"):
            if first:
                yield f"{where}:is_default: there is one default domain, and {first} is it already"
            first = first or where
        if domain.get("forward_dns_servers") and domain.get("authoritative", True):
            yield (
                f"{where}:forward_dns_servers: needs authoritative: false; MAAS forwards what it "
                "does not serve itself"
            )
        yield from _names(where, domain)


def _names(where, domain):
    """Records of one name: a CNAME stands alone, and one type has one time to live."""
    addressed = {
        name for name, one in (domain.get("resources") or {}).items()
        if (one or {}).get("ip_addresses")
    }  # fmt: skip
    seen = {}  # (name, type) -> (path, record)
    kinds = {}  # name -> {type}
    for number, one in enumerate(domain.get("records") or ()):
        place, name, kind = f"{where}:records:{number}", one["name"], one["rrtype"]
        other, first = seen.setdefault((name, kind), (place, one))
        if first is not one and kind == "CNAME":
            yield f"{place}:name: {name!r} is a CNAME by {other} already; a name has one only"
        elif first is not one and one["rrdata"] == first["rrdata"]:
            yield f"{place}:rrdata: {one['rrdata']!r} is in {other} already"
        elif one.get("ttl") != first.get("ttl"):
            yield (
                f"{place}:ttl: {one.get('ttl')!r} must be {first.get('ttl')!r} as in {other}; all "
                f"{kind} records of {name!r} share it"
            )
        kinds.setdefault(name, {})[kind] = place
    for name, places in kinds.items():
        if "CNAME" in places and (len(places) > 1 or name in addressed):
            what = "addresses" if name in addressed else "other records"
            yield f"{places['CNAME']}:name: {name!r} has {what} too; a CNAME must stand alone"


def _routes(pillar, release):
    seen = {}
    for number, one in enumerate(pillar.get("static_routes") or ()):
        where = f"{ROOT}:static_routes:{number}"
        source = ipaddress.ip_network(one["source"])
        destination = ipaddress.ip_network(one["destination"])
        if source == destination:
            yield f"{where}:destination: {one['destination']!r} must be another subnet than source"
        elif source.version != destination.version:
            yield f"{where}:destination: {one['destination']!r} must be of source's address family"
        if ipaddress.ip_address(one["gateway_ip"]) not in source:
            yield f"{where}:gateway_ip: {one['gateway_ip']!r} must be an address within {source}"
        same = (source, destination, one["gateway_ip"])
        if seen.setdefault(same, where) != where:
            yield f"{where}: is the same route as {seen[same]}"


def _uploads(pillar, release):
    seen = {}
    for number, one in enumerate(pillar.get("boot_resources") or ()):
        where = f"{ROOT}:boot_resources:{number}"
        if one["name"].startswith("ubuntu/") and release and release >= "3.7":
            yield f"{where}:name: {one['name']!r} is a name that MAAS keeps for imported images"
        architecture = one["architecture"]
        same = (one["name"], architecture if "/" in architecture else f"{architecture}/generic")
        if seen.setdefault(same, where) != where:
            yield f"{where}: is the same image as {seen[same]}"


#: The sections that a function looks at, and the function: pillar and release to messages.
JUDGES = (
    ({"settings"}, _settings),
    ({"domains", "settings"}, _domains),
    ({"static_routes"}, _routes),
    ({"boot_resources"}, _uploads),
)
