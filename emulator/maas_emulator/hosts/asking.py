"""What the fake commands have in common: output, errors, and how they ask the emulated region."""

from __future__ import annotations

import argparse
import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from maas_emulator.hosts.sandbox import Sandbox


class CommandError(Exception):
    """What a command complains about in one line, with exit status 1."""


def say(text: object = "", stream: TextIO | None = None, end: str = "\n") -> None:
    """Print a text at once."""
    stream = stream or sys.stdout
    stream.write(f"{text}{end}")
    stream.flush()


def parser(name: str) -> argparse.ArgumentParser:
    """Return a parser that takes options by their whole names."""
    return argparse.ArgumentParser(prog=name, allow_abbrev=False)


def ask_region(host: Sandbox, verb: str, **payload) -> dict | None:
    """Call the emulated region; returns its answer, or None where it knows no such user.

    Raises:
        SystemExit: It is not there, as when MAAS's database is not.
    """
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    url = host.info.get("url")
    if not url:
        raise SystemExit(
            "OperationalError: no embedded region runs for this host; start one with: "
            "python -m maas_emulator --hosts FOLDER"
        )
    # Inside of a container the region knows the host's root by another path.
    payload["root"] = host.info.get("outside") or host.root
    payload["token"] = (host.read("emulator.token") or "").strip()
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        body, headers = json.dumps(payload), {"Content-Type": "application/json"}
        connection.request("POST", f"{parts.path}/{verb}", body, headers)
        answer = connection.getresponse()
        data = json.loads(answer.read())
    except (OSError, ValueError, HTTPException):
        # As when PostgreSQL is not there.
        raise SystemExit("OperationalError: could not connect to server") from None
    finally:
        connection.close()
    if answer.status < 400:
        return data
    if data.get("error") == "unknown":
        return None
    raise SystemExit(f"OperationalError: {data.get('error')}")
