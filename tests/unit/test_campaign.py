"""Whole pillars through a network in which every fifth request meets a fault."""

from __future__ import annotations

import functools

import pytest
from support import campaign
from support.faults import KINDS

SEEDS = 3  # of each API; `make soak` runs a thousand
undisturbed = functools.cache(campaign.undisturbed)
CASES = [campaign.Case.of(api, seed) for api in campaign.PILLARS for seed in range(SEEDS)]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    campaign.hurry(monkeypatch.setattr)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_region_is_as_described_after_three_runs(case):
    needed = campaign.disturbed(case, undisturbed(case.undisturbed))
    assert max(needed) <= campaign.MOST


def test_a_seed_chooses_the_same_always_and_all_there_is_at_some_time():
    many = [campaign.Case.of(api, seed) for api in campaign.PILLARS for seed in range(40)]
    assert [campaign.Case.of(one.api, one.seed) for one in many] == many
    for api, pillars in campaign.PILLARS.items():
        assert {one.release for one in many if one.api == api} == set(pillars)
    assert {one.secure for one in many} == {False, True}
    assert {bool(one.upgraded) for one in many} == {False, True}
    assert {one.secure for one in CASES} == {False, True}


def test_machines_and_all_kinds_join_in():
    for release in campaign.PILLARS["machines"]:
        for pillar in campaign.Case("machines", release).pillars:
            assert {"interfaces", "storage", "tags"} < pillar["machines"]["web-1"].keys()
    assert len(KINDS) >= 26
