"""The fake command ``msm`` of a region of 3.6 and later, and the Site Manager behind it.

What Site Manager does is up to ``decide``; nothing leaves the host.  As in MAAS the token is an
argument, and a workflow that was cancelled still answers what it was.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import json
import time
from urllib.parse import urlsplit

from maas_emulator.hosts import database
from maas_emulator.hosts.asking import CommandError, parser, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_ENROL, _HEARTBEAT = "msm-enrol-site:region", "msm-heartbeat:region"
#: States of a workflow in Temporal's tables.
_RUNNING, _COMPLETED = 2, 3
_SECRET = "global/msm-connector"


def decide(host: Sandbox, decision: str) -> None:
    """Let Site Manager answer a request: ``approve`` or ``refuse``; or ``remove`` the region."""
    with _kept(host) as kept:
        if decision == "remove":
            _end(kept, _HEARTBEAT, running=False)
            return
        _end(kept, _ENROL, pending=False)
        if decision == "approve":
            kept["secret"]["rotation_interval_minutes"] = 60
            kept["workflows"][_HEARTBEAT] = {"state": _RUNNING, "running": True, "since": _now()}


def _now():
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _end(kept, name, **more):
    if name in kept["workflows"]:
        kept["workflows"][name].update(state=_COMPLETED, **more)


@contextlib.contextmanager
def _kept(host):
    """What the region keeps of it, written to its database as well where there is one."""
    with host.state("msm") as kept:
        kept.setdefault("secret", None)
        kept.setdefault("workflows", {})
        before = json.dumps(kept)
        yield kept
        if json.dumps(kept) != before:
            _to_database(host, kept)


def _to_database(host, kept):
    import psycopg2

    with contextlib.suppress(psycopg2.Error), database.transaction(host) as cursor:
        database.set_secret(cursor, _SECRET, kept["secret"])
        for name, workflow in kept["workflows"].items():
            cursor.execute("DELETE FROM temporal.current_executions WHERE workflow_id = %s", [name])
            cursor.execute(
                "INSERT INTO temporal.current_executions (shard_id, namespace_id, workflow_id, "
                "run_id, create_request_id, state, status, start_version, last_write_version) "
                "VALUES (1, '', %s, '', '', %s, 1, 0, 0)",
                [name, workflow["state"]],
            )


def run(host: Sandbox, name: str, arguments: list[str]) -> None:
    """Run ``msm enrol|status|withdraw``.

    Raises:
        CommandError: What MAAS complains about.
    """
    options = parser(name)
    verbs = options.add_subparsers(dest="command", required=True)
    enrol = verbs.add_parser("enrol")
    enrol.add_argument("--yes", action="store_true")
    enrol.add_argument("token")
    enrol.add_argument("config", nargs="?", type=argparse.FileType())
    for verb in ("status", "withdraw"):
        verbs.add_parser(verb)
    args = options.parse_args(arguments)
    if args.command == "status":
        say(_status(host))
    elif args.command == "withdraw":
        _withdraw(host)
    else:
        _enrol(host, args)


def _claims(token, release):
    dot = "" if release >= "3.8" else "."
    wrong = "Invalid enrolment token format" if release >= "3.8" else "Invalid enrolment token."
    try:
        head, body, _ = token.split(".")
        json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if claims.get("exp", time.time()) < time.time():
            raise CommandError(f"Enrolment token is expired{dot}")
    except (ValueError, binascii.Error, AttributeError):
        raise CommandError(wrong) from None
    return claims


def _enrol(host, args):
    import yaml

    claims = _claims(args.token, host.release)
    config = args.config.read() if args.config else ""
    if config:
        given = yaml.safe_load(config)
        if not isinstance(given, dict) or set(given) != {"metadata"}:
            raise CommandError("Invalid config file: 'metadata' is a required property")
    if not args.yes:
        raise CommandError("it would ask here")
    if claims.get("aud") not in ("site", ["site"]):
        raise CommandError(f"invalid audience: expected site, got {claims.get('aud')}")
    url = claims["service-url"].removesuffix("/")
    site = urlsplit(url).hostname
    with _kept(host) as kept:
        if _means(kept) == "pending":
            raise CommandError("This site is already pending approval")
        if _means(kept) == "connected":
            raise CommandError("This site is already enroled to a Site Manager instance")
        kept["secret"] = {"url": url, "jwt": args.token, "rotation_interval_minutes": 0}
        kept["workflows"] = {_ENROL: {"state": _RUNNING, "pending": True, "since": _now()}}
        kept["metadata"] = config
    say(f"An enrolment request for {host.info['hostname']} has been sent to {site} successfully.")


def _means(kept):
    workflows = kept["workflows"]
    if kept["secret"] is None:
        return "none"
    if workflows.get(_ENROL, {}).get("pending"):
        return "pending"
    return "connected" if workflows.get(_HEARTBEAT, {}).get("running") else "over"


def _status(host):
    with _kept(host) as kept:
        means, workflows = _means(kept), kept["workflows"]
        site = urlsplit(kept["secret"]["url"]).hostname if kept["secret"] else None
    if means == "none":
        return "No enrolment is in progress"
    if means == "pending":
        return f"Enrolment with {site} is pending approval as of {workflows[_ENROL]['since']}"
    if means == "connected":
        return f"Enroled with {site} as of {workflows[_HEARTBEAT]['since']}"
    return f"This MAAS has been enroled with {site} but is no longer connected"


def _withdraw(host):
    with _kept(host) as kept:
        _end(kept, _ENROL)
        if host.release >= "3.8":
            _end(kept, _HEARTBEAT)
