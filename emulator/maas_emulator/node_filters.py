"""What lists of machines and devices are filtered by, and what ``allocate`` may ask for."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter

from maas_emulator import forms_2x, images, machines, networks, storage
from maas_emulator.web import TEXT, Answer, Invalid

_IGNORED = ("comment", "bridge_all", "bridge_type", "bridge_stp", "bridge_fd", "dry_run",
            "verbose", "op", "agent_name")  # fmt: skip
_NUMBERS = {
    "cpu_count": "Invalid CPU count: number required.",
    "cpu_speed": "Invalid CPU speed: number required.",
    "mem": "Invalid memory: number of MiB required.",
    "link_speed": "Invalid link speed: number required.",
}
_POWER = ("on", "off", "unknown", "error")
_TARGETS = ("disk", "memory")
_STORAGE = re.compile(r"(?:(?P<label>[a-zA-Z0-9]+)\:)?(?P<size>[0-9.]+)(?:\((?P<tags>[^)]+)\))?")
_OF_INTERFACES = (
    "id", "fabric", "fabric_class", "ip", "mode", "name", "hostname", "subnet", "space",
    "subnet_cidr", "type", "vlan", "vid", "tag", "link_speed",
)  # fmt: skip
_OF_DEVICES = ("vendor_id", "product_id", "vendor_name", "product_name", "commissioning_driver")
STATUSES = {
    text.lower().replace(" ", "_"): number
    for number, text in {
        **machines.STATUS, 13: "Failed releasing", 18: "Failed entering rescue mode",
        20: "Failed exiting rescue mode",
    }.items()
}  # fmt: skip


# -- what a node has ---------------------------------------------------------------------------


def _vlans(region, node):
    rows = region.rows("vlans")
    return [rows[nic["vlan"]] for nic in node["interfaces"] if nic["vlan"] in rows]


def _fabrics(region, node):
    rows = region.rows("fabrics")
    return [rows[vlan["fabric_id"]] for vlan in _vlans(region, node)]


def _named(field, table):
    def has(region, node):
        row = region.rows(table).get(node.get(field))
        return {row["name"]} if row else set()

    return has


def _subnets_of(region, node):
    return {link["subnet"] for nic in node["interfaces"] for link in nic["links"]} - {None}


#: Constraint to what a node has of it; any of what is asked for will do, unless it is in
#: :data:`_ALL` or in :data:`_AT_LEAST`.
_HAS = {
    "id": lambda region, node: {node["system_id"]},
    "system_id": lambda region, node: {node["system_id"]},
    "hostname": lambda region, node: {node["hostname"]},
    "mac_address": lambda region, node: {nic["mac"] for nic in node["interfaces"]},
    "domain": _named("domain", "domains"),
    "zone": _named("zone", "zones"),
    "pool": _named("pool", "pools"),
    "agent_name": lambda region, node: {node.get("agent_name", "")},
    "status": lambda region, node: {node.get("status", 0)},
    "arch": lambda region, node: {node.get("architecture", "")},
    "tags": lambda region, node: set(node.get("tags", ())),
    "owner": lambda region, node: {node.get("owner")},
    "power_state": lambda region, node: {node.get("power_state", "unknown")},
    "deployment_target": lambda region, node: {
        "memory" if node.get("ephemeral_deploy") else "disk"
    },
    "fabrics": lambda region, node: {row["name"] for row in _fabrics(region, node)},
    "fabric_classes": lambda region, node: {row["class_type"] for row in _fabrics(region, node)},
    "vlans": lambda region, node: {row["id"] for row in _vlans(region, node)},
    "subnets": _subnets_of,
    "pod": lambda region, node: {
        row["name"] for row in region.rows("vm_hosts").values() if row["id"] == node.get("vm_host")
    },
    "pod_type": lambda region, node: {node.get("power_type", "")},
    "cpu_count": lambda region, node: {node.get("cpu_count", 0)},
    "cpu_speed": lambda region, node: {node.get("cpu_speed", 0)},
    "mem": lambda region, node: {node.get("memory", 0)},
    "link_speed": lambda region, node: {nic.get("link_speed", 0) for nic in node["interfaces"]},
}
_ALL = ("tags", "subnets")
_COMMON = (
    "arch", "tags", "fabrics", "fabric_classes", "subnets", "vlans", "zone", "pool", "pod",
    "pod_type", "owner", "power_state", "deployment_target", "system_id",
)  # fmt: skip
_OF_LISTS = ("id", "hostname", "domain", "agent_name", "status", "simple_status")


def _negated(name):
    return f"not_in_{name}" if name in ("zone", "pool") else f"not_{name}"


_BASIC = {*_COMMON, *(_negated(name) for name in _COMMON if name != "system_id"), *_NUMBERS,
          "storage", "interfaces", "devices"}  # fmt: skip
#: What 4.0 no longer knows.
_OF_PODS = {"pod", "pod_type", "not_pod", "not_pod_type"}
_KNOWN = {
    "read": _BASIC | {*_OF_LISTS, *(_negated(name) for name in _OF_LISTS), "mac_address"},
    "acquire": _BASIC | {"name"},
}


# -- reading what is asked for -----------------------------------------------------------------


class Constraints:
    """What a query or form asks for.

    Args:
        region: The region.
        data: The query or form.
        kind: ``read`` for lists, ``acquire`` for ``allocate``.

    Raises:
        Invalid: 400 for what there is not.
    """

    def __init__(self, region, data, kind):
        self.region, self.data, self.kind = region, data, kind
        self.errors, self.seen = {}, {}
        known = _KNOWN[kind] - (_OF_PODS if region.release >= "4.0" else set())
        for name in data:
            if name not in known and name not in _IGNORED:
                self.errors[name] = ["No such constraint."]
        for name in known:
            self._read(name, [value for value in data.getlist(name) if value is not None])
        if self.errors:
            raise Invalid(self.errors)

    def _error(self, name, text):
        self.errors.setdefault(name, []).append(text)

    def _read(self, name, values):
        plain = name[7:] if name.startswith("not_in_") else name
        plain = plain[4:] if plain.startswith("not_") else plain
        if not values:
            return
        reader = getattr(self, f"_read_{plain}", None)
        if plain in _NUMBERS:
            try:
                self.seen[name] = [float(value) for value in values]
            except (TypeError, ValueError):
                self._error(name, _NUMBERS[plain])
        elif reader is None or (name != plain and plain in ("arch", "tags", "owner")):
            self.seen[name] = [str(value) for value in values]
        else:
            found = reader(name, values)
            if found is not None:
                self.seen[name] = found

    def _read_arch(self, name, values):
        usable, found = images.architectures(self.region), []
        for value in values:
            of_arch = [item for item in usable if item.partition("/")[0] == value]
            if value in usable:
                of_arch = [value]
            if not of_arch:
                self._error(name, "Architecture not recognised.")
                return None
            found += of_arch
        return found

    def _read_tags(self, name, values):
        names = {word for value in values for word in re.findall(r"[^\s,]+", str(value))}
        unknown = names - {row["name"] for row in self.region.rows("tags").values()}
        if unknown:
            listed = ", ".join(f"'{tag}'" for tag in unknown)
            self._error(name, f"No such tag(s): {listed}.")
        return names

    def _names(self, name, values, table, word):
        known = {row["name"] for row in self.region.rows(table).values()}
        unknown = sorted(set(map(str, values)) - known)
        if unknown:
            self._error(name, f"No such {word}(s): {', '.join(unknown)}.")
        return [str(value) for value in values]

    def _read_zone(self, name, values):
        return self._names(name, values, "zones", "zone")

    def _read_pool(self, name, values):
        return self._names(name, values, "pools", "pool")

    def _read_owner(self, name, values):
        unknown = sorted(set(map(str, values)) - self.region.users.keys())
        if unknown:
            self._error(name, f"No such owner: '{unknown[0]}'.")
        return [str(value) for value in values]

    def _one_of(self, name, values, choices):
        found = [str(value).removeprefix("=") for value in values]
        for value in found:
            if value not in choices:
                text = f"Select a valid choice. {value} is not one of the available choices."
                self._error(name, text)
                return None
        return found

    def _read_status(self, name, values):
        found = self._one_of(name, values, STATUSES)
        return [STATUSES[value] for value in found] if found else None

    def _read_power_state(self, name, values):
        return self._one_of(name, values, _POWER)

    def _read_deployment_target(self, name, values):
        return self._one_of(name, values, _TARGETS)

    def _read_simple_status(self, name, values):
        raise Answer(500, "Cannot resolve keyword 'simple_status' into field.", TEXT)

    def _read_mac_address(self, name, values):
        wrong = [value for value in values if not forms_2x.is_mac(str(value))]
        if wrong:
            self._error(name, forms_2x.bad_mac(wrong[0]))
        return [str(value).lower() for value in values]

    def _specified(self, name, values, table, word, test):
        rows = self.region.rows(table).values()
        found = {row["id"] for row in rows for value in values if test(row, str(value))}
        if not found:
            self._error(name, f"No matching {word} found.")
        return sorted(found)

    def _read_subnets(self, name, values):
        def test(row, value):
            prefix, colon, rest = value.partition(":")
            vlan = self.region.rows("vlans")[row["vlan"]]
            if colon and prefix in ("vid", "vlan", "fabric", "space", "name", "cidr", "ip", "id"):
                return _is_subnet(self.region, row, vlan, prefix, rest)
            return value in (str(row["id"]), row["cidr"], row["name"])

        return self._specified(name, values, "subnets", "subnets", test)

    def _read_vlans(self, name, values):
        for value in map(str, values):
            if value.isdecimal() and int(value) > 4094:
                text = "VLAN tag (VID) out of range (0-4094; 0 for untagged.)"
                self._error(name, text)
                return None
        fabrics = self.region.rows("fabrics")

        def test(row, value):
            prefix, colon, rest = value.partition(":")
            if colon and prefix == "vid":
                return rest == str(row["vid"])
            if colon and prefix == "fabric":
                fabric = fabrics[row["fabric_id"]]
                return rest in (str(fabric["id"]), fabric["name"])
            wanted = rest if colon and prefix in ("name", "id") else value
            label = networks.vlan_name(self.region, row)
            return wanted == label or value == str(row["vid"])

        return self._specified(name, values, "vlans", "VLANs", test)

    def _read_storage(self, name, values):
        value = str(values[-1])
        groups = _STORAGE.findall(value)
        rendered = ",".join(
            (f"{label}:" if label else "") + size + (f"({tags})" if tags else "")
            for label, size, tags in groups
        )
        if not groups or rendered != value:
            self._error(name, f'Malformed storage constraint, "{value}".')
        return value

    def _read_interfaces(self, name, values):
        text = str(values[-1])
        found: dict = {}
        if not text.strip():
            return None
        for item in text.split(";"):
            label, colon, rest = item.partition(":")
            pairs = [pair.partition("=") for pair in rest.split(",")]
            if not colon or not label.strip() or not all(sign for _, sign, _ in pairs):
                form = "'<label>:<key>=<value>[,<key2>=<value2>[,...]]'"
                self._error(name, f"Malformed constraint: '{text}' (required format: {form})")
                return None
            of_label = found.setdefault(label.strip(), {})
            for key, _, value in pairs:
                of_label.setdefault(key.strip(), []).append(value.strip())
                if key.strip().removeprefix("not_") not in _OF_INTERFACES:
                    self._error(name, f"Unknown interfaces constraint: '{key.strip()}")
        return found

    def _read_devices(self, name, values):
        for item in str(values[-1]).split(","):
            key = item.partition("=")[0]
            if key not in _OF_DEVICES:
                self._error(name, f"Unknown devices constraint: '{key}")
        return str(values[-1])

    # -- choosing

    def fits(self, node):
        """Whether a node is one of those that are asked for."""
        region = self.region
        for name, asked in self.seen.items():
            if name in ("storage", "interfaces"):
                continue
            if name == "devices":
                return False
            if name == "name":
                if not any(_is_called(region, node, value) for value in asked):
                    return False
                continue
            plain, wanted = name, True
            for prefix in ("not_in_", "not_"):
                if name.startswith(prefix):
                    plain, wanted = name[len(prefix) :], False
                    break
            held = _HAS[plain](region, node)
            if plain in _NUMBERS:
                found = any(value >= min(asked) for value in held)
            elif wanted and plain in _ALL:
                found = set(asked) <= held
            else:
                found = bool(set(asked) & held)
            if found != wanted:
                return False
        return True

    def choose(self, rows):
        """Those of some nodes that fit.

        Returns:
            ``(nodes, {system_id: {disk: label}}, {label: {system_id: [interface id]}})``.
        """
        found = [row for row in rows if self.fits(row)]
        disks: dict = {}
        nics: dict = {}
        if "storage" in self.seen:
            disks = {row["system_id"]: _disks_for(self.region, row, self.seen["storage"])
                     for row in found}  # fmt: skip
            disks = {ident: labels for ident, labels in disks.items() if labels is not None}
            found = [row for row in found if row["system_id"] in disks]
        for label, asked in (self.seen.get("interfaces") or {}).items():
            nics[label] = {}
            for row in found:
                fitting = [nic["id"] for nic in row["interfaces"]
                           if is_nic(self.region, nic, asked)]  # fmt: skip
                if fitting:
                    nics[label][row["system_id"]] = fitting
            found = [row for row in found if row["system_id"] in nics[label]]
        return found, disks, nics

    def described(self):
        """The constraints in words, as an answer resolves them."""
        parts = []
        for name in sorted(self.seen):
            value = self.seen[name]
            if name == "interfaces":
                value = self.data.get(name)
            elif isinstance(value, set):
                value = ",".join(sorted(map(str, value)))
            elif isinstance(value, list):
                value = ",".join(str(item) for item in value)
            if value not in (None, ""):
                parts.append(f"{name}={value}")
        return " ".join(parts)


def _is_called(region, node, value):
    name, dot, domain = value.partition(".")
    own = region.rows("domains")[node["domain"]]["name"]
    return node["hostname"] == name and (not dot or domain == own)


def _is_subnet(region, row, vlan, prefix, value):
    fabric = region.rows("fabrics")[vlan["fabric_id"]]
    space = region.rows("spaces").get(vlan["space"])
    if prefix == "ip":
        try:
            return ipaddress.ip_address(value) in row["net"]
        except ValueError:
            return False
    return (
        value
        in {
            "vid": (str(vlan["vid"]),),
            "vlan": (str(vlan["id"]), networks.vlan_name(region, vlan)),
            "fabric": (str(fabric["id"]), fabric["name"]),
            "space": (str(space["id"]), space["name"]) if space else ("undefined",),
            "name": (row["name"],),
            "cidr": (row["cidr"],),
            "id": (str(row["id"]),),
        }[prefix]
    )


def is_nic(region, nic, asked):
    """Whether an interface has what is asked for."""
    vlan = region.rows("vlans").get(nic["vlan"])
    fabric = region.rows("fabrics").get(vlan["fabric_id"]) if vlan else None
    rows = region.rows("subnets")
    subnets = [rows[link["subnet"]] for link in nic["links"] if link["subnet"] in rows]
    held = {
        "id": {str(nic["id"])},
        "name": {nic["name"]},
        "type": {nic.get("type", "physical")},
        "tag": set(nic.get("tags", ())),
        "mode": {link["mode"] for link in nic["links"]},
        "ip": {link["ip_address"] for link in nic["links"]},
        "subnet": {text for row in subnets for text in (str(row["id"]), row["name"], row["cidr"])},
        "subnet_cidr": {row["cidr"] for row in subnets},
        "fabric": {fabric["name"], str(fabric["id"]), f"fabric-{fabric['id']}"}
        if fabric
        else set(),
        "fabric_class": {fabric["class_type"]} if fabric else set(),
        "vlan": {str(vlan["id"]), f"id:{vlan['id']}", networks.vlan_name(region, vlan)}
        if vlan
        else set(),
        "vid": {str(vlan["vid"])} if vlan else set(),
        "space": set(),
        "hostname": set(),
    }
    if vlan and vlan["space"] is not None:
        held["space"] = {region.rows("spaces")[vlan["space"]]["name"]}
    for name, values in asked.items():
        plain = name.removeprefix("not_")
        if plain == "link_speed":
            found = nic.get("link_speed", 0) >= min(int(value) for value in values)
        elif plain in ("name", "tag") and plain == name and plain == "tag":
            found = set(values) <= held[plain]
        else:
            found = bool(set(values) & held[plain])
        if found == (plain != name):
            return False
    return True


def asked_disks(text):
    """What a storage constraint asks for: label, bytes and tags, those with most tags before."""
    found = [
        (label, int(float(size) * 1000**3), tags.split(",") if tags else [])
        for label, size, tags in _STORAGE.findall(text)
    ]
    return found[:1] + sorted(found[1:], key=lambda disk: -len(disk[2]))


def _disks_for(region, node, text):
    """The disks of a machine for a storage constraint, as ``{id: label}``; None if it has not."""
    found, first = {}, True
    for label, size, tags in asked_disks(text):
        candidates = _candidates(region, node, size, [t for t in tags if t != "partition"],
                                 "partition" in tags, first)  # fmt: skip
        first = False
        free = [key for key in candidates if key not in found]
        if not free:
            return None
        found[free[0]] = label
    counts = Counter(found.values())
    return {key: label for key, label in found.items() if counts[label] and label}


def _candidates(region, node, size, tags, as_partition, is_root):
    """Ids (disks, or ``partition:ID``) that fit a constraint; the first one is for the root."""
    found = []
    for disk in storage.disks_of(region, node):
        parts = storage.partitions_of(region, disk)
        fits = disk["size"] >= size and set(tags) <= set(disk["tags"])
        if is_root:
            keys = [(storage.PARTITION, part["id"]) for part in parts]
            keys.append((storage.DISK, disk["id"]))
            for key in keys:
                rows = storage.filesystems_of(region, key)
                if any(row["mount_point"] == "/" and not row["acquired"] for row in rows):
                    part = storage.device(region, key)
                    if as_partition and key[0] == storage.PARTITION:
                        if part["size"] >= size and set(tags) <= set(part["tags"]):
                            found.append((part["size"], f"partition:{part['id']}"))
                    elif fits and not as_partition:
                        found.append((disk["size"], disk["id"]))
        elif as_partition:
            found += [
                (part["size"], f"partition:{part['id']}")
                for part in parts
                if part["size"] >= size
                and set(tags) <= set(part["tags"])
                and not storage.filesystems_of(region, (storage.PARTITION, part["id"]))
            ]
        elif fits and not disk["table"] and _is_bare(region, disk):
            found.append((disk["size"], disk["id"]))
    return [key for _, key in sorted(found, key=lambda item: item[0])]


def _is_bare(region, disk):
    return not storage.filesystems_of(region, (storage.DISK, disk["id"]))


def listed(request, rows):
    """The nodes of a list that its query asks for."""
    found, _, _ = Constraints(request.region, request.query, "read").choose(rows)
    return found
