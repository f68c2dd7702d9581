"""No secret shows up where it does not belong: whoever asks, and whatever the region answers.

One region holds every kind of secret, and the pillar describes others in their place. Every way in
that may meet one is taken with every kind of trouble, while everything is logged at the lowest
level; then all that somebody could see is searched for what each secret is recognised by.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import logging
import traceback
from urllib.parse import parse_qsl, quote, quote_plus

import pytest
from maas_emulator import hardware, machines
from maas_emulator.hosts import sandbox
from maas_emulator.server import RegionServer
from maas_emulator.web import Response
from saltext.maas.client import Client, Profile
from saltext.maas.events import Follower
from saltext.maas.fleet import regions
from saltext.maas.fleet.minions import Answer
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN
from support import in_process
from support.loader import load
from support.machine_regions import images_of_nodes, region_with_image
from support.misbehaving import Proxy

pytestmark = pytest.mark.usefixtures("impatient")

#: Letters and digits of each secret, which are the same however it is quoted.
CORES = {
    name: f"Zq7{name}9xKw4Tm"
    for name in ("user", "oidc", "bmc", "class", "csv", "virsh", "lxd", "vmkey", "vcenter",
                 "proxy", "repository", "userdata", "store", "database", "admin", "token")
} | {"license": "ZQ7LI-CENSE", "shared": "c0ffee1dea"}  # fmt: skip
SHARED = CORES["shared"] * 3
LICENSE = CORES["license"] + "-{:0>5}-AAAAA-BBBBB"
#: A secret is another one each time, so that there is always something to be changed.
COUNT = itertools.count(1)


def secret(name, when=""):
    """A secret with characters that URLs, JSON, Python and HTML write differently."""
    return f'{CORES[name]} "p&w/é\\{when}'


def pem(name, when, kind="PRIVATE KEY"):
    body = base64.b64encode(f"{when}".encode()).decode()
    return f"-----BEGIN {kind}-----\nMIIE{CORES.get(name)}\n{body}\n-----END {kind}-----\n"


def url(name, when):
    return f"http://me:{CORES[name]}%20{when}@{name}.example.com:3128/"


def pillar(folder, when=""):
    """A pillar with every kind of secret."""
    when = when or str(next(COUNT))
    image = folder / "windows.dd"
    image.write_bytes(b"windows" * 500)
    ipmi = {"architecture": "amd64", "power_type": "ipmi"}

    def power(name, last):
        return {"power_address": f"192.0.2.{last}", "power_pass": secret(name, when)}

    return {
        # What exists is sent no password: a new one each time is.
        "users": {name: {"email": f"{name}@example.com", "password": secret("user", when)}
                  for name in ("ops", f"ops-{when}")},
        "settings": {"vcenter_password": secret("vcenter", when), "http_proxy": url("proxy", when)},
        "package_repositories": {"tools": {"url": url("repository", when)}},
        "oidc_providers": {"sso": {
            "client_id": "maas", "client_secret": secret("oidc", when), "enabled": True,
            "issuer_url": "https://sso.example.com", "scopes": ["openid"],
            "redirect_uri": "https://maas.example.com/MAAS/r/login/oidc/callback",
        }},
        "boot_resources": [{"name": "windows/win2012r2", "architecture": "amd64",
                            "path": str(image), "filetype": "ddtgz"}],
        "license_keys": [{"osystem": "windows", "distro_series": "win2012r2",
                          "license_key": LICENSE.format(when)}],
        "vm_hosts": {
            "kvm-1": {"type": "virsh", "power_address": "qemu+ssh://ubuntu@192.0.2.9/system",
                      "power_pass": secret("virsh", when)},
            "lxd-1": {"type": "lxd", "power_address": "192.0.2.10", "password": secret("lxd", when),
                      "certificate": pem("public", when, "CERTIFICATE"),
                      "key": pem("vmkey", when)},
            f"lxd-{when}0": {"type": "lxd", "power_address": f"10.1.0.{when}",
                             "password": secret("lxd", when)},
        },
        "machine_classes": {"r640": {**ipmi, "power_parameters": power("class", 22)}},
        "machines": {
            "web-1": {**ipmi, "mac_addresses": ["52:54:00:00:00:21"],
                      "power_parameters": power("bmc", 21)},
            "web-2": {"class": "r640", "mac_addresses": ["52:54:00:00:00:22"]},
        },
    }  # fmt: skip


# What goes wrong


class Trouble:
    """Stands before a region, and spoils its answers where a secret is sent or held."""

    def __init__(self, server):
        self.server = server
        self.kind, self.spoilt = "none", 0

    def answer(self, method, target, headers, body):
        sends = method in ("POST", "PUT") and "op=allocate" not in target
        if sends and self.kind in ("repeats", "repeats in a 500", "strange"):
            self.spoilt += 1
            said = repeated(body, headers)
            if self.kind == "repeats":
                return Response(400, json.dumps({"__all__": said, "power_pass": said}), JSON)
            if self.kind == "strange":
                return Response(200, json.dumps(said), JSON)
            return Response(500, "\n".join(said), "text/plain")
        found = self.server.answer(method, target, headers, body)
        if self.kind == "cut" and any(one in target for one in HOLDS):
            self.spoilt += 1
            found.body = found.body[:-1]
        return found


JSON = "application/json"
#: Paths whose answers have secrets in them.
HOLDS = ("op=power_parameters", "op=parameters", "oidc-providers/", "license-keys/", "get_config",
         "package-repositories/")  # fmt: skip


def repeated(body, headers):
    """All that came, as texts that servers and their libraries may show it in."""
    form = headers.get("content-type", "").endswith("urlencoded")
    values = [one for _, one in parse_qsl(body.decode("utf-8", "replace"))] if form else []
    values += [body.decode("utf-8", "replace"), headers.get("authorization", "")]
    ways = (str, repr, json.dumps, quote, quote_plus, html.escape,
            lambda one: base64.b64encode(one.encode()).decode(),
            lambda one: base64.b64encode(f"x{one}".encode()).decode())  # fmt: skip
    return [f"bad value: {way(one)}" for one in values for way in ways]


# Who asks


class World:
    """A region, and all that Salt's modules need to ask it."""

    def __init__(self, server, folder, url):
        self.server, self.folder = server, folder
        self.api = {"url": url, "api_key": server.api_key, "deadline": 3, "read_timeout": 2}
        self.csv = folder / "machines.csv"
        self.csv.write_text(f"hostname,power_parameters:power_pass\nweb-9,{CORES['csv']}\n")

    def load(self, path, test=False, data=None, **opts):
        module = load(
            path,
            {"id": "region", "cachedir": str(self.folder), "maas": self.api, "test": test,
             "maas.root": str(self.folder), **opts},
            {"maas": pillar(self.folder) if data is None else data},
        )  # fmt: skip
        module.__salt__["sdb.get"] = self.store
        return module

    def store(self, reference):
        raise RuntimeError(f"{reference}: answered {secret('store')}")

    def ready(self):
        """Let the machines be commissioned, and nobody's."""
        for row in self.server.region.rows("machines").values():
            hardware.update(self.server.region, row["system_id"], status=4, owner=None)

    def state(self, name, *arguments, **named):
        """A function of a state module, in test mode and then in earnest."""
        module, function = name.split(".")
        return [
            attempted(
                getattr(self.load(f"_states/{module}.py", test), function), *arguments, **named
            )
            for test in (True, False)
        ]

    def module(self, name, *arguments, **named):
        module, function = name.split(".")
        return attempted(getattr(self.load(f"_modules/{module}.py"), function), *arguments, **named)

    def ask_signed(self, minion, function, *arguments, seconds=0, limit=0, **named):
        """As the runner's Salt: the region's minion answers."""
        module, name = function.split(".")
        try:
            return Answer(getattr(self.load(f"_modules/{module}.py"), name)(*arguments, **named))
        except Exception as error:
            return Answer(error=str(error))

    def runner(self, function, *arguments, **named):
        dunders = {"__opts__": {"maas.fleet": {"region": "region"}, "cachedir": str(self.folder)}}
        return attempted(function, dunders, *arguments, salt=self, **named)


