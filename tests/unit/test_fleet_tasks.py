"""Rotation, moving and offboarding, with everything real but Salt."""

from __future__ import annotations

from itertools import chain

import pytest
from saltext.maas.errors import MaasError
from saltext.maas.fleet import core, move, offboard, onboard, overview, rotation, table
from saltext.maas.fleet.minions import Answer
from support.fake_salt import FakeSalt

RACKS = ["rack-1", "rack-2", "rack-3"]
OLD, NEW = "http://192.0.2.1:5240/MAAS", "http://192.0.2.2:5240/MAAS"


class Enrolled(FakeSalt):
    """A region with three racks that are enrolled."""

    def __init__(self, opts):
        super().__init__(opts, dict.fromkeys(RACKS, "key"))
        self.state = dict.fromkeys(RACKS, "connected")
        self.url = {"region": OLD, **dict.fromkeys(RACKS, OLD)}
        self.secret = {"region": 1, **dict.fromkeys(RACKS, 1)}
        self.machines = []
        self.dhcp = {"dc1/untagged": {"old": ["rack-1"], "new": "rack-2", "enabled": True}}
        self.unnamed, self.trusted, self.imports = [], set(), 0
        self.answers = {}
        self.weak = set()  # those whose keys are too short to be sealed for
        self.busy = None  # (function, which call of it) that the master does not get through

    def ask(self, minions, function, *args, **kwargs):
        if (function, self.functions().count(function) + 1) == self.busy:
            self.asked.append((sorted(minions), function))
            raise MaasError("the master is too busy")
        return super().ask(minions, function, *args, **kwargs)

    def answer(self, minion, function, *args, **kwargs):
        if (minion, function) in self.answers:
            return self.answers[minion, function]
        if function == "maas_fleet.inspect":
            return {"clusters": {
                one: {"named": True, "where": f"maas:racks:{one}", "state": state,
                      "problems": [], "cluster": one, "digest": "d"}
                for one, state in self.state.items()
            }, "problems": [], "unnamed": {
                name: {"cluster": name, "state": "connected"} for name in self.unnamed
            }}  # fmt: skip
        if function == "state.high":
            return self.high(minion, args[0])
        if function == "maas_fleet.importing":
            self.imports += 1
            return self.imports < 3
        if function == "maas_secret.renew":
            if not kwargs.get("test"):
                self.secret["region"] += 1
            return {"restarts": True, "changes": {}, "restarted": []}
        if function == "maas_secret.seal":
            self.trusted.update(kwargs["trusted"])
            boxes = {one: self.secret["region"] for one in args[0] if one not in self.weak}
            return {
                "boxes": boxes,
                "problems": dict.fromkeys(self.weak & {*args[0]}, "a weak key"),
            }
        return {
            "maas_fleet.region_hosts": {},
            "maas_region.config": {"url": self.url["region"]},
            "maas_region.reachable": {"reachable": True, "reason": None},
            "maas_fleet.wait_for": {
                one: self.state.get(one, "connected") for one in (args[0] if args else ())
            },
            "maas_fleet.machines": self.machines,
            "maas_fleet.release_dhcp": self.dhcp,
            "maas_fleet.apply_phase": {
                one: {"changes": {}, "error": None} for one in (args[0] if args else ())
            },
            "maas_fleet.status": {
                one: {
                    "cluster": one,
                    "state": state,
                    "dhcp": ["dc1/untagged"],
                    "images": True,
                    "named": one not in self.unnamed,
                }
                for one, state in [*self.state.items(), *dict.fromkeys(self.unnamed).items()]
            },
        }.get(function, True)

    def high(self, minion, data):
        results = {}
        for name, body in data.items():
            (parts,) = [part for key, part in body.items() if not key.startswith("__")]
            given = {key: value for part in parts[1:] for key, value in part.items()}
            if "url" in given and self.broken.get((minion, given["url"])):
                return {"a": {"__id__": name, "result": False, "comment": "it stays away"}}
            if "url" in given:
                self.url[minion] = given["url"]
            if "sealed" in given:
                self.secret[minion] = given["sealed"]["boxes"][minion]
            results[name] = {"__id__": name, "result": True, "comment": "", "changes": {}}
        return results

    def last_heard(self, minion):
        return 1000.0


