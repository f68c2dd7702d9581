"""A pillar of salt-formula-maas, converted on the master."""

from __future__ import annotations

import os

from saltext.maas import parsing, pillar
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.pillar import from_formula


def converted(dunders: dict, source: str, folder: str | None = None) -> dict:
    """Return ``{files, secrets, notes}``; with ``folder``, write the files there.

    Args:
        dunders: The runner module's ``globals()``.
        source: A YAML file, by its absolute path, or a minion whose pillar is compiled.
        folder: A new or empty folder on the master.

    Raises:
        BadInput: The source holds no pillar of the formula.
        MaasError: The source cannot be read, or the folder cannot be written.
    """
    if os.path.isabs(source):
        whole = _read(source)
    else:
        whole = dunders["__salt__"]["pillar.show_pillar"](source)
    if isinstance(whole, dict) and "maas" not in whole and len(whole) == 1:
        whole = next(iter(whole.values()))  # as salt and salt-call print it, below the minion
    if not isinstance(whole, dict) or "maas" not in whole:
        raise BadInput(f"source: {source} has no key maas")
    found = from_formula.convert(whole["maas"])
    files = pillar.files(found)
    return {
        "files": pillar.write(os.path.abspath(folder), files) if folder else files,
        "secrets": found.secrets,
        "notes": found.notes,
    }


def _read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return parsing.of_yaml(stream)
    except (OSError, UnicodeDecodeError) as error:
        raise MaasError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    except ValueError as error:
        raise BadInput(f"source: {path} is {error}; render templates first") from None
