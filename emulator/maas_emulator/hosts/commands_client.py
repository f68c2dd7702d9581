"""The fake ``maas``: its client's part, a snap's own commands, and the region's."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

from maas_emulator.hosts.asking import parser, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox


def run(host: Sandbox, name: str, arguments: list[str]) -> int:
    """Run one of its commands; return the exit status."""
    command, *words = arguments or ["--help"]
    if command in _CLIENT:
        return _CLIENT[command](host, words) or 0
    if host.kind == "snap":
        from maas_emulator.hosts import commands_snap

        if command in commands_snap.COMMANDS:
            return commands_snap.COMMANDS[command](host, f"{name} {command}", words) or 0
    if "region" in host.roles and host.release >= "2.0":
        from maas_emulator.hosts import commands_region

        return commands_region.run(host, name, [command.replace("config-", "config_"), *words])
    say("usage: maas [-h] COMMAND ...", sys.stderr)
    return 2


# Log in to a region, list, refresh, log out


@contextlib.contextmanager
def _profiles(host):
    home = os.environ.get("HOME", "")
    if not home.startswith(host.root):
        home = host.path("root")
    if host.kind == "snap":  # snapd gives each snap's commands a home of their own
        home = os.path.join(home, "snap/maas/current")
    os.makedirs(home, exist_ok=True)
    path = os.path.join(home, ".maascli.db")
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS profiles "
            "(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB)"
        )
        yield database, home


def _fetch(url, key=None):
    """GET JSON of the region; raises HTTPError and URLError."""
    import urllib.request

    headers = {}
    if key:
        consumer, token, secret = key
        headers["Authorization"] = (
            'OAuth realm="", oauth_version="1.0", oauth_signature_method="PLAINTEXT", '
            f'oauth_consumer_key="{consumer}", oauth_token="{token}", '
            f'oauth_signature="%26{secret}", oauth_nonce="{os.urandom(8).hex()}", '
            f'oauth_timestamp="{int(time.time())}"'
        )
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def _login(host, arguments):
    import urllib.error

    options = parser("maas login")
    options.add_argument("profile")
    options.add_argument("url")
    options.add_argument("key", nargs="?", default="-")
    options.add_argument("-k", "--insecure", action="store_true")
    if host.release >= "3.2":
        options.add_argument("--cacerts")
    args = options.parse_args(arguments)
    text = sys.stdin.readline().strip() if args.key == "-" else args.key
    url = args.url
    if "/api/" not in url:
        url = f"{url.rstrip('/')}/api/{host.release.api}/"
    credentials = text.split(":") if text else None
    try:
        description = _fetch(f"{url}describe/")
        if credentials and host.release >= "1.7":
            asked = "users/?op=whoami" if host.release >= "2.0" else "zones/"
            _fetch(url + asked, credentials)
    except urllib.error.HTTPError as error:
        refused = error.code == 401
        message = "The MAAS server rejected your API key." if refused else f"{error.code} {url}"
        say(message, sys.stderr)
        return 1
    except OSError as error:
        say(f"{url}: {getattr(error, 'reason', error)}", sys.stderr)
        return 1
    data = {
        "name": args.profile,
        "url": url,
        "credentials": credentials,
        "description": description,
    }
    with _profiles(host) as (database, home):
        if getattr(args, "cacerts", None):
            import shutil

            folder = os.path.join(home, ".maascli.certs")
            os.makedirs(folder, exist_ok=True)
            data["cacerts"] = os.path.join(folder, f"{args.profile}.pem")
            shutil.copyfile(args.cacerts, data["cacerts"])
        database.execute(
            "INSERT OR REPLACE INTO profiles (name, data) VALUES (?, ?)",
            (args.profile, json.dumps(data)),
        )
    return 0


def _list(host, arguments):
    with _profiles(host) as (database, _):
        for name, data in database.execute("SELECT name, data FROM profiles ORDER BY name"):
            profile = json.loads(data)
            say(f"{name} {profile['url']} {':'.join(profile['credentials'] or ['anonymous'])}")
    return 0


def _logout(host, arguments):
    if not arguments:
        say("usage: maas logout [-h] profile-name", sys.stderr)
        return 2
    with _profiles(host) as (database, _):
        database.execute("DELETE FROM profiles WHERE name = ?", arguments[:1])
    return 0


def _refresh(host, arguments):
    with _profiles(host) as (database, _):
        for name, data in database.execute("SELECT name, data FROM profiles").fetchall():
            profile = json.loads(data)
            profile["description"] = _fetch(f"{profile['url']}describe/")
            database.execute(
                "UPDATE profiles SET data = ? WHERE name = ?", (json.dumps(profile), name)
            )
    return 0


_CLIENT = {"login": _login, "list": _list, "logout": _logout, "refresh": _refresh}
