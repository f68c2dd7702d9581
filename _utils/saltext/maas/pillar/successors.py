"""What later releases have in place of settings, names and fields of earlier ones."""

from __future__ import annotations

import itertools
import re
from typing import Any

from saltext.maas.machines.nodes_1x import SHOWS_POWER
from saltext.maas.pillar.migration import Migration
from saltext.maas.resources import power_types
from saltext.maas.resources.images import DEFAULT_SOURCE, KEYRING
from saltext.maas.resources.machines import is_in_use
from saltext.maas.resources.settings import series
from saltext.maas.resources.table_pillar import reference
from saltext.maas.resources.vlan_names import parts

_ARCHIVES = ("main_archive", "ports_archive")
#: Series that are no LTS and that no mirror has images of any more.
_BETWEEN = ("quantal", "raring", "saucy", "utopic", "vivid", "wily", "yakkety", "zesty")
_LTS = ("precise", "trusty", "xenial", "bionic", "focal", "jammy", "noble")
_OFFICIAL = re.compile(r"https?://(images\.maas\.io|maas\.ubuntu\.com)/.*")
_DAILY = "http://images.maas.io/ephemeral-v3/daily"
_OLD_KERNEL = re.compile("hwe-[a-z]")


def settings(found: Migration) -> None:
    """Settings that have another name, or became objects."""
    given = found.section("settings")
    if found.crosses("2.1"):
        if given.get("ntp_server"):
            given["ntp_servers"] = [given.pop("ntp_server")]
        for name in _ARCHIVES:
            if given.get(name):
                found.section("package_repositories")[name] = {"url": given.pop(name)}
        given["completed_intro"] = True  # as after an upgrade
    if found.crosses("2.4") and given.get("enlistment_domain"):
        found.section("domains")[given.pop("enlistment_domain")] = {"is_default": True}
    if _OLD_KERNEL.fullmatch(given.get("default_min_hwe_kernel") or "") and found.crosses("2.1"):
        del given["default_min_hwe_kernel"]
        found.note("settings:default_min_hwe_kernel", _newer(found))
    _series(found, given)


def _newer(found):
    return f"left out: every kernel of MAAS {found.target.series}'s images is newer"


def _series(found, given):
    """Leave out series that the release does not commission with, or has no image of."""
    if found.source.series == found.target.series:
        return
    oldest, _ = found.own_series
    selections = [one for _, one in _selections(found.described.get("boot_sources") or {})]
    selected = {one[name] for one in selections for name in ("os", "release")}
    for name in ("commissioning_distro_series", "default_distro_series", "default_osystem"):
        wanted = series(given.get(name))
        if wanted in _LTS[: _LTS.index(oldest)] and name.startswith("commissioning"):
            why = f"MAAS {found.target.series} commissions with {oldest} and later"
        elif wanted and wanted not in selected:
            why = f"no boot source here selects {wanted}"
        else:
            continue
        del given[name]
        found.note(f"settings:{name}", f"left out: {why}")


def _selections(sources):
    return [(source, one) for source in sources.values() for one in source.get("selections", ())]


def default_domain(found: Migration) -> None:
    """Up to 2.3 the default domain is the first one, whatever its name."""
    domain = found.snapshot.tables.get("domain")
    if domain is None or not found.crosses("2.4"):
        return
    for key, record in found.snapshot.records(domain.name).items():
        if record.raw["id"] == 0 and key != "maas":
            found.objects("domains").setdefault(key, {})["is_default"] = True


def spaces(found: Migration) -> None:
    """Put spaces on VLANs; of several subnets on a VLAN the newest space counts."""
    subnets = found.described.get("subnets") or {}
    given = {cidr: one.pop("space") for cidr, one in subnets.items() if (one or {}).get("space")
             and found.crosses("2.2")}  # fmt: skip
    if not given or {*given.values(), *found.section("spaces")} == {"space-0"}:
        return  # nobody used spaces
    there = found.snapshot.records("space")
    for cidr in sorted(given, key=lambda cidr: there[given[cidr]].raw["id"]):
        fabric, vid = parts(subnets[cidr]["vlan"])
        vlans = found.objects("fabrics").setdefault(fabric, {}).setdefault("vlans", {})
        key = vid or "untagged"
        before = (vlans.get(key) or {}).get("space")
        if before not in (None, given[cidr]):
            place = f"fabrics:{fabric}:vlans:{key}:space"
            found.note(place, f"{before} is left out: a VLAN has one space")
        vlans[key] = {**(vlans.get(key) or {}), "space": given[cidr]}
    for name in sorted({*given.values()}):
        found.section("spaces").setdefault(name, None)


