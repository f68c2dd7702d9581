"""A plan for readers: as text, as data, and as a page with drawings."""

from __future__ import annotations

import json

from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.render.data import as_data
from saltext.maas.render.text import as_text

__all__ = ["FORMS", "as_data", "as_text", "render_plan", "to_json"]

FORMS = ("text", "json", "html")


def to_json(data: dict) -> str:
    """Return a plan's mapping as JSON text."""
    return json.dumps(data, indent=2, ensure_ascii=False)


def render_plan(
    snapshot: Snapshot, plan: Plan, form: str, colour: bool = False, minion: str | None = None
) -> str | dict:
    """Return a plan in one of its forms.

    Args:
        snapshot: The snapshot that the plan was made from.
        plan: The plan.
        form: ``text``, ``json`` (a mapping) or ``html`` (one self-contained page).
        colour: Whether text is coloured, for a terminal.
        minion: Id of the minion whose pillar it is, for the page.

    Raises:
        BadInput: There is no such form.
        MaasError: The page needs drawsvg, which is not installed.
    """
    if form == "text":
        return as_text(as_data(snapshot, plan), colour)
    if form == "json":
        return as_data(snapshot, plan)
    if form == "html":
        from saltext.maas.render.page import as_page

        return as_page(snapshot, plan, minion)
    raise BadInput(f"form: {form!r} must be one of: {', '.join(FORMS)}")
