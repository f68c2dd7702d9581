"""Where 1.5 and 1.6 tell how their broker is reached: the region's celery, and txlongpoll.yaml."""

from __future__ import annotations

import ast
import re

from saltext.maas.host.errors import HostError
from saltext.maas.host.formats.flat_yaml import yaml_read
from saltext.maas.host.formats.python import assignments

# maas_local_celeryconfig.py: BROKER_URL = 'amqp://maas_workers:PASSWORD@HOST:5672//maas_workers'

_AMQP = re.compile(r"(amqp://[^:@/\s]*:)([^@/\s]*)@(\[[^\]]*\]|[^:/@\s]*)")


def broker_url_read(text: str | None, name: str = "the file") -> dict:
    """``broker_workers_host`` and ``broker_workers_password`` of BROKER_URL."""
    for target, node in assignments(text, name):
        if target == "BROKER_URL" and isinstance(node, ast.Constant):
            found = _AMQP.match(str(node.value))
            if found:
                return {
                    "broker_workers_password": found.group(2),
                    "broker_workers_host": found.group(3).strip("[]"),
                }
    return {}


def broker_url_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set host or password of BROKER_URL in single quotes, as the package's own edits expect.

    Raises:
        HostError: There is no BROKER_URL of the known form.
    """
    now = broker_url_read(text, name)
    if not now:
        raise HostError(f"{name} has no BROKER_URL of the form amqp://USER:PASSWORD@HOST.")
    then = {**now, **changes}
    host = then["broker_workers_host"]
    host = f"[{host}]" if ":" in host else host

    def line(found):
        new = f"{then['broker_workers_password']}@{host}"
        url = _AMQP.sub(lambda parts: parts.group(1) + new, found.group(2))
        return f"BROKER_URL = '{url}'"

    return re.sub(r"^BROKER_URL\s*=\s*(['\"])(.*)\1\s*$", line, text, flags=re.MULTILINE)


# txlongpoll.yaml: a section broker with host and password

_LONGPOLL_KEYS = {"broker_host": "host", "broker_longpoll_password": "password"}


def longpoll_read(text: str | None, name: str = "the file") -> dict:
    """``broker_host`` and ``broker_longpoll_password`` of the section ``broker``."""
    section = yaml_read(text, name).get("broker")
    section = section if isinstance(section, dict) else {}
    return {
        ours: section[key] for ours, key in _LONGPOLL_KEYS.items() if section.get(key) is not None
    }


def longpoll_update(text: str | None, changes: dict, name: str = "the file") -> str:
    """Set them in double quotes behind two spaces, as the package's own edits expect.

    Raises:
        HostError: There is no section ``broker``.
    """
    found = re.search(
        r"^broker:[ \t]*(?:#.*)?\n((?:[ \t]+.*\n|[ \t]*\n|#.*\n)*)", text or "", re.MULTILINE
    )
    if not found:
        raise HostError(f"{name} has no section broker.")
    section = found.group(1)
    for ours, value in changes.items():
        key = _LONGPOLL_KEYS[ours]
        line = f'  {key}: "{value}"'
        pattern = re.compile(rf"^[ \t]+{key}:.*$", re.MULTILINE)
        if pattern.search(section):
            section = pattern.sub(lambda _, line=line: line, section, count=1)
        else:
            section = f"{line}\n{section}"
    return text[: found.start(1)] + section + text[found.end(1) :]
