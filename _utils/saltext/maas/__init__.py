"""saltext.maas: Canonical MAAS as code, for Salt.

This package is the library; the modules, states, grains and runners that Salt
loads are thin and stand beside it.  It works both installed as the wheel
``saltext.maas`` and synced to a minion by ``saltutil.sync_all``.
"""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"

#: Loader type, which is also the repository's folder after an underscore, and its package in the
#: wheel, where ``pillar`` is taken by the library.
_LOADER_TYPES = {
    "modules": "modules",
    "states": "states",
    "grains": "grains",
    "runners": "runners",
    "engines": "engines",
    "beacons": "beacons",
    "pillar": "ext_pillars",
    "roster": "rosters",
    "clouds": "clouds",
    "resources": "salt_resources/resources",
}


def loader_dirs() -> dict[str, list[str]]:
    """Tell Salt's loader where each loader type of this extension lives.

    Returns:
        ``{loader type: [directory]}``, for the wheel or, in an editable
        install, for the repository.
    """
    here = Path(__file__).resolve().parent
    dirs = {}
    for kind, package in _LOADER_TYPES.items():
        installed = here / package
        folder = installed if installed.is_dir() else here.parents[2] / f"_{kind}"
        if folder.is_dir():
            dirs[kind] = [str(folder)]
    if "resources" in dirs:
        # Salt looks for the execution modules of a resource type in resources/TYPE/modules beside
        # each folder of modules, whether it is there or not. Here ``resources`` is the library's.
        dirs["modules"].append(str(here / "salt_resources" / "modules"))
    return dirs
