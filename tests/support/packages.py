"""Fake Debian packages of a region and a cluster or rack, built in a moment.

Written anew from what is known about the packages of each release: which questions they
ask, what their scripts do with the answers at an installation, an upgrade and a
reconfigure, and which files they leave behind, with which owner and mode.  One set of
templates; what differs between releases is :data:`ERAS`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from maas_emulator.hosts import migrations, sandbox
from saltext.maas.release import Release
from support import throwaway
from support.throwaway import Room

FOLDER = Path(__file__).with_name("fake_packages")

#: Two versions of each release's packages, the second an upgrade of the first.
VERSIONS = {
    "1.5": ("1.5+bzr2252-0ubuntu1", "1.5.4+bzr2294-0ubuntu1.2"),
    "1.7": ("1.7.1+bzr3341-0ubuntu1", "1.7.6+bzr3376-0ubuntu2~14.04.1"),
    "1.9": ("1.9.0+bzr4533-0ubuntu1", "1.9.5+bzr4599-0ubuntu1~14.04.1"),
    "2.3": ("2.3.0-6434-gd354690-0ubuntu1~16.04.1", "2.3.7-6470-g02dd9e6-0ubuntu1~16.04.1"),
    "2.9": ("1:2.9.0-9145-g.1a1a1a1a1-0ubuntu1", "1:2.9.2-9165-g.c3e7848d1-0ubuntu1"),
    "3.4": ("1:3.4.0-14321-g.1027c7664-0ubuntu1", "1:3.4.8-14363-g.bcdd1e6e8-0ubuntu1"),
    "3.7": ("1:3.7.0-17966-g.9a1e7e6a4-0ubuntu1", "1:3.7.3-17993-g.1b2c3d4e5-0ubuntu1"),
    "3.8": ("1:3.8.0~beta6-0ubuntu1", "1:3.8.0-18120-g.2c3d4e5f6-0ubuntu1"),
}  # fmt: skip

#: Of the releases between them that an upgrade from 1.5 to 3.8 stops at.
STOPS = {
    "2.8": ("2.8.0-8440-g.1a1a1a1a1-0ubuntu1", "2.8.9-8600-g.2b2b2b2b2-0ubuntu1"),
    "3.2": ("1:3.2.0-11989-g.1a1a1a1a1-0ubuntu1", "1:3.2.11-12040-g.2b2b2b2b2-0ubuntu1"),
    "3.5": ("1:3.5.0-16316-g.1a1a1a1a1-0ubuntu1", "1:3.5.4-16382-g.2b2b2b2b2-0ubuntu1"),
}  # fmt: skip
#: How the database is migrated at an upgrade, by the region's own package.
_SOUTH = ("syncdb --noinput", "migrate maasserver --noinput", "migrate metadataserver --noinput")
BROKER_FILES = ("maas_local_celeryconfig.py", "txlongpoll.yaml")
#: What holds since which release; each adds to those before.
ERAS = (
    ("1.5", {
        "init": "upstart",
        "region_packages": ("maas-region-controller-min", "maas-region-controller"),
        "region_tool": "maas-region-admin",
        "region_file": "python",
        "region_conffiles": ("maas_local_settings.py", *BROKER_FILES),
        "region_port": "",
        "region_services": ("apache2", "maas-txlongpoll", "maas-region-celery"),
        "url_always": True,  # at every configure, upgrades too
        "broker": True,
        "first_user": False,
        "conf_owner": "",
        "cluster_package": "maas-cluster-controller",
        "cluster_tool": "maas-provision",
        "cluster_file": "shell",
        "cluster_conf": "/etc/maas/maas_cluster.conf",
        "cluster_conffiles": (
            "maas_cluster.conf", "maas_local_celeryconfig_cluster.py", "pserv.yaml",
            "bootresources.yaml",
        ),
        "cluster_services": ("maas-pserv", "maas-cluster-celery"),
        "cluster_url": "sed",
        "cluster_always": True,
        "cluster_uuid": True,
        "binds_ports": True,
        "secret": None,
        "migrate": _SOUTH,
        "replaces": {},
    }),
    ("1.7", {
        "broker": False,
        "region_conffiles": ("maas_local_settings.py",),
        "region_services": ("apache2",),
        "cluster_conffiles": ("maas_cluster.conf", "pserv.yaml"),
        "cluster_services": ("maas-clusterd",),
        "cluster_url": "configure-maas-url",
        "secret": "always",
    }),
    ("1.8", {"region_services": ("maas-regiond",)}),
    ("1.9", {
        "region_file": "yaml",
        "region_conffiles": (),
        "url_always": False,
        "cluster_file": "yaml",
        "cluster_conf": "/etc/maas/clusterd.conf",
        "cluster_conffiles": (),
        "cluster_url": "config --region-url",
        "cluster_always": False,
        "secret": "reconfigure",
    }),
    ("2.0", {
        "init": "systemd",
        "region_packages": ("maas-region-api", "maas-region-controller"),
        "region_tool": "maas-region",
        "first_user": True,
        "cluster_package": "maas-rack-controller",
        "cluster_tool": "maas-rack",
        "cluster_conf": "/etc/maas/rackd.conf",
        "cluster_services": ("maas-rackd",),
        "binds_ports": False,
        "secret": "fresh",
        "migrate": ("dbupgrade",),
        "replaces": {
            "maas-region-api": "maas-region-controller-min",
            "maas-rack-controller": "maas-cluster-controller",
        },
    }),
    ("2.1", {"region_port": ":5240"}),
    ("3.3", {"conf_owner": "maas:maas"}),
    ("3.5", {
        "cluster_uuid": False,
        "region_services": (
            "maas-temporal", "maas-regiond", "maas-apiserver", "maas-temporal-worker",
        ),
    }),
    ("3.8", {
        "region_services": (
            "maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker",
            "maas-openfga",
        ),
    }),
)  # fmt: skip


def traits(release: str) -> dict:
    """What holds for a release's packages."""
    found = {}
    for since, more in ERAS:
        if Release(release) >= since:
            found.update(more)
    return found


