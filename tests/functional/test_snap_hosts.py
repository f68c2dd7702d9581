"""Regions and racks from the snap: initialised, configured, refreshed, in throwaway roots."""

from __future__ import annotations

import pytest
from support import throwaway
from support.fleet import wait_for
from support.packages import Site, releases
from support.snaps import VERSIONS, Snap

pytestmark = throwaway.needed()
INITIALISE = "snap.initialise(installation, 'region', wait=20, **want)"


@pytest.fixture(scope="module", params=releases(VERSIONS, "3.8"))
def site(request, tmp_path_factory, postgres):
    with Site(request.param, tmp_path_factory.mktemp("site"), postgres) as site:
        for name, role in (("region", "region"), ("rack1", "cluster")):
            site.hosts[name] = Snap(site.room.root(name, [postgres.host]), request.param, role)
        site.start()
        yield site


@pytest.fixture
def region(site):
    """The region's host, initialised."""
    host = site.hosts["region"]
    host.want = {"url": site.url, **site.database_settings()}
    if not host.call("list(installation.roles)"):
        planned = host.call(
            "snap.initialise(installation, 'region', test=True, **want)",
            want=host.want,
        )
        assert host.call("list(installation.roles)") == []
        done = host.call(INITIALISE, want=host.want)
        assert done["changes"] == planned["changes"]
        assert done["changes"]["mode"] == {"old": "none", "new": "region"}
    return host


def restarts(host):
    return [call for call in host.calls("snap") if "restart" in call]


def stands(host):
    config = host.call("region_config.read_config(installation, secrets=True)")
    result = {"url": config["url"], **{f"database_{k}": v for k, v in config["database"].items()}}
    assert {key: result[key] for key in host.want} == host.want
    assert host.call("asked(database.clock)") > 0
    assert host.root.owner("/var/snap/maas/current/regiond.conf") == "root:root 0640"


def test_a_region(site, region):
    stands(region)
    region.assert_hidden(site.password, "nlikely")
    result = region.call(INITIALISE, expect=False, want=region.want)
    assert "initialised already" in result
    # Configured as a packaged one is: one restart, then nothing.
    region.forget_calls()
    want = {**region.want, "url": site.url.replace("127.0.0.1", "localhost")}
    code = "region_config.configure(installation, wait=20, **want)"
    planned = region.call("region_config.configure(installation, test=True, **want)", want=want)
    assert list(planned["changes"]) == ["url"]
    assert restarts(region) == []
    done = region.call(code, want=want)
    assert (done["changes"], done["restarted"]) == (planned["changes"], ["maas"])
    assert len(restarts(region)) == 1
    assert region.call(code, want=want)["changes"] == {}
    region.want = want
    stands(region)
    region.refresh()
    stands(region)
    assert region.call("str(installation.release)") in VERSIONS[site.release][1]
    region.call(code, want={**want, "url": site.url})


def test_a_rack(site, region):
    host = site.hosts["rack1"]
    secret = wait_for(lambda: region.call("shared_secret.of_region(installation)"), 20)
    want = {"url": site.url, "secret": secret}
    code = "cluster_config.configure(installation, **want)"
    planned = host.call("cluster_config.configure(installation, test=True, **want)", want=want)
    assert host.call("list(installation.roles)") == []
    done = host.call(code, want=want)
    assert done["changes"] == planned["changes"]
    assert set(host.call("sorted(installation.roles)")) == {"cluster", "rack"}
    host.assert_hidden(secret)
    host.forget_calls()
    assert host.call(code, want=want)["changes"] == {}
    assert restarts(host) == []
    for _ in range(2):
        config = host.call("cluster_config.read_config(installation)")
        assert config["urls"] == [site.url]
        assert host.call("shared_secret.read(installation)") == secret
        assert (
            host.call("enrolment.wait_registered(installation, None, 20)")["state"] == "registered"
        )
        place = host.call("installation.path('secret')")
        assert host.root.owner(place) == "root:root 0640"
        host.refresh()
    assert (
        host.call("cluster_config.configure(installation, test=True, **want)", want=want)["changes"]
        == {}
    )
