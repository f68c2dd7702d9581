"""The log of a cluster or rack: a file, or the journal from 3.5 on."""

from __future__ import annotations

import json
import os
import time

from saltext.maas.host import paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_TAIL = 512 * 1024  # bytes of a log that are read


def mark(installation: Installation) -> str:
    """Return where the log ends now, for someone to look only at what comes after."""
    if installation.has("cluster_log"):
        try:
            return f"bytes:{os.stat(installation.path('cluster_log')).st_size}"
        except OSError:
            return "bytes:0"
    return f"time:{time.time():.3f}"


def lines(installation: Installation, since: str | None = None) -> list[str]:
    """Return the lines of the cluster's or rack's log, as text.

    From 3.8 on lines are objects of JSON by default, of which the message is taken.

    Args:
        since: From :func:`mark`; without it the log's last part.
    """
    kind, _, place = (since or "").partition(":")
    if installation.has("cluster_log"):
        return _file_lines(installation.path("cluster_log"), int(place) if kind == "bytes" else 0)
    argv = ["journalctl", "--no-pager", "-o", "cat", *installation.fact("cluster_journal")]
    argv += ["--since", f"@{place}"] if kind == "time" else ["-n", "2000"]
    return [text for line in installation.check(argv).splitlines() for text in _texts(line)]


def _texts(line):
    """A line's text: one of JSON holds a message, which may be of several lines."""
    if line.startswith("{"):
        try:
            message = json.loads(line).get("message")
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, str):
            return message.splitlines()
    return [line]


def _file_lines(path, start):
    try:
        with open(paths.open_file(path), "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            start = 0 if start > size else start  # it was rotated
            stream.seek(max(start, size - _TAIL))
            return stream.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}.") from None