def releases(versions, *quick):
    """The releases of some versions as parameters, all but a few only for `make sweep`."""
    sweep = pytest.mark.sweep
    return [pytest.param(one, marks=() if one in quick else sweep) for one in versions]


#: The mark of tests that take packages.
NEEDED = throwaway.needed("dpkg-deb", "dpkg", "dpkg-reconfigure", "debconf-set-selections")


class Packages:
    """The packages of one release.

    Args:
        release: Key of :data:`VERSIONS` or :data:`STOPS`.
        folder: Where they are built.
        moves: Whether they are upgraded to from another release: then they migrate the database,
            and carry over what the older release was configured with.
    """

    def __init__(self, release, folder, moves=False):
        self.release = release
        self.moves = moves
        self.versions = {**VERSIONS, **STOPS}[release]
        self.traits = traits(release)
        self.folder = Path(folder)
        self._built = {}
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER), trim_blocks=True, lstrip_blocks=True,
            keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False,
        )  # fmt: skip

    def names(self, role) -> tuple[str, ...]:
        """Packages of ``region`` or ``cluster``, in the order in which they are installed."""
        if role == "region":
            return self.traits["region_packages"]
        return (self.traits["cluster_package"],)

    def services(self, role) -> tuple[str, ...]:
        """Services that come with a role."""
        return self.traits[f"{role}_services"]

    def deb(self, name, second=False) -> Path:
        """Build a package, or take the one that was built; returns its file."""
        version = self.versions[second]
        if (name, version) not in self._built:
            self._built[name, version] = self._build(name, version)
        return self._built[name, version]

    def _build(self, name, version):
        tree = self.folder / f"{name}_{len(self._built)}"
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        role = "cluster" if name == self.traits["cluster_package"] else "region"
        base, main = name == self.traits["region_packages"][0], name in self.names(role)[-1:]
        # Before 2.0 the questions are in the package that holds the files.
        questions = role == "cluster" or base == (Release(self.release) < "2.0")
        exact = str(Release(version.split(":")[-1]))
        values = {**self.traits, "version": version, "name": name, "has_questions": questions,
                  "moves": exact if self.moves else ""}  # fmt: skip
        conffiles = self.traits[f"{role}_conffiles"] if base or role == "cluster" else ()
        for one in conffiles:
            self._put(tree / "etc/maas" / one, one, values)
        if conffiles:
            (control / "conffiles").write_text("".join(f"/etc/maas/{one}\n" for one in conffiles))
        if base:
            self._put(control / "postinst", "region_files.postinst", values, 0o755)
            for tool in (self.traits["region_tool"], "maas"):
                launcher(tree / "usr/sbin" / tool, tool)
            for path, text in (self._migrations(exact) if self.moves else {}).items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text)
        if role == "cluster":
            launcher(tree / "usr/sbin" / self.traits["cluster_tool"], self.traits["cluster_tool"])
        if questions:
            self._put(control / "templates", f"{role}.templates", values)
        if main:
            self._put(control / "config", f"{role}.config", values, 0o755)
            self._put(control / "postinst", f"{role}.postinst", values, 0o755)
            self._put(
                control / "prerm", "prerm", {**values, "services": self.services(role)}, 0o755
            )
        needs = "debconf" if base or role == "cluster" else f"debconf, {self.names('region')[0]}"
        gone = self.traits["replaces"].get(name)
        relations = f"Replaces: {gone}\nConflicts: {gone}\nProvides: {gone}\n" if gone else ""
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nSection: net\n"
            f"Priority: optional\nMaintainer: Nobody <nobody@example.com>\nDepends: {needs}\n"
            f"{relations}Description: fake of {name}\n"
        )
        deb = self.folder / f"{tree.name}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return deb

    def _migrations(self, exact):
        box = sandbox.Sandbox("/", {"release": exact, "kind": "deb", "role": "region"})
        return migrations.files(box)

    def _put(self, path, template, values, mode=0o644):
        path.parent.mkdir(parents=True, exist_ok=True)
        macros = self._jinja.get_template("services.sh.j2").make_module(values)
        text = self._jinja.get_template(f"{template}.j2").render(
            **values, restart=macros.restart, stop=macros.stop
        )
        path.write_text(text)
        path.chmod(mode)


