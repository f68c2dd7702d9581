"""What is to be installed on a host, and what prevents it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from saltext.maas.host import install
from saltext.maas.host.layouts import fact
from saltext.maas.release import SERIES, Release

PAGE = Path(__file__).resolve().parents[2] / "docs" / "installing.md"
URL = "http://192.0.2.10:5240/MAAS"
NOBLE = {"os": "Ubuntu", "osrelease": "24.04", "oscodename": "noble"}
DATABASE = {"host": "db", "name": "maasdb", "user": "maas", "password": "sdb://x/y"}


def plan(root, release="3.7", own=None, system=NOBLE, database=None, **wanted):
    region = {"url": URL, **({"database": database} if database else {})}
    pillar = {"release": release, "install": wanted, "region": region}
    return install.make_plan(pillar, own, system, str(root))


def dpkg(root, **packages):
    status = "".join(
        f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nVersion: {version}\n\n"
        for name, version in packages.items()
    )
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(status)


@pytest.mark.parametrize("release", SERIES)
def test_each_release_on_its_ubuntu(tmp_path, release):
    row = install.row(Release(release))
    system = {"os": "Ubuntu", "osrelease": row.ubuntu[-1], "oscodename": "this"}
    found = plan(tmp_path, release, system=system, role="region+rack")
    if row.source is None:
        assert [line for line in found.problems if "maas:install:source" in line]
        found = plan(tmp_path, release, system=system, role="region+rack", source="ppa:own/maas")
    assert found.problems == []
    epoch = "1:" if Release(release) >= "2.9" else ""
    assert set(found.packages.values()) == {f"{epoch}{release}*"}
    assert "maas" not in found.packages
    if found.repository:
        assert ("signed-by" in found.repository["name"]) == (Release(release) >= "2.0")
    other = plan(tmp_path, release, role="rack", system={**system, "osrelease": "12.10"})
    assert "this host has Ubuntu 12.10" in other.problems[-1]


def test_the_page_shows_the_table():
    rows = re.findall(r"^\| (\d[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.M)
    shown = {}
    for releases, *cells in rows:
        ends = re.split(r" to |, ", releases)
        first, last = SERIES.index(ends[0]), SERIES.index(ends[-1])
        shown.update(dict.fromkeys(SERIES[first : last + 1], cells))
    assert sorted(shown) == sorted(SERIES)
    for release, (ubuntu, source, postgresql) in shown.items():
        row = install.row(Release(release))
        assert ubuntu.split(", ") == [*row.ubuntu]
        here = row.source.format(release) if row.source else "`source`"
        assert source.replace("RELEASE", release) == here
        assert float(postgresql) == fact("deb", "postgresql_oldest", Release(release))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "maas:install:role: is missing"),
        ({"release": None, "role": "rack"}, "maas:release: is missing"),
        ({"release": "3.3", "role": "rack"}, "for Ubuntu 22.04, and this host has Ubuntu 24.04"),
        ({"role": "rack", "source": "archive"}, "only installs the snap"),
        ({"role": "rack", "source": "http://x"}, "maas:install:source: 'http://x' must be"),
        ({"role": "rack", "version": "3.6.1"}, "'3.6.1' is no version of MAAS 3.7"),
        ({"role": "rack", "version": "2:3.7.1"}, "such as 1:3.7.1"),
        ({"release": "4.0", "role": "rack"}, "MAAS 4.0 has no Debian packages"),
        ({"role": "rack", "channel": "3.7/stable"}, "maas:install:channel: is for the snap"),
        ({"role": "rack", "kind": "snap", "version": "3.7"}, "maas:install:version: is for pack"),
        ({"role": "rack", "kind": "snap", "channel": "3.6/stable"}, "is not of MAAS 3.7"),
        ({"role": "rack", "kind": "snap", "release": "2.6"}, "no track in the snap store"),
        ({"role": "region", "kind": "snap"}, "maas:region:database:password: is missing"),
        ({"role": "region", "postgresql": None}, "maas:region:database:user: is missing"),
        ({"role": "region", "database": {"host": "db"}}, "maas:region:database:name: is missing"),
    ],
)
def test_what_is_refused(tmp_path, arguments, text):
    [*others, line] = plan(tmp_path, **arguments).problems
    assert any(text in one for one in (*others, line)), (others, line)


@pytest.mark.parametrize(
    ("packages", "arguments", "text"),
    [
        ({"ntp": "1"}, {"role": "rack"}, "ntp: MAAS conflicts with this package"),
        ({"maas_rack_controller": "1:3.6.1-1"}, {"role": "rack"}, "MAAS 3.6.1 is installed here"),
        ({"maas_rack_controller": "1:3.7.0-1"}, {"role": "rack", "version": "3.7.1"}, "upgrade"),
        ({"maas_rack_controller": "1:3.7.0-1"}, {"role": "rack", "kind": "snap"}, "deb-migrate"),
    ],
)
def test_what_does_not_go_with_what_is_there(tmp_path, packages, arguments, text):
    dpkg(tmp_path, **packages)
    [line] = plan(tmp_path, **arguments).problems
    assert text in line


def test_the_snap_where_packages_belong(tmp_path):
    meta = tmp_path / "snap/maas/current/meta"
    meta.mkdir(parents=True)
    (meta / "snap.yaml").write_text("name: maas\nversion: 3.7.0-1-g.1\n")
    [line] = plan(tmp_path, role="rack").problems
    assert "the snap of MAAS is installed here" in line
    assert plan(tmp_path, role="rack", kind="snap").problems == []


def test_a_database_elsewhere(tmp_path):
    assert [*plan(tmp_path, role="region", database=DATABASE).packages] == ["maas-region-api"]
    old = plan(
        tmp_path, "1.7", system={"os": "Ubuntu", "osrelease": "14.04"}, role="region",
        database=DATABASE,
    )  # fmt: skip
    assert [*old.packages] == ["maas-region-controller-min"]
    assert old.questions == []


def test_a_minion_that_the_pillar_names_as_a_rack(tmp_path):
    found = plan(tmp_path, own={"region_url": ["http://a:5240/MAAS", "http://b:5240/MAAS"]})
    assert (found.role, found.problems) == ("rack", [])
    assert found.questions[0][-1] == "http://a:5240/MAAS"


def test_dpkg_that_was_stopped(tmp_path):
    dpkg(tmp_path)
    assert not plan(tmp_path, role="rack").interrupted
    (tmp_path / "var/lib/dpkg/updates").mkdir()
    (tmp_path / "var/lib/dpkg/updates/0001").write_text("")
    assert plan(tmp_path, role="rack").interrupted