@pytest.fixture
def fleet(tmp_path):
    opts = {"cachedir": str(tmp_path), "pki_dir": str(tmp_path), "maas.fleet": {"region": "region"}}
    return core.Fleet({"__opts__": opts}, salt=Enrolled(opts), batch=2)


# Rotation


def test_all_get_the_new_secret_in_batches(fleet):
    done = rotation.run(fleet, None, False, False)
    assert done["state"] == "rotated"
    assert done["clusters"] == dict.fromkeys(RACKS, "re-enrolled")
    assert set(fleet.salt.secret.values()) == {2}
    assert fleet.salt.functions().count("state.high") == 2
    order = fleet.salt.functions()
    renewals = [number for number, name in enumerate(order) if name == "maas_secret.renew"]
    checks = [number for number, name in enumerate(order) if name == "maas_secret.check"]
    assert max(checks) < renewals[-1]


def test_a_dry_run_of_a_rotation_changes_nothing(fleet):
    done = rotation.run(fleet, None, True, False)
    assert done["state"] == "would rotate"
    assert "restarts" in done["message"]
    assert set(fleet.salt.secret.values()) == {1}
    assert "state.high" not in fleet.salt.functions()


@pytest.mark.parametrize("why", ["away", "key", "box"])
def test_nothing_is_rotated_while_one_would_be_lost(fleet, why):
    if why == "away":
        fleet.salt.state["rack-2"] = "disconnected"
    elif why == "key":
        del fleet.salt.keys["rack-2"]
    else:
        fleet.salt.broken["rack-2", "maas_secret.check"] = "another key"
    with pytest.raises(MaasError, match="nothing was changed: 1 clusters would be lost: rack-2"):
        rotation.run(fleet, None, False, False)
    assert set(fleet.salt.secret.values()) == {1}


def test_a_renewal_whose_answer_is_lost_says_how_to_go_on(fleet):
    real = fleet.salt.answer

    def answer(minion, function, *args, **kwargs):
        found = real(minion, function, *args, **kwargs)
        if function == "maas_secret.renew" and not kwargs:
            return Answer(error="the minion did not answer", lost=True)
        return found

    fleet.salt.answer = answer
    done = rotation.run(fleet, None, False, False)
    assert done["state"] == "failed"
    assert "resume=true" in done["todo"]
    assert rotation.run(fleet, None, False, True)["state"] == "rotated"
    assert set(fleet.salt.secret.values()) == {2}


def test_who_failed_in_a_rotation_is_made_good_without_another_secret(fleet):
    fleet.salt.broken["rack-2", "state.high"] = "the disk is full"
    done = rotation.run(fleet, None, False, False)
    assert done["state"] == "failed"
    assert done["clusters"]["rack-2"] == "the disk is full"
    assert "resume" in done["todo"]
    assert fleet.salt.secret["rack-3"] == 2
    fleet.salt.broken.clear()
    assert rotation.run(fleet, None, False, True)["state"] == "rotated"
    assert set(fleet.salt.secret.values()) == {2}


def test_a_weak_key_is_reported_before_a_rotation_and_costs_only_its_own_minion_after_it(fleet):
    fleet.salt.weak = {"rack-2"}
    with pytest.raises(MaasError, match=r"1 clusters would be lost: rack-2: a weak key"):
        rotation.run(fleet, None, False, False)
    fleet.salt.secret["region"] = 2
    done = rotation.run(fleet, None, False, True)
    assert done["clusters"] == {
        "rack-1": "re-enrolled", "rack-2": "a weak key", "rack-3": "re-enrolled"
    }  # fmt: skip
    assert fleet.salt.secret == {"region": 2, "rack-1": 2, "rack-2": 1, "rack-3": 2}


# Moving


def test_a_region_moves_with_all_its_clusters(fleet):
    done = move.run(fleet, NEW, None, False)
    assert done["state"] == "moved"
    assert set(fleet.salt.url.values()) == {NEW}
    assert NEW in done["todo"]
    first = next(who for who, function in fleet.salt.asked if function == "state.high")
    assert first == ["region"]


@pytest.mark.parametrize("who", RACKS)
def test_all_go_back_when_one_does_not_come_along(fleet, who):
    fleet.salt.broken[who, NEW] = True
    done = move.run(fleet, NEW, None, False)
    assert done["state"] == "failed"
    assert "it stays away" in done["message"]
    assert "NOT restored" not in done["message"]
    assert set(fleet.salt.url.values()) == {OLD}