def launcher(path, name):
    """A fake command of the sandbox, with ``/`` as the sandbox."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sandbox.launcher("/", name))
    path.chmod(0o755)


class Site:
    """An embedded region at the port of its release, and throwaway hosts around it.

    Use it as a context manager.

    Args:
        release: Key of :data:`VERSIONS`.
        folder: Where packages are built and logs go.
        postgres: Server on which the region has a database; its hosts see the server's socket.

    Attributes:
        database: What ``Postgres.database`` says of it.
    """

    def __init__(self, release, folder, postgres=None):
        self.packages = Packages(release, folder)
        self.folder = Path(folder)
        self.release = release
        self._postgres = postgres
        self._folders = [postgres.host] if postgres else []
        self._opened = contextlib.ExitStack()
        port = self.packages.traits["region_port"]
        self.port = int(port.lstrip(":") or 80)
        self.url = f"http://127.0.0.1{port}/MAAS"
        self.hosts = {}

    def __enter__(self):
        if self._postgres:
            self.database = self._opened.enter_context(self._postgres.database())
        self.room = Room()
        self.room.__enter__()
        return self

    def __exit__(self, *_):
        self.room.close()
        self._opened.close()

    @property
    def password(self):
        """One for the database, which will do with any; 3.8 puts it into a URL as it is."""
        return "pw-Ünlikely'9\"$x" if Release(self.release) < "3.8" else "pw-Unlikely'9$x"

    def database_settings(self):
        """The region's database, as settings of its host."""
        found = {f"database_{key}": self.database[key] for key in ("host", "name", "user")}
        return {**found, "database_password": self.password}

    def add(self, name, role, *preseeds, install=True) -> Host:
        """Make a host and install its packages, with debconf answers given beforehand."""
        host = Host(self.room.root(name, self._folders), self.packages, role)
        self.hosts[name] = host
        if preseeds:
            host.preseed(*preseeds)
        if install:
            host.install()
        return host

    def start(self):
        """Start the region and the daemons of the hosts that are there by now."""
        self.room.share_users(next(iter(self.hosts.values())).root)
        command = [
            sys.executable, "-m", "maas_emulator", "--release", self.release, "--no-admin",
            "--hosts", self.room.hosts, "--port", str(self.port), "--import-seconds", "0.2",
        ]  # fmt: skip
        if self._postgres:
            command += ["--database", self._postgres.uri(self.database["name"])]
        with open(self.folder / "region.log", "wb") as log:
            process = self.room.start(*command, stdout=subprocess.PIPE, stderr=log)
        line = process.stdout.readline()
        assert line, (self.folder / "region.log").read_text()
        return json.loads(line)