def reserved_names(found: Migration) -> None:
    """Rename fabrics and spaces whose names only MAAS itself can give."""
    for key, word in (("fabrics", "fabric"), ("spaces", "space")):
        objects, new = found.described.get(key) or {}, dict[str, str]()
        for name in [*objects]:
            if re.fullmatch(rf"{word}-\d+", name) and name != "fabric-0":
                again = itertools.chain([""], map(str, itertools.count(2)))
                new[name] = next(
                    one for more in again
                    if (one := name.replace("-", "", 1) + more) not in {*objects, *new.values()}
                )  # fmt: skip
        for old, name in new.items():
            found.note(f"{key}:{old}", f"it is called {name}, as MAAS gives such names itself")
        if new:
            found.described[key] = {new.get(name, name): one for name, one in objects.items()}
            _rename(found.described, word, new)


def _rename(node: Any, word: str, new: dict) -> None:
    """Rename what fields refer to, in all of a pillar."""
    for one in node if isinstance(node, list) else ():
        _rename(one, word, new)
    for key, value in node.items() if isinstance(node, dict) else ():
        if word == "space" and key == "space":
            node[key] = new.get(value, value)
        elif word == "fabric" and key in ("vlan", "relay_vlan") and isinstance(value, str):
            fabric, slash, vid = value.rpartition("/")
            node[key] = f"{new.get(fabric, fabric)}{slash}{vid}"
        else:
            _rename(value, word, new)


def commissioning_scripts(found: Migration) -> None:
    """From 2.2 on they are scripts of a type."""
    if not found.crosses("2.2"):
        return
    for name, one in (found.described.pop("commissioning_scripts", None) or {}).items():
        found.section("scripts")[name] = {"script": one["content"], "type": "commissioning"}


def boot_sources(found: Migration) -> None:
    """Sources at Canonical: there is one stream for all releases now."""
    new: dict = {}
    for url, source in (found.described.pop("boot_sources", None) or {}).items():
        source = source or {}
        moved = _source_url(found, url)
        if moved != url:
            found.note(f"boot_sources:{url}", f"it is {moved} now")
            for one in source.get("selections") or ():
                one.pop("labels", None)  # which are other ones there
        if source.get("keyring_filename", KEYRING) != KEYRING:
            found.note(f"boot_sources:{moved}:keyring_filename",
                       "the file must be on the new region's host, too")  # fmt: skip
        for one in source.get("selections") or ():
            if any(map(_OLD_KERNEL.match, one.get("subarches") or ())):
                del one["subarches"]
        into = new.setdefault(moved, {})
        selections = _of_today(found, moved, source.pop("selections", ()))
        selections = _united([*into.get("selections", ()), *selections])
        into.update(source, **({"selections": selections} if selections else {}))
    if new:
        _with_own_series(found, new)
        found.described["boot_sources"] = new


def _with_own_series(found, sources):
    """Select the target's own series where it could commission with none of those selected."""
    oldest, own = found.own_series
    ubuntu = [(source, one) for source, one in _selections(sources) if one["os"] == "ubuntu"]
    usable = _LTS[_LTS.index(oldest) :]
    if ubuntu and not any(one["release"] in usable for _, one in ubuntu):
        source, one = ubuntu[0]
        source["selections"].append({**one, "release": own})
        found.note("boot_sources", f"ubuntu/{own} is selected, too, to commission with")


def _of_today(found, url, selections):
    """Selections with the target's own series in place of those that are too old for it.

    From 2.1 on there is another stream of images, which began anew.
    """
    if not found.crosses("2.1"):
        return selections
    oldest, own = found.own_series
    old = _LTS[: _LTS.index(oldest)] + _BETWEEN
    kept = [one for one in selections if one["os"] != "ubuntu" or one["release"] not in old]
    for one in selections:
        if one not in kept:
            why = f"MAAS {found.target.series} commissions with {oldest} and later"
            place = f"boot_sources:{url}:selections"
            found.note(place, f"ubuntu/{one['release']} is {own} now: {why}")
            kept.append({**one, "release": own})
    return kept


