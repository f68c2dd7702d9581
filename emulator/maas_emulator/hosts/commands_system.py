"""Stand-ins for the system's own commands: services, debconf, the journal."""

from __future__ import annotations

import sys
import zlib

from saltext.maas.host import formats

from maas_emulator.hosts import files as sandbox_files


def _say(text, stream=None):
    print(text, file=stream or sys.stdout, flush=True)


def _pid(host, name):
    # Looks like a process id and stays the same until the next start.
    return 1000 + zlib.crc32(f"{name}{host.service(name)['starts']}".encode()) % 30000


# systemd


def systemctl(host, arguments):
    """``systemctl start|stop|restart|is-active|status|enable|disable UNIT...``."""
    words = [word for word in arguments if not word.startswith("-")]
    if not words:
        return 0
    verb, *units = words
    names = [unit[:-8] if unit.endswith(".service") else unit for unit in units]
    known = host.service_names()
    status = 0
    if verb == "daemon-reload":
        return 0
    for name in names:
        if name not in known:
            if verb == "is-active":
                _say("inactive")
                status = 4
                continue
            told = f"Failed to {verb} {name}.service: Unit {name}.service not found."
            _say(told, sys.stderr)
            return 4 if verb == "status" else 5
    for name in names:
        if verb in ("start", "restart", "stop"):
            running = host.service(name)["running"]
            if verb != "start" or not running:
                host.set_service(name, verb != "stop")
        elif verb in ("is-active", "status") and name in known:
            running = host.service(name)["running"]
            _say("active" if running else "inactive")
            status = status or (0 if running else 3)
    return status


# upstart


def service(host, arguments):
    """``service NAME start|stop|restart|status``."""
    if len(arguments) < 2:
        _say("Usage: service < option > | --status-all | [ service_name [ command ] ]", sys.stderr)
        return 1
    name, verb = arguments[0], arguments[1]
    if name not in host.service_names():
        _say(f"{name}: unrecognized service", sys.stderr)
        return 1
    if host.fact("init") == "systemd":
        return systemctl(host, [verb, name])
    return _upstart(host, verb, name)


def initctl(host, arguments):
    """``initctl status|start|stop|restart NAME`` and ``initctl list``."""
    if arguments[:1] == ["list"]:
        for name in host.service_names():
            _say(_upstart_line(host, name))
        return 0
    if len(arguments) < 2:
        return 1
    verb, name = arguments[0], arguments[1]
    if name not in host.service_names():
        _say(f"initctl: Unknown job: {name}", sys.stderr)
        return 1
    return _upstart(host, verb, name)


def _upstart(host, verb, name):
    running = host.service(name)["running"]
    if verb == "status":
        _say(_upstart_line(host, name))
        return 0
    if verb == "start" and running:
        _say(f"start: Job is already running: {name}", sys.stderr)
        return 1
    if verb in ("stop", "restart") and not running:
        _say(f"{verb}: Unknown instance: ", sys.stderr)
        return 1
    if verb not in ("start", "stop", "restart"):
        return 1
    host.set_service(name, verb != "stop")
    _say(_upstart_line(host, name))
    return 0


def _upstart_line(host, name):
    if host.service(name)["running"]:
        return f"{name} start/running, process {_pid(host, name)}"
    return f"{name} stop/waiting"


# debconf


def debconf_show(host, arguments):
    """``debconf-show PACKAGE...``."""
    store = host.peek("debconf")
    for question, item in sorted(store.items()):
        if _owned(host, question) not in arguments:
            continue
        value = item["value"]
        if item["type"] == "password":  # whether there is one or not
            value = "(password omitted)"
        _say(f"* {question}: {value}" if value else f"  {question}:")
    return 0


def _owned(host, question):
    prefix = question.partition("/")[0]
    return host.fact("region_packages")[0] if prefix == "maas" else prefix


def debconf_communicate(host, arguments):
    """``debconf-communicate PACKAGE``: only ``GET QUESTION``, on its input."""
    store = host.peek("debconf")
    for line in sys.stdin.read().splitlines():
        verb, _, question = line.partition(" ")
        if verb.upper() != "GET":
            _say(f'20 Unsupported command "{verb.lower()}" (full line was "{line}") received.')
        elif question in store:
            _say(f"0 {store[question]['value']}")
        else:
            _say(f"10 {question} doesn't exist")
            return 10
    return 0


def debconf_set_selections(host, arguments):
    """``debconf-set-selections [FILE]``: lines ``PACKAGE QUESTION TYPE VALUE``."""
    if arguments and not arguments[0].startswith("-"):
        with open(arguments[0], encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    else:
        lines = sys.stdin.read().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 3)
        if len(words) < 3:
            _say(f"error: Cannot parse line {number}", sys.stderr)
            return 1
        _, question, kind, *value = words
        with host.state("debconf") as store:
            store[question] = {"type": kind, "value": value[0] if value else ""}
    return 0


def dpkg_reconfigure(host, arguments):
    """``dpkg-reconfigure PACKAGE...``: the packages' scripts go by debconf."""
    packages = [word for word in arguments if not word.startswith("-")]
    for package in packages:
        for role in host.roles:
            if package in host.fact(f"{role}_packages"):
                configure(host, role)
                for name in host.fact(f"{role}_services"):
                    host.set_service(name, running=True)
    return 0