def attempted(function, *arguments, **named):
    """What a call returns; or all that its traceback shows, as Salt logs it."""
    try:
        return function(*arguments, **named)
    except Exception:
        return traceback.format_exc()


def of_states(world):
    # Each alone first: what they sent stays if all goes well.
    ours = pillar(world.folder)
    for type in ("user", "package_repository", "vm_host", "oidc_provider", "machine"):
        key = {"package_repository": "package_repositories"}.get(type, f"{type}s")
        for name, values in ours[key].items():
            if "class" not in values:
                yield f"maas_{type}.present", world.state(f"maas_{type}.present", name, **values)
    ours = pillar(world.folder)
    for name, value in ours["settings"].items():
        yield "maas_setting.present", world.state("maas_setting.present", name, value)
    (values,) = ours["license_keys"]
    yield (
        "maas_license_key.present",
        world.state(
            "maas_license_key.present", "windows/win2012r2", license_key=values["license_key"]
        ),
    )
    yield "maas_region.managed", world.state("maas_region.managed", "all")
    world.ready()
    yield "maas_machine.deployed", world.state(
        "maas_machine.deployed", "web-1", user_data=f"#!/bin/sh\necho {secret('userdata')}\n",
        timeout=1,
    )  # fmt: skip


def of_api_1(world):
    ours = pillar(world.folder)
    for name, values in ours["users"].items():
        yield "maas_user.present", world.state("maas_user.present", name, **values)
    proxy = ours["settings"]["http_proxy"]
    yield "maas_setting.present", world.state("maas_setting.present", "http_proxy", proxy)
    for name in ("web-1", f"web-{next(COUNT)}"):
        values = {**pillar(world.folder)["machines"]["web-1"],
                  "mac_addresses": [f"52:54:00:00:01:{next(COUNT):02x}"]}  # fmt: skip
        yield "maas_machine.present", world.state("maas_machine.present", name, **values)
    for name in ("plan", "export", "drift"):
        yield name, world.module(f"maas_region.{name}")
    yield "for_release", world.module("maas_region.export", for_release="3.8")