class Host:
    """A throwaway root that becomes a MAAS host.

    Args:
        root: Of ``support.throwaway``.
        packages: :class:`Packages`.
        role: ``region``, ``cluster`` or ``region+cluster``.
    """

    def __init__(self, root, packages, role):
        self.root = root
        self.packages = packages
        self.role = role
        self.roles = role.split("+")
        self._commands()

    def _commands(self):
        """The system around MAAS: its init, its broker; debconf and dpkg are the real ones."""
        usr = self.root.path / "usr"
        if self.packages.traits["init"] == "upstart":
            (usr / "bin/systemctl").unlink(missing_ok=True)
            names = {"initctl": "sbin", "service": "sbin"}
        else:
            names = {"systemctl": "bin", "journalctl": "bin", "service": "sbin"}
        if self.packages.traits["broker"]:
            names.update(rabbitmqctl="sbin", erl="bin")
        for name, folder in names.items():
            (usr / folder / name).unlink(missing_ok=True)
            launcher(usr / folder / name, name)
        # A system with next to nothing installed: dpkg and debconf have little to read.
        self.root.write("/etc/dpkg/dpkg.cfg.d/fast", "force-unsafe-io\n")
        for folder in ("/var/lib/dpkg", "/var/cache/debconf"):
            self.root.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
        for name in ("info/format", "info/debconf.list", "triggers/File"):
            self.root.write(f"/var/lib/dpkg/{name}", "1\n" if name == "info/format" else "")
        self.root.run("mkdir", "/var/lib/dpkg/updates")
        self.root.write(
            "/var/lib/dpkg/status",
            "Package: debconf\nStatus: install ok installed\nArchitecture: all\n"
            "Version: 1.5\nProvides: debconf-2.0\nMaintainer: Nobody <nobody@example.com>\n"
            "Description: configuration management\n",
        )
        self.root.write("/var/log/emulator-argv.log", "")
        self.root.write("/var/lib/emulator/debconf.json", "{}")
        (self.root.path / "usr/sbin/policy-rc.d").unlink(missing_ok=True)

    def archive(self, packages):
        """Make packages the one source of APT, and have this host be of their release next."""
        self.packages = packages
        folder = self.root.path / "srv/archive"
        for old in folder.glob("*"):
            old.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        index = []
        for role in self.roles:
            for name in packages.names(role):
                data = packages.deb(name).read_bytes()
                (folder / f"{name}.deb").write_bytes(data)
                fields = subprocess.run(
                    ["dpkg-deb", "-f", packages.deb(name)], check=True, capture_output=True,
                    text=True,
                ).stdout  # fmt: skip
                digest = hashlib.sha256(data).hexdigest()
                index.append(
                    f"{fields}Filename: ./{name}.deb\nSize: {len(data)}\nSHA256: {digest}\n"
                )
        (folder / "Packages").write_text("\n".join(index))
        self.root.run("sh", "-c", "rm -rf /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
        self.root.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/archive ./\n")

    def upgrade_ubuntu(self, version):
        """What an operator does between two releases of MAAS: another Ubuntu, with its init."""
        self.root.write("/etc/os-release", f'ID=ubuntu\nVERSION_ID="{version}"\n')
        if float(version) > 16:
            usr = self.root.path / "usr"
            (usr / "sbin/initctl").unlink(missing_ok=True)
            for name in ("systemctl", "journalctl"):
                (usr / "bin" / name).unlink(missing_ok=True)
                launcher(usr / "bin" / name, name)
            self.root.run("mkdir", "-p", "/run/systemd/system")

    def _release(self, second):
        kept = json.loads(self.root.read("/emulator.json") or "{}")
        exact = self.packages.versions[second].split(":")[-1]
        info = {
            "url": None,
            "interfaces": [{"name": "eth0", "mac": "52:54:00:00:00:07", "ip": "10.0.0.7",
                            "subnet_mask": "255.255.255.0"}],
            **kept,
            "release": str(Release(exact)), "role": self.role, "hostname": self.root.name,
            "outside": self.root.seen,
        }  # fmt: skip
        if not kept:
            self.root.write("/emulator.token", secrets.token_hex(16), 0o600)
            self.root.write("/var/lib/emulator/services.json", "{}", 0o600)
        self.root.write("/emulator.json", json.dumps(info))

    def preseed(self, *lines):
        """Give debconf answers before the installation: ``PACKAGE QUESTION TYPE VALUE``."""
        self.root.run("debconf-set-selections", stdin="".join(f"{line}\n" for line in lines))

    def install(self, second=False):
        """Install the packages of this host's roles, or upgrade to the second version."""
        self._release(second)
        debs = []
        for role in self.roles:
            for name in self.packages.names(role):
                deb = self.packages.deb(name, second)
                target = self.root.path / "var/tmp/debs" / deb.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(deb.read_bytes())
                debs.append(f"/var/tmp/debs/{deb.name}")
        self.root.run("dpkg", "--force-confold", "-i", *debs)

    def upgrade(self):
        """Upgrade to the second version of the packages."""
        self.install(second=True)

    def reconfigure(self, role):
        """``dpkg-reconfigure``, without asking anybody."""
        self.root.run("dpkg-reconfigure", "-f", "noninteractive", self.packages.names(role)[-1])

    def assert_hidden(self, *values):
        """No fake command had one of these values among its arguments."""
        text = self.root.read("/var/log/emulator-argv.log")
        assert not [value for value in values if value in text]

    def answers(self, role):
        """What debconf shows of a role's questions."""
        out = self.root.run("debconf-show", *self.packages.names(role)).stdout
        pairs = (line.lstrip("* ").partition(":") for line in out.splitlines())
        return {name.strip(): value.strip() for name, _, value in pairs}

    def calls(self, *names):
        """Arguments of every fake command that ran, or of some."""
        lines = (self.root.read("/var/log/emulator-argv.log") or "").splitlines()
        found = [json.loads(line) for line in lines]
        return [call for call in found if not names or call[0] in names]

    def forget_calls(self):
        """Count calls from here on."""
        self.root.write("/var/log/emulator-argv.log", "")

    def call(self, expression, expect=True, **values):
        """Evaluate a Python expression inside, with ``installation`` and the host modules at hand.

        Args:
            expression: Such as ``region_config.read_config(installation)``.
            expect: Whether it is to succeed; else the error's text is returned.
            values: Names for the expression; they travel by standard input.

        Returns:
            What it gave, by way of JSON.
        """
        done = self.root.python(_CALL, stdin=json.dumps([expression, values]))
        result = json.loads(done.stdout.splitlines()[-1])
        assert ("error" not in result) == expect, result
        return result["error"] if "error" in result else result["result"]


_CALL = """
import importlib, json, sys
from saltext.maas.errors import MaasError
from saltext.maas.host import installation as installations

class Names(dict):
    "What an expression names is imported when it does."
    def __missing__(self, name):
        if name in ("asked", "str", "list", "len", "sorted"):
            raise KeyError(name)
        return importlib.import_module(f"saltext.maas.host.{name}")

def asked(function, *values):
    "Ask the region's database."
    from saltext.maas.host import database
    with database.connection(names["installation"]) as connection:
        return function(connection, *values)

expression, values = json.load(sys.stdin)
names = Names(values, installation=installations.detect())
try:
    result = {"result": eval(expression, globals(), names)}
except MaasError as error:
    result = {"error": str(error)}
print(json.dumps(result, default=str))
"""
