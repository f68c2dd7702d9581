"""A region's host of every release, from packages and from the snap."""

from __future__ import annotations

import json
import os
import re
import stat

import pytest
from maas_emulator.hosts import packages
from saltext.maas.doctor import checks
from saltext.maas.host import broker, config_files, consistency, debconf, region_config, snap
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect
from saltext.maas.host.transaction import Transaction
from support.fleet import lone
from support.loader import load

DEBS = ["1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "2.0", "2.3", "2.5", "2.9", "3.2", "3.4", "3.5",
        "3.7", "3.8"]  # fmt: skip
SNAPS = ["2.7", "2.9", "3.4", "3.7", "3.8"]
ALL = [("deb", release) for release in DEBS] + [("snap", release) for release in SNAPS]
PASSWORD = "pw-Ünlikely'9\"$x"
WORKERS, LONGPOLL = "Wxunlikely8", "Lxunlikely9"


pytestmark = pytest.mark.usefixtures("fast")


def make(tmp_path, kind, release, **options):
    return lone(tmp_path, release, "region", kind=kind, **options)


@pytest.fixture(params=ALL, ids=lambda one: "-".join(one))
def host(request, tmp_path):
    return make(tmp_path, *request.param)


def everything(installation):
    """Every setting that a release has, with a value that is not its default."""
    port = installation.fact("default_port")
    want = {
        "url": f"http://192.0.2.7{'' if port == 80 else f':{port}'}/MAAS",
        "database_host": "127.0.0.1",
        "database_name": "other",
        "database_user": "somebody",
        "database_password": PASSWORD,
    }
    release = installation.release
    if release < "1.9" or release >= "2.1":
        want["database_port"] = 1
    if release < "1.9" or release >= "2.4":
        want["debug"] = True
    if release >= "2.4":
        want.update(num_workers=8, debug_queries=True, debug_http=True)
    if release >= "3.5":
        want["broadcast_address"] = "192.0.2.7"
    if release >= "3.8":
        want["use_json_logging"] = False
    if release < "1.7":
        want["broker_workers_password"] = WORKERS
        want["broker_longpoll_password"] = LONGPOLL
    return want


def no_database(findings):
    return [one for one in findings if one["setting"] not in ("database", "tls")]


def test_all_settings_in_one_run(host):
    box, installation = host
    want = everything(installation)
    before = {name: box.service(name)["starts"] for name in box.service_names()}
    planned = region_config.configure(installation, test=True, verify=False, **want)
    assert {name: box.service(name)["starts"] for name in box.service_names()} == before
    done = region_config.configure(installation, verify=False, **want)
    assert done["changes"] == planned["changes"]
    assert want.keys() <= done["changes"].keys()
    result = region_config.read_config(installation, secrets=True)
    flat = {**result, **{f"database_{key}": value for key, value in result["database"].items()}}
    flat.update({f"broker_{key}": value for key, value in result.get("broker", {}).items()})
    assert {name: flat[name] for name in want} == want
    assert result["sources"]["url"].endswith(("maas_local_settings.py", "regiond.conf"))
    # each service once, and only those that read these files
    starts = {name: box.service(name)["starts"] - before[name] for name in before}
    assert {name for name, more in starts.items() if more} == set(done["restarted"])
    assert set(starts.values()) <= {0, 1}
    assert set(installation.fact("region_services")) <= set(done["restarted"])
    # and nothing the second time, in whatever form the values come
    assert region_config.configure(installation, verify=False, **want)["changes"] == {}
    words = {name: str(want[name]).lower() for name in ("debug", "num_workers") if name in want}
    assert region_config.configure(installation, test=True, **words)["changes"] == {}
    text = json.dumps(box.argv_log()) + repr(done) + repr(consistency.config(installation))
    for secret in (PASSWORD, "nlikely", WORKERS, LONGPOLL):
        assert secret not in text


def test_all_places_agree_afterwards_and_the_source_of_each_value_is_reported(host):
    _, installation = host
    region_config.configure(installation, verify=False, **everything(installation))
    assert no_database(consistency.check(installation)) == []
    result = consistency.config(installation)
    assert result["release"] == str(installation.release)
    shown = set(result["sources"]) - {f"database_{key}" for key in result["database"]}
    shown -= {f"broker_{key}" for key in result.get("broker", ())}
    assert shown <= set(result)
    if installation.kind == "deb":
        assert result["debconf_host"] == "192.0.2.7"
        assert result["sources"]["debconf_host"] == "debconf maas/default-maas-url"
    if installation.release >= "3.2":
        assert result["sources"]["tls"].startswith("unknown: No connection")


