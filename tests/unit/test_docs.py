"""What the reference pages are made from is complete."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "docs" / "_ext"))

import loader_pages  # noqa: E402
import pillar_page  # noqa: E402


def functions():
    """Every public function that Salt loads, as a test parameter."""
    for kind, path, tree in loader_pages.modules(REPOSITORY):
        for name, node in loader_pages.functions(tree).items():
            called = f"{path.stem}.{name}"
            yield pytest.param(kind, called, node, id=f"{kind}:{called}")


@pytest.mark.parametrize(("kind", "called", "node"), list(functions()))
def test_a_function_says_what_it_takes_and_returns(kind, called, node):
    text = ast.get_docstring(node) or ""
    arguments = [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
    if kind == "grains":
        arguments = []  # Salt itself calls it
    assert text.splitlines()[0].endswith((".", ":"))
    assert "Returns:\n" in text
    assert not arguments or "Args:\n" in text
    section = text.partition("Args:\n")[2].partition("\nReturns:")[0]
    unknown = [
        one for one in arguments if not re.search(rf"^    {one}( \([^()]+\))?: ", section, re.M)
    ]
    assert not unknown, f"not described: {unknown}"


@pytest.mark.parametrize(("kind", "called", "node"), list(functions()))
def test_a_function_has_an_example_that_calls_it(kind, called, node):
    text = ast.get_docstring(node) or ""
    if kind == "states":
        example = text.partition(".. code-block:: yaml\n")[2]
        assert f"  {called}:" in example
    elif kind in ("modules", "runners"):
        example = text.partition("CLI Example:\n")[2].partition(".. code-block:: bash\n")[2]
        assert called in example


def test_every_module_says_what_it_is_for():
    for _, path, tree in loader_pages.modules(REPOSITORY):
        assert ast.get_docstring(tree), path.name


def test_the_pillar_reference_has_every_key():
    page = pillar_page.page()
    missing = [path for path in pillar_page.paths() if f"``{path}``" not in page]
    sections = [path for path in missing if f"\n{path}\n---" not in page]
    assert sections == []


def test_the_pillar_reference_has_known_keys():
    page = pillar_page.page()
    for path in (
        "maas:release",
        "maas:region:admin:password",
        "maas:settings:upstream_dns",
        "maas:fabrics:NAME:vlans:VID:dhcp:primary_rack",
        "maas:subnets:CIDR:ranges[]:start",
        "maas:clusters:MINION:interfaces:INTERFACE:dynamic_range:low",
    ):
        assert f"``{path}``" in page


def test_secrets_and_needed_keys_are_marked():
    lines = pillar_page.page().splitlines()
    start = next(
        n for n, line in enumerate(lines) if line.endswith("``maas:region:admin:password``")
    )
    about = " ".join(lines[start : start + 4])
    assert "*Secret.*" in about
    assert "**Required.**" in about


def test_links_between_pages_lead_somewhere():
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)\)", page.read_text()):
            if "reference/" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