def _source_url(found, url):
    if not _OFFICIAL.fullmatch(url):
        return url
    if found.crosses("2.9"):
        return DEFAULT_SOURCE
    return _DAILY if found.crosses("2.1") and "/ephemeral-v2" in url else url


def _united(selections):
    """Selections with one for each release, which has the architectures of all."""
    united: dict = {}
    for one in selections:
        there = united.setdefault((one["os"], one["release"]), one)
        for name in ("arches", "subarches", "labels"):
            if name in there and name in one:
                there[name] = list(dict.fromkeys([*there[name], *one[name]]))
            else:
                there.pop(name, None)  # all of them
    return list(united.values())


def machines(found: Migration) -> None:
    """Machines as new ones: how they are reached, and what MAAS finds out anew."""
    if "machines" not in found.described:
        return
    there = found.objects("machines")
    table = found.snapshot.tables["machine"]
    in_use: dict = {}
    for name in [*there]:
        one, record = there[name], found.snapshot.find(table.name, name)
        if one.get("vm_host"):
            found.note(f"machines:{name}", f"left out: it is composed on VM host {one['vm_host']}, "
                       "from where the new region adds it by itself")  # fmt: skip
            del there[name]
            continue
        iscsi = record and record.raw.get("iscsiblockdevice_set")
        if "storage" in one and iscsi and found.crosses("3.0"):
            del one["storage"]
            found.note(f"machines:{name}:storage", "left out: MAAS 3.0 removed iSCSI disks")
        _architecture(found, name, one)
        _power(found, name, one)
        if record and is_in_use(record.raw):
            in_use.setdefault(record.raw["status_name"], []).append(name)
    for status, names in sorted(in_use.items()):
        found.note("machines", f"{', '.join(names)}: {status} here, but new machines there; do not "
                   "commission or deploy them before they are released here")  # fmt: skip


def _architecture(found, name, one):
    base, _, kernel = str(one.get("architecture")).partition("/")
    if found.crosses("1.9") and kernel.startswith("hwe-"):
        one["architecture"] = f"{base}/generic"
        one.setdefault("min_hwe_kernel", kernel)
    if found.crosses("2.1") and _OLD_KERNEL.fullmatch(one.get("min_hwe_kernel") or ""):
        del one["min_hwe_kernel"]
        found.note(f"machines:{name}:min_hwe_kernel", _newer(found))


def _power(found, name, one):
    kind, given = one.get("power_type"), dict(one.get("power_parameters") or {})
    if kind is None or found.source.series == found.target.series:
        return
    if kind == "dli" and "system_id" in given and found.crosses("1.9"):
        given.setdefault("outlet_id", given.pop("system_id"))
    place = f"machines:{name}:power_parameters"
    lacking = power_types.lacking(kind, given, found.target)
    if kind not in power_types.known(found.target) or lacking:
        why = f"it lacks {', '.join(lacking)}" if lacking else "MAAS has it no more"
        if lacking and found.source < SHOWS_POWER:
            why = f"MAAS {found.source.series} does not show its parameters"
        found.note(place, f"left out, as is the power type {kind}: {why}; now manual")
        kind, given = "manual", {}
    allowed = power_types.names(kind, found.target)
    for left in sorted(given.keys() - {*allowed}):
        found.note(f"{place}:{left}", f"left out: {kind} has no such parameter")
        del given[left]
    one["power_type"] = kind
    one.pop("power_parameters", None)
    if given:
        one["power_parameters"] = given


def license_keys(found: Migration) -> None:
    """Leave out license keys: MAAS takes them only once there is an image of their system."""
    for one in found.described.pop("license_keys", None) or ():
        found.note("license_keys", f"that of {one['osystem']}/{one['distro_series']} is left out: "
                   "MAAS takes it once an image of that system is uploaded")  # fmt: skip


def users(found: Migration) -> None:
    """New users need a password, and nobody can read those of the others."""
    there = found.objects("users") if "users" in found.described else {}
    for name, one in there.items():
        one["password"] = reference("user", name, "password")
    if there:
        found.note("users", "passwords cannot be read: store new ones; nor can API keys, or SSH "
                   "keys, certificates and files of others than the API's user")  # fmt: skip
