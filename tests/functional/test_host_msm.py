"""A region enrolled with Site Manager: by MAAS's command, which knows an ended one no more."""

from __future__ import annotations

import json
import threading

import pytest
from maas_emulator.hosts import msm as played
from saltext.maas.errors import BadInput
from saltext.maas.host import msm
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import lone
from support.loader import load
from support.postgres import TEMPORAL
from support.site_manager import token

pytestmark = pytest.mark.usefixtures("fast")
_SECRET = "CREATE TABLE maasserver_secret (path text PRIMARY KEY, value jsonb NOT NULL)"


@pytest.fixture(params=[("deb", "3.8"), ("snap", "3.7"), ("snap", "3.8")], ids="-".join)
def host(request, tmp_path, postgres):
    kind, release = request.param
    with postgres.database() as there:
        postgres.execute(there["name"], _SECRET, TEMPORAL)
        yield lone(tmp_path, release, "region", kind=kind, database={**there, "password": "x"})


def test_from_the_request_to_the_end(host):
    box, installation = host
    secret = token()
    assert msm.status(installation).state == "none"
    with pytest.raises(BadInput, match="site_manager:token: is missing"):
        msm.enrol(installation, test=True)
    want = {"token": secret, "metadata": {"country": "DE", "coordinates": {"latitude": 52.5}}}
    planned = msm.enrol(installation, test=True, **want)
    assert msm.status(installation).state == "none"
    done = msm.enrol(installation, wait=0, **want)
    assert (
        done["changes"]
        == planned["changes"]
        == {"site_manager": {"old": None, "new": "sm.example.com"}}
    )
    assert done["warnings"] == [
        "The enrolment with sm.example.com waits for approval in Site Manager."
    ]
    assert "country: DE" in box.peek("msm")["metadata"]
    # The second run asks for nothing more; another Site Manager is refused.
    assert msm.enrol(installation, wait=0, **want)["changes"] == {}
    with pytest.raises(HostError, match="withdraw that first"):
        msm.enrol(installation, token("other.example.com"), test=True)
    # It is waited for.
    with pytest.raises(HostError, match=r"approval in Site Manager \(sm.example.com\): approve"):
        msm.enrol(installation, secret, wait=0.1)
    threading.Timer(0.3, played.decide, [box, "approve"]).start()
    assert msm.enrol(installation, wait=20)["changes"] == {}
    now = msm.status(installation)
    assert (now.state, now.confirmed) == ("connected", True)
    # The token may stay in the pillar, though it has expired meanwhile.
    assert msm.enrol(installation, token(exp=1))["changes"] == {}
    # Nothing shows the token.
    shown = json.dumps(box.argv_log()) + repr([done, planned, now])
    assert secret not in shown
    assert secret.split(".")[1] not in shown
    if installation.release < "3.8":
        with pytest.raises(HostError, match=r"3\.7.* withdraws only .* remove the region in Site"):
            msm.withdraw(installation)
        played.decide(box, "remove")
    else:
        planned = msm.withdraw(installation, test=True)
        assert msm.status(installation).state == "connected"
        done = msm.withdraw(installation)
        assert (
            done["changes"]
            == planned["changes"]
            == {"site_manager": {"old": "sm.example.com", "new": None}}
        )
    assert msm.withdraw(installation)["changes"] == {}
    assert msm.status(installation).state == "disconnected"


def test_a_request_is_withdrawn_although_the_command_calls_it_pending(host):
    _, installation = host
    msm.enrol(installation, token(), wait=0)
    done = msm.withdraw(installation)
    assert done["changes"]
    assert done["warnings"] == []
    assert "pending" in installation.check([*installation.fact("msm_command"), "status"])
    assert msm.withdraw(installation)["changes"] == {}


def test_a_request_that_is_refused(host):
    box, installation = host
    msm.enrol(installation, token(), wait=0)
    threading.Timer(0.3, played.decide, [box, "refuse"]).start()
    with pytest.raises(HostError, match=r"sm.example.com refused the enrolment"):
        msm.enrol(installation, wait=20)
    # Another token makes another request.
    planned = msm.enrol(installation, token(), test=True)
    assert msm.enrol(installation, token(), wait=0)["changes"] == planned["changes"] != {}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("x.y", "is no enrolment token"),
        (token(**{"service-url": None}), "does not name its Site Manager"),
        (token(exp=1), "has expired"),
    ],
    ids=["form", "url", "time"],
)
def test_a_wrong_token_is_refused_before_anything_is_asked(tmp_path, wrong, text):
    _, installation = lone(tmp_path, "3.8", "region")
    with pytest.raises(BadInput, match=text) as message:
        msm.enrol(installation, wrong)
    assert wrong not in str(message.value)


def test_what_the_region_refuses_shows_no_token(tmp_path):
    box, installation = lone(tmp_path, "3.8", "region")
    wrong = token(aud="elsewhere")
    with pytest.raises(HostError, match=r"msm enrol failed: .*invalid audience") as message:
        msm.enrol(installation, wrong)
    assert wrong not in str(message.value) + json.dumps(box.argv_log())
    # Without its database nobody knows whether it ended.
    msm.enrol(installation, token(), wait=0)
    assert "The database was not asked" in msm.withdraw(installation)["warnings"][0]


def test_older_releases_have_none(tmp_path):
    box, _ = lone(tmp_path, "3.5", "region")
    with pytest.raises(HostError, match=r"3\.5.* cannot be enrolled .*; 3\.6 and later can"):
        msm.status(detect(box.root))


def test_the_execution_module_takes_no_token_in_clear(host):
    box, installation = host
    secret, asked = token(), []

    def sdb(uri):
        asked.append(uri)
        return secret

    pillar = {"maas": {"region": {"site_manager": {"metadata": {"city": "Berlin"}}}}}
    module = load(
        "_modules/maas_msm.py", {"maas.root": box.root}, pillar, __salt__={"sdb.get": sdb}
    )
    with pytest.raises(BadInput, match=r"token: give an sdb:// reference") as message:
        module.enrol(secret)
    assert secret not in str(message.value)
    planned = module.enrol("sdb://vault/site", test=True)
    done = module.enrol("sdb://vault/site", wait=0)
    assert done["changes"] == planned["changes"]
    assert asked == ["sdb://vault/site"] * 2
    assert "city: Berlin" in box.peek("msm")["metadata"]
    assert module.status() == {
        "state": "pending", "host": "sm.example.com", "confirmed": True,
        "since": msm.status(installation).since,
    }  # fmt: skip
    assert module.withdraw(test=True)["changes"] == module.withdraw()["changes"]
    assert module.status()["state"] == "disconnected"


def test_metadata_is_checked_before_anything_is_sent(tmp_path):
    box, _ = lone(tmp_path, "3.8", "region")
    state = load("_states/maas_msm.py", {"maas.root": box.root})
    done = state.enrolled("site", token(), {"country": "Germany", "planet": "Earth"})
    assert done["result"] is False
    assert "site_manager:metadata:country" in done["comment"]
    assert "planet" in done["comment"]
    assert not box.argv_log()
