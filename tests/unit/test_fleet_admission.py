"""Who is onboarded where not all is known, and that what goes wrong with one stays with it."""

from __future__ import annotations

import pytest
from saltext.maas.errors import MaasError
from saltext.maas.fleet import core, names, onboard, steps, worker
from test_fleet import RACKS, Minions


class TwoRegions(Minions):
    """A fleet with the regions ``one``, which names rack-1, and ``two``, which names the rest."""

    def answer(self, minion, function, *args, **kwargs):
        found = super().answer(minion, function, *args, **kwargs)
        if function == "maas_fleet.inspect":
            for name, entry in found["clusters"].items():
                entry["named"] &= minion == ("one" if name == "rack-1" else "two")
        return found

    def failures(self):
        return {d["minion"]: d["message"] for _, d in self.fired if d["state"] == "failed"}


@pytest.fixture
def fleet(tmp_path):
    return fleet_of(tmp_path)


@pytest.fixture
def trusting(tmp_path):
    fleet = fleet_of(tmp_path, trust_grains=True)
    fleet.salt.roles = {minion: ["cluster"] for minion in (*RACKS, "stranger")}
    return fleet


def fleet_of(folder, **settings):
    opts = {
        "cachedir": str(folder / "cache"), "pki_dir": str(folder / "pki"),
        "maas.fleet": {
            "regions": ["one", "two"], "orchestration": "", "gather_seconds": 0.01, **settings
        },
    }  # fmt: skip
    return core.Fleet({"__opts__": opts}, salt=TwoRegions(opts))


def react(fleet, asked):
    return worker.react(fleet, names.ONBOARD_TAG, None, asked)


def states(fleet, minions=RACKS):
    return {minion: fleet.store.record(minion).get("state") for minion in minions}


# What is decided where a region cannot be asked

UNASKED = [
    ("maas_fleet.inspect", "it is down"),
    ("saltutil.refresh_pillar", "the minion did not answer"),
]


@pytest.mark.parametrize(("function", "error"), UNASKED)
def test_a_minion_gets_no_other_regions_secret_while_its_own_cannot_be_asked(
    trusting, function, error
):
    trusting.salt.broken["one", function] = error
    foreseen = onboard.run(trusting, ["rack-1", "rack-2"], "list", True)
    assert foreseen["rack-1"]["state"] == "would fail"
    react(trusting, ["rack-1", "rack-2"])
    assert states(trusting, RACKS[:2]) == {"rack-1": "failed", "rack-2": "enrolled"}
    record = trusting.store.record("rack-1")
    assert record["step"] == "pillar"
    assert record["error"].startswith("one could not be asked: ")
    assert error in record["error"]
    assert foreseen["rack-1"]["message"] == record["error"]
    assert "rack-1" not in {one for who, fun in trusting.salt.asked if fun == "state.high"
                            for one in who}  # fmt: skip
    trusting.salt.broken.clear()
    react(trusting, "rack-1")
    assert trusting.store.record("rack-1")["region"] == "one"


def test_who_is_admitted_by_its_grains_alone_is_noted_in_the_batch(trusting, monkeypatch):
    batches = []
    real = trusting.store.new_batch
    monkeypatch.setattr(
        trusting.store, "new_batch", lambda **values: batches.append(values) or real(**values)
    )
    foreseen = onboard.run(trusting, [*RACKS, "stranger"], "list", True)
    assert foreseen["stranger"]["state"] == "would be onboarded"
    assert foreseen["stranger"]["region"] == "two"
    assert "its grains are trusted" in foreseen["stranger"]["message"]
    assert foreseen["rack-1"]["message"] == ""
    react(trusting, [*RACKS, "stranger"])
    outcome = {one["region"]: (one["minions"], one["trusted"]) for one in batches}
    assert outcome == {
        "one": (["rack-1"], []), "two": (["rack-2", "rack-3", "stranger"], ["stranger"]),
    }  # fmt: skip


@pytest.mark.parametrize("answer", ["the minion did not answer", False])
def test_a_region_that_does_not_get_its_pillar_is_not_believed(fleet, monkeypatch, answer):
    if answer:
        fleet.salt.broken["two", "saltutil.refresh_pillar"] = answer
    else:
        real = fleet.salt.answer
        monkeypatch.setattr(
            fleet.salt, "answer", lambda minion, function, *args, **kwargs: (
                function != "saltutil.refresh_pillar" and real(minion, function, *args, **kwargs)
            )
        )  # fmt: skip
    found = onboard.run(fleet, ["rack-2"], "list", False)["rack-2"]
    assert (found["state"], found["step"]) == ("failed", "pillar")
    assert "two: its pillar could not be fetched" in found["message"]
    assert fleet.salt.functions("two") == ["saltutil.refresh_pillar"]
    assert onboard.run(fleet, ["rack-2"], "list", True)["rack-2"]["state"] == "would fail"


def test_a_dry_run_reports_what_it_can_while_a_region_is_down(fleet):
    fleet.salt.broken["one", "maas_fleet.inspect"] = "it is down"
    found = onboard.run(fleet, [*RACKS, "stranger", "unknown"], "list", True)
    assert found["rack-2"]["state"] == "would be onboarded"
    assert found["unknown"]["state"] == "refused"
    for minion in ("rack-1", "stranger"):
        assert found[minion]["state"] == "would fail"
        assert "one could not be asked" in found[minion]["message"]
        assert "it is down" in found[minion]["message"]


