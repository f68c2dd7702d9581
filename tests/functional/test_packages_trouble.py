"""File systems that refuse and commands that are missing: one clear message, nothing changed."""

from __future__ import annotations

import contextlib

import pytest
from support.packages import NEEDED, Site

pytestmark = NEEDED

SECRET = "c0ffee" * 5
PASSWORD = "pw-of-the-database"
WANT = {
    "region": (
        "region_config.configure(installation, verify=False, **want)",
        {"url": "http://198.51.100.1:5240/MAAS", "database_password": PASSWORD},
    ),
    "cluster": (
        "cluster_config.configure(installation, **want)",
        {"url": "http://198.51.100.1:5240/MAAS", "secret": SECRET},
    ),
}


@pytest.fixture(scope="module", params=[pytest.param("1.7", marks=pytest.mark.sweep), "3.7"])
def site(request, tmp_path_factory):
    with Site(request.param, tmp_path_factory.mktemp("site")) as site:
        for part in WANT:
            site.add(part, part)
        yield site


@pytest.fixture(params=list(WANT))
def host(request, site):
    return site.hosts[request.param]


def state_of(host):
    """Files with content, owner, mode; debconf's answers; which services run."""
    script = (
        "find /etc/maas /var/lib/maas /var/lib/saltext-maas -type f ! -name '*.bak' "
        "! -name '*.lock' ! -name .filler 2>/dev/null | sort "
        "| xargs -r stat -c '%n %U:%G %a'; cat /etc/maas/*[!k] /var/lib/maas/secret 2>/dev/null;"
        "cat /var/cache/debconf/config.dat /var/cache/debconf/passwords.dat "
        "| grep -E '^(Name:|Value: .)'"
    )
    running = host.root.read("/var/lib/emulator/services.json")
    return host.root.run("sh", "-c", script, check=False).stdout, running


def refused(host, expected, allowed=()):
    """Configure fails with one message, which holds a text, and changes nothing."""
    before = state_of(host)
    expression, want = WANT[host.role]
    message = host.call(expression, expect=False, want=want)
    assert expected in message, message
    assert "Traceback" not in message
    assert "\n" not in message
    assert SECRET not in message
    assert PASSWORD not in message
    return before, message


def unchanged(host, before):
    assert state_of(host) == before


@contextlib.contextmanager
def read_only(host, folder):
    host.root.mount("--bind", folder, folder)
    host.root.mount("-o", "remount,bind,ro", folder)
    try:
        yield
    finally:
        host.root.run("umount", folder)


@contextlib.contextmanager
def full(host, folder):
    """A folder on a file system without a free byte, with what was in it."""
    script = (
        f"set -e; cp -a {folder} /tmp/kept; mount -t tmpfs -o size=64k,mode=755 full {folder};"
        f"cp -a /tmp/kept/. {folder}/; dd if=/dev/zero of={folder}/.filler 2>/dev/null || true"
    )
    host.root.run("sh", "-c", script)
    try:
        yield
    finally:
        host.root.run("sh", "-c", f"umount {folder}; rm -rf /tmp/kept")


@contextlib.contextmanager
def without(host, path):
    host.root.run("mv", path, f"{path}.gone")
    try:
        yield
    finally:
        host.root.run("mv", f"{path}.gone", path)


def test_a_read_only_configuration(host):
    with read_only(host, "/etc/maas"):
        before, _ = refused(host, "Read-only file system")
        unchanged(host, before)


def test_a_full_configuration(host):
    with full(host, "/etc/maas"):
        before, _ = refused(host, "No space left on device")
        unchanged(host, before)


def test_a_full_disk_for_the_journal(host):
    host.root.run("mkdir", "-p", "/var/lib/saltext-maas")
    with full(host, "/var/lib/saltext-maas"):
        before, message = refused(host, "No space left on device")
        assert message.startswith("Nothing was changed")
        unchanged(host, before)


def test_a_read_only_debconf(host):
    with read_only(host, "/var/cache/debconf"):
        before, _ = refused(host, "debconf")
        unchanged(host, before)


def test_missing_commands(site, host):
    init = (
        "/usr/sbin/service" if site.packages.traits["init"] == "upstart" else "/usr/bin/systemctl"
    )
    tools = [init, "/usr/bin/debconf-set-selections"]
    if host.role == "cluster":
        tools.append(f"/usr/sbin/{site.packages.traits['cluster_tool']}")
    for path in tools:
        with without(host, path):
            before, _ = refused(host, f"The command {path.rpartition('/')[2]} is not installed")
            unchanged(host, before)


def test_afterwards_it_works(host):
    expression, want = WANT[host.role]
    with read_only(host, "/etc/maas"):
        refused(host, "Read-only file system")
    done = host.call(expression, want=want)
    assert "url" in done["changes"]
    assert host.call(expression, want=want)["changes"] == {}
    # as it was, for the other tests
    old = {key: change["old"] for key, change in done["changes"].items() if key == "url"}
    if old["url"]:
        host.call(expression, want=old)
