"""What the runners for backup and restore ask of which minion, and what they answer."""

from __future__ import annotations

import inspect
import json

import jinja2
import pytest
import yaml
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import backups
from saltext.maas.fleet.minions import Answer
from support.loader import REPOSITORY, load

MADE = {"name": "20261128T153400Z", "deleted": [], "warnings": []}
PLAN = {"backup": "20261128T153400Z", "problems": [], "warnings": ["first"]}


class Minions:
    """Minions that answer from a table: what they were asked, in order."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def ask_signed(self, minion, function, limit, **kwargs):
        self.asked.append((minion, function, kwargs))
        return Answer(self.answers.get(function.partition(".")[2], PLAN))

    def ask(self, minions, function, limit):
        self.asked += [(minion, function, {}) for minion in minions]
        error = self.answers.get(function.partition(".")[2])
        return {minion: Answer(error=error) for minion in minions}


def dunders(*regions):
    return {"__opts__": {"maas.fleet": {"regions": list(regions)}, "cachedir": "/var/cache/x"}}


def functions(salt):
    return [(minion, function.partition(".")[2]) for minion, function, _ in salt.asked]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_backup_is_made_by_the_regions_minion(dry_run):
    salt = Minions(create=MADE)
    given = {"key": None, "folder": "/srv", "keep": 2}
    found = backups.backup(dunders("r1"), None, dry_run, salt, **given)
    assert found == {"state": "would be made" if dry_run else "made", **MADE}
    assert salt.asked == [
        ("r1", "maas_backup.create", {"test": dry_run, "folder": "/srv", "keep": 2})
    ]
    with pytest.raises(MaasError, match=r"answer to maas_backup.create has another form"):
        backups.backup(dunders("r1"), None, dry_run, Minions(create={"name": 7}), **given)


def test_other_hosts_stop_before_and_start_afterwards():
    salt = Minions()
    found = backups.restore(dunders("r1"), "r9", ["r2", "rack-1"], False, salt, force=True)
    assert found == {"state": "restored", **PLAN, "others": ["r2", "rack-1"]}
    assert functions(salt) == [
        ("r9", "restore"), ("r2", "stop"), ("rack-1", "stop"), ("r9", "restore"),
        ("r2", "cancel"), ("rack-1", "cancel"),
    ]  # fmt: skip
    assert [kwargs for minion, _, kwargs in salt.asked if minion == "r9"] == [
        {"test": True, "force": True}, {"force": True},
    ]  # fmt: skip


def test_a_plan_stops_nothing():
    for problems, state in (([], "would be restored"), (["another release"], "refused")):
        salt = Minions(restore={**PLAN, "problems": problems})
        found = backups.restore(dunders("r1"), None, "r2", True, salt)
        assert (found["state"], found["others"]) == (state, ["r2"])
        assert functions(salt) == [("r1", "restore")]
    with pytest.raises(MaasError, match="nothing was changed: another release"):
        backups.restore(dunders("r1"), None, "r2", False, salt)
    assert functions(salt) == [("r1", "restore")] * 2
    with pytest.raises(BadInput, match="others: r1 is the host that is restored"):
        backups.restore(dunders("r1"), "r1", ["r1"], True, Minions())


def test_the_orchestration_hands_all_on_to_the_runner():
    text = (REPOSITORY / "salt/orch/maas/restore.sls").read_text()
    given = {"minion": "r9", "identity": "/root/key", "others": ["r2"], "force": True}
    asked = {"pillar.get": lambda key, default: given if key == "maas_restore" else default}
    jinja = jinja2.Environment()
    jinja.filters["json"] = json.dumps  # as Salt has it
    states = yaml.safe_load(jinja.from_string(text).render(salt=asked))
    assert states["maas on the new host"]["salt.state"] == [{"tgt": "r9"}, {"sls": "maas.install"}]
    name, *handed, required = states["maas restore"]["salt.runner"]
    assert name == {"name": "maas.restore"}
    assert handed == [{key: value} for key, value in given.items()]
    assert required == {"require": [{"salt": "maas on the new host"}]}
    assert {*given} < {*inspect.signature(load("_runners/maas.py").restore).parameters}


def test_other_hosts_start_again_after_a_failure():
    class Failing(Minions):
        def ask_signed(self, minion, function, limit, **kwargs):
            self.asked.append((minion, function, kwargs))
            return Answer(PLAN) if kwargs.get("test") else Answer(error="It failed.")

    salt = Failing()
    with pytest.raises(MaasError, match=r"^r1: It failed\.$"):
        backups.restore(dunders("r1"), None, ["r2"], False, salt)
    assert functions(salt)[-1] == ("r2", "cancel")
    salt = Failing(cancel="no systemd")
    with pytest.raises(MaasError, match=r"It failed. MAAS was not started on all hosts: r2: no sy"):
        backups.restore(dunders("r1"), None, ["r2"], False, salt)
    salt = Minions(stop="no systemd")
    with pytest.raises(MaasError, match="not stopped on all hosts: r2: no systemd"):
        backups.restore(dunders("r1"), None, ["r2"], False, salt)
    assert functions(salt)[-1] == ("r2", "cancel")
