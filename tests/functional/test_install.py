"""MAAS installed on bare hosts by ``maas.install``: real APT, dpkg, debconf and Salt."""

from __future__ import annotations

import pytest
from support import throwaway
from support.installing import Bare
from support.packages import VERSIONS, Packages

pytestmark = [
    pytest.mark.salt,
    pytest.mark.life,
    throwaway.needed("apt-get", "dpkg-deb", "dpkg-scanpackages", "debconf-set-selections"),
]
HOST = "192.0.2.10"
SECRET = "hunter2-unlikely"


@pytest.fixture(scope="module", params=VERSIONS)
def room(request, tmp_path_factory):
    with throwaway.Room() as room:
        room.packages = Packages(request.param, tmp_path_factory.mktemp("packages"))
        yield room


@pytest.fixture
def url(room):
    port = ":5240" if room.packages.traits["region_port"] else ""
    return f"http://{HOST}{port}/MAAS"


@pytest.fixture
def pillar(room, url):
    def described(role, region=None, **install):
        return {
            "release": room.packages.release,
            "install": {"role": role, "source": Bare.source, **install},
            "region": {"url": url, **(region or {})},
        }

    return described


@pytest.fixture
def bare(room, pillar):
    def make(name, role, region=None, **install):
        host = Bare(room.root(name), room.packages, role.replace("rack", "cluster"))
        host.minion(pillar(role, region, **install))
        return host

    return make


def changed(returned):
    return {ident for ident, changes in returned.items() if changes}


def test_region_and_rack(room, bare, pillar, url):
    """A region, which later becomes a rack as well; then both are removed."""
    host = bare("both", "region", hold=True)
    if room.packages.traits["first_user"]:  # as somebody may have done with a preseed
        host.preseed(f"maas-region-controller maas/password password {SECRET}")
    planned = host.apply("maas.install", "test=True")
    assert host.installed() == {}
    done = host.apply("maas.install")
    kept = {"maas is installed"} if room.packages.traits["first_user"] else set()
    assert changed(done) == changed(planned) | kept  # what debconf keeps is known afterwards
    assert planned["maas can be installed"] == done["maas can be installed"]
    packages = room.packages.names("region")
    first, later = VERSIONS[room.packages.release]
    assert {name: host.installed()[name] for name in packages} == dict.fromkeys(packages, first)
    assert host.answers("region")["maas/default-maas-url"] == HOST
    ask = "debconf.get_answer(installation, 'maas-region-controller', 'maas/password')"
    assert not host.call(ask)
    assert host.call("region_config.read_config(installation)")["url"] == url
    assert "maas-region" in host.root.run("apt-mark", "showhold").stdout

    # With the same pillar nothing changes, also once there is a later version.
    host.publish(second=True)
    assert changed(host.apply("maas.install")) == set()
    assert host.installed()[packages[0]] == first

    host.minion(pillar("region+rack", version=first, hold=True))
    planned = host.apply("maas.install", "test=True")
    done = host.apply("maas.install")
    assert changed(done) == changed(planned) >= {"maas programs", "maas version"}
    [rack] = room.packages.names("cluster")
    assert {host.installed()[name] for name in (*packages, rack)} == {first}
    assert host.call("cluster_config.read_config(installation)")["urls"] == [url]
    assert changed(host.apply("maas.install")) == set()

    # Neither another version, nor another release, nor a removal without a word for it.
    host.minion(pillar("region+rack", version=later))
    refused = host.outcome("maas.install")
    assert all(one["result"] is False for one in refused.values())
    assert "maas.upgrade" in str(refused)
    refused = host.outcome("maas.removed")
    assert "maas:install:absent: must be true" in str(refused)
    assert host.installed()[packages[0]] == first
    host.minion(pillar("region+rack", version=later, absent=True))
    planned = host.apply("maas.removed", "test=True")
    done = host.apply("maas.removed")
    unheld = {"maas programs are not held"}  # which Salt does not say with test=True
    assert changed(done) == changed(planned) | unheld >= {"maas programs"}
    assert host.installed() == {}
    assert changed(host.apply("maas.removed")) == set()
    answers = host.answers("region")
    assert answers["maas-region-controller/purge"] == "false"
    assert SECRET not in host.root.read("/srv/salt/log")


def test_a_region_with_its_database_elsewhere_and_a_rack(room, bare, url):
    database = {"host": "192.0.2.20", "name": "maasdb", "user": "maas", "password": SECRET}
    host = bare("remote", "region", {"database": database})
    host.apply("maas.install")
    assert set(host.installed()) == {room.packages.names("region")[0]}
    rack = bare("rack", "rack")
    rack.apply("maas.install")
    assert "maas-region" not in str(rack.installed())
    assert rack.call("cluster_config.read_config(installation)")["urls"] == [url]
    assert SECRET not in host.said + host.root.read("/srv/salt/log")


def test_a_run_that_is_killed_while_packages_are_configured(room, bare, url):
    host = bare("killed", "region")
    tool = "systemctl" if room.packages.traits["init"] == "systemd" else "service"
    folder = "bin" if tool == "systemctl" else "sbin"
    host.root.run("mv", f"/usr/{folder}/{tool}", f"/usr/{folder}/{tool}.real")
    wait = "[ -e /srv/free ] || { touch /srv/here; sleep 60; }"
    blocked = f'#!/bin/sh\ncase "$*" in *restart*) {wait};; esac\nexec {tool}.real "$@"\n'
    host.root.write(f"/usr/{folder}/{tool}", blocked, 0o755)
    process = host.begin("maas.install")
    host.wait_for("/srv/here")
    host.kill_all(process)
    assert not set(room.packages.names("region")) <= set(host.installed())
    host.root.write("/srv/free", "")
    planned = host.apply("maas.install", "test=True")
    done = host.apply("maas.install")
    assert {"maas packages of a run that was stopped"} <= changed(done) <= changed(planned)
    assert set(host.installed()) >= set(room.packages.names("region"))
    assert host.call("region_config.read_config(installation)")["url"] == url
    assert changed(host.apply("maas.install")) == set()
