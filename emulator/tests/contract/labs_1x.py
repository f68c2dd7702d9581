"""What the laboratories of API 1.0 did, and how what they recorded differs from run to run."""

from __future__ import annotations

import itertools
import re
from typing import Any

from exchanges import Exchange
from laboratory import Key, Lab
from maas_emulator.api1 import catalogue, controllers, groups

A, B, C = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "123")

#: What a recording calls wrong credentials, and how they differ from the administrator's.
_WRONG_KEYS = {
    "wrong key": "bad:TOKEN:SECRET",
    "wrong secret": "{consumer}:{token}:bad",
    "wrong token": "{consumer}:wrong:{secret}",
}
DRIVER = {"name": "eth0", "mac": "52:54:00:aa:00:01", "ip": "10.0.0.1",
          "subnet_mask": "255.255.255.0"}  # fmt: skip
_DESCRIBE = "it describes what the emulator serves, in the emulator's words"


class Lab1x(Lab):
    """What all recordings of API 1.0 have in common."""

    def signature(self, exchange: Exchange) -> Key | None:
        who = exchange.by.removeprefix("other:").removesuffix(" non-admin")
        if who == "none":
            return None
        if who in _WRONG_KEYS:
            parts = zip(("consumer", "token", "secret"), self.keys["admin"].split(":"))
            return Key(_WRONG_KEYS[who].format(**dict(parts)))
        if who not in self.keys:
            if who == "worker":
                group = groups.find_group(self.region, A)
                self.keys[who] = groups.worker_token(self.region, group).text
            else:
                self.keys[who] = self.region.new_api_key(who)
        return Key(self.keys[who])

    # -- what the laboratory did ---------------------------------------------------------------

    def register_clusters(self, others: tuple[str, ...] = ()) -> None:
        """Three clusters come in, the first with an interface; they offer Windows, too.

        Args:
            others: Addresses of the interfaces of the second and the third.
        """
        self.region.state["cluster_systems"] = [("windows", "win2012r2")]
        self.region.register_controller(uuid=A, hostname=A, interfaces=[DRIVER])
        for uuid, ip in itertools.zip_longest((B, C), others):
            interfaces = [{**DRIVER, "ip": ip}] if ip else []
            self.region.register_controller(uuid=uuid, hostname=uuid, interfaces=interfaces)

    def register_clusters_with_networks(self) -> None:
        self.register_clusters(("10.0.1.1", "10.0.2.1"))

    def lose_clusters(self) -> None:
        """No cluster ran in the laboratory; whoever registered by hand answers nothing."""
        for group in groups.all_groups(self.region):
            group["connected"] = False

    def answer_for_clusters(self) -> None:
        """The stand-in for the clusters told of these images, whatever there was."""
        for group in groups.all_groups(self.region):
            group["images"] = [
                {
                    "osystem": "ubuntu",
                    "release": "trusty",
                    "architecture": "amd64",
                    "subarchitecture": "generic",
                    "label": "release",
                    "purpose": purpose,
                }
                for purpose in ("commissioning", "install", "xinstall")
            ]

    def import_images(self, installer: bool = True) -> None:
        """Images as from a local mirror, at first without the installer's files."""
        for series, arch in (("trusty", "amd64"), ("trusty", "i386"), ("precise", "amd64")):
            row = catalogue.add_synced(self.region, "ubuntu", series, arch)
            row["subarches"] = ("generic", "hwe-p", f"hwe-{series[0]}")
            files = row["sets"][-1]["files"]
            for file in list(files):
                file["have"] = file["size"]
                if not installer and file["filename"].startswith("di-"):
                    files.remove(file)

    def import_without_installer(self) -> None:
        self.import_images(installer=False)

    def import_installer(self) -> None:
        for row in self.region.rows(catalogue.RESOURCES).values():
            for name in ("di-kernel", "di-initrd"):
                file = catalogue.new_file(self.region, name, 28, "", 28)
                row["sets"][-1]["files"].append(file)

    def let_time_pass(self) -> None:
        """The catalogue of a new source is known by now."""
        self.wait(1)

    def add_tag(self, name: str = "n1tag", **values: str) -> None:
        """Not recorded, but there in the next exchange."""
        row = {"name": name, "comment": "", "definition": "", "kernel_opts": "", **values}
        self.region.rows("tags").add(row)


class Lab15(Lab1x):
    NAME, RELEASE = "maas-1.5.4", "1.5.4"
    KNOWN = {"15-340": _DESCRIBE}
    FILES = {
        "15-081": {"name": "multi.example.com"},
        "15-302": {"file": b"hello"},
        "15-303": {"file": b"hello2"},
        "15-305": {"file": b"hello"},
        "15-324": {"content": b"#!/bin/sh\necho"},
    }
    BEFORE = {"15-058": Lab1x.lose_clusters, "15-284": Lab1x.lose_clusters}


