"""A region with several hosts on one real database, and the modules of their minions."""

from __future__ import annotations

import contextlib
import json
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from maas_emulator.hosts import sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.region_hosts import runs
from maas_emulator.server import RegionServer
from saltext.maas import seal
from saltext.maas.errors import MaasError
from saltext.maas.fleet import core, roll
from saltext.maas.fleet.minions import Answer
from saltext.maas.host import installation, region_member
from saltext.maas.region_hosts import region_hosts
from support.fake_salt import FakeSalt
from support.fleet import wait_for
from support.loader import load
from support.postgres import uri

NAMES = ("region-1", "region-2", "region-3")
_PEM = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
_KEYS = []


def key(number):
    """A minion's key, from a store for the whole session since one takes long to make."""
    while len(_KEYS) <= number:
        _KEYS.append(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    return _KEYS[number]


class RegionHosts:
    """The hosts; those that are added serve the region as soon as they belong to it.

    Args:
        postgres: The fixture.
        release: MAAS's.
        folder: For sandboxes and minions.
        names: Of the hosts that the pillar names.
        url: The region's, such as a load balancer's; that of the first host by default.
    """

    def __init__(self, postgres, release, folder, names=NAMES, url=None):
        self.postgres, self.release, self.folder = postgres, release, folder
        self.names, self.minions = names, {}
        self._stack = contextlib.ExitStack()
        self.config = self._stack.enter_context(postgres.database())
        first = RegionServer(release, hostname=names[0], database=uri(self.config))
        self.region = first.region
        self.servers = {name: RegionServer(region=self.region) for name in names[1:]}
        self.servers = {names[0]: first, **self.servers}
        self.url = url or first.url
        self.hosts = Hosts(
            self.region, first.url, folder / "hosts", 0.02, 0.05, servers=self.servers
        )

    def __enter__(self):
        for server in self.servers.values():
            self._stack.enter_context(server)
        self._stack.enter_context(self.hosts)
        return self

    def __exit__(self, *exc_info):
        for name in self.minions:
            self.stop(name)
        self._stack.close()

    def pillar(self):
        """What the pillar of every region host says."""
        database = {name: self.config[name] for name in ("host", "name", "user", "password")}
        if self.release >= "2.1":
            database["port"] = self.config["port"]
        hosts = {name: {"address": "127.0.0.1", "port": self.servers[name].port}
                 for name in self.names}  # fmt: skip
        admin = {"username": "admin", "email": "admin@example.com", "password": "pw"}
        return {"region": {"url": self.url, "database": database, "hosts": hosts, "admin": admin}}

    def host(self, name):
        """What the pillar says of a host."""
        return region_hosts(self.pillar())[name]

    def add(self, name, release=None, database=None, hostname=None, **options):
        """Install MAAS on a host, which is not configured yet unless a database is given."""
        box = sandbox.create(
            self.folder / "hosts" / name, release or self.release, "region", hostname or name,
            database=database, **options,
        )  # fmt: skip
        pki = self.folder / "minions" / name
        pki.mkdir(parents=True)
        self.minions[name] = key(self.names.index(name))
        (pki / "minion.pem").write_bytes(self.minions[name].private_bytes(*_PEM))
        return box

    def first(self, **options):
        """Set the first host up: its database has its tables, and it runs."""
        box = self.add(self.names[0], database=self.config, url=self.url, **options)
        self.wait_running(self.names[0])
        return box

    def installation(self, name):
        return installation.detect(self.folder / "hosts" / name)

    def box(self, name):
        return sandbox.Sandbox(self.folder / "hosts" / name)

    def dunders(self, name, test=False):
        """What Salt gives to a module on a host's minion."""
        folder = str(self.folder / "minions" / name)
        opts = {
            "id": name, "pki_dir": folder, "cachedir": folder, "test": test,
            "maas.root": str(self.folder / "hosts" / name),
        }  # fmt: skip
        return {"opts": opts, "pillar": {"maas": self.pillar()}, "grains": {}}

    def call(self, name, function, *args, **kwargs):
        """Call a function of an execution module on a host's minion."""
        module, _, work = function.partition(".")
        loaded = load(f"_modules/{module}.py", **self.dunders(name))
        return getattr(loaded, work)(*args, **kwargs)

    def state(self, name, test=False, **given):
        """Run ``maas_region.configured`` on a host's minion."""
        loaded = load("_states/maas_region.py", **self.dunders(name, test))
        return loaded.configured("region", **given)

    def public_key(self, name):
        return seal.public_text(self.minions[name])

    def running(self, name):
        """The hosts that run, as one of them says; None where it does not answer."""
        hosts, why = region_member.running(self.servers[name].url)
        return None if why else sorted(hosts)

    def wait_running(self, name, seconds=15):
        """Wait until a host is one of those that run."""
        wait_for(lambda: name in (self.running(name) or ()), seconds)

    def stop(self, name):
        """Stop a host's region, and wait until the others know."""
        for service in self.box(name).service_names():
            self.box(name).set_service(service, running=False)
        for _ in range(2):  # it may have been about to start
            time.sleep(0.1)
            wait_for(lambda: name not in [one["hostname"] for one in self.rows() if runs(one)])

    def rows(self):
        """What the region knows of its controllers."""
        with self.region.lock:  # so that the database has it as well
            return [dict(one) for one in self.region.rows("regions").values()]

    def starts(self, name):
        """How often a host's region was started."""
        return self.box(name).service(self.box(name).trait("region_daemon") or "maas")["starts"]


class Minions(FakeSalt):
    """The minions of region hosts; their functions are real.

    Attributes:
        before: Called with ``(minion, function, whether it only plans)`` before each.
    """

    def __init__(self, site, opts):
        super().__init__(opts, {name: site.public_key(name) for name in site.minions})
        self.site = site
        self.returned = []
        self.before = lambda *_: None

    def last_heard(self, minion):
        return None

    def answer(self, minion, function, *args, **kwargs):
        self.before(minion, function, bool(kwargs.get("test")))
        if (minion, "test.ping") in self.broken:
            return Answer(error="the minion did not answer", lost=True)
        if function == "state.high":
            ((ident, body),) = args[0].items()
            given = {key: one for item in body["maas_region"][1:] for key, one in item.items()}
            return {"state": {**self.site.state(minion, **given), "__id__": ident}}
        if not function.startswith("maas_"):
            return True
        try:
            found = json.loads(json.dumps(self.site.call(minion, function, *args, **kwargs)))
        except MaasError as error:
            return Answer(error=str(error))
        self.returned.append(json.dumps([args, kwargs, found]))
        return found


class Site(RegionHosts):
    """Region hosts with a master."""

    def fleet(self):
        opts = {
            "cachedir": str(self.folder / "master"), "pki_dir": str(self.folder / "master"),
            "maas.fleet": {"region": "region-1", "enrol_seconds": 20, "answer_seconds": 5},
        }  # fmt: skip
        self.salt = Minions(self, opts)
        return core.Fleet({"__opts__": opts}, salt=self.salt)

    def roll(self, before=None, **given):
        with self.fleet() as fleet:
            self.salt.before = before or self.salt.before
            return roll.run(fleet, **{"pause": 0, **given})

    def all_up(self):
        return [self.running(name) for name in self.names] == [list(self.names)] * 3
