"""Which MAAS a host has, and how its commands are run."""

from __future__ import annotations

import os
import time

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.host import debconf, layouts
from saltext.maas.host.errors import CommandMissing, HostError
from saltext.maas.host.installation import Installation, detect
from saltext.maas.release import SERIES, Release


def write(root, path, text, mode=0o644):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)


def package(name, version, status="install ok installed"):
    return f"Package: {name}\nStatus: {status}\nVersion: {version}\nDescription: x\n more\n\n"


class TestDetect:
    def test_nothing(self, tmp_path):
        assert detect(tmp_path) is None
        write(tmp_path, "var/lib/dpkg/status", package("maas-cli", "1:3.7.0-1"))
        assert detect(tmp_path) is None

    def test_what_is_no_file_is_refused_and_not_waited_for(self, tmp_path):
        (tmp_path / "var/lib/dpkg").mkdir(parents=True)
        os.mkfifo(tmp_path / "var/lib/dpkg/status")
        with pytest.raises(HostError, match=r"dpkg/status is not touched: it is no regular file"):
            detect(tmp_path)

    @pytest.mark.parametrize("status", ["deinstall ok config-files", "install ok half-configured"])
    def test_removed_or_broken_packages_do_not_count(self, tmp_path, status):
        write(tmp_path, "var/lib/dpkg/status", package("maas-rack-controller", "1:3.7.0-1", status))
        assert detect(tmp_path) is None

    @pytest.mark.parametrize(
        ("name", "version", "release", "roles", "systemd"),
        [
            ("maas-cluster-controller", "1.7.6+bzr3376-0ubuntu3", "1.7.6", {"cluster"}, False),
            ("maas-region-controller", "1.10.0-0ubuntu1", "1.10", {"region"}, False),
            ("maas-rack-controller", "2.9.2-9165", "2.9.2", {"cluster", "rack"}, True),
            ("maas-region-api", "1:3.6.0~rc1-1-g.abc", "3.6", {"region"}, True),
        ],
    )
    def test_packages(self, tmp_path, name, version, release, roles, systemd):
        other = package("maas-dns", "9.9.9-1") + package("zz", "1")
        write(tmp_path, "var/lib/dpkg/status", other + package(name, version))
        found = detect(str(tmp_path))
        assert (found.kind, found.release, found.roles) == ("deb", Release(release), roles)
        assert found.systemd is systemd
        assert found.root == str(tmp_path)

    @pytest.mark.parametrize("version", ["1.4-1", "5", "abc"])
    def test_a_release_that_cannot_be_worked_with(self, tmp_path, version):
        write(tmp_path, "var/lib/dpkg/status", package("maas-rack-controller", version))
        with pytest.raises(HostError, match=r"The MAAS on this host: .* is not a"):
            detect(tmp_path)
        write(tmp_path, "var/lib/dpkg/status", "")
        write(tmp_path, "snap/maas/current/meta/snap.yaml", f"version: {version}\n")
        with pytest.raises(HostError, match=r"The MAAS on this host: .* is not a"):
            detect(tmp_path)

    def test_19_under_systemd(self, tmp_path):
        write(tmp_path, "var/lib/dpkg/status", package("maas-cluster-controller", "1.9.5-1"))
        (tmp_path / "run/systemd/system").mkdir(parents=True)
        assert detect(tmp_path).systemd is True

    @pytest.mark.parametrize(
        ("mode", "roles"),
        [
            ("region+rack", {"region", "cluster", "rack"}),
            ("rack\n", {"cluster", "rack"}),
            ("all", {"region", "cluster", "rack"}),
            ("none", set()),
        ],
    )
    def test_snap(self, tmp_path, mode, roles):
        write(tmp_path, "snap/maas/current/meta/snap.yaml", "name: maas\nversion: 3.5.1-1-g.a\n")
        write(tmp_path, "var/snap/maas/common/snap_mode", mode)
        found = detect(tmp_path)
        assert (found.kind, str(found.release), found.roles) == ("snap", "3.5.1", roles)
        assert found.path("secret") == f"{tmp_path}/var/snap/maas/common/maas/secret"

    @pytest.mark.parametrize("role", ["region", "cluster", "region+cluster"])
    def test_every_release_of_the_sandbox(self, tmp_path, role):
        for release in SERIES:
            found = detect(sandbox.create(tmp_path / release, release, role).root)
            assert found.release.series == release
            assert set(role.split("+")) == found.roles - {"rack"}
            for one in role.split("+"):
                assert os.path.exists(found.path(f"{one}_config"))

    def test_it_is_cheap(self, tmp_path):
        many = "".join(package(f"library-{number}", "1.0") for number in range(4000))
        write(tmp_path, "var/lib/dpkg/status", many + package("maas-rack-controller", "1:3.7.0-1"))
        start = time.process_time()
        assert detect(tmp_path) is not None
        assert time.process_time() - start < 0.5


