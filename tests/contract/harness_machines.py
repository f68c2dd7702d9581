"""Replays what a running 3.7.3 answered about machines; a laboratory played the hardware.

Rows of method ``ORM`` tell what a machine would have done in between: they become calls of
:mod:`maas_emulator.hardware`.
"""

from __future__ import annotations

import json

from harness import Key, Lab, differences, load, recordings
from maas_emulator import hardware, images, networks, scripts_run
from maas_emulator.server import RegionServer

NAME = "maas-3.7.3-machines.jsonl"


def laboratory_rows():
    """``{id: data}`` of what the laboratory did."""
    with (recordings() / NAME).open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    return {row["id"]: row for row in rows if row["method"] == "ORM"}


#: Form fields that hold ids of a machine's things, and what those are called in paths.
MACHINE_IDS = {
    "parent": "interfaces", "parents": "interfaces", "link_id": "links", "id": "links",
    **dict.fromkeys(("block_devices", "spare_devices", "add_block_devices", "add_spare_devices",
                     "remove_block_devices", "remove_spare_devices", "root_device",
                     "cache_device", "backing_device"), "blockdevices"),
    **dict.fromkeys(("partitions", "add_partitions", "remove_partitions", "spare_partitions",
                     "cache_partition", "backing_partition"), "partition"),
    "cache_set": "bcache-cache-set",
}  # fmt: skip


class MachineLab(Lab):
    """A laboratory that knows what recorded ids of machines' things are here."""

    def __post_init__(self):
        super().__post_init__()
        self.ids, self.seen, self._op = {}, set(), None

    def send(self, exchange, *args, **more):
        """Send a recorded call."""
        self._op = exchange.params.get("op")
        return super().send(exchange, *args, **more)

    def learn(self, recorded, got):
        """Remember what things are called here when an answer shows them for the first time."""
        if isinstance(recorded, dict) and isinstance(got, dict):
            uri, kind = str(recorded.get("resource_uri", "")), ""
            if uri.count("/") > 2:
                kind = uri.rstrip("/").split("/")[-2]
            if uri not in self.seen:
                self.seen.add(uri)
                for name in ("hostname", "name"):
                    if kind == "vm-hosts" or name == "hostname":
                        self._call(recorded.get(name), got.get(name))
                super().learn(recorded, got)
            self.ids.setdefault((kind, str(recorded.get("id"))), got.get("id"))
            if "mode" in recorded:
                self.ids.setdefault(("links", str(recorded.get("id"))), got.get("id"))
            for name in recorded.keys() & got.keys():
                self.learn(recorded[name], got[name])
        elif isinstance(recorded, list) and isinstance(got, list) and len(recorded) == len(got):
            for one, other in zip(_by_id(recorded), _by_id(got)):
                self.learn(one, other)

    def _call(self, recorded, got):
        """Remember a name that MAAS made up."""
        if recorded and recorded != got:
            self.names[recorded] = got

    def _values(self, fields):
        found = super()._values(fields)
        for name, value in found.items():
            kind = MACHINE_IDS.get(name)
            if name == "id" and self._op == "delete_logical_volume":
                kind = "blockdevices"
            if kind and isinstance(value, list):
                found[name] = [self.ids.get((kind, str(item)), item) for item in value]
            elif kind:
                found[name] = self.ids.get((kind, str(value)), value)
            elif isinstance(value, str) and "," in value:
                found[name] = ",".join(self.names.get(word, word) for word in value.split(","))
        return found


def _by_id(items):
    if items and all(isinstance(item, dict) and "id" in item for item in items):
        return sorted(items, key=lambda item: item["id"])
    return items


# -- what was there before ---------------------------------------------------------------------


def seed_users(lab, data):
    for name in data["users"]:
        if name != "admin":
            is_superuser = name == "second"
            lab.region.create_user(name, name, f"{name}@example.com", is_superuser)
            lab.keys[name] = lab.region.new_api_key(name)


def seed_images(lab, _):
    rows = lab.region.rows("boot_resources")
    for series, version in (("jammy", "22.04"), ("noble", "24.04")):
        for arch in ("amd64", "arm64"):
            for kernel in ("ga", "hwe"):
                rows.add(_image(f"ubuntu/{series}", f"{arch}/{kernel}-{version}", "Synced"))
    rows.add(_image("rocky9", "amd64/generic", "Uploaded"))
    settings = lab.region.settings
    settings.update(commissioning_distro_series="noble", default_distro_series="noble")


