"""``nodegroups/``: the clusters of API 1.0."""

from __future__ import annotations

import json

from maas_emulator import netparse
from maas_emulator.api1 import groups, machines
from maas_emulator.api1.cluster_images import import_images, sync
from maas_emulator.api1.interface_form import problems_of
from maas_emulator.api1.power import power_types
from maas_emulator.forms import Check
from maas_emulator.forms_1x import BOOLEAN, ModelForm, Wrong, choice, text, too_long
from maas_emulator.web import (
    HTML,
    TEXT,
    Answer,
    Endpoint,
    Missing,
    Response,
    as_text,
)

many = Endpoint("nodegroups/", "NodeGroupsHandler")
one = Endpoint("nodegroups/{uuid}/", "NodeGroupHandler")

#: Where the models of probed hardware are known (400 for any other).
_PROBES = ("seamicro15k", "virsh", "powerkvm")
_BSON = "application/bson"
_EMPTY_BSON = b"\x05\x00\x00\x00\x00"

#: A label of a DNS zone that 1.9 takes; earlier releases take anything.

#: Settings that go to every cluster at once, so that one which is away refuses them (1.7, 1.8).
_PUSHED_SETTINGS = ("ntp_server",)


def seed(region):
    """Watch settings that clusters have to hear of."""
    region.before_setting.append(_setting_changes)


def _setting_changes(region, name):
    if name not in _PUSHED_SETTINGS:
        return None
    known = sorted(groups.all_groups(region), key=lambda group: group["changed"])
    for group in known:  # the placeholder is one of them
        groups.before_dhcp(region, group)
    return next(filter(None, (groups.after_dhcp(region, group) for group in known)), None)


def register(region, *, uuid=None, hostname, interfaces=(), system_id=None):
    """A cluster of any 1.x registers; returns its uuid. See ``Region.register_controller``."""
    group, _ = groups.register(region, uuid, hostname, interfaces)
    sync(region, group)
    return group["uuid"]


def connected(region, ident, is_connected):
    """Note whether a cluster is there; raises KeyError for an unknown uuid."""
    group = groups.find_group(region, ident)
    if group is None:
        raise KeyError(ident)
    group["connected"] = is_connected
    if is_connected:
        sync(region, group)


def shown(group):
    """What the API tells about a node group."""
    return {name: group[name] for name in ("uuid", "status", "name", "cluster_name")}


@many("GET", "list", anonymous=True)
def list_groups(request):
    """List node groups."""
    return [shown(group) for group in groups.all_groups(request.region)]


def _reported_interfaces(request, check):
    """The interfaces that a registration tells of, as JSON."""
    try:
        reported = json.loads(request.form.get("interfaces") or "[]")
    except ValueError:
        check.error("interfaces", "Invalid json value.")
        return []
    if not isinstance(reported, list):
        check.error("interfaces", "Interfaces data must be a list.")
        return []
    for item in reported:
        wrong = problems_of(request, item)
        if wrong:
            text = f"Invalid interface: {_python_dict(item)} ({_python_dict(wrong)})."
            check.error("interfaces", text)
            return []
    return reported


def _python_dict(value):
    """A value as Python 2 writes one that came as JSON, its keys in order."""
    if isinstance(value, dict):
        pairs = sorted(value.items())
        return "{" + ", ".join(f"{netparse.written(k)}: {_python_dict(v)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python_dict, value)) + "]"
    return netparse.written(value)


@many("POST", "register", anonymous="only", until=groups.RPC)
def register_over_http(request):
    """Register a cluster."""
    region = request.region
    uuid = str(request.needed("uuid"))
    check = Check(request)
    check.text("uuid", longest=36)
    reported = _reported_interfaces(request, check)
    check.done()
    known = groups.find_group(region, uuid)
    if known is None:
        cluster_name = request.form.get("cluster_name")
        zone = request.form.get("name")
        known, _ = groups.register(region, uuid, uuid, reported, cluster_name, zone)
        if known["status"] == groups.PENDING:
            known["connected"] = False  # not before it is accepted and asks again
            return as_text("Cluster registered.  Awaiting admin approval.", 202, HTML)
    if known["status"] == groups.REJECTED:
        raise Answer(403, "Rejected cluster.", TEXT)
    if known["status"] == groups.PENDING:
        return as_text("Awaiting admin approval.", 202, HTML)
    known["connected"] = True
    return {"BROKER_URL": "amqp://guest:guest@localhost:5672//"}


@many("POST", "refresh_workers", anonymous="only", until=groups.RPC)
def refresh_workers(request):
    """Send clusters their credentials again."""
    return as_text("Sending worker refresh.", content_type=HTML)


def _set_status(request, status):
    if request.is_json:
        raise Answer(500, "'dict' object has no attribute 'getlist'", TEXT)
    if not request.bound:
        raise Answer(500, "'NoneType' object has no attribute 'getlist'", TEXT)
    answers = []
    for uuid in request.form.getlist("uuid"):
        group = groups.find_group(request.region, uuid)
        if group is None:
            raise Missing("NodeGroup", request)  # those before it are changed, and stay so
        changes = group["status"] != status
        if changes:
            groups.before_dhcp(request.region, group)
        group["status"] = status
        groups.touch(group)
        if changes:
            answers.append(groups.after_dhcp(request.region, group))
    return next(filter(None, answers), None)


