"""The hosts of a region, one after the other: real hosts and database, no real Salt."""

from __future__ import annotations

import os
import signal

import pytest
from saltext.maas.errors import MaasError
from saltext.maas.fleet import move, overview, roll, rotation
from support.fleet import wait_for
from support.killing import forked
from support.region_hosts import Site

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fast")]


@pytest.fixture
def site(postgres, tmp_path, request):
    with Site(postgres, getattr(request, "param", "3.7"), tmp_path) as found:
        found.first()
        for name in found.names[1:]:
            found.add(name)
        yield found


def changed(site, **more):
    """Change the pillar of all hosts."""
    pillar = site.pillar
    site.pillar = lambda: {"region": {**pillar()["region"], **more}}


@pytest.mark.parametrize(
    "site", [pytest.param("2.9", marks=pytest.mark.life), "3.7"], indirect=True
)
def test_new_hosts_join_first_and_each_step_is_what_the_dry_run_says(site):
    changed(site, debug=True)
    site.box("region-2").write("secret", "decade" * 5)
    planned = site.roll(dry_run=True)
    assert planned["state"] == "would roll"
    assert site.running("region-1") == ["region-1"]
    seen = []

    def look(minion, function, test):
        if function == "maas_region.configure" and not test:
            seen.append((minion, [name for name in site.names if site.running(name)]))

    done = site.roll(look)
    assert done["state"] == "rolled", done
    assert done["hosts"] == planned["hosts"]
    assert ("secret" in done["hosts"]["region-2"]["changes"]) is (site.release < "3.3")
    assert [minion for minion, _ in seen] == ["region-2", "region-3", "region-1"]
    assert all(answering for _, answering in seen)
    assert site.all_up()
    assert site.roll()["state"] == "nothing to do"
    returned = "".join(site.salt.returned)
    assert site.region.secret not in returned
    assert site.config["password"] not in returned


def test_a_restart_never_leaves_the_region_alone_and_is_resumed(site):
    site.roll()
    starts = {name: site.starts(name) for name in site.names}
    dry = site.roll(restart=True, dry_run=True)
    assert [one["restarts"] for one in dry["hosts"].values()] == [True] * 3
    assert {name: site.starts(name) for name in site.names} == starts

    def dies(minion, function, test):
        if (minion, function, test) == ("region-2", "maas_region.configure", False):
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked(lambda: site.roll(dies, restart=True)) is None
    assert [site.starts(name) - starts[name] for name in site.names] == [1, 0, 0]
    done = site.roll(restart=True, resume=True)
    assert (done["state"], done["hosts"]["region-1"]["restarts"]) == ("rolled", False)
    wait_for(site.all_up, 20)
    assert [site.starts(name) - starts[name] for name in site.names] == [1, 1, 1]
    again = site.roll(restart=True)
    assert [one["restarts"] for one in again["hosts"].values()] == [True] * 3


@pytest.mark.life
def test_a_runner_that_is_killed_anywhere_is_made_good_by_the_next(site):
    planned = None
    for point in range(0, 80, 5):
        changed(site, debug=not point % 10)
        left = [point]

        def dies(*_, left=left):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        ended = forked(lambda: site.roll(dies))
        assert any(map(site.running, site.names)), point
        done = site.roll()
        assert done["state"] in ("rolled", "nothing to do"), (point, done)
        assert site.roll()["state"] == "nothing to do"
        wait_for(site.all_up, 20)
        planned = ended or planned
        if ended:
            break
    assert planned
    assert planned["state"] == "rolled"


@pytest.mark.life
def test_a_roll_stops_where_the_region_would_not_answer(site):
    only = {"region-1": site.pillar()["region"]["hosts"]["region-1"]}
    everything = site.pillar
    site.pillar = lambda: {"region": {**everything()["region"], "hosts": only}}
    for dry_run in (True, False):
        with pytest.raises(MaasError, match="region-1 would restart while no other host"):
            site.roll(restart=True, dry_run=dry_run)
    assert site.roll(restart=True, force=True)["state"] == "rolled"
    site.pillar = everything
    site.roll()

    def others_end(minion, function, test):
        if (minion, function, test) == ("region-2", "maas_region.configure", True):
            site.stop("region-3")
        if function == "maas_region.configure" and not test:
            site.stop("region-2")
            site.stop("region-3")

    changed(site, debug=True)
    starts = site.starts("region-1")
    done = site.roll(others_end, hosts=["region-1", "region-2"])
    assert done["state"] in ("rolled", "failed")
    assert site.running("region-1")
    assert site.starts("region-1") - starts <= 1


