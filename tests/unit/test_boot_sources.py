"""Boot sources: by URL with or without a slash, and what MAAS 3.8 knows of them."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.pillar.export import export
from saltext.maas.reconcile import Limits, apply, desired_named, make_plan
from saltext.maas.resources.field import Field
from support.reconciling import (
    SHORT,
    carried_out,
    errors,
    planned,
    problems_of,
    pruned,
    snapshot_of,
)

MIRROR = "http://images.example.com/ephemeral-v3/stable"
OTHER = "http://other.example.com/images"
STABLE = "http://images.maas.io/ephemeral-v3/stable"  # which each new region of 3.8 has
FOCAL, JAMMY, NOBLE = (
    {"os": "ubuntu", "release": release, "arches": ["amd64"]}
    for release in ("focal", "jammy", "noble")
)
OPTIONS = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.1}


@pytest.fixture(params=["1.9", "3.7"])
def region(request):
    with RegionServer(request.param, **OPTIONS) as server:
        yield server


@pytest.fixture
def newest():
    with RegionServer("3.8", **OPTIONS) as server:
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


def numbers(region):
    """The priorities by name."""
    return {one["name"]: one["priority"] for one in sources(region).values()}


def test_3_8_strips_slashes_and_the_plan_stays_empty(newest):
    data = {"boot_sources": {f"{STABLE}/": {"selections": [NOBLE]}, f"{MIRROR}//": None}}
    data["exclusive"] = {"boot_source": True, "boot_selection": True}
    pruned(newest, data)
    assert sources(newest).keys() == {STABLE, MIRROR}
    for url in (MIRROR, f"{MIRROR}/"):
        data["boot_sources"] = {STABLE: {"selections": [NOBLE]}, url: None}
        assert pruned(newest, data) == {}


@pytest.mark.parametrize(
    ("after", "moved"),
    [
        ({"a": 20, "b": 10}, 1),  # swap
        ({"a": 20, "b": 30, "c": 40}, 0),  # each takes what another leaves
        ({"a": 5, "b": 10}, 0),
        ({"a": 20, "b": 30, "c": 10}, 1),  # in a circle
        ({"a": 20, "b": 10, "c": 0}, 1),  # the lowest free number is wanted, too
        ({"a": 20, "b": 10, "c": 40, "d": 30}, 1),  # a new one
    ],
)
def test_priorities_are_exchanged_in_one_run(newest, after, moved):
    def described(priorities):
        found = {f"http://{name}.example.com": {"name": name, "priority": number}
                 for name, number in priorities.items()}  # fmt: skip
        return {"boot_sources": found, "exclusive": {"boot_source": True}}

    before = {"a": 10, "b": 20, "c": 30}
    pruned(newest, described(before))
    newest.requests.reset()
    shown = pruned(newest, described({**before, **after}))
    assert numbers(newest) == {**before, **after}
    changed = [name for name in after if before.get(name) != after[name]]
    assert len(shown["boot_source"]) == len(changed)
    assert len(newest.requests.writes()) == len(changed) + moved


def test_many_priorities_are_exchanged_without_comparing_each_with_each(newest, monkeypatch):
    urls = [f"http://source-{number}.example.com" for number in range(30)]
    rising, falling = (
        {"boot_sources": {url: {"priority": number} for url, number in zip(urls, priorities)}}
        for priorities in (range(10, 40), range(39, 9, -1))
    )
    carried_out(newest, rising)
    read, value = [], Field.value
    monkeypatch.setattr(Field, "value", lambda *given: read.append(1) or value(*given))
    snapshot, plan = planned(newest, falling)
    assert len(plan.changes) == 30
    assert len(read) < 10 * 30 * 30
    apply(snapshot, plan, SHORT)
    assert [numbers(newest)[url] for url in urls] == list(range(39, 9, -1))


def test_names_are_exchanged_as_well(newest):
    data = {"boot_sources": {MIRROR: {"name": "one"}, OTHER: {"name": "two"}}}
    carried_out(newest, data)
    data = {"boot_sources": {MIRROR: {"name": "two"}, OTHER: {"name": "one"}}}
    carried_out(newest, data)
    assert {sources(newest)[MIRROR]["name"], sources(newest)[OTHER]["name"]} == {"one", "two"}


def test_a_source_that_is_replaced_leaves_its_priority(newest):
    carried_out(newest, {"boot_sources": {MIRROR: {"priority": 20}}})
    data = {"boot_sources": {STABLE: {"selections": [NOBLE]}, OTHER: {"priority": 20}}}
    data["exclusive"] = {"boot_source": True}
    pruned(newest, data)
    assert numbers(newest) == {"MAAS Stable": 1, OTHER: 20}


def test_new_sources_are_numbered_in_the_order_of_the_pillar(newest):
    urls = [f"http://{name}.example.com" for name in "dbca"]
    data = {"boot_sources": dict.fromkeys(urls)}
    data["boot_sources"][OTHER] = {"priority": 2}
    carried_out(newest, data)
    assert numbers(newest) == {"MAAS Stable": 1, OTHER: 2} | {
        url: number for number, url in enumerate(urls, 3)
    }


@pytest.mark.parametrize("field", ["name", "priority"])
def test_what_another_source_has_is_refused(newest, field):
    value = {"name": "MAAS Stable", "priority": 1}[field]
    (problem,) = problems_of(newest, {"boot_sources": {MIRROR: {field: value}}})
    assert problem == (
        f"boot source {MIRROR}: {field}: boot source {STABLE} has {value!r}, too; describe another "
        "one for it"
    )
    twice = {"boot_sources": {MIRROR: {field: value}, OTHER: {field: value}}}
    assert pillar.problems(twice) == [
        f"maas:boot_sources:{OTHER}:{field}: {value!r} is that of maas:boot_sources:{MIRROR}; each "
        "source needs its own"
    ]


def test_an_unsigned_source_needs_no_keyring(newest):
    url = "http://192.0.2.7/streams/v1/index.json"
    data = {"boot_sources": {url: None, MIRROR: {"skip_keyring_verification": True}}}
    carried_out(newest, data)
    found = sources(newest)
    for one in (url, MIRROR):
        assert found[one]["skip_keyring_verification"] is True
        assert found[one]["keyring_filename"] == ""
    described = export(snapshot_of(newest)).described["boot_sources"]
    assert described[url] == {"priority": 2}
    assert described[MIRROR] == {"priority": 3, "skip_keyring_verification": True}

    data["boot_sources"][MIRROR] = {"skip_keyring_verification": False}
    (problem,) = problems_of(newest, data)
    assert "keyring_filename or keyring_data is missing" in problem
    data["boot_sources"][MIRROR]["keyring_filename"] = "/srv/mirror.gpg"
    carried_out(newest, data)


def test_a_source_with_a_keyring_of_its_own_can_be_changed(newest):
    """MAAS wants the keyring again, whatever is changed."""
    values = {"keyring_data": "YWJj/w==", "priority": 7, "enabled": True}
    carried_out(newest, {"boot_sources": {MIRROR: values}})
    carried_out(newest, {"boot_sources": {MIRROR: {"priority": 8, "enabled": False}}})
    carried_out(newest, {"boot_sources": {MIRROR: {"priority": 1}, STABLE: {"priority": 8}}})
    assert sources(newest)[MIRROR]["keyring_data"] == "YWJj/w=="
    described = export(snapshot_of(newest)).described["boot_sources"]
    assert described[MIRROR] == {"keyring_data": "YWJj/w==", "priority": 1, "enabled": False}

    wanted = {"boot_sources": {MIRROR: {"keyring_filename": "/srv/mirror.gpg"}}}
    (problem,) = problems_of(newest, wanted)
    assert "MAAS cannot put a keyring file in place of keyring_data" in problem
    carried_out(newest, {"boot_sources": {STABLE: {"keyring_data": "YWJj/w=="}}})
    assert sources(newest)[STABLE]["keyring_filename"] == ""


# Several sources


def test_a_disabled_source_is_not_waited_for(newest):
    carried_out(newest, {"boot_sources": {MIRROR: {"selections": [JAMMY]}, STABLE: None}})
    data = {"boot_sources": {MIRROR: {"enabled": False, "selections": [FOCAL, JAMMY]}}}
    _, plan = carried_out(newest, data)
    assert set(plan.shown()) == {"boot_source", "boot_selection"}

    # It is disabled, but the pillar does not say so.
    del data["boot_sources"][MIRROR]["enabled"]
    (problem,) = problems_of(newest, data)
    assert f"only disabled boot sources have it selected: {MIRROR}" in problem
    # Another one brings it.
    data["boot_sources"][STABLE] = {"selections": [FOCAL]}
    _, plan = carried_out(newest, data)
    assert set(plan.shown()["image"]) == {"ubuntu/focal/amd64"}


@pytest.mark.parametrize("works", [True, False])
def test_one_of_several_sources_is_enough_for_an_image(newest, works):
    urls = ["http://images.invalid", MIRROR if works else "http://other.invalid"]
    data = {"boot_sources": {url: {"selections": [JAMMY]} for url in urls}}
    snapshot, plan = planned(newest, data)
    apply(snapshot, plan, Limits(catalogue_seconds=0.5))
    failed = errors(plan)
    assert ("boot image ubuntu/jammy/amd64" in failed) is not works
    assert f"boot source selection {urls[0]} ubuntu/jammy" in failed
    assert len(failed) == (1 if works else 3)
    held = {one.key for one in snapshot_of(newest).records("image").values()}
    assert ("ubuntu/jammy/amd64" in held) is works


def test_nothing_is_selected_of_a_new_disabled_source(newest):
    data = {"boot_sources": {MIRROR: {"enabled": False, "selections": [JAMMY]}}}
    fresh = {"boot_sources": {OTHER: data["boot_sources"][MIRROR]}}
    snapshot, plan = planned(newest, data)
    apply(snapshot, plan, SHORT)
    (problem,) = plan.problems()
    assert problem.startswith(f"boot source selection {MIRROR} ubuntu/jammy: MAAS does not fetch")
    # Nothing can bring an image that is desired for its own sake.
    image = desired_named("image", "ubuntu/jammy/amd64", {})
    plan = make_plan(snapshot_of(newest), [*pillar.desired_objects(fresh, snapshot.release), image])
    assert "skipped: dependency cannot be applied" in plan.problems()[-1]
    # Nor later, which only MAAS can say.
    snapshot, plan = planned(newest, data)
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    (error,) = errors(plan).values()
    assert error.startswith("MAAS does not fetch the index of a disabled boot source")


def test_all_architectures_stay_all_of_them(newest):
    every = {"os": "ubuntu", "release": "jammy"}
    data = {"boot_sources": {MIRROR: {"selections": [every]}}}
    carried_out(newest, data)
    held = {one.key for one in snapshot_of(newest).records("image").values()}
    assert {"ubuntu/jammy/amd64", "ubuntu/jammy/arm64"} <= held
    every["arches"] = ["*"]
    assert not planned(newest, data)[1].changes


def test_images_that_go_with_a_source_are_imported_again(newest):
    """The mirror is replaced by another one, which has the same images."""
    carried_out(newest, {"boot_sources": {MIRROR: {"selections": [JAMMY]}}})
    data = {"boot_sources": {OTHER: {"selections": [JAMMY]}}, "exclusive": {"boot_source": True}}
    data["prune"] = {"in_use": True}
    shown = pruned(newest, data)
    assert set(shown) == {"boot_source", "boot_selection"}
    assert sources(newest).keys() == {OTHER}
