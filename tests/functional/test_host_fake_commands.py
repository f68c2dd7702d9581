"""The stand-in commands of a sandbox: what MAAS's own print, ask and return."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import maas_emulator
import pytest
import yaml
from maas_emulator import control
from maas_emulator.core import Region
from maas_emulator.hosts import packages, sandbox
from saltext.maas.host.installation import detect
from saltext.maas.host.terminal import converse
from support.fleet import Fleet


@pytest.fixture
def region37(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        box, installation = fleet.add("region", "region")
        yield fleet, box, installation


def lone(tmp_path, release, role="cluster"):
    box = sandbox.create(tmp_path / "lone", release, role)
    return box, detect(box.root)


class TestCreateadmin:
    def test_with_all_values_given(self, region37):
        fleet, _, installation = region37
        argv = ["maas-region", "createadmin", "--username", "a", "--password", "p"]
        assert installation.run([*argv, "--email", "a@b.c"]) == (0, "", "")
        assert fleet.region.users["a"].password == "p"
        code, _, stderr = installation.run([*argv, "--email", "new@b.c"])
        assert code == 1
        assert stderr == "CommandError: A user with the email new@b.c already exists.\n"

    def test_at_the_end_of_its_input_it_asks_for_ever(self, region37):
        _, _, installation = region37
        command = [installation.find("maas-region"), "createadmin", "--username", "a"]
        with pytest.raises(subprocess.TimeoutExpired) as told:
            subprocess.run(
                [*command, "--password", "p"],
                stdin=subprocess.DEVNULL,
                timeout=2,
                capture_output=True,
                check=False,
            )
        assert told.value.stdout.count(b"Email: ") > 2

    def test_ssh_keys_are_asked_for_when_a_value_is_missing(self, region37):
        _, _, installation = region37
        argv = ["maas-region", "createadmin", "--username", "a", "--email", "a@b.c"]
        code, output = converse(installation, argv, ["p", "p"], 20)
        assert code == 0
        assert "Import SSH keys" in output

    def test_two_passwords_must_agree(self, region37):
        fleet, _, installation = region37
        argv = ["maas-region", "createadmin", "--username", "a", "--email", "a@b.c"]
        code, output = converse(installation, argv, ["p", "q"], 20)
        assert code == 1
        assert "CommandError" in output
        assert "a" not in fleet.region.users

    def test_duplicates_before_34_are_tracebacks(self, tmp_path):
        with Fleet("1.7", tmp_path / "hosts") as fleet:
            _, installation = fleet.add("region", "region")
            argv = ["maas-region-admin", "createadmin", "--password", "p"]
            assert installation.run([*argv, "--username", "a", "--email", "a@b.c"])[0] == 0
            for name, email, field in (("a", "x@b.c", "username"), ("b", "a@b.c", "email")):
                code, _, stderr = installation.run([*argv, "--username", name, "--email", email])
                assert code == 1
                assert stderr.endswith(
                    "IntegrityError: duplicate key value violates unique constraint "
                    f'"auth_user_{field}_key"\n'
                )


def test_apikey(region37):
    _, _, installation = region37
    tool = ["maas-region", "apikey"]
    code, _, stderr = installation.run([*tool, "--username", "nobody"])
    assert (code, stderr) == (1, "CommandError: User does not exist.\n")
    installation.run(
        ["maas-region", "createadmin", "--username", "a", "--password", "p", "--email", "a@b.c"]
    )
    code, stdout, _ = installation.run([*tool, "--username", "a"])
    assert (code, stdout.count(":"), stdout.count("\n")) == (0, 2, 1)
    key = stdout.strip()
    code, _, stderr = installation.run([*tool, "--username", "a", "--delete", "x:y:z"])
    assert (code, stderr) == (1, "CommandError: No matching api key found.\n")
    both = ["--generate", "--delete", key]
    code, _, stderr = installation.run([*tool, "--username", "a", *both])
    assert (code, stderr) == (1, "CommandError: Specify one of --generate or --delete.\n")
    assert installation.run([*tool, "--username", "a", "--update", key, "--name", "n"])[0] == 0
    assert installation.run([*tool, "--username", "a", "--with-names"])[1] == f"{key} n\n"
    assert installation.run([*tool, "--username", "a", "--delete", key])[0] == 0
    assert installation.run([*tool, "--username", "a"])[1] == ""


def test_changepasswords_is_all_or_nothing(region37):
    fleet, _, installation = region37
    fleet.region.create_admin("a", "old", "a@b.c")
    tool = ["maas-region", "changepasswords"]
    code, _, stderr = installation.run(tool, stdin="a:new\nnobody:x\n")
    assert (code, stderr) == (1, "CommandError: User 'nobody' does not exist.\n")
    assert fleet.region.users["a"].password == "old"
    assert installation.run(tool, stdin="oops\n")[2].startswith(
        "CommandError: Invalid input provided."
    )
    assert installation.run(tool, stdin="a:n:w\n")[1] == "1 password(s) successfully changed.\n"
    assert fleet.region.users["a"].password == "n:w"


def test_local_config(tmp_path):
    box, installation = lone(tmp_path, "3.7", "region")
    tool = "maas-region"
    assert installation.run([tool, "local_config_set", "--num-workers", "8"])[0] == 0
    assert yaml.safe_load(box.read("region_config"))["num_workers"] == 8
    get = [tool, "local_config_get", "--num-workers"]
    assert installation.run(get)[1] == "num_workers: 8\n"
    assert installation.run([*get, "--plain"])[1] == "8\n"
    assert json.loads(installation.run([*get, "--json"])[1]) == {"num_workers": 8}
    assert installation.run([tool, "local_config_reset", "--num-workers"])[0] == 0
    assert "num_workers" not in box.read("region_config")
    assert installation.run([tool, "local_config_set", "--nosuch", "1"])[0] == 2


def test_old_releases_lack_later_commands(tmp_path):
    _, installation = lone(tmp_path, "1.7", "region+cluster")
    assert installation.run(["maas-region-admin", "local_config_set"])[0] == 1
    assert installation.run(["maas-provision", "config"])[0] == 2
    assert installation.find("maas-region") is None
    assert installation.find("systemctl") is None


class TestSecret:
    def test_installing(self, tmp_path):
        box, installation = lone(tmp_path, "1.7")
        check = ["maas-provision", "check-for-shared-secret"]
        assert installation.run(check) == (1, "Shared-secret is NOT installed.\n", "")
        code, stdout, _ = installation.run(
            ["maas-provision", "install-shared-secret"], stdin="ABCD\nx\n"
        )
        assert (code, stdout) == (0, "Secret installed to /var/lib/maas/secret.\n")
        assert box.read("secret") == "abcd"
        assert installation.run(check) == (0, "Shared-secret is installed.\n", "")
        code, _, stderr = installation.run(
            ["maas-provision", "install-shared-secret"], stdin="abc\n"
        )
        assert code == 1
        assert stderr.startswith("Secret could not be decoded: ")
        assert box.read("secret") == "abcd"

    def test_register_of_20_and_later(self, tmp_path):
        box, installation = lone(tmp_path, "3.7")
        box.write("maas_id", "abc123")
        starts = box.service("maas-rackd")["starts"]
        url = "http://192.0.2.1:5240/MAAS"
        argv = ["maas-rack", "register", "--url", url, "--secret", "ab"]
        assert installation.run(argv)[0] == 0
        assert box.read("maas_id") is None
        assert box.service("maas-rackd") == {"running": True, "starts": starts + 1}
        assert installation.run(["maas-rack", "register"])[0] == 1
        assert installation.run(["maas-rack", "check-for-shared-secret"])[0] == 2


class TestServices:
    def test_systemd(self, tmp_path):
        _, installation = lone(tmp_path, "3.7")
        ctl = "systemctl"
        assert installation.run([ctl, "is-active", "maas-rackd"])[:2] == (0, "active\n")
        assert installation.run([ctl, "stop", "maas-rackd.service"])[0] == 0
        assert installation.run([ctl, "is-active", "maas-rackd"])[:2] == (3, "inactive\n")
        assert installation.run([ctl, "restart", "nosuch"])[::2] == (
            5,
            "Failed to restart nosuch.service: Unit nosuch.service not found.\n",
        )

    def test_upstart(self, tmp_path):
        _, installation = lone(tmp_path, "1.7")
        status = ["initctl", "status", "maas-clusterd"]
        assert installation.run(status)[1].startswith("maas-clusterd start/running, process ")
        assert installation.run(["service", "maas-clusterd", "stop"])[0] == 0
        assert installation.run(status)[1] == "maas-clusterd stop/waiting\n"
        assert installation.run(["service", "maas-clusterd", "restart"])[0] == 1
        assert (
            installation.run(["service", "nosuch", "restart"])[2]
            == "nosuch: unrecognized service\n"
        )
        assert installation.run(["initctl", "status", "nosuch"])[0] == 1

    def test_the_journal(self, tmp_path):
        box, installation = lone(tmp_path, "3.7")
        box.log("maas-rackd", "one")
        box.log("other", "two")
        middle = time.time()
        box.log("maas-rackd", "three")
        argv = ["journalctl", "--no-pager", "-o", "cat", "-u", "maas-rackd"]
        assert installation.run(argv)[1] == "one\nthree\n"
        assert installation.run([*argv, "--since", f"@{middle:.6f}"])[1] == "three\n"
        assert installation.run(["journalctl", "-n", "1"])[1] == "three\n"


class TestDpkgReconfigure:
    @pytest.mark.parametrize("answer", ["192.0.2.1:5240", "http://192.0.2.1:5240/MAAS", ""])
    def test_a_url_that_maas_refuses_fails_the_script(self, tmp_path, answer):
        """A port is appended twice, and an empty answer becomes a whole URL, as a host."""
        box, installation = lone(tmp_path, "3.7", "region")
        before = box.read("region_config")
        line = f"maas-region-controller maas/default-maas-url string {answer}\n"
        assert installation.run(["debconf-set-selections"], stdin=line)[0] == 0
        code, _, stderr = installation.run(["dpkg-reconfigure", "maas-region-controller"])
        assert (code, "not a valid URL" in stderr) == (1, True)
        assert box.read("region_config") == before

    def test_an_upgrade_of_17_goes_by_debconf(self, tmp_path):
        box, _ = lone(tmp_path, "1.7", "region")
        text = box.read("region_config")
        box.write("region_config", text.replace(box.info["interfaces"][0]["ip"], "192.0.2.1"))
        packages.upgrade(box)
        assert box.read("region_config") == text


def test_a_fresh_installation_is_one_only_once(tmp_path):
    box, _ = lone(tmp_path, "3.7")
    with pytest.raises(FileExistsError):
        sandbox.create(box.root, "3.7")
    with pytest.raises(ValueError, match="role"):
        sandbox.create(tmp_path / "b", "3.7", "rack")
    with pytest.raises(ValueError, match="not a known MAAS release"):
        sandbox.create(tmp_path / "b", "9.9")


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
        status, told = control.dispatch(region, "apikey", {**good, "username": "nobody"})
        assert (status, told["error"]) == (404, "unknown")


def test_the_command_line_plays_hosts(tmp_path):
    checkout = str(Path(maas_emulator.__file__).parents[1])
    folder = tmp_path / "hosts"
    box = sandbox.create(folder / "region", "3.7", "region")
    process = subprocess.Popen(
        [sys.executable, "-m", "maas_emulator", "--no-admin", "--hosts", str(folder)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": checkout, "PATH": "/usr/bin:/bin"},
        text=True,
    )
    try:
        url = json.loads(process.stdout.readline())["url"]
        installation = detect(box.root)
        argv = ["maas-region", "createadmin", "--username", "a", "--email", "a@b.c"]
        assert converse(installation, argv, ["p", "p"], 20)[0] == 0
        assert box.info["url"] == url.replace("/MAAS", "/_emulator")
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
