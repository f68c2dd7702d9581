"""HAProxy and keepalived before several region hosts: as the SLS configure them, and in use."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
import yaml
from saltext.maas import pillar
from support.fleet import wait_for
from support.loader import REPOSITORY
from support.region_hosts import Site
from support.salt_call import Minion

SECRET = "vrrp-pw1"
HOSTS = {
    "region-1": {"address": "192.0.2.11"},
    "region-2": {"address": "192.0.2.12", "port": 5241},
    "region-3": {"address": "192.0.2.13"},
}
#: keepalived takes none that is not there, and no loopback.
_INTERFACES = [name for _, name in socket.if_nameindex() if name != "lo"]
INTERFACE = _INTERFACES[0] if _INTERFACES else "eth0"
BALANCER = {"address": "192.0.2.10", "interface": INTERFACE, "password": SECRET}
CASES = {
    "plain": {"hosts": HOSTS, "load_balancer": BALANCER},
    "tls": {
        "hosts": HOSTS, "load_balancer": {**BALANCER, "prefix": 24, "router_id": 7},
        "tls": {"key": "/k", "cert": "/c"},
    },
    "IPv6": {
        "hosts": {"region-1": {"address": "2001:db8::1"}, "region-2": {"address": "2001:db8::2"}},
        "load_balancer": {"address": "2001:db8::9", "interface": INTERFACE},
    },
}  # fmt: skip


def program(name):
    """A program of Debian's; without it the test is skipped."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    return found or pytest.skip(f"{name} is not installed: apt-get install {name}")


class Host:
    """A minion that renders the SLS and their files."""

    def __init__(self, folder, region, ident="region-2", release="3.7"):
        assert pillar.problems({"release": release, "region": region}) == []
        (folder / "pillar").mkdir(parents=True)
        (folder / "pillar" / "top.sls").write_text("base: {'*': [site]}")
        (folder / "pillar" / "site.sls").write_text(yaml.safe_dump({"maas": {"region": region}}))
        roots = {"base": [str(REPOSITORY / "salt")]}
        grains = {"maas": {"release": release}}
        self.minion = Minion(folder, {}, id=ident, file_roots=roots, grains=grains)
        self.folder = folder

    def rendered(self, name):
        """A file as the SLS would write it."""
        text = self.minion.call(
            "slsutil.renderer", f"salt://maas/files/{name}.jinja", "default_renderer=jinja"
        )
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path


def checked(argv, path):
    done = subprocess.run([*argv, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr, path.read_text())


@pytest.mark.salt
@pytest.mark.parametrize(
    "case", [pytest.param(one, marks=[] if one == "tls" else pytest.mark.life) for one in CASES]
)
def test_what_the_sls_write_is_taken_by_haproxy_and_keepalived(case, tmp_path):
    host = Host(tmp_path / "minion", CASES[case])
    haproxy, keepalived = host.rendered("haproxy.cfg"), host.rendered("keepalived.conf")
    checked([program("haproxy"), "-c", "-f"], haproxy)
    text, vrrp = haproxy.read_text(), keepalived.read_text()
    assert ("5443" in text) is (case == "tls")
    assert "timeout server 90s" in text
    assert text.count("hash-type consistent") == 1 + (case == "tls")
    assert "525" not in text  # no port of RPC
    assert "priority 190" in vrrp
    assert (SECRET in vrrp) is (case != "IPv6")
    if case != "IPv6":
        assert "server region-2 192.0.2.12:5241 check" in text
        assert "unicast_src_ip 192.0.2.12" in vrrp
    if not _INTERFACES:
        pytest.skip("this host has a loopback interface only, which keepalived refuses")
    checked([program("keepalived"), "-t", "-f"], keepalived)


@pytest.mark.life
@pytest.mark.salt
def test_the_sls_need_their_pillar_and_show_no_password(tmp_path):
    shown = Host(tmp_path / "one", CASES["plain"], release="2.3").minion.call(
        "state.show_sls", "maas.keepalived"
    )
    assert {"maas haproxy", "maas keepalived", "maas nonlocal bind", "maas apache2"} <= set(shown)
    assert SECRET not in str(shown)
    shown = Host(tmp_path / "two", {"hosts": HOSTS}).minion.call("state.show_sls", "maas.haproxy")
    assert list(shown) == ["maas load balancer"]
    shown = Host(tmp_path / "three", CASES["plain"], "region-9").minion.call(
        "state.show_sls", "maas.keepalived"
    )
    assert "maas virtual address" in shown
    assert "maas keepalived" not in shown


class Clients:
    """Ask a region all the time, each time over a new connection."""

    def __init__(self, url):
        self.url, self.good, self.bad, self.longest = url, 0, [], 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        last = time.monotonic()
        while not self._done.wait(0.01):
            try:
                with urllib.request.urlopen(f"{self.url}/api/2.0/version/", timeout=20) as answer:
                    assert answer.status == 200
                self.good += 1
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()
            except Exception as error:
                self.bad.append(repr(error))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._done.set()
        self._thread.join()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def haproxy(folder, region, port):
    """HAProxy with what the SLS write, but for its user."""
    path = Host(folder, {
        **region, "load_balancer": {"address": "127.0.0.1", "interface": "lo", "port": port},
    }, "region-1").rendered("haproxy.cfg")  # fmt: skip
    lines = path.read_text().splitlines()
    kept = [line for line in lines if line.split()[:1] not in (["user"], ["group"], ["log"])]
    path.write_text("\n".join(kept).replace("inter 2s", "inter 100ms") + "\n")
    process = subprocess.Popen(
        [program("haproxy"), "-db", "-f", str(path)], stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.life
@pytest.mark.salt
@pytest.mark.postgres
@pytest.mark.usefixtures("fast")
def test_the_region_answers_behind_haproxy_while_its_hosts_restart_and_one_more_ends(
    postgres, tmp_path
):
    program("haproxy")
    port = free_port()
    url = f"http://127.0.0.1:{port}/MAAS"
    victims = {"region-1": "region-2", "region-2": "region-3", "region-3": "region-1"}
    with Site(postgres, "3.7", tmp_path, url=url) as site:
        site.first()
        for name in site.names[1:]:
            site.add(name)
        with haproxy(tmp_path / "balancer", site.pillar()["region"], port):
            assert site.roll()["state"] in ("rolled", "nothing to do")
            wait_for(site.all_up, 20)
            time.sleep(0.5)  # for HAProxy to see them
            with Clients(url) as clients:
                assert site.roll(restart=True, pause=2)["state"] == "rolled"
            assert clients.bad == []
            assert clients.good > 20
            with Clients(url) as clients:

                def ends(minion, function, test):
                    if function == "maas_region.configure" and not test:
                        site.stop(victims[minion])

                for _ in range(2):
                    found = site.roll(ends, restart=True, resume=True)
                    if found["state"] == "rolled":
                        break
            assert found["state"] == "rolled", found
            # Two of three may end before HAProxy has noticed the first, which takes moments.
            assert clients.longest < 5
            assert clients.good > 20
