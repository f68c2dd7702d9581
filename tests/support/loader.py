"""Modules for Salt as its loader has them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def load(path, opts=None, pillar=None, **dunders):
    """Load a module such as ``_states/maas_region.py``.

    Args:
        path: Below the repository.
        opts: ``__opts__``.
        pillar: ``__pillar__``.
        dunders: More names that Salt gives it, or these: ``__salt__`` and so on.
    """
    spec = importlib.util.spec_from_file_location(Path(path).stem, REPOSITORY / path)
    module = importlib.util.module_from_spec(spec)
    found = {f"__{name}__": {} for name in ("context", "grains", "salt", "opts", "pillar")}
    given = {"__opts__": opts, "__pillar__": pillar, **dunders}
    found.update((name, value) for name, value in given.items() if value is not None)
    module.__dict__.update(found)
    spec.loader.exec_module(module)
    return module
