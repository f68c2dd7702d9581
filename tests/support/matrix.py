"""What works on which release, by doing it: the table of ``docs/matrix.md``.

``python -m support.matrix`` runs every cell of every release against sandbox hosts and the
embedded region, and writes the page (``make matrix``).  A cell that a release does not have
says why; a cell that fails is an error, never an entry.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from pathlib import Path

from saltext.maas import pillar
from saltext.maas.client import Client, Profile
from saltext.maas.host import cluster_config, enrolment, region_config, shared_secret, users
from saltext.maas.host import pxe_images as boot_files
from saltext.maas.reconcile import Limits, Snapshot, apply, make_plan
from saltext.maas.release import SERIES
from support.fleet import Fleet
from support.postgres import Postgres

PAGE = Path(__file__).resolve().parents[2] / "docs" / "matrix.md"
PASSWORD = "pw-of-the-administrator"
SHORT = Limits(enrol_seconds=10, catalogue_seconds=10, import_seconds=20, sync_seconds=20)
SOURCE = {
    "1": ("http://images.example.com/ephemeral-v2/releases/", "trusty", "release"),
    "2": ("http://images.example.com/ephemeral-v3/stable/", "xenial", "stable"),
}


class Fails(AssertionError):
    """A cell did not do what it is for."""


class Site:
    """One release, taken from nothing to a region with a cluster that serves.

    Args:
        release: Of all hosts.
        folder: Where the sandboxes go.
        database: The region's, as ``support.postgres`` gives it.
        uri: The same as a URI.
    """

    def __init__(self, release, folder, database, uri):
        self.release = release
        self.old = release.startswith("1.")
        self._database = database
        self._fleet = Fleet(release, Path(folder), import_seconds=0.1, database=uri)

    def __enter__(self):
        fleet = self._fleet.__enter__()
        self.box, self.installation = fleet.add("region", "region", database=self._database)
        self.rack_box, self.rack = fleet.add("rack1", "cluster")
        self.url = fleet.url.replace("127.0.0.1", "localhost")
        return self

    def __exit__(self, *exc_info):
        self._fleet.__exit__(*exc_info)

    def cells(self) -> dict:
        """Run every column in its order: ``{column: None when it works, else why there is none}``.

        Raises:
            Fails: A column did not work.
        """
        found = {}
        for name, work in COLUMNS.items():
            try:
                found[name] = work(self)
            except Exception as error:
                raise Fails(f"MAAS {self.release}, {name}: {error!r}") from error
        return found

    # what the columns need

    @property
    def asks(self):
        """Whether a cluster asks to be taken in, instead of proving that it knows the secret."""
        return not self.installation.has("secret")

    def await_pending(self):
        """Wait until the region holds the cluster as one that nobody accepted yet."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            held = self.snapshot().records("node_group").get(self.uuid)
            if held and held.raw["status"] == 0:
                return
            time.sleep(0.2)
        raise Fails("the region does not hold it as pending")

    def twice(self, function, *values, **settings):
        """A host's function planned, run, and run again; each has to say the right thing."""
        planned = function(*values, test=True, **settings)["changes"]
        done = function(*values, **settings)
        again = function(*values, **settings)["changes"]
        if done["changes"] != planned or not planned or again:
            raise Fails(f"planned {planned}, done {done['changes']}, again {again}")
        return done

    @property
    def secret(self):
        """The region's shared secret, or None in a release without."""
        has = self.installation.has("secret")
        return shared_secret.of_region(self.installation) if has else None

    def snapshot(self):
        """A new look at the region, as its administrator."""
        key = users.api_keys(self.installation, "admin")[0]["key"]
        return Snapshot(Client(Profile(self.url, key, release=self.installation.release)))

    def reconcile(self, data):
        """A pillar planned, carried out, and planned again."""
        snapshot = self.snapshot()
        problems = pillar.problems(data, snapshot.release)
        if problems:
            raise Fails(f"the pillar is refused: {problems}")
        plan = make_plan(snapshot, pillar.desired_objects(data, snapshot.release))
        planned = plan.shown()
        apply(snapshot, plan, SHORT)
        errors = {change.name: str(change.error) for change in plan.changes if not change.done}
        left = make_plan(self.snapshot(), pillar.desired_objects(data, snapshot.release)).shown()
        if errors or left or plan.shown(done_only=True) != planned or not planned:
            raise Fails(f"planned {planned}, failed {errors}, left {left}")
        return plan

    @property
    def uuid(self):
        """The 1.x cluster's uuid."""
        return cluster_config.read_files(self.rack)["uuid"]


