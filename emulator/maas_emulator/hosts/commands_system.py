"""The fake commands of the system: services, debconf, APT, the journal, RabbitMQ, snapd."""

from __future__ import annotations

import sys
import zlib

from maas_emulator.hosts import layout, upgrades
from maas_emulator.release import Release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox


def _say(text, stream=None):
    print(text, file=stream or sys.stdout, flush=True)


def run(host: Sandbox, name: str, arguments: list[str]) -> int:
    """Run one of them; return its exit status."""
    return _COMMANDS[name](host, arguments)


# systemd


def _systemctl(host, arguments):
    """``systemctl start|stop|restart|is-active|status|enable|disable UNIT...``."""
    verb, *units = [word for word in arguments if not word.startswith("-")] or ["daemon-reload"]
    if verb == "daemon-reload":
        return 0
    names = [unit[:-8] if unit.endswith(".service") else unit for unit in units]
    if verb in ("mask", "unmask"):  # also those that there are not
        with host.state("masked") as masks:
            masks.update(dict.fromkeys(names, verb == "mask"))
        return 0
    unknown = [name for name in names if name not in host.service_names()]
    if unknown and verb != "is-active":
        _say(f"Failed to {verb} {unknown[0]}.service: Unit {unknown[0]}.service not found.",
             sys.stderr)  # fmt: skip
        return 4 if verb == "status" else 5
    if verb in ("start", "stop", "restart"):
        masked = [name for name in names if verb != "stop" and host.peek("masked").get(name)]
        if masked:
            _say(f"Failed to {verb} {masked[0]}.service: Unit is masked.", sys.stderr)
            return 1
        _act(host, verb, names)
        return 0
    status = 0
    for name in names:
        running = name not in unknown and host.service(name)["running"]
        if verb in ("is-active", "status"):
            _say("active" if running else "inactive")
            status = status or (0 if running else 4 if name in unknown else 3)
    return status


def _act(host, verb, names):
    """Start, stop or restart units, with those that cannot be without them."""
    required = host.trait("required") or {}
    running = {name for name in host.service_names() if host.service(name)["running"]}
    for name, needed in required.items():
        if verb != "start" and name in running and not {name}.issubset(names):
            names = [*names, name] if set(needed) & set(names) else names
    if verb != "stop":
        wanted = [one for name in names for one in required.get(name, ()) if one not in names]
        for name in [one for one in dict.fromkeys(wanted) if one not in running]:
            host.set_service(name, True)
    for name in dict.fromkeys(names):
        if verb != "start" or name not in running:
            host.set_service(name, verb != "stop")


# upstart


def _service(host, arguments):
    """``service NAME start|stop|restart|status``."""
    if len(arguments) < 2:
        _say("Usage: service NAME COMMAND", sys.stderr)
        return 1
    name, verb = arguments[:2]
    if name not in host.service_names():
        _say(f"{name}: unrecognized service", sys.stderr)
        return 1
    if host.trait("init") == "systemd":
        return _systemctl(host, [verb, name])
    return _job(host, verb, name)


def _initctl(host, arguments):
    """``initctl status|start|stop|restart NAME`` and ``initctl list``."""
    if arguments[:1] == ["list"]:
        for name in host.service_names():
            _say(_job_line(host, name))
        return 0
    if len(arguments) < 2:
        return 1
    verb, name = arguments[:2]
    if name not in host.service_names():
        _say(f"initctl: Unknown job: {name}", sys.stderr)
        return 1
    return _job(host, verb, name)


def _job(host, verb, name):
    running = host.service(name)["running"]
    if verb == "start" and running:
        _say(f"start: Job is already running: {name}", sys.stderr)
        return 1
    if verb in ("stop", "restart") and not running:  # it does not start what does not run
        _say(f"{verb}: Unknown instance: ", sys.stderr)
        return 1
    if verb not in ("start", "stop", "restart", "status"):
        return 1
    if verb != "status":
        host.set_service(name, verb != "stop")
    _say(_job_line(host, name))
    return 0


