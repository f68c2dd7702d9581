"""A folder that plays ``/`` of one MAAS host, for machines without MAAS.

It holds the files of a fresh package installation of a release and stand-ins
for MAAS's and the system's commands (see ``standins``)::

    host = sandbox.create("/srv/fleet/rack1", "3.7", "cluster")
    installation.detect(host.root)
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import json
import os
import pwd
import secrets
import shlex
import stat
import sys
import time
import uuid as uuids
from pathlib import Path

from saltext.maas.host.layouts import PATHS, fact
from saltext.maas.release import Release, known

from maas_emulator.hosts import files as sandbox_files

#: Commands that a sandbox has, by folder.
COMMANDS = {
    "usr/sbin": ("dpkg-reconfigure", "service"),
    "usr/bin": ("debconf-communicate", "debconf-set-selections", "debconf-show"),
}
_STATE = "var/lib/emulator"
#: Services that are there besides those that a change of configuration restarts.
_MORE_SERVICES = {"region": ("maas-proxy",), "cluster": ("maas-dhcpd", "maas-dhcpd6")}
_BROKER_SERVICES = ("maas-txlongpoll",)  # 1.5 and 1.6


class Sandbox:
    """One sandbox root.

    Args:
        root: Its folder.
        info: What ``emulator.json`` is going to say, for :func:`create`.

    Attributes:
        root: Absolute path.
        info: ``emulator.json``: release, role, hostname, interfaces, url of
            the emulator's control endpoint.
    """

    def __init__(self, root: str | Path, info: dict | None = None):
        self.root = os.path.realpath(root)
        self._new = info  # while it is being made

    @property
    def info(self) -> dict:
        """What ``emulator.json`` says now."""
        return self._new or json.loads(self.read("emulator.json") or "{}")

    @property
    def release(self) -> Release:
        """The release that is installed."""
        return Release(self.info["release"])

    @property
    def kind(self) -> str:
        """``deb`` or ``snap``."""
        return self.info.get("kind", "deb")

    @property
    def roles(self) -> tuple[str, ...]:
        """``region``, ``cluster`` or both; a snap has none until it is initialised."""
        role = self.info["role"]
        if self.kind == "snap" and self._new is None:
            role = (self.read("snap_mode") or "").strip().replace("rack", "cluster")
        return tuple(one for one in role.split("+") if one in ("region", "cluster"))

    def fact(self, name: str):
        """A fact about this release; see ``saltext.maas.host.layouts``."""
        return fact(self.kind, name, self.release)

    # files

    def path(self, relative: str) -> str:
        """Absolute path of a file by its place, or its name in the layout."""
        return os.path.join(self.root, (relative in PATHS and self.fact(relative)) or relative)

    def read(self, relative: str) -> str | None:
        """A file's text, or None."""
        try:
            with open(self.path(relative), encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def write(self, relative: str, text: str, mode: int = 0o644, owner: str = "root:root") -> None:
        """Write a file in one step; an existing one keeps its mode and owner."""
        path = self.path(relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{secrets.token_hex(4)}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            self._dress(temporary, path, mode, owner)
            os.replace(temporary, path)
        except OSError:  # a full disk, say
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    @staticmethod
    def _dress(temporary, path, mode, owner):
        try:
            before = os.stat(path)
            os.chmod(temporary, stat.S_IMODE(before.st_mode))
            with contextlib.suppress(PermissionError):
                os.chown(temporary, before.st_uid, before.st_gid)
        except FileNotFoundError:
            os.chmod(temporary, mode)
            _give(temporary, owner)

    def append(self, relative: str, line: str) -> None:
        """Add a line to a log."""
        path = self.path(relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def log(self, unit: str, text: str, name: str = "cluster_log") -> None:
        """Write to a daemon's log: its file, or the journal from 3.5 on."""
        if self.fact(name):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S+0000", time.gmtime())
            self.append(name, f"{stamp} [-] {text}")
        else:
            if unit in (self.fact("cluster_services") or ()):
                unit = self.fact("cluster_journal")[1]
            entry = {"time": time.time(), "unit": unit, "text": text}
            self.append(f"{_STATE}/journal.jsonl", json.dumps(entry))

    def journal(self) -> list[dict]:
        """Entries of the journal: ``time``, ``unit``, ``text``."""
        return [
            json.loads(line)
            for line in (self.read(f"{_STATE}/journal.jsonl") or "").split("\n")
            if line
        ]

    # state that several processes change

    @contextlib.contextmanager
    def state(self, name: str):
        """A dict that is stored again at the end, under a lock: ``services`` or ``debconf``."""
        lock = self.path(f"{_STATE}/lock")
        with open(lock, "w", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            data = self.peek(name)
            before = json.dumps(data)
            yield data
            if json.dumps(data) != before:
                self.write(f"{_STATE}/{name}.json", json.dumps(data, indent=1), 0o600)

    def peek(self, name: str) -> dict:
        """The same dict, only to read."""
        return json.loads(self.read(f"{_STATE}/{name}.json") or "{}")

    # services

    def service_names(self) -> list[str]:
        """Every service that this host has."""
        if self.kind == "snap":
            return ["maas"]
        names = []
        for role in self.roles:
            names += [*self.fact(f"{role}_services"), *_MORE_SERVICES[role]]
            if role == "region" and self.fact("broker_services"):
                names += _BROKER_SERVICES
        return names

    def service(self, name: str) -> dict:
        """``{"running": bool, "starts": int}`` of a service."""
        return self.peek("services").get(name, {"running": False, "starts": 0})

    def set_service(self, name: str, running: bool) -> None:
        """Start (again) or stop a service."""
        with self.state("services") as services:
            now = services.setdefault(name, {"running": False, "starts": 0})
            now["running"] = running
            now["starts"] += running

    # proofs for tests

    def argv_log(self) -> list[list[str]]:
        """The arguments of every stand-in that ran, its name first."""
        text = self.read("var/log/emulator-argv.log") or ""
        return [json.loads(line) for line in text.splitlines()]


def create(
    directory: str | Path,
    release: str = "3.7",
    role: str = "cluster",
    hostname: str | None = None,
    interfaces: list[dict] | None = None,
    url: str | None = None,
    uuid: str | None = "new",
    database: dict | None = None,
    control: str | None = None,
    kind: str = "deb",
    configured: bool = True,
) -> Sandbox:
    """Make a sandbox with a fresh installation in it.

    Args:
        directory: Its root; made when missing, must hold no sandbox yet.
        release: MAAS release.
        role: ``region``, ``cluster`` or ``region+cluster``; for a snap also
            ``none``, which is how it comes.
        hostname: Name of the host; by default the folder's.
        interfaces: Dicts of ``name``, ``mac``, ``ip``, ``subnet_mask``.
        url: Region URL that the installation starts with.
        uuid: 1.x cluster's uuid; None leaves it out.
        database: ``host``, ``port``, ``name``, ``user``, ``password`` of the
            region's PostgreSQL.
        control: The emulator's control endpoint; ``Hosts`` fills it in.
        kind: ``deb`` or ``snap`` (2.2 and later).
        configured: False for a snap before ``maas init``.

    Returns:
        The :class:`Sandbox`.

    Raises:
        FileExistsError: There is one already.
        ValueError: The release, role or kind is unknown.
    """
    root = os.path.realpath(directory)
    if os.path.exists(os.path.join(root, "emulator.json")):
        raise FileExistsError(f"{root} is a sandbox already")
    if role not in ("region", "cluster", "region+cluster"):
        raise ValueError(f"role is region, cluster or region+cluster, not {role!r}")
    exact = _exact(release)
    if kind not in ("deb", "snap") or (kind == "snap" and Release(exact) < "2.2"):
        raise ValueError(f"MAAS {release} is not there as {kind!r}")
    hostname = hostname or os.path.basename(root)
    if interfaces is None:
        interfaces = [_interface(hostname)]
    info = {
        "release": exact,
        "role": role,
        "kind": kind,
        "hostname": hostname,
        "interfaces": interfaces,
        "url": control,
        "configured": configured,
    }
    host = Sandbox(root, info)
    os.makedirs(host.path(_STATE), exist_ok=True)
    host.write("emulator.token", secrets.token_hex(16), 0o600)
    host.write("etc/hostname", hostname + "\n")
    cluster_uuid = str(uuids.uuid4()) if uuid == "new" else uuid
    default_ip = interfaces[0]["ip"] if interfaces else "localhost"
    contents = sandbox_files.contents(host, default_ip, url, cluster_uuid, database or {})
    for relative, (text, mode, owner) in contents.items():
        host.write(relative, text, mode, owner)
    _install_commands(host)
    for name in host.service_names():
        host.set_service(name, not name.startswith("maas-dhcpd"))
    # Last, since this is what the player of the daemons looks for.
    host.write("emulator.json", json.dumps(info, indent=1))
    return Sandbox(root)


def _exact(release):
    from maas_emulator.records import POINT_RELEASES

    text = str(known(release))
    return POINT_RELEASES.get(text, text if text.count(".") > 1 else f"{text}.0")


def _interface(hostname):
    # A stable address from the name, so that two hosts do not share one.
    number = int(uuids.uuid5(uuids.NAMESPACE_DNS, hostname)) % 250 + 2
    return {
        "name": "eth0",
        "mac": f"52:54:00:00:00:{number:02x}",
        "ip": f"10.0.0.{number}",
        "subnet_mask": "255.255.255.0",
    }


def _give(path, owner):
    user, _, group = owner.partition(":")
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)


def _install_commands(host):
    here = Path(__file__).resolve()
    library = f"{here.parents[2]}:{here.parents[3] / '_utils'}"
    for folder, names in _commands(host).items():
        for name in names:
            words = [sys.executable, "-m", "maas_emulator.hosts.commands", host.root, name]
            script = (
                "#!/bin/sh\n"
                "# Stand-in for the command of a sandbox host.\n"
                f"PYTHONPATH={shlex.quote(library)} exec "
                + " ".join(shlex.quote(word) for word in words)
                + ' "$@"\n'
            )
            host.write(f"{folder}/{name}", script, 0o755)


def _commands(host):
    if host.kind == "snap":
        return {"usr/bin": ["snap"], "snap/bin": ["maas"], "bin": ["journalctl"]}
    chosen = {folder: list(names) for folder, names in COMMANDS.items()}
    chosen["usr/bin"].append("maas")
    if "region" in host.roles and host.fact("broker_services"):
        chosen["usr/bin"].append("erl")
    for role in host.roles:
        chosen["usr/sbin"].append(host.fact(f"{role}_tool"))
        if host.release >= "2.0":  # the old names stay as aliases
            chosen["usr/sbin"].append({"region": "maas-region-admin"}.get(role, "maas-provision"))
    if "cluster" in host.roles and host.release < "1.7":
        chosen["usr/sbin"].append("maas-import-pxe-files")
    if host.fact("init") == "systemd":
        chosen["bin"] = ["systemctl", "journalctl"]
    else:
        chosen["sbin"] = ["initctl"]
    return chosen
