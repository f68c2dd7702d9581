"""Bare hosts in throwaway roots, with a real APT, dpkg and Salt, on which MAAS is installed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml
from support.fleet import wait_for
from support.packages import VERSIONS, Host
from support.throwaway import REPOSITORY

SALT_CALL = Path(sys.executable).with_name("salt-call")
_APPLY = (
    SALT_CALL, "--local", "-c", "/srv/minion", "--out=json", "-l", "quiet", "state.apply",
)  # fmt: skip
#: Of the Ubuntu that each release's packages are for.
UBUNTU = {
    "1.5": ("14.04", "trusty"), "1.7": ("14.04", "trusty"), "1.9": ("14.04", "trusty"),
    "2.3": ("16.04", "xenial"), "2.9": ("20.04", "focal"), "3.4": ("22.04", "jammy"),
    "3.7": ("24.04", "noble"), "3.8": ("26.04", "resolute"),
}  # fmt: skip


class Bare(Host):
    """A host without MAAS, and a repository of its packages.

    Args:
        root: Of ``support.throwaway``.
        packages: ``support.packages.Packages`` of the release.
        role: ``region``, ``cluster`` or ``region+cluster``: what it is going to be.
    """

    source = "deb file:/srv/repository ./"

    def __init__(self, root, packages, role):
        super().__init__(root, packages, role)
        self._release(False)
        root.run(
            "rm", "-rf", "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/var/lib/apt/lists"
        )
        root.run(
            "mkdir", "-p", "/etc/apt/sources.list.d", "/srv/minion", "/srv/states", "/srv/modules"
        )
        for kind in ("modules", "states", "grains"):
            root.run("ln", "-s", REPOSITORY / f"_{kind}", f"/srv/modules/{kind}")
        # Of options in a line Salt keeps the key's only, so trusted=yes would be one in vain.
        unsigned = ("APT::Get::AllowUnauthenticated", "Acquire::AllowInsecureRepositories")
        allowed = "".join(f'{one} "true";\n' for one in unsigned)
        root.write("/etc/apt/apt.conf.d/99unsigned", allowed)
        self.publish()

    def publish(self, second=False):
        """Put the packages of all roles into the repository, on request with the later version."""
        folder = self.root.path / "srv/repository"
        folder.mkdir(exist_ok=True)
        names = [*self.packages.names("region"), *self.packages.names("cluster")]
        for version in (False, True)[: second + 1]:
            for name in names:
                deb = self.packages.deb(name, version)
                (folder / deb.name).write_bytes(deb.read_bytes())
            for name in ("maas-dns", "maas-dhcp"):
                _plain(folder, name, VERSIONS[self.packages.release][version])
        index = self.root.run(
            "sh", "-c", "cd /srv/repository && dpkg-scanpackages -m . 2>/dev/null"
        )
        self.root.write("/srv/repository/Packages", index.stdout)

    def minion(self, pillar, **more):
        """Write the configuration of the minion and its pillar ``maas``."""
        number, name = UBUNTU[self.packages.release]
        config = {
            "id": self.root.name, "root_dir": "/srv/salt", "file_client": "local", "user": "root",
            "file_roots": {"base": ["/srv/states", str(REPOSITORY / "salt")]},
            "pillar_roots": {"base": ["/srv/pillar"]}, "module_dirs": ["/srv/modules"],
            "log_file": "/srv/salt/log", "log_level_logfile": "debug",
            "grains": {"os": "Ubuntu", "os_family": "Debian", "osrelease": number,
                       "oscodename": name},
            **more,
        }  # fmt: skip
        self.root.write("/srv/minion/minion", yaml.safe_dump(config))
        self.root.write("/srv/pillar/top.sls", "base: {'*': [host]}")
        self.root.write("/srv/pillar/host.sls", yaml.safe_dump({"maas": pillar}))

    def apply(self, sls, *arguments):
        """Apply an SLS; returns the changes of each state, none of which may have failed."""
        returned = self.outcome(sls, *arguments)
        failed = [
            (one["comment"], one["changes"]) for one in returned.values() if one["result"] is False
        ]
        assert not failed, failed
        # Not every state of Salt says with test=True what would change.
        return {
            key.split("_|-")[1]: one["changes"] or ({} if one["result"] else {"would": "change"})
            for key, one in returned.items()
        }

    def begin(self, sls):
        """Begin to apply an SLS; returns the process."""
        return self.root.room.start("chroot", self.root.seen, *map(str, [*_APPLY, sls]))

    def wait_for(self, path):
        """Wait until a file exists."""
        wait_for(lambda: self.root.read(path) is not None, 60)

    def kill_all(self, process):
        """Kill a process that was begun, with all that it has started in this root."""
        found = [one for one in os.listdir("/proc") if one.isdigit() and self._has(one)]
        assert found
        for one in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(one), signal.SIGKILL)
        process.wait(20)

    def _has(self, process):
        try:
            return os.readlink(f"/proc/{process}/root") == self.root.seen
        except OSError:
            return False

    def outcome(self, sls, *arguments):
        """Apply an SLS; returns what Salt does."""
        try:
            done = self.root.run(*_APPLY, sls, *arguments, check=False, timeout=120)
        except subprocess.TimeoutExpired:
            raise AssertionError((self.root.read("/srv/salt/log") or "")[-5000:]) from None
        try:
            returned = json.loads(done.stdout)["local"]
        except ValueError:
            raise AssertionError(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}") from None
        assert isinstance(returned, dict), returned
        self.said = done.stdout + done.stderr
        return returned

    def installed(self):
        """MAAS's packages that are installed and configured, with their versions."""
        form = "${Package} ${Version} ${Status}\\n"
        out = self.root.run("dpkg-query", "-W", "-f", form, "maas*", check=False).stdout
        rows = (line.split(" ", 2) for line in out.splitlines())
        return {name: version for name, version, status in rows if status.endswith("ok installed")}


def _plain(folder, name, version):
    """A package with nothing in it."""
    tree = folder / f"{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        f"Maintainer: Nobody <nobody@example.com>\nDescription: fake of {name}\n"
    )
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, f"{tree}.deb"],
        check=True, capture_output=True,
    )  # fmt: skip
