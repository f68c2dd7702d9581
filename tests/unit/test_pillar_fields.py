"""Each field of the pillar, made from its schema: what is wrong with it is one line with its path.

A test goes through all fields of one section, and shows every one that fails.
"""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, schemas
from saltext.maas.pillar import checks
from saltext.maas.pillar.schema import schema
from saltext.maas.release import Release
from support.loader import load
from support.schemas import nodes, pillar_with, release_without, right, wrong

SECTIONS: dict = {}
for _path, _node, _spans in nodes(schema()):
    SECTIONS.setdefault(_path[0], []).append((_path, _node, _spans))
each_section = pytest.mark.parametrize("section", sorted(SECTIONS))


def place(path):
    return ":".join(["maas", *map(str, path)])


def problem_of(path, node, value):
    """What is wrong with the line that refuses a value; None where nothing is."""
    found = pillar.problems(pillar_with(schema(), path, value))
    if len(found) != 1:
        return found
    line = found[0]
    if node.get("secret") and ("no such thing" in line or repr(value) in line):
        return f"shows a secret: {line}"
    exact = f"{place(path)}: {schemas.shown(node, value)} must be {schemas.allowed(node)}"
    inside = [f"{place(path)}:", f"{place(path)}: ", f"{place(path[:-1])}: "]
    if line == exact or (line.startswith(tuple(inside)) and " must " in line):
        return None
    return line


@each_section
def test_a_wrong_value_is_reported_with_its_path(section):
    failed = [
        (place(path), value, found)
        for path, node, _ in SECTIONS[section]
        for value in wrong(node)
        if (found := problem_of(path, node, value))
    ]
    assert failed == []


@each_section
def test_an_unknown_key_is_reported_with_its_path(section):
    failed = []
    for path, node, _ in SECTIONS[section]:
        if "properties" in node:
            value = {**right(node), "no-such-key": 1}
            found = checks.misshapen(pillar_with(schema(), path, value))
            expected = f"{place(path)}:no-such-key: unknown key; "
            if not (len(found) == 1 and found[0][1].startswith(expected)):
                failed.append((place(path), found))
    assert failed == []


@each_section
def test_a_missing_key_is_reported_with_its_path(section):
    failed = []
    for path, node, _ in SECTIONS[section]:
        for key in node.get("required", ()):
            value = {name: one for name, one in right(node).items() if name != key}
            found = checks.misshapen(pillar_with(schema(), path, value))
            expected = f"{place(path)}:{key}: is missing; {node['properties'][key]['doc']}"
            if [line for _, line in found] != [expected]:
                failed.append((expected, found))
    assert failed == []


@each_section
def test_a_right_value_has_the_right_form(section):
    # What makes no sense beside the rest may be refused, but not the value's form.
    failed = [
        (place(path), found)
        for path, node, _ in SECTIONS[section]
        if (found := checks.misshapen(pillar_with(schema(), path, right(node))))
    ]
    assert failed == []


@each_section
def test_what_a_release_lacks_is_reported_with_its_path(section):
    failed = []
    for path, node, spans in SECTIONS[section]:
        release = release_without(spans)
        if release is None or node.get("lenient"):
            continue
        lines = pillar.problems({**pillar_with(schema(), path, right(node)), "release": release})
        expected = f"{place(path)}: MAAS {Release(release)} does not have this; it is for MAAS"
        if not any(line.startswith(expected) for line in lines):
            failed.append((expected, lines))
    assert failed == []


@each_section
def test_nothing_is_sent_for_a_wrong_section(section, managed):
    for path, node, _ in SECTIONS[section]:
        value = next(iter(wrong(node)), None)
        if value is not None:
            result, sent = managed(pillar_with(schema(), path, value))
            assert result["result"] is False
            assert place(path) in result["comment"]
            assert sent == []


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    """The state ``maas_region.managed`` against a region, and what it sent there."""
    root = tmp_path_factory.mktemp("root")  # no MAAS here, and no long list of packages
    module = load("_states/maas_region.py", {"test": False, "maas.root": str(root)})
    with RegionServer(release="3.7") as server:

        def run(data):
            server.requests.reset()
            profile = {"url": server.url, "api_key": server.api_key}
            return module.managed("all", data=data, profile=profile), list(server.requests)

        yield run
