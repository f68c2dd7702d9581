"""The pillar: its schema, its checks, the desired objects that it describes, and its export."""

from saltext.maas.pillar.checks import check, checked_objects, machines_of, problems
from saltext.maas.pillar.controllers import concerns, controllers
from saltext.maas.pillar.desired_objects import (
    cluster_uuid,
    desired_objects,
    hostname,
    limits,
    types_of,
)
from saltext.maas.pillar.export import Export, export, files, write
from saltext.maas.pillar.for_release import hosts_of, report
from saltext.maas.pillar.machine_classes import classes_of, expanded, macs_of, placed
from saltext.maas.pillar.outdated import warnings

__all__ = [
    "Export",
    "check",
    "checked_objects",
    "classes_of",
    "cluster_uuid",
    "concerns",
    "controllers",
    "desired_objects",
    "expanded",
    "export",
    "files",
    "hostname",
    "hosts_of",
    "limits",
    "machines_of",
    "macs_of",
    "placed",
    "problems",
    "report",
    "types_of",
    "warnings",
    "write",
]