def test_a_region_that_does_not_move_leaves_the_clusters_alone(fleet):
    fleet.salt.broken["region", NEW] = True
    done = move.run(fleet, NEW, None, False)
    assert (done["state"], done["clusters"]) == ("failed", {})
    assert f"all was restored to {OLD}, because region: it stays away" in done["message"]
    assert set(fleet.salt.url.values()) == {OLD}
    assert {*chain(*(who for who, function in fleet.salt.asked if function == "state.high"))} == {
        "region"
    }


@pytest.mark.parametrize("late", [False, True])
def test_all_go_back_when_the_region_cannot_be_asked_any_more(fleet, late):
    if late:  # the master is too busy for the second batch
        fleet.salt.busy = "state.high", 3
    else:
        fleet.salt.broken["region", "maas_fleet.wait_for"] = "it did not answer"
    done = move.run(fleet, NEW, None, False)
    assert done["state"] == "failed"
    assert "NOT restored" not in done["message"]
    assert set(fleet.salt.url.values()) == {OLD}


def test_clusters_that_nobody_knows_are_not_left_behind_unless_reported(fleet):
    fleet.salt.unnamed = ["rack-8", "rack-9"]
    fleet.store.keep("minion-8", {"state": "enrolled", "region": "region", "cluster": "rack-8"})
    fleet.salt.keys["minion-8"] = "key"
    with pytest.raises(MaasError, match=r"nothing was changed: 1 clusters .*: rack-9;"):
        move.run(fleet, NEW, None, False)
    with pytest.raises(MaasError, match=r"nothing was changed: 1 clusters .*: rack-9;"):
        rotation.run(fleet, None, False, False)
    assert set(fleet.salt.url.values()) == {OLD}
    assert move.run(fleet, NEW, None, False, force=True)["state"] == "moved"
    assert fleet.salt.url["minion-8"] == NEW
    assert rotation.run(fleet, None, False, False, force=True)["state"] == "rotated"
    assert fleet.salt.secret["minion-8"] == 2
    assert fleet.salt.trusted == {"minion-8"}


def test_what_could_not_be_put_back_is_reported(fleet):
    fleet.salt.broken["rack-1", NEW] = fleet.salt.broken["rack-2", OLD] = True
    assert "NOT restored: rack-2" in move.run(fleet, NEW, None, False)["message"]


def test_nothing_moves_while_one_is_away_or_deaf(fleet):
    fleet.salt.state["rack-1"] = "disconnected"
    fleet.salt.broken["rack-2", "test.ping"] = True
    with pytest.raises(MaasError, match=r"nothing was changed.*rack-1, rack-2"):
        move.run(fleet, NEW, None, False)


@pytest.mark.parametrize("dry_run", [False, True])
def test_nothing_moves_to_where_no_region_answers(fleet, dry_run):
    refused = {"url": NEW, "reachable": False, "reason": "the connection was refused"}
    fleet.salt.broken["rack-1", "maas_region.reachable"] = "the minion did not answer"
    fleet.salt.answers["rack-2", "maas_region.reachable"] = refused
    with pytest.raises(MaasError) as caught:
        move.run(fleet, NEW, None, dry_run)
    assert str(caught.value) == (
        f"nothing was changed: 2 of 4 hosts do not reach a region at {NEW}: rack-1: the minion "
        "did not answer; rack-2: the connection was refused; say force=true if they will"
    )
    assert "state.high" not in fleet.salt.functions()
    assert move.run(fleet, NEW, None, dry_run, force=True)["state"] == (
        "would move" if dry_run else "moved"
    )


@pytest.mark.parametrize("url", ["ftp://x", "", "http://u:p@h/MAAS", 7])
def test_a_wrong_url_is_refused(fleet, url):
    with pytest.raises(MaasError, match="url: "):
        move.run(fleet, url, None, False)


def test_a_dry_move_changes_nothing(fleet):
    done = move.run(fleet, NEW, None, True)
    assert done["state"] == "would move"
    assert set(done["clusters"]) == set(RACKS)
    assert "state.high" not in fleet.salt.functions()


# Offboarding


