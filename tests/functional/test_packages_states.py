"""The states through a real ``salt-call --local`` on a packaged region and rack."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from support.packages import NEEDED, Site

pytestmark = [pytest.mark.salt, NEEDED]

SALT_CALL = Path(sys.executable).with_name("salt-call")
_VERBS = ("restart", "start", "stop")


@pytest.fixture(scope="module")
def site(tmp_path_factory, postgres):
    with Site("3.8", tmp_path_factory.mktemp("site"), postgres) as site:
        site.add("host", "region+cluster")
        site.start()
        yield site


def salt_call(host, *arguments):
    """The return of a call, and all that it printed or logged."""
    done = host.root.run(
        SALT_CALL, "--local", "-c", "/srv/minion", "--out=json", "-l", "quiet", *arguments,
        check=False, env={"PYTHONPATH": ""},
    )  # fmt: skip
    assert done.stdout.strip(), done.stderr[-3000:]
    local = json.loads(done.stdout)["local"]
    return local, done.stdout + done.stderr


def restarts(host):
    """Services that were started, stopped or restarted, in their order."""
    calls = [words for _, *words in host.calls("systemctl") if words[0] in _VERBS]
    return [name for _, *names in calls for name in names]


def changes(returned):
    assert isinstance(returned, dict), returned
    failed = [one["comment"] for one in returned.values() if one["result"] is False]
    assert not failed, failed
    return {ident: one["changes"] for ident, one in returned.items()}


def test_a_region_with_its_rack_on_one_host(site):
    host = site.hosts["host"]
    states = {
        "region": {
            "maas_region.configured": [
                {"url": site.url}, {"wait": 30},
                *({key: value} for key, value in site.database_settings().items()),
            ],
        },
        "rack": {"maas_cluster.configured": [{"url": site.url}, {"require": ["region"]}]},
        "enrolled": {"maas_cluster.registered": [{"timeout": 30}, {"require": ["rack"]}]},
    }  # fmt: skip
    states["rack"]["maas_cluster.configured"][1] = {"require": [{"maas_region": "region"}]}
    states["enrolled"]["maas_cluster.registered"][1] = {"require": [{"maas_cluster": "rack"}]}
    host.root.write("/srv/states/host.sls", yaml.safe_dump(states))
    config = {
        "root_dir": "/srv/salt", "file_client": "local", "user": "root",
        "file_roots": {"base": ["/srv/states"]}, "pillar_roots": {"base": ["/srv/pillar"]},
        "log_file": "/srv/salt/log", "log_level_logfile": "debug",
    }  # fmt: skip
    host.root.write("/srv/minion/minion", yaml.safe_dump(config))
    host.forget_calls()

    planned, text = salt_call(host, "state.apply", "host", "test=True")
    foreseen = changes(planned)
    assert restarts(host) == []
    done, more = salt_call(host, "state.apply", "host")
    assert changes(done) == foreseen
    assert sum(map(bool, foreseen.values())) >= 2
    services = [*site.packages.services("region"), "maas-rackd"]
    assert sorted(restarts(host)) == sorted(services)  # each of them once
    assert restarts(host)[-1] == "maas-rackd"
    again, rest = salt_call(host, "state.apply", "host")
    assert not any(changes(again).values())
    assert len(restarts(host)) == len(services)
    for result in (text, more, rest, host.root.read("/srv/salt/log"), str(host.calls())):
        assert site.password not in result
        assert json.dumps(site.password)[1:-1] not in result

    # The packages' scripts, which know both parts here, undo nothing.
    host.reconfigure("region")
    host.reconfigure("cluster")
    host.upgrade()
    left, _ = salt_call(host, "state.apply", "host", "test=True")
    assert not any(changes(left).values())
    assert host.root.owner("/var/lib/maas/secret") == "maas:maas 0640"
