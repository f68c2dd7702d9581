"""Onboarding of 10, 100 and 1,000 clusters: real master, reactor, orchestration, region minion.

The clusters' minions are stand-ins (see ``standins.py``) that speak Salt's own protocol; nothing
else is. Printed are wall time per cluster, the master's CPU and memory, and requests to the region.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "_utils"), str(ROOT), str(ROOT / "tests"), str(ROOT / "bench")]

import common  # noqa: E402
import psutil  # noqa: E402
import standins  # noqa: E402
import yaml  # noqa: E402
from support.site import REGION, Site  # noqa: E402

_PER_PROCESS = 100
_BATCH = 200


class Fleet(Site):
    """A site whose clusters are stand-ins."""

    def __init__(self, folder, count):
        names = [f"c{number:04}" for number in range(count)]
        super().__init__("3.7", folder, clusters=names)

    def _hosts(self, database):
        clusters, self.clusters = self.clusters, ()
        super()._hosts(database)
        self.clusters = clusters

    def _region(self, database):
        command = [sys.executable, str(ROOT / "bench/fleet_region.py"),
                   str(self.folder / "hosts"), self.release]  # fmt: skip
        process = self._spawn("region", command, stdout=subprocess.PIPE)
        told = json.loads(process.stdout.readline())
        self.url, self.door = told["url"], told["door"]
        self.secrets["shared_secret"] = self._region_secret()

    def pillar(self):
        found = super().pillar()
        found["fabrics"] = {
            name: {"vlans": {"untagged": {"dhcp": {"enabled": True, "primary_rack": name}}}}
            for name in self.clusters
        }
        found["subnets"] = {}
        for number, name in enumerate(self.clusters):
            net = "10.{}.{}".format(*divmod(number, 250))
            found["subnets"][f"{net}.0/24"] = {
                "vlan": f"{name}/untagged",
                "ranges": [{"type": "dynamic", "start": f"{net}.100", "end": f"{net}.149"}],
            }
        return found

    def _configure(self, folder, kind, values):
        # A minion then gets only what is published for it; here all of them share two cores.
        values = {**values, "zmq_filtering": True}
        if "maas.fleet" in values:
            values["maas.fleet"] = {**values["maas.fleet"], "batch": _BATCH, "enrol_seconds": 120}
        super()._configure(folder, kind, values)

    def write_pillar(self):
        super().write_pillar()
        # One file for all: the racks of such a fleet have no pillar of their own.
        top = {"base": {"*": ["site.common"], REGION: ["site.region", "maas.images-2x"]}}
        (self.folder / "pillar/top.sls").write_text(yaml.safe_dump(top))

    def connect(self):
        """Start the stand-ins, and wait until all of them listen."""
        keys = standins.make_keys(self.folder / "keys")
        flags = []
        for start in range(0, len(self.clusters), _PER_PROCESS):
            told = {
                "master": self.ports, "folder": str(self.folder / "standins"), "keys": str(keys),
                "names": self.clusters[start : start + _PER_PROCESS],
                "functions": "fleet_clusters", "path": [str(ROOT / "bench")],
                "ready": str(self.folder / f"ready-{start}"), "go": str(self.folder / "go"),
            }  # fmt: skip
            path = self.folder / f"standins-{start}.json"
            path.write_text(json.dumps(told))
            flags.append(Path(told["ready"]))
            os.environ["FLEET_DOOR"] = self.door
            self._spawn(f"standins-{start}",
                        [sys.executable, str(ROOT / "bench/standins.py"), str(path)])  # fmt: skip
        while not all(flag.exists() for flag in flags):
            time.sleep(0.2)

    def requests_so_far(self):
        with urllib.request.urlopen(self.door, timeout=60) as answer:
            return json.load(answer)

    def master_process(self):
        (found,) = [one for one in self._running if "salt-master" in one.args[0]]
        return psutil.Process(found.pid)


class Load:
    """CPU time and peak memory of a process and all that it starts."""

    def __init__(self, process):
        self._process = process
        self._cpu = {}
        self.peak = 0
        self.look()
        self._before = sum(self._cpu.values())

    def look(self):
        memory = 0
        for one in [self._process, *self._process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = one.cpu_times()
                self._cpu[one.pid, one.create_time()] = times.user + times.system
                memory += one.memory_info().rss
        self.peak = max(self.peak, memory)

    @property
    def cpu(self):
        return sum(self._cpu.values()) - self._before


def _say(text):
    print(text, file=sys.stderr, flush=True)


def measure(count: int) -> dict:
    """Onboard that many clusters at once."""
    with tempfile.TemporaryDirectory() as folder, Fleet(Path(folder), count) as site:
        _say(f"{count} clusters: the region is there")
        site.connect()
        _say("all minions listen")
        load, before = Load(site.master_process()), site.requests_so_far()
        began = time.perf_counter()
        (site.folder / "go").touch()
        states, told = {}, -1
        while len(states) < count:
            time.sleep(0.5)
            load.look()
            for name in site.clusters:
                if name not in states:
                    record = site.record(name)
                    state, step = record.get("state"), record.get("step")
                    if len(states) >= told + 50:
                        told = len(states)
                        _say(f"{time.perf_counter() - began:6.1f} s: {told} done, {name} in {step}")
                    if state in ("enrolled", "failed"):
                        states[name] = state
        wall = time.perf_counter() - began
        requests = site.requests_so_far() - before
        bad = [name for name, state in states.items() if state != "enrolled"]
        if bad:
            raise SystemExit(f"{len(bad)} failed, the first: {site.record(bad[0])}")
        row = {
            "clusters": count,
            "wall s": wall,
            "s per cluster": wall / count,
            "master CPU s per cluster": load.cpu / count,
            "master MiB": round(load.peak / 2**20),
            "requests": requests,
            "requests per cluster": requests / count,
        }
        _say(str(row))
        return row


if __name__ == "__main__":
    print(common.table([measure(int(one)) for one in sys.argv[1:] or ("10", "100", "1000")]))
