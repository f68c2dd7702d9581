"""One highstate from a bare host to a region as described, from packages and from the snap."""

from __future__ import annotations

import pytest
import yaml
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer
from support import throwaway
from support.installing import Bare
from support.packages import Site
from support.salt_call import Minion
from support.snapd import Snapd
from support.throwaway import REPOSITORY

pytestmark = pytest.mark.salt
PASSWORD = "pw-Unlikely-of-admin"


def pillar(url, database=None, **install):
    admin = {"username": "admin", "email": "admin@example.com", "password": PASSWORD}
    return {
        "release": "3.7",
        "install": install,
        "region": {"url": url, "admin": admin, **({"database": database} if database else {})},
        "zones": {"north": {"description": "row A"}},
        "settings": {"theme": "purple"},
        "limits": {"enrol_seconds": 60},
    }


def changed(returned):
    failed = [one["comment"] for one in returned.values() if one["result"] is False]
    assert not failed, failed
    return {key.split("_|-")[1] for key, one in returned.items() if one["changes"]}


@throwaway.needed("apt-get", "dpkg-deb", "dpkg-scanpackages", "debconf-set-selections")
@pytest.mark.parametrize("planned", [False, pytest.param(True, marks=pytest.mark.life)])
def test_packages(tmp_path, planned):
    with Site("3.7", tmp_path) as site:
        host = Bare(site.room.root("host"), site.packages, "region+cluster")
        site.hosts["host"] = host
        host.root.run("adduser", "--quiet", "--system", "--group", "--no-create-home", "maas")
        site.start()
        host.minion(pillar(site.url, role="region+rack", source=Bare.source))
        foreseen = changed(host.outcome("maas", "test=True")) if planned else set()
        done = changed(host.outcome("maas"))
        assert done >= {"maas programs", "maas administrator", "maas region"}
        if planned:  # what the packages' own configuration leaves to do is seen afterwards
            assert foreseen >= done
        again = host.outcome("maas")
        assert changed(again) == set()
        for text in (host.said, host.root.read("/srv/salt/log")):
            assert PASSWORD not in text
        host.assert_hidden(PASSWORD)


def _minion(folder, root):
    """A minion whose ``/`` is a sandbox."""
    (folder / "pillar").mkdir(parents=True)
    minion = Minion(
        folder, {}, file_roots={"base": [str(REPOSITORY / "salt")]}, **{"maas.root": str(root)},
        module_dirs=[str(folder / "loaded")],
    )  # fmt: skip
    (folder / "loaded").mkdir()
    for kind in ("modules", "states"):
        (folder / "loaded" / kind).symlink_to(REPOSITORY / f"_{kind}")
    (folder / "pillar/top.sls").write_text("base: {'*': [host]}")
    return minion


@pytest.mark.life
@pytest.mark.postgres
def test_snap(tmp_path, postgres, monkeypatch):
    fleet = tmp_path / "fleet"
    (fleet / "host").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY / '_utils'}:{REPOSITORY / 'emulator'}")
    with (
        postgres.database() as database,
        Snapd(fleet / "host") as snapd,
        RegionServer("3.7", admin=None) as server,
        Hosts(server.region, server.url, fleet),
    ):
        reached = {key: database[key] for key in ("host", "name", "user")}
        minion = _minion(tmp_path / "minion", fleet / "host")
        described = pillar(
            server.url, {**reached, "password": PASSWORD}, kind="snap", role="region"
        )
        (minion.folder / "pillar/host.sls").write_text(yaml.safe_dump({"maas": described}))
        foreseen = changed(minion.call("state.apply", "maas.region", "test=True"))
        assert snapd.actions == []
        done = changed(minion.call("state.apply", "maas.region"))
        assert done <= foreseen
        assert done >= {"maas programs", "maas region host", "maas administrator", "maas region"}
        assert [one["action"] for one in snapd.actions] == ["install"]
        assert changed(minion.call("state.apply", "maas.region")) == set()
        log = (fleet / "host/var/log/emulator-argv.log").read_text()
        assert PASSWORD not in log
