"""The MAAS snap in a throwaway root: revisions behind a link, a read-only part, a refresh."""

from __future__ import annotations

import json

from support.packages import Host

#: Two versions of each release's snap, the second what a refresh brings.
VERSIONS = {
    "2.7": ("2.7.0-8232-g.6e3dba4ab", "2.7.3-8291-g.384e521e6"),
    "2.9": ("2.9.0-9145-g.1a1a1a1a1", "2.9.2-9165-g.c3e7848d1"),
    "3.7": ("3.7.0-17966-g.9a1e7e6a4", "3.7.3-17993-g.1b2c3d4e5"),
    "3.8": ("3.8.0~beta6-18102-g.a90cdf264", "3.8.0-18120-g.2c3d4e5f6"),
}
_CREATE = """
import json, sys
from maas_emulator.hosts import sandbox
host = json.load(sys.stdin)
sandbox.create("/", host["release"], host["role"], host["name"], kind="snap", configured=False)
"""


class Snap(Host):
    """A throwaway root with the snap in it, installed and not yet initialised.

    Args:
        root: Of ``support.throwaway``.
        release: Key of :data:`VERSIONS`.
        role: What it is going to be: ``region`` or ``cluster``.
    """

    def __init__(self, root, release, role):
        self.root, self.release, self.role, self.roles = root, release, role, [role]
        self._revision = 0
        root.run("mkdir", "-p", "/snap/bin", "/var/snap/maas/common", "/var/snap/maas/1")
        self._unpack(0)
        host = {"release": release, "role": role, "name": root.name}
        root.python(_CREATE, stdin=json.dumps(host))
        info = json.loads(root.read("/emulator.json"))
        root.write("/emulator.json", json.dumps({**info, "outside": root.seen}))
        root.run("rm", "-f", "/usr/bin/systemctl", "/usr/sbin/service")
        self._seal()
        self.forget_calls()

    def _unpack(self, second):
        """A revision as snapd puts it: its files, its data, and both links."""
        self._revision += 1
        number = self._revision
        meta = f"name: maas\nversion: '{VERSIONS[self.release][second]}'\nbase: core20\n"
        self.root.write(f"/snap/maas/{number}/meta/snap.yaml", meta)
        self.root.run("ln", "-sfn", str(number), "/snap/maas/current")
        self.root.run("ln", "-sfn", str(number), "/var/snap/maas/current")

    def _seal(self):
        """The snap's own files are read-only, as a squashfs is."""
        version = VERSIONS[self.release][self._revision > 1]
        folder = f"/snap/maas/{self._revision}"
        self.root.write(
            f"{folder}/meta/snap.yaml", f"name: maas\nversion: '{version}'\nbase: core20\n"
        )
        self.root.mount("--bind", folder, folder)
        self.root.mount("-o", "remount,bind,ro", folder)

    def refresh(self):
        """``snap refresh``: the data is copied to a new revision, the services restart."""
        old, new = self._revision, self._revision + 1
        self.root.run("cp", "-a", f"/var/snap/maas/{old}", f"/var/snap/maas/{new}")
        self._unpack(1)
        self._seal()
        self.root.run("snap", "restart", "maas")