class Lab17(Lab1x):
    NAME, RELEASE = "maas-1.7.3", "1.7.3"
    KNOWN = {"17-414": _DESCRIBE}
    FILES = {
        "17-069": {"name": "multi.example.com"},
        "17-175": {"keyring_data": b"\x99\x01keyring"},
        "17-177": {"keyring_data": b"\x99\x01keyring"},
        "17-181": {"keyring_data": b"asciikeyring"},
        "17-376": {"file": b"hello"},
        "17-377": {"file": b"hello2"},
        "17-379": {"file": b"hello"},
        "17-398": {"content": b"#!/bin/sh\necho"},
        "17-b004": {"content": b"x" * 100},
        "17-b005": {"content": b"y" * 100},
    }
    BEFORE = {
        "17-033": Lab1x.register_clusters,
        "17-156": Lab1x.answer_for_clusters,
        "17-190": Lab1x.let_time_pass,
        "17-213": Lab1x.import_without_installer,
        "17-b004": Lab1x.import_installer,
        "17-c040": Lab1x.add_tag,
    }

    def start(self) -> None:
        """Bring a region to where a series of the recording starts."""
        if self.series == "main":
            return
        self.region.create_user("joe", "joe", "joe@example.com")
        self.register_clusters()
        one, three = (groups.find_group(self.region, uuid) for uuid in (A, C))
        one.update(cluster_name="Cluster AA", name="multi.example.com", default_disable_ipv4=True)
        self.import_images(installer=self.series != "b")
        if self.series in ("b", "c"):
            self._add_interface(one, 4, low=50, high=10)
        if self.series == "c":
            self._add_interface(one, 3, low=10, high=50)
            self.add_tag("virtual", comment="c", definition="//node")
        if self.series == "nc":
            eth0 = groups.interfaces_of(self.region, one)[0]
            eth0.update(ip_range_low="10.0.0.10", ip_range_high="10.0.0.60")
            eth0.update(static_ip_range_low="10.0.0.100", static_ip_range_high="10.0.0.150")
            three["status"] = groups.REJECTED
            self.lose_clusters()

    def _add_interface(self, group: Any, number: int, low: int, high: int) -> None:
        name, net = f"eth{number}", f"10.{number}.0"
        groups.add_interface(self.region, group, {
            "interface": name, "name": name, "ip": f"{net}.1", "subnet_mask": "255.255.255.0",
            "broadcast_ip": f"{net}.255", "ip_range_low": f"{net}.{low}",
            "ip_range_high": f"{net}.{high}", "management": 2,
        })  # fmt: skip

    def send(self, exchange: Exchange) -> Any:
        # A create that only works with multipart, sent without a file.
        parts = exchange.path.split("/")
        creates = exchange.form and "urlencoded" not in exchange.id
        if creates and parts[4] in ("boot-resources", "license-keys"):
            exchange.multipart = True
        return super().send(exchange)


class Lab19(Lab1x):
    NAME, RELEASE = "maas-1.9.5", "1.9.5"
    KNOWN = {"19-418": _DESCRIBE}
    FILES = {
        "19-069": {"name": "multi.example.com"},
        "19-175": {"keyring_data": b"\x99\x01keyring"},
        "19-177": {"keyring_data": b"\x99\x01keyring"},
        "19-181": {"keyring_data": b"asciikeyring"},
        "19-214": {"content": b"x" * 100},
        "19-215": {"content": b"y" * 100},
        "19-380": {"file": b"hello"},
        "19-381": {"file": b"hello2"},
        "19-383": {"file": b"hello"},
        "19-402": {"content": b"#!/bin/sh\necho"},
    }
    BEFORE = {
        "19-033": Lab1x.register_clusters_with_networks,
        "19-156": Lab1x.answer_for_clusters,
        "19-190": Lab1x.let_time_pass,
        "19-213": Lab1x.import_images,
    }


# -- random sequences --------------------------------------------------------------------------

_IMPORTED = (("trusty", "amd64"), ("trusty", "i386"), ("precise", "amd64"))
_OFFERED = (*_IMPORTED, ("precise", "i386"), ("utopic", "amd64"))


class Random1x(Lab1x):
    """Random requests, right and wrong."""

    def act(self, what: str, done: dict[str, Any]) -> None:
        region = self.region
        region.create_user("joe", "joe", "joe@example.com")
        controllers.register(region, hostname="one", **done)
        if region.release < groups.RPC:
            return
        for series, arch in _IMPORTED:
            row = catalogue.add_synced(region, "ubuntu", series, arch)
            for file in row["sets"][-1]["files"]:  # which held their names
                text = f"{row['name']} {row['architecture']} {file['filename']}"
                file["size"] = file["have"] = len(text)
        source = region.rows(catalogue.SOURCES)[1]
        source["catalogue"] = [("ubuntu", series, arch) for series, arch in _OFFERED]
        source["kernels"] = ("generic", "hwe-t")
        region.settings["commissioning_distro_series"] = "trusty"
        # The servers ran in 2026, and take what is long-term by the calendar.
        region.state["lts"] = region.settings["default_distro_series"] = "resolute"

    def learn(self, exchange: Exchange, got: Any) -> None:
        recorded = exchange.body
        if not isinstance(recorded, dict) or not isinstance(got, dict):
            return
        self.learn_names(recorded, got)
        vlans, ours = recorded.get("vlans") or [], got.get("vlans") or []
        if len(vlans) == len(ours) == 1:  # of a new fabric
            self.learn_names(vlans[0], ours[0])
        name = str(recorded.get("name"))
        if name != got.get("name") and re.search(r"unnamed-\d+|-ipv[46]-", name):
            self.names[name] = got["name"]
        made = exchange.method == "POST" and "macaddress_set" in recorded
        if made and not exchange.form.get("hostname"):
            self._rename_machine(recorded, got)

    def _rename_machine(self, recorded: dict[str, Any], got: dict[str, Any]) -> None:
        """Give a machine that came without a name the one that the recorded region drew."""
        drawn, ours = (found["hostname"].partition(".")[0] for found in (recorded, got))
        for row in self.region.rows("machines").values():
            if row["hostname"].partition(".")[0] == ours:
                row["hostname"] = row["hostname"].replace(ours, drawn)
        got["hostname"] = got["hostname"].replace(ours, drawn)


class Random15(Random1x):
    NAME, RELEASE = "random-1.5.4", "1.5.4"


class Random17(Random1x):
    NAME, RELEASE = "random-1.7.3", "1.7.3"


class Random19(Random1x):
    NAME, RELEASE = "random-1.9.5", "1.9.5"