def test_all_is_put_back_when_the_region_does_not_come_back(host):
    box, installation = host
    before = tree(box.root)
    with pytest.raises(HostError, match=r"the API at http://127.0.0.1:9/MAAS.*restored"):
        region_config.configure(installation, url="http://127.0.0.1:9/MAAS", wait=0.05)
    after = tree(box.root)
    new = {os.path.relpath(path, box.root) for path in after.keys() - before.keys()}
    assert all(name.endswith((".bak", "region.lock")) for name in new), new
    changed = {os.path.relpath(path, box.root) for path in before if after[path] != before[path]}
    assert changed == {"var/lib/emulator/services.json"}
    # restarted twice: with the new configuration, and with the old one again
    for name in installation.fact("region_services"):
        assert (box.service(name)["running"], box.service(name)["starts"]) == (True, 3)


@pytest.mark.parametrize("release", DEBS)
def test_upgrade_and_reconfigure_undo_nothing(release, tmp_path):
    box, installation = make(tmp_path, "deb", release)
    want = everything(installation)
    done = region_config.configure(installation, verify=False, **want)
    assert not any("Debconf" in text for text in done["warnings"])
    packages.upgrade(box)
    assert region_config.read_config(installation)["url"] == want["url"]
    assert installation.run(["dpkg-reconfigure", "maas-region-controller"])[0] == 0
    result = region_config.read_config(installation, secrets=True)
    assert (result["url"], result["database"]["password"]) == (want["url"], PASSWORD)
    if installation.release < "1.7":  # the package made up new passwords, in all places the same
        assert result["broker"]["workers_password"] != WORKERS
        assert no_database(consistency.check(installation)) == []
        again = region_config.configure(installation, verify=False, **want)
        assert set(again["changes"]) == {
            "broker_workers_password", "broker_longpoll_password",
            "rabbitmq user maas_workers", "rabbitmq user maas_longpoll",
        }  # fmt: skip
    done = region_config.reconfigure(installation, verify=False)
    assert done["changes"]["maas-region-controller"]["new"] == "configured again"
    assert region_config.configure(installation, verify=False, **want)["changes"] == {}


@pytest.mark.parametrize("release", ["1.5", "1.8", "2.0", "3.7"])
def test_reconfigure_keeps_a_url_that_debconf_cannot_hold(release, tmp_path):
    box, installation = make(tmp_path, "deb", release)
    url = "https://maas.example.com:8443/MAAS"
    result = region_config.configure(installation, verify=False, url=url)["warnings"]
    assert any("Debconf can only hold a host" in text for text in result)
    debconf.set_answer(
        installation, "maas-region-controller", "maas/default-maas-url", "string", ""
    )
    planned = region_config.reconfigure(installation, test=True)
    done = region_config.reconfigure(installation, verify=False)
    assert planned["changes"] == done["changes"]
    assert any("had changed url" in text for text in done["warnings"])
    assert region_config.read_config(installation)["url"] == url
    assert box.peek("debconf")["maas/default-maas-url"]["value"] == "maas.example.com"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "debconf has no host"),
        ("192.0.2.7:5240", "a port where only a host belongs"),
        ("http://192.0.2.7:5240/MAAS", "a URL where a host belongs"),
        ("192.0.2.9", "debconf would make the URL"),
    ],
)
@pytest.mark.parametrize("release", ["1.6", "1.9", "3.4"])
def test_the_traps_of_debconf_are_found_and_mended(release, answer, message, tmp_path):
    _, installation = make(tmp_path, "deb", release)
    url = region_config.read_config(installation)["url"]
    question = "maas/default-maas-url"
    debconf.set_answer(installation, "maas-region-controller", question, "string", answer)
    found = no_database(consistency.check(installation))
    assert len(found) == 1
    assert message in found[0]["problem"]
    done = region_config.configure(installation, url=url)
    assert list(done["changes"]) == [question]
    assert done["restarted"] == []
    assert no_database(consistency.check(installation)) == []