def of_modules(world):
    for form in ("text", "json", "html"):
        yield f"plan {form}", world.module("maas_region.plan", form=form)
    for name in ("export", "drift", "unmanaged", "check_pillar", "status", "compare_machines"):
        yield f"maas_region.{name}", world.module(f"maas_region.{name}")
    for type in ("user", "machine", "vm_host", "oidc_provider", "license_key", "setting",
                 "package_repository"):  # fmt: skip
        yield f"maas_{type}.list", world.module(f"maas_{type}.list_")
    for type, name in (("vm_host", "lxd-1"), ("vm_host", "kvm-1"), ("machine", "web-1"),
                       ("oidc_provider", "sso"), ("package_repository", "tools"),
                       ("setting", "vcenter_password"), ("setting", "http_proxy")):  # fmt: skip
        yield f"maas_{type}.get", world.module(f"maas_{type}.get", name)
    yield "describe", world.module("maas_machine.describe", "web-1")
    world.ready()
    yield (
        "deploy",
        world.module("maas_machine.deploy", "web-1", user_data=secret("userdata"), timeout=0),
    )


def of_the_master(world):
    yield "maas.plan", world.runner(regions.plan)
    yield "maas.export", world.runner(regions.export)
    for name in ("maas_region.unmanaged", "maas_region.drift", "maas_region.compare_machines"):
        yield name, world.runner(regions.ask, "region", name)
    runner = world.load("_runners/maas.py")
    yield "maas.machines", attempted(runner.machines, columns="hostname,power")
    yield "maas.machines_from_csv", attempted(runner.machines_from_csv, str(world.csv))
    yield (
        "ext_pillar maas",
        attempted(world.load("_pillar/maas.py").ext_pillar, "web-1", {}, seconds=5),
    )
    # What it returns is the pillar, which has the password.
    attempted(world.load("_pillar/maas_machines.py").ext_pillar, "region", {}, str(world.csv), "*")
    world.csv.write_text(f"hostname,zone,power_parameters:power_pass\nweb-9,{CORES['csv']}\n")
    yield (
        "ext_pillar maas_machines",
        attempted(
            world.load("_pillar/maas_machines.py").ext_pillar, "region", {}, str(world.csv), "*"
        ),
    )
    provider = {"driver": "maas", "provider": "dc1:maas", **world.api}
    cloud = world.load("_clouds/maas.py", providers={"dc1": {"maas": provider}})
    cloud.__active_provider_name__ = "dc1:maas"
    for name in ("list_nodes_full", "avail_sizes", "avail_images", "avail_locations"):
        yield name, attempted(getattr(cloud, name))
    roster = world.load("_roster/maas.py", maas_roster={"statuses": ["new", "ready", "deployed"]})
    yield "roster", attempted(roster.targets, "*")


def beacon(world, data):
    module = world.load("_beacons/maas_drift.py")
    module.__opts__["pillar"] = {"maas": data}
    module.__salt__["maas_region.drift"] = world.load("_modules/maas_region.py").drift
    return module.beacon


