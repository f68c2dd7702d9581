"""Plan, export, drift and what is not managed: asked of a region's minion, for the master."""

from __future__ import annotations

import os
import sys
from typing import Any

from saltext.maas import atomic_file, pillar, region_machines, render
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.config import settings_of
from saltext.maas.fleet.core import shown
from saltext.maas.fleet.forms import formed
from saltext.maas.fleet.minions import Salt
from saltext.maas.machines import view
from saltext.maas.render import colour as colours

_SECONDS = 1800.0  # for a region of any size to be read


def ask(
    dunders, region: str | None, function: str, salt=None, limit: float = _SECONDS, **kwargs
) -> Any:
    """Call a function on a region's minion.

    Args:
        dunders: The runner module's ``globals()``.
        region: Minion id; the only one of ``maas.fleet:regions`` where None.
        function: Such as ``maas_region.plan``.
        salt: Instead of the real one, for tests.
        limit: Seconds after which a minion that is still at it is given up.
        kwargs: For the function; what is None is left out.

    Raises:
        BadInput: No region is named, or several are.
        MaasError: It did not answer, or with an error.
    """
    if region is None:
        regions = settings_of(dunders["__opts__"]).regions
        if len(regions) != 1:
            raise BadInput(f"region: name one of: {', '.join(regions)}")
        region = regions[0]
    given = {name: value for name, value in kwargs.items() if value is not None}
    answer = (salt or Salt(dunders)).ask_signed(region, function, limit=limit, **given)
    answer = formed(function, answer)
    if answer.error:
        raise MaasError(f"{region}: {answer.error}")
    return answer.value


def plan(
    dunders, region: str | None = None, form: str = "text", output: str | None = None, salt=None
) -> dict | str:
    """Return a region's plan as ``salt-run`` prints it, or the path of the file written.

    Raises:
        MaasError: The region cannot be asked, or the file not be written.
    """
    if form not in render.FORMS:
        raise BadInput(f"form: {form!r} must be one of: {', '.join(render.FORMS)}")
    colour = form == "text" and output is None and colours.enabled(sys.stdout, dunders["__opts__"])
    found = ask(dunders, region, "maas_region.plan", salt, form=form, colour=colour)
    if output is None:
        return {"outputter": "json" if form == "json" else "txt", "data": found}
    try:
        if os.path.exists(output) and not os.path.isfile(output):  # such as /dev/stdout
            raise MaasError(f"{output} cannot be written: it is no regular file")
        text = f"{render.to_json(found) if form == 'json' else found}\n"
        atomic_file.put(os.path.abspath(output), text)
    except OSError as error:
        raise MaasError(f"{output} cannot be written: {error.strerror}") from None
    return output


def export(
    dunders,
    region: str | None = None,
    folder: str | None = None,
    by: str | None = None,
    for_release: str | None = None,
    racks: dict | None = None,
    salt=None,
) -> dict:
    """Return ``{files, secrets, notes}``; with ``folder``, write the files there.

    Raises:
        MaasError: The region cannot be asked, or the folder not be written.
    """
    asked: dict[str, Any] = {"by": by, "for_release": for_release, "racks": racks}
    found = ask(dunders, region, "maas_region.export", salt, **asked)
    if folder is not None:
        # Names come from another host, so nothing but a plain name is written.
        texts = {os.path.basename(name): text for name, text in found["files"].items()}
        found = {**found, "files": pillar.write(os.path.abspath(folder), texts)}
    return found


def compare_machines(
    dunders, region: str | None = None, state: str | None = None, salt=None
) -> dict | list:
    """Return the machines of a region and of its pillar; as a table for a person.

    Raises:
        MaasError: The region cannot be asked, or the state is wrong.
    """
    rows = ask(dunders, region, "maas_region.compare_machines", salt, state=state)
    return shown(dunders["__opts__"], rows, view.as_table(rows, region_machines.COLUMNS))