# the columns


def configure_region(site):
    """Set URL, database and debconf, restart, wait for the API."""
    want = {"url": site.url, "database_password": PASSWORD}
    site.twice(region_config.configure, site.installation, wait=10, **want)
    config = region_config.read_config(site.installation, secrets=True)
    if (config["url"], config["database"]["password"]) != (site.url, PASSWORD):
        raise Fails(f"{config}")


def secret(site):
    """Install the region's secret on a rack's or cluster's host, by standard input."""
    if not site.installation.has("secret"):
        return "clusters register without a secret"
    site.twice(cluster_config.configure, site.rack, secret=site.secret)
    if shared_secret.read(site.rack) != site.secret:
        raise Fails("it was not installed")
    return None


def admin(site):
    """Create the first administrator, over a terminal, and an API key."""
    if users.exists(site.installation, "admin"):
        raise Fails("there is one already")
    users.create_admin(site.installation, "admin", PASSWORD, "admin@example.com")
    if not users.exists(site.installation, "admin") or not users.api_keys(
        site.installation, "admin"
    ):
        raise Fails("there is none, or no key")
    if PASSWORD in str(site.box.argv_log()):
        raise Fails("the password was an argument")


def enrol(site):
    """Configure a rack or cluster, and wait until the region lists it."""
    site.twice(cluster_config.configure, site.rack, url=site.url)
    if site.asks:  # until an administrator accepts it
        site.await_pending()
        return
    found = enrolment.wait_registered(site.rack, None, 20)
    if found["state"] != "registered":
        raise Fails(f"{found}")
    if not site.snapshot().records("node_group" if site.old else "rack"):
        raise Fails("the region does not know it")


def accept(site):
    """Accept a cluster as the region's administrator."""
    if not site.old:
        return "a rack with the secret needs no acceptance"
    described = {"uuid": site.uuid, "cluster_name": "east"}
    if site.asks:
        site.reconcile({"clusters": {"rack1": described}, **NO_IMPORT})
        enrolment.wait_registered(site.rack, None, 20)
        return None
    site.reconcile({"clusters": {"rack1": {**described, "accepted": False}}})
    site.reconcile({"clusters": {"rack1": {**described, "accepted": True}}})
    return None


def dhcp(site):
    """Serve DHCP: on a cluster's interface (1.x), on a VLAN (2.0 and later)."""
    ip = site.rack_box.info["interfaces"][0]["ip"]
    if site.old:
        nic = {
            "management": "dhcp", "ip": ip, "subnet_mask": "255.255.255.0",
            "router_ip": "10.0.0.254",
            "dynamic_range": {"low": "10.0.0.100", "high": "10.0.0.149"},
        }  # fmt: skip
        described = {"uuid": site.uuid, "interfaces": {"eth0": nic}}
        site.reconcile({"clusters": {"rack1": described}, **NO_IMPORT})
        return
    ranges = [{"type": "dynamic", "start": "10.0.0.100", "end": "10.0.0.149"}]
    site.reconcile(
        {
            "fabrics": {"fabric-0": {"vlans": {0: {"dhcp": {"primary_rack": "rack1"}}}}},
            "subnets": {"10.0.0.0/24": {"vlan": "fabric-0/untagged", "ranges": ranges}},
        }
    )


def sources(site):
    """Create a boot source with a selection; in 1.6 of the cluster, in 1.5 in a file there."""
    if site.installation.release < "1.6":
        url, release, label = SOURCE["1"]
        chosen = {"release": release, "arches": ["amd64"], "labels": [label]}
        site.twice(boot_files.set_sources, site.rack, [{"path": url, "selections": [chosen]}])
        return None
    described = source_of(site)
    if site.release == "1.6":
        described["clusters"] = {"rack1": {"uuid": site.uuid, "cluster_name": "east"}}
        described.update(NO_IMPORT)
    site.reconcile(described)
    return None


