"""A real master, and one minion that represents regions and machines as Salt resources."""

from __future__ import annotations

import json
import subprocess

import yaml
from maas_emulator import hardware
from maas_emulator.server import RegionServer
from support.machine_regions import images_and_rack
from support.reconciling import carried_out

from demo.lab import REPOSITORY, Lab, free_port

MINION, SECRET = "stand-in", "tr0ub4dor"
STATES = {
    "top": "base:\n  dc1: [maas.managed]\n",
    "os": "os:\n  maas_machine.deployed:\n    - distro_series: jammy\n",
}
#: The machines of the region that is the minion's own.
MACHINES = {
    name: {
        "architecture": "amd64", "mac_addresses": [f"52:54:00:00:00:{name[-2:]}"],
        "power_type": "ipmi",
        "power_parameters": {"power_address": f"192.0.2.{name[-2:]}", "power_pass": SECRET},
    }
    for name in ("web-11", "web-12", "db-13")
}  # fmt: skip


class ResourceLab(Lab):
    """The site.  Use it as a context manager.

    The minion represents the regions ``dc1`` and ``dc2``, and ``gone`` that does not answer; and
    the machines of its own region ``own``, those of ``web*`` as a group, too.
    """

    def __init__(self, folder):
        super().__init__("3.7", folder, log_level="debug")
        self.minions, self.closed, self.servers = (MINION,), free_port(), {}

    def start(self):
        for name, release in (("dc1", "3.7"), ("dc2", "2.9"), ("dc3", "1.9")):
            self.servers[name] = RegionServer(release=release).start()
        self.servers["own"] = region_of_machines()
        self.write_pillar("dc1", "dc2", "gone")
        states = self.folder / "states"
        states.mkdir()
        for name, text in STATES.items():
            (states / f"{name}.sls").write_text(text)
        self.ports = {"publish_port": free_port(), "ret_port": free_port()}
        self._configure(
            self.folder / "master", "master",
            {
                "interface": "127.0.0.1", "auto_accept": True, "worker_threads": 3, **self.ports,
                "file_roots": {"base": [str(states), str(REPOSITORY / "salt")]},
                "pillar_roots": {"base": [str(self.folder / "pillar")]},
                "timeout": 60, "gather_job_timeout": 30,
            },
        )  # fmt: skip
        self._spawn("master", [self._tool("salt-master"), "-c", str(self.folder / "master")])
        self._minion(MINION)
        self._await_minions()

    def write_pillar(self, *regions):
        """Let the minion represent these regions, beside the machines."""
        apis = {
            name: {"url": server.url, "api_key": f"sdb://maas_secrets/{name}"}
            for name, server in self.servers.items()
        }
        pillar = {
            name: {"api": api, "zones": {f"zone-of-{name}": {"description": f"of {name}"}}}
            for name, api in apis.items()
        }
        url = f"http://127.0.0.1:{self.closed}/MAAS"
        pillar["gone"] = {"api": {"url": url, "api_key": "a:b:c"}, "zones": {}}
        # Nothing of the minion's own region may get to the others.
        pillar["maas"] = {"api": apis["own"], "zones": {"not-here": {}}, "machines": MACHINES}
        pillar["resources"] = {
            "maas_region": {"resource_ids": [*regions, "no:name"]},
            "maas_machine": {"machines": "described", "resource_ids": ["web*"]},
        }
        folder = self.folder / "pillar"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "top.sls").write_text(yaml.safe_dump({"base": {"*": ["regions"]}}))
        (folder / "regions.sls").write_text(yaml.safe_dump(pillar))

    def salt(self, target, function, *arguments, timeout=60):
        """Call a function without `--static`, with which Salt would target by a list."""
        command = self.command(
            "salt", *(["-C"] if "@" in target else []), "--out=json", "--out-indent=-1",
            "--hide-timeout", f"--timeout={timeout}", "--log-level=quiet", target, function,
            *arguments,
        )  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return {name: one for line in lines for name, one in json.loads(line).items()}

    def secrets_of(self, minion):
        return {name: server.api_key for name, server in self.servers.items()}

    def logs(self):
        """What master and minion have logged."""
        return [(self.folder / name / "log").read_text() for name in ("master", MINION)]

    def stop(self):
        super().stop()
        for server in self.servers.values():
            server.stop()


def region_of_machines():
    """A region with a rack and machines that are Ready."""
    server = RegionServer(
        "3.7", index_seconds=0.05, import_seconds=0.05, machine_seconds=0.05
    ).start()
    images_and_rack(server, ["jammy"])
    carried_out(server, {"machines": MACHINES})
    for row in list(server.region.rows("machines").values()):
        number = row["hostname"][-2:]
        nic = {"name": "eth0", "mac_address": f"52:54:00:00:00:{number}",
               "address": f"10.0.0.{number}/24"}  # fmt: skip
        disk = {"name": "sda", "size": 10**11}
        hardware.commissioned(server.region, row["system_id"], disks=[disk], interfaces=[nic])
    return server
