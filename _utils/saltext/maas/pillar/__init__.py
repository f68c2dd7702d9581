"""The pillar: its schema, what makes one wrong, the wishes of a right one, and its export."""

from saltext.maas.pillar.checks import check, problems
from saltext.maas.pillar.export import Export, export, files, write
from saltext.maas.pillar.wishes import cluster_uuid, hostname, limits, wishes

__all__ = [
    "Export",
    "check",
    "cluster_uuid",
    "export",
    "files",
    "hostname",
    "limits",
    "problems",
    "wishes",
    "write",
]
