"""What works for which resource type on which release, by trying it.

``python tests/support/resource_matrix.py FILE`` adds what is missing to the table of
``docs/resources.md``; with ``--anew`` it tries everything again.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / one) for one in ("_utils", "emulator", "tests")]

from maas_emulator.server import RegionServer  # noqa: E402
from saltext.maas import pillar, region_plan  # noqa: E402
from saltext.maas.errors import MaasError  # noqa: E402
from saltext.maas.reconcile import Guard, apply, desired_object, make_plan, prunable, prune  # noqa: E402
from saltext.maas.reconcile.apply import Run  # noqa: E402
from saltext.maas.release import SERIES, Release  # noqa: E402
from saltext.maas.resources import TABLES  # noqa: E402
from support.examples import CLUSTER, around, changed, known, manage_network  # noqa: E402
from support.machine_regions import images_of_nodes  # noqa: E402
from support.pillars import held, revealed  # noqa: E402
from support.reconciling import SHORT, cluster, errors, rack, snapshot_of  # noqa: E402

OPERATIONS = ("create", "adopt", "update", "no-op", "delete", "prune", "export")
YES, NO, NONE = "yes", "no", ""  # works; MAAS's API does not offer it; means nothing here
ALL = Guard(most=1000, fraction=1.0, in_use=True)
#: Looked up, or only brought about by MAAS itself: not in the table.
LEFT_OUT = {
    "node", "cluster_image", "cluster_boot_source", "cluster_boot_selection",
}  # fmt: skip
_QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0}
_SERIES = {"1.": "precise", "2.": "trusty", "3.": "bionic"}


def certificate() -> str:
    """A certificate in PEM form."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "example.com")])
    now = datetime.datetime(2026, 1, 1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now.replace(year=2036))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def listed() -> list:
    """The tables of which the documentation's table has rows."""
    return [table for table in TABLES if table.name not in LEFT_OUT]


def try_out(table, release: str) -> dict:
    """Try everything with one resource type on a new region of a release.

    Returns:
        ``{operation: YES, NO, NONE, or what went wrong}``.
    """
    with RegionServer(release=release, **_QUICK) as server, TemporaryDirectory() as folder:
        case = _Case(table, release, server, folder)
        found = {}
        for operation in OPERATIONS:
            try:
                found[operation] = getattr(case, operation.replace("-", ""))()
            except (AssertionError, MaasError) as error:
                found[operation] = f"FAILED: {error}"
        return found