def of_daemons(world):
    yield "beacon", attempted(beacon(world, pillar(world.folder)), [{}])
    sent = []
    follower = Follower(Client(Profile(**world.api)), str(world.folder / "events.json"))
    for _ in range(2):
        sent.append(attempted(follower.step, lambda tag, data: sent.append((tag, data))))
        row = next(iter(world.server.region.rows("machines").values()))
        machines.event(world.server.region, row, "INFO", "Ready")
    yield "engine", sent


def of_mistakes(world):
    """What is wrong in a pillar stands beside secrets, or is one."""
    for spoil in SPOILT:
        data = pillar(world.folder)
        spoil(data)
        module = world.load("_states/maas_region.py", True, data)
        yield "mistake", attempted(module.managed, "all")
        yield "check_pillar", world.module("maas_region.check_pillar", data)
    for value in ([secret("user")], {"a": secret("user")}, b"x" + secret("user").encode()):
        yield "password", world.state("maas_user.present", "ops", email="a@b.c", password=value)
        yield "power", world.state("maas_machine.present", "web-1", power_parameters=value)
    yield "sdb", world.state("maas_user.present", "ops", email="a@b.c", password="sdb://v/k")
    data = {"users": {"ops": {"password": "sdb://v/k"}}}
    yield "beacon", attempted(beacon(world, data), [{}])


def of_hosts(world):
    """Region and rack in sandboxes, of which nothing works but the files and commands."""
    region = sandbox.create(world.folder / "region", "3.7", "region")
    rack = sandbox.create(world.folder / "rack", "3.7", "cluster")
    database = {"host": "localhost", "port": 9, "name": "maasdb", "user": "maas",
                "password": secret("database")}  # fmt: skip
    own = {
        "url": "http://localhost:5240/MAAS", "database": database, "shared_secret": SHARED,
        "admin": {"username": "admin", "email": "a@example.com", "password": secret("admin")},
        "vault": {"url": "http://localhost:9", "approle_id": "role", "secrets_path": "maas",
                  "wrapped_token": CORES["token"]},
    }  # fmt: skip
    for box, calls in ((region, HOST_CALLS), (rack, RACK_CALLS)):
        for file, function, values in calls:
            for test in (True, False):
                module = world.load(
                    file, test, {"region": own, "racks": {"region": {}}},
                    **{"maas.root": box.root, "maas": {}},
                )  # fmt: skip
                yield function, attempted(getattr(module, function), **values)
        yield "commands", box.argv_log()


HOST_CALLS = [
    ("_states/maas_region.py", "configured", {"name": "host", "wait": 0.1}),
    ("_states/maas_region.py", "secret_installed", {"name": "secret"}),
    ("_states/maas_region.py", "secret_installed", {"name": "secret", "secret": "zz" + SHARED}),
    ("_states/maas_region.py", "admin_present", {"name": "admin"}),
    ("_states/maas_region.py", "vault_configured", {"name": "vault"}),
    ("_modules/maas_region.py", "config", {}),
    ("_modules/maas_region.py", "check", {}),
    ("_modules/maas_region.py", "secret", {}),
]  # fmt: skip
RACK_CALLS = [
    ("_states/maas_cluster.py", "configured", {"name": "host", "secret": SHARED, "wait": 0.1}),
    ("_states/maas_cluster.py", "secret_installed", {"name": "secret", "secret": SHARED + "ff"}),
    ("_states/maas_cluster.py", "configured", {"name": "host", "secret": "zz" + SHARED}),
    ("_modules/maas_cluster.py", "config", {}),
]  # fmt: skip


def put(*path):
    """A spoiler: the value at a path is put into a list, where it must be a text."""

    def spoil(data):
        *steps, last = path
        for step in steps:
            data = data[step]
        data[last] = [data[last]]

    return spoil


def misspell(*path):
    """A spoiler: the key at the end of a path is misspelt."""

    def spoil(data):
        *steps, last = path
        for step in steps:
            data = data[step]
        data[last + "s"] = data.pop(last)

    return spoil


SPOILT = [
    spoil(*path)
    for path in (
        ("users", "ops", "password"), ("settings", "vcenter_password"), ("settings", "http_proxy"),
        ("package_repositories", "tools", "url"), ("oidc_providers", "sso", "client_secret"),
        ("license_keys", 0, "license_key"), ("vm_hosts", "kvm-1", "power_pass"),
        ("vm_hosts", "lxd-1", "password"), ("vm_hosts", "lxd-1", "key"),
        ("machine_classes", "r640", "power_parameters"),
        ("machine_classes", "r640", "power_parameters", "power_pass"),
        ("machines", "web-1", "power_parameters"),
        ("machines", "web-1", "power_parameters", "power_pass"),
    )
    for spoil in (put, misspell)
]  # fmt: skip


