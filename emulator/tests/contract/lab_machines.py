"""What a running 3.7.3 answered about machines; a laboratory played the hardware.

What a machine would have done in between becomes calls of :mod:`maas_emulator.hardware`.
"""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from exchanges import Exchange
from laboratory import Answer, Lab
from maas_emulator import hardware, images, networks, nodes, scripts_run

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
#: Machines whose first interface had an address, as is seen in what was answered later.
ADDRESSED = ("c1", "c2", "c3", "c4", "c5")


class Machines37(Lab):
    """A laboratory that knows what recorded ids of machines' things are here."""

    NAME, RELEASE = "maas-3.7.3-machines", "3.7.3"
    OPTIONS = {"machine_seconds": float("inf")}
    KNOWN = {
        "37m-135": "MAAS fails and lists the fields of its own model",
        "37m-1082": "it is a table by ids of interfaces, that differ",
        "37m-1161": "nothing is installed, so there is no configuration",
        "37m-1542": "the laboratory's rack had no services and no version",
    }

    def start(self) -> None:
        self.ids: dict[tuple[str, str], Any] = {}
        self.seen: set[str] = set()
        self.names["cxcbdr"] = "cxcbdr"

    def drawing(self) -> AbstractContextManager[Any]:
        # The region may give a VM host the name that it drew for a machine.
        names = (f"drawn-{number:03}" for number in itertools.count())
        return patch.object(nodes, "invented_name", lambda taken: next(names))

    def send(self, exchange: Exchange) -> Answer:
        self._op = exchange.params.get("op")
        return super().send(exchange)

    def values(self, fields: dict[str, Any]) -> dict[str, Any]:
        found = super().values(fields)
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

    def learn_names(self, recorded: Any, got: Any) -> None:
        """Remember what things are called here when an answer shows them for the first time."""
        if isinstance(recorded, dict) and isinstance(got, dict):
            self._learn_names_of_one(recorded, got)
            for name in recorded.keys() & got.keys():
                self.learn_names(recorded[name], got[name])
        elif isinstance(recorded, list) and isinstance(got, list) and len(recorded) == len(got):
            for one, other in zip(_by_id(recorded), _by_id(got)):
                self.learn_names(one, other)

    def _learn_names_of_one(self, recorded: dict[str, Any], got: dict[str, Any]) -> None:
        uri = str(recorded.get("resource_uri", ""))
        kind = uri.rstrip("/").split("/")[-2] if uri.count("/") > 2 else ""
        if uri not in self.seen:
            self.seen.add(uri)
            for name in ("hostname", "name") if kind == "vm-hosts" else ("hostname",):
                if recorded.get(name) and recorded[name] != got.get(name):  # MAAS made it up
                    self.names[recorded[name]] = got[name]
            super().learn_names(recorded, got)
        self.ids.setdefault((kind, str(recorded.get("id"))), got.get("id"))
        if "mode" in recorded:
            self.ids.setdefault(("links", str(recorded.get("id"))), got.get("id"))

    # -- what the laboratory did ---------------------------------------------------------------

    def act(self, what: str, done: dict[str, Any]) -> None:
        self.region.tick()
        what = what.partition("-orm-")[2]
        for name, action in self._ACTIONS.items():
            if what.startswith(name):
                action(self, done)

    def _here_of(self, done: dict[str, Any]) -> str:
        return self.names.get(done["system_id"], done["system_id"])

    def seed_users(self, done: dict[str, Any]) -> None:
        for name in done["users"]:
            if name != "admin":
                is_superuser = name == "second"
                self.region.create_user(name, name, f"{name}@example.com", is_superuser)
                self.keys[name] = self.region.new_api_key(name)

    def seed_images(self, _: dict[str, Any]) -> None:
        rows = self.region.rows("boot_resources")
        for series, version in (("jammy", "22.04"), ("noble", "24.04")):
            for arch in ("amd64", "arm64"):
                for kernel in ("ga", "hwe"):
                    architecture = f"{arch}/{kernel}-{version}"
                    rows.add(_image(f"ubuntu/{series}", architecture, "Synced"))
        rows.add(_image("rocky9", "amd64/generic", "Uploaded"))
        settings = self.region.settings
        settings.update(commissioning_distro_series="noble", default_distro_series="noble")

    def seed_rack(self, done: dict[str, Any]) -> None:
        rack = done["rack"]
        networks.default_fabric(self.region)
        nic = {"name": rack["interface"]["name"], "mac": rack["interface"]["mac_address"]}
        self.region.register_controller(
            hostname=rack["hostname"], system_id=rack["system_id"], interfaces=[nic]
        )
        row = next(iter(self.region.rows("racks").values()))
        row["interfaces"][0]["vlan"] = rack["interface"]["vlan"]
        self.set_bmc(done)

    def set_bmc(self, done: dict[str, Any]) -> None:
        for rack in self.region.rows("racks").values():
            self.region.controller_connected(rack["system_id"], done["bmc"] == "ok")

    def set_status(self, done: dict[str, Any]) -> None:
        told = dict(done["set"])
        if "previous_status" in done:
            told["previous_status"] = done["previous_status"]
        hardware.update(self.region, self._here_of(done), **told)

    def set_hardware(self, done: dict[str, Any]) -> None:
        (first, its_disks), (second, more_disks) = done["disks"].items()
        hardware.detected(
            self.region, self.names.get(first, first), disks=its_disks, cpu_count=4,
            memory=8192, cpu_speed=2400, cores=4, metadata={"system_vendor": "QEMU"},
        )  # fmt: skip
        ident = self.names.get(second, second)
        hardware.detected(
            self.region, ident, disks=more_disks, cpu_count=16, memory=65536, cpu_speed=3000
        )
        nic = hardware.machine(self.region, ident)["interfaces"][0]
        fabrics = self.region.rows("fabrics").values()
        fabric = next(row for row in fabrics if row["name"] == "lab")
        vlan = networks.default_vlan(self.region, fabric["id"])["id"]
        nic.update(interface_speed=10000, link_speed=1000, vlan=vlan)

    def commissioned(self, done: dict[str, Any]) -> None:
        ident = self._here_of(done)
        row = hardware.machine(self.region, ident)
        nics = [dict(nic) for nic in done["interfaces"]]
        if row["hostname"] in ADDRESSED:
            nics[0]["address"] = f"10.1.0.10{row['hostname'][1:]}/24"
        message = row["status_message"]
        facts = ("cpu_count", "cpu_speed", "memory", "architecture")
        hardware.commissioned(
            self.region, ident, interfaces=nics, disks=done["block_devices"],
            cores=done["cpu_count"], **{fact: done[fact] for fact in facts},
        )  # fmt: skip
        # The laboratory let all scripts pass, also those that were stopped before, and told nobody.
        for result in row["results"].values():
            result["status"] = scripts_run.PASSED
        row["status_message"] = message

    _ACTIONS = {
        "seed-users": seed_users,
        "seed-images": seed_images,
        "seed-rack": seed_rack,
        "bmc": set_bmc,
        "status": set_status,
        "hardware": set_hardware,
        "commissioned": commissioned,
    }


def _by_id(items: list[Any]) -> list[Any]:
    if items and all(isinstance(item, dict) and "id" in item for item in items):
        return sorted(items, key=lambda item: item["id"])
    return items


def _image(name: str, architecture: str, kind: str) -> dict[str, Any]:
    row = images.new_resource(kind, name, architecture, "20240101", "stable", {})
    row["subarches"] = architecture.partition("/")[2] + ",generic"
    return row
