"""Execution modules of Salt resources, from the files that minions load.

Salt looks for the execution modules of a resource type in a folder of their own. What lies there
is only a call of :func:`load`, so that no module is delivered twice.
"""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from pathlib import Path


def load(namespace: dict, resource_type: str = "") -> None:
    """Run the code of a module in the namespace of the one that calls this, which has its name.

    Args:
        namespace: The ``globals()`` of the module that calls this, in
            ``resources/TYPE/modules/NAME.py``.
        resource_type: The resource type whose module it is; that of minions by default.

    Raises:
        ImportError: Nothing of that name was delivered.
    """
    here = Path(namespace["__file__"])
    if resource_type:
        folders = [here.parents[2] / resource_type / "modules"]
    else:
        # Of a sync, of the repository, and of the wheel.
        folders = [here.parents[3] / "modules", here.parents[3] / "_modules",
                   here.parents[4] / "modules"]  # fmt: skip
    for folder in folders:
        path = folder / here.name
        if path.is_file():
            name = namespace["__name__"]
            exec(SourceFileLoader(name, str(path)).get_code(name) or "", namespace)  # nosec B102 # our own
            return
    raise ImportError(f"{here.name} is in none of {', '.join(map(str, folders))}")
