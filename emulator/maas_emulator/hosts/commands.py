"""Stand-ins for MAAS's commands on a sandbox host.

``python -m maas_emulator.hosts.commands ROOT NAME [arguments]`` plays the
command NAME; launchers in the sandbox call it.  Texts, prompts and exit codes
are those of MAAS as far as they are known.
"""

from __future__ import annotations

import argparse
import binascii
import getpass
import json
import os
import sys
import time
import uuid as uuids

import yaml
from saltext.maas.host import formats
from saltext.maas.host.host_settings import SETTINGS
from saltext.maas.release import Release

from maas_emulator.hosts import commands_cli, commands_region, commands_system
from maas_emulator.hosts.sandbox import Sandbox

CommandError = commands_region.CommandError


class _Parser(argparse.ArgumentParser):
    def __init__(self, name):
        super().__init__(prog=name, allow_abbrev=False)


def say(text="", stream=None):
    """Print a line."""
    print(text, file=stream or sys.stdout, flush=True)


def main(argv=None) -> int:
    """Play one command; returns its exit status."""
    root, name, *arguments = argv if argv is not None else sys.argv[1:]
    host = Sandbox(root)
    host.append("var/log/emulator-argv.log", json.dumps([name, *arguments]))
    if name in commands_system.COMMANDS:
        return commands_system.COMMANDS[name](host, arguments)
    if name == "maas-import-pxe-files":
        from maas_emulator.hosts import commands_images  # slow, and seldom needed

        return commands_images.import_pxe_files(host, arguments, ask_region)
    try:
        return {
            "maas": _maas,
            "maas-region": _region,
            "maas-region-admin": _region,
            "maas-provision": _cluster,
            "maas-rack": _cluster,
        }[name](host, name, arguments)
    except CommandError as error:
        label = "Error" if host.release < "2.0" else "CommandError"
        say(f"{label}: {error}", sys.stderr)
        return 1