@many("POST", "accept", admin=True)
def accept(request):
    """Accept clusters."""
    answers = _set_status(request, groups.ACCEPTED)
    return answers or as_text("Nodegroup(s) accepted.", content_type=HTML)


@many("POST", "reject", admin=True)
def reject(request):
    """Reject clusters."""
    answers = _set_status(request, groups.REJECTED)
    return answers or as_text("Nodegroup(s) rejected.", content_type=HTML)


@many("POST", "import_boot_images", admin=True)
def import_everywhere(request):
    """Let all clusters fetch their boot images."""
    for group in groups.all_groups(request.region):
        if group["status"] == groups.ACCEPTED:
            import_images(request.region, group)
    return as_text("Import of boot images started on all cluster controllers", content_type=HTML)


@many("GET", "describe_power_types")
def describe_power_types(request):
    """Describe the power types of connected clusters."""
    there = any(group["connected"] for group in groups.all_groups(request.region))
    return power_types() if there else []


@one("GET")
def read_group(request):
    """Read a node group."""
    return shown(groups.group_of(request))


class GroupForm(ModelForm):
    """A node group."""

    def __init__(self, request, stored):
        super().__init__(request, stored)
        statuses = (0, 1, 2) if self.release < "1.8" else (1, 2)
        self.fields = {
            "cluster_name": text(100),
            "status": choice(statuses, int, required=True),
            "name": text(),
        }
        if self.release >= groups.RPC:
            self.fields["default_disable_ipv4"] = BOOLEAN

    def clean_name(self, name):
        """A name that is not given stays; so does that of a DNS zone with machines in use."""
        old = self.stored["name"]
        if not name or name == old:
            return old
        if groups.manages_dns(self.region, self.stored) and self._has_machines_in_use():
            raise Wrong(f"Can't rename DNS zone to {name}; nodes are in use.")
        return name

    def _has_machines_in_use(self):
        rows = self.region.rows(machines.MACHINES).values()
        mine = {row["status"] for row in rows if row["group"] == self.stored["id"]}
        if self.release < machines.LIFECYCLE:
            mine = {machines.ALLOCATED for status in mine if machines.in_use(status)}
        return machines.ALLOCATED in mine

    def check_fields(self, excluded):
        name = self.values["name"]
        found = [too_long(name, 80), netparse.bad_domain(name) if self.release >= "1.9" else None]
        found = [item for item in found if item]
        if "name" not in excluded and name and found:
            raise Wrong({"name": found})

    def check_unique(self, excluded):
        others = [row for row in groups.all_groups(self.region) if row is not self.stored]
        if "cluster_name" in excluded:
            return
        if self.values["cluster_name"] in [row["cluster_name"] for row in others]:
            raise Wrong({"cluster_name": ["Node group with this Cluster name already exists."]})


@one("PUT", admin=True)
def update_group(request):
    """Change a node group."""
    group = groups.group_of(request)
    values = GroupForm(request, group).read()
    region = request.region
    changes = any(group[name] != values[name] for name in ("name", "status"))
    if changes:
        groups.before_dhcp(region, group)
    group.update(values)
    groups.touch(group)
    return (changes and groups.after_dhcp(region, group)) or shown(group)


@one("POST", "import_boot_images", admin=True)
def import_here(request):
    """Let one cluster fetch its boot images."""
    group = groups.group_of(request)
    import_images(request.region, group)
    text = f"Import of boot images started on cluster {netparse.written(group['uuid'])}"
    return as_text(text, content_type=HTML)


@one("GET", "list_nodes")
def list_nodes(request):
    """List the system_ids of a cluster's nodes."""
    group = groups.group_of(request)
    groups.need_worker(request, group)
    rows = request.region.rows("machines").values()
    return [row["system_id"] for row in rows if row["group"] == group["id"]]


@one("POST", "details")
def details(request):
    """Details of nodes as BSON; there are none here."""
    groups.need_worker(request, groups.group_of(request))
    return Response(200, _EMPTY_BSON, _BSON)


@one("POST", "probe_and_enlist_hardware", admin=True)
def probe_hardware(request):
    """Look for machines behind a chassis."""
    group = groups.group_of(request)
    if not request.bound:
        raise Answer(500, "'NoneType' object has no attribute 'get'", TEXT)
    if request.form.get("model") not in _PROBES:
        raise Answer(400, b"", HTML)
    groups.need_connection(request.region, group)
    return as_text("", content_type=HTML)


#: What the two chassis of their own operation want to know, in the order it is asked for.
_CHASSIS = {"probe_and_enlist_ucsm": ("url",), "probe_and_enlist_mscm": ("host",)}


@one("POST", "probe_and_enlist_ucsm", admin=True)
@one("POST", "probe_and_enlist_mscm", admin=True)
def probe_chassis(request):
    """Look for machines in a chassis."""
    group = groups.group_of(request)
    for name in (*_CHASSIS[request.op], "username", "password"):
        request.needed(name)
    groups.need_connection(request.region, group)
    return as_text("", content_type=HTML)


@one("POST", "update_leases", until=groups.RPC)
def update_leases(request):
    """Take a cluster's word on its DHCP leases, of which nothing is kept."""
    groups.only_worker(request, groups.group_of(request))
    request.needed("leases")
    return as_text("Leases updated.", content_type=HTML)


@one("POST", "report_download_progress")
def report_download_progress(request):
    """Take a cluster's word on a download, of which nothing is kept."""
    groups.only_worker(request, groups.group_of(request))
    request.needed("filename")
    return as_text("", content_type=HTML)
