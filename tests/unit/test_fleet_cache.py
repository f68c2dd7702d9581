"""What the master knows of its minions, in both places where Salt's releases keep it."""

from __future__ import annotations

import os

import pytest
import salt.cache
from salt.config import DEFAULT_MASTER_OPTS
from saltext.maas.fleet.minions import Salt

GRAINS = {"id": "rack-1", "maas": {"roles": ["cluster"]}}


@pytest.fixture
def opts(tmp_path):
    return {**DEFAULT_MASTER_OPTS, "cachedir": str(tmp_path), "root_dir": str(tmp_path)}


@pytest.fixture
def known(opts):
    return Salt({"__opts__": opts})


def keep(opts, layout, grains):
    """Keep grains as the master of a release does, and return the file."""
    bank, key, data = {
        "3006": ("minions/rack-1", "data", {"grains": grains, "pillar": {"secret": "x"}}),
        "3008": ("grains", "rack-1", grains),
    }[layout]
    salt.cache.factory(opts).store(bank, key, data)
    return os.path.join(opts["cachedir"], bank, f"{key}.p")


@pytest.mark.parametrize("layout", ["3006", "3008"])
def test_grains_and_when_a_minion_was_heard_are_found(opts, known, layout):
    os.utime(keep(opts, layout, GRAINS), (1000, 1000))
    assert known.grains("rack-1") == GRAINS
    assert known.last_heard("rack-1") == 1000
    assert known.grains("rack-2") == {}


def test_what_an_upgraded_master_left_in_the_old_place_is_old(opts, known):
    os.utime(keep(opts, "3006", {}), (2000, 2000))
    os.utime(keep(opts, "3008", GRAINS), (1000, 1000))
    assert known.grains("rack-1") == GRAINS
    assert known.last_heard("rack-1") == 1000


def test_of_an_unknown_minion_nothing_is_known_and_nothing_logged(known, caplog):
    assert known.grains("rack-1") == {}
    assert known.last_heard("rack-1") is None
    assert "does not exist" not in "".join(
        one.message for one in caplog.records if one.levelname == "WARNING"
    )
