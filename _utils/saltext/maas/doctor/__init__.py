"""What keeps a MAAS from working, looked for without changing anything."""

from saltext.maas.doctor.cluster_checks import examine as examine_cluster
from saltext.maas.doctor.region_checks import examine as examine_region

__all__ = ["examine_cluster", "examine_region"]
