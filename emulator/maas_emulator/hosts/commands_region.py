"""The fake ``maas-region-admin`` of 1.x and ``maas-region`` of 2.0 and later.

TLS, Vault and the database are the real ones: what MAAS would write to PostgreSQL
or Vault is written there.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
import types

from maas_emulator.hosts import database, formats, layout, migrations, msm
from maas_emulator.hosts.asking import CommandError, ask_region, parser, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


def run(host: Sandbox, name: str, arguments: list[str]) -> int:
    """Run one of its commands; return the exit status."""
    command, *words = arguments or [""]
    known, since, until = _COMMANDS.get(command, (None, "1.5", None))
    try:
        if known is None or host.release < since or (until and host.release >= until):
            say(f"Unknown command: {command!r}", sys.stderr)
            return 1
        return known(host, f"{name} {command}", words) or 0
    except CommandError as error:
        label = "Error" if host.release < "2.0" else "CommandError"
        say(f"{label}: {error}", sys.stderr)
        return 1


# Users and their keys


def _createadmin(host, name, arguments):
    options = parser(name)
    for option in ("--username", "--password", "--email"):
        options.add_argument(option)
    if host.release >= "2.1":
        options.add_argument("--ssh-import")
    args = options.parse_args(arguments)
    asks = host.release >= "1.7"
    if not asks and args.username is None:
        raise CommandError("You must provide a username with --username.")
    complete = None not in (args.username, args.password, args.email)
    username = _prompt("Username: ") if args.username is None else args.username
    password = _new_password() if args.password is None else args.password
    if not asks and args.email is None:
        raise CommandError("You must provide an email with --email.")
    email = _prompt("Email: ") if args.email is None else args.email
    if host.release >= "2.1" and not complete and args.ssh_import is None:
        _prompt("Import SSH keys [] (lp:user-id or gh:user-id): ")
    if not username or not email:
        raise CommandError(f"You must input {'an email' if username else 'a username'}.")
    given = {"username": username, "password": password, "email": email}
    field = (ask_region(host, "createadmin", **given) or {}).get("duplicate")
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
            raise CommandError("Passwords do not match")
        if not first:
            raise CommandError("Passwords cannot be empty")
        return first


def _apikey(host, name, arguments):
    options = parser(name)
    options.add_argument("--username")
    options.add_argument("--generate", action="store_true")
    options.add_argument("--delete")
    if host.release >= "2.1":
        options.add_argument("--name")
        options.add_argument("--with-names", action="store_true")
        options.add_argument("--update")
    args = options.parse_args(arguments)
    if args.username is None:
        raise CommandError("You must provide a username with --username.")
    if args.generate and args.delete:
        raise CommandError("Specify one of --generate or --delete.")
    label, update = getattr(args, "name", None), getattr(args, "update", None)
    action = "generate" if args.generate else "delete" if args.delete else "list"
    action = "rename" if update else action
    answer = ask_region(
        host, "apikey", username=args.username, action=action, key=args.delete or update, name=label
    )
    if answer is None:
        raise CommandError("User does not exist.")
    if action in ("delete", "rename"):
        if not (answer.get("deleted") or answer.get("renamed")):
            raise CommandError("No matching api key found.")
        return
    for title, text in answer["keys"]:
        say(f"{text} {title}" if getattr(args, "with_names", False) else text)


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


def _changepasswords(host, name, arguments):
    if arguments:
        with open(arguments[0], encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    else:
        lines = sys.stdin.read().splitlines()
    pairs = [line.partition(":") for line in lines]
    for username, separator, _ in pairs:
        if not separator:
            raise CommandError(
                "Invalid input provided. Format is 'username:password', one per line."
            )
        if ask_region(host, "apikey", username=username) is None:
            raise CommandError(f"User '{username}' does not exist.")
    ask_region(host, "changepassword", passwords=[[user, text] for user, _, text in pairs])
    say(f"{len(pairs)} password(s) successfully changed.")


# regiond.conf


def _options(host, name, action):
    options, keys = parser(name), layout.of_release(layout.REGION_KEYS, host.release)
    for key in keys:
        options.add_argument(f"--{key.replace('_', '-')}", dest=key, action=action)
    return options, keys


def _config_set(host, name, arguments):
    options, keys = _options(host, name, "store")
    given = vars(options.parse_args(arguments))
    changes = {key: _typed(key, text, keys[key]) for key, text in given.items() if text is not None}
    host.edit_yaml("region_config", changes)


def _typed(key, text, default):
    """A value as MAAS stores it."""
    try:
        if isinstance(default, bool):
            return _BOOLEANS[text.strip().lower()]
        if isinstance(default, int):
            return int(text)
        return formats.check_url(text) if key == "maas_url" else text
    except KeyError:
        message = "Value should be 'true' or 'false'"
    except ValueError as error:
        message = str(error).rstrip(".") if key == "maas_url" else "Please enter an integer value"
    raise CommandError(f"{key.replace('_', '-')}: {message}.")


def _config_get(host, name, arguments):
    options, keys = _options(host, name, "store_true")
    for form in ("yaml", "json", "plain"):
        options.add_argument(f"--{form}", dest="form", action="store_const", const=form)
    args = vars(options.parse_args(arguments))
    held = formats.read_yaml(host.read("region_config"))
    if host.release < "2.6":  # it reads booleans of the file back as words
        words = {key: str(new).lower() for key, new in held.items() if isinstance(new, bool)}
        held.update(words)
    values = {key: held.get(key, keys[key]) for key in keys if args[key]}
    if args["form"] == "plain":
        for value in values.values():
            say(value)
    elif args["form"] == "json":
        say(json.dumps(values))
    else:
        say(formats.write_yaml(values), end="")


def _config_reset(host, name, arguments):
    options, _ = _options(host, name, "store_true")
    args = vars(options.parse_args(arguments))
    host.edit_yaml("region_config", {key: None for key, chosen in args.items() if chosen})


# config-tls


def _ask_yes(question):
    say(question, end="")
    return sys.stdin.readline().strip().lower() == "y"


def _config_tls(host, name, arguments):
    options = parser(name)
    verbs = options.add_subparsers(dest="command", required=True)
    verbs.add_parser("disable")
    enable = verbs.add_parser("enable")
    enable.add_argument("key", type=argparse.FileType())
    enable.add_argument("cert", type=argparse.FileType())
    enable.add_argument("--cacert", type=argparse.FileType())
    enable.add_argument("-p", "--port", type=int, default=5443)
    enable.add_argument("--yes", action="store_true")
    args = options.parse_args(arguments)
    tls, port = None, None
    if args.command == "enable":
        question = "With TLS the UI and the API are gone from HTTP, proceed? (y/n): "
        if not args.yes and not _ask_yes(question):
            return
        chain = args.cacert.read() if args.cacert else ""
        tls = {"key": args.key.read(), "cert": args.cert.read(), "cacert": chain}
        port = args.port
    with database.transaction(host) as cursor:
        if host.release >= "3.3":
            database.set_secret(cursor, "global/tls", tls)
        else:
            for part in ("key", "cert", "cacert"):
                database.set_setting(cursor, f"tls_{part}", tls[part] if tls else None)
        database.set_setting(cursor, "tls_port", port)


# config-vault


def _config_vault(host, name, arguments):
    options = parser(name)
    verbs = options.add_subparsers(dest="command", required=True)
    verbs.add_parser("status")
    verbs.add_parser("migrate")
    configure = verbs.add_parser("configure")
    for word in ("url", "role_id", "wrapped_token", "secrets_path"):
        configure.add_argument(word)
    configure.add_argument("--mount", default="secret")
    configure.add_argument("--yes", action="store_true")
    args = vars(options.parse_args(arguments))
    _VAULT[args.pop("command")](host, **args)


def _vault_request(method, url, token=None, body=None):
    import urllib.error
    import urllib.request

    headers = {"X-Vault-Token": token} if token else {}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        error.close()
        raise CommandError(f"Unable to unwrap Secret ID ({error.code})") from None
    except OSError:
        raise CommandError("Vault request failed") from None


def _vault_configure(host, url, role_id, wrapped_token, secrets_path, mount="secret", yes=False):
    answer = _vault_request("POST", f"{url}/v1/sys/wrapping/unwrap", wrapped_token)
    host.edit_yaml("region_config", {
        "vault_url": url,
        "vault_approle_id": role_id,
        "vault_secret_id": answer["data"]["secret_id"],
        "vault_secrets_path": secrets_path.rstrip("/"),
        "vault_secrets_mount": mount.rstrip("/"),
    })  # fmt: skip
    say("Vault is configured for the region.")


def _vault_configured(host):
    return "vault_url" in formats.read_yaml(host.read("region_config"))


def _vault_status(host):
    with database.transaction(host) as cursor:
        enabled = database.setting(cursor, "vault_enabled") is True
    report: dict = {"status": "enabled" if enabled else "disabled"}
    if not enabled:
        report["unconfigured_regions"] = [] if _vault_configured(host) else [host.info["hostname"]]
    say(formats.write_yaml(report))


def _vault_migrate(host):
    here = formats.read_yaml(host.read("region_config"))
    with database.transaction(host) as cursor:
        if database.setting(cursor, "vault_enabled"):
            raise CommandError("Secrets are already migrated to Vault.")
        if "vault_url" not in here:
            raise CommandError("Vault is not configured for the current region.")
        login = {"role_id": here["vault_approle_id"], "secret_id": here["vault_secret_id"]}
        base = f"{here['vault_url']}/v1"
        answer = _vault_request("POST", f"{base}/auth/approle/login", body=login)
        token = answer["auth"]["client_token"]
        below = f"{base}/{here['vault_secrets_mount']}/data/{here['vault_secrets_path']}"
        for path, value in database.secrets(cursor).items():
            _vault_request("POST", f"{below}/{path}", token, {"data": value})
            statement = "INSERT INTO maasserver_vaultsecret (path, deleted) VALUES (%s, false)"
            cursor.execute(statement, [path])
            database.set_secret(cursor, path, None)
        database.set_setting(cursor, "vault_enabled", True)
    say("Successfully migrated cluster secrets to Vault")


_VAULT: dict = {"status": _vault_status, "migrate": _vault_migrate, "configure": _vault_configure}


def _shell(host, name, arguments):
    """Run the program on the standard input, as Django's ``shell`` does."""

    def call_command(command, verb, *words, **more):
        if command == "msm":
            return msm.run(host, "msm", [verb, *words])
        if command != "config_vault":
            raise CommandError(f"Unknown command: {command!r}")
        return _VAULT[verb](host, *words, **more)

    management = types.ModuleType("django.core.management")
    management.__dict__.update(call_command=call_command)
    for part in ("django", "django.core"):
        sys.modules.setdefault(part, types.ModuleType(part))
    sys.modules["django.core.management"] = management
    exec(sys.stdin.read(), {})  # nosec B102 # (what this command is for)


def _migrate(host, name, arguments):
    """The emulated region makes its tables by itself; what was migrated is written down."""
    migrations.apply(host, next((word for word in arguments if word[0] != "-"), None))


#: Command: function, since, until (excluded).
_COMMANDS = {
    "createadmin": (_createadmin, "1.5", None),
    "apikey": (_apikey, "1.5", None),
    "changepassword": (_changepassword, "1.5", None),
    "changepasswords": (_changepasswords, "1.9", None),
    "local_config_set": (_config_set, "1.9", None),
    "local_config_get": (_config_get, "1.9", None),
    "local_config_reset": (_config_reset, "1.9", None),
    "config_tls": (_config_tls, "3.2", None),
    "config_vault": (_config_vault, "3.3", None),
    "msm": (msm.run, "3.6", None),
    "shell": (_shell, "1.5", None),
    "syncdb": (_migrate, "1.5", "1.10"),
    "migrate": (_migrate, "1.5", "1.10"),
    "dbupgrade": (_migrate, "1.10", None),
}
