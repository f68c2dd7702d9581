"""The salt-cloud driver as Salt itself loads and calls it, and with the command ``salt-cloud``."""

from __future__ import annotations

import base64
import contextlib
import copy
import email
import itertools
import json
import os
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import salt.cloud
import salt.config
import salt.utils.context
import salt.utils.event
import yaml
from maas_emulator import hardware, machine_ops, machines, scripts_run
from maas_emulator.server import RegionServer
from salt.exceptions import SaltCloudSystemExit
from saltext.maas.client import Client, Profile
from saltext.maas.cloud import CONSTRAINTS, SCHEMA, Settings
from saltext.maas.release import supported
from support.faults import FaultyProxy, first
from support.machine_regions import images_and_rack, images_of_nodes
from support.reconciling import carried_out

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.salt
SECRET = "tr0ub4dor"
#: The first of all, those around what came later, and the last.
RELEASES = ("2.0", "2.4", "3.8")
#: Requests that find out the release, whose key it is, and what there is.
VERSION, WHOAMI, LIST = 1, 1, 1


@contextlib.contextmanager
def started(release="3.7"):
    with RegionServer(
        release, import_seconds=0, index_seconds=0, sync_seconds=0, machine_seconds=0.05
    ) as server:
        images_and_rack(server)
        server.numbers = itertools.count(1)
        yield server


@pytest.fixture(scope="module")
def regions():
    with contextlib.ExitStack() as stack:
        servers = {}

        def of_release(release):
            if release not in servers:
                servers[release] = stack.enter_context(started(release))
            for row in list(servers[release].region.rows("machines").values()):
                machines.forget(servers[release].region, "machines", row)
            return servers[release]

        yield of_release


@pytest.fixture
def server(regions):
    return regions("3.7")


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("saltext.maas.machines.lifecycle.FIRST_PAUSE", 0.02)


def ready(server, name, status=4, **fields):
    """A machine of the region that was commissioned; its id."""
    number = next(server.numbers)
    raw = Client(Profile(server.url, server.api_key)).post("machines/", data={
        "hostname": name, "architecture": "amd64/generic", "power_type": "ipmi",
        "mac_addresses": f"52:54:00:01:00:{number:02x}", "commission": "false",
        "power_parameters_power_address": f"10.0.1.{number}",
    })  # fmt: skip
    nic = {"name": "eth0", "mac_address": raw["interface_set"][0]["mac_address"],
           "address": f"10.9.0.{10 + number}/16"}  # fmt: skip
    scripts_run.begin(server.region, hardware.machine(server.region, raw["system_id"]), 0)
    hardware.commissioned(
        server.region, raw["system_id"], interfaces=[nic],
        disks=[{"name": "sda", "size": 10**11}],
    )  # fmt: skip
    given = {"cpu_count": 4, "memory": 16384, "owner": None, **fields}
    hardware.update(server.region, raw["system_id"], status=status, **given)
    server.requests.reset()
    return raw["system_id"]


def deployments_fail(monkeypatch):
    def failed(region, row):
        machines.set_status(region, row, machines.FAILED_DEPLOYMENT, fresh=True)
        machines.event(region, row, "ERROR", "Failed installation", "disk is on fire")

    monkeypatch.setattr(machine_ops, "deployed", failed)


def configured(folder, server, profiles, **provider):
    """The folder of salt-cloud's configuration."""
    folder.mkdir(exist_ok=True)
    user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
    files = {
        "master": {
            "root_dir": str(folder), "pki_dir": str(folder / "pki"), "user": user,
            "sock_dir": str(folder / "run"), "cachedir": str(folder / "cache"),
            "log_file": str(folder / "log"), "verify_env": False,
            "cloud_dirs": [str(REPOSITORY / "_clouds")],
        },
        "cloud": {
            "master_config": str(folder / "master"), "log_file": str(folder / "log"),
            "log_level_logfile": "all", "keysize": 2048, "pool_size": 4,
            "update_cachedir": True,
        },
        "cloud.providers.d/maas.conf": {
            "dc1": {"driver": "maas", "url": server.url, "api_key": server.api_key, **provider}
        },
        "cloud.profiles.d/maas.conf": {
            name: {"provider": "dc1", "deploy": False, **one} for name, one in profiles.items()
        },
    }  # fmt: skip
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content))
    return folder