def _job_line(host, name):
    now = host.service(name)
    if not now["running"]:
        return f"{name} stop/waiting"
    # Looks like a process id and stays the same until the next start.
    pid = 1000 + zlib.crc32(f"{name}{now['starts']}".encode()) % 30000
    return f"{name} start/running, process {pid}"


# debconf


def _debconf_show(host, arguments):
    """``debconf-show PACKAGE...``."""
    for question, item in sorted(host.peek("debconf").items()):
        if item["owner"] not in arguments:
            continue
        # Of a password it shows whether there is one.
        value = "(password omitted)" if item["type"] == "password" else item["value"]
        _say(f"* {question}: {value}" if item["value"] else f"  {question}:")
    return 0


def _debconf_communicate(host, arguments):
    """``debconf-communicate PACKAGE``: only ``GET QUESTION``, on its input."""
    store = host.peek("debconf")
    for line in sys.stdin.read().splitlines():
        verb, _, question = line.partition(" ")
        if verb.upper() != "GET":
            _say(f"20 Unsupported command {verb.lower()!r}")
        elif question in store:
            _say(f"0 {store[question]['value']}")
        else:
            _say(f"10 {question} doesn't exist")
            return 10
    return 0


def _debconf_set_selections(host, arguments):
    """``debconf-set-selections [FILE]``: lines ``PACKAGE QUESTION TYPE VALUE``."""
    if arguments and not arguments[0].startswith("-"):
        with open(arguments[0], encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    else:
        lines = sys.stdin.read().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        package, question, kind, value = [*line.split(None, 3), "", "", ""][:4]
        if not kind:
            _say(f"error: Cannot parse line {number}", sys.stderr)
            return 1
        with host.state("debconf") as store:
            owner = store.get(question, {}).get("owner", package)
            store[question] = {"type": kind, "value": value, "owner": owner}
    return 0


def _dpkg_reconfigure(host, arguments):
    """``dpkg-reconfigure PACKAGE...``."""
    from maas_emulator.hosts import packages

    for package in [word for word in arguments if not word.startswith("-")]:
        try:
            packages.reconfigure(host, package)
        except LookupError:
            _say(f"dpkg-reconfigure: {package} is not installed", sys.stderr)
            return 1
        except packages.ScriptFailed as error:
            _say(error, sys.stderr)
            return 1
    return 0


# the journal


def _journalctl(host, arguments):
    """``journalctl [-u UNIT]... [-t IDENTIFIER]... [--since @SECONDS] [-n LINES]``, texts only."""
    asked: dict[str, list[str]] = {"unit": [], "identifier": []}
    since, lines = 0.0, 0
    words = iter(arguments)
    for word in words:
        if word in ("-u", "--unit"):
            asked["unit"].append(next(words).removesuffix(".service"))
        elif word in ("-t", "--identifier"):
            asked["identifier"].append(next(words))
        elif word == "--since":
            since = float(next(words).lstrip("@"))
        elif word in ("-n", "--lines"):
            lines = int(next(words))
        elif word in ("-o", "--output"):
            next(words)
    entries = [
        entry["text"]
        for entry in host.journal()
        if entry["time"] >= since
        and all(entry[key] in values for key, values in asked.items() if values)
    ]
    for text in entries[-lines:] if lines else entries:
        _say(text)
    return 0


# RabbitMQ


def _rabbitmqctl(host, arguments):
    """``rabbitmqctl add_user|change_password|delete_user|list_users``, as of 3.2."""
    verb, *words = [word for word in arguments if not word.startswith("-")] or [""]
    with host.state("broker") as users:
        if verb == "list_users":
            _say("Listing users ...")
            for name in sorted(users):
                _say(f"{name}\t[]")
            return 0
        if verb not in ("add_user", "change_password", "delete_user") or not words:
            _say(f"Error: could not recognise command\n{verb}", sys.stderr)
            return 1
        name = words[0]
        if (name in users) == (verb == "add_user"):
            what = "user_already_exists" if verb == "add_user" else "no_such_user"
            _say(f"Error: {what}: {name}", sys.stderr)
            return 2
        if verb == "delete_user":
            del users[name]
        else:
            users[name] = words[1]
    return 0


def _erl(host, arguments):
    """``erl ... -eval PROGRAM``, a program that asks RabbitMQ for a user or sets a password.

    Node, verb, user and password come on its input.
    """
    if "rabbit_auth_backend_internal" not in arguments[-1]:
        return 1
    _, verb, user, password = (sys.stdin.read().splitlines() + [""] * 4)[:4]
    with host.state("broker") as users:
        if verb == "check":
            _say("ok" if users.get(user) == password else "refused")
        elif user not in users:
            _say("no such user")
        else:
            users[user] = password
            _say("ok")
    return 0


# snapd


def _snap(host, arguments):
    """``snap restart|start|stop NAME``, ``snap services``, ``snap run --shell maas -c WORDS``."""
    verb, words = arguments[0], [*arguments[1:], ""]
    if verb == "run":
        from maas_emulator.hosts import commands

        return commands.main([host.root, *words[words.index("-c") + 1].split()])
    if verb == "services":
        running = host.service("maas")["running"]
        _say("Service  Startup  Current  Notes")
        _say(f"{host.trait('snap_service')}  enabled  {'active' if running else 'inactive'}  -")
        return 0
    options = [word for word in words if word.startswith("-")]
    names = [word for word in words if word and not word.startswith("-")]
    if verb == "refresh" and names == ["maas"]:
        return _refresh(host, options)
    if verb == "install" and names == ["maas"]:
        upgrades.install_snap(host, options[0].partition("=")[2])
        return 0
    if verb not in ("start", "stop", "restart") or names != ["maas"]:
        _say(f"error: unknown command {verb!r}", sys.stderr)
        return 1
    if "--disable" in options or "--enable" in options:
        with host.state("masked") as masks:
            masks["maas"] = "--disable" in options
    host.set_service("maas", verb != "stop")
    _say({"stop": "Stopped."}.get(verb, f"{verb.capitalize()}ed."))
    return 0


def _refresh(host, options):
    channel = next(word for word in options if word.startswith("--channel=")).partition("=")[2]
    try:
        upgrades.to_release(host, channel.partition("/")[0])
    except upgrades.Refused as error:
        _say(f"error: {error}", sys.stderr)
        return 1
    _say(f"maas ({channel}) {host.release} refreshed")
    return 0


# APT


def _apt_get(host, arguments):
    """``apt-get update`` and ``apt-get install PACKAGE=VERSION*...``."""
    if "remove" in arguments:
        upgrades.remove_packages(host)
        return 0
    wanted = [word.rstrip("*") for word in arguments if "=" in word and "::" not in word]
    if "install" not in arguments or not wanted:
        return 0
    release = str(Release(wanted[0].partition("=")[2]))
    there = layout.of_release(layout.TRAITS["deb"], Release(release))
    known = {*there["region_packages"], *there["cluster_packages"], "maas", "maas-dhcp", "maas-dns"}
    for word in wanted:
        name = word.partition("=")[0]
        if name not in known:
            _say(f"E: Unable to locate package {name}", sys.stderr)
            return 100
    upgrades.to_release(host, release)
    return 0


def _deb_migrate(host, arguments):
    upgrades.deb_migrate(host)
    return 0


def _nothing(host, arguments):
    """``add-apt-repository`` and ``dpkg --configure -a``: there is nothing for them to do."""
    return 0


_COMMANDS = {
    "systemctl": _systemctl,
    "service": _service,
    "initctl": _initctl,
    "journalctl": _journalctl,
    "debconf-show": _debconf_show,
    "debconf-communicate": _debconf_communicate,
    "debconf-set-selections": _debconf_set_selections,
    "dpkg-reconfigure": _dpkg_reconfigure,
    "rabbitmqctl": _rabbitmqctl,
    "erl": _erl,
    "snap": _snap,
    "apt-get": _apt_get,
    "maas-deb-migrate": _deb_migrate,
    "add-apt-repository": _nothing,
    "dpkg": _nothing,
}
