"""From a pillar of salt-formula-maas to one of this extension."""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from saltext.maas.errors import BadInput
from saltext.maas.pillar.checks import problems
from saltext.maas.pillar.export import Export
from saltext.maas.pillar.validators import ROOT, section
from saltext.maas.redact import passwords_in
from saltext.maas.resources import power_types
from saltext.maas.resources.settings import SETTINGS, normal
from saltext.maas.sdb import Reference, escape

#: The sdb profile of references to secrets; the example pillars use the same.
_STORE = "sdb://maas_secrets/"

_PRESEED = "it was for the formula's curtin_userdata preseeds"
#: Why a part of the formula's pillar is left out; the first pattern that fits counts.
_REASONS = (
    ("region:machines:*:disk_layout", "write storage of the machine"),
    ("region:machines:*:distro_series", "it is an argument of maas_machine.deployed"),
    ("region:machines:*:hwe_kernel", "it is an argument of maas_machine.deployed"),
    ("region:machines:*:interface*", "write interfaces of the machine"),
    ("region:commissioning_scripts", "the formula names files on the region host: write their "
     "texts under scripts:NAME:script (up to MAAS 2.1 commissioning_scripts:NAME:content)"),
    ("region:database:initial_data", "a dump is restored with PostgreSQL's own tools, before the "
     "first highstate"),
    ("region:theme", "files of MAAS's packages are not replaced"),
    ("*:enable_iframe", "files of MAAS's packages are not replaced"),
    ("*salt_master_ip", _PRESEED),
    ("cluster:saltstack_repo_*", _PRESEED),
    ("*:curtin_vars", _PRESEED),
    ("cluster:cluster", _PRESEED),
    ("region:user", "the formula did not use it"),
    ("region:token", "the formula did not use it; keep the API key as api_key of a profile"),
    ("region:domain", "the formula could not apply it; describe domains"),
    ("region:maas_config:domain", "the formula could not apply it; describe domains"),
    ("region:maas_config:*", "it is no setting of MAAS's API"),
    ("mirror", "describe it in mirror, for state.apply maas.mirror"),
    ("*", "the formula has no such key"),
)  # fmt: skip

#: Names that the formula had for power parameters before.
_OLD_POWER = {
    "power_password": "power_pass",
    **{f"power_{name}": name for name in (
        "nova_id", "os_tenantname", "os_username", "os_password", "os_authurl")},
}  # fmt: skip

#: Keys that only control whether and how the formula runs.
_SILENT = ("enabled", "role", "pkgs", "services", "engine")


@dataclass
class Converted(Export):
    """A pillar of the formula, as one of this extension.

    Attributes:
        described: The mapping under ``maas``.
        secrets: ``{reference: path in the formula's pillar}``, to be put into a secret store.
        notes: What was left out and why, and what a person must look at, one line each.
    """

    secrets: dict[str, str] = field(default_factory=dict)  # type: ignore[assignment]


def convert(formula: dict) -> Converted:
    """Describe what a pillar of the formula described, as far as the formula applied it.

    Args:
        formula: Its mapping under ``maas``, with all of reclass's references resolved.

    Returns:
        The pillar, checked as a highstate checks it; each mistake is a note.

    Raises:
        BadInput: It is no pillar of the formula.
    """
    if not isinstance(formula, dict) or not {"region", "cluster"} & set(formula):
        raise BadInput(f"{ROOT}: must be a pillar of salt-formula-maas, with region or cluster")
    unresolved = [path for path, value in _texts(formula, ROOT) if "${" in value]
    if unresolved:
        why = "is a reference of reclass; convert the compiled pillar"
        raise BadInput([f"{path}: {why}" for path in unresolved])
    return _Conversion(formula).run()


