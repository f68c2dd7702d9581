"""A whole site in one folder: an emulated region, a salt-master and its minions.

Everything listens on 127.0.0.1 only, stores its data in the folder, and stops with the lab.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import yaml
from maas_emulator.hosts import sandbox

REPOSITORY = Path(__file__).resolve().parent.parent
REGION, CLUSTERS = "maas-region", ("cluster-a", "cluster-b")
#: Addresses of the clusters, as the example pillar has them.
ADDRESSES = {
    "1": {"cluster-a": "10.10.0.2", "cluster-b": "10.20.0.2"},
    "2": {"cluster-a": "10.10.0.2", "cluster-b": "10.10.0.3"},
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """The site.  Use it as a context manager.

    Args:
        release: MAAS release of the emulator.
        folder: Folder of all data and logs.
        synced: Deliver the extension by ``saltutil.sync_all`` from the
            repository instead of the installed package.
        log_level: Of master and minions, for their log files.
        import_seconds: How long the region's image import takes.
    """

    #: Folder of the master whose tools and events are used.
    master = "master"
    #: More of the environment of its processes.
    environment: ClassVar[dict] = {}

    def __init__(self, release, folder, synced=False, log_level="warning", import_seconds=3.0):
        self.release = str(release)
        self.folder = Path(folder)
        self.synced = synced
        self.log_level = log_level
        self.import_seconds = import_seconds
        self.secrets = {
            "shared_secret": "",
            "admin_password": "pw" + secrets.token_hex(12),
            "ops_password": "pw" + secrets.token_hex(12),
        }
        self.minions = (REGION, *CLUSTERS)
        self._running = []
        self._postgres = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # Starting

    def start(self):
        """Start all of it, and wait until the minions answer."""
        database = self._database()
        self._hosts(database)
        self._region(database)
        self._master()
        for minion in self.minions:
            self._minion(minion)
        self._await_minions()

    def _database(self, desired=False):
        if not desired and not self.release.startswith("1."):
            return None
        from demo.postgres import Postgres

        self._postgres = Postgres()
        return self._postgres.create("maasdb")

    def _hosts(self, database):
        generation = "1" if self.release.startswith("1.") else "2"
        hosts = self.folder / "hosts"
        hosts.mkdir(parents=True)
        sandbox.create(
            hosts / REGION, self.release, "region", hostname=REGION, database=database,
            url="http://localhost:5240/MAAS" if generation == "2" else "http://localhost/MAAS",
        )  # fmt: skip
        for number, name in enumerate(CLUSTERS, 1):
            nic = {
                "name": "eth0",
                "mac": f"52:54:00:00:00:{number:02x}",
                "ip": ADDRESSES[generation][name],
                "subnet_mask": "255.255.255.0",
            }
            uuid = f"0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a0{number}"
            sandbox.create(hosts / name, self.release, "cluster", name, [nic], uuid=uuid)

    def _region(self, database):
        command = [
            sys.executable, "-m", "maas_emulator", "--release", self.release,
            "--no-admin", "--hostname", REGION, "--hosts", str(self.folder / "hosts"),
            "--import-seconds", str(self.import_seconds),
            "--request-log", str(self.folder / "requests.jsonl"),
        ]  # fmt: skip
        if database and self._postgres:
            command += ["--database", self._postgres.uri("maasdb")]
        process = self._spawn("region", command, stdout=subprocess.PIPE)
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the region did not start:\n{self._log('region')}")
        self.url = json.loads(line)["url"]
        # As an operator does: copy the new region's shared secret to the site's secret store.
        self.secrets["shared_secret"] = self._region_secret()

    def _region_secret(self, seconds=20):
        host = sandbox.Sandbox(self.folder / "hosts" / REGION)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = host.read("secret")
            if found:
                return found.strip()
            time.sleep(0.1)
        raise RuntimeError("the region made no shared secret")

    def _master(self):
        folder = self.folder / "master"
        site = self.folder / "pillar" / "maas"
        site.mkdir(parents=True)
        (site / "site.sls").write_text(yaml.safe_dump({"maas": {"region": {"url": self.url}}}))
        file_roots = [str(REPOSITORY / "salt")]
        if self.synced:
            file_roots.append(str(REPOSITORY))
        self.ports = {"publish_port": free_port(), "ret_port": free_port()}
        self._configure(
            folder, "master",
            {
                "interface": "127.0.0.1", **self.ports, "auto_accept": True,
                "file_roots": {"base": file_roots},
                "pillar_roots": {"base": [str(self.folder / "pillar"), str(REPOSITORY / "pillar")]},
                "runner_dirs": [], "worker_threads": 3, "timeout": 60, "gather_job_timeout": 30,
            },
        )  # fmt: skip
        self._spawn("master", [self._tool("salt-master"), "-c", str(folder)])

    def _minion(self, name):
        folder = self.folder / name
        store = folder / "secrets.yaml"
        folder.mkdir()
        store.touch(mode=0o600)
        store.write_text(yaml.safe_dump(self.secrets_of(name)))
        self._configure(
            folder, "minion",
            {
                "id": name, "master": "127.0.0.1", "master_port": self.ports["ret_port"],
                "publish_port": self.ports["publish_port"],
                "maas.root": str(self.folder / "hosts" / name),
                "maas_secrets": {"driver": "yaml", "files": [str(store)]},
                "grains_cache": False, "random_startup_delay": 0, "master_alive_interval": 0,
                "acceptance_wait_time": 1, "auth_timeout": 30,
            },
        )  # fmt: skip
        self._spawn(name, [self._tool("salt-minion"), "-c", str(folder)])

    def secrets_of(self, minion):
        """The secrets that a minion can look up."""
        if minion == REGION:
            return self.secrets
        return {"shared_secret": self.secrets["shared_secret"]}

    def _configure(self, folder, kind, values):
        folder.mkdir(exist_ok=True)
        user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
        common = {
            "root_dir": str(folder), "pki_dir": "pki", "user": user,
            "cachedir": "cache", "sock_dir": "run", "pidfile": "pid",
            "log_file": "log", "key_logfile": "keylog", "log_level": "quiet",
            "log_level_logfile": self.log_level, "verify_env": True, "ipc_mode": "ipc",
        }  # fmt: skip
        (folder / kind).write_text(yaml.safe_dump({**common, **values}))

    def _tool(self, name):
        return str(Path(sys.executable).with_name(name))

    def _spawn(self, name, command, **options):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment.update(self.environment)
        with open(self.folder / f"{name}.out", "ab") as log:
            process = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, env=environment,
                start_new_session=True, **{"stdout": log, **options},
            )  # fmt: skip
        self._running.append(process)
        return process

    def _log(self, name):
        return (self.folder / f"{name}.out").read_text(errors="replace")[-3000:]

    def _await_minions(self, seconds=180):
        deadline = time.monotonic() + seconds
        accepted = self.folder / "master" / "pki" / "minions"
        while time.monotonic() < deadline:
            if accepted.is_dir() and set(os.listdir(accepted)) >= set(self.minions):
                answered = self.salt("*", "test.ping", timeout=10)
                if all(answered.get(minion) for minion in self.minions):
                    return
            if any(process.poll() is not None for process in self._running):
                break
            time.sleep(0.5)
        logs = "\n".join(self._log(name) for name in ("master", *self.minions))
        raise RuntimeError(f"the minions did not answer within {seconds} s:\n{logs}")

    # Using

    def command(self, tool, *arguments):
        """The command line of one of Salt's tools against this master."""
        return [self._tool(tool), "-c", str(self.folder / self.master), *arguments]

    def salt(self, target, function, *arguments, timeout=60):
        """Call a function: ``{minion: return}``, without those that did not answer."""
        process = self.salt_async(target, function, *arguments, timeout=timeout)
        return self.answers(process)

    def salt_async(self, target, function, *arguments, timeout=60):
        """Start a call and return its process, for :meth:`answers`."""
        match = ["-C"] if "@" in target else ["-L"] if "," in target else []
        command = self.command(
            "salt", *match, "--out=json", "--static", "--hide-timeout", f"--timeout={timeout}",
            "--log-level=quiet", target, function, *arguments,
        )  # fmt: skip
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, cwd=self.folder,
        )  # fmt: skip

    def answers(self, process):
        """The returns of a call that was started."""
        out, err = process.communicate(timeout=900)
        if "No minions matched the target" in out:
            return {}
        try:
            return json.loads(out) if out.strip() else {}
        except ValueError:
            raise RuntimeError(f"no JSON came back:\n{out[-2000:]}\n{err[-2000:]}") from None

    def events(self):
        """A listener on the master's event bus."""
        import salt.config
        import salt.utils.event

        opts = salt.config.master_config(str(self.folder / self.master / "master"))
        return salt.utils.event.get_event("master", opts=opts, listen=True)

    def highstate(self, *arguments, progress=None):
        """Run the region's highstate, and the clusters' as soon as the region has its plan.

        The region waits for its clusters to enrol, and they need the region:
        so they run side by side.

        Args:
            arguments: For ``state.highstate``, such as ``test=True``.
            progress: Called with each event of ``maas/progress``.

        Returns:
            ``{minion: return}``.
        """
        with contextlib.closing(_Events(self.events())) as events:
            region = self.salt_async(REGION, "state.highstate", *arguments)
            clusters = None
            while region.poll() is None:
                for event in events.read():
                    if progress:
                        progress(event)
                    if clusters is None:
                        clusters = self._clusters(arguments)
            if clusters is None:
                clusters = self._clusters(arguments)
            return {**self.answers(region), **self.answers(clusters)}

    def _clusters(self, arguments):
        return self.salt_async(",".join(CLUSTERS), "state.highstate", *arguments)

    def requests(self):
        """What the region was asked so far, oldest first."""
        log = self.folder / "requests.jsonl"
        time.sleep(0.5)  # the log is written a few times a second
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    # Stopping

    def stop(self):
        """Stop all that was started, youngest first."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self._running):
            _end(process)
        self._running = []
        if self._postgres:
            self._postgres.stop()
            self._postgres = None


class _Events:
    def __init__(self, bus):
        self._bus = bus

    def read(self):
        event = self._bus.get_event(wait=0.3, tag="maas/progress", match_type="startswith")
        if event:
            yield event.get("data") or event

    def close(self):
        self._bus.destroy()


def _end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    # Salt's workers may outlive their parent for a while.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()
