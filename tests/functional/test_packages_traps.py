"""What the packages' own scripts do to a host that nobody looks after, and that we avoid it."""

from __future__ import annotations

import json

import pytest
from support.packages import NEEDED, Packages, Site

pytestmark = NEEDED

SECRET = "c0ffee" * 5
NAME = "maas-region.example.com"


def on(*releases, sweep=()):
    """Run a test on releases, and on some only in `make sweep`."""
    more = [pytest.param(release, marks=pytest.mark.sweep) for release in sweep]
    return pytest.mark.parametrize("site", [*releases, *more], indirect=True)


@pytest.fixture
def site(request, tmp_path):
    with Site(request.param, tmp_path) as site:
        yield site


def url_of(host):
    return host.call("region_config.read_config(installation)['url']")


def configure(host, url):
    return host.call("region_config.configure(installation, url=url, verify=False)", url=url)


def preseed_host(host, value):
    package = host.packages.names("region")[-1]
    host.preseed(f"{package} maas/default-maas-url string {value}")


def fails(host):
    """A reconfigure whose script fails, since MAAS refuses the URL that it makes."""
    with pytest.raises(AssertionError, match="not a valid URL"):
        host.reconfigure("region")


@on("1.7")
def test_a_url_with_a_dash_is_kept_though_the_script_cannot_change_it(site):
    host = site.add("region", "region")
    configure(host, f"http://{NAME}/MAAS")
    preseed_host(host, "198.51.100.1")
    host.reconfigure("region")
    assert url_of(host) == f"http://{NAME}/MAAS"  # the script found nothing to change, silently
    done = configure(host, "http://198.51.100.1/MAAS")
    assert list(done["changes"]) == ["url"]
    host.upgrade()
    assert url_of(host) == "http://198.51.100.1/MAAS"


@on("1.7")
def test_an_upgrade_without_an_answer_breaks_the_url_but_not_after_us(site):
    host = site.add("region", "region")
    host.root.run("debconf-communicate", site.packages.names("region")[-1],
                  stdin="RESET maas/default-maas-url\n")  # fmt: skip
    now = url_of(host)
    assert list(configure(host, now)["changes"]) == ["maas/default-maas-url"]
    host.upgrade()
    assert url_of(host) == now
    preseed_host(host, "")
    host.upgrade()
    assert url_of(host) == "http:///MAAS"  # the trap itself


@on("1.9", sweep=["3.7"])
def test_an_empty_answer_at_a_reconfigure(site):
    host = site.add("region", "region")
    url = url_of(host)
    host.root.run("debconf-communicate", site.packages.names("region")[-1],
                  stdin="RESET maas/default-maas-url\n")  # fmt: skip
    assert list(configure(host, url)["changes"]) == ["maas/default-maas-url"]
    host.reconfigure("region")
    assert url_of(host) == url
    preseed_host(host, "")
    fails(host)  # the trap itself
    assert list(configure(host, url)["changes"]) == ["maas/default-maas-url"]
    host.reconfigure("region")
    assert url_of(host) == url


@on("3.7", sweep=["2.3"])
def test_a_port_in_the_answer(site):
    host = site.add("region", "region")
    preseed_host(host, "198.51.100.1:5240")
    fails(host)  # the trap itself
    configure(host, "http://198.51.100.1:5240/MAAS")
    host.reconfigure("region")
    assert url_of(host) == "http://198.51.100.1:5240/MAAS"
    # A URL that debconf cannot say is made all the same, with a warning.
    done = configure(host, "https://198.51.100.1:5443/MAAS")
    assert "the next dpkg-reconfigure of the package makes the URL" in done["warnings"][0]
    host.upgrade()
    assert url_of(host) == "https://198.51.100.1:5443/MAAS"


@on("1.9", sweep=["1.7", "2.9"])
def test_a_secret_that_was_preseeded(site):
    package = Packages(site.release, site.folder).names("cluster")[-1]
    lines = (
        f"{package} {package}/shared-secret password {SECRET}",
        f"{package} {package}/maas-url string {site.url}",
    )
    host = site.add("rack1", "cluster", *lines)
    config = host.call("cluster_config.read_config(installation)")
    assert config["urls"] == [site.url]
    # 1.9 only takes it at a reconfigure.
    assert config["secret"] == (site.release != "1.9")
    host.reconfigure("cluster")
    assert host.call("shared_secret.read(installation)") == SECRET
    assert host.root.owner("/var/lib/maas/secret") == "maas:maas 0640"


@on("1.7")
def test_an_old_secret_in_debconf_comes_back_with_an_upgrade_but_not_after_us(site):
    package = site.packages.names("cluster")[-1]
    host = site.add("rack1", "cluster", f"{package} {package}/shared-secret password {SECRET}")
    other = "beef" * 8
    host.call(
        "cluster_config.configure(installation, url=url, secret=secret)", url=site.url, secret=other
    )
    host.upgrade()
    assert host.call("shared_secret.read(installation)") == other


@on("1.5")
def test_the_broker_passwords_that_every_configure_rotates(site):
    host = site.add("region", "region")

    def held():
        text = {
            name: host.root.read(f"/etc/maas/{name}")
            for name in ("maas_local_settings.py", "txlongpoll.yaml", "maas_local_celeryconfig.py")
        }
        long = text["maas_local_settings.py"].partition("RABBITMQ_PASSWORD = '")[2]
        poll = text["txlongpoll.yaml"].partition('  password: "')[2]
        url = text["maas_local_celeryconfig.py"].partition("amqp://maas_workers:")[2]
        broker = json.loads(host.root.read("/var/lib/emulator/broker.json"))
        return (
            {long.partition("'")[0], poll.partition('"')[0], broker["maas_longpoll"]},
            {url.partition("@")[0], broker["maas_workers"]},
        )

    first = held()
    assert [len(one) for one in first] == [1, 1]
    host.reconfigure("region")
    second = held()
    assert [len(one) for one in second] == [1, 1]
    assert first != second
    # Ours are the same in all places, until the scripts run again; then a run mends them.
    want = {
        "url": "http://198.51.100.1/MAAS",
        "broker_longpoll_password": "longOfOurs",
        "broker_workers_password": "workersOfOurs",
    }
    code = "region_config.configure(installation, verify=False, **want)"
    done = host.call(code, want=want)
    assert held() == ({"longOfOurs"}, {"workersOfOurs"})
    assert "dpkg-reconfigure of maas-region-controller makes up new RabbitMQ" in str(
        done["warnings"]
    )
    assert host.call(code, want=want)["changes"] == {}
    host.upgrade()
    third = held()
    assert [len(one) for one in third] == [1, 1]
    assert third != ({"longOfOurs"}, {"workersOfOurs"})
    assert url_of(host) == want["url"]
    assert "url" not in host.call(code, want=want)["changes"]
    assert held() == ({"longOfOurs"}, {"workersOfOurs"})
    # A reconfigure by us keeps them.
    host.call("region_config.reconfigure(installation, verify=False)")
    assert held() == ({"longOfOurs"}, {"workersOfOurs"})
    text = host.root.read("/var/log/emulator-argv.log")
    assert "OfOurs" not in text