def test_a_dry_run_reports_of_a_region_that_fails_in_its_plan(fleet):
    fleet.salt.named.update({"rack-1": "connected", "rack-2": "connected"})
    fleet.salt.broken["one", "maas_fleet.apply_phase"] = "503"
    found = onboard.run(fleet, RACKS, "list", True)
    assert found["rack-1"]["state"] == "would fail"
    assert "503" in found["rack-1"]["message"]
    assert found["rack-2"]["state"] == "enrolled"
    assert found["rack-3"]["state"] == "would be onboarded"


# What goes wrong with one


@pytest.mark.parametrize("roles", [7, "no cluster", {"cluster": 1}, None])
def test_nonsense_in_one_minions_grains_is_its_own_affair(trusting, roles):
    trusting.salt.roles["stranger"] = roles
    outcome = react(trusting, ["stranger", *RACKS])
    assert outcome["queued"] == ["stranger", *RACKS]
    assert set(states(trusting).values()) == {"enrolled"}
    assert trusting.store.record("stranger") == {}
    assert [d["minion"] for _, d in trusting.salt.fired if d["state"] == "refused"] == ["stranger"]


def test_grains_that_cannot_be_read_are_none(trusting, monkeypatch):
    def grains(minion):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(trusting.salt, "grains", grains)
    worker.react(trusting, "salt/minion/rack-1/start", "rack-1", None)
    react(trusting, ["rack-2", "stranger"])
    assert set(states(trusting, RACKS[:2]).values()) == {"enrolled"}
    assert trusting.store.record("stranger") == {}


def test_an_error_while_it_is_decided_leaves_a_trace_of_each(fleet, monkeypatch):
    react(fleet, RACKS)
    fleet.salt.fired.clear()
    monkeypatch.setattr(fleet.salt, "accepted_keys", lambda minions: {}["index"])
    found = onboard.run(fleet, RACKS, "list", False)
    assert {one["state"] for one in found.values()} == {"failed"}
    assert {one["message"] for one in found.values()} == {"KeyError: 'index'"}
    assert set(fleet.salt.failures()) == set(RACKS)
    assert fleet.store.queued() == {}
    monkeypatch.undo()
    react(fleet, RACKS)
    assert set(states(fleet).values()) == {"enrolled"}


def test_a_region_that_answers_nonsense_is_one_that_could_not_be_asked(fleet, monkeypatch):
    real = fleet.salt.answer

    def answer(minion, function, *args, **kwargs):
        nonsense = (minion, function) == ("one", "maas_fleet.inspect")
        return "nonsense" if nonsense else real(minion, function, *args, **kwargs)

    monkeypatch.setattr(fleet.salt, "answer", answer)
    react(fleet, RACKS)
    assert states(fleet) == {"rack-1": "failed", "rack-2": "enrolled", "rack-3": "enrolled"}
    assert "its answer to maas_fleet.inspect has another form" in fleet.salt.failures()["rack-1"]


def test_a_region_cannot_bring_in_whom_nobody_asked_for(fleet, monkeypatch):
    real = fleet.salt.answer

    def answer(minion, function, *args, **kwargs):
        if function == "maas_fleet.inspect" and args:
            args = ([*args[0], "rack-3"],)
        return real(minion, function, *args, **kwargs)

    monkeypatch.setattr(fleet.salt, "answer", answer)
    react(fleet, RACKS[:2])
    assert states(fleet) == {"rack-1": "enrolled", "rack-2": "enrolled", "rack-3": None}


@pytest.mark.parametrize("place", ["step", "batch"])
@pytest.mark.parametrize("error", [ZeroDivisionError("x"), MaasError("x")])
def test_what_goes_wrong_at_one_region_does_not_stop_the_other(fleet, monkeypatch, place, error):
    if place == "step":
        real = steps.take

        def take(fleet, ident, name):
            if fleet.store.batch(ident)["region"] == "one" and name == "secret":
                raise error
            return real(fleet, ident, name)

        monkeypatch.setattr(steps, "take", take)
    else:
        real = fleet.store.new_batch

        def new_batch(**values):
            if values["region"] == "one":
                raise error
            return real(**values)

        monkeypatch.setattr(fleet.store, "new_batch", new_batch)
    react(fleet, RACKS)
    assert states(fleet) == {"rack-1": "failed", "rack-2": "enrolled", "rack-3": "enrolled"}
    record = fleet.store.record("rack-1")
    outcome = "x" if isinstance(error, MaasError) else "ZeroDivisionError: x"
    assert (record["error"], record["region"]) == (outcome, "one")
    assert "batch" not in record
    assert fleet.salt.failures() == {"rack-1": outcome}
    assert fleet.store.queued() == {}


@pytest.mark.parametrize("part", ["keep", "record"])
def test_a_record_that_cannot_be_written_or_read_fails_its_own_minion_alone(
    fleet, monkeypatch, part
):
    real = getattr(fleet.store, part)

    def broken(minion, *args):
        if minion == "rack-2":
            raise OSError(5, "Input/output error")
        return real(minion, *args)

    for minion in RACKS:
        fleet.store.enqueue(minion, "event")
    monkeypatch.setattr(fleet.store, part, broken)
    assert worker.work(fleet)
    assert states(fleet, ["rack-1", "rack-3"]) == {"rack-1": "enrolled", "rack-3": "enrolled"}
    assert "Input/output error" in fleet.salt.failures()["rack-2"]
    assert fleet.store.queued() == {}
