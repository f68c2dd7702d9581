"""The state of regions and clusters as metrics for Prometheus.

The file is for the textfile collector of node_exporter. Unknown values have no sample.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from typing import Any, TypeAlias

from saltext.maas import atomic_file
from saltext.maas.errors import BadInput, MaasError

#: Name of a metric, labels, value.
Sample: TypeAlias = tuple[str, dict[str, Any], Any]

#: All metrics in the order of the file; all are gauges.
METRICS = {
    "maas_status_timestamp_seconds": "When this was collected.",
    "maas_region_up": "Whether the region answered and accepted the API key.",
    "maas_region_info": "Always 1; the release is a label.",
    "maas_region_pending_changes": "Objects that a run would create, change or delete.",
    "maas_region_plan_problems": "Objects of the pillar that a run cannot apply.",
    "maas_region_plan_failed": "Whether region and pillar could not be compared.",
    "maas_region_last_run_timestamp_seconds": "When maas_region.managed last ended.",
    "maas_region_last_run_success": "Whether that run succeeded.",
    "maas_cluster_connected": "Whether the rack controller is connected (2.0 and later).",
    "maas_cluster_accepted": "Whether the region has accepted the cluster or rack controller.",
    "maas_cluster_images_in_sync": "Whether it holds the images that the pillar selects.",
    "maas_cluster_minion_up": "Whether its minion answers the master.",
    "maas_cluster_minion_last_seen_timestamp_seconds": "When the master last heard of its minion.",
    "maas_cluster_onboarding_phase": "Always 1; the state of its onboarding is a label.",
}


def of_region(found: dict[str, Any]) -> list[Sample]:
    """Return the samples of a region.

    Args:
        found: As :py:func:`maas_region.status` returns it.
    """
    labels = {"region": found["region"]}
    samples: list[Sample] = [("maas_region_up", labels, found.get("up") is True)]
    run = found.get("last_run") or {}
    samples += [
        ("maas_region_last_run_timestamp_seconds", labels, run.get("time")),
        ("maas_region_last_run_success", labels, run.get("success")),
    ]
    if found.get("up") is not True:
        return samples
    return [
        *samples,
        ("maas_region_info", {**labels, "release": found.get("release")}, 1),
        ("maas_region_plan_failed", labels, found.get("plan_error") is not None),
        ("maas_region_pending_changes", labels, found.get("pending")),
        ("maas_region_plan_problems", labels, found.get("problems")),
    ]


def of_cluster(
    region: str, minion: str, cluster: dict[str, Any], onboarding: dict[str, Any] | None = None
) -> list[Sample]:
    """Return the samples of a cluster or rack controller.

    Args:
        region: Name of its region.
        minion: Its minion id; empty where it is not known.
        cluster: ``{cluster, connected, accepted, images}``, each None where it is not known.
        onboarding: What the master knows: ``{up, seen, phase}``.
    """
    labels = {"region": region, "minion": minion, "cluster": cluster.get("cluster")}
    known = onboarding or {}
    phase = known.get("phase")
    return [
        ("maas_cluster_connected", labels, cluster.get("connected")),
        ("maas_cluster_accepted", labels, cluster.get("accepted")),
        ("maas_cluster_images_in_sync", labels, cluster.get("images")),
        ("maas_cluster_minion_up", labels, known.get("up")),
        ("maas_cluster_minion_last_seen_timestamp_seconds", labels, known.get("seen")),
        ("maas_cluster_onboarding_phase", {**labels, "phase": phase}, 1 if phase else None),
    ]


def as_text(samples: Iterable[Sample]) -> str:
    """Write samples in Prometheus's text format, with the time of this moment.

    Of samples with the same labels the first counts, as the collector refuses a file with more.
    """
    lines: dict[str, dict[str, str]] = {name: {} for name in METRICS}
    for name, labels, value in [("maas_status_timestamp_seconds", {}, time.time()), *samples]:
        if isinstance(value, (int, float)) and math.isfinite(value):
            lines[name].setdefault(_labels(labels), f"{float(value)!r}")
    found = []
    for name, own in lines.items():
        if own:
            found += [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
            found += [f"{name}{labels} {value}" for labels, value in own.items()]
    return "".join(f"{line}\n" for line in found)


def _labels(labels):
    pairs = [f'{name}="{_escaped(value)}"' for name, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value):
    text = "" if value is None else str(value)
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def check_form(form: str | None) -> None:
    """Refuse an unknown form.

    Raises:
        BadInput: It is neither None nor ``prometheus``.
    """
    if form not in (None, "prometheus"):
        raise BadInput(f"form: {form!r} must be prometheus, or left out")


def write(folder: str, text: str, region: str | None = None) -> str:
    """Replace the file atomically, readable by everyone, and return its path.

    Args:
        folder: Folder of the textfile collector.
        text: Its content.
        region: The region, for the file's name; None for a whole fleet.

    Raises:
        MaasError: It cannot be written.
    """
    name = "maas.prom" if region is None else f"maas-{region.replace(os.sep, '_')}.prom"
    path = os.path.join(folder, name)
    try:
        atomic_file.put(path, text, ready=lambda handle: os.fchmod(handle, 0o644))
    except OSError as error:
        raise MaasError(f"{path} cannot be written: {error.strerror}") from None
    return path
