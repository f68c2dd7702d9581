"""What the laboratories of 3.7 did; for machines see ``lab_machines``."""

from __future__ import annotations

import base64
import time
from typing import Any

from exchanges import Exchange
from laboratory import Key, Lab
from maas_emulator import images, machines
from maas_emulator.api2 import notifications


class Lab37(Lab):
    NAME, RELEASE = "maas-3.7.3", "3.7.3"
    KNOWN = {
        "37-016": "it describes what the emulator serves, which is less than MAAS does",
        "37-396": "an emulated region has no notices about itself",
        "37-404": "titles and contents of MAAS's own scripts are not copied",
        "37-632": "an emulated region has no notices about itself",
        "37-510": "it describes what the emulator serves, without forms and answers",
        "37-523": "labels and choices of power parameters are not copied",
    }
    UNRECORDED = ("ip_addresses",)
    FILES = {
        "37-041": {"name": "fab-mp"},
        "37-042": {"description": "via multipart"},
        "37-422": {"content": b"#!/bin/sh\necho b\n"},
        "37-437": {"file": b"hello"},
        "37-445": {"keyring_data": base64.b64decode("mQFrZXlyaW5n")},
        "37-449": {"keyring_data": b"key"},
        "37-454": {"keyring_data": b"new"},
        "37-497": {"content": b"x" * 1100},
        "37-500": {"content": b"x" * 1100},
        "37-501": {"content": b"x" * 1101},
    }
    RAW_TYPES = {"37-654": "application/json", "37-656": "text/csv"}

    def start(self) -> None:
        self.names["abtxam"] = self.region.rows("regions")[1]["system_id"]

    def signature(self, exchange: Exchange) -> Key | str | None:
        """Key or header of an exchange: the recording tells it by its name only."""
        admin = self.keys["admin"]
        consumer, token, secret = admin.split(":")
        special: dict[str, Key | str | None] = {
            **dict.fromkeys(("37-001", "37-007", "37-008", "37-009"), None),
            "37-004": Key(f"nobody:{token}:{secret}"),
            "37-005": Key(f"{consumer}:bbbbbbbbbbbbbbbbbb:{secret}"),
            "37-006": Key(f"{consumer}:{token}:wrong"),
            "37-010": Key(admin, timestamp=1000000000),
            "37-011": Key(admin, timestamp=int(time.time()) + 5000),
            "37-012": Key(admin, nonce="fixednonce1"),
            "37-013": Key(admin, nonce="fixednonce1"),
            "37-014": Key(admin, method="HMAC-SHA1"),
            "37-015": "Bearer garbage",
        }
        if exchange.short in special:
            return special[exchange.short]
        if "-nonadmin-" in exchange.id or exchange.id.endswith("-deleted-user-key"):
            return Key(self.keys["bob"])
        return Key(admin)

    # -- what the laboratory did in between ----------------------------------------------------

    def give_bob_a_key(self) -> None:
        self.keys["bob"] = self.region.new_api_key("bob")

    def fill_catalogue(self) -> None:
        """The laboratory filled the cache of source 1 by hand."""
        images.importer(self.region).fetch(self.region.rows("boot_sources")[1])

    def let_import_end(self) -> None:
        self.wait(60)

    def start_racks(self) -> None:
        """Two racks came in; their remote calls were answered, their services not watched."""
        for number, ident in enumerate(("7bhgb4", "bn7sq8")):
            eth0 = {"name": "eth0", "mac": f"52:54:10:00:00:0{number}",
                    "ip": f"2001:db8:1::{'ab'[number]}", "subnet_mask": "64"}  # fmt: skip
            eth1 = {"name": "eth1", "mac": f"52:54:11:00:00:0{number}",
                    "ip": f"10.4.0.1{number}", "subnet_mask": "255.255.255.0"}  # fmt: skip
            self.region.register_controller(
                hostname=f"xrack-00{number}", system_id=ident, interfaces=[eth0, eth1]
            )
        for rack in self.region.rows("racks").values():
            rack["connected"] = True

    def delete_dynamic_range(self) -> None:
        """Between two recorded lists the last range went away."""
        del self.region.rows("ipranges")[3]

    def describe_subnet(self) -> None:
        """Not recorded, but seen in the next answer."""
        self.region.rows("subnets")[1]["description"] = "d0"

    def name_second_machine(self) -> None:
        """Its creation was answered with an error, though it was made."""
        self.names["reg866"] = self._machine("m2")["system_id"]

    def make_ready(self) -> None:
        """The laboratory set the status by hand: the machine has no hardware to commission."""
        self._machine("m1b").update(status=machines.READY, owner=None)

    def _machine(self, hostname: str) -> dict[str, Any]:
        rows = self.region.rows("machines").values()
        return next(row for row in rows if row["hostname"] == hostname)

    BEFORE = {
        "37-296": give_bob_a_key,
        "37-460": fill_catalogue,
        "37-484": let_import_end,
        "37-497": let_import_end,
        "37-520": let_import_end,
        "37-515": start_racks,
        "37-563": name_second_machine,
        "37-583": make_ready,
        "37-638": delete_dynamic_range,
        "37-663": describe_subnet,
    }


