"""An emulated region with sandbox hosts around it."""

from __future__ import annotations

import contextlib
import json
import time

from maas_emulator.hosts import sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer
from saltext.maas.host import installation
from support.postgres import uri


def lone(folder, release, role="cluster", **options):
    """Make a host without any region behind it; returns its sandbox and its installation."""
    host = sandbox.create(folder / "host", release, role, **options)
    return host, installation.detect(host.root)


@contextlib.contextmanager
def with_database(postgres, release, folder):
    """A fleet whose region keeps a database, and what ``Postgres.database`` says of that."""
    with postgres.database() as config, Fleet(release, folder, database=uri(config)) as fleet:
        yield fleet, config


def wait_for(condition, seconds=10):
    """Wait until something is true; returns what it was then."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.05)
    return found


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
