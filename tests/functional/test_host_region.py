"""A region's host: its configuration, roll-back, users and keys, in a sandbox."""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time

import pytest
from maas_emulator.hosts.sandbox import Sandbox
from saltext.maas.host import debconf, region_config, services, shared_secret, users
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import Fleet, lone, wait_for

PASSWORD = "pw-Ünlikely'9\"$x"
SECRET = "c0ffee" * 5


@pytest.fixture(params=["1.7", "3.8"])
def fleet(request, tmp_path):
    with Fleet(request.param, tmp_path / "hosts") as fleet:
        yield fleet


@pytest.fixture
def host(fleet):
    return fleet.add("region", "region")


@pytest.fixture
def alone(tmp_path):
    """A region's host without any region behind it."""
    return lone(tmp_path, "3.7", "region")[1]


def other_url(fleet):
    return fleet.url.replace("127.0.0.1", "localhost")


class TestConfigure:
    @pytest.mark.parametrize(
        "fleet",
        ["1.7", "3.8", pytest.param("3.7", marks=pytest.mark.sweep)],
        indirect=True,
    )
    def test_url_and_database_in_one_go(self, fleet, host, postgres):
        box, installation = host
        there = postgres.create(f"maas_{secrets.token_hex(4)}")
        want = {
            "url": other_url(fleet),
            "database_host": there["host"],
            "database_port": there["port"],
            "database_name": there["name"],
            "database_user": there["user"],
            "database_password": PASSWORD,
        }
        before = {name: item["starts"] for name, item in box.peek("services").items()}
        planned = region_config.configure(installation, test=True, **want)
        assert box.peek("services")["maas-proxy"]["starts"] == before["maas-proxy"]
        done = region_config.configure(installation, wait=10, **want)
        assert done["changes"] == planned["changes"]
        assert done["changes"]["maas/default-maas-url"] == {"old": box_ip(box), "new": "localhost"}
        assert done["changes"]["database_password"] == {"old": "*" * 10, "new": "*" * 10}
        config = region_config.read_config(installation, secrets=True)
        assert config["url"] == want["url"]
        assert config["database"] == {**there, "password": PASSWORD}
        assert config["database"]["password"] == PASSWORD
        # each service restarted once, and only those that read this configuration
        after = {name: item["starts"] for name, item in box.peek("services").items()}
        restarted = {name for name in after if after[name] != before[name]}
        assert restarted == set(installation.fact("region_services")) == set(done["restarted"])
        assert all(after[name] == before[name] + 1 for name in restarted)
        # and nothing the second time
        assert region_config.configure(installation, **want)["changes"] == {}
        assert PASSWORD not in fleet.argv_text()
        assert "Ünlikely" not in repr(done) + repr(region_config.read_config(installation))

    def test_files_keep_what_is_not_ours(self, fleet, host):
        box, installation = host
        path = installation.path("region_config")
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(
                "# a comment\nMINE: 1\n" if installation.release >= "2.0" else "MINE = 1\n"
            )
        os.chmod(path, 0o600)
        before = box.read("region_config")
        region_config.configure(installation, url=other_url(fleet), wait=10)
        assert "MINE" in box.read("region_config")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        backup = path + ".saltext-maas.bak"
        with open(backup, encoding="utf-8") as stream:
            assert stream.read() == before
        assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600

    def test_all_is_put_back_when_the_api_does_not_come_up(self, fleet, host, postgres):
        box, installation = host
        there = postgres.create(f"maas_{secrets.token_hex(4)}")
        there = {f"database_{key}": value for key, value in there.items()}
        region_config.configure(installation, url=other_url(fleet), wait=10)
        before = box.read("region_config"), box.peek("debconf")
        with pytest.raises(
            HostError, match=r"waiting for the API at http://127.0.0.1:9/MAAS"
        ) as message:
            region_config.configure(
                installation,
                wait=0.5,
                url="http://127.0.0.1:9/MAAS",
                **{**there, "database_password": PASSWORD},
            )
        assert "were restored" in str(message.value)
        assert PASSWORD not in repr(message.value)
        assert (box.read("region_config"), box.peek("debconf")) == before
        assert all(services.status(installation).values())
        leftovers = os.listdir(os.path.dirname(installation.path("region_config")))
        assert not [name for name in leftovers if name.startswith(".")]

    def test_all_is_put_back_when_a_service_will_not_start(self, fleet, host):
        box, installation = host
        before = box.read("region_config"), box.peek("debconf")
        command = installation.find("systemctl" if installation.systemd else "service")
        with open(command, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\necho 'no, thank you' >&2\nexit 1\n")
        with pytest.raises(HostError, match=r"no, thank you.*check the services"):
            region_config.configure(installation, url=other_url(fleet), wait=1)
        assert (box.read("region_config"), box.peek("debconf")) == before

    def test_a_stale_debconf_alone_is_repaired_without_a_restart(self, fleet, host):
        box, installation = host
        now = region_config.read_config(installation)["url"]
        debconf.set_answer(
            installation,
            "maas-region-controller",
            "maas/default-maas-url",
            "string",
            "old.example.com",
        )
        done = region_config.configure(installation, url=now)
        assert list(done["changes"]) == ["maas/default-maas-url"]
        assert done["restarted"] == []
        assert box.peek("debconf")["maas/default-maas-url"]["value"] == box_ip(box)


def box_ip(box):
    return box.info["interfaces"][0]["ip"]


class TestSecret:
    def test_the_region_makes_one(self, fleet, host):
        _, installation = host
        wait_for(lambda: shared_secret.of_region(installation) is not None)
        assert shared_secret.of_region(installation) == fleet.region.secret

    def test_only_a_region_without_one_takes_one(self, fleet, tmp_path):
        fleet.hosts.stop()  # nobody plays the region's daemon, so no secret appears
        _, installation = fleet.add("region2", "region")
        planned = shared_secret.install(installation, SECRET.upper(), test=True)
        assert shared_secret.of_region(installation) is None
        done = shared_secret.install(installation, SECRET.upper())
        assert done["changes"] == planned["changes"] == {"secret": {"old": None, "new": "*" * 10}}
        assert shared_secret.of_region(installation) == SECRET
        assert stat.S_IMODE(os.stat(installation.path("secret")).st_mode) == 0o640
        assert shared_secret.install(installation, SECRET)["changes"] == {}
        with pytest.raises(HostError, match="already has another") as message:
            shared_secret.install(installation, "ab" * 16)
        assert SECRET not in repr(message.value)
        assert "abab" not in repr(message.value)
        assert SECRET not in fleet.argv_text()

    @pytest.mark.parametrize("bad", ["", "abc", "xyz!", "ab cd", "ab\ncd"])
    def test_only_hex_is_taken(self, alone, bad):
        with pytest.raises(HostError, match="hexadecimal"):
            shared_secret.install(alone, bad)
        with pytest.raises(HostError, match="hexadecimal"):
            shared_secret.normal(bad)


class TestUsers:
    @pytest.mark.parametrize(
        "fleet",
        ["1.7", "3.8", pytest.param("3.7", marks=pytest.mark.sweep)],
        indirect=True,
    )
    def test_an_administrator_and_keys(self, fleet, host):
        _, installation = host
        assert users.exists(installation, "root") is False
        users.create_admin(installation, "root", PASSWORD, "root@example.com")
        assert users.exists(installation, "root") is True
        user = fleet.region.users["root"]
        assert (user.password, user.email, user.is_superuser) == (
            PASSWORD,
            "root@example.com",
            True,
        )
        first = users.api_keys(installation, "root")
        assert len(first) == 1
        new = users.generate_api_key(installation, "root", "mine")
        assert new["key"] in [item["key"] for item in users.api_keys(installation, "root")]
        if installation.release >= "2.1":
            assert {"name": "mine", "key": new["key"]} in users.api_keys(installation, "root")
        assert users.delete_api_key(installation, "root", new["key"], url=fleet.url) is True
        assert users.delete_api_key(installation, "root", new["key"], url=fleet.url) is False
        assert users.api_keys(installation, "root") == first
        users.set_password(installation, "root", "an other")
        assert user.password == "an other"
        for secret in (PASSWORD, "nlikely", "an other", new["key"], first[0]["key"]):
            assert secret not in fleet.argv_text()

    def test_a_taken_address_is_reported_before_and_after(self, fleet, host):
        _, installation = host
        users.create_admin(installation, "root", "x", "root@example.com")
        with pytest.raises(HostError, match=r"address root@example.com is the user root's"):
            users.create_admin(
                installation, "bob", "x", "root@example.com", email_owner=lambda email: "root"
            )
        assert "bob" not in fleet.argv_text()
        with pytest.raises(HostError, match=r"address root@example\.com is another user's"):
            users.create_admin(installation, "bob", "x", "root@example.com")
        with pytest.raises(HostError, match="a user root already"):
            users.create_admin(installation, "root", "x", "new@example.com")

    def test_unknown_users_are_reported(self, fleet, host):
        _, installation = host
        for function in (users.api_keys, users.generate_api_key):
            with pytest.raises(HostError, match="no user nobody"):
                function(installation, "nobody")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--delete", "pw", "a@b.c"), "username"),
            (("root", "", "a@b.c"), "password is one line"),
            (("root", "a\nb", "a@b.c"), "password is one line"),
            (("root", "pw", ""), "e-mail"),
        ],
    )
    def test_arguments_are_checked(self, alone, arguments, message):
        with pytest.raises(HostError, match=message):
            users.create_admin(alone, *arguments)
        assert Sandbox(alone.root).argv_log() == []

    def test_a_command_that_asks_for_ever_is_ended(self, alone):
        installation = alone
        command = installation.find(installation.fact("region_tool"))
        with open(command, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\nwhile read x; do printf 'Really: '; sleep 0.1; done\n")
        start = time.monotonic()
        with pytest.raises(HostError, match="createadmin did not end within 1 s"):
            users.create_admin(installation, "root", "x", "root@example.com", timeout=1)
        assert time.monotonic() - start < 5

    def test_a_refused_password_is_not_repeated_for_ever(self, alone):
        installation = alone
        command = installation.find(installation.fact("region_tool"))
        with open(command, "w", encoding="utf-8") as stream:
            stream.write(
                "#!/bin/sh\nstty -echo\nwhile true; do printf 'Password: '; read x; echo; done\n"
            )
        with pytest.raises(HostError, match="asked for a password again") as message:
            users.create_admin(installation, "root", PASSWORD, "root@example.com", timeout=20)
        assert PASSWORD not in repr(message.value)


def test_a_sandbox_without_its_token_gets_nothing(tmp_path):
    with Fleet("3.7", tmp_path) as fleet:
        box, installation = fleet.add("region", "region")
        os.unlink(box.path("emulator.token"))
        with pytest.raises(HostError, match="not a sandbox of this region"):
            users.exists(installation, "root")


def test_keys_can_be_made_from_many_threads(tmp_path):
    with Fleet("3.7", tmp_path) as fleet:
        _, installation = fleet.add("region", "region")
        users.create_admin(installation, "root", "x", "root@example.com")
        made = []
        threads = [
            threading.Thread(
                target=lambda: made.append(users.generate_api_key(installation, "root"))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({item["key"] for item in made}) == 4
        assert detect(installation.root) == installation