@pytest.mark.parametrize("release", ["1.5", "1.8"])
def test_a_name_with_a_dash_is_written_although_the_packages_edit_skips_it(release, tmp_path):
    box, installation = make(tmp_path, "deb", release)
    region_config.configure(installation, verify=False, url="http://old-region.example.com/MAAS")
    done = region_config.configure(
        installation, verify=False, url="http://new-region.example.com/MAAS"
    )
    assert any("leaves this URL alone" in text for text in done["warnings"])
    packages.upgrade(box)
    assert region_config.read_config(installation)["url"] == "http://new-region.example.com/MAAS"
    assert no_database(consistency.check(installation)) == []


class TestBroker:
    @pytest.fixture(params=["1.5", "1.6"])
    def host(self, request, tmp_path):
        return make(tmp_path, "deb", request.param)

    def test_all_places_are_kept_equal(self, host):
        box, installation = host
        region_config.configure(
            installation,
            verify=False,
            broker_longpoll_password=LONGPOLL,
            url="http://192.0.2.8/MAAS",
        )
        settings, longpoll = box.read("region_config"), box.read("txlongpoll")
        assert f"RABBITMQ_PASSWORD = '{LONGPOLL}'" in settings
        assert f'\n  password: "{LONGPOLL}"\n' in longpoll
        assert '  # host: "localhost"\n' in longpoll  # a comment stays one
        assert "@192.0.2.8:5672//maas_workers'" in box.read("celery_config")
        assert broker.accepts(installation, "maas_longpoll", LONGPOLL)
        assert not broker.accepts(installation, "maas_longpoll", "another")

    def test_another_host_is_written_everywhere_and_its_users_are_left_to_the_admin(self, host):
        box, installation = host
        done = region_config.configure(
            installation,
            verify=False,
            broker_host="rabbit.example.com",
            broker_workers_password=WORKERS,
        )
        assert any("give its users maas_workers the passwords there" in text
                   for text in done["warnings"])  # fmt: skip
        assert "RABBITMQ_HOST = 'rabbit.example.com'" in box.read("region_config")
        assert '\n  host: "rabbit.example.com"\n' in box.read("txlongpoll")
        assert f":{WORKERS}@rabbit.example.com:5672//" in box.read("celery_config")
        assert box.peek("broker")["maas_workers"] != WORKERS
        assert no_database(consistency.check(installation)) == []

    @pytest.mark.parametrize("place", ["txlongpoll", "celery_config", "rabbitmq"])
    def test_a_place_that_differs_is_found_and_mended(self, host, place):
        box, installation = host
        want = {"broker_longpoll_password": LONGPOLL, "broker_workers_password": WORKERS}
        region_config.configure(installation, verify=False, **want)
        if place == "rabbitmq":
            with box.state("broker") as users:
                users["maas_workers"] = "stale"
        else:
            text = box.read(place).replace(LONGPOLL, "Stale1").replace(WORKERS, "Stale1")
            box.write(place, text)
        found = no_database(consistency.check(installation))
        assert len(found) == 1
        assert LONGPOLL not in repr(found)
        assert region_config.configure(installation, verify=False, **want)["changes"]
        assert no_database(consistency.check(installation)) == []

    def test_a_failure_gives_rabbitmq_its_old_passwords_back(self, host):
        box, installation = host
        before = box.peek("broker"), box.read("txlongpoll"), box.read("celery_config")
        with pytest.raises(HostError, match=r"the API at .*were restored"):
            region_config.configure(
                installation, url="http://127.0.0.1:9/MAAS", broker_workers_password=WORKERS,
                broker_longpoll_password=LONGPOLL, wait=0.1,
            )  # fmt: skip
        assert (box.peek("broker"), box.read("txlongpoll"), box.read("celery_config")) == before

    def test_what_a_killed_run_told_rabbitmq_is_taken_back_with_its_files(self, host):
        box, installation = host
        before = box.peek("broker"), box.read("txlongpoll")

        def killed():
            """As a run that is killed right after RabbitMQ took the password."""
            paths = [installation.path(name) for name in ("region_config", "txlongpoll")]
            with Transaction(installation, "region", paths, services=["apache2"]):
                config_files.write(installation, {"broker_longpoll_password": LONGPOLL})
                broker.set_password(installation, "maas_longpoll", LONGPOLL)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            killed()
        with pytest.raises(HostError, match=r"the API at .*were restored"):
            region_config.configure(
                installation,
                wait=0.05,
                url="http://127.0.0.1:9/MAAS",
                broker_longpoll_password=LONGPOLL,
            )
        assert (box.peek("broker"), box.read("txlongpoll")) == before