def test_one_is_offboarded_and_forgotten(fleet):
    fleet.store.keep("rack-1", {"state": "enrolled", "region": "region"})
    done = offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]
    assert done["state"] == "offboarded"
    assert "maas:racks:rack-1" in done["todo"]
    assert fleet.store.record("rack-1") == {}
    order = fleet.salt.functions()
    assert order.index("maas_secret.remove") < order.index("maas_fleet.remove")


@pytest.mark.parametrize("why", ["machines", "dhcp", "deaf"])
def test_it_stays_while_something_depends_on_it_unless_forced(fleet, why):
    if why == "machines":
        fleet.salt.machines = ["node-1"]
    elif why == "dhcp":
        fleet.salt.dhcp = {"dc1/untagged": {"old": ["rack-1"], "new": None, "enabled": True}}
    else:
        fleet.salt.broken["rack-1", "maas_secret.remove"] = "the minion did not answer"
    done = offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]
    assert done["state"] == "failed"
    assert "force=true" in done["message"]
    assert "maas_fleet.remove" not in fleet.salt.functions()
    done = offboard.run(fleet, "rack-1", "glob", None, True, False)["rack-1"]
    assert done["state"] == "offboarded"


def test_where_dhcp_is_off_nobody_has_to_take_over(fleet):
    fleet.salt.dhcp = {"dc1/untagged": {"old": ["rack-1"], "new": None, "enabled": False}}
    assert (
        offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]["state"] == "offboarded"
    )


def test_it_is_removed_from_the_region_that_has_it(fleet):
    object.__setattr__(fleet.settings, "regions", ["region", "other"])
    entry = {"named": True, "where": "maas:racks:rack-1", "state": "absent", "problems": [],
             "cluster": "rack-1", "digest": "d"}  # fmt: skip
    answer = {"clusters": {"rack-1": entry}, "problems": [], "unnamed": {}}
    fleet.salt.answers["other", "maas_fleet.inspect"] = answer
    outcome = offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]
    assert "the pillars of several regions name it: other, region" in outcome["message"]
    fleet.store.keep("rack-1", {"state": "enrolled", "region": "region"})
    fleet.salt.broken["other", "maas_fleet.inspect"] = "it is down"
    outcome = offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]
    assert (outcome["state"], outcome["region"]) == ("offboarded", "region")
    outcome = offboard.run(fleet, "rack-9", "glob", None, False, False)["rack-9"]
    assert outcome["message"] == "the region's minion other: it is down"


def test_the_host_of_one_that_the_region_does_not_have_is_left_alone(fleet):
    fleet.salt.state["rack-1"] = "absent"
    outcome = offboard.run(fleet, "rack-1", "glob", None, False, False)["rack-1"]
    assert "region does not have it" in outcome["message"]
    assert "maas_secret.remove" not in fleet.salt.functions()


def test_a_dry_run_of_offboarding_changes_nothing(fleet):
    done = offboard.run(fleet, "rack-1", "glob", None, False, True)["rack-1"]
    assert done["state"] == "would be offboarded"
    assert not {"maas_secret.remove", "maas_fleet.remove"} & set(fleet.salt.functions())


def test_a_successor_is_not_offboarded_itself(fleet):
    with pytest.raises(MaasError, match="successor"):
        offboard.run(fleet, "rack-1,rack-2", "glob", "rack-2", False, False)


# Looking


def test_the_table_has_a_row_for_each(fleet):
    fleet.store.keep("rack-2", {"state": "failed", "step": "dhcp", "error": "no range"})
    fleet.salt.broken["rack-3", "test.ping"] = True
    rows = {row["minion"]: row for row in overview.status(fleet, None, "glob")}
    assert list(rows) == RACKS
    assert tuple(rows["rack-1"]) == overview.COLUMNS
    assert rows["rack-2"]["message"] == "dhcp: no range"
    assert rows["rack-3"]["minion answers"] is False
    assert rows["rack-3"]["last seen"] == "1970-01-01T00:16:40Z"
    assert set(overview.status(fleet, "rack-1", "glob")[0]) == set(overview.COLUMNS)