class Cloud:
    """salt-cloud within this process: its configuration, its loader, and this driver."""

    def __init__(self, folder):
        self.opts = salt.config.cloud_config(str(folder / "cloud"))
        self.opts["parallel"] = self.opts["start_action"] = False
        self.cloud = salt.cloud.Cloud(self.opts)

    def call(self, function, *arguments, **named):
        called = self.cloud.clouds[f"maas.{function}"]
        with salt.utils.context.func_globals_inject(called, __active_provider_name__="dc1:maas"):
            return called(*arguments, **named)

    def create(self, profile, name, **overrides):
        provider = {**self.opts["providers"]["dc1"]["maas"]}
        provider.pop("profiles")
        given = self.opts["profiles"][profile]
        vm = self.cloud.vm_config(name, {}, provider, given, {name: overrides})
        return self.cloud.create(vm)


@pytest.fixture
def events(monkeypatch):
    """Events that salt-cloud fires; without a master it would wait a second for each."""
    found = []

    class Bus:
        def fire_event(self, data, tag):
            found.append((tag, data))
            if isinstance(data, str):  # as the real one does, so that the data are sent instead
                raise ValueError(data)

    bus = Bus()
    monkeypatch.setattr(
        salt.utils.event, "get_event", lambda *args, **kwargs: contextlib.nullcontext(bus)
    )
    return found


@pytest.fixture
def cloud(server, tmp_path, events):
    def made(profiles=None, **provider):
        return Cloud(configured(tmp_path / "salt", server, profiles or {"web": {}}, **provider))

    return made


def writes(server):
    return [entry.op for entry in server.requests.writes()]


@pytest.mark.parametrize("release", RELEASES)
def test_the_life_of_an_instance(release, regions, tmp_path, events):
    server = regions(release)
    ident = ready(server, "rack-1")
    ready(server, "rack-2", cpu_count=8, memory=1500)
    ready(server, "rack-3", status=6, owner="admin")  # deployed by somebody else's means
    cloud = Cloud(configured(tmp_path / "salt", server, {"web": {"size": "amd64-4cpu-16GiB"}}))
    sizes = cloud.call("avail_sizes")
    assert list(sizes) == ["amd64-4cpu-16GiB", "amd64-8cpu-1500MiB"]
    one = sizes["amd64-4cpu-16GiB"]
    assert (one["machines"], one["available"], one["locations"]) == (2, 1, ["default"])
    image = next(iter(cloud.call("avail_images").values()))
    assert (image["osystem"], image["architectures"]) == ("ubuntu", ["amd64"])
    assert list(cloud.call("avail_locations")) == ["default"]
    if release > "2.0":
        assert list(cloud.call("avail_pools", call="function")) == ["default"]
    assert cloud.call("list_nodes") == {}
    server.requests.reset()
    made = cloud.create("web", "web-1", image=image["name"])
    assert writes(server) == ["allocate", "set_owner_data", "deploy"]
    assert (made["id"], made["machine"], made["state"]) == (ident, "rack-1", "running")
    assert made["image"] == image["name"]
    server.requests.reset()
    assert cloud.call("list_nodes") == {"web-1": made}
    assert server.requests.count() == VERSION + WHOAMI + LIST
    assert cloud.call("show_instance", "web-1", call="action")["status_name"] == "Deployed"
    assert cloud.call("list_nodes_full")["web-1"]["boot_interface"]["name"] == "eth0"
    cached = Path(cloud.opts["cachedir"], "active/maas/dc1/web-1.p")
    assert cached.exists()
    with pytest.raises(SaltCloudSystemExit, match=r"machine rack-1 .* has this name already"):
        cloud.create("web", "web-1")
    stopped = cloud.call("reboot", "web-1", call="action")
    assert (stopped["power_state"], stopped["status"]) == ("on", "Deployed")
    gone = cloud.call("destroy", "web-1")
    assert (gone["system_id"], gone["status"], cached.exists()) == (ident, "Ready", False)
    assert cloud.call("list_nodes") == {}
    assert [tag for tag, data in events if isinstance(data, dict)] == [
        f"salt/cloud/web-1/{what}"
        for what in ("creating", "requesting", "created", "creating", "requesting", "destroying",
                     "destroyed")
    ]  # fmt: skip
    assert server.api_key.split(":")[2] not in repr(events)