def test_a_host_that_is_lost_is_left_out_and_replaced(site):
    site.roll()
    site.stop("region-3")
    with site.fleet() as fleet:
        site.salt.broken["region-3", "test.ping"] = "away"
        with pytest.raises(MaasError, match=r"nothing was changed: region-3: .* did not answer"):
            roll.run(fleet, restart=True, pause=0)
        done = roll.run(fleet, hosts="region-1,region-2", restart=True, pause=0)
        assert (done["state"], list(done["hosts"])) == ("rolled", ["region-1", "region-2"])
        rows = {row["minion"]: row for row in overview.status(fleet, None, "glob")}
        assert [rows[name]["state"] for name in site.names] == [
            "connected", "connected", "disconnected",
        ]  # fmt: skip
        assert rows["region-3"]["minion answers"] is False
        assert rows["region-1"]["release"] == str(site.region.release)
    # The new one has the old one's name, and nothing of its files.
    ident = site.box("region-3").read("maas_id")
    for name in ("maas_id", "secret"):
        os.unlink(site.box("region-3").path(name))
    site.box("region-3").write("region_config", "")
    done = site.roll()
    assert done["state"] == "rolled"
    assert "region host" in done["hosts"]["region-3"]["changes"]
    assert site.box("region-3").read("maas_id") == ident
    assert site.all_up()


@pytest.mark.life
def test_hosts_of_other_releases_and_unknown_ones_are_refused(site):
    with pytest.raises(MaasError, match="hosts: 'region-9' must be among region-1, region-2"):
        site.roll(hosts="region-9")
    site.roll()
    site.salt = None
    call = site.call
    site.call = lambda minion, function, *args, **kwargs: (
        {**call(minion, function), "release": "3.6.1"}
        if (minion, function) == ("region-2", "maas_region.host_status")
        else call(minion, function, *args, **kwargs)
    )
    with pytest.raises(MaasError, match=r"different releases: region-1 3\.7\.\d, region-2 3\.6\.1"):
        site.roll()


@pytest.mark.parametrize(
    "site", [pytest.param("2.9", marks=pytest.mark.life), "3.7"], indirect=True
)
def test_all_hosts_get_a_new_secret(site):
    site.roll()
    before = site.region.secret
    with site.fleet() as fleet:
        done = rotation.run(fleet, None, False, False)
        assert done["state"] == "rotated", done
        wait_for(site.all_up, 20)
        assert site.region.secret != before
        for name in site.names:
            assert site.box(name).read("secret").strip() == site.region.secret
        assert site.region.secret not in "".join(site.salt.returned)


@pytest.mark.life
def test_another_host_is_asked_where_the_region_s_minion_is_away(site):
    site.roll()
    with site.fleet() as fleet:
        site.salt.broken["region-1", "test.ping"] = "away"
        with pytest.raises(MaasError, match="the region's minion region-1"):
            fleet.region("region-1", "maas_fleet.region_hosts")
        fleet.settings.other_hosts = {"region-1": ["region-2"]}
        assert set(fleet.region("region-1", "maas_fleet.region_hosts")) == set(site.names)


@pytest.mark.life
def test_all_hosts_move_to_another_url(site):
    site.roll()
    url = site.servers["region-2"].url
    with site.fleet() as fleet:
        assert move.run(fleet, url, None, dry_run=True)["state"] == "would move"
        done = move.run(fleet, url, None, dry_run=False)
        assert done["state"] == "moved", done
        for name in site.names:
            assert f"maas_url: {url}" in site.box(name).read("region_config")
        wait_for(site.all_up, 20)
        # The third one cannot, so that all move back.
        site.salt.broken["region-3", "state.high"] = "no space left on device"
        done = move.run(fleet, site.url, None, dry_run=False)
        assert done["state"] == "failed", done
        assert f"maas_url: {url}" in site.box("region-1").read("region_config")