# What is seen


class Everything(logging.Handler):
    """Keeps all that is logged, with tracebacks, as a handler of any level would write it."""

    def __init__(self):
        super().__init__(1)
        self.lines = []

    def emit(self, record):
        self.lines.append(logging.Formatter("%(name)s %(levelname)s %(message)s").format(record))


@pytest.fixture
def logged(monkeypatch):
    monkeypatch.setattr(Installation, "run", in_process.run)
    handler = Everything()
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for one in (logging.root, *known):
        monkeypatch.setattr(one, "level", 1)
        monkeypatch.setattr(one, "disabled", False)
    logging.root.manager._clear_cache()
    logging.root.addHandler(handler)
    yield handler.lines
    logging.root.removeHandler(handler)


def forms(core):
    """A core as it is, in hexadecimal and in base64 from each of the three places of a group."""
    data = core.encode()
    yield from (core, core.lower(), data.hex())
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + data).decode()
        yield coded[4:-4]


FORMS = {core: tuple(forms(core)) for core in CORES.values()}


def found_in(text, more=()):
    """The secrets that a text shows, with what stands around them."""
    hits = [(core, one) for core, ways in FORMS.items() for one in ways if one in text]
    hits += [("API key", one) for one in more if one in text]
    return [(name, text[max(text.find(one) - 150, 0) : text.find(one) + 60]) for name, one in hits]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("region")
    with region_with_image("3.8", pillar(folder)) as newest, RegionServer("1.9") as old:
        images_of_nodes(old)
        nic = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
               "subnet_mask": "255.255.255.0"}  # fmt: skip
        newest.region.register_controller(hostname="rack", interfaces=[nic])
        # Ready, with a link: MAAS deploys no other.
        for number, name in ((21, "web-1"), (22, "web-2")):
            nic = {"name": "eth0", "mac_address": f"52:54:00:00:00:{number}",
                   "address": f"10.0.0.{number}/24"}  # fmt: skip
            (row,) = (one for one in newest.region.rows("machines").values()
                      if one["hostname"] == name)  # fmt: skip
            hardware.commissioned(newest.region, row["system_id"], interfaces=[nic])
        yield {of_api_1: old}, newest


#: Who meets which trouble: a mistake is found before anything is sent, and hosts send nothing.
CASES = [
    *((of_states, kind) for kind in ("none", "repeats", "repeats in a 500", "strange", "cut")),
    *((of_modules, kind) for kind in ("none", "repeats", "cut")),
    *((one, kind) for one in (of_the_master, of_daemons) for kind in ("none", "cut")),
    *((of_api_1, kind) for kind in ("none", "repeats")),
    (of_mistakes, "none"), (of_hosts, "none"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "kind"), CASES, ids=[f"{way.__name__}-{k}" for way, k in CASES])
def test_no_secret_is_shown(way, kind, servers, tmp_path, logged, capfd):
    server = servers[0].get(way, servers[1])
    trouble = Trouble(server)
    with Proxy(trouble) as proxy:
        world = World(server, tmp_path, proxy.url)
        trouble.kind = kind
        shown = list(way(world))
    key = [part for part in server.api_key.split(":") if part]
    told = [f"{name}: {value!r}\n{value}" for name, value in shown]
    assert [one for text in told for one in found_in(text, key)] == []
    assert found_in("\n".join(logged), key) == []
    assert found_in("".join(capfd.readouterr()), key) == []
    # It was not for want of anything to hide.
    assert HIDDEN in str(told) or kind == "cut"
    assert bool(trouble.spoilt) == (kind != "none")
    assert len(logged) > 5 or way in (of_mistakes, of_hosts)


def test_what_this_looks_for_is_found():
    for core in CORES.values():
        text = f'"{core} & more'
        for before in range(3):
            coded = base64.b64encode(b"x" * before + text.encode()).decode()
            assert found_in(f"said {coded} there"), (core, before)
        for way in (repr, json.dumps, quote, quote_plus, html.escape):
            assert found_in(way(way(text))), (core, way)
    assert found_in("nothing") == []