class _Conversion:
    """One conversion: what is converted is removed from a copy, so the rest is what is left out."""

    def __init__(self, formula: dict):
        self.found = Converted({})
        self.left = self._without_passwords(formula, "")
        self.subnets: dict[str, str] = {}

    def run(self) -> Converted:
        found = self.found
        region = self.part("region")
        for convert_part in (
            self._host, self._settings, self._fabrics, self._subnets, self._snippets,
            self._boot_sources, self._repositories, self._uploads, self._machines, self._devices,
        ):  # fmt: skip
            convert_part(region)
        keys = _words(region.pop("sshprefs", None), split=False)
        if any(map(_is_private, keys)):
            self.note("region:sshprefs", "left out: a private key, which MAAS does not take")
        self.put("ssh_keys", [key for key in keys if not _is_private(key)])
        self._cluster(self.part("cluster"))
        self.part("server")
        used = {text for _, text in _texts(found.described, ROOT)}
        found.secrets = {name: path for name, path in found.secrets.items() if name in used}
        found.notes += (f"{ROOT}:{line}" for line in _left(self.left))
        found.notes += [f"to be corrected: {line}" for line in problems(found.described)]
        found.described = escape(found.described)
        return found

    def _without_passwords(self, value: Any, path: str) -> Any:
        """Return a copy in which references stand for URLs with a password."""
        if isinstance(value, dict):
            return {key: self._without_passwords(one, f"{path}{key}:")
                    for key, one in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [self._without_passwords(one, f"{path}{number}:")
                    for number, one in enumerate(value)]  # fmt: skip
        if not isinstance(value, str) or not passwords_in([value]):
            return value
        path = path.rstrip(":")
        if fnmatch.fnmatch(path, "region:boot_sources*:url"):  # the name of the source, too
            self.note(path, "user and password are left out: a boot source has none")
            return re.sub(r"//\S*@", "//", value)
        return self.secret(re.sub(r"[^\w.-]", "_", path.removeprefix("region:")), path)

    def part(self, name: str) -> dict:
        """Return a section of the formula's pillar without the keys that only control its run."""
        found = section(self.left, name)
        for key in _SILENT:
            found.pop(key, None)
        return found

    def note(self, path: str, text: str) -> None:
        self.found.notes.append(f"{ROOT}:{path}: {text}")

    def put(self, key: str, value: Any) -> None:
        if value:
            self.found.described[key] = value

    def secret(self, name: str, path: str) -> Reference:
        """Return the reference that stands for a secret."""
        reference = Reference(f"{_STORE}{name}")
        self.found.secrets[str(reference)] = f"{ROOT}:{path}"
        return reference

    def _host(self, region: dict) -> None:
        host: dict[str, Any] = {}
        bind = section(region, "bind")
        if "host" in bind:
            address = str(bind.pop("host")).partition(":")[0]
            self._url(host, address, bind.pop("port", 5240), "region:bind")
        admin = section(region, "admin")
        if "username" in admin:
            host["admin"] = {"username": admin.pop("username"), "email": admin.pop("email", None)}
            if admin.pop("password", None):
                password = self.secret("admin_password", "region:admin:password")
                host["admin"]["password"] = password
        database = section(region, "database")
        database.pop("engine", None)
        if "host" in database:
            host["database"] = {
                ours: database.pop(theirs)
                for ours, theirs in (("host", "host"), ("name", "name"), ("user", "username"))
                if theirs in database
            }
            if database.pop("password", None):
                password = self.secret("database_password", "region:database:password")
                host["database"]["password"] = password
        self.put("region", host)

    def _url(self, host: dict, address: str, port: object, path: str) -> None:
        url = f"http://{address}:{port}/MAAS"
        if address in ("", "0.0.0.0", "localhost", "127.0.0.1"):  # nosec B104 # what it bound
            self.note(path, f"racks and machines cannot reach {url}; write region:url")
            return
        host["url"] = url
        if str(port) != "5240":
            self.note(path, f"region:url has port {port}, where the formula had a web server in "
                            "front of MAAS; without one it is 5240")  # fmt: skip

    def _cluster(self, cluster: dict) -> None:
        region = section(cluster, "region")
        if "host" not in region:
            return
        own: dict[str, str] = {}
        address, port = str(region.pop("host")), region.pop("port", 80)
        if "url" not in (self.found.described.get("region") or {}):
            self._url(own, address, port, "cluster:region")
            self.put("region", {**(self.found.described.get("region") or {}), **own})

    def _settings(self, region: dict) -> None:
        settings = {}
        config = section(region, "maas_config")
        for name in [name for name in config if name in SETTINGS]:
            value = config.pop(name)
            if SETTINGS[name].secret:
                value = self.secret(name, f"region:maas_config:{name}")
            if not isinstance(value, Reference):
                with contextlib.suppress(ValueError):  # the check reports what does not fit
                    value = normal(name, value)  # the formula sent each value as text
            settings[name] = value
        proxy = section(region, "upstream_proxy")
        if "address" in proxy:
            url = f"{proxy.pop('address')}:{proxy.pop('port', 3128)}/"
            user, password = proxy.pop("user", None), proxy.pop("password", None)
            url = f"http://{quote(str(user), safe='')}@{url}" if user else f"http://{url}"
            if settings.get("http_proxy"):
                self.note("region:upstream_proxy", "left out: maas_config:http_proxy is set too, "
                                                   "and MAAS has one of them only")  # fmt: skip
            else:
                settings.update(http_proxy=url, use_peer_proxy=True)
            if password and settings["http_proxy"] == url:
                settings["http_proxy"] = self.secret("http_proxy", "region:upstream_proxy")
                self.note("region:upstream_proxy", "store the URL with user and password")
        self.put("settings", settings)

    def _fabrics(self, region: dict) -> None:
        fabrics: dict[str, Any] = {}
        for key, values in _entries(region, "fabrics"):
            name = _plain(values, "name") or key
            if name in fabrics:
                self.note(f"region:fabrics:{key}", f"replaces another one called {name!r}")
            entry = fabrics.setdefault(name, {})
            entry.update(_pick(values, "description", "class_type"))
            for part in ("vlans", "vlan"):
                for vid, vlan in _entries(values, part):
                    place = f"region:fabrics:{key}:{part}:{vid}"
                    vid = "untagged" if str(vid) == "0" else vid
                    if vid == "untagged" and vlan.pop("name", vid) != vid:
                        self.note(f"{place}:name", "left out: MAAS calls VLAN 0 untagged")
                    entry.setdefault("vlans", {})[vid] = self._vlan(vlan, place) or None
        self.put("fabrics", {name: entry or None for name, entry in fabrics.items()})

    def _vlan(self, vlan: dict, place: str) -> dict:
        entry = _pick(vlan, "name", "description", "mtu")
        served, rack = vlan.pop("dhcp", None), vlan.pop("primary_rack", None)
        if served and rack:
            entry["dhcp"] = {"enabled": True, "primary_rack": rack}
        elif served:
            self.note(f"{place}:dhcp", "DHCP needs a primary_rack; write dhcp below the VLAN")
        elif served is not None:
            entry["dhcp"] = {"enabled": False}
        return entry

    def _subnets(self, region: dict) -> None:
        subnets: dict[str, Any] = {}
        for key, values in _entries(region, "subnets"):
            place = f"region:subnets:{key}"
            if "cidr" not in values:
                self.note(place, "it has no cidr")
                continue
            cidr, name = str(values.pop("cidr")), _plain(values, "name")
            self.subnets.update({one: cidr for one in (key, name) if one})
            entry = subnets[cidr] = {"name": name} if name else {}
            if "fabric" in values:
                entry["vlan"] = f"{values.pop('fabric')}/untagged"
            vid = values.pop("vlan", None)
            if vid and str(vid) != "0":
                self.note(f"{place}:vlan", f"the formula left {cidr} in the untagged VLAN; "
                                           f"write vlan: FABRIC/{vid} to move it")  # fmt: skip
            entry.update(_pick(values, "gateway_ip"))
            ranges = [values["iprange"]] if section(values, "iprange") else []
            ranges += [one for _, one in _entries(values, "ipranges")]
            for one in ranges:
                one.pop("name", None)
                one.pop("subnet", None)
                wanted = {
                    "type": one.pop("type", "dynamic"),
                    **_pick(one, "start", "end", "comment"),
                }
                entry.setdefault("ranges", []).append(wanted)
        self.put("subnets", {cidr: entry or None for cidr, entry in subnets.items()})

    def _snippets(self, region: dict) -> None:
        snippets = {}
        for name, values in _entries(region, "dhcp_snippets"):
            snippets[name] = _pick(values, "value", "description", "enabled")
            if "subnet" in values:
                subnet = _plain(values, "subnet")
                snippets[name]["subnet"] = self.subnets.get(str(subnet), subnet)
        self.put("dhcp_snippets", snippets)

    def _boot_sources(self, region: dict) -> None:
        sources: dict[str, Any] = {}
        for _, values in _entries(region, "boot_sources"):
            entry = sources[_plain(values, "url") or ""] = {}
            keyring = _pick(values, "keyring_file", "keyring_data")
            if "keyring_data" in keyring:
                entry["keyring_data"] = keyring["keyring_data"]
            elif keyring:
                entry["keyring_filename"] = keyring["keyring_file"]
        for _, values in _entries(region, "boot_sources_selections"):
            entry = sources.setdefault(_plain(values, "url") or "", {})
            wanted = _pick(values, "os", "release")
            for name in ("arches", "subarches", "labels"):
                if name in values:
                    wanted[name] = _words(values.pop(name))
            entry.setdefault("selections", []).append(wanted)
        self.put("boot_sources", {url: entry or None for url, entry in sources.items()})
        if region.pop("boot_sources_delete_all_others", False):
            self.put("exclusive", {"boot_source": True})

    def _repositories(self, region: dict) -> None:
        repositories = {}
        for name, values in _entries(region, "package_repositories"):
            entry = repositories[name] = _pick(values, "url", "key", "enabled")
            for part in ("distributions", "components", "arches", "disabled_pockets"):
                if part in values:
                    entry[part] = _words(values.pop(part))
        self.put("package_repositories", repositories)

    def _uploads(self, region: dict) -> None:
        uploads = []
        for name, values in _entries(region, "boot_resources"):
            entry = {"name": name, **_pick(values, "architecture", "title", "filetype")}
            if "content" in values:
                entry["path"] = values.pop("content")
            uploads.append(entry)
        self.put("boot_resources", uploads)

    def _machines(self, region: dict) -> None:
        machines: dict[str, Any] = {}
        for name, values in _entries(region, "machines"):
            old = section(values, "interface")
            macs = [values.pop("pxe_interface_mac", None), old.pop("mac", None)]
            entry = machines[name] = {"architecture": values.pop("architecture", "amd64/generic")}
            if any(macs):
                entry["mac_addresses"] = _words([mac for mac in macs if mac])
            power = section(values, "power_parameters")
            kinds = [place.pop("power_type", None) for place in (values, power)]
            entry["power_type"] = kinds[0] or kinds[1] or "manual"
            given = {}
            for key in list(power):
                ours = _OLD_POWER.get(key, key)
                value = power.pop(key)
                if ours not in power_types.PLAIN and not isinstance(value, Reference):
                    path = f"region:machines:{name}:power_parameters:{key}"
                    value = self.secret(f"{name}_{ours}", path)
                given[ours] = value
            if given:
                entry["power_parameters"] = given
        self.put("machines", machines)

    def _devices(self, region: dict) -> None:
        devices = {}
        for name, values in _entries(region, "devices"):
            link = section(values, "interface")
            entry = devices[name] = {"mac_addresses": _words(values.pop("mac", None))}
            link.pop("subnet", None)  # the address says it
            if str(link.pop("mode", "static")).lower() == "static" and "ip_address" in link:
                entry["ip_addresses"] = [link.pop("ip_address")]
        self.put("devices", devices)


def _entries(values: dict, name: str) -> Iterator[tuple[str, dict]]:
    """Yield the named mappings of a section."""
    for key, value in section(values, name).items():
        if isinstance(value, dict):
            yield key, value


def _is_private(key: str) -> bool:
    return "PRIVATE KEY" in key


def _plain(values: dict, name: str) -> Any:
    """Remove and return one value; a list or a mapping stays, and is reported as left out."""
    return None if isinstance(values.get(name), (dict, list)) else values.pop(name, None)


def _pick(values: dict, *names: str) -> dict:
    """Take out the fields that have a value."""
    found = {name: values.pop(name, None) for name in names}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _words(value: Any, split: bool = True) -> list:
    """Return a list that the formula takes as a list or as text with quotes, blanks and commas."""
    if isinstance(value, str):
        value = re.split(r"[,\s]+", value.strip()) if split else [value]
    several = value if isinstance(value, list) else [value]
    return [str(one).strip("\"'") for one in several if one not in (None, "")]


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield all texts with their paths."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (dict, list)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(one, f"{path}:{key}")


def _left(part: dict, under: str = "") -> Iterator[str]:
    """Yield a note for each part that was not converted; never its value, which may be secret."""
    for key, value in part.items():
        path = f"{under}{key}"
        pattern, reason = next(one for one in _REASONS if fnmatch.fnmatch(path, one[0]))
        if isinstance(value, dict) and pattern == "*":
            yield from _left(value, f"{path}:")
        elif value not in ({}, [], None, ""):
            yield f"{path}: left out: {reason}"