class _Case:
    """One resource type on one region; the operations in the order of OPERATIONS."""

    def __init__(self, table, release, server, folder):
        self.table, self.release, self.server = table, release, server
        self.folder = folder
        self.example, self.changed = dict(table.example), dict(changed(table))
        self.around, self.gone, self.series = [], {}, ""
        getattr(self, f"_{table.name}", lambda: None)()
        self.example = known(table, self.example, release)
        self.changed = known(table, self.changed, release)
        if not self.around:
            self.around = around(table, release)

    # What some types need

    def _ip_address(self):
        if self.release < "2.0":
            manage_network(self.server)

    def _boot_selection(self):
        series = _SERIES[self.release[:2]]
        self.example.update(release=series)
        if self.release < "2.0":
            self.changed = {"arches": ["amd64", "i386"]}

    def _boot_source(self):
        self.changed = {"keyring_filename": "/usr/share/keyrings/other.gpg"}

    def _image(self):
        series, old = self.series or _SERIES[self.release[:2]], self.release < "2.0"
        source = f"http://images.example.com/ephemeral-v{'2/releases' if old else '3/stable'}/"
        one = {"source": source, "os": "ubuntu", "release": series, "arches": ["amd64"]}
        one["labels"] = ["release"] if old else ["*"]
        self.around = [
            desired_object("boot_source", {"url": source}),
            desired_object("boot_selection", one),
        ]
        self.example = {"name": f"ubuntu/{series}", "architecture": "amd64"}

    def _boot_resource(self):
        self._image()
        self.around.append(desired_object("image", self.example))
        file = Path(self.folder) / "image.tgz"
        file.write_bytes(b"an image" * 100)
        self.example = {"name": "custom", "architecture": "amd64/generic", "path": str(file)}
        other = Path(self.folder) / "other.tgz"
        other.write_bytes(b"another image" * 100)
        self.changed = {"path": str(other)}

    def _license_key(self):
        old = Release(self.release) < Release("2.0")
        if self.release == "1.6":
            return  # which takes keys without an image
        if old:
            cluster(self.server, CLUSTER, "10.10.0.2")
        self._image()
        self.around.append(desired_object("image", self.example))
        if old:
            group = {"uuid": CLUSTER, "status": "accepted"}
            self.around.append(desired_object("node_group", group))
        file = Path(self.folder) / "windows.dd"
        file.write_bytes(b"windows" * 100)
        image = {"name": "windows/win2012r2", "architecture": "amd64/generic", "path": str(file)}
        self.around.append(desired_object("boot_resource", image))
        self.example = dict(self.table.example)

    def _machine(self):
        # Up to 2.7 a new one is commissioned, which takes an image of the default series.
        if Release(self.release) < Release("2.8"):
            self.series = "xenial" if Release(self.release) < Release("2.4") else "bionic"
        if self.release < "2.0":
            images_of_nodes(self.server)
        else:
            self._image()
            self.around.append(desired_object("image", self.example))
        self.example = dict(self.table.example)
        self.changed = {"zone": "north"}
        self.around.append(desired_object("zone", {"name": "north"}))
        self.around.append(desired_object("tag", {"name": "web"}))
        self.gone = {"release": True}

    def _region_controller(self):
        (name,) = snapshot_of(self.server).records("region_controller")
        self.example = {"hostname": name}
        self._rack_changes()

    def _ssl_key(self):
        self.example = {"key": certificate()}

    def _rack(self):
        rack(self.server, "rack-1", "10.10.0.2")
        self.example = {"hostname": "rack-1"}
        self._rack_changes()

    def _rack_changes(self):
        self.changed = {"description": "by the door"}
        if self.release < "2.6":
            self.changed = {"zone": "north"}
            self.around = [desired_object("zone", {"name": "north"})]

    def _dhcp(self):
        rack(self.server, "rack-1", "10.10.0.2")
        span = {"start_ip": "10.10.0.100", "end_ip": "10.10.0.120", "type": "dynamic"}
        self.around = [
            desired_object("fabric", {"name": "dc1"}),
            desired_object("vlan", {"fabric": "dc1", "vid": 7}),
            desired_object("subnet", {"cidr": "10.10.0.0/24", "vlan": "dc1/7"}),
            desired_object("ip_range", {**span, "subnet": "10.10.0.0/24"}),
        ]  # fmt: skip
        self.example = {"vlan": "dc1/7", "enabled": True, "primary_rack": "rack-1"}
        rack(self.server, "rack-2", "10.10.0.3")
        self.changed = {"secondary_rack": "rack-2"}

    def _node_group(self):
        cluster(self.server, CLUSTER, "10.10.0.2")
        self.example = {"uuid": CLUSTER, "status": "accepted"}
        self.changed = {"cluster_name": "north"}

    def _node_group_interface(self):
        cluster(self.server, CLUSTER, "10.10.0.2")
        self.around = [desired_object("node_group", {"uuid": CLUSTER, "status": "accepted"})]
        self.example = {
            "cluster": CLUSTER, "name": "eth7", "interface": "eth7", "management": "unmanaged",
            "ip": "10.70.0.2", "subnet_mask": "255.255.255.0",
        }  # fmt: skip
        self.changed = {"ip": "10.70.0.3"}

    # Working

    def snapshot(self):
        # The oldest regions do not tell their release.
        return snapshot_of(self.server, release=Release(self.release))

    def desired(self, values=None, absent=False):
        values = self.example if values is None else values
        if absent:
            values = {name: values[name] for name in self.table.identity if name in values}
            values.update(self.gone)
        own = desired_object(self.table.name, values, "example", absent=absent)
        return [own] if absent else [*self.around, own]

    def carry_out(self, desired):
        """Plan and apply; the actions on the type itself."""
        snapshot = self.snapshot()
        plan = make_plan(snapshot, desired)
        shown = plan.shown()
        assert plan.problems() == [], plan.problems()
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}, errors(plan)
        assert plan.shown(done_only=True) == shown
        left = make_plan(self.snapshot(), desired).shown()
        assert left == {}, left
        return {one.action for one in plan.changes if one.desired.type == self.table.name}

    def here(self):
        """The region's object, or None."""
        snapshot = self.snapshot()
        return self.table.match(snapshot, self.desired()[-1])

    def create(self):
        if not self.table.can_create or self.here() is not None:
            self.carry_out(self.desired())
            return NO
        actions = self.carry_out(self.desired())
        # DHCP belongs to a VLAN that is there already.
        assert actions in ({"create"}, {"update"} if self.table.name == "dhcp" else {"create"})
        assert self.here() is not None
        return YES

    def adopt(self):
        own = self.example if self.table.name == "setting" else self.table.identity
        identity = {name: self.example[name] for name in own if name in self.example}
        plan = make_plan(self.snapshot(), self.desired(identity))
        assert plan.shown() == {}, plan.shown()
        return YES

    def update(self):
        if not self.changed:
            return NO
        assert self.carry_out(self.desired({**self.example, **self.changed})) == {"update"}
        return YES

    def noop(self):
        self.server.requests.reset()
        snapshot = self.snapshot()
        plan = make_plan(snapshot, self.desired({**self.example, **self.changed}))
        apply(snapshot, plan, SHORT)
        assert plan.shown() == {}, plan.shown()
        assert self.server.requests.writes() == []
        return YES

    def delete(self):
        record = self.here()
        assert record is not None, "it is not there"
        gone = self.desired(absent=True)[0]
        if self.table.deletion_problem(self.snapshot(), gone, record):
            return NO
        if self.table.name in ("node_group", "region_controller"):
            return NO  # the API cannot, or not while it runs
        actions = self.carry_out(self.desired(absent=True))
        assert actions == {"delete"}, actions
        return YES

    def prune(self):
        if not prunable(self.table):
            return NONE
        self.carry_out(self.desired())
        snapshot = self.snapshot()
        removed = prune(snapshot, self.around, {self.table.name: True}, ALL)
        keys = {one.key for one in removed}
        if self.desired()[-1].key not in keys:
            return NO
        assert self.carry_out([*self.around, *removed]) == {"delete"}
        return YES

    def export(self):
        if self.table.name == "rack":
            self._rack()
        self.carry_out(self.desired())
        found = pillar.export(self.snapshot())
        known = (
            "which states of",
            "images:",
            "router_ip is not known",
        )  # of no matter for what the table shows
        notes = [line for line in found.notes if not any(one in line for one in known)]
        assert notes == [], notes
        described = revealed(found.described, held(self.snapshot(), found.secrets))
        plan = region_plan.plan_of(self.snapshot(), described)
        assert plan.shown() == {}, plan.shown()
        objects = {
            (one.type, one.key) for one in pillar.desired_objects(described, Release(self.release))
        }
        own = self.desired()[-1]
        assert (own.type, own.key) in objects, f"{own.key} is not described"
        return YES


