"""Stand-ins for what a region's command does since 3.2, and for the snap's own commands.

TLS, Vault and the database are the real ones: what MAAS would write to PostgreSQL
or Vault is written there.
"""

from __future__ import annotations

import argparse
import json
import sys
import types
from urllib.parse import unquote, urlsplit

import yaml
from saltext.maas.host import database, formats
from saltext.maas.host.installation import detect
from saltext.maas.host.region_config import read_config


def say(text="", file=None, end="\n"):
    """Print a line."""
    stream = file or sys.stdout
    stream.write(text + end)
    stream.flush()


class CommandError(Exception):
    """What Django's commands report in one line, with exit status 1."""


def commands(host) -> dict:
    """The subcommands of ``maas-region`` that this release has beside the old ones."""
    found = {}
    if host.release >= "2.0":
        found["shell"] = _shell
    if host.release >= "3.2":
        found["config_tls"] = _config_tls
    if host.release >= "3.3":
        found["config_vault"] = _config_vault
    return found


def _parser(name):
    return argparse.ArgumentParser(prog=name, allow_abbrev=False)


def _connected(host):
    return database.connect(read_config(detect(host.root), secrets=True)["database"], write=True)


def _set_config(conn, name, value):
    with conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM maasserver_config WHERE name = %s", [name])
        if value is not None:
            statement = "INSERT INTO maasserver_config (name, value) VALUES (%s, %s)"
            cursor.execute(statement, [name, json.dumps(value)])


def _ask_yes(question):
    say(question, end="")
    return sys.stdin.readline().strip().lower() == "y"


# config-tls


def _config_tls(host, name, arguments):
    parser = _parser(name)
    verbs = parser.add_subparsers(dest="command", required=True)
    verbs.add_parser("disable")
    enable = verbs.add_parser("enable")
    enable.add_argument("key", type=argparse.FileType())
    enable.add_argument("cert", type=argparse.FileType())
    enable.add_argument("--cacert", type=argparse.FileType())
    enable.add_argument("-p", "--port", type=int, default=5443)
    args = parser.parse_args(arguments)
    tls, port = {}, None
    if args.command == "enable":
        if not _ask_yes(
            "Once TLS is enabled, MAAS is only accessible over HTTPS, proceed? (y/n): "
        ):
            return 0
        chain = args.cacert.read() if args.cacert else ""
        tls = {"key": args.key.read(), "cert": args.cert.read(), "cacert": chain}
        port = args.port
    with _connected(host) as conn:
        with conn, conn.cursor() as cursor:
            cursor.execute("DELETE FROM maasserver_secret WHERE path = 'global/tls'")
            if tls:
                statement = "INSERT INTO maasserver_secret (path, value) VALUES ('global/tls', %s)"
                cursor.execute(statement, [json.dumps(tls)])
        _set_config(conn, "tls_port", port)
    return 0


# config-vault


def _config_vault(host, name, arguments):
    parser = _parser(name)
    verbs = parser.add_subparsers(dest="command", required=True)
    verbs.add_parser("status")
    verbs.add_parser("migrate")
    configure = verbs.add_parser("configure")
    for word in ("url", "role_id", "wrapped_token", "secrets_path"):
        configure.add_argument(word)
    configure.add_argument("--mount", default="secret")
    configure.add_argument("--yes", action="store_true")
    args = vars(parser.parse_args(arguments))
    return {"status": _vault_status, "migrate": _vault_migrate, "configure": _vault_configure}[
        args.pop("command")
    ](host, **args)


def _vault_request(method, url, token=None, body=None):
    import requests

    headers = {"X-Vault-Token": token} if token else {}
    with requests.Session() as http:
        http.trust_env = False
        try:
            answer = http.request(method, url, json=body, headers=headers, timeout=10)
        except requests.RequestException:
            raise CommandError("Vault request failed") from None
    if answer.status_code >= 400:
        raise CommandError(f"Unable to unwrap Secret ID ({answer.status_code})")
    return answer.json() if answer.content else {}


def _vault_configure(host, url, role_id, wrapped_token, secrets_path, mount="secret", yes=False):
    told = _vault_request("POST", f"{url}/v1/sys/wrapping/unwrap", wrapped_token)
    values = {
        "vault_url": url,
        "vault_approle_id": role_id,
        "vault_secret_id": told["data"]["secret_id"],
        "vault_secrets_path": secrets_path.rstrip("/"),
        "vault_secrets_mount": mount.rstrip("/"),
    }
    host.write("region_config", formats.yaml_update(host.read("region_config"), values), 0o640)
    say("Vault successfully configured for the region!")
    return 0


def _vault_enabled(conn):
    return database.vault_enabled(conn)


def _vault_status(host):
    with _connected(host) as conn:
        enabled = _vault_enabled(conn)
    report = {"status": "enabled" if enabled else "disabled"}
    if not enabled:
        configured = "vault_url" in formats.yaml_read(host.read("region_config"))
        report["unconfigured_regions"] = [] if configured else [host.info["hostname"]]
    say(yaml.safe_dump(report), end="")
    return 0


