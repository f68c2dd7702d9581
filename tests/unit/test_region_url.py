"""The URL of a region is judged in one way, whoever is given it."""

from __future__ import annotations

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas import pillar, region_url
from saltext.maas.client import Profile
from saltext.maas.errors import MaasError
from saltext.maas.fleet import move
from saltext.maas.host import cli_login, cluster_config, region_config
from saltext.maas.host.installation import detect

GOOD = [
    "http://192.0.2.10/MAAS",
    "http://192.0.2.10:5240/MAAS/",
    "https://maas-1.example.com:5443/MAAS",
    "https://maas.example.com./region-a",
    "http://[2001:db8::1]:5240/MAAS",
    "http://[fe80::1%eth0]:5240/MAAS",
    "http://localhost:5240/MAAS",
]
BAD = {
    "": "it must begin with http:// or https://",
    "maas": "it must begin with",
    "h/MAAS": "it must begin with",
    "//h/MAAS": "it must begin with",
    "ssh://h/MAAS": "it must begin with",
    "http:h/MAAS": "it must begin with",
    "http:///MAAS": "it has no host",
    "http://h:0/MAAS": "a port is a number from 1 to 65535",
    "http://h:65536/MAAS": "a port is a number from 1 to 65535",
    "http://h:x/MAAS": "a port is a number from 1 to 65535",
    "http://[::1/MAAS": "its address or port cannot be read",
    "http://h/MA AS": "it must hold no space",
    "http://h/MAAS?a=b": "it must hold no space, query or fragment",
    "http://h/MAAS#a": "it must hold no space, query or fragment",
    "http://10.0.0.1/MA$AS": "it must hold no quote",
    "http://h/$(id)": "it must hold no quote",
    "http://h/MA'AS": "it must hold no quote",
    "http://h/MA;AS": "it must hold no quote",
    "http://-h/MAAS": "its host is neither a name nor an address",
    "http://192.0.2.10:5240": "it has no path; MAAS is at /MAAS",
    "http://192.0.2.10:5240/": "it has no path",
    "http://192.0.2.10:5240/api/2.0/": "it has no path",
}
WITH_PASSWORD = [
    "http://u@h/MAAS", "http://u:swordfish@h/MAAS", "u:swordfish@h/MAAS", "http://u:sword/fish@h/MAAS",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_a_right_url_is_taken(url):
    assert region_url.problem(url) is None


@pytest.mark.parametrize("url", BAD)
def test_a_wrong_url_is_shown_with_the_reason(url):
    told = region_url.problem(url)
    assert told.startswith(f"{url!r} must be a region's URL such as {region_url.EXAMPLE}: ")
    assert BAD[url] in told


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_a_password_in_a_url_is_not_shown(url):
    assert region_url.problem(url) == "must hold no user or password"


def in_pillar(url, _):
    pillar.check({"release": "3.7", "region": {"url": url}})


def in_profile(url, _):
    Profile.from_mapping({"url": url})


def at_the_region_host(url, host):
    region_config.configure(host, test=True, url=url)


def at_the_cluster_host(url, host):
    cluster_config.plan(host, url)


def in_a_move(url, _):
    move.run(None, url, None, True)


def at_a_login(url, host):
    cli_login.plan(host, "maas", url, "a:b:c")


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    box = sandbox.create(tmp_path_factory.mktemp("host") / "root", "3.7", "region+cluster")
    return detect(box.root)


@pytest.mark.parametrize(
    "judge", [in_pillar, in_profile, at_the_region_host, at_the_cluster_host, in_a_move, at_a_login]
)
def test_whoever_is_given_a_url_judges_it_alike(judge, host):
    for url in ("http://192.0.2.10:5240", "http://10.0.0.1/MA$AS", "h/MAAS"):
        with pytest.raises(MaasError) as raised:
            judge(url, host)
        assert f"url: {region_url.problem(url)}" in str(raised.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://h:5240/MAAS", "http://h:5240/MAAS"),
        ("http://h:5240/MAAS/", "http://h:5240/MAAS"),
        ("http://h/MAAS/api/2.0/", "http://h/MAAS"),
        ("http://h/MAAS/api/1.0", "http://h/MAAS"),
        ("http://h/MAAS/api", "http://h/MAAS"),
    ],
)
def test_what_follows_the_place_of_maas_is_cut_off(url, base):
    assert region_url.base(url) == base


@pytest.mark.parametrize("host", ["localhost", "127.1.2.3", "::1", "[::1]", "LOCALHOST.", ""])
def test_this_host_itself(host):
    assert region_url.is_loopback(host)


@pytest.mark.parametrize("host", ["h", "192.0.2.1", "2001:db8::1", "localhost.example.com"])
def test_another_host(host):
    assert not region_url.is_loopback(host)