def ask_region(host, verb, **payload):
    """Call the emulated region; returns its answer, or None where it knows no such user."""
    import urllib.error  # slow, and not needed by most commands
    import urllib.request

    # Inside of a container the region knows the host's root by another path.
    payload["root"] = host.info.get("outside") or host.root
    payload["token"] = (host.read("emulator.token") or "").strip()
    url = host.info.get("url")
    if not url:
        raise SystemExit(
            "OperationalError: no embedded region plays this host; start one with: "
            "python -m maas_emulator --hosts FOLDER"
        )
    request = urllib.request.Request(  # noqa: S310  (always our own http URL)
        f"{url}/{verb}", json.dumps(payload).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
        if told.get("error") == "unknown":
            return None
        raise SystemExit(f"OperationalError: {told.get('error')}") from None
    except (OSError, ValueError):
        # As when PostgreSQL is not there.
        raise SystemExit("OperationalError: could not connect to server") from None


# maas-region, maas-region-admin


def _region(host, name, arguments):
    commands = {
        "createadmin": _createadmin,
        "apikey": _apikey,
        "changepassword": _changepassword,
    }
    if host.release >= "1.9":
        commands["changepasswords"] = _changepasswords
        commands["local_config_set"] = _config_set
        commands["local_config_get"] = _config_get
        commands["local_config_reset"] = _config_reset
    commands.update(commands_region.commands(host))
    if host.release >= "1.10":
        commands["dbupgrade"] = lambda *_: 0
    else:
        commands["syncdb"] = commands["migrate"] = lambda *_: 0
    if not arguments or arguments[0] not in commands:
        say(f"Unknown command: {arguments[0] if arguments else ''!r}", sys.stderr)
        return 1
    return commands[arguments[0]](host, f"{name} {arguments[0]}", arguments[1:])


def _createadmin(host, name, arguments):
    parser = _Parser(name)
    for option in ("--username", "--password", "--email"):
        parser.add_argument(option)
    if host.release >= "2.1":
        parser.add_argument("--ssh-import")
    args = parser.parse_args(arguments)
    if host.release < "1.7":
        if not args.username:
            raise CommandError("You must provide a username with --username.")
        if not args.email:
            raise CommandError("You must provide an email with --email.")
    complete = args.username and args.password and args.email
    username = args.username or _prompt("Username: ")
    password = args.password or _new_password()
    email = args.email or _prompt("Email: ")
    if host.release >= "2.1" and not complete and args.ssh_import is None:
        _prompt("Import SSH keys [] (lp:user-id or gh:user-id): ")
    told = ask_region(host, "createadmin", username=username, password=password, email=email)
    field = told.get("duplicate")
    if not field:
        return 0
    if host.release >= "3.4":
        raise CommandError(f"A user with the email {email} already exists.")
    say("Traceback (most recent call last):", sys.stderr)
    say(
        f'IntegrityError: duplicate key value violates unique constraint "auth_user_{field}_key"',
        sys.stderr,
    )
    return 1


def _prompt(text):
    while True:  # the real one, too, asks again for ever at the end of its input
        try:
            return input(text)
        except EOFError:
            say()
            time.sleep(0.02)


def _new_password():
    while True:
        try:
            first = getpass.getpass("Password: ")
            second = getpass.getpass("Again: ")
        except EOFError:
            time.sleep(0.02)
            continue
        if first != second:
            raise CommandError("Passwords do not match.")
        return first


def _apikey(host, name, arguments):
    parser = _Parser(name)
    parser.add_argument("--username")
    parser.add_argument("--generate", action="store_true")
    parser.add_argument("--delete")
    if host.release >= "2.1":
        parser.add_argument("--name")
        parser.add_argument("--with-names", action="store_true")
        parser.add_argument("--update")
    args = parser.parse_args(arguments)
    if not args.username:
        raise CommandError("You must provide a username with --username.")
    if args.generate and args.delete:
        raise CommandError("Specify one of --generate or --delete.")
    label = getattr(args, "name", None)
    key = args.delete or getattr(args, "update", None)
    action = "generate" if args.generate else "delete" if args.delete else "list"
    if getattr(args, "update", None):
        action = "rename"
    told = ask_region(host, "apikey", username=args.username, action=action, key=key, name=label)
    if told is None:
        raise CommandError("User does not exist.")
    if action in ("delete", "rename"):
        if not (told.get("deleted") or told.get("renamed")):
            raise CommandError("No matching api key found.")
        return 0
    for title, text in told["keys"]:
        say(f"{text} {title}" if getattr(args, "with_names", False) else text)
    return 0


def _changepassword(host, name, arguments):
    if not arguments:
        raise CommandError("You need to specify a user.")
    username = arguments[0]
    if ask_region(host, "apikey", username=username) is None:
        raise CommandError(f"user '{username}' does not exist")
    for _ in range(3):
        first = getpass.getpass("Password: ")
        if first == getpass.getpass("Password (again): "):
            break
        say("Passwords do not match. Please try again.")
    else:
        raise CommandError(f"Aborting password change for user '{username}' after 3 attempts")
    ask_region(host, "changepassword", passwords=[[username, first]])
    say(f"Password changed successfully for user '{username}'")
    return 0


def _changepasswords(host, name, arguments):
    if arguments:
        with open(arguments[0], encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    else:
        lines = sys.stdin.read().splitlines()
    pairs = [line.partition(":") for line in lines]
    if not all(separator for _, separator, _ in pairs):
        raise CommandError("Invalid input provided. Format is 'username:password', one per line.")
    for username, _, _ in pairs:
        if ask_region(host, "apikey", username=username) is None:
            raise CommandError(f"User '{username}' does not exist.")
    told = ask_region(host, "changepassword", passwords=[[user, text] for user, _, text in pairs])
    say(f"{told['changed']} password(s) successfully changed.")
    return 0


def _settings(host):
    first = Release("1.9")  # the release that has this command at all
    return [
        item
        for item in SETTINGS
        if item.key and (host.release >= item.since or first >= item.since)
    ]


def _config_set(host, name, arguments):
    parser = _Parser(name)
    for item in _settings(host):
        parser.add_argument(item.option, dest=item.key)
    given = {
        key: text for key, text in vars(parser.parse_args(arguments)).items() if text is not None
    }
    kinds = {item.key: item for item in _settings(host)}
    values = {key: kinds[key].normal(text) for key, text in given.items()}
    text = host.read("region_config")
    host.write("region_config", formats.yaml_update(text, values), 0o640, "root:maas")
    return 0


def _config_get(host, name, arguments):
    parser = _Parser(name)
    for item in _settings(host):
        parser.add_argument(item.option, dest=item.key, action="store_true")
    for form in ("--yaml", "--json", "--plain"):
        parser.add_argument(form, action="store_true")
    args = vars(parser.parse_args(arguments))
    table = _settings(host)
    chosen = [item for item in table if args[item.key]]
    held = formats.yaml_read(host.read("region_config"))
    values = {item.key: held.get(item.key, item.default) for item in chosen}
    if args["plain"]:
        for value in values.values():
            say(value)
    else:
        say(
            json.dumps(values)
            if args["json"]
            else yaml.safe_dump(values, default_flow_style=False).rstrip()
        )
    return 0


def _config_reset(host, name, arguments):
    parser = _Parser(name)
    for item in _settings(host):
        parser.add_argument(item.option, dest=item.key, action="store_true")
    args = vars(parser.parse_args(arguments))
    gone = {key: None for key, chosen in args.items() if chosen}
    host.write("region_config", formats.yaml_update(host.read("region_config"), gone), 0o640)
    return 0


# maas-provision, maas-rack


def _cluster(host, name, arguments):
    commands = {}
    if host.release >= "1.7":
        commands["install-shared-secret"] = _install_secret
        if host.release < "3.4":
            commands["check-for-shared-secret"] = _check_secret
    if "1.7.1" <= host.release < "1.9":
        commands["configure-maas-url"] = _configure_url
    if host.release >= "1.9":
        commands["config"] = _cluster_config
    if host.release >= "2.0":
        commands["register"] = _register
    if not arguments or arguments[0] not in commands:
        say(f"usage: {name} [-h] {{{','.join(sorted(commands))}}} ...", sys.stderr)
        return 2
    return commands[arguments[0]](host, f"{name} {arguments[0]}", arguments[1:])


def _install_secret(host, name, arguments):
    if sys.stdin.isatty():
        text = input("Secret (hex/base16 encoded): ")
    else:
        text = sys.stdin.readline()
    return put_secret(host, text)


def put_secret(host, text):
    """Install a secret as the command does; returns the exit status."""
    try:
        binascii.unhexlify(text.strip())
    except (binascii.Error, ValueError) as error:
        say(f"Secret could not be decoded: {error}", sys.stderr)
        return 1
    host.write("secret", text.strip().lower(), 0o640, "root:root")
    say(f"Secret installed to /{host.fact('secret')}.")
    return 0


def _check_secret(host, name, arguments):
    there = bool(host.read("secret"))
    say(f"Shared-secret is {'' if there else 'NOT '}installed.")
    return 0 if there else 1


def _configure_url(host, name, arguments):
    parser = _Parser(name)
    parser.add_argument("url")
    url = parser.parse_args(arguments).url
    conf = formats.shell_set(host.read("cluster_config"), "MAAS_URL", url)
    host.write("cluster_config", conf, 0o640, "root:maas")
    host.write("pserv", formats.pserv_set_generator(host.read("pserv"), url), 0o644)
    return 0


def _cluster_config(host, name, arguments):
    parser = _Parser(name)
    several = bool(host.fact("several_region_urls"))
    parser.add_argument("--region-url", dest="maas_url", action="append" if several else "store")
    parser.add_argument("--tftp-port", dest="tftp_port", type=int)
    parser.add_argument("--tftp-root", dest="tftp_root")
    if host.release >= "2.4":
        parser.add_argument("--debug", type=lambda text: text == "true")
    if host.fact("has_cluster_uuid"):
        parser.add_argument("--uuid", dest="cluster_uuid")
        parser.add_argument("--init", action="store_true", default=None)
    given = {
        key: value for key, value in vars(parser.parse_args(arguments)).items() if value is not None
    }
    if given.pop("init", False) and not formats.yaml_read(host.read("cluster_config")).get(
        "cluster_uuid"
    ):
        given["cluster_uuid"] = str(uuids.uuid4())
    if isinstance(given.get("maas_url"), list) and len(given["maas_url"]) == 1:
        given["maas_url"] = given["maas_url"][0]
    text = formats.yaml_update(host.read("cluster_config"), given)
    host.write("cluster_config", text, 0o640, "root:maas")
    return 0


def _register(host, name, arguments):
    parser = _Parser(name)
    parser.add_argument("--url")
    parser.add_argument("--secret")
    args = parser.parse_args(arguments)
    if not args.url:
        say("You must provide the region's URL with --url.", sys.stderr)
        return 1
    daemon = host.fact("cluster_services")[0]
    host.set_service(daemon, running=False)
    if host.read("maas_id") is not None:
        os.unlink(host.path("maas_id"))
    text = args.secret or sys.stdin.readline()
    if put_secret(host, text):
        return 1
    host.write(
        "cluster_config", formats.yaml_update(host.read("cluster_config"), {"maas_url": args.url})
    )
    host.set_service(daemon, running=True)
    return 0


# maas


def _maas(host, name, arguments):
    """The ``maas`` command: its client's part, a snap's own commands, and the region's."""
    command, *rest = arguments or ["--help"]
    if command in commands_cli.COMMANDS:
        return commands_cli.COMMANDS[command](host, rest)
    if host.kind == "snap" and command in commands_region.SNAP:
        return commands_region.SNAP[command](host, f"{name} {command}", rest)
    if "region" in host.roles and host.release >= "2.0":
        return _region(host, name, [command.replace("config-", "config_"), *rest])
    say("usage: maas [-h] COMMAND ...", sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
