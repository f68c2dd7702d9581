"""Which kernels there are for a machine, and which of them a deployment uses."""

from __future__ import annotations

import re

from maas_emulator import images
from maas_emulator.forms_2x import Refused

_CHANNELS = ("", "ga", "hwe", "hwe-edge")


def _rows(region, name=None, arch=None):
    for row in region.rows("boot_resources").values():
        own, _, kernel = row["architecture"].partition("/")
        fits = (name is None or row["name"] == name) and (arch is None or own == arch)
        if fits and row["subarches"] and row["type"] == "Synced" and images.is_complete(row):
            yield row, kernel


def order(kernel):
    """What kernels are sorted by: version of Ubuntu, then what is newer of it."""
    channel, edge = "", kernel.startswith("hwe-edge") or kernel.endswith("-edge")
    match = re.match(r"(?:.*?-)?(ga|hwe)(?:-edge)?-([a-z]|rolling|\d+\.\d+)", kernel)
    if match:
        channel, wanted = match.groups()
        channel = "hwe-edge" if channel == "hwe" and edge else channel
    else:
        wanted = kernel
    if wanted == "rolling":
        return (999, 999, _CHANNELS.index(channel))
    for series, (version, _, _) in images.SERIES.items():
        if wanted in (series, version) or (len(wanted) == 1 and series.startswith(wanted)):
            year, month = version.split(".")
            return (int(year), int(month), _CHANNELS.index(channel))
    return (0, 0, 0)


def is_kernel(name):
    """Whether a text names a kernel, and not a platform such as ``generic``."""
    return bool({"hwe", "ga"} & set(name.split("-")))


def levels(region):
    """All that ``min_hwe_kernel`` may be: kernels that are there, and those they stand for."""
    found = set()
    for row, kernel in _rows(region):
        found |= {name for name in (kernel, *row["subarches"].split(",")) if is_kernel(name)}
    return found


def available(region, system, series, arch):
    """The kernels of a series that are there for an architecture, oldest first."""
    found = {kernel for _, kernel in _rows(region, f"{system}/{series}", arch)}
    return sorted(found, key=order)


def working(region, wanted, least, architecture, system, series):
    """The kernel that a machine is deployed with.

    Args:
        region: The region.
        wanted: The kernel that was asked for, or empty.
        least: The oldest that the machine runs with, or empty.
        architecture: Such as ``amd64/generic``.
        system: Operating system, empty where none is chosen yet.
        series: Its series.

    Raises:
        Refused: There is none.
    """
    if not (system and architecture and series):
        return wanted
    if system != "ubuntu":
        system = "ubuntu"
        series = str(region.settings.get("commissioning_distro_series") or "")
    arch = architecture.partition("/")[0]
    there = available(region, system, series, arch)
    least = least if least and is_kernel(least) else ""
    if wanted and is_kernel(wanted):
        if wanted not in there:
            raise Refused(f"{wanted} is not available for {system}/{series} on {architecture}.")
        if order(wanted) < order(series):
            raise Refused(f"{wanted} is too old to use on {system}/{series}.")
        if least and order(wanted) < order(least):
            raise Refused(f"chosen kernel ({wanted}) is older than minimal kernel required by the"
                          f" machine ({least}).")  # fmt: skip
        return wanted
    bounds = [order(bound) for bound in (least, series) if bound]
    for kernel in there:
        if all(order(kernel) >= bound for bound in bounds):
            return kernel
    if least:
        raise Refused(f"{series} has no kernels available which meet min_hwe_kernel({least}).")
    raise Refused(f"{series} has no kernels available.")