class Seeded(Lab):
    """A region with three users and five racks, of whose services only rackd was there."""

    def signature(self, exchange: Exchange) -> Key:
        return Key(self.keys["plain" if "-nonadmin-" in exchange.id else "admin"])

    def act(self, what: str, done: dict[str, Any]) -> None:
        for name, is_superuser in (("second", True), ("plain", False)):
            self.region.create_user(name, name, f"{name}@example.com", is_superuser)
            self.keys[name] = self.region.new_api_key(name)
        for rack in sorted(done["racks"], key=lambda rack: int(rack["fabric"])):
            nic = {name: rack[name] for name in ("name", "mac", "ip", "subnet_mask")}
            ident = rack["system_id"]
            self.region.register_controller(
                hostname=rack["hostname"], system_id=ident, interfaces=[nic]
            )
            self.region.controller_connected(ident, True)
        for row in self.region.rows("racks").values():  # of whose services only rackd was there
            row.update(version=None, services="rackd")


class Random37(Seeded):
    """Random requests, right and wrong."""

    NAME, RELEASE = "random-3.7.3", "3.7.3"
    KNOWN = {"37-498": "an emulated region has no notices about itself"}


class Random38(Seeded):
    """Random requests to a beta of 3.8."""

    NAME, RELEASE = "random-3.8.0", "3.8.0"
    KNOWN = {
        "38-001": "it was a beta",
        **dict.fromkeys(
            ("38-115", "38-263", "38-286", "38-303"),
            "the MAC address of a reservation is not shown",
        ),
        "38-372": "texts of MAAS's notices are not copied",
        "38-399": "texts of MAAS's notices are not copied",
        "38-463": "texts of MAAS's notices are not copied",
    }

    def start(self) -> None:
        """It had started before; its database was PostgreSQL 15, and no VLAN had DHCP."""
        rows = self.region.rows("notifications")
        while rows.add({})["id"] < 5:
            pass
        rows.clear()
        for notice in ("MD6", "MD5"):
            notifications.announce(self.region, notice)
        row = {"ident": "dhcp_disabled_all_vlans", "user": None, "users": False, "admins": True,
               "message": "DHCP is off.", "context": {}, "category": "warning",
               "dismissable": True, "dismissed": []}  # fmt: skip
        rows.add(row)


class Lab38(Seeded):
    """What 3.8 changes: images, permissions, interfaces, and ids that are no numbers."""

    NAME, RELEASE = "maas-3.8.0", "3.8.0"
    OPTIONS = {"index_seconds": 0, "machine_seconds": float("inf")}
    KNOWN = {
        **dict.fromkeys(("38-001", "38-283", "38-289", "38-363"), "it was a beta"),
        "38-166": "sets of an earlier upload, which have no files any more, are not shown",
        "38-282": "names of machines are drawn",
    }

    def signature(self, exchange: Exchange) -> Key:
        return Key(self.keys[exchange.by])

    def act(self, what: str, done: dict[str, Any]) -> None:
        if "racks" in done:
            super().act(what, done)
        if "images" in done:  # the catalogue of source 1 was filled, and one image was there
            image = images.image(self.region, "ubuntu/noble", "amd64/ga-24.04")
            for file in image["files"].values():
                file["stored"] = file["size"]
            self.region.rows("boot_resources").add(image)
        for machine in self.region.rows("machines").values():
            if machine["hostname"] == done.get("ready"):
                machine["status"] = machines.READY
