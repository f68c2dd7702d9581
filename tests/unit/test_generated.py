"""States and execution modules say what the tables of the resource types say."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from pathlib import Path

import pytest
from saltext.maas import documentation
from saltext.maas.resources import TABLES

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tools"), str(REPOSITORY / "docs" / "_ext")]

import generate  # noqa: E402
import loader_pages  # noqa: E402

#: Types with a state or a module that is written by hand.
BY_HAND = {"_states": {"setting", "dhcp", "image"}, "_modules": {"setting", "dhcp", "image"}}


def test_generated_files_are_up_to_date():
    old = [str(path.relative_to(REPOSITORY)) for path in generate.outdated()]
    assert old == [], "run `make generate`"


def test_every_type_is_generated_but_for_a_few():
    expected = {
        REPOSITORY / folder / f"maas_{table.name}.py"
        for folder, by_hand in BY_HAND.items()
        for table in TABLES
        if table.has_modules and table.name not in by_hand
    }
    assert generate.files().keys() == expected
    marked = {
        path
        for folder in BY_HAND
        for path in (REPOSITORY / folder).glob("*.py")
        if path.read_text(encoding="utf-8").startswith(generate.MARK)
    }
    assert marked == expected


def test_what_is_written_by_hand_is_kept():
    path = REPOSITORY / "_modules" / "maas_node_group.py"
    text = path.read_text(encoding="utf-8")
    assert "\ndef import_boot_images(" in text.partition(generate.BY_HAND)[2]
    spoilt = text.replace("def list_(profile=None)", "def list_(whatever)")
    assert spoilt != text
    table = next(one for one in TABLES if one.name == "node_group")
    assert generate.generated(table, "module", spoilt) == text


def test_a_name_is_made_of_the_fields_that_it_is_parsed_into():
    for table in TABLES:
        if not table.example:
            continue
        name, _ = documentation._given(table, table.example)
        parsed = table.parse(name)
        assert parsed.keys() == set(documentation._named(table)), table.name


@pytest.mark.parametrize(
    "path", sorted(generate.files()), ids=lambda path: f"{path.parent.name}.{path.stem}"
)
def test_docstrings_are_complete_once_a_module_is_loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = {path: tree for _, path, tree in loader_pages.modules(REPOSITORY)}
    for node in loader_pages.functions(pages[path]).values():
        function = getattr(module, node.name)
        assert inspect.getdoc(function) == ast.get_docstring(node)
        assert "Returns:\n" in function.__doc__
        for argument in inspect.signature(function).parameters:
            assert f"\n        {argument} (" in function.__doc__ or path.stem == "maas_node_group"
