"""A host's packages from 1.5 to 3.8, with the real dpkg, debconf, APT and PostgreSQL.

The packages are fakes that carry over, and lose, what each release's own do.
"""

from __future__ import annotations

import pytest
from saltext.maas.host import upgrade_path
from saltext.maas.release import Release
from support.packages import NEEDED, Packages, Site

pytestmark = [NEEDED, pytest.mark.life, pytest.mark.postgres]
URL = "http://region.example:8080/other/MAAS"
SECRET = "c0ffee" * 5
_INSTALL = "upgrade.install(upgrade.host(), upgrade.Release(to))"


@pytest.fixture
def site(tmp_path, postgres):
    with Site("1.5", tmp_path, postgres) as site:
        yield site


def configured(host):
    region = host.call("region_config.read_config(installation, secrets=True)")
    cluster = host.call("cluster_config.read_files(installation)")
    keys = ("host", "name", "user", "password")
    return {
        "url": region["url"], "urls": cluster["urls"], "uuid": cluster["uuid"],
        **{key: region["database"][key] for key in keys},
    }  # fmt: skip


def migrated(host):
    calls = host.calls("maas-region", "maas-region-admin")
    return [words[1] for words in calls if words[1] in ("syncdb", "dbupgrade")]


def running(host):
    state = host.call("services.status(installation)")
    return {name for name, runs in state.items() if runs}


def half(host):
    """What dpkg has begun and not ended."""
    lines = host.root.read("/var/lib/dpkg/status").splitlines()
    return [one for one in lines if one.startswith("Status: ") and "ok installed" not in one
            and "not-installed" not in one and "config-files" not in one]  # fmt: skip


def step(host, site, release, folder):
    host.upgrade_ubuntu(upgrade_path.ubuntu(Release(release)))
    host.archive(Packages(release, folder / release, moves=True))
    done = host.call(_INSTALL, to=release)
    found = host.call("migration.migrate(installation)")
    return done, found


def test_from_1_5_to_3_8(site, tmp_path):
    host = site.add("both", "region+cluster")
    want = site.database_settings()
    want["database_password"] = "pw-Unlikely'9$x"
    host.call("region_config.configure(installation, verify=False, url=url, **want)", url=URL,
              want=want)  # fmt: skip
    host.call("cluster_config.configure(installation, url='http://127.0.0.1/MAAS')")
    before = configured(host)
    assert before["uuid"]
    host.forget_calls()
    lost = {}
    steps = upgrade_path.steps("deb", Release("1.5"), Release("3.8"))
    for number, (release, _) in enumerate(steps):
        host.call("upgrade.stop(upgrade.host())")
        assert running(host) == set()
        done, found = step(host, site, release, tmp_path)
        assert host.call("str(installation.release.series)") == release
        lost[release] = sorted(done["mended"])
        now = configured(host)
        assert now == {**before, "uuid": before["uuid"] if release < "3.5" else None}
        # The script of 1.9 is kept from a database that it takes to be on this host.
        assert found["migrated"] is (release == "1.9")
        assert migrated(host) == ["syncdb", *["dbupgrade"] * number]
        assert running(host) == set()
        host.call("services.release(installation)")
        host.call("services.start_all(installation)")
        assert running(host)
        assert not host.root.run(
            "sh", "-c", "ls -A /var/lib/saltext-maas | grep json || true"
        ).stdout
    assert lost.pop("1.9") == ["database_host", "database_name", "database_password",
                               "database_user", "url"]  # fmt: skip
    assert not any(lost.values()), lost
    host.assert_hidden("nlikely", SECRET)
    assert half(host) == []
    assert set(host.call("list(installation.roles)")) == {"cluster", "rack", "region"}


def test_apt_killed_within_a_script_is_gone_on_with(site, tmp_path):
    host = site.add("region", "region")
    host.call("region_config.configure(installation, verify=False, url=url, **want)", url=URL,
              want=site.database_settings())  # fmt: skip
    before = host.call("region_config.read_config(installation, secrets=True)")
    host.call("upgrade.stop(upgrade.host())")
    host.archive(Packages("1.9", tmp_path / "1.9", moves=True))
    host.root.write("/var/tmp/die", "")
    with pytest.raises(AssertionError, match=r"-9|137"):
        host.call(_INSTALL, to="1.9")
    assert half(host)
    assert host.call("upgrade.describe(upgrade.host())")["began"].startswith("1.5")
    host.call(_INSTALL, to="1.9")
    assert half(host) == []
    after = host.call("region_config.read_config(installation, secrets=True)")
    assert (after["url"], after["database"]) == (before["url"], before["database"])
    assert host.call("migration.migrate(installation)")["migrated"]
    assert host.call("migration.migrate(installation)") == {"migrated": False, "missing": []}