def _new_broker_passwords(host):
    """1.5 and 1.6 make up new passwords whenever the region's package is configured."""
    if not host.fact("txlongpoll"):
        return
    new = {name: sandbox_files.password() for name in sandbox_files.BROKER_USERS}
    with host.state("broker") as users:
        users.update(new)
    longpoll = {"broker_longpoll_password": new["maas_longpoll"]}
    host.write("region_config", formats.python_update(host.read("region_config"), longpoll))
    host.write("txlongpoll", formats.longpoll_update(host.read("txlongpoll"), longpoll))
    workers = {"broker_workers_password": new["maas_workers"]}
    given = host.peek("debconf").get(host.fact("region_host_question"), {}).get("value")
    workers.update({"broker_workers_host": given} if given else {})
    text = formats.broker_url_update(host.read("celery_config"), workers)
    host.write("celery_config", text)


def configure(host, role):
    """What a package's script does with debconf's answers at a reconfigure."""
    if role == "region":
        _new_broker_passwords(host)
    answers = {question: item["value"] for question, item in host.peek("debconf").items()}
    if role == "region":
        given = answers.get(host.fact("region_host_question"), "")
        port = host.fact("default_port")
        # Appended also where a port was given already.
        url = f"http://{given}{'' if port == 80 else f':{port}'}/MAAS"
        _write_region_url(host, url)
        return
    if host.fact("cluster_celery"):
        uuid = formats.celery_uuid(host.read("cluster_celery"))
        if uuid:
            text = formats.shell_set(host.read("cluster_config"), "CLUSTER_UUID", uuid)
            host.write("cluster_config", text)
    url = answers.get(host.fact("cluster_url_question"), "")
    if url:
        _write_cluster_url(host, url)
    secret = answers.get(host.fact("cluster_secret_question"), "")
    if secret and "region" not in host.roles:
        host.write("secret", secret.lower(), 0o640, "maas:maas")


def upgrade(host):
    """What the upgrade of all packages changes: 1.x rewrites what debconf holds."""
    if "region" in host.roles and host.fact("upgrade_rewrites_url"):
        configure(host, "region")
    if "cluster" in host.roles and host.release < "1.9":
        configure(host, "cluster")
    for role in host.roles:
        for name in host.fact(f"{role}_services"):
            host.set_service(name, running=True)


def _write_region_url(host, url):
    text = host.read("region_config")
    if host.fact("region_format") == "yaml":
        host.write("region_config", formats.yaml_update(text, {"maas_url": url}))
        return
    old = formats.python_read(text).get("url", "")
    # The script's pattern takes these characters only, else it does nothing.
    if all(char.isalnum() or char in ":/." for char in old) and "-" not in old:
        host.write("region_config", formats.python_update(text, {"url": url}))


def _write_cluster_url(host, url):
    text = host.read("cluster_config")
    if host.fact("cluster_format") == "yaml":
        host.write("cluster_config", formats.yaml_update(text, {"maas_url": url}))
        return
    host.write("cluster_config", formats.shell_set(text, "MAAS_URL", url))
    host.write("pserv", formats.pserv_set_generator(host.read("pserv"), url))


# the journal


def journalctl(host, arguments):
    """``journalctl [-u UNIT]... [--since @SECONDS] [-n LINES]``, texts only."""
    units, since, lines = [], 0.0, None
    words = iter(arguments)
    for word in words:
        if word in ("-u", "--unit", "-t", "--identifier"):
            units.append(next(words))
        elif word == "--since":
            since = float(next(words).lstrip("@"))
        elif word in ("-n", "--lines"):
            lines = int(next(words))
        elif word in ("-o", "--output"):
            next(words)
    entries = [
        entry["text"]
        for entry in host.journal()
        if entry["time"] >= since and (not units or entry["unit"] in units)
    ]
    for text in entries[-lines:] if lines else entries:
        _say(text)
    return 0


# RabbitMQ


def rabbitmqctl(host, arguments):
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


# RabbitMQ, asked by Erlang's own program as saltext.maas.host.broker does it


def erl(host, arguments):
    """``erl ... -eval PROGRAM``: node, verb, user and password come on its input."""
    if "rabbit_auth_backend_internal" not in arguments[-1]:
        return 1
    _, verb, user, password = (sys.stdin.read().splitlines() + [""] * 4)[:4]
    with host.state("broker") as users:
        if verb == "check":
            right = users.get(user) == password
            _say("ok" if right else "refused")
        elif user not in users:
            _say("no such user")
        else:
            users[user] = password
            _say("ok")
    return 0


# snapd


def snap(host, arguments):
    """``snap restart|start|stop NAME``, ``snap services``, ``snap run --shell maas -c WORDS``."""
    verb, *words = [*arguments, ""]
    if verb == "run":
        from maas_emulator.hosts import commands

        return commands.main([host.root, *words[words.index("-c") + 1].split()])
    if verb == "services":
        running = host.service("maas")["running"]
        _say("Service  Startup  Current  Notes")
        _say(f"maas.pebble  enabled  {'active' if running else 'inactive'}  -")
        return 0
    if verb not in ("start", "stop", "restart") or words[0] != "maas":
        _say(f"error: unknown command {verb!r}", sys.stderr)
        return 1
    host.set_service("maas", verb != "stop")
    _say(f"{verb.capitalize()}ed.")
    return 0


COMMANDS = {
    "rabbitmqctl": rabbitmqctl,
    "erl": erl,
    "snap": snap,
    "systemctl": systemctl,
    "service": service,
    "initctl": initctl,
    "debconf-communicate": debconf_communicate,
    "debconf-show": debconf_show,
    "debconf-set-selections": debconf_set_selections,
    "dpkg-reconfigure": dpkg_reconfigure,
    "journalctl": journalctl,
}
