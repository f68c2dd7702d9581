"""Look for known vulnerabilities of pinned versions in a folder of advisories, without a network.

The folder is a clone of https://github.com/pypa/advisory-database, or has advisories in its form::

    python tools/audit.py FOLDER requirements/*.txt
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.version import Version


def pinned(file: Path) -> Iterator[tuple[str, str]]:
    """Yield ``(package, version)`` of a file of requirements, whatever the environment."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            (one,) = requirement.specifier
            yield re.sub(r"[-_.]+", "-", requirement.name).lower(), one.version


def affects(advisory: dict[str, Any], version: str) -> bool:
    """Return whether an advisory is about a version."""
    for part in advisory.get("affected", ()):
        if version in part.get("versions", ()):
            return True
        for span in part.get("ranges", ()):
            if span["type"] == "ECOSYSTEM" and _within(span["events"], Version(version)):
                return True
    return False


def _within(events, version):
    """Whether a version lies in one of the spans that events begin and end, in their order."""
    inside = False
    for event in events:
        ((kind, where),) = event.items()
        if kind == "introduced":
            inside = where == "0" or version >= Version(where)
        elif inside and (
            version < Version(where) if kind == "fixed" else version <= Version(where)
        ):
            return True
        else:
            inside = False
    return inside


def main(folder: str, *files: str) -> int:
    """Print what is affected, and return the exit status."""
    found = 0
    packages = {one for file in files for one in pinned(Path(file))}
    if not any(Path(folder).glob("vulns/*/*.yaml")):
        print(f"{folder} has no advisories in vulns/", file=sys.stderr)
        return 2
    for package, version in sorted(packages):
        for path in sorted(Path(folder, "vulns", package).glob("*.yaml")):
            advisory = yaml.safe_load(path.read_text(encoding="utf-8"))
            if not advisory.get("withdrawn") and affects(advisory, version):
                print(f"{package} {version}: {advisory['id']} {advisory.get('aliases', '')}")
                found += 1
    print(f"{len(packages)} versions, {found} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
