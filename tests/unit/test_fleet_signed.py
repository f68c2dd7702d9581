"""Answers that any minion could put on the event bus, and those that are a minion's own."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saltext.maas import seal
from saltext.maas.fleet import signed
from saltext.maas.fleet.minions import Salt

LOOK = "maas_fleet.inspect"


def minion(folder, name):
    """A minion's dunders, with a key pair, and its public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    folder = folder / name
    folder.mkdir()
    (folder / "minion.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))  # fmt: skip
    return {"__opts__": {"id": name, "pki_dir": str(folder)}}, seal.public_text(key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def region(folder):
    return minion(folder, "region")


@pytest.fixture(scope="module")
def stranger(folder):
    return minion(folder, "stranger")


@pytest.mark.parametrize("value", [None, True, 1.5, "ü", [], {"a": [{"b": None}]}])
def test_an_answer_arrives_as_it_was_given(region, value):
    dunders, key = region
    once = signed.nonce()
    given = json.loads(json.dumps(signed.close(dunders, LOOK, once, value)))
    assert signed.opened(given, "region", LOOK, once, key) == value


def test_nothing_about_it_can_be_changed(region, stranger):
    dunders, key = region
    once = signed.nonce()
    good = signed.close(dunders, LOOK, once, {"named": False})
    said = ("region", LOOK, once, key)
    forged = [
        ({**good, "answer": '{"named": true}'}, *said),
        ({**good, "signature": "AAAA"}, *said),
        ({**good, "signature": "no base64 ü"}, *said),
        ({**good, "more": 1}, *said),
        (signed.close(stranger[0], LOOK, once, {"named": True}), *said),
        (good, "stranger", *said[1:]),
        (good, "region", "maas_secret.seal", *said[2:]),
        (good, "region", LOOK, signed.nonce(), key),
        (good, *said[:3], stranger[1]),
        *(
            (one, *said)
            for one in (None, "x", [], {}, {"answer": 1, "signature": 2}, "VALUE_TRIMMED")
        ),
    ]
    for case in forged:
        with pytest.raises(signed.Forged, match="is not signed by"):
            signed.opened(*case)


@pytest.mark.parametrize("text", ["", "x", "[" * 100_000, "9" * 5000, '{"a": NaN}'])
def test_what_a_minion_signs_may_be_no_json(region, text):
    dunders, key = region
    own, private = signed.seal.own_key(dunders)
    said = {"minion": own, "function": LOOK, "nonce": "n", "answer": text}
    given = {"answer": text, "signature": signed.seal.sign(said, private)}
    with pytest.raises(signed.Forged, match=r"the answer of region to .*: it is no JSON"):
        signed.opened(given, "region", LOOK, "n", key)


class Client:
    """A LocalClient on whose bus anything may be, and what the master stored."""

    opts = {"utc_timezone": False, "unique_jid": False}

    def __init__(self, bus, stored=None, retcode=0):
        self.bus, self.stored, self.asked = bus, stored or {}, None
        self.retcode = retcode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run_job(self, minions, function, args, kind, ret, timeout, jid, **more):
        self.asked = function, args
        return {"jid": jid, "minions": minions}

    def get_iter_returns(self, jid, minions, **more):
        for one in self.bus:
            yield one and {name: {"ret": one[name], "retcode": self.retcode} for name in one}

    def get_cache_returns(self, jid):
        stored = self.stored
        return {name: {"ret": stored[name](self.asked[1])} for name in stored}


@pytest.fixture
def salt(monkeypatch, region):
    def made(client, **more):
        monkeypatch.setattr("salt.client.LocalClient", lambda mopts: client)
        monkeypatch.setattr("saltext.maas.fleet.minions._STORED_SECONDS", 0.1)
        found = Salt({"__opts__": {}}, **more)
        found.accepted_keys = lambda minions: {"region": region[1]}
        return found

    return made


def test_who_is_first_on_the_bus_does_not_decide(salt, region, stranger, caplog):
    def own(args):
        return signed.close(region[0], args[0], args[1], {"named": False})

    forged = signed.close(stranger[0], LOOK, "x", {"named": True})
    answer = salt(Client([{"region": forged}], {"region": own})).ask_signed("region", LOOK)
    assert answer.value == {"named": False}
    assert "in the name of region was not its own" in caplog.text
    fault = {"region": "ERROR: it is down"}
    client = Client([fault], {"region": own}, retcode=1)
    assert salt(client).ask_signed("region", LOOK).value == {"named": False}
    assert salt(Client([fault], retcode=1)).ask_signed("region", LOOK).error == "it is down"
    for stored in ({}, {"region": lambda args: forged}):
        answer = salt(Client([{"region": forged}], stored)).ask_signed("region", LOOK)
        assert (answer.value, answer.error) == (
            None,
            f"the answer to {LOOK} is not signed by region",
        )


def test_without_an_accepted_key_nothing_is_asked(salt):
    client = Client([])
    one = salt(client)
    one.accepted_keys = lambda minions: {}
    assert one.ask_signed("region", LOOK).error.startswith("its key is not accepted; salt-key")
    assert client.asked is None


def test_one_that_does_not_end_is_given_up(salt):
    def bus():
        yield {"a": "done"}
        while True:
            yield None

    answers = salt(Client(bus()), limit=0.2).ask(["a", "b"], "test.sleep")
    assert (answers["a"].value, answers["a"].error) == ("done", None)
    assert answers["b"].lost
    assert answers["b"].error == "the minion was still at it after 0.2 s"


def test_what_salt_cut_out_of_an_event_is_taken_from_where_it_is_whole(salt):
    cut = {"html": ["VALUE_TRIMMED"]}
    client = Client([{"a": cut}], {"a": lambda args: {"html": ["whole"]}})
    assert salt(client).ask(["a"], "x.y")["a"].value == {"html": ["whole"]}
    answer = salt(Client([{"a": cut}])).ask(["a"], "x.y")["a"]
    assert "max_event_size" in answer.error
