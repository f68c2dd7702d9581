"""The states of a region's own host, and its execution module, in a sandbox beside a region."""

from __future__ import annotations

import json

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.host.installation import detect
from saltext.maas.host.transaction import Transaction
from support import loader
from support.fleet import Fleet
from support.vault import Vault

_TABLES = (
    "CREATE TABLE maasserver_config (id serial PRIMARY KEY, name text NOT NULL, value jsonb)",
    "CREATE TABLE maasserver_secret (path text PRIMARY KEY, value jsonb NOT NULL)",
    "CREATE TABLE maasserver_vaultsecret (path text PRIMARY KEY, deleted boolean NOT NULL)",
)


pytestmark = pytest.mark.usefixtures("fast")


def load(folder, box, described):
    opts = {"id": "region", "maas.root": box.root, "test": False}
    return loader.load(f"{folder}/maas_region.py", opts, {"maas": {"region": described}})


def run(states, test, **more):
    states.__opts__["test"] = test
    return states.configured("host", wait=5, **more)


@pytest.fixture
def pem(tmp_path):
    """Files that look like a key and a certificate; nobody speaks TLS with them here."""
    for name, kind in (("key", "PRIVATE KEY"), ("cert", "CERTIFICATE")):
        (tmp_path / name).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    return {"key": str(tmp_path / "key"), "cert": str(tmp_path / "cert")}


@pytest.mark.parametrize(("kind", "release", "configured"), [
    ("deb", "3.7", True), ("snap", "3.7", True), ("snap", "3.4", False),
])  # fmt: skip
def test_one_state_brings_all_of_the_pillar(tmp_path, postgres, pem, kind, release, configured):
    with Fleet(release, tmp_path / "fleet") as fleet, postgres.database() as there, Vault() as kept:
        postgres.execute(there["name"], *_TABLES)
        url = fleet.url.replace("127.0.0.1", "localhost")
        described = {
            "url": url,
            "is_cluster": False,
            "database": {**there, "password": "pw-unlikely"},
            "num_workers": 2,
            "debug": True,
            "tls": pem,
            "vault": {
                "url": kept.url, "approle_id": "role-1", "secrets_path": "maas",
                "wrapped_token": "wrapped-unlikely-1", "migrate": True,
            },
        }  # fmt: skip
        box = sandbox.create(
            tmp_path / "fleet" / "region", release, "region", kind=kind, configured=configured,
            control=fleet._control, database=there,
        )  # fmt: skip
        states = load("_states", box, described)
        planned = run(states, test=True)
        assert planned["result"] is None, planned
        done = run(states, test=False)
        assert done["result"] is True, done
        assert done["changes"] == planned["changes"]
        assert {"tls", "vault_url", "vault_enabled"} <= done["changes"].keys()
        assert ("mode" in done["changes"]) is not configured
        again = run(states, test=False)
        assert (again["result"], again["changes"]) == (True, {})
        module = load("_modules", box, described)
        # The URL is not https, and has a port that debconf cannot hold.
        port = ["url"] if kind == "deb" else []
        assert [one["setting"] for one in module.check()] == [*port, "tls"]
        outcome = module.config()
        assert (outcome["url"], outcome["num_workers"], outcome["tls"]["port"]) == (url, 2, 5443)
        off = states.tls_disabled("off")
        assert off["result"] is True
        assert [one["setting"] for one in module.check()] == port
        logged = json.dumps(box.argv_log()) + repr([planned, done, again, outcome])
        assert "unlikely" not in logged


def test_a_wrong_pillar_is_one_message(tmp_path):
    box = sandbox.create(tmp_path / "region", "3.7", "region")
    states = load("_states", box, {"url": "192.0.2.10", "tls": {"key": "/k"}})
    outcome = run(states, test=False)
    assert outcome["result"] is False
    assert outcome["comment"] == "cert: is missing; give it here or in maas:region:tls"
    states = load("_states", box, {"url": "192.0.2.10"})
    outcome = run(states, test=True)
    assert (outcome["result"], outcome["changes"]) == (False, {})
    assert "url: '192.0.2.10' must be a region's URL such as" in outcome["comment"]


def test_what_a_killed_run_left_is_reported_as_a_sentence(tmp_path):
    box = sandbox.create(tmp_path / "region", "3.7", "region")

    def killed():
        with Transaction(detect(box.root), "region", services=["maas-regiond"]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    outcome = run(load("_states", box, {}), test=True)
    assert outcome["comment"] == (
        "A run stopped before maas-regiond restarted; this one would finish it."
    )
    assert outcome["result"] is None


def test_nothing_described_is_nothing_done(tmp_path):
    box = sandbox.create(tmp_path / "region", "1.9", "region")
    states = load("_states", box, {})
    for one in (run(states, test=False), states.tls_enabled("tls"), states.vault_configured("v")):
        assert (one["result"], one["changes"]) == (True, {})
    old = states.tls_enabled("tls", key="/k", cert="/c")
    assert "has no TLS of its own; 3.2 and later have" in old["comment"]


def test_the_secret_is_never_shown(tmp_path):
    box = sandbox.create(tmp_path / "region", "3.2", "region")
    box.write("secret", "c0ffee" * 5, 0o640)
    result = load("_modules", box, {}).secret()
    assert (result["installed"], result["places"], result["leading"]) == (
        True,
        {"file": True},
        "file",
    )
    assert "c0ffee" not in repr(result)
    assert "No connection" in result["problems"][0]["problem"]