def images(site):
    """Import its images on region and rack; up to 1.6 on the cluster alone."""
    if site.release == "1.5":
        site.reconcile({"clusters": {"rack1": {"uuid": site.uuid}}})
        return None
    more = "i386" if site.old else "arm64"
    controllers = (
        {"clusters": {"rack1": {"uuid": site.uuid}}} if site.old else {"racks": {"rack1": None}}
    )
    site.reconcile(
        {**source_of(site, more), "images": {"import": True, "sync": True}, **controllers}
    )
    return None


def source_of(site, *more):
    url, release, label = SOURCE["1" if site.old else "2"]
    chosen = {"os": "ubuntu", "release": release, "arches": ["amd64", *more], "labels": [label]}
    return {"boot_sources": {url: {"selections": [chosen]}}}


def doctor(site):
    """Run both doctors: the region answers, URL and secret are consistent."""
    module = importlib.import_module("saltext.maas.doctor")
    for report in (
        module.examine_region(site.installation, url=site.url),
        module.examine_cluster(site.rack, seconds=0.1, url=site.url),
    ):
        wrong = [one for one in report["findings"] if one["status"] == "problem"]
        if {one["check"] for one in wrong} - ON_A_REAL_HOST:
            raise Fails(f"{wrong}")


#: For what comes before the images: up to 1.6 a cluster's part of a pillar has it import.
NO_IMPORT = {"images": {"import": False}}

#: What a sandbox cannot have: a network of its own.
ON_A_REAL_HOST = {"ports", "name resolution"}

COLUMNS = {
    "configure region": configure_region,
    "secret": secret,
    "admin": admin,
    "enrol": enrol,
    "accept": accept,
    "DHCP": dhcp,
    "sources": sources,
    "import": images,
    "doctor": doctor,
}


def row(release, postgres) -> dict:
    """Run a release's cells; see :meth:`Site.cells`.

    Args:
        release: Of :data:`~saltext.maas.release.SERIES`.
        postgres: A ``support.postgres.Postgres``.
    """
    with (
        tempfile.TemporaryDirectory(prefix="maas-matrix-") as folder,
        postgres.database() as database,
        Site(release, folder, database, postgres.uri(database["name"])) as site,
    ):
        return site.cells()


def line(release, cells, notes) -> str:
    """A line of the table; reasons become numbered notes."""
    shown = []
    for reason in cells.values():
        if reason and reason not in notes:
            notes.append(reason)
        shown.append(f"–{_small(notes.index(reason) + 1)}" if reason else "yes")
    return f"| {release} | {' | '.join(shown)} |"


def _small(number):
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number))


def page(rows: dict) -> str:
    """The page for ``{release: cells}``."""
    notes = []
    lines = [line(release, cells, notes) for release, cells in rows.items()]
    numbered = (f"{_small(i)} {text[0].upper()}{text[1:]}." for i, text in enumerate(notes, 1))
    done = (f"| {name} | {work.__doc__.splitlines()[0]} |" for name, work in COLUMNS.items())
    return _PAGE.format(
        head=f"| MAAS | {' | '.join(COLUMNS)} |",
        rule=f"|{'---|' * (len(COLUMNS) + 1)}",
        lines="\n".join(lines),
        notes="\n\n".join(numbered),
        done="\n".join(done),
    )


_PAGE = """\
# Matrix of releases

This page shows which operation works on which release. Every cell was run (planned, applied,
planned again) with sandbox hosts and the emulator of that release. `make matrix` runs all cells
and writes this page; `make test` compares a few releases with it.

{head}
{rule}
{lines}

{notes}

## Columns

| column | what was done |
|---|---|
{done}

With Debian packages, the real dpkg and debconf, and real file owners, the first columns are run
again for seven releases; see [how it is tested](host.md#how-it-is-tested).
"""


def main(releases=None) -> int:
    """Run releases; with all of them the page is written.  Returns the exit status."""
    rows, failed = {}, 0
    postgres = Postgres()
    try:
        for release in releases or SERIES:
            try:
                rows[release] = row(release, postgres)
            except Fails as error:
                failed += 1
                print(error, file=sys.stderr, flush=True)
            else:
                print(line(release, rows[release], []), flush=True)
    finally:
        postgres.stop()
    if failed:
        return 1
    if not releases:
        PAGE.write_text(page(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
