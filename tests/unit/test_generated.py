"""States and execution modules say what the tables of the resource types say."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

import pytest
from saltext.maas import documentation
from saltext.maas.machines import parameters
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
        assert inspect.getdoc(module) == ast.get_docstring(tree)
        for node in loader_pages.functions(tree).values():
            text = inspect.getdoc(getattr(module, node.name))
            assert text == ast.get_docstring(node)
            assert "\nArgs:\n" in text, f"{path.stem}.{node.name}"


@pytest.mark.parametrize("folder", ["_modules", "_states"])
def test_functions_that_operate_machines_say_all_once_they_are_loaded(folder):
    path = f"{folder}/maas_machine.py"
    module, text = load(path), (REPOSITORY / path).read_text(encoding="utf-8")
    by_hand = ast.parse(text.partition(generate.BY_HAND)[2])
    short = [
        node.name
        for node in by_hand.body
        if isinstance(node, ast.FunctionDef) and "Returns:" not in ast.get_docstring(node)
    ]
    assert len(short) >= 10
    for name in short:
        function = getattr(module, name)
        told = inspect.getdoc(function)
        arguments = told.partition("\nArgs:\n")[2].partition("\n\nReturns:\n    dict: ")[0]
        described = re.findall(r"^    (\w+) \([^()]+\): .", arguments, re.M)
        assert described == list(inspect.signature(function).parameters), name
        assert re.search(rf"\n    .*maas_machine\.{name}\b", told.partition(".. code-block::")[2])
        assert ("\n\nRaises:\n    CommandExecutionError: " in told) == (folder == "_modules")


def test_each_parameter_of_operations_on_machines_is_used():
    used = {
        name
        for folder in ("_modules", "_states")
        for _, function in inspect.getmembers(load(f"{folder}/maas_machine.py"), inspect.isfunction)
        for name in inspect.signature(function).parameters
    }
    assert parameters.PARAMETERS.keys() <= used
    known = {*parameters.PARAMETERS, *parameters.OF_STATES}
    for function, given in parameters.EXAMPLES.items():
        assert given.keys() <= known, function