class TestLayouts:
    @pytest.mark.parametrize("kind", layouts.LAYOUTS)
    def test_timelines_run_forward(self, kind):
        for name, timeline in layouts.LAYOUTS[kind].items():
            releases = [Release(since) for since, _ in timeline]
            assert releases == sorted(releases), name

    def test_facts_begin_and_end(self):
        assert layouts.fact("deb", "secret", Release("1.6")) is None
        assert layouts.fact("deb", "pserv", Release("1.8")) == "etc/maas/pserv.yaml"
        assert layouts.fact("deb", "pserv", Release("1.10")) is None
        assert layouts.fact("deb", "nosuch", Release("3.7")) is None

    def test_a_missing_file_is_reported(self, tmp_path):
        installation = Installation(Release("1.5"), "deb", frozenset({"region"}), str(tmp_path))
        with pytest.raises(HostError, match=r"MAAS 1\.5 \(deb\) has no file for secret"):
            installation.path("secret")


class TestRun:
    @pytest.fixture
    def installation(self, tmp_path):
        return Installation(Release("3.7"), "deb", frozenset({"region"}), str(tmp_path))

    def script(self, installation, text, name="tool"):
        from pathlib import Path

        write(Path(installation.root), f"usr/sbin/{name}", f"#!/bin/sh\n{text}\n", 0o755)

    def test_input_output_and_status(self, installation):
        self.script(installation, "cat; echo $1; echo oops >&2; exit 3")
        assert installation.run(["tool", "a b"], stdin="in\n") == (3, "in\na b\n", "oops\n")

    def test_without_input_it_reads_nothing(self, installation):
        self.script(installation, "cat")
        assert installation.run(["tool"]) == (0, "", "")

    def test_the_real_systems_commands_are_out_of_reach(self, installation):
        with pytest.raises(CommandMissing, match="command sh is not installed"):
            installation.run(["sh", "-c", "true"])
        assert Installation(Release("3.7"), "deb", frozenset()).find("sh")

    def test_a_hanging_command_and_its_children_end(self, installation):
        self.script(installation, "sleep 60 & sleep 60")
        start = time.monotonic()
        with pytest.raises(HostError, match=r"tool go did not end within 0\.3 s"):
            installation.run(["tool", "go", "secret"], timeout=0.3)
        assert time.monotonic() - start < 10

    def test_errors_hide_what_went_in(self, installation):
        self.script(installation, "echo first >&2; echo no $(cat) >&2; exit 1")
        with pytest.raises(HostError) as message:
            installation.check(["tool", "sub", "--x"], stdin="hunter22\n")
        assert str(message.value) == "tool sub failed with status 1: no **********"

    def test_salts_python_does_not_leak(self, installation, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", "/somewhere")
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        self.script(installation, "echo $PYTHONPATH $LC_ALL $DEBIAN_FRONTEND")
        assert installation.run(["tool"])[1] == "C noninteractive\n"


@pytest.mark.parametrize(
    ("release", "url", "host", "warns"),
    [
        ("1.7", "http://192.0.2.1/MAAS", "192.0.2.1", False),
        ("1.7", "http://192.0.2.1:8080/MAAS", "192.0.2.1", True),
        ("1.7", "https://maas.example.com/MAAS", "maas.example.com", True),
        ("3.7", "http://192.0.2.1:5240/MAAS", "192.0.2.1", False),
        ("3.7", "http://[2001:db8::1]:5240/MAAS", "[2001:db8::1]", False),
        ("3.7", "http://192.0.2.1/MAAS", "192.0.2.1", True),
    ],
)
def test_debconf_gets_the_host_alone(tmp_path, release, url, host, warns):
    installation = detect(sandbox.create(tmp_path / "h", release, "region").root)
    plan = debconf.plan_region(installation, url)
    assert plan["changes"]["maas/default-maas-url"]["new"] == host
    assert bool(plan["warnings"]) is warns
