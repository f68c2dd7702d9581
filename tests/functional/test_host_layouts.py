"""The library's table of places beside that of the sandbox, which is written on its own."""

from __future__ import annotations

import pytest
from maas_emulator.hosts import sandbox
from maas_emulator.server import RegionServer
from saltext.maas.host import layouts
from saltext.maas.host.installation import detect
from saltext.maas.release import SERIES, Release
from support.loader import load

KINDS = [("deb", one) for one in SERIES]
KINDS += [("snap", one) for one in SERIES if Release(one) >= "2.2"]
#: Files of a host that the library neither reads nor writes.
UNUSED = {"maas_log", "region_log"}

pytestmark = pytest.mark.usefixtures("fast")


@pytest.mark.parametrize(("kind", "release"), KINDS)
def test_both_say_the_same(tmp_path, kind, release):
    box = sandbox.create(tmp_path / "h", release, "region+cluster", kind=kind)
    here = detect(box.root)
    assert (here.kind, here.release.series) == (kind, release)
    assert here.roles >= {"region", "cluster"}
    theirs = {name: path for name, (path, _, _) in box.files().items()}
    if box.trait("certificates"):
        theirs["certificates"] = box.trait("certificates")
    ours = {name: here.fact(name) for name in layouts.PATHS if here.has(name)}
    assert ours == {name: path for name, path in theirs.items() if name not in UNUSED}
    for name, owner in (("region_config", "region_owner"), ("secret", "secret_owner")):
        if name in theirs:
            assert ":".join(here.fact(owner)) == box.files()[name][2]
    services = set(box.service_names())
    for part in ("region", "cluster"):
        assert set(here.fact(f"{part}_services")) <= services
    assert set(here.fact("broker_services") or ()) <= services
    if kind == "deb":
        assert set(box.trait("region_packages")) == set(here.fact("region_packages"))
        assert box.trait("cluster_packages") == here.fact("cluster_packages")
        questions = {
            here.fact(f"{one}_question") for one in ("region_host", "cluster_url", "cluster_secret")
        } - {None}
        assert questions <= {*box.questions("region"), *box.questions("cluster")}
        for tool in ("region_tool", "cluster_tool"):
            assert here.find(here.fact(tool))


@pytest.fixture(scope="module")
def url():
    """Of a region that answers."""
    with RegionServer("3.7") as server:
        yield server.url


@pytest.mark.parametrize(
    ("fact", "wrong", "message"),
    [
        (None, None, None),
        ("cluster_config", "etc/maas/clusterd.conf", "does not hold the region URL"),
        ("secret", "var/lib/maas/shared-secret", "/var/lib/maas/shared-secret"),
        ("cluster_services", ("maas-clusterd",), "maas-clusterd"),
        ("cluster_tool", "maas-cluster", "maas-cluster is not installed"),
        ("cluster_packages", ("maas-cluster-controller",), "No MAAS cluster or rack"),
    ],
)
def test_a_wrong_fact_makes_the_state_fail(tmp_path, monkeypatch, url, fact, wrong, message):
    """So that a path of ours that no release has does not agree with itself."""
    box = sandbox.create(tmp_path / "h", "3.7", "cluster")
    if fact:
        monkeypatch.setitem(layouts.DEB, fact, (("1.5", wrong),))
    pillar = {"maas": {"region": {"url": url}, "clusters": {"host": {}}}}
    states = load("_states/maas_cluster.py", {"id": "host", "maas.root": box.root}, pillar)
    done = states.configured("host", secret="ab" * 16, wait=5)
    assert (message in done["comment"]) if fact else done["changes"], done
    assert done["result"] is (fact is None), done


def test_a_wrong_place_of_the_regions_settings_makes_the_state_fail(tmp_path, monkeypatch, url):
    box = sandbox.create(tmp_path / "h", "1.7", "region")
    wrong = "etc/maas/local_settings.py"
    monkeypatch.setitem(layouts.DEB, "region_config", (("1.5", wrong),))
    opts, pillar = {"id": "host", "maas.root": box.root}, {"maas": {"region": {"url": url}}}
    done = load("_states/maas_region.py", opts, pillar).configured("host", wait=0.1)
    assert done["result"] is False
    assert f"/{wrong} is missing" in done["comment"]
