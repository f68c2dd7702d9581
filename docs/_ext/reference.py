"""Write the reference pages from what they describe: docstrings and the pillar's schema."""

from __future__ import annotations

from pathlib import Path

import loader_pages
import pillar_page

REPOSITORY = Path(__file__).resolve().parents[2]


def pages() -> dict[str, str]:
    """All generated pages: ``{name: reStructuredText}``."""
    found = {"pillar": pillar_page.page(), **loader_pages.pages(REPOSITORY)}
    first = [name for name in found if "-" not in name]
    tree = ["Reference", "=========", "", ".. toctree::", "   :maxdepth: 2", ""]
    return {**found, "index": "\n".join([*tree, *(f"   {name}" for name in first), ""])}


def generate(app):
    """Write the pages that are new or differ, so that Sphinx reads only those again."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    desired = {folder / f"{name}.rst": text for name, text in pages().items()}
    for stale in set(folder.glob("*.rst")) - set(desired):
        stale.unlink()
    for path, text in desired.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    """Sphinx calls this."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True}