def _vault_migrate(host):
    here = formats.yaml_read(host.read("region_config"))
    if "vault_url" not in here:
        raise CommandError("Vault is not configured for the current region.")
    with _connected(host) as conn:
        if _vault_enabled(conn):
            raise CommandError("Secrets are already migrated to Vault.")
        login = {"role_id": here["vault_approle_id"], "secret_id": here["vault_secret_id"]}
        base = f"{here['vault_url']}/v1"
        told = _vault_request("POST", f"{base}/auth/approle/login", body=login)
        token = told["auth"]["client_token"]
        below = f"{base}/{here['vault_secrets_mount']}/data/{here['vault_secrets_path']}"
        with conn, conn.cursor() as cursor:
            cursor.execute("SELECT path, value FROM maasserver_secret")
            for path, value in cursor.fetchall():
                _vault_request("POST", f"{below}/{path}", token, {"data": value})
                statement = "INSERT INTO maasserver_vaultsecret (path, deleted) VALUES (%s, false)"
                cursor.execute(statement, [path])
            cursor.execute("DELETE FROM maasserver_secret")
        _set_config(conn, "vault_enabled", True)
    say("Successfully migrated cluster secrets to Vault")
    return 0


def _shell(host, name, arguments):
    """Run the program on the standard input, as Django's ``shell`` does."""
    found = {"config_vault": lambda verb, *words, **more: _vault_configure(host, *words, **more)}

    def call_command(command, *words, **more):
        return found[command](*words, **more)

    management = types.ModuleType("django.core.management")
    management.call_command = call_command
    for part in ("django", "django.core"):
        sys.modules.setdefault(part, types.ModuleType(part))
    sys.modules["django.core.management"] = management
    exec(sys.stdin.read(), {})  # noqa: S102  (what this command is for)
    return 0


# The snap: maas init, config, status, migrate


def _mode(host):
    return (host.read(host.fact("snap_mode")) or "none").strip()


def _init(host, name, arguments):
    """``maas init MODE``, which asks for the database when it is not told."""
    parser = _parser(name)
    if host.release >= "2.8":
        parser.add_argument("mode", choices=("region+rack", "region", "rack"))
        parser.add_argument("--database-uri")
    else:
        parser.add_argument("--mode")
        for option in ("host", "port", "name", "user", "pass"):
            parser.add_argument(f"--database-{option}")
    parser.add_argument("--maas-url")
    parser.add_argument("--secret")
    parser.add_argument("--num-workers", type=int)
    parser.add_argument("--skip-admin", action="store_true")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args(arguments)
    if args.mode == "rack":
        return _init_rack(host, args.maas_url, args.secret)
    if host.release < "2.8":
        say("KeyError: 'database_host'", file=sys.stderr)  # it fails when it has to ask
        return 2
    given = {"maas_url": args.maas_url}
    uri = args.database_uri
    if uri is None:
        say("Database URI: ", end="")
        uri = sys.stdin.readline().strip()
    given.update(_from_uri(uri))
    if args.num_workers:
        given["num_workers"] = args.num_workers
    host.write("region_config", formats.yaml_update(None, given), 0o640)
    host.write("cluster_config", formats.yaml_update(None, {"maas_url": args.maas_url}), 0o640)
    host.write(host.fact("snap_mode"), args.mode)
    host.set_service("maas", running=True)
    return 0


def _init_rack(host, url, secret):
    if not secret:
        say("Secret: ", end="")
        secret = sys.stdin.readline().strip()
    host.write("secret", secret, 0o640, "root:root")
    host.write("cluster_config", formats.yaml_update(None, {"maas_url": url}), 0o640)
    host.write(host.fact("snap_mode"), "rack")
    host.set_service("maas", running=True)
    return 0


def _from_uri(uri):
    if not uri.startswith("postgres://"):
        raise CommandError("Database URI needs to be either 'maas-test-db:///' or start with "
                           "'postgres://'")  # fmt: skip
    import psycopg2.extensions

    parsed = psycopg2.extensions.parse_dsn(uri)
    keys = {"host": "host", "port": "port", "dbname": "name", "user": "user", "password": "pass"}
    found = {f"database_{keys[key]}": value for key, value in parsed.items()}
    if "database_port" in found:
        found["database_port"] = int(found["database_port"])
    assert unquote(urlsplit(uri).password or "") == parsed.get("password", "")
    return found


def _config(host, name, arguments):
    """``maas config --show --parsable``, and the few options that change something."""
    parser = _parser(name)
    for option in ("show", "parsable", "show-database-password", "show-secret",
                   "enable-debug", "disable-debug"):  # fmt: skip
        parser.add_argument(f"--{option}", action="store_true")
    parser.add_argument("--maas-url")
    parser.add_argument("--num-workers", type=int)
    args = parser.parse_args(arguments)
    text = host.read("region_config")
    data = formats.yaml_read(text)
    new = {"maas_url": args.maas_url, "num_workers": args.num_workers}
    if args.enable_debug or args.disable_debug:
        new["debug"] = args.enable_debug
    new = {key: value for key, value in new.items() if value is not None}
    if new and not args.show:
        if any(data.get(key) != value for key, value in new.items()):
            host.write("region_config", formats.yaml_update(text, new))
            host.set_service("maas", running=True)
        return 0
    say(f"mode={_mode(host)}")
    shown = ["maas_url", "debug", "database_host", "database_port", "database_name",
             "database_user", "database_pass", "num_workers", "debug_queries"]  # fmt: skip
    for key in shown:
        if key in data or key.startswith("database") or key == "maas_url":
            hidden = key == "database_pass" and not args.show_database_password
            say(f"{key}={'(hidden)' if hidden else data.get(key)}")
    return 0


def _status(host, name, arguments):
    if _mode(host) == "none":
        say("MAAS is not configured")
        return 1
    say("regiond  RUNNING")
    return 0


SNAP = {
    "init": _init,
    "config": _config,
    "status": _status,
    "migrate": lambda host, name, arguments: 0,
}