@pytest.mark.parametrize("release", ["1.6", "1.9"])
def test_nodes_of_api_1_0(release, tmp_path, events, monkeypatch):
    with RegionServer(release, machine_seconds=0.05) as server:
        images_of_nodes(server)
        node = {"architecture": "amd64", "power_type": "ipmi",
                "power_parameters": {"power_address": "192.0.2.21"}}  # fmt: skip
        nodes = {f"rack-{n}": {**node, "mac_addresses": [f"52:54:00:00:00:2{n}"]} for n in (1, 2)}
        carried_out(server, {"machines": nodes})
        for row in server.region.rows("machines").values():
            hardware.update(server.region, row["system_id"], status=4, owner=None, cpu_count=4,
                          memory=4096)  # fmt: skip
        profiles = {"web": {}, "large": {"size": "4cpu-4GiB"}}
        cloud = Cloud(configured(tmp_path / "salt", server, profiles))
        assert cloud.call("avail_sizes")["amd64-4cpu-4GiB"]["available"] == 2
        made = cloud.create("web", "rack-1")
        assert made["machine"] == "rack-1"
        assert made["state"] == ("running" if release > "1.7" else "deployed")
        assert list(cloud.call("list_nodes")) == ["rack-1"]
        for profile, name in (("large", "web-1"), ("web", "rack-2.example.com")):
            with pytest.raises(SaltCloudSystemExit, match="keeps no names of instances"):
                cloud.create(profile, name)
        with pytest.raises(SaltCloudSystemExit, match="has none of this name"):
            cloud.call("destroy", "rack-2")
        assert cloud.call("destroy", "rack-1")["status"] == "Ready"
        assert cloud.call("list_nodes") == {}


def test_a_thousand_machines_are_listed_with_one_request(server, cloud, monkeypatch):
    ready(server, "rack-1")
    cloud = cloud()
    cloud.create("web", "rack-1")
    for number in range(999):
        row = copy.copy(next(iter(server.region.rows("machines").values())))
        row.update(system_id=f"x{number:05}", hostname=f"m{number}", owner_data={})
        server.region.rows("machines").add({key: row[key] for key in row if key != "id"})
    server.requests.reset()
    assert list(cloud.call("list_nodes")) == ["rack-1"]
    assert server.requests.count() == VERSION + WHOAMI + LIST
    server.requests.reset()
    assert cloud.call("avail_sizes")["amd64-4cpu-16GiB"]["machines"] == 1000
    assert server.requests.count() == VERSION + LIST


def test_two_creations_never_take_the_same_machine(server, cloud):
    names = [f"web-{number}" for number in range(8)]
    for name in names[:6]:
        ready(server, f"rack-{name}")
    cloud = cloud({"any": {"location": "default", "tags": []}})

    def create(name):
        try:
            return cloud.create("any", name)["id"]
        except SaltCloudSystemExit as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(create, names))
    ids = [one for one in found if " " not in one]
    assert len(set(ids)) == len(ids) == 6
    refused = [one for one in found if " " in one]
    assert all("no machine was allocated: " in one and "zone" in one for one in refused), refused


@pytest.mark.parametrize("kept", [False, True])
def test_a_deployment_that_fails_says_why(kept, server, cloud, monkeypatch):
    ident = ready(server, "rack-1")
    deployments_fail(monkeypatch)
    cloud = cloud({"web": {"location": "default", "release_failed": not kept}})
    with pytest.raises(SaltCloudSystemExit) as caught:
        cloud.create("web", "web-1")
    text = str(caught.value)
    assert text.startswith(f"instance web-1: machine rack-1 ({ident}): deploy failed: ")
    assert "disk is on fire" in text
    if kept:
        assert text.endswith("is kept; release it with: salt-cloud -d web-1")
        assert cloud.call("list_nodes")["web-1"]["state"] == "failed deployment"
        cloud.call("destroy", "web-1")
    else:
        assert text.endswith(f"machine rack-1 ({ident}) was released")
    assert hardware.machine(server.region, ident)["owner"] is None


def test_a_lost_answer_loses_no_machine(server, tmp_path, events):
    ident = ready(server, "rack-1")
    with FaultyProxy(server, first("reset-after", method="POST")) as proxy:
        folder = configured(
            tmp_path / "salt", server, {"web": {"location": "default"}}, url=proxy.url
        )
        assert Cloud(folder).create("web", "web-1")["id"] == ident
    assert writes(server).count("allocate") == 1


