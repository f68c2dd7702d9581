"""Tags of machines: one request for each tag, and only those that are given by hand."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from saltext.maas.reconcile import apply, desired_object
from support.machine_regions import forget_machines, region_with_image
from support.reconciling import (
    SHORT,
    carried_out,
    carried_out_and_true,
    errors,
    planned,
    problems_of,
    snapshot_of,
)

TAGS: dict = {"tags": dict.fromkeys(("web", "db", "old", "virtual"))}
TAGS["tags"]["gpu"] = {"definition": "//node"}


@pytest.fixture(scope="module", params=["2.0", "3.8"])
def region(request):
    with region_with_image(request.param) as server:
        yield server


@pytest.fixture
def server(region):
    carried_out(region, TAGS)
    yield region
    forget_machines(region)


def tagged(names, tags):
    """Desired machines, each with these tags; ``{number: tags}`` for single ones."""
    return [
        desired_object("machine", {
            "hostname": f"m-{number}", "mac_addresses": [f"52:54:00:00:{number // 256:02x}:"
                                                         f"{number % 256:02x}"],
            "architecture": "amd64", "power_type": "manual", "in_use": True,
            "tags": tags.get(number, ["web"]) if isinstance(tags, dict) else tags,
        }, f"here:m-{number}")
        for number in names
    ]  # fmt: skip


def tags_of(server):
    records = snapshot_of(server).records("machine")
    return {key: set(record.raw["tag_names"]) for key, record in records.items()}


def test_they_are_given_and_taken_exactly(server):
    carried_out_and_true(server, tagged(range(2), ["web", "old"]))
    ident = snapshot_of(server).records("machine")["m-0"].raw["system_id"]
    hardware.update(server.region, ident, tags=["web", "old", "virtual", "gpu"])
    plan = carried_out_and_true(server, tagged(range(2), {0: ["db", "web"], 1: []}))
    assert plan.shown()["machine"]["m-0"]["tags"] == {"old": ["old", "web"], "new": ["db", "web"]}
    assert tags_of(server) == {"m-0": {"web", "db", "virtual", "gpu"}, "m-1": set()}
    carried_out_and_true(server, tagged([0], ["virtual"]))
    assert tags_of(server)["m-0"] == {"virtual", "gpu"}


def test_a_definition_decides_itself(server):
    said = "tags: gpu: the tag's definition decides which machines have it; leave it out"
    assert problems_of(server, tagged([0], ["gpu", "web"])) == [f"machine m-0: {said}"]


def test_each_tag_takes_one_request_for_all_machines(server):
    new = [desired_object("tag", {"name": "rack-7"}, "here:rack-7")]
    many = tagged(range(200), {number: ["rack-7", "web"] for number in range(100)})
    carried_out(server, tagged(range(200), ["db", "old"]))
    server.requests.reset()
    carried_out(server, [*new, *many])
    assert server.requests.count("POST") == 5  # the new tag, given: two, taken: two
    server.requests.reset()
    assert planned(server, many)[1].shown() == {}
    assert server.requests.count() == 3  # the release, machines and tags


def test_a_tag_that_fails_is_told_of_each_machine(server):
    carried_out(server, tagged(range(3), ["old"]))
    snapshot, plan = planned(server, tagged(range(3), {0: ["old", "db"], 1: ["web"], 2: ["web"]}))
    # Somebody removes a tag after the plan was made.
    tag = next(row for row in server.region.rows("tags").values() if row["name"] == "web")
    del server.region.rows("tags")[tag["id"]]
    apply(snapshot, plan, SHORT)
    found = errors(plan)
    assert set(found) == {"machine m-1", "machine m-2"}
    assert all(text.startswith("tags: web: ") for text in found.values())
    assert tags_of(server) == {"m-0": {"old", "db"}, "m-1": set(), "m-2": set()}