def test_the_table_fits_a_terminal_and_has_the_minion_first(fleet):
    long = "rack-in-the-far-corner-of-hall-7.dc1.example.org"
    fleet.salt.unnamed = ["rack-9\x1b[31m"]
    rows = overview.status(fleet, None, "glob")
    rows[1].update(
        minion=long, cluster="c", DHCP="dc1/untagged, dc1/20, dc2/5", message="no range; " * 30,
        region="region-2",
    )  # fmt: skip
    lines = table.as_table(rows).splitlines()
    assert max(map(len, lines)) <= 100
    assert not any("\x1b" in line for line in lines)
    heads = [line.split() for line in lines if line.startswith("minion")]
    assert [head[0] for head in heads] == ["minion", "minion"]
    regions = [line for line in lines if line.startswith("Region")]
    assert regions == ["Region region", "Region region-2"]
    (row,) = (line for line in lines if line.startswith("rack-in-the"))
    assert "dc1/untagged +2" in row
    assert "in sync" in row
    assert any("no pillar names rack-9" in line for line in lines)


def test_a_target_that_fits_nobody_is_reported(fleet):
    fleet.salt.all_minions = lambda target, kind: []
    with pytest.raises(MaasError, match=r"target: 'nobody\*' \(glob\) matches no minion whose key"):
        overview.status(fleet, "nobody*", "glob")
    with pytest.raises(MaasError, match=r"matches no minion whose key"):
        onboard.run(fleet, "nobody*", "glob", False)
    with pytest.raises(MaasError, match="no cluster of region is one of these minions"):
        overview.status(fleet, "stranger", "glob")


def test_a_region_that_is_down_still_gives_rows_of_what_is_known(fleet):
    fleet.store.keep("rack-1", {"state": "enrolled", "region": "region"})
    fleet.salt.broken["region", "maas_fleet.status"] = "down"
    region, row = overview.status(fleet, None, "glob")
    assert (region["minion"], row["minion"]) == ("", "rack-1")
    assert "down" in region["message"]
    assert "down" in row["message"]
    assert row["onboarding"] == "enrolled"
    outcome = overview.status(fleet, "rack-2", "glob")
    assert [(one["region"], one["message"]) for one in outcome] == [("region", region["message"])]


def test_the_table_has_who_is_in_no_pillar_and_who_is_gone(fleet):
    fleet.salt.unnamed = ["rack-8", "rack-9"]
    fleet.store.keep("minion-8", {"state": "enrolled", "region": "region", "cluster": "rack-8"})
    fleet.store.keep("minion-7", {"state": "enrolled", "region": "region", "cluster": "rack-7"})
    rows = {(row["minion"], row["cluster"]): row for row in overview.status(fleet, None, "glob")}
    assert rows["", "rack-9"]["message"] == "no pillar names rack-9"
    assert rows["minion-8", "rack-8"]["onboarding"] == "enrolled"
    assert rows["minion-7", None]["state"] == "absent"
    assert len(rows) == 6


@pytest.mark.parametrize("function", ["maas_fleet.inspect", "maas_fleet.import_images"])
def test_one_region_that_is_down_does_not_hold_another_up(fleet, function, monkeypatch):
    monkeypatch.setattr(overview, "_PAUSE", 0.01)
    object.__setattr__(fleet.settings, "regions", ["other", "region"])
    fleet.salt.broken["other", function] = "it is down"
    done = overview.import_images(fleet, None, "glob")
    if function == "maas_fleet.inspect":  # whose clusters are not even known
        down = {"images": "failed", "message": "the region's minion other: it is down"}
        assert done.pop("other") == down
        assert {one["images"] for one in done.values()} == {"in sync"}
    else:  # both have the same clusters here
        assert {one["images"] for one in done.values()} <= {"in sync", "failed"}
    assert ("region", "maas_fleet.import_images") in {
        (who[0], what) for who, what in fleet.salt.asked
    }


def test_images_are_imported_once_and_fetched_in_batches(fleet, monkeypatch):
    monkeypatch.setattr(overview, "_PAUSE", 0.01)
    fleet.salt.imports = 0
    fleet.salt.state["rack-3"] = "absent"
    done = overview.import_images(fleet, None, "glob")
    assert done["rack-1"]["images"] == "in sync"
    assert done["rack-3"]["images"] == "failed"
    assert fleet.salt.functions().count("maas_fleet.import_images") == 1
    assert fleet.salt.functions().count("maas_fleet.apply_phase") == 1
    assert fleet.salt.functions().count("maas_fleet.importing") == 3
