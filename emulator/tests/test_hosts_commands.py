"""The fake commands of a sandbox host: what MAAS's own print, ask and return."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import yaml
from maas_emulator import control
from maas_emulator.core import Region
from maas_emulator.hosts import packages, sandbox
from maas_emulator.hosts.asking import ask_region
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer

SECRET = "Secret installed to /var/lib/maas/secret.\n"
ADMIN = ["createadmin", "--username", "a", "--email", "a@b.c"]


class Host:
    """A sandbox whose commands run as commands do, without a terminal."""

    def __init__(self, box):
        self.box = box

    def find(self, name):
        folders = [self.box.path(one) for one in ("usr/sbin", "usr/bin", "sbin", "bin", "snap/bin")]
        return shutil.which(name, path=os.pathsep.join(folders))

    def run(self, name, *arguments, stdin="", **options):
        """Status, standard output and standard error of one."""
        done = subprocess.run(
            [self.find(name), *arguments], input=stdin, capture_output=True, text=True,
            check=False, start_new_session=True, **{"timeout": 20, **options},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def make(tmp_path):
    """Make a host; with a region of its release behind it if asked for."""
    with contextlib.ExitStack() as stack:

        def start(release, role="cluster", region=False, **options):
            host = Host(sandbox.create(tmp_path / "hosts" / "h", release, role, **options))
            if region:
                server = stack.enter_context(RegionServer(release, admin=None))
                stack.enter_context(Hosts(server.region, server.url, tmp_path / "hosts"))
                host.region = server.region
            return host

        yield start


class TestCreateadmin:
    @pytest.mark.parametrize(
        ("release", "tool"), [("1.7", "maas-region-admin"), ("3.7", "maas-region")]
    )
    def test_with_all_values_given(self, make, release, tool):
        host = make(release, "region", region=True)
        assert host.run(tool, *ADMIN, "--password", "p") == (0, "", "")
        assert host.region.users["a"].password == "p"
        for name, email, field in (("a", "x@b.c", "username"), ("b", "a@b.c", "email")):
            given = ["createadmin", "--password", "p", "--username", name, "--email", email]
            code, _, stderr = host.run(tool, *given)
            assert code == 1
            assert stderr.endswith(
                f"CommandError: A user with the email {email} already exists.\n"
                if release == "3.7"
                else "IntegrityError: duplicate key value violates unique constraint "
                f'"auth_user_{field}_key"\n'
            )

    def test_at_the_end_of_its_input_it_asks_for_ever(self, make):
        host = make("3.7", "region", region=True)
        with pytest.raises(subprocess.TimeoutExpired) as error:
            host.run("maas-region", *ADMIN[:3], "--password", "p", timeout=2)
        assert error.value.stdout.count(b"Email: ") > 2

    @pytest.mark.parametrize(("typed", "made"), [("p\np\n\n", True), ("p\nq\n", False)])
    def test_what_is_missing_is_asked_for(self, make, typed, made):
        host = make("3.7", "region", region=True)
        code, stdout, stderr = host.run("maas-region", *ADMIN, stdin=typed)
        assert (code == 0) is made is ("Import SSH keys" in stdout) is ("a" in host.region.users)
        assert ("CommandError: Passwords do not match" in stderr) is not made


def test_apikey(make):
    host = make("3.7", "region", region=True)

    def apikey(*words):
        return host.run("maas-region", "apikey", *words)

    user = ("--username", "a")
    assert apikey(*user) == (1, "", "CommandError: User does not exist.\n")
    host.run("maas-region", *ADMIN, "--password", "p")
    code, stdout, _ = apikey(*user)
    assert (code, stdout.count(":"), stdout.count("\n")) == (0, 2, 1)
    key = stdout.strip()
    for words, error in (
        (("--delete", "x:y:z"), "No matching api key found."),
        (("--generate", "--delete", key), "Specify one of --generate or --delete."),
    ):
        assert apikey(*user, *words) == (1, "", f"CommandError: {error}\n")
    assert apikey(*user, "--update", key, "--name", "n")[0] == 0
    assert apikey(*user, "--with-names")[1] == f"{key} n\n"
    assert apikey(*user, "--delete", key)[0] == 0
    assert apikey(*user)[1] == ""


def test_changepasswords_is_all_or_nothing(make):
    host = make("3.7", "region", region=True)
    host.region.create_admin("a", "old", "a@b.c")
    user = host.region.users["a"]

    def change(text):
        return host.run("maas-region", "changepasswords", stdin=text)

    assert change("a:new\nnobody:x\n") == (1, "", "CommandError: User 'nobody' does not exist.\n")
    assert user.password == "old"
    assert change("oops\n")[2].startswith("CommandError: Invalid input provided.")
    assert change("a:n:w\n")[1] == "1 password(s) successfully changed.\n"
    assert user.password == "n:w"


class TestLocalConfig:
    def test_set_get_and_reset(self, make):
        host = make("3.7", "region")

        def config(verb, *words):
            return host.run("maas-region", f"local_config_{verb}", *words)

        assert config("set", "--num-workers", "8")[0] == 0
        assert yaml.safe_load(host.box.read("region_config"))["num_workers"] == 8
        assert config("get", "--num-workers")[1] == "num_workers: 8\n"
        assert config("get", "--num-workers", "--plain")[1] == "8\n"
        assert json.loads(config("get", "--num-workers", "--json")[1]) == {"num_workers": 8}
        assert config("get", "--json")[1] == "{}\n"
        assert config("reset", "--num-workers")[0] == 0
        assert "num_workers" not in host.box.read("region_config")
        assert config("set", "--nosuch", "1")[0] == 2
        for option in (("--maas-url", "http://192.0.2.1:5240:5240/MAAS"), ("--debug", "perhaps")):
            assert config("set", *option)[0] == 1

    @pytest.mark.parametrize(("release", "word"), [("2.5", "true"), ("2.6", True)])
    def test_how_booleans_are_read(self, make, release, word):
        host = make(release, "region")
        host.run("maas-region", "local_config_set", "--debug", "yes")
        assert "\ndebug: true\n" in host.box.read("region_config")
        result = host.run("maas-region", "local_config_get", "--debug", "--json")[1]
        assert json.loads(result) == {"debug": word}


def test_old_releases_lack_later_commands(make):
    host = make("1.7", "region+cluster")
    assert host.run("maas-region-admin", "local_config_set")[0] == 1
    assert host.run("maas-provision", "config")[0] == 2
    assert host.find("maas-region") is None
    assert host.find("systemctl") is None


class TestCluster:
    def test_installing_a_secret(self, make):
        host = make("1.7")
        assert host.run("maas-provision", "check-for-shared-secret") == (
            1, "Shared-secret is NOT installed.\n", "",
        )  # fmt: skip
        install = ("maas-provision", "install-shared-secret")
        assert host.run(*install, stdin="ABCD\nx\n") == (0, SECRET, "")
        assert host.box.read("secret") == "abcd"
        assert host.run("maas-provision", "check-for-shared-secret")[:2] == (
            0, "Shared-secret is installed.\n",
        )  # fmt: skip
        code, _, stderr = host.run(*install, stdin="abc\n")
        assert (code, stderr.startswith("Secret could not be decoded: ")) == (1, True)
        assert host.box.read("secret") == "abcd"

    @pytest.mark.parametrize("given", [True, False])
    def test_register(self, make, given):
        """With a secret on the standard input it ends before it starts the daemon again."""
        host = make("3.7")
        box = host.box
        box.write("maas_id", "abc123")
        starts = box.service("maas-rackd")["starts"]
        url = "http://192.0.2.1:5240/MAAS"
        more = ["--secret", "ab"] if given else []
        assert host.run("maas-rack", "register", "--url", url, *more, stdin="ab\n")[0] == 0
        assert (box.read("maas_id"), box.read("secret")) == (None, "ab")
        assert box.service("maas-rackd") == {"running": given, "starts": starts + given}
        assert host.run("maas-rack", "register")[0] == 1
        assert host.run("maas-rack", "check-for-shared-secret")[0] == 2

    @pytest.mark.parametrize(("release", "held"), [("2.4", "{}"), ("2.5", ["{}"])])
    def test_the_regions_url(self, make, release, held):
        host = make(release)
        url = "http://192.0.2.1:5240/MAAS"
        assert host.run("maas-rack", "config", "--region-url", url, "--tftp-port", "70")[0] == 0
        keys = yaml.safe_load(host.box.read("cluster_config"))
        assert keys["maas_url"] == (url if held == "{}" else [url])
        assert keys["tftp_port"] == 70
        for bad in ("http://a:1:2/MAAS", "http://a_b/MAAS", "192.0.2.1"):
            assert host.run("maas-rack", "config", "--region-url", bad)[0] == 1


class TestServices:
    def test_systemd(self, make):
        host = make("3.7")
        assert host.run("systemctl", "is-active", "maas-rackd")[:2] == (0, "active\n")
        assert host.run("systemctl", "stop", "maas-rackd.service")[0] == 0
        assert host.run("systemctl", "is-active", "maas-rackd")[:2] == (3, "inactive\n")
        assert host.run("systemctl", "is-active", "nosuch")[:2] == (4, "inactive\n")
        assert host.run("systemctl", "restart", "nosuch") == (
            5, "", "Failed to restart nosuch.service: Unit nosuch.service not found.\n",
        )  # fmt: skip

    def test_upstart(self, make):
        host = make("1.7")
        status = ("initctl", "status", "maas-clusterd")
        assert host.run(*status)[1].startswith("maas-clusterd start/running, process ")
        assert host.run("service", "maas-clusterd", "stop")[0] == 0
        assert host.run(*status)[1] == "maas-clusterd stop/waiting\n"
        assert host.run("service", "maas-clusterd", "restart")[0] == 1
        assert host.run("service", "nosuch", "restart")[2] == "nosuch: unrecognized service\n"
        assert host.run("initctl", "status", "nosuch")[0] == 1

    @pytest.mark.parametrize(
        ("kind", "right", "wrong"), [("deb", "-u", "-t nosuch"), ("snap", "-t", "-u maas-rackd")]
    )
    def test_the_journal(self, make, kind, right, wrong):
        host = make("3.7", kind=kind)
        host.box.log("maas-rackd", "one")
        host.box.log("other", "two")
        middle = time.time()
        host.box.log("maas-rackd", "three")
        words = ["journalctl", "--no-pager", "-o", "cat", right, "maas-rackd"]
        assert host.run(*words)[1] == "one\nthree\n"
        assert host.run(*words, "--since", f"@{middle:.6f}")[1] == "three\n"
        assert host.run("journalctl", "-n", "1")[1] == "three\n"
        assert host.run("journalctl", *wrong.split())[1] == ""


class TestPackages:
    @pytest.mark.parametrize("answer", ["192.0.2.1:5240", "http://192.0.2.1:5240/MAAS", ""])
    def test_a_url_that_maas_refuses_fails_the_script(self, make, answer):
        """A port is appended twice, and an empty answer becomes a whole URL, as a host."""
        host = make("3.7", "region")
        before = host.box.read("region_config")
        line = f"maas-region-controller maas/default-maas-url string {answer}\n"
        assert host.run("debconf-set-selections", stdin=line)[0] == 0
        code, _, stderr = host.run("dpkg-reconfigure", "maas-region-controller")
        assert (code, "not a valid URL" in stderr) == (1, True)
        assert host.box.read("region_config") == before
        assert host.run("dpkg-reconfigure", "nosuch")[0] == 1

    def test_an_upgrade_of_17_goes_by_debconf(self, make):
        box = make("1.7", "region").box
        text = box.read("region_config")
        box.write("region_config", text.replace(box.info["interfaces"][0]["ip"], "192.0.2.1"))
        packages.upgrade(box)
        assert box.read("region_config") == text

    @pytest.mark.parametrize(
        ("release", "once", "twice"),
        [("1.6", "192.0.2.7:8080", "192.0.2.7:8080:8080"), ("1.8", *["192.0.2.7:5240"] * 2)],
    )
    def test_what_they_make_of_the_generator(self, make, release, once, twice):
        """Up to 1.6 host and port of the URL, again and again; then the host alone."""
        box = make(release, url="http://192.0.2.7:8080/MAAS").box
        for place in (once, twice):
            generator = yaml.safe_load(box.read("pserv"))["tftp"]["generator"]
            assert generator == f"http://{place}/MAAS/api/1.0/pxeconfig/"
            packages.upgrade(box)

    def test_a_uuid_that_is_there_stays(self, make):
        box = make("1.5", uuid="abc-1").box
        box.write("cluster_celery", "CLUSTER_UUID = 'other'\n")
        packages.upgrade(box)
        assert 'CLUSTER_UUID="abc-1"' in box.read("cluster_config")
        box.write("cluster_config", "MAAS_URL=http://localhost/MAAS\n")
        packages.upgrade(box)
        assert 'CLUSTER_UUID="other"' in box.read("cluster_config")


class TestSnap:
    def test_migrate_needs_a_mode(self, make):
        host = make("2.7", "region", kind="snap", configured=False)
        assert host.run("maas", "migrate") == (1, "MAAS is not configured\n", "")
        assert host.run("maas", "init", "--mode", "region", "--maas-url", "http://a/MAAS") == (
            2, "", "KeyError: 'database_host'\n",
        )  # fmt: skip
        host.box.write("snap_mode", "region")
        assert host.run("maas", "migrate")[0] == 0

    def test_init_asks_and_config_shows(self, make):
        host = make("3.4", "region", kind="snap", configured=False)
        uri = "postgres://maas:p@db.example.com:5433/maasdb"
        given = ["init", "region+rack", "--maas-url", "http://192.0.2.1:5240/MAAS"]
        assert host.run("maas", *given, stdin=f"{uri}\n")[0] == 0
        assert host.box.roles == ("region", "cluster")
        shown = host.run("maas", "config", "--show", "--parsable")[1].splitlines()
        assert {"mode=region+rack", "database_host=db.example.com", "database_port=5433",
                "database_pass=(hidden)"} <= set(shown)  # fmt: skip
        starts = host.box.service("maas")["starts"]
        for more in (1, 0):  # the second one changes nothing
            assert host.run("maas", "config", "--enable-debug")[0] == 0
            starts += more
            assert host.box.service("maas")["starts"] == starts
        assert "debug: true" in host.box.read("cluster_config")


def test_a_fresh_installation_is_one_only_once(make, tmp_path):
    box = make("3.7").box
    with pytest.raises(FileExistsError):
        sandbox.create(box.root, "3.7")
    for arguments, error in ((("3.7", "rack"), "role"), (("2.10",), "not a known MAAS release")):
        with pytest.raises(ValueError, match=error):
            sandbox.create(tmp_path / "b", *arguments)
    with pytest.raises(ValueError, match="not there as 'snap'"):
        sandbox.create(tmp_path / "b", "2.1", kind="snap")


class TestControl:
    def test_only_with_the_sandboxs_token_and_in_a_trusted_folder(self, tmp_path):
        region = Region("3.7", admin=None)
        box = sandbox.create(tmp_path / "in" / "h", "3.7", "region")
        token = box.read("emulator.token").strip()
        good = {"root": box.root, "token": token}
        assert control.dispatch(region, "ping", good)[0] == 403
        control.trust(region, tmp_path / "other")
        assert control.dispatch(region, "ping", good)[0] == 403
        control.trust(region, tmp_path / "in")
        assert control.dispatch(region, "ping", good) == (200, {"release": "3.7.3"})
        for bad in ({}, {**good, "token": ""}, {**good, "token": "x"}, {"root": 1}, []):
            assert control.dispatch(region, "ping", bad)[0] == 403
        assert control.dispatch(region, "nosuch", good)[0] == 404
        status, answer = control.dispatch(region, "apikey", {**good, "username": "nobody"})
        assert (status, answer["error"]) == (404, "unknown")

    @pytest.mark.parametrize(
        ("url", "why"), [(None, "no embedded region runs"), ("http://127.0.0.1:9", "not connect")]
    )
    def test_a_region_that_is_not_there(self, make, url, why):
        with pytest.raises(SystemExit, match=why):
            ask_region(make("3.7", "region", control=url).box, "ping")


def test_the_command_line_plays_hosts(tmp_path):
    host = Host(sandbox.create(tmp_path / "region", "3.7", "region"))
    process = subprocess.Popen(
        [sys.executable, "-m", "maas_emulator", "--no-admin", "--hosts", str(tmp_path)],
        stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        url = json.loads(process.stdout.readline())["url"]
        assert host.run("maas-region", *ADMIN, stdin="p\np\n\n")[0] == 0
        assert host.box.info["url"] == url.replace("/MAAS", "/_emulator")
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
