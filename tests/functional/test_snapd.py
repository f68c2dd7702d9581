"""Snaps over the socket of a snapd."""

from __future__ import annotations

import json

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.errors import BadInput
from saltext.maas.host import snapd
from saltext.maas.host.errors import HostError
from support.snapd import Snapd

WANT = {"channel": "3.7/stable", "cohort": "MSBB", "hold": True}


@pytest.fixture
def server(tmp_path):
    with Snapd(tmp_path) as server:
        yield server


@pytest.fixture
def root(server):
    return str(server.root)


def install(root, **more):
    return snapd.install("maas", root=root, **{**WANT, **more})


def test_a_snap_installed_switched_held_and_removed(server, root):
    planned = install(root, test=True)
    assert server.actions == []
    assert install(root)["changes"] == planned["changes"]
    assert [one["action"] for one in server.actions] == ["install", "hold"]
    assert snapd.status("maas", root)["channel"] == "3.7/stable"
    assert install(root)["changes"] == {}

    planned = install(root, test=True, channel="3.7/edge", hold=False)
    assert install(root, channel="3.7/edge", hold=False)["changes"] == planned["changes"]
    assert [one["action"] for one in server.actions[2:]] == ["switch", "unhold"]
    # What is not given is left alone.
    assert snapd.install("maas", "3.7/edge", root=root)["changes"] == {}
    with pytest.raises(BadInput, match=r"only an upgrade takes it to 3.8/stable"):
        install(root, channel="3.8/stable")

    assert snapd.remove("maas", root=root, test=True)["changes"]
    box = sandbox.Sandbox(root)
    box.write("snap_mode", "region")
    with pytest.raises(BadInput, match="this snap is a MAAS region"):
        snapd.remove("maas", root=root)
    snapd.remove("maas", initialised=True, root=root)
    assert snapd.remove("maas", root=root)["changes"] == {}
    assert len(server.actions) == 5


def test_work_that_goes_on(server, root):
    """The run that began it was killed: the next one waits for it, and does not begin anew."""
    server.seconds = 0.3
    server.begin("maas", {"action": "install", "channel": "3.7/stable"})
    done = install(root, cohort=None, hold=None)
    assert done["changes"] == {}
    assert done["warnings"] == ['Waited for what snapd was doing: Install "maas" snap.']
    assert len(server.actions) == 1


def test_what_fails(server, root):
    server.fails = "- Download snap: no network"
    with pytest.raises(HostError, match=r"snapd could not: .*Download snap: no network"):
        install(root)
    server.seconds, server.fails = 5, None
    with pytest.raises(HostError, match=r"did not end change 2 within 0.1 s"):
        install(root, wait=0.1)
    for channel in ("stable", "3.7/best", "3.7;rm", None):
        with pytest.raises(BadInput, match="channel: "):
            install(root, channel=channel)
    with pytest.raises(BadInput, match="name: "):
        snapd.status("../../x", root)


@pytest.mark.parametrize(
    "answer", [[], {"type": "sync"}, {"type": "sync", "result": {"name": "x"}}]
)
def test_strange_answers(server, root, monkeypatch, answer):
    monkeypatch.setattr(json, "dumps", lambda _, dumps=json.dumps: dumps(answer))
    with pytest.raises(HostError, match=r"snapd (gave|did not describe)"):
        snapd.status("maas", root)


def test_no_snapd(tmp_path):
    with pytest.raises(HostError, match=r"snapd cannot be asked: .*; is it installed\?"):
        snapd.status("maas", str(tmp_path))