def test_machines_of_others_are_left_alone(server, cloud):
    ident = ready(server, "rack-1")
    other = ready(server, "rack-2", status=6, owner="bob", agent_name="salt-cloud:web-2",
                  owner_data={"salt-cloud": "web-2"})  # fmt: skip
    ready(server, "rack-3", status=6, owner="admin")
    cloud = cloud(on_destroy={"erase": True, "quick_erase": True})
    cloud.create("web", "rack-1")
    assert list(cloud.call("list_nodes")) == ["rack-1"]
    server.requests.reset()
    for name in ("web-2", "rack-3", other):
        with pytest.raises(SaltCloudSystemExit, match=f"instance {name}: .*has none of this name"):
            cloud.call("destroy", name)
        with pytest.raises(SaltCloudSystemExit, match="has none of this name"):
            cloud.call("stop", name, call="action")
    with pytest.raises(SaltCloudSystemExit, match="it is Deployed and owned by bob"):
        cloud.call("lock", call="function", kwargs={"machine": "rack-2"})
    assert server.requests.writes() == []
    assert hardware.machine(server.region, other)["owner"] == "bob"
    assert cloud.call("lock", "rack-1", call="action")["locked"] is True
    with pytest.raises(SaltCloudSystemExit, match="locked, so MAAS refuses release"):
        cloud.call("destroy", "rack-1")
    cloud.call("unlock", ident, call="action")
    assert cloud.call("destroy", ident)["status"] == "Ready"


def test_an_instance_that_has_another_name_now_is_left_alone(server, cloud):
    cloud = cloud()
    ident = ready(server, "rack-1", status=6, owner="admin", agent_name="salt-cloud:web-1",
                  owner_data={"salt-cloud": "web-2"})  # fmt: skip
    with pytest.raises(SaltCloudSystemExit, match="has none of this name"):
        cloud.call("destroy", "web-1")
    assert server.requests.writes() == []
    assert cloud.call("destroy", "web-2")["system_id"] == ident


def test_an_operation_for_a_machine_that_is_no_instance(server, cloud):
    ready(server, "rack-1", status=0)
    cloud = cloud()
    kwargs = {"machine": "rack-1", "skip_storage": "true", "timeout": "30"}
    assert cloud.call("commission", call="function", kwargs=kwargs)["status"] == "Ready"
    for wrong, told in (
        ({"machine": "rack-9"}, "machine rack-9: the region has none"),
        ({}, "machine: is missing"),
        (
            {"machine": "rack-1", "colour": "blue"},
            "colour: unknown; allowed: commissioning_scripts",
        ),
        ({"machine": "rack-1", "timeout": "soon"}, "timeout: 'soon' must be a number"),
        ({"machine": "rack-1", "skip_storage": "maybe"}, "skip_storage: 'maybe' must be true"),
    ):
        with pytest.raises(SaltCloudSystemExit, match=told):
            cloud.call("commission", call="function", kwargs=wrong)


