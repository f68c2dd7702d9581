"""What ``maas`` of the snap does beside the region's commands: init, config, status, migrate."""

from __future__ import annotations

import json
import sys

from maas_emulator.hosts import formats, migrations
from maas_emulator.hosts.asking import parser, say

#: Options of ``maas config`` that set a key, and the value of those that are switches.
_SWITCHES = {
    "enable_debug": ("debug", True),
    "disable_debug": ("debug", False),
    "enable_debug_queries": ("debug_queries", True),
    "disable_debug_queries": ("debug_queries", False),
}
_DATABASE = ("host", "name", "user", "pass")


def _mode(host):
    return (host.read("snap_mode") or "none").strip()


def _ask(question):
    say(f"{question}: ", end="")
    return sys.stdin.readline().strip()


def _configure(host, keys):
    """Write keys as MAAS does: all into regiond.conf, those that a rack has into rackd.conf too."""
    host.edit_yaml("region_config", keys)
    rack = {key: keys[key] for key in ("maas_url", "debug") if key in keys}
    if rack:
        host.edit_yaml("cluster_config", rack)


def _init_options(host, name):
    options = parser(name)
    modes = ("region+rack", "region", "rack")
    if host.release >= "2.8":
        options.add_argument("mode", choices=modes)
        options.add_argument("--database-uri")
    else:
        options.add_argument("--mode", choices=("all", *modes, "none"))
        for option in (*_DATABASE, *(("port",) if host.release >= "2.6" else ())):
            options.add_argument(f"--database-{option}")
    for option in ("--maas-url", "--secret"):
        options.add_argument(option)
    if "2.4" <= host.release < "3.8":  # then they are left to ``maas config``
        options.add_argument("--num-workers", type=int)
        options.add_argument("--enable-debug", dest="debug", action="store_true", default=None)
    for option in ("--skip-admin", "--force"):
        options.add_argument(option, action="store_true")
    return options


def _init(host, name, arguments):
    """``maas init MODE``, which asks for the database where it is not given."""
    args = _init_options(host, name).parse_args(arguments)
    if _mode(host) != "none" and not args.force and _ask("Initialise again (yes/no)") != "yes":
        return 0
    try:
        keys = {} if args.mode == "rack" else _database(host, args)
    except (ValueError, KeyError) as error:  # as when it has to ask, before 2.8
        say(f"{type(error).__name__}: {error}", sys.stderr)
        return 2
    keys["maas_url"] = args.maas_url or _ask("MAAS URL")
    keys.update(num_workers=getattr(args, "num_workers", None), debug=getattr(args, "debug", None))
    if args.mode == "rack":
        _, mode, owner = host.files()["secret"]
        host.write("secret", args.secret or _ask("Secret"), mode, owner)
    _configure(host, keys)
    host.write("snap_mode", args.mode)
    host.set_service("maas", running=True)
    if args.mode != "rack":
        _migrated(host)


def _migrated(host):
    """Note that the database has the tables of this release, which the region needs to start."""
    with host.state("database") as state:
        state["migrated"] = str(host.release)


def _database(host, args):
    if host.release < "2.8":
        given = {f"database_{key}": getattr(args, f"database_{key}") for key in _DATABASE}
        for key, value in given.items():
            if value is None:
                raise KeyError(key)
        if getattr(args, "database_port", None):
            given["database_port"] = int(args.database_port)
        return given
    uri = args.database_uri or _ask("Database URI")
    if not uri.startswith("postgres://"):
        raise ValueError("the database URI begins with postgres://")
    import psycopg2.extensions

    parsed = psycopg2.extensions.parse_dsn(uri)
    found = {
        "database_host": parsed.get("host", "localhost"),
        "database_name": parsed.get("dbname", parsed["user"]),
        "database_user": parsed["user"],
        "database_pass": parsed.get("password"),
    }
    return {**found, **({"database_port": int(parsed["port"])} if "port" in parsed else {})}


def _config(host, name, arguments):
    """``maas config``: show local settings, or change them and restart what reads them."""
    options = parser(name)
    for option in ("show", "parsable", "show-database-password", "show-secret"):
        options.add_argument(f"--{option}", action="store_true")
    for option in ("--maas-url", "--secret"):
        options.add_argument(option)
    if host.release >= "2.4":
        options.add_argument("--num-workers", type=int)
        for option in _SWITCHES:
            options.add_argument(f"--{option.replace('_', '-')}", action="store_true")
    args = vars(options.parse_args(arguments))
    new = {key: args[key] for key in ("maas_url", "num_workers") if args.get(key) is not None}
    new.update(pair for option, pair in _SWITCHES.items() if args.get(option))
    if args["show"] or not (new or args["secret"]):
        return _show(host, args["show_database_password"], args["show_secret"])
    if args["secret"]:  # which restarts nothing
        host.write("secret", args["secret"], 0o640)
    held = formats.read_yaml(host.read("region_config"))
    if any(held.get(key) != value for key, value in new.items()):
        _configure(host, new)
        host.set_service("maas", running=True)


def _show(host, password, secret):
    mode, held = _mode(host), formats.read_yaml(host.read("region_config"))
    say(f"mode={mode}")
    if mode == "none":
        return
    shown = ["maas_url", *(["debug"] if "debug" in held else [])]
    if mode != "rack":
        shown += [f"database_{key}" for key in ("host", "port", "name", "user", "pass")]
        shown += [key for key in ("num_workers", "debug_queries") if key in held]
    for key in shown:
        if key == "database_port" and host.release < "2.6":
            continue
        say(f"{key}={'(hidden)' if key == 'database_pass' and not password else held.get(key)}")
    if mode == "rack":
        say(f"secret={host.read('secret') if secret else '(hidden)'}")


def _status(host, name, arguments):
    if _mode(host) == "none":
        say("MAAS is not configured")
        return 1
    running = host.service("maas")["running"]
    if host.release < "3.5":
        say(json.dumps(dict.fromkeys(host.roles, running)))
        return 0
    # What pebble says of its services; those that MAAS starts itself are disabled for it.
    names = {name for one in host.roles for name in host.trait(f"{one}_pebble")}
    say("Service          Startup   Current   Since")
    for name in sorted({*host.trait("pebble"), *names}):
        startup = "enabled" if name in host.trait("pebble_enabled") else "disabled"
        active = running and not name.startswith("dhcpd")
        say(f"{name:<15}  {startup:<8}  {'active' if active else 'inactive':<8}  -")
    return 0


def _migrate(host, name, arguments):
    if _mode(host) in ("none", "rack"):
        say("MAAS is not configured" if _mode(host) == "none" else "A rack has no database.")
        return 1
    migrations.apply(host)
    _migrated(host)
    return 0


COMMANDS = {"init": _init, "config": _config, "status": _status, "migrate": _migrate}
