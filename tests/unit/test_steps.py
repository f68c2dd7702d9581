"""Answers to requests for parts of a machine are believed only if they are about that part."""

from __future__ import annotations

import pytest
from saltext.maas.errors import WrongAnswer
from saltext.maas.resources.steps import confirmed, own_paths

NODE = "nodes/4y3h7n"


def about(path):
    return {"id": 5, "resource_uri": f"/MAAS/api/2.0/{path}"}


@pytest.mark.parametrize(("path", "op", "own"), [
    (f"{NODE}/interfaces/5/", "link_subnet", f"{NODE}/interfaces/5/"),
    (f"{NODE}/interfaces/", "create_bond", f"{NODE}/interfaces/6/"),
    (f"{NODE}/blockdevices/1/partitions/", None, f"{NODE}/blockdevices/1/partition/2"),
    (f"{NODE}/blockdevices/1/partition/2", "format", f"{NODE}/blockdevices/1/partition/2"),
    (f"{NODE}/raids/", None, f"{NODE}/raid/1/"),
    (f"{NODE}/volume-groups/", None, f"{NODE}/volume-group/1/"),
    (f"{NODE}/volume-group/1/", "create_logical_volume", f"{NODE}/blockdevices/7/"),
    (f"{NODE}/bcache-cache-sets/", None, f"{NODE}/bcache-cache-set/1/"),
    ("machines/123456/", "mount_special", "machines/123456/"),
])  # fmt: skip
def test_an_answer_about_the_part(path, op, own):
    assert confirmed(about(own), path, op)["id"] == 5


@pytest.mark.parametrize(("path", "op", "own"), [
    (f"{NODE}/interfaces/5/", "link_subnet", f"{NODE}/interfaces/6/"),
    (f"{NODE}/interfaces/5/", "link_subnet", "nodes/xxxxxx/interfaces/5/"),
    (f"{NODE}/interfaces/", "create_vlan", f"{NODE}/interfaces/5/"),
    (f"{NODE}/blockdevices/1/partitions/", None, f"{NODE}/blockdevices/2/partition/9"),
    (f"{NODE}/raids/", None, f"{NODE}/blockdevices/1/partition/9"),
    (f"{NODE}/volume-group/1/", "create_logical_volume", f"{NODE}/volume-group/1/"),
    ("machines/123456/", "mount_special", "machines/654321/"),
])  # fmt: skip
def test_an_answer_about_another_part(path, op, own):
    known = set(own_paths({"interface_set": [about(f"{NODE}/interfaces/5/")]}))
    with pytest.raises(WrongAnswer, match="something else"):
        confirmed(about(own), path, op, known)


@pytest.mark.parametrize("answer", [None, [], "OK", {}, {"resource_uri": 7}, {"id": 5}])
def test_no_answer_about_any_part(answer):
    with pytest.raises(WrongAnswer):
        confirmed(answer, f"{NODE}/interfaces/5/")
