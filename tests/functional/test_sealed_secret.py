"""The shared secret from a region's host to a cluster's, sealed; both in sandboxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from saltext.maas import seal
from saltext.maas.errors import BadInput
from saltext.maas.host import shared_secret
from support.fleet import Fleet
from support.loader import load


class Minion:
    """A minion's modules as Salt loads them, with a key pair of its own."""

    def __init__(self, folder, name, box, pillar=None):
        folder = folder / "minions" / name
        (folder / "pki").mkdir(parents=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        (folder / "pki" / "minion.pem").write_bytes(private)
        self.public = seal.public_text(key)
        self.box = box
        self._dunders = {
            "__opts__": {
                "id": name, "maas.root": box.root, "pki_dir": str(folder / "pki"),
                "cachedir": str(folder / "cache"),
            },
            "__pillar__": {"maas": pillar or {}}, "__context__": {}, "__salt__": {},
        }  # fmt: skip

    def load(self, path):
        return load(path, **self._dunders)

    def test(self, on):
        self._dunders["__opts__"]["test"] = on

    @property
    def secret(self):
        return self.load("_modules/maas_secret.py")


@pytest.fixture(params=["1.7", "3.7"])
def fleet(request, tmp_path):
    with Fleet(request.param, tmp_path / "hosts") as fleet:
        yield fleet


@pytest.fixture
def region(fleet, tmp_path):
    box, _ = fleet.add("region", "region")
    path = Path(box.path("secret"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fleet.region.secret)
    return Minion(tmp_path, "region", box, {"racks": {"rack-1": None, "rack-2": None}})


@pytest.fixture
def rack(fleet, tmp_path):
    box, _ = fleet.add("rack-1")
    return Minion(tmp_path, "rack-1", box, {"region": {"url": fleet.url}})


def installed(minion):
    from saltext.maas.host.installation import detect

    return shared_secret.read(detect(minion.box.root))


def test_it_arrives_and_is_never_seen(fleet, region, rack):
    envelope = region.secret.seal({"rack-1": rack.public})
    done = rack.secret.install(envelope)
    assert installed(rack) == fleet.region.secret
    # Debconf holds it as well, for the packages.
    assert {name.rpartition("-")[2] for name in done["changes"]} == {"secret"}
    assert done["restarted"]
    seen = json.dumps([envelope, done]) + fleet.argv_text()
    assert fleet.region.secret not in seen
    again = rack.secret.install(region.secret.seal({"rack-1": rack.public}))
    assert (again["changes"], again["restarted"]) == ({}, [])


def test_a_box_opens_once_for_one_minion(region, rack, tmp_path, fleet):
    envelope = region.secret.seal({"rack-1": rack.public})
    other = Minion(tmp_path, "rack-2", fleet.add("rack-2")[0])
    with pytest.raises(seal.SealError, match="no box for rack-2"):
        other.secret.install(envelope)
    moved = {**envelope, "boxes": {"rack-2": envelope["boxes"]["rack-1"]}}
    with pytest.raises(seal.SealError, match="another recipient"):
        other.secret.install(moved)
    rack.secret.install(envelope)
    with pytest.raises(seal.SealError, match="opened before"):
        rack.secret.install(envelope)


def test_a_state_takes_it_and_its_plan_is_true(fleet, region, rack):
    envelope = region.secret.seal({"rack-1": rack.public})
    rack.test(True)
    planned = rack.load("_states/maas_cluster.py").configured("host", uuid=None, sealed=envelope)
    assert planned["result"] is None
    assert installed(rack) is None
    rack.test(False)
    states = rack.load("_states/maas_cluster.py")
    done = states.configured("host", uuid=None, sealed=envelope)
    assert done["result"] is True
    assert done["changes"] == planned["changes"]
    assert "secret" in done["changes"]
    assert fleet.region.secret not in json.dumps([planned, done])
    used = states.configured("host", uuid=None, sealed=envelope)
    assert used["result"] is False
    assert "opened before" in used["comment"]
    both = states.configured("host", uuid=None, sealed=envelope, secret="00")
    assert "together" in both["comment"]


def test_what_is_no_envelope_or_mapping_of_keys_is_refused(rack, region):
    for envelope in (None, "x", {}, {"sender": 1, "sender_key": 1, "boxes": []}):
        with pytest.raises(seal.SealError, match="sealed: must be an envelope"):
            rack.secret.install(envelope)
    for keys in (None, {}, [], "rack-1"):
        with pytest.raises(seal.SealError, match="keys: must be"):
            region.secret.seal(keys)


@pytest.mark.parametrize("form", ["weak", "elliptic", "none", "text"])
def test_a_key_that_does_not_do_is_that_ones_problem_alone(fleet, region, rack, form):
    made = {
        "weak": lambda: seal.public_text(rsa.generate_private_key(65537, 1024)),
        "elliptic": lambda: seal.public_text(ec.generate_private_key(ec.SECP256R1())),
        "none": lambda: None,
        "text": lambda: "no key",
    }
    envelope = region.secret.seal({"rack-2": made[form](), "rack-1": rack.public})
    assert list(envelope["boxes"]) == ["rack-1"]
    assert list(envelope["problems"]) == ["rack-2"]
    outcome = envelope["problems"]["rack-2"]
    assert outcome.startswith("the public key of rack-2: ")
    assert (
        "no public key" if form in ("none", "text") else "only RSA keys of 2048 bits"
    ) in outcome
    rack.secret.install(envelope)
    assert installed(rack) == fleet.region.secret


def test_nothing_is_sealed_for_whom_the_region_does_not_know(fleet, region, rack):
    keys = {"rack-1": rack.public, "stranger": rack.public}
    envelope = region.secret.seal(keys)
    assert list(envelope["boxes"]) == ["rack-1"]
    assert "maas:clusters" in envelope["problems"]["stranger"]
    # The master may say that it trusts what a minion says of itself.
    assert set(region.secret.seal(keys, trusted=["stranger"])["boxes"]) == {"rack-1", "stranger"}


def test_it_is_the_masters_present_pillar_that_counts(region, rack):
    now = {"maas": {"racks": {"rack-2": None}}}
    region._dunders["__salt__"]["pillar.items"] = lambda: now
    assert region.secret.seal({"rack-1": rack.public})["boxes"] == {}
    now["_errors"] = ["Rendering SLS 'x' failed"]
    with pytest.raises(BadInput, match="could not be rendered: Rendering SLS 'x' failed"):
        region.secret.seal({"rack-1": rack.public})


def test_a_region_without_a_secret_says_so(region, rack):
    Path(region.box.path("secret")).unlink()
    with pytest.raises(seal.SealError, match="no shared secret yet"):
        region.secret.seal({"rack-1": rack.public})
