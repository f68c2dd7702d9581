"""The fake ``maas-import-pxe-files``, with which clusters of 1.5 and 1.6 import images."""

from __future__ import annotations

import os
import sys

import yaml

from maas_emulator.api1.reported_images import picked
from maas_emulator.hosts import formats
from maas_emulator.hosts.asking import ask_region, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_FILES = ("boot-initrd", "boot-kernel", "di-initrd", "di-kernel", "root-image")


def run(host: Sandbox, name: str, arguments: list[str]) -> int:
    """Bring the images that a file on the host selects, and let the region know.

    Args:
        host: The sandbox.
        name: The command's.
        arguments: ``--config-file FILE`` (1.5), or ``--sources-file FILE`` (1.6), which is needed.

    Returns:
        Its exit status: 0, 1 without the file, 2 when anything else went wrong.
    """
    options = parser(name)
    if host.release < "1.6":
        options.add_argument("--config-file", dest="file", default=host.path("bootresources"))
    else:
        options.add_argument("--sources-file", dest="file", required=True)
    path = options.parse_args(arguments).file
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        sys.stderr.write(f"{path} is missing\n")
        return 1
    try:
        choices = list(_choices(host, text))
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        sys.stderr.write(f"{path} cannot be understood\n")
        return 2
    images = list(picked(host.release, choices))
    if images:
        _store(host, images)
    _report(host, choices, images)
    return 0


def _choices(host, text):
    found = yaml.safe_load(text)
    sources = found["boot"]["sources"] if host.release < "1.6" else found
    for source in sources:
        for one in source["selections"]:
            lists = (list(one.get(name) or ["*"]) for name in ("arches", "subarches", "labels"))
            yield (source.get("path") or source["url"], [one["release"]], *lists)


def _store(host, images):
    """Write a snapshot, and make it the current one."""
    current = host.path("images")
    base = os.path.dirname(current)
    os.makedirs(base, exist_ok=True)
    snapshot = f"snapshot-{len(os.listdir(base)) + 1}"
    levels = ["architecture", "subarchitecture", "release", "label"]
    levels = levels if host.release < "1.6" else ["osystem", *levels]
    for place in sorted({"/".join(one[level] for level in levels) for one in images}):
        for name in _FILES:
            host.write(os.path.join(base, snapshot, place, name), f"{place} {name}\n")
    if os.path.islink(current):
        os.unlink(current)
    os.symlink(snapshot, current)


def _report(host, choices, images):
    """What a job of the cluster does within minutes; it may not reach the region, or be new."""
    uuid = formats.cluster_uuid(host.read("cluster_config") or "")
    if not uuid or not images or not host.info.get("url"):
        return
    try:
        ask_region(host, "report_images", uuid=uuid, choices=choices, images=images)
    except SystemExit:
        return
