"""An emulated region against what running MAAS regions answered, every exchange of it.

What is compared lies in ``data/``. Where the recordings are at hand, they are replayed as well: the
result is the same, but differences show MAAS's texts instead of their digests.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from exchanges import is_recorded
from figures import LABS, results, table

CASES = [(name, source) for name in LABS for source in ("distilled", "recorded")
         if source == "distilled" or is_recorded(name)]  # fmt: skip
#: The document that shows the table.
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize(("name", "source"), CASES)
def test_answers_are_as_recorded(name, source):
    found, known = results(name, source == "distilled"), LABS[name].KNOWN
    different = {short: "; ".join(texts[:6]) for short, texts in found.items() if texts}
    unknown = {short: texts for short, texts in different.items() if short not in known}
    assert unknown == {}
    assert different.keys() == known.keys(), "a known difference is none any more"
    # What is known to differ is a body, never a status or a content type.
    assert [texts for texts in different.values() if not texts.startswith("body")] == []


def test_the_readme_shows_these_figures(request):
    found = table()
    request.node.user_properties.append(("figures", "\n".join(found)))
    assert "\n".join(found) in README.read_text(encoding="utf-8")