@pytest.mark.parametrize(
    ("release", "given", "told"),
    [
        ("3.7", {"size": "large"}, "web-1:size: 'large' must be a size such as 8cpu-32GiB"),
        ("3.7", {"constraints": {"colour": "blue"}}, "instance web-1:constraints:colour: unknown"),
        ("3.7", {"deployment": {"erase": True}}, "instance web-1:deployment:erase: unknown"),
        ("3.7", {"deployment": {"enable_hw_sync": "perhaps"}},
         "instance web-1:deployment:enable_hw_sync: 'perhaps' must be true or false"),
        ("3.7", {"tags": "web"}, "instance web-1:tags: 'web' must be a list"),
        ("3.7", {"deploy_timeout": 0}, "instance web-1:deploy_timeout: 0 must be"),
        ("3.7", {"user_data": SECRET + "{{ 1 / 0 }}", "userdata_template": "jinja"},
         "user data cannot be rendered: "),
        ("3.7", {"userdata_file": "/nonexistent"}, "userdata_file: '/nonexistent': No such file"),
        ("3.7", {"userdata_file": "/x", "user_data": SECRET}, "cannot both be given"),
        ("3.7", {"deploy": True, "bootstrap": "smoke"}, "bootstrap: 'smoke' must be one of"),
        ("3.7", {"deploy": True}, "ssh_keyfile is missing"),
        ("3.7", {"deploy": True, "ssh_keyfile": "/nonexistent"}, "'/nonexistent' is no file"),
        ("3.7", {"machine": "rack-9"}, "machine rack-9: the region has none with this host name"),
        ("3.7", {"machine": "rack-2"}, "machine rack-2: it is Deployed and owned by admin; MAAS"),
        ("3.7", {"location": "moon"}, "instance web-1: no machine was allocated: .*moon"),
        ("3.7", {"image": "ubuntu/warty"}, "warty.*machine rack-1 .* was released"),
        ("2.0", {"pool": "web"}, "instance web-1:pool: MAAS 2.0.* does not support it; 2.4 and"),
        ("2.0", {"deployment": {"enable_hw_sync": True}}, "MAAS 2.0.* does not support"),
    ],
    ids=str,
)  # fmt: skip
def test_mistakes_are_told_and_leave_nothing_behind(
    release, given, told, regions, tmp_path, events
):
    server = regions(release)
    ident = ready(server, "rack-1")
    ready(server, "rack-2", status=6, owner="admin")
    minion = {"master": "192.0.2.1", "append_domain": "example.com"}
    given = {"location": "default", "minion": minion, **given}
    cloud = Cloud(configured(tmp_path / "salt", server, {"web": given}))
    with pytest.raises(SaltCloudSystemExit, match=told) as caught:
        cloud.create("web", "web-1")
    assert SECRET not in str(caught.value)
    assert hardware.machine(server.region, ident)["owner"] is None
    # No key is accepted for a minion that is not there.
    assert not list((tmp_path / "salt/pki").rglob("web-1*"))


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ({"url": "nowhere"}, "provider dc1:url: 'nowhere' must be a region's URL"),
        ({"maas_profile": "dc2"}, "provider dc1: has maas_profile and api_key, url"),
        ({"api_key": SECRET}, "provider dc1:api_key: "),
    ],
)
def test_a_provider_that_is_wrong_is_left_out(provider, told, server, cloud, caplog):
    cloud = cloud(**provider)
    assert told in caplog.text
    assert SECRET not in caplog.text
    assert cloud.opts["providers"] == {}


def test_a_region_that_does_not_answer_is_logged(cloud, caplog):
    cloud = cloud(url="http://127.0.0.1:9/MAAS", connect_timeout=0.5, deadline=0.5)
    with pytest.raises(SaltCloudSystemExit):
        cloud.call("list_nodes")
    assert "Instances of dc1:maas: " in caplog.text


def test_an_instance_without_a_profile(server, cloud):
    ready(server, "rack-1")
    client = salt.cloud.CloudClient(opts=cloud().opts)
    made = client.create("dc1", ["web-1"], location="default", deploy=False)
    assert made["web-1"]["machine"] == "rack-1"


def test_a_provider_may_use_a_profile_of_the_master(server, tmp_path, events):
    folder = configured(tmp_path / "salt", server, {"web": {}})
    own = {"url": server.url, "api_key": server.api_key}
    with (folder / "master").open("a") as stream:
        stream.write(yaml.safe_dump({"dc2": own}))
    provider = {"dc1": {"driver": "maas", "maas_profile": "dc2"}}
    (folder / "cloud.providers.d/maas.conf").write_text(yaml.safe_dump(provider))
    assert Cloud(folder).call("list_nodes") == {}


def test_a_user_who_is_no_administrator_suffices(server, tmp_path, events):
    ready(server, "rack-1")
    if "cloud" not in server.region.users:
        server.region.create_user("cloud", "x", "cloud@example.com")
    (key,) = server.region.api_keys("cloud") or [server.region.new_api_key("cloud")]
    folder = configured(tmp_path / "salt", server, {"web": {"location": "default"}}, api_key=key)
    cloud = Cloud(folder)
    cloud.create("web", "web-1")
    assert list(cloud.call("list_nodes")) == ["web-1"]
    cloud.call("stop", "web-1", call="action")
    cloud.call("destroy", "web-1")


def test_the_examples_are_valid(tmp_path):
    examples = REPOSITORY / "examples/cloud"
    opts = salt.config.cloud_config(
        str(examples / "cloud"), master_config={"cachedir": "", "root_dir": str(tmp_path)}
    )
    assert set(opts["profiles"]) == {"web", "web-cloud-init", "named", "storage"}
    assert opts["profiles"]["web-cloud-init"]["image"] == "ubuntu/jammy"
    instances = yaml.safe_load((examples / "web.map").read_text())
    assert instances.keys() <= opts["profiles"].keys()
    for name, values in opts["profiles"].items():
        known = {key: one for key, one in values.items() if key in SCHEMA["properties"]}
        settings = Settings(known, name)
        assert settings.constraints(supported("3.8")).keys() <= CONSTRAINTS.keys() | {
            "tags", "zone", "pool",
        }  # fmt: skip
        settings.deployment(None)
    provider = opts["providers"]["maas-dc1"]["maas"]
    assert set(Settings({"on_destroy": provider["on_destroy"]}, "x").release().given) == {
        "erase", "quick_erase",
    }  # fmt: skip


