"""States and execution modules say what the tables of the resource types say."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

from saltext.maas import documentation
from saltext.maas.resources import TABLES
from support.loader import load

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


def test_docstrings_are_complete_once_a_module_is_loaded():
    generated = generate.files().keys()
    pages = {path: tree for _, path, tree in loader_pages.modules(REPOSITORY) if path in generated}
    assert pages.keys() == generated
    for path, tree in pages.items():
        module = load(path)
        for node in loader_pages.functions(tree).values():
            text = inspect.getdoc(getattr(module, node.name))
            assert text == ast.get_docstring(node)
            assert "\nArgs:\n" in text, f"{path.stem}.{node.name}"
