"""A master with reactor, a region and cluster minions that are to be onboarded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import requests as http
import yaml
from maas_emulator.hosts import sandbox
from saltext.maas.pillar import cluster_uuid

from demo.lab import REGION, REPOSITORY, Lab, free_port

CLUSTERS = tuple(f"rack-{number}" for number in range(1, 9))


class Site(Lab):
    """A region that is set up, and clusters whose minions are not started yet.

    Args:
        release: MAAS release.
        folder: Where everything lives.
        clusters: Names of the minions that have a cluster's host.
        strangers: Names of more such minions, that no pillar names.
        database: Give a region of 2.0 or later a real database as well.
    """

    def __init__(self, release, folder, clusters=CLUSTERS, strangers=(), database=False, **options):
        super().__init__(release, folder, import_seconds=0.5, **options)
        self.database = database
        self.clusters = tuple(clusters)
        self.strangers = tuple(strangers)
        self.minions = (REGION,)
        self.old = self.release.startswith("1.")
        self.named = dict.fromkeys(self.clusters)  # {minion: changes to its pillar}

    def start(self):
        database = self._database(self.database)
        self._hosts(database)
        self._region(database)
        self._master()
        self._minion(REGION)
        self._await_minions()
        answer = self.salt(REGION, "state.apply", "maas.region_host")[REGION]
        failed = [one for one in answer.values() if one["result"] is False]
        assert not failed, failed

    def secrets_of(self, minion):
        return self.secrets if minion == REGION else {}

    def _hosts(self, database):
        hosts = self.folder / "hosts"
        hosts.mkdir(parents=True)
        url = "http://localhost/MAAS" if self.old else "http://localhost:5240/MAAS"
        sandbox.create(
            hosts / REGION, self.release, "region", hostname=REGION, database=database, url=url
        )
        for number, name in enumerate((*self.clusters, *self.strangers), 1):
            nic = {
                "name": "eth0", "mac": f"52:54:00:00:01:{number:02x}",
                "ip": f"10.{number}.0.2", "subnet_mask": "255.255.255.0",
            }  # fmt: skip
            uuid = cluster_uuid(name, {}) if self.old else None
            sandbox.create(hosts / name, self.release, "cluster", name, [nic], uuid=uuid)

    def host(self, name):
        """The sandbox of a minion."""
        return sandbox.Sandbox(self.folder / "hosts" / name)

    def pillar(self):
        """The region's pillar."""
        key = "clusters" if self.old else "racks"
        found = {key: {}, "region": {"url": self.url, "admin": {
            "username": "admin", "email": "admin@example.com",
            "password": "sdb://maas_secrets/admin_password",
        }}}  # fmt: skip
        if self.old:
            found["region"]["is_cluster"] = False
        else:
            found.update(fabrics={}, subnets={})
        for number, name in enumerate(self.clusters, 1):
            net = f"10.{number}.0"
            if name not in self.named:
                continue
            entry = found[key][name] = {}
            low, high = f"{net}.100", f"{net}.149"
            if self.old:
                entry["interfaces"] = {"eth0": {
                    "management": "dhcp", "ip": f"{net}.2", "subnet_mask": "255.255.255.0",
                    "router_ip": f"{net}.1", "dynamic_range": {"low": low, "high": high},
                }}  # fmt: skip
            else:
                found["fabrics"][name] = {"vlans": {"untagged": {"dhcp": {
                    "enabled": True, "primary_rack": name}}}}  # fmt: skip
                found["subnets"][f"{net}.0/24"] = {
                    "vlan": f"{name}/untagged", "gateway_ip": f"{net}.1",
                    "ranges": [{"type": "dynamic", "start": low, "end": high}],
                }  # fmt: skip
            entry.update(self.named[name] or {})
        return found

    def write_pillar(self):
        """Write it anew, as a person does who corrects it."""
        folder = self.folder / "pillar"
        (folder / "site").mkdir(parents=True, exist_ok=True)
        whole = self.pillar()
        generation = "1" if self.old else "2"
        top = {
            "base": {"*": ["site.common"], REGION: ["site.region", f"maas.images-{generation}x"]}
        }
        common = {"maas": {"region": {"url": self.url}}}
        for path, data in (
            ("top.sls", top),
            ("site/region.sls", {"maas": whole}),
            ("site/common.sls", common),
        ):
            (folder / path).write_text(yaml.safe_dump(data))
        key = "clusters" if self.old else "racks"
        for name, entry in whole[key].items():
            (folder / "site" / f"{name}.sls").write_text(
                yaml.safe_dump({"maas": {key: {name: entry}}})
            )
            top["base"][name] = [f"site.{name}"]
        (folder / "top.sls").write_text(yaml.safe_dump(top))

    def _master(self):
        self.write_pillar()
        self.ports = {"publish_port": free_port(), "ret_port": free_port()}
        reactor = ["salt://reactor/maas/onboard.sls"]
        self._configure(
            self.folder / "master", "master",
            {
                "interface": "127.0.0.1", **self.ports,
                "file_roots": {"base": [str(REPOSITORY / "salt")]},
                "pillar_roots": {"base": [str(self.folder / "pillar"), str(REPOSITORY / "pillar")]},
                "runner_dirs": [], "worker_threads": 3, "timeout": 60, "gather_job_timeout": 15,
                "reactor": [{"salt/minion/*/start": reactor}, {"maas/cluster/onboard": reactor}],
                "autosign_file": "autosign",
                "maas.fleet": {
                    "region": REGION, "enrol_seconds": 20, "answer_seconds": 30,
                    "authorised": [REGION],
                },
            },
        )  # fmt: skip
        names = (REGION, *self.clusters, *self.strangers)
        autosign = self.folder / "master" / "autosign"
        autosign.write_text("\n".join(names) + "\n")
        autosign.chmod(0o600)
        self.start_master()

    def start_master(self):
        folder = self.folder / "master"
        self._spawn("master", [self._tool("salt-master"), "-c", str(folder)])

    def stop_process(self, name, how=signal.SIGTERM):
        """End a process of this site, all of its group."""
        for process in list(self._running):
            if name in (process.args[-1].rpartition("/")[2], "master" if "salt-master" in
                        process.args[0] else None):  # fmt: skip
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, how)
                process.wait(20)
                time.sleep(0.2)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                self._running.remove(process)

    def start_minions(self, names):
        """Start cluster minions, all at once."""
        for name in names:
            if (self.folder / name).exists():
                self._spawn(name, [self._tool("salt-minion"), "-c", str(self.folder / name)])
            else:
                self._minion(name)

    def unavailable(self, seconds):
        """Let the region answer every request 503 for a while."""
        self._command_region("unavailable", seconds)

    def outage(self, seconds):
        """Let the region close all connections without an answer for a while."""
        self._command_region("outage", seconds)

    def _command_region(self, verb, seconds):
        root = self.folder / "hosts" / REGION
        token = (root / "emulator.token").read_text().strip()
        body = {"root": str(root), "token": token, "seconds": seconds}
        base = self.url.rpartition("/MAAS")[0]
        http.post(f"{base}/_emulator/{verb}", json=body, timeout=10).raise_for_status()

    def run(self, function, *arguments, timeout=300):
        """``salt-run``: what the runner returns, and what it says on standard error."""
        command = self.command("salt-run", "--out=json", "--log-level=quiet", function, *arguments)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )
        return (json.loads(done.stdout) if done.stdout.strip() else None), done.stderr

    def fire(self, tag, data):
        """Fire an event from the master."""
        import salt.config
        import salt.utils.event

        opts = salt.config.master_config(str(self.folder / self.master / "master"))
        with contextlib.closing(_Destroyed(salt.utils.event.get_event(
            "master", opts=opts, listen=False
        ))) as bus:  # fmt: skip
            bus.bus.fire_event(data, tag)

    def record(self, minion):
        """What the master's runner knows of a minion."""
        path = self.folder / self.master / "cache" / "maas-fleet" / "fleet.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            statement = "SELECT record FROM records WHERE minion = ?"
            found = database.execute(statement, (minion,)).fetchone()
        return json.loads(found[0]) if found else {}


