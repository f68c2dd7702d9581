"""The execution module ``maas_fleet`` as the region's minion loads it, for one job."""

from __future__ import annotations

import functools

from saltext.maas.client import shape
from saltext.maas.fleet.forms import FORMS
from support.loader import load


def fleet(dunders):
    """The module, of which each answer is held to have the form that the master expects."""
    module = load("_modules/maas_fleet.py", **dunders)
    for function, form in FORMS.items():
        of, _, name = function.partition(".")
        if of == "maas_fleet":
            setattr(module, name, _formed(getattr(module, name), form))
    return module


def _formed(work, form):
    @functools.wraps(work)
    def answer(*args, **kwargs):
        found = work(*args, **kwargs)
        assert shape.mistake(found, form) is None, (work.__name__, found)
        return found

    return answer
