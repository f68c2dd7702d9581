"""Whole pillars through a network in which every fifth request meets a fault."""

from __future__ import annotations

import pytest
from support import campaign
from support.faults import KINDS

SEEDS = 16  # `make soak` runs five hundred


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    campaign.hurry(monkeypatch.setattr)


@pytest.fixture(scope="module")
def expected():
    """What the regions hold where nothing goes wrong."""
    return {release: campaign.undisturbed(release) for release in campaign.PILLARS}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_region_is_as_described_after_three_runs(expected, seed):
    release = sorted(campaign.PILLARS)[seed % len(campaign.PILLARS)]
    needed = campaign.disturbed(release, seed, expected[release])
    assert max(needed) <= campaign.MOST


def test_both_generations_of_the_api_machines_and_all_kinds_join_in():
    assert {"1" if release < "2" else "2" for release in campaign.PILLARS} == {"1", "2"}
    for release in campaign.PILLARS:
        for pillar in (campaign.PILLARS[release], campaign.second(release)):
            of_machine = pillar.get("machines", {}).get("web-1", {})
            assert release < "2" or {"interfaces", "storage", "tags"} < of_machine.keys()
    assert len(KINDS) >= 19
