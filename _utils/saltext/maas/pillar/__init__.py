"""The pillar: its schema, what makes one wrong, and the wishes that a right one holds."""

from saltext.maas.pillar.checks import check, problems
from saltext.maas.pillar.wishes import cluster_uuid, hostname, limits, wishes

__all__ = ["check", "cluster_uuid", "hostname", "limits", "problems", "wishes"]
