"""Boot sources: by URL with or without a slash, and what MAAS 3.8 knows of them."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.pillar.export import export
from saltext.maas.reconcile import desired_named, make_plan
from support.reconciling import carried_out, problems_of, pruned, snapshot_of

MIRROR = "http://images.example.com/ephemeral-v3/stable"
OTHER = "http://other.example.com/images"
OPTIONS = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.1}


@pytest.fixture(params=["1.9", "3.7"])
def region(request):
    with RegionServer(request.param, **OPTIONS) as server:
        yield server


def sources(region):
    """The boot sources as MAAS answers them, by URL."""
    return {one["url"]: one for one in snapshot_of(region).client.get("boot-sources/")}


def selection(region):
    """A selection that the mirror has for the release."""
    release = "trusty" if region.region.release < "2.0" else "jammy"
    return {"os": "ubuntu", "release": release, "arches": ["amd64"]}


# With and without a slash


@pytest.mark.parametrize("stored", [MIRROR, f"{MIRROR}//"])
@pytest.mark.parametrize("asked", [MIRROR, f"{MIRROR}/"])
def test_a_slash_at_the_end_makes_no_difference(region, stored, asked):
    only = selection(region)
    carried_out(region, {"boot_sources": {stored: {"selections": [only]}}})
    there = sources(region)[stored]

    data = {"boot_sources": {asked: {"selections": [only]}}}
    data["exclusive"] = {"boot_source": True, "boot_selection": [asked]}
    pruned(region, data)  # on a new region of 1.x there is another one
    assert sources(region) == {stored: there}
    assert snapshot_of(region).client.get(f"boot-sources/{there['id']}/selections/")

    absent = desired_named("boot_source", asked, {}, absent=True)
    (change,) = make_plan(snapshot_of(region), [absent]).changes
    assert change.raw["url"] == stored


def test_a_release_that_keeps_slashes_gets_the_url_as_it_was_given(region):
    carried_out(region, {"boot_sources": {f"{MIRROR}/": None, OTHER: None}})
    assert {f"{MIRROR}/", OTHER} <= sources(region).keys()


def test_two_urls_that_differ_in_the_slash_are_refused():
    data = {"boot_sources": {MIRROR: None, f"{MIRROR}/": None}}
    assert pillar.problems(data) == [
        f"maas:boot_sources:{MIRROR}/: is the same source as maas:boot_sources:{MIRROR}; a slash "
        "at the end makes no difference"
    ]


def test_sources_that_the_region_has_twice_are_a_problem():
    with RegionServer("3.7", **OPTIONS) as region:
        client = snapshot_of(region).client
        for url in (MIRROR, f"{MIRROR}/"):
            client.post("boot-sources/", data={"url": url, "keyring_filename": "/k"})
        (problem,) = problems_of(region, {"boot_sources": {MIRROR: {"keyring_filename": "/x"}}})
        assert f"the region has 2 boot sources '{MIRROR}' (ids 1, 2)" in problem


def test_an_export_describes_the_source_and_its_selections(region):
    only = selection(region)
    carried_out(region, {"boot_sources": {f"{MIRROR}/": {"selections": [only]}}})
    found = export(snapshot_of(region)).described["boot_sources"]
    assert found[f"{MIRROR}/"] == {"selections": [only]}


# Fields of 3.8


@pytest.mark.parametrize(
    "values",
    [{"name": "x"}, {"priority": 3}, {"enabled": True}, {"skip_keyring_verification": True}],
)
def test_older_releases_have_no_such_fields(region, values):
    (field,) = values
    (problem,) = pillar.problems({"boot_sources": {MIRROR: values}}, snapshot_of(region).release)
    assert problem.startswith(f"maas:boot_sources:{MIRROR}:{field}: ")
    assert "3.8" in problem