class TestSnap:
    WANT = {
        "url": "http://192.0.2.7:5240/MAAS",
        "database_host": "127.0.0.1",
        "database_port": 1,
        "database_name": "maasdb",
        "database_user": "maas",
        "database_password": PASSWORD,
        "num_workers": 3,
        "debug": True,
    }

    @pytest.mark.parametrize("mode", ["region", "region+rack"])
    @pytest.mark.parametrize("release", SNAPS)
    def test_it_is_initialised_without_the_password_in_an_argument(self, release, mode, tmp_path):
        box, installation = make(tmp_path, "snap", release, configured=False)
        assert snap.unconfigured(installation)
        planned = snap.initialise(installation, mode, test=True, verify=False, **self.WANT)
        assert not os.path.exists(installation.path("region_config"))
        done = snap.initialise(installation, mode, verify=False, **self.WANT)
        assert done["changes"] == planned["changes"]
        installation = detect(box.root)
        assert installation.roles == (
            {"region"} if mode == "region" else {"region", "cluster", "rack"}
        )
        assert region_config.configure(installation, verify=False, **self.WANT)["changes"] == {}
        assert no_database(consistency.check(installation)) == []
        assert box.service("maas")["running"]
        assert "nlikely" not in json.dumps(box.argv_log()) + repr(done)
        with pytest.raises(HostError, match="initialised already"):
            snap.initialise(installation, mode, verify=False, **self.WANT)

    def test_what_is_missing_or_wrong_is_reported(self, tmp_path):
        _, installation = make(tmp_path, "snap", "3.7", configured=False)
        with pytest.raises(HostError, match=r"also give database_host, .*database_password"):
            snap.initialise(installation, url="http://192.0.2.7:5240/MAAS")
        with pytest.raises(HostError, match="snap mode must be one of"):
            snap.initialise(installation, "rack", **self.WANT)
        with pytest.raises(HostError, match="Nothing was changed"):
            snap.initialise(installation, **self.WANT)  # nobody listens at that port
        assert snap.unconfigured(detect(installation.root))


BAD = [
    (
        {"url": "192.0.2.10"},
        r"url: '192\.0\.2\.10' must be a region's URL .*: it must begin",
    ),
    ({"url": "maas.example.com:5240/MAAS"}, "it must begin with http:// or https://"),
    ({"url": "http://admin:s3cret@192.0.2.10/MAAS"}, "url: must hold no user or password"),
    ({"url": "http://192.0.2.10:99999/MAAS"}, "a port is a number from 1 to 65535"),
    ({"url": "http://192.0.2.10:0/MAAS"}, "a port is a number from 1 to 65535"),
    ({"url": "ftp://192.0.2.10/MAAS"}, "it must begin with http:// or https://"),
    ({"url": "http:///MAAS"}, "it has no host"),
    ({"url": "http://a b/MAAS"}, "it must hold no space"),
    ({"url": 'http://a"/MAAS'}, "it must hold no quote"),
    ({"url": "http://a/MAAS\nDEBUG = True"}, "one line|no space"),
    ({"url": ""}, "it must begin with"),
    (
        {"database_port": 70000},
        "must be a whole number from 1 to 65535, not '70000'|no local setting database_port",
    ),
    ({"database_host": "db:5432"}, "database_host must be a host name or address without port"),
    ({"database_port": "many"}, "whole number|no local setting database_port"),
    ({"database_name": "a b"}, "database_name must be a name"),
    ({"database_name": "a\nb"}, "database_name must be one line"),
    ({"database_password": "s3cret\nx"}, "database_password must be one line"),
    ({"debug": "perhaps"}, "debug must be true or false|no local setting debug"),
    (
        {"num_workers": 0},
        r"num_workers must be a whole number from 1|MAAS 1\.\d\.\d has no local setting num_w",
    ),
    ({"broadcast_address": "all"}, "must be an IP address|no local setting broadcast_address"),
    ({"broker_workers_password": "s3cret'"}, "letters and digits only|no local setting broker"),
    ({"nosuch": 1}, "no local setting nosuch"),
]


@pytest.mark.parametrize(
    "kind_release", [("deb", "1.5"), ("deb", "1.9"), ("deb", "3.7"), ("snap", "3.4")], ids="-".join
)
def test_bad_input_is_one_clear_message_and_nothing_changes(kind_release, tmp_path):
    box, installation = make(tmp_path, *kind_release)
    before = tree(box.root)
    for settings, result in BAD:
        with pytest.raises(HostError) as error:
            region_config.configure(installation, **settings)
        text = str(error.value)
        assert re.search(result, text), (settings, text)
        assert "\n" not in text
        assert "s3cret" not in text
    assert tree(box.root) == before


