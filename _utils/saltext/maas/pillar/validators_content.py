"""Users, settings, names, images and sources of a pillar that MAAS would refuse."""

from __future__ import annotations

from saltext.maas.pillar.validators import ROOT, listed, named, other_place, validates
from saltext.maas.region_hosts import region_hosts
from saltext.maas.resources.images import same_url
from saltext.maas.resources.kinds import NAMES
from saltext.maas.resources.settings import system
from saltext.maas.resources.users import SYSTEM_USERS


@validates("region", "users")
def _users(pillar, release):
    """E-mail addresses are unique; MAAS itself ends in an IntegrityError."""
    admin = (pillar.get("region") or {}).get("admin") or {}
    users = list(named(pillar, "users"))
    people = [(where, user["email"]) for where, _, user in users]
    seen: dict = {}
    for where, email in [(f"{ROOT}:region:admin", admin["email"]), *people] if admin else people:
        other = other_place(seen, email.lower(), where)
        if other:
            yield f"{where}:email: {email!r} is taken by {other}; each user needs its own"
    for where, name, _ in users:
        if name in SYSTEM_USERS:
            yield f"{where}: is a name that MAAS reserves for itself; choose another"
        if name == admin.get("username"):
            yield f"{where}: is {ROOT}:region:admin already; name it once"


@validates("region")
def _region_hosts(pillar, release):
    """Two hosts with one name would be one controller; with one address, one would answer twice."""
    names: dict = {}
    urls: dict = {}
    for minion, host in region_hosts(pillar).items():
        where = f"{ROOT}:region:hosts:{minion}"
        if other := other_place(names, host.hostname, where):
            yield f"{where}:hostname: {host.hostname!r} is that of {other} already"
        if other := other_place(urls, host.url, where):
            yield f"{where}:address: {host.address!r} is that of {other} already"


@validates("users", "user_groups")
def _memberships(pillar, release):
    """A membership may be described of the user and of the group, if both say the same."""
    groups = {
        name: (where, group["members"] or ())
        for where, name, group in named(pillar, "user_groups") if "members" in group
    }  # fmt: skip
    for where, user, values in named(pillar, "users"):
        own = NAMES.clean(values.get("groups")) or ()
        for name in groups if "groups" in values else ():
            at, members = groups[name]
            inside = user in (NAMES.clean(members) or ())
            if inside != (name in own):
                ours, theirs = f"{where}:groups", f"{at}:members"
                first, second = (theirs, ours) if inside else (ours, theirs)
                yield (
                    f"{first}: {(user if inside else name)!r} contradicts {second}, which does not "
                    "name it; name the membership in both lists, in none, or leave one list out"
                )


@validates("settings")
def _settings(pillar, release):
    settings = pillar.get("settings") or {}
    value, own = settings.get("default_distro_series"), settings.get("default_osystem")
    if own and system(value) not in ("", own):
        yield (
            f"{ROOT}:settings:default_distro_series: {value!r} must be of default_osystem, "
            f"which is {own!r}"
        )


@validates("domains", "settings")
def _domains(pillar, release):
    first = None
    internal = (pillar.get("settings") or {}).get("maas_internal_domain", "maas-internal")
    for where, name, domain in named(pillar, "domains"):
        if name == internal and release and release >= "3.3":
            yield f"{where}: is the domain that MAAS reserves for itself, see maas_internal_domain"
        if domain.get("is_default"):
            if first:
                yield f"{where}:is_default: there is one default domain, and {first} is it already"
            first = first or where
        if domain.get("forward_dns_servers") and domain.get("authoritative", True):
            yield (
                f"{where}:forward_dns_servers: needs authoritative: false; MAAS forwards what it "
                "does not serve itself"
            )
        yield from _records(where, domain)


def _records(where, domain):
    """Records of one name: a CNAME stands alone, and one type has one time to live."""
    addressed = {
        name for _, name, one in named(domain, "resources", where) if one.get("ip_addresses")
    }
    seen: dict = {}  # (name, type) -> (path, record)
    kinds: dict = {}  # name -> {type: path}
    for place, one in listed(domain, "records", where):
        name, kind = one["name"], one["rrtype"]
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


@validates("boot_sources")
def _sources(pillar, release):
    seen: dict = {}
    for where, url, source in named(pillar, "boot_sources"):
        other = other_place(seen, ("url", same_url(url)), where)
        if other:
            yield f"{where}: is the same source as {other}; a slash at the end makes no difference"
        for field in ("name", "priority"):
            value = source.get(field)
            other = other_place(seen, (field, value), where)
            if value is not None and other:
                yield f"{where}:{field}: {value!r} is that of {other}; each source needs its own"
        if source.get("keyring_filename") and source.get("keyring_data"):
            yield f"{where}:keyring_data: cannot go with keyring_filename; it is one or the other"
        for place, one in listed(source, "selections", where):
            what = f"{one['os']}/{one['release']}"
            other = other_place(seen, (where, what), place)
            if other:
                yield f"{place}: {what} is {other} already"
            for field in ("arches", "subarches", "labels"):
                if field in one and not one[field]:
                    yield f"{place}:{field}: must not be empty; * stands for all"


@validates("boot_resources")
def _uploads(pillar, release):
    seen: dict = {}
    for where, one in listed(pillar, "boot_resources"):
        if one["name"].startswith("ubuntu/") and release and release >= "3.7":
            yield f"{where}:name: {one['name']!r} is a name that MAAS reserves for imported images"
        architecture = one["architecture"]
        architecture = architecture if "/" in architecture else f"{architecture}/generic"
        # Before 3.8 MAAS strips it.
        name = one["name"].removeprefix("custom/" if release and release < "3.8" else "")
        other = other_place(seen, (name, architecture), where)
        if other:
            yield f"{where}: is the same image as {other}"
