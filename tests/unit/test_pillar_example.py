"""The example pillar is right, for every release that it says it is for."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml
from saltext.maas import pillar
from saltext.maas.release import Release

TREE = Path(__file__).resolve().parents[2] / "pillar"


def rendered(name, release):
    """One file of the tree with what it includes, as Salt merges them."""
    path = TREE / (name.replace(".", "/") + ".sls")
    salt = {"grains.get": lambda key, default=None: {"maas:release": release}.get(key, default)}
    text = jinja2.Environment(autoescape=False).from_string(path.read_text()).render(salt=salt)
    data = yaml.safe_load(text)
    whole = {}
    for one in data.pop("include", ()):
        merge(whole, rendered(one, release))
    merge(whole, data)
    return whole


def merge(into, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


@pytest.mark.parametrize(
    "release", ["1.5", "1.6", "1.7", "1.10", "2.6", "3.6", "3.7", "3.8", "4.0"]
)
def test_the_example_is_right(release):
    data = {}
    for name in ("maas.common", "maas.region"):
        merge(data, rendered(name, release))
    assert pillar.problems(data["maas"], Release(release)) == []
    assert pillar.desired_objects(data["maas"], Release(release))


def test_a_cluster_sees_its_part_only():
    data = rendered("maas.common", "3.7")["maas"]
    assert set(data) == {"racks", "region"}
    assert pillar.problems(data, Release("3.7")) == []


def test_keys_that_yaml_reads_as_numbers_are_names():
    data = {"fabrics": {10: {"vlans": {0: None}}}, "racks": {7: None}, "users": {}}
    assert pillar.problems(data, Release("3.7")) == []
    keys = {(one.type, one.key) for one in pillar.desired_objects(data, Release("3.7"))}
    assert keys == {("fabric", "10"), ("vlan", "10/untagged"), ("rack", "7")}