def _image(name, architecture, kind):
    row = images.new_resource(kind, name, architecture, "20240101", "stable", {})
    row["subarches"] = architecture.partition("/")[2] + ",generic"
    return row


def seed_rack(lab, data):
    rack = data["rack"]
    networks.default_fabric(lab.region)
    nic = {"name": rack["interface"]["name"], "mac": rack["interface"]["mac_address"]}
    lab.region.register_controller(
        hostname=rack["hostname"], system_id=rack["system_id"], interfaces=[nic]
    )
    row = next(iter(lab.region.rows("racks").values()))
    row["interfaces"][0]["vlan"] = rack["interface"]["vlan"]
    set_bmc(lab, data)


# -- what machines did -------------------------------------------------------------------------


def set_bmc(lab, data):
    for rack in lab.region.rows("racks").values():
        lab.region.controller_connected(rack["system_id"], data["bmc"] == "ok")


def set_status(lab, data):
    told = dict(data["set"])
    if "previous_status" in data:
        told["previous_status"] = data["previous_status"]
    hardware.tell(lab.region, lab.names.get(data["system_id"], data["system_id"]), **told)


def set_hardware(lab, data):
    (first, its_disks), (second, more_disks) = data["disks"].items()
    hardware.find(
        lab.region, lab.names.get(first, first), disks=its_disks, cpu_count=4, memory=8192,
        cpu_speed=2400, cores=4, metadata={"system_vendor": "QEMU"},
    )  # fmt: skip
    ident = lab.names.get(second, second)
    hardware.find(lab.region, ident, disks=more_disks, cpu_count=16, memory=65536, cpu_speed=3000)
    nic = hardware.machine(lab.region, ident)["interfaces"][0]
    lab_fabric = next(row for row in lab.region.rows("fabrics").values() if row["name"] == "lab")
    vlan = networks.default_vlan(lab.region, lab_fabric["id"])["id"]
    nic.update(interface_speed=10000, link_speed=1000, vlan=vlan)


def commissioned(lab, data):
    ident = lab.names.get(data["system_id"], data["system_id"])
    name = hardware.machine(lab.region, ident)["hostname"]
    nics = [dict(nic) for nic in data["interfaces"]]
    if name in ADDRESSED:
        nics[0]["address"] = f"10.1.0.10{name[1:]}/24"
    row = hardware.machine(lab.region, ident)
    message = row["status_message"]
    facts = ("cpu_count", "cpu_speed", "memory", "architecture")
    hardware.commissioned(
        lab.region, ident, interfaces=nics, disks=data["block_devices"], cores=data["cpu_count"],
        **{fact: data[fact] for fact in facts},
    )  # fmt: skip
    # The laboratory let all scripts pass, also those that were stopped before, and told nobody.
    for result in row["results"].values():
        result["status"] = scripts_run.PASSED
    row["status_message"] = message


#: Machines whose first interface had an address, as is seen in what was answered later.
ADDRESSED = ("c1", "c2", "c3", "c4", "c5")
ACTIONS = {
    "seed-users": seed_users,
    "seed-images": seed_images,
    "seed-rack": seed_rack,
    "bmc": set_bmc,
    "status": set_status,
    "hardware": set_hardware,
    "commissioned": commissioned,
}


def act(lab, row):
    """Do what the laboratory did."""
    lab.region.tick()
    what = row["id"].partition("-orm-")[2]
    for name, action in ACTIONS.items():
        if what.startswith(name):
            action(lab, row["data"])


def replay():
    """Send all requests to a fresh region.

    Yields:
        (exchange, answer, list of differences).
    """
    done = laboratory_rows()
    with RegionServer(release="3.7.3", hostname="vm", machine_seconds=float("inf")) as server:
        lab = MachineLab(server)
        lab.names["cxcbdr"] = "cxcbdr"
        for exchange in load(NAME):
            if exchange.method == "ORM":
                act(lab, done[exchange.id])
                continue
            key = None if exchange.auth == "none" else Key(lab.keys[exchange.auth])
            answer = lab.send(exchange, key)
            if answer[0] == exchange.status:
                lab.learn(exchange.body, answer[2])
            yield exchange, answer, differences(lab.as_here(exchange), answer)
