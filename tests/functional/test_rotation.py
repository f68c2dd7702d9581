"""A new shared secret for a region with a real database, and for the clusters that hang on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saltext.maas import envelope, seal
from saltext.maas.host import (
    cluster_config,
    database,
    enrolment,
    rotate,
    shared_secret,
    transaction,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from support import in_process
from support.fleet import Fleet, wait_for
from support.killing import forked
from support.postgres import uri

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["1.7", "3.7"])
def site(request, postgres, tmp_path):
    """A region with its database, and an enrolled cluster."""
    old = request.param == "1.7"
    with postgres.database(None if old else "3.7") as config:
        options = {"database": uri(config)} if old else {}
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
            done = cluster_config.configure(rack, url=fleet.url, secret=fleet.region.secret)
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
    changed = cluster_config.configure(rack, secret=after)
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


def litter(root):
    return [
        name for _, _, names in os.walk(root) for name in names
        if ".saltext-maas." in name and not name.endswith(".bak")
    ]  # fmt: skip


def test_a_rotation_that_is_killed_anywhere_is_finished_or_put_back(site, monkeypatch, tmp_path):
    fleet, region, _ = site
    monkeypatch.setattr(Installation, "run", in_process.run)
    mark = Path(region.root, "var/lib/saltext-maas/rotation.unfinished")
    seen = set()
    for point in range(100):
        before = stored(region)
        ended = forked(lambda: rotate.rotate(region, wait=20), point)
        assert not ended or "error" not in ended, ended
        kept, there = stored(region), shared_secret.read(region)
        seen.add((kept == before, there == before))
        if mark.exists():
            assert rotate.rotate(region, test=True)["changes"]["unfinished run"]
            result = rotate.finish(region)
            assert result["unfinished run"]["new"] == "finished"
        assert stored(region) == kept
        assert shared_secret.read(region) == kept == shared_secret.of_region(region)
        assert not mark.exists()
        assert rotate.finish(region) == {}
        if region.release >= "3.3":  # the region's daemon takes it up as it starts
            wait_for(lambda: fleet.region.secret == kept)  # noqa: B023
        if ended:
            break
    assert litter(region.root) == []
    # Killed before anything, between file and commit, and after both.
    assert seen == {(True, True), (True, False), (False, False)}
    refused_while_another_is_at_work(region)
    if region.release < "3.3":
        sealing_finishes_it(region, tmp_path)


def refused_while_another_is_at_work(region):
    with (
        transaction.locked(region, "rotation"),
        pytest.raises(HostError, match="Another run changes the rotation of this host now"),
    ):
        rotate.rotate(region)


def sealing_finishes_it(region, folder):
    kept = stored(region)
    Path(region.path("secret")).write_text("c0ffee" * 5)
    Path(region.root, "var/lib/saltext-maas/rotation.unfinished").write_text("")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "minion.pem").write_bytes(key.private_bytes(*pem, serialization.NoEncryption()))
    opts = {"id": "region", "pki_dir": str(folder), "maas.root": region.root}
    pillar = {"maas": {"racks": {"rack-1": None}}}
    dunders = {"__opts__": opts, "__pillar__": pillar, "__context__": {}, "__salt__": {}}
    found = envelope.close(dunders, {"rack-1": seal.public_text(key)})
    assert set(found["boxes"]) == {"rack-1"}
    assert shared_secret.read(region) == kept