def tree(root):
    """Every file's content, but the log of the fake commands' arguments."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            if name != "emulator-argv.log":
                with open(os.path.join(folder, name), "rb") as stream:
                    found[os.path.join(folder, name)] = stream.read()
    return found


@pytest.mark.parametrize(("release", "command"), [("1.7", "debconf-show"), ("1.5", "erl"),
                                                  ("3.7", "debconf-communicate")])  # fmt: skip
def test_a_missing_command_is_named_and_nothing_changes(release, command, tmp_path):
    box, installation = make(tmp_path, "deb", release)
    os.unlink(installation.find(command))
    before = tree(box.root)
    more = {"broker_workers_password": WORKERS} if release == "1.5" else {}
    with pytest.raises(HostError, match=f"The command {command} is not installed"):
        region_config.configure(installation, verify=False, url="http://192.0.2.8/MAAS", **more)
    assert {k: v for k, v in tree(box.root).items() if not k.endswith(".lock")} == before


def test_a_missing_restart_command_puts_everything_back(tmp_path):
    box, installation = make(tmp_path, "deb", "3.7")
    os.unlink(installation.find("systemctl"))
    before = box.read("region_config"), box.peek("debconf")
    with pytest.raises(HostError, match="systemctl is not installed"):
        region_config.configure(installation, verify=False, url="http://192.0.2.8/MAAS")
    assert (box.read("region_config"), box.peek("debconf")) == before


@pytest.mark.parametrize(
    ("version", "reason"),
    [("3.9.0", None), ("4.0.0", None), ("2.10.0", r"2\.10.* is not a supported MAAS release")],
)
def test_a_newer_release_is_treated_as_the_newest_known_one(version, reason, tmp_path):
    box, installation = make(tmp_path, "deb", "3.8")
    status = re.sub(r"1:3\.8(?=-)", f"1:{version}", box.read("var/lib/dpkg/status"))
    box.write("var/lib/dpkg/status", status)
    changed = {"verify": False, "url": "http://192.0.2.8/MAAS", "test": True}
    if reason:
        with pytest.raises(HostError, match=reason):
            detect(box.root)
    else:
        assert detect(box.root).release == version
        planned = region_config.configure(installation, **changed)["changes"]
        newer = detect(box.root)
        assert region_config.configure(newer, **changed)["changes"] == planned != {}
        (found,) = (one for _, check in checks.release(newer) for one in check())
        assert found.status == "warning"
        assert f"MAAS {newer.release} is newer than MAAS 3.8" in found.found
        assert checks.release(installation) == []
        states = load("_states/maas_region.py", {"maas.root": box.root, "test": True})
        results = [states.configured(name, url=changed["url"]) for name in ("one", "two")]
        assert [one.get("warnings", []) for one in results] == [[found.found[:-1]], []]


@pytest.mark.parametrize(("kind", "release"), [("deb", "1.9"), ("deb", "3.4"), ("snap", "2.9")])
def test_another_file_that_maas_goes_by_is_found(kind, release, tmp_path, monkeypatch):
    box, installation = make(tmp_path, kind, release)
    ran = Installation.run

    def run(self, argv, *words, **more):
        """As if the command had another file from its environment."""
        code, out, err = ran(self, argv, *words, **more)
        return code, out.replace(urls_host(box), "192.0.2.99"), err

    monkeypatch.setattr(Installation, "run", run)
    found = [
        one for one in consistency.check(installation) if "do not say the same" in one["problem"]
    ]
    assert [one["setting"] for one in found] == ["url"]
    assert "192.0.2.99" in repr(found[0]["places"])


def urls_host(box):
    return box.info["interfaces"][0]["ip"]


def test_files_with_passwords_that_everyone_may_read_are_found(tmp_path):
    box, installation = make(tmp_path, "deb", "2.5")
    os.chmod(box.path("region_config"), 0o644)
    found = no_database(consistency.check(installation))
    assert [one["remedy"] for one in found] == ["chmod 0640 /etc/maas/regiond.conf"]
    region_config.configure(installation, verify=False, debug=True)
    assert stat.S_IMODE(os.stat(box.path("region_config")).st_mode) == 0o644  # it is theirs