# How Salt gets onto the machine

DEPLOY = """#!/bin/sh
# As bootstrap-salt
cp "$2"/* "$TARGET"/
echo "$@" > "$TARGET/arguments"
stat -c %a "$2/minion.pem" > "$TARGET/mode"
"""


def test_user_data_makes_a_machine_a_minion(server, cloud, tmp_path, events, caplog):
    ready(server, "rack-1")
    (tmp_path / "deploy.sh").write_text(DEPLOY)
    (tmp_path / "target").mkdir()
    cloud = cloud({"web": {
        "location": "default", "deploy": True, "bootstrap": "user_data", "script_args": "-X",
        "script": str(tmp_path / "deploy.sh"), "script_env": {"TARGET": f"{tmp_path}/target"},
        "user_data": f"#cloud-config\n# {SECRET}\n", "minion": {"master": "192.0.2.1"},
        "grains": {"role": "web"},
    }})  # fmt: skip
    caplog.set_level(1)
    made = cloud.create("web", "web-1")
    data = hardware.user_data(server.region, made["id"])
    parts = email.message_from_bytes(data).get_payload()
    assert [part.get_content_type() for part in parts] == [
        "text/cloud-config",
        "text/x-shellscript",
    ]
    assert SECRET in parts[0].get_payload(decode=True).decode()
    script = parts[1].get_payload(decode=True)
    subprocess.run(["sh"], input=script, check=True, env={"PATH": os.environ["PATH"],
                                                         "TMPDIR": str(tmp_path)})  # fmt: skip
    found = {path.name: path.read_text() for path in (tmp_path / "target").iterdir()}
    folder, option = found["arguments"].split()[1], found["arguments"].split()[2]
    assert (option, Path(folder).exists(), found["mode"]) == ("-X", False, "600\n")
    minion = yaml.safe_load(found["minion"])
    assert (minion["id"], minion["master"], minion["grains"]["role"]) == (
        "web-1", "192.0.2.1", "web",
    )  # fmt: skip
    assert minion["grains"]["salt-cloud"]["profile"] == "web"
    accepted = tmp_path / "salt/pki/minions/web-1"
    assert accepted.read_text() == found["minion.pub"]
    told = repr(made) + repr(events) + caplog.text
    for secret in (
        SECRET,
        base64.b64encode(data).decode()[:40],
        found["minion.pem"].splitlines()[1],
    ):
        assert secret not in told


def test_salt_is_installed_over_ssh(server, cloud, monkeypatch, tmp_path):
    ready(server, "rack-1")
    (tmp_path / "key").write_text("")
    given = {"location": "default", "deploy": True, "ssh_keyfile": str(tmp_path / "key"),
             "minion": {"master": "192.0.2.1"}, "ssh_network": "10.9.0.0/16"}  # fmt: skip
    cloud, handed = cloud({"web": given, "far": {**given, "ssh_network": "10.7.0.0/16"}}), []

    def bootstrap(vm, opts):
        handed.append(vm)
        if vm["name"] == "web-2":
            raise TypeError("a bytes-like object is required")
        if vm["name"] == "web-4":
            return {"Error": {"Not Deployed": "Failed to start Salt"}}
        return {"deployed": True}

    monkeypatch.setitem(cloud.cloud.clouds.pack["__utils__"], "cloud.bootstrap", bootstrap)
    made = cloud.create("web", "web-1")
    assert made["deployed"] is True
    (vm,) = handed
    assert (vm["ssh_host"], vm["ssh_username"]) == (made["private_ips"][0], "ubuntu")
    assert "PRIVATE KEY" in vm["priv_key"]
    # What Salt puts into events and returns is a copy.
    for secret in ("PRIVATE KEY", server.api_key):
        assert secret not in repr(copy.deepcopy({"vm_": vm}))
    for profile, name, told in (
        ("web", "web-2", "Salt is not installed: a bytes-like object is required"),
        ("web", "web-4", "Salt is not installed: Failed to start Salt"),
        ("far", "web-3", "Salt is not installed: it has no address in 10.7.0.0/16"),
    ):
        ready(server, name)
        with pytest.raises(
            SaltCloudSystemExit, match=f"instance {name}: it is deployed, but {told}"
        ):
            cloud.create(profile, name)
        assert cloud.call("list_nodes")[name]["state"] == "running"