def rows(results: dict) -> list:
    """One row for each type and span of releases with the same outcome.

    Args:
        results: ``{(type, release): {operation: outcome}}``.
    """
    found = []
    for table in listed():
        spans = []
        for release in SERIES:
            outcome = results.get((table.name, release))
            if outcome is None:
                continue
            if spans and spans[-1][2] == outcome:
                spans[-1][1] = release
            else:
                spans.append([release, release, outcome])
        found += [(table.noun, first, last, outcome) for first, last, outcome in spans]
    return found


def page(results: dict) -> str:
    """The documentation's page."""
    lines = [
        "# Matrix of resource types", "",
        "This page shows which operation works for which resource type on which release. Each",
        "cell was tried against the emulator of each release in its row: an object is",
        "created, found by its identity (adopt), changed, compared without a change and",
        "without a write (no-op), deleted, pruned by `exclusive`, and exported so that a run",
        "with the export changes nothing. *no* means that MAAS's API does not offer it, or",
        "that the extension never deletes it; an empty cell does not apply. `make resources`",
        "tries all cells and writes this page; `make test` tries some again.", "",
        "Rack controllers, node groups and settings exist without being created; a boot image",
        "is created by an import, an uploaded one from a file. The images of clusters and",
        "their boot sources in 1.6 have tests of their own.", "",
        "| resource type | releases | " + " | ".join(OPERATIONS) + " |",
        "| --- | --- |" + " --- |" * len(OPERATIONS),
    ]  # fmt: skip
    for noun, first, last, outcome in rows(results):
        span = first if first == last else f"{first} to {last}"
        cells = " | ".join(outcome[one] for one in OPERATIONS)
        lines.append(f"| {noun} | {span} | {cells} |")
    return "\n".join(lines) + "\n"


def documented(text: str) -> dict:
    """The page's cells: ``{(type, release): {operation: outcome}}``."""
    names = {table.noun: table.name for table in listed()}
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 2 + len(OPERATIONS) or cells[0] not in names:
            continue
        first, _, last = cells[1].partition(" to ")
        span = SERIES[SERIES.index(first) : SERIES.index(last or first) + 1]
        for release in span:
            found[names[cells[0]], release] = dict(zip(OPERATIONS, cells[2:]))
    return found


def cases():
    """Every ``(table, release)`` of the page."""
    for table in listed():
        for release in SERIES:
            if table.holds_for(Release(release)):
                yield table, release


def main(path, anew=False):
    """Try what the page has no row of, or everything anew, and write the page."""
    Run.poll_seconds = 0.02  # seconds
    results = {} if anew else documented(Path(path).read_text(encoding="utf-8"))
    failed = 0
    for table, release in cases():
        if (table.name, release) in results:
            continue
        outcome = results[table.name, release] = try_out(table, release)
        for operation, text in outcome.items():
            if text.startswith("FAILED"):
                failed += 1
                print(f"{table.name} {release} {operation}: {text[:300]}", file=sys.stderr)
    if failed:
        sys.exit(f"{failed} cells failed; nothing was written")
    Path(path).write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], anew="--anew" in sys.argv)
