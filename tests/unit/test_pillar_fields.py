"""Each field of the pillar with wrong values, made from the schema: one message with its path."""

from __future__ import annotations

import json

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.pillar import checks
from saltext.maas.pillar.schema import schema
from saltext.maas.release import Release
from support.loader import load
from support.schemas import nodes, pillar_with, release_without, right, wrong

NODES = list(nodes(schema()))


def told(path):
    return ":".join(["maas", *map(str, path)])


def ids(path):
    return ":".join(map(str, path))


BAD = [
    pytest.param(path, node, value, id=f"{ids(path)}={json.dumps(value)[:20]}")
    for path, node, _ in NODES
    for value in wrong(node)
]


@pytest.mark.parametrize(("path", "node", "value"), BAD)
def test_a_wrong_value_is_told_with_its_path(path, node, value):
    found = pillar.problems(pillar_with(schema(), path, value))
    assert len(found) == 1, found
    where, _, text = found[0].partition(": ")
    # A whole list of addresses is told at once, and so is what stands in a list of words.
    assert found[0].startswith(told(path)) or where == told(path[:-1])
    assert "must" in text or "unknown key" in text
    if node.get("secret"):
        assert "no such thing" not in text
        assert repr(value) not in text


@pytest.mark.parametrize(
    ("path", "node"),
    [pytest.param(path, node, id=ids(path)) for path, node, _ in NODES],
)
def test_a_right_value_is_no_mistake_of_shape(path, node):
    # What makes no sense beside the rest may be told, but not the value's form.
    assert checks.misshapen(pillar_with(schema(), path, right(node))) == []


@pytest.mark.parametrize(
    ("path", "node", "release"),
    [
        pytest.param(path, node, release_without(spans), id=ids(path))
        for path, node, spans in NODES
        if release_without(spans) and not node.get("lenient")
    ],
)
def test_what_a_release_lacks_is_told_with_its_path(path, node, release):
    data = {**pillar_with(schema(), path, right(node)), "release": release}
    lines = pillar.problems(data)
    expected = f"{told(path)}: MAAS {Release(release)} does not have this; it is for MAAS"
    assert [line for line in lines if line.startswith(expected)], lines


@pytest.mark.parametrize("section", sorted({path[0] for path, _, _ in NODES}))
def test_nothing_is_sent_for_a_wrong_section(section, managed):
    for path, node, _ in NODES:
        if path[0] == section:
            value = next(iter(wrong(node)), None)
            if value is not None:
                result, sent = managed(pillar_with(schema(), path, value))
                assert result["result"] is False
                assert told(path) in result["comment"]
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
