"""Regions and clusters from Debian packages: configured, reconfigured, upgraded.

With the real dpkg, debconf and dpkg-reconfigure, owners, modes and PostgreSQL, in throwaway
roots; the packages are fakes that do what the release's own do.
"""

from __future__ import annotations

import pytest
from support.packages import NEEDED, VERSIONS, Site, releases

pytestmark = NEEDED
ADMIN = "pw-of-the-admin"


# The others: test_packages_states.py takes 3.8.
@pytest.fixture(scope="module", params=releases(VERSIONS, "1.5"))
def site(request, tmp_path_factory, postgres):
    with Site(request.param, tmp_path_factory.mktemp("site"), postgres) as site:
        site.add("region", "region")
        site.add("rack1", "cluster")
        site.start()
        yield site


def owners(host):
    """Owner and mode of everything below /etc/maas but our backups and what a rack writes."""
    chosen = "find /etc/maas -type f ! -name '*.bak' ! -name agent.yaml"
    script = f"{chosen} | sort | xargs stat -c '%n %U:%G %a'"
    return host.root.run("sh", "-c", script).stdout.splitlines()


def everything(host):
    """What is below /etc/maas, and what debconf holds."""
    script = "find /etc/maas /var/lib/maas -type f | sort | xargs md5sum"
    listed = host.root.run("sh", "-c", script).stdout
    return listed, owners(host), {role: host.answers(role) for role in host.roles}


def starts(host, names):
    """How often each service was restarted or started, by order of the last time."""
    seen = []
    for _, *words in host.calls("systemctl", "service"):
        verbs = [word for word in words if word in ("restart", "start")]
        if verbs:
            seen += [word.replace(".service", "") for word in words if word not in verbs]
    return [name for name in seen if name in names]


class TestRegion:
    @pytest.fixture
    def host(self, site):
        return site.hosts["region"]

    def test_configured_reconfigured_and_upgraded(self, site, host):
        want = {"url": site.url, **site.database_settings()}
        before = everything(host)
        modes = before[1]
        host.forget_calls()
        planned = host.call("region_config.configure(installation, test=True, **want)", want=want)
        assert everything(host) == before
        assert not host.calls("systemctl", "service", "initctl")

        done = host.call("region_config.configure(installation, wait=20, **want)", want=want)
        assert done["changes"] == planned["changes"]
        assert set(done["changes"]) >= {*want, "maas/default-maas-url"} - {"database_password"}
        assert done["changes"]["database_password"]["new"] == "*" * 10
        assert done["warnings"] == []
        services = site.packages.services("region")
        assert starts(host, services) == done["restarted"]
        assert len(set(done["restarted"])) == len(done["restarted"]) >= 1
        host.assert_hidden(site.password, "nlikely")
        assert owners(host) == modes
        self.stands(host, want)

        host.forget_calls()
        again = host.call("region_config.configure(installation, wait=20, **want)", want=want)
        assert (again["changes"], again["restarted"]) == ({}, [])
        assert not host.calls("systemctl", "service", "initctl")

        # Neither of the two ways in which the package's scripts run again undoes it.
        host.reconfigure("region")
        self.stands(host, want)
        host.upgrade()
        self.stands(host, want)
        assert host.call("str(installation.release)") in VERSIONS[site.release][1]
        assert (
            host.call("region_config.configure(installation, test=True, **want)", want=want)[
                "changes"
            ]
            == {}
        )
        assert set(modes) <= set(owners(host))

    def stands(self, host, want):
        config = host.call("region_config.read_config(installation, secrets=True)")
        result = {
            "url": config["url"],
            **{f"database_{k}": v for k, v in config["database"].items()},
        }
        assert {key: result[key] for key in want} == want
        assert host.answers("region")["maas/default-maas-url"] == "127.0.0.1"
        # and the database is reached by it
        assert host.call("asked(database.clock)") > 0

    def test_the_first_administrator(self, site, host):
        code = "users.create_admin(installation, 'admin', password, 'admin@example.com')"
        if not host.call("users.exists(installation, 'admin')"):
            host.call(code, password=ADMIN)
        result = host.call(code, expect=False, password=ADMIN)
        assert "admin" in result
        assert len(host.call("users.api_keys(installation, 'admin')")) == 1
        host.assert_hidden(ADMIN)


class TestCluster:
    @pytest.fixture
    def host(self, site):
        return site.hosts["rack1"]

    def test_configured_reconfigured_and_upgraded(self, site, host):
        secret = None
        if site.packages.traits["secret"]:
            secret = site.hosts["region"].call("shared_secret.of_region(installation)")
        want = {"url": site.url, "secret": secret}
        before = everything(host)
        modes = before[1]
        uuid = host.call("cluster_config.read_config(installation)")["uuid"]
        assert bool(uuid) == site.packages.traits["cluster_uuid"]
        host.forget_calls()
        planned = host.call("cluster_config.configure(installation, test=True, **want)", want=want)
        assert everything(host) == before
        assert not host.calls("systemctl", "service", "initctl")

        done = host.call("cluster_config.configure(installation, **want)", want=want)
        assert done["changes"] == planned["changes"]
        services = site.packages.services("cluster")
        assert starts(host, services) == done["restarted"]
        assert set(done["restarted"]) == set(services)
        if secret:
            host.assert_hidden(secret)
            assert host.root.owner("/var/lib/maas/secret") == "maas:maas 0640"
        assert owners(host) == modes
        self.stands(site, host, want, uuid)
        host.forget_calls()
        again = host.call("cluster_config.configure(installation, **want)", want=want)
        assert (again["changes"], again["restarted"]) == ({}, [])
        assert not host.calls("systemctl", "service", "initctl")

        host.reconfigure("cluster")
        self.stands(site, host, want, uuid)
        host.upgrade()
        self.stands(site, host, want, uuid)
        planned = host.call("cluster_config.configure(installation, test=True, **want)", want=want)
        assert planned["changes"] == {}
        assert set(modes) <= set(owners(host))

    def stands(self, site, host, want, uuid):
        package = site.packages.names("cluster")[-1]
        config = host.call("cluster_config.read_config(installation)")
        assert config["urls"] == [want["url"]]
        assert config["uuid"] == uuid
        assert host.answers("cluster")[f"{package}/maas-url"] == want["url"]
        if site.release < "1.9":
            pserv = host.root.read("/etc/maas/pserv.yaml")
            assert f"\n  generator: {want['url']}/api/1.0/pxeconfig/\n" in pserv
        if want["secret"]:
            assert host.call("shared_secret.read(installation)") == want["secret"]
            assert host.root.owner("/var/lib/maas/secret") == "maas:maas 0640"
            result = host.call("enrolment.wait_registered(installation, None, 20)")
            assert result["state"] == "registered"
