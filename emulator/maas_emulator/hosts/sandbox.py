"""A folder that stands for ``/`` of one MAAS host, for machines without MAAS.

It holds the files of a fresh installation of a release, and fake commands in the place of MAAS's
and the system's (see ``commands``)::

    host = sandbox.create("/srv/fleet/rack1", "3.7", "cluster")
    host.read("secret")
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import stat
import sys
import time

from maas_emulator.hosts import layout
from maas_emulator.release import Release, known

_STATE = "var/lib/emulator"


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

    def __init__(self, root: str | os.PathLike, info: dict | None = None):
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
            role = "region+cluster" if role == "all" else role
        return tuple(one for one in role.split("+") if one in ("region", "cluster"))

    # what its release has; see ``layout``

    def files(self) -> dict[str, tuple[str, int, str]]:
        """Return the files of its release: ``{name: (path, mode, owner)}``."""
        return _files(self.kind, str(self.release))

    def trait(self, name: str):
        """Return a trait of its release, or None."""
        table = layout.TRAITS[self.kind]
        return layout.of_release(table, self.release).get(name)

    def questions(self, role: str) -> dict[str, tuple[str, str]]:
        """Return debconf's questions of a role: ``{question: (package, type)}``."""
        return layout.of_release(layout.QUESTIONS, self.release)[role]

    # files

    def path(self, relative: str) -> str:
        """Return the absolute path of a file, given its path below the root or its name."""
        found = self.files().get(relative) if relative.isidentifier() else None
        return os.path.join(self.root, found[0] if found else relative)

    def read(self, relative: str) -> str | None:
        """Return a file's text, or None."""
        try:
            with open(self.path(relative), encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def write(
        self,
        relative: str,
        text: str,
        mode: int = 0o644,
        owner: str = "root:root",
        anew: bool = False,
    ) -> None:
        """Write a file in one step.

        Args:
            relative: As for :meth:`path`.
            text: Its text.
            mode: Its mode, if it is new; an existing one keeps mode and owner.
            owner: ``user:group``, likewise.
            anew: Give mode and owner also to one that exists.
        """
        path = self.path(relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.urandom(4).hex()}"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            before = None if anew else _status(path)
            os.chmod(temporary, stat.S_IMODE(before.st_mode) if before else mode)
            _give(temporary, before or owner)
            os.replace(temporary, path)
        except OSError:  # a full disk, say
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def edit(self, name: str, change, *words) -> None:
        """Replace a file's text by what a function makes of it and of more words."""
        self.write(name, change(self.read(name), *words))

    def edit_yaml(self, name: str, changes: dict) -> None:
        """Set keys of a YAML file as MAAS does; None takes one out."""
        from maas_emulator.hosts import formats

        data = {**formats.read_yaml(self.read(name)), **changes}
        text = formats.write_yaml({key: new for key, new in data.items() if new is not None})
        _, mode, owner = self.files()[name]
        self.write(name, text, mode, owner)

    def append(self, relative: str, line: str) -> None:
        """Add a line to a log."""
        path = self.path(relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def log(self, unit: str, text: str, name: str = "cluster_log") -> None:
        """Write to a daemon's log: its file, or the journal from 3.5 on."""
        if name in self.files():
            stamp = time.strftime("%Y-%m-%d %H:%M:%S+0000", time.gmtime())
            self.append(name, f"{stamp} [-] {text}")
            return
        # All of a snap's daemons are one unit.
        inside = unit if self.kind == "deb" else f"snap.{self.trait('snap_service')}"
        entry = {"time": time.time(), "unit": inside, "identifier": unit, "text": text}
        self.append(f"{_STATE}/journal.jsonl", json.dumps(entry))

    def journal(self) -> list[dict]:
        """Return the journal's entries: ``time``, ``unit``, ``identifier``, ``text``."""
        text = self.read(f"{_STATE}/journal.jsonl") or ""
        return [json.loads(line) for line in text.split("\n") if line]

    # state that several processes change

    @contextlib.contextmanager
    def state(self, name: str):
        """Give a dict, such as ``services``, that is stored again at the end, under a lock."""
        lock = self.path(f"{_STATE}/lock")
        with open(lock, "w", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            data = self.peek(name)
            before = json.dumps(data)
            yield data
            if json.dumps(data) != before:
                self.write(f"{_STATE}/{name}.json", json.dumps(data), 0o600)

    def peek(self, name: str) -> dict:
        """Return the same dict, only to read."""
        return json.loads(self.read(f"{_STATE}/{name}.json") or "{}")

    # services

    def service_names(self) -> list[str]:
        """Return every service that this host has."""
        if self.kind == "snap":
            return ["maas"]
        names = []
        for role in self.roles:
            names += [*self.trait(f"{role}_started"), *(self.trait(f"{role}_idle") or ())]
        return list(dict.fromkeys(names))

    def service(self, name: str) -> dict:
        """Return ``{"running": bool, "starts": int}`` of a service."""
        return self.peek("services").get(name, {"running": False, "starts": 0})

    def set_service(self, name: str, running: bool) -> None:
        """Start a service (again), or stop it; one that is masked does not start."""
        if running and self.peek("masked").get(name):
            return
        with self.state("services") as services:
            now = services.setdefault(name, {"running": False, "starts": 0})
            now["running"] = running
            now["starts"] += running

    # proofs for tests

    def argv_log(self) -> list[list[str]]:
        """Return the arguments of every fake command that ran, its name first."""
        text = self.read("var/log/emulator-argv.log") or ""
        return [json.loads(line) for line in text.splitlines()]


@functools.cache
def _files(kind, release):
    return layout.of_release(layout.FILES[kind], Release(release))


def _status(path):
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _give(path, owner):
    """Give a file to an owner, as far as one may and they are known here."""
    with contextlib.suppress(KeyError, PermissionError):
        if isinstance(owner, str):
            import grp
            import pwd

            user, _, group = owner.partition(":")
            numbers = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
        else:
            numbers = owner.st_uid, owner.st_gid
        os.chown(path, *numbers)


def create(
    directory: str | os.PathLike,
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
        role: ``region``, ``cluster`` or ``region+cluster``.
        hostname: Name of the host; by default the folder's.
        interfaces: Dicts of ``name``, ``mac``, ``ip``, ``subnet_mask``.
        url: Region URL that the installation is given.
        uuid: 1.x cluster's uuid; None leaves it out.
        database: ``host``, ``port``, ``name``, ``user``, ``password`` of the
            region's PostgreSQL.
        control: The emulator's control endpoint; ``Hosts`` fills it in.
        kind: ``deb`` (up to 3.8) or ``snap`` (2.2 and later).
        configured: False for a snap before ``maas init``.

    Returns:
        The :class:`Sandbox`.

    Raises:
        FileExistsError: There is one already.
        ValueError: The release, role or kind is unknown.
    """
    from maas_emulator.hosts import packages

    root = os.path.realpath(directory)
    if os.path.exists(os.path.join(root, "emulator.json")):
        raise FileExistsError(f"{root} is a sandbox already")
    if role not in ("region", "cluster", "region+cluster"):
        raise ValueError(f"role is region, cluster or region+cluster, not {role!r}")
    there = exact(release)
    first, gone = {"deb": ("1.5", "4.0"), "snap": ("2.2", "99.0")}.get(kind, ("99.0", "99.0"))
    if not first <= Release(there) < gone:
        raise ValueError(f"MAAS {release} is not there as {kind!r}")
    hostname = hostname or os.path.basename(root)
    if interfaces is None:
        interfaces = [_interface(hostname)]
    info = {
        "release": there,
        "role": role,
        "kind": kind,
        "hostname": hostname,
        "interfaces": interfaces,
        "url": control,
        "configured": configured,
    }
    host = Sandbox(root, info)
    os.makedirs(host.path(_STATE), exist_ok=True)
    host.write("emulator.token", os.urandom(16).hex(), 0o600)
    host.write("etc/hostname", hostname + "\n")
    for one in interfaces:
        host.write(f"sys/class/net/{one['name']}/address", f"{one.get('mac') or ''}\n")
    address = interfaces[0]["ip"] if interfaces else "localhost"
    uuid = packages.new_uuid() if uuid == "new" else uuid
    files = packages.fresh(host, address, url, uuid, database or {})
    for relative, (text, mode, owner) in files.items():
        host.write(relative, text, mode, owner)
    for path, text in launchers(host).items():
        host.write(path, text, 0o755)
    idle = [name for one in host.roles for name in host.trait(f"{one}_idle") or ()]
    with host.state("services") as services:
        for name in host.service_names():
            services[name] = {"running": name not in idle, "starts": int(name not in idle)}
    # Last, since this is what ``Hosts`` looks for.
    host.write("emulator.json", json.dumps(info, indent=1))
    return Sandbox(root)


def exact(release: str) -> str:
    """Return the point release that stands for a release line."""
    from maas_emulator.records import POINT_RELEASES

    text = str(known(release))
    return POINT_RELEASES.get(text, text if text.count(".") > 1 else f"{text}.0")


def _interface(hostname):
    import zlib

    # A stable address from the name, so that two hosts do not share one.
    number = zlib.crc32(hostname.encode()) % 250 + 2
    return {
        "name": "eth0",
        "mac": f"52:54:00:00:00:{number:02x}",
        "ip": f"10.0.0.{number}",
        "subnet_mask": "255.255.255.0",
    }


def launchers(host: Sandbox) -> dict[str, str]:
    """Return the scripts of a sandbox's fake commands, by path."""
    return {
        f"{folder}/{name}": launcher(host.root, name)
        for folder, names in _commands(host).items()
        for name in names
    }


def launcher(root: str, name: str) -> str:
    """Return the script that runs a fake command of a sandbox.

    Without Python's ``site``, whose start takes longer than all the rest.

    Args:
        root: The sandbox's.
        name: The command's.
    """
    import shlex

    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    folders = [package, *(one for one in sys.path if one.endswith("-packages"))]
    words = [sys.executable, "-S", "-m", "maas_emulator.hosts.commands", root, name]
    return (
        "#!/bin/sh\n"
        f"# Fake command of a sandbox host.\nPYTHONPATH={shlex.quote(':'.join(folders))} exec "
        f'{shlex.join(words)} "$@"\n'
    )


def _commands(host):
    if host.kind == "snap":
        return {"usr/bin": ["snap"], "snap/bin": ["maas"], "bin": ["journalctl"]}
    chosen = {
        "usr/bin": [
            "maas",
            "debconf-communicate",
            "debconf-set-selections",
            "debconf-show",
            "apt-get",
            "add-apt-repository",
            "dpkg",
        ],
        "usr/sbin": ["dpkg-reconfigure", "service"],
    }
    if host.release >= "2.7":  # to which packages can move
        chosen["usr/bin"].append("snap")
    for role in host.roles:
        chosen["usr/sbin"] += host.trait(f"{role}_tools")
    if "region" in host.roles and host.release < "1.7":
        chosen["usr/bin"].append("erl")
        chosen["usr/sbin"].append("rabbitmqctl")
    if host.trait("init") == "systemd":
        chosen["bin"] = ["systemctl", "journalctl"]
    else:
        chosen["sbin"] = ["initctl"]
    return chosen
