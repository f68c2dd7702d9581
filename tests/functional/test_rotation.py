"""A new shared secret for a region with a real database, and for the clusters that hang on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from saltext.maas import database
from saltext.maas.host import cluster, enrolment, rotate, shared_secret
from saltext.maas.host.errors import HostError
from support.fleet import Fleet

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["1.7", "3.7"])
def site(request, postgres, tmp_path):
    """A region with its database, and an enrolled cluster."""
    old = request.param == "1.7"
    with postgres.database(None if old else "3.7") as config:
        uri = "host={host} port={port} user={user} dbname={name}".format(**config)
        options = {"database": uri} if old else {}
        with Fleet(request.param, tmp_path / "hosts", **options) as fleet:
            if not old:
                postgres.execute(
                    config["name"],
                    "INSERT INTO maasserver_secret VALUES "
                    f"('global/rpc-shared', '{{\"secret\": \"{fleet.region.secret}\"}}')",
                )
            box, region = fleet.add("region", "region", database=config, url=fleet.url)
            box.write("secret", fleet.region.secret)
            _, rack = fleet.add("rack-1")
            done = cluster.configure(rack, url=fleet.url, secret=fleet.region.secret)
            enrolment.wait_registered(rack, done["mark"], 20)
            yield fleet, region, rack


def stored(region):
    with database.connection(region) as conn:
        return database.secret(conn)


def test_file_and_database_change_together_and_clusters_come_back(site):
    fleet, region, rack = site
    before = fleet.region.secret
    planned = rotate.rotate(region, test=True)
    assert stored(region) == before == shared_secret.read(region)
    done = rotate.rotate(region, wait=20)
    assert done["changes"] == planned["changes"]
    assert done["restarts"] is (region.release >= "3.3") is bool(done["restarted"])
    after = stored(region)
    assert after != before
    assert shared_secret.read(region) == after
    assert before not in repr(done)
    assert after not in repr(done) + fleet.argv_text()
    changed = cluster.configure(rack, secret=after)
    assert enrolment.wait_registered(rack, changed["mark"], 20)["state"] == "registered"
    assert fleet.region.secret == after


def test_nothing_changes_where_the_file_cannot_be_written(site, monkeypatch):
    fleet, region, _ = site
    before = fleet.region.secret

    def full(*args, **kwargs):
        raise HostError("No space left on device.")

    monkeypatch.setattr(rotate.files, "replace", full)
    with pytest.raises(HostError, match="No space"):
        rotate.rotate(region)
    assert stored(region) == before == shared_secret.read(region)


def test_a_region_without_database_says_so(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, region = fleet.add("region", "region")
        Path(region.path("secret")).parent.mkdir(parents=True, exist_ok=True)
        with pytest.raises(Exception, match="database"):
            rotate.rotate(region)