class _Destroyed:
    def __init__(self, bus):
        self.bus = bus

    def close(self):
        self.bus.destroy()


class Processes:
    """What was seen of the arguments and environments of all processes."""

    def __init__(self):
        self.seen = set()
        self._looks = {}

    def look(self):
        """Look at each process that is new, and now and then at the others."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            looks = self._looks[entry.name] = self._looks.get(entry.name, -1) + 1
            if looks < 20 or looks % 25 == 0:
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.seen.add((entry / name).read_bytes())


class Listener(threading.Thread):
    """Keeps every event, and looks at every process, all the time."""

    def __init__(self, site, processes=False):
        super().__init__(daemon=True)
        self.events = []
        self._processes = Processes() if processes else None
        self._bus = site.events()
        self._done = threading.Event()
        self.start()

    def run(self):
        while not self._done.is_set():
            if self._processes:
                self._processes.look()
            self._done.wait(0.02)
            while event := self._bus.get_event(wait=0.05, full=True, auto_reconnect=True):
                self.events.append(event)

    @property
    def seen(self):
        """What was seen of all processes."""
        return self._processes.seen if self._processes else set()

    def of(self, minion, step=None, state=None):
        """The onboarding events of a minion."""
        return [
            one["data"] for one in list(self.events)
            if one["tag"].startswith(f"maas/onboard/{minion}/")
            and step in (None, one["data"]["step"]) and state in (None, one["data"]["state"])
        ]  # fmt: skip

    def wait(self, minions, seconds=120, count=1):
        """Wait until each of the minions ended: ``{minion: the event that said so}``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = {}
            for minion in minions:
                last = [
                    one for one in self.of(minion)
                    if one["state"] in ("failed", "refused") or
                    (one["step"], one["state"]) == ("report", "done")
                ]  # fmt: skip
                if len(last) >= count:
                    found[minion] = last[-1]
            if set(found) == set(minions):
                return found
            time.sleep(0.2)
        raise AssertionError(f"no end for {set(minions) - set(found)}: {found}")

    def stop(self):
        if not self._done.is_set():
            self._done.set()
            self.join()
            self._bus.destroy()


__all__ = ["CLUSTERS", "REGION", "Listener", "Site"]
