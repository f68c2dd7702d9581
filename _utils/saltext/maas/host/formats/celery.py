"""The cluster's uuid in maas_local_celeryconfig_cluster.py."""

from __future__ import annotations

import re

_CELERY_UUID = re.compile(r"^CLUSTER_UUID\s*=\s*['\"]([^'\"]*)['\"].*$", re.MULTILINE)


def celery_uuid(text: str | None) -> str | None:
    """The cluster's uuid in its celery configuration, or None."""
    found = _CELERY_UUID.search(text or "")
    return found.group(1) or None if found else None


def celery_set_uuid(text: str | None, uuid: str) -> str:
    """Set that uuid."""
    line = f"CLUSTER_UUID = '{uuid}'"
    if _CELERY_UUID.search(text or ""):
        return _CELERY_UUID.sub(lambda _: line, text)
    return f"{text or ''}{line}\n"
