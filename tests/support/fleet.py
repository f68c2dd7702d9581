"""An emulated region with sandbox hosts around it."""

from __future__ import annotations

import json

from maas_emulator.hosts import sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer
from saltext.maas.host import installation


def lone(folder, release, role="cluster", **options):
    """Make a host without any region behind it; returns its sandbox and its installation."""
    host = sandbox.create(folder / "host", release, role, **options)
    return host, installation.detect(host.root)


class Fleet:
    """A region, its daemons' player, and hosts as they are asked for.

    Args:
        release: Of all of them.
        folder: Where the sandboxes go.
        options: For the region.
    """

    def __init__(self, release, folder, **options):
        self.release = release
        self.folder = folder
        self.server = RegionServer(release, admin=None, **options)
        self.hosts = Hosts(self.server.region, self.server.url, folder, interval=0.05, retry=0.2)

    @property
    def url(self):
        return self.server.url

    @property
    def region(self):
        return self.server.region

    def add(self, name, role="cluster", **options):
        """Make a host; returns its sandbox and its installation."""
        host = sandbox.create(
            self.folder / name, self.release, role, control=self._control, **options
        )
        return host, installation.detect(host.root)

    @property
    def _control(self):
        return self.url[: -len("/MAAS")] + "/_emulator"

    def argv_text(self):
        """All arguments that any fake command of any host was called with."""
        found = []
        for folder in self.folder.iterdir():
            found += sandbox.Sandbox(folder).argv_log()
        return json.dumps(found)

    def __enter__(self):
        self.server.start()
        self.hosts.start()
        return self

    def __exit__(self, *exc_info):
        self.hosts.stop()
        self.server.stop()