# The command

PROFILES = {
    "web": {"image": "ubuntu/noble", "size": "4cpu-16GiB", "location": "default"},
    "salted": {
        "size": "8cpu-32GiB", "deploy": True, "bootstrap": "user_data",
        "user_data": f"#cloud-config\n# {SECRET}\n", "minion": {"master": "192.0.2.1"},
    },
}  # fmt: skip
MAP = {"web": ["web-1", {"web-2": {"deployment": {"enable_hw_sync": True}}}], "salted": ["db-1"]}


class Bus(socketserver.ThreadingUnixStreamServer):
    """Where salt-cloud sends its events; without a master it would wait a second for each."""

    daemon_threads = True

    def __init__(self, folder):
        folder.mkdir()
        self.bytes = bytearray()
        super().__init__(str(folder / "master_event_pull.ipc"), _Received)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Received(socketserver.BaseRequestHandler):
    def handle(self):
        while part := self.request.recv(65536):
            self.server.bytes += part


class Command:
    """The command ``salt-cloud``."""

    def __init__(self, folder):
        self.folder = folder
        self.told = ""
        self.bus = Bus(folder / "run")

    def __call__(self, *arguments):
        """Run it; returns its exit code and what it shows, as data where it has such."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("salt-cloud")), "-c", str(self.folder),
             "--out=json", "-y", "-l", "all", *arguments],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "_utils")}, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
        self.told += done.stdout + done.stderr
        start = done.stdout.find("\n{\n") + 1 if "\n{\n" in done.stdout else 0
        try:
            shown = json.loads(done.stdout[start:])
        except ValueError:
            shown = done.stdout + done.stderr
        return done.returncode, shown

    def everything_told(self):
        found = [self.told, self.bus.bytes.decode(errors="replace")]
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "maas.conf":
                found.append(path.read_text(errors="replace"))
        return "\n".join(found)

    def stop(self):
        self.bus.shutdown()
        self.bus.server_close()


@pytest.fixture
def command(server, tmp_path):
    folder = configured(tmp_path / "salt", server, PROFILES)
    (folder / "map").write_text(yaml.safe_dump(MAP))
    command = Command(folder)
    yield command
    command.stop()


def test_salt_cloud_creates_shows_and_destroys_a_map(server, command, monkeypatch):
    for number in range(1, 4):
        ready(server, f"rack-{number}")
    ready(server, "rack-4", cpu_count=8, memory=32768)
    assert command("--list-providers")[1] == {"dc1": {"maas": {}}}
    map_file = str(command.folder / "map")
    code, made = command("-m", map_file, "-P")
    assert code == 0, made
    assert set(made) == {"web-1", "web-2", "db-1"}
    assert len({one["id"] for one in made.values()}) == 3, made
    assert made["db-1"]["machine"] == "rack-4"
    assert hardware.machine(server.region, made["web-2"]["id"])["enable_hw_sync"] is True
    server.requests.reset()
    code, again = command("-m", map_file, "-P")
    assert (code, server.requests.writes()) == (0, [])
    assert {one["Message"] for one in again.values()} == {"Already running."}
    assert command("-Q") == (0, {"dc1": {"maas": made}})
    stopped = command("-a", "stop", "web-1", "stop_mode=soft")[1]
    assert stopped["dc1"]["maas"]["web-1"]["power_state"] == "off"
    assert (command.folder / "pki/minions/db-1").exists()
    code, gone = command("-d", "-m", map_file, "-P")
    assert {one["status"] for one in gone["dc1"]["maas"].values()} == {"Ready"}, gone
    assert not (command.folder / "pki/minions/db-1").exists()
    deployments_fail(monkeypatch)
    code, told = command("-p", "web", "web-9")
    assert (code, "disk is on fire" in told, "was released" in told) == (1, True, True), told
    assert b"salt/cloud/web-1/created" in command.bus.bytes
    everything = command.everything_told()
    for secret in (server.api_key.split(":")[2], SECRET):
        assert secret not in everything
